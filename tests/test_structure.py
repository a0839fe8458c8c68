"""The library is a house of rooms: a room imports only from floors below its own."""

import ast
from pathlib import Path

import infogan_lib

HOUSE = Path(infogan_lib.__file__).parent
FLOORS = [
    {"codes", "files", "threads", "face_shapes", "devices", "interrupt", "copies"},
    {"face_render", "folders", "torchvision_data", "expectations", "progress"},
    {"faces"},
    {"data"},
    {"latent", "environment", "results", "run_folder", "toys", "readers", "plots"},
    {"information", "networks", "objectives", "probe", "face_reader", "face_sheets", "processes"},
    {"steps", "weights", "metrics", "rings", "directions"},
    {"training", "code_maps", "ring_game", "clinic", "effects", "arithmetic"},
    {"presets", "disentanglement", "pairing", "own", "clinic_charts", "clinic_faults"},
    {"clinic_ward"},
    {"cli", "exercises", "widgets"},
    {"__main__", "__init__"},
]
FLOOR = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}


def imported(path):
    """Rooms that a file imports, those for type checkers included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "infogan_lib":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]


def test_every_room_has_its_floor():
    rooms = {p.stem if p.parent == HOUSE else p.relative_to(HOUSE).parts[0] for p in HOUSE.rglob("*.py")}
    assert rooms == FLOOR.keys()


def test_imports_lead_downwards():
    for path in HOUSE.rglob("*.py"):
        room = path.stem if path.parent == HOUSE else path.relative_to(HOUSE).parts[0]
        for below in imported(path):
            inside = room == below and room in ("exercises", "widgets")
            assert inside or FLOOR[below] < FLOOR[room], f"{path.name} imports {below}"
