"""The order of the library: imports lead downwards, in no circle, and what a reader sits down to stays short."""

import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import infogan_lib

LIBRARY = Path(infogan_lib.__file__).parent
PLACES = ["core", "data", "training", "measure", "show", "course", "cli"]
RANK = {place: i for i, place in enumerate([*PLACES, "__init__", "__main__"])}
CORE_MAY_IMPORT = {"infogan_lib", "torch", *sys.stdlib_module_names}
LIMIT = 1_900  # lines of core and of the loop, together


def modules(library: Path) -> dict[str, Path]:
    """Name -> file of every module, such as data.faces.render; a package's __init__ has the package's name."""
    parts = {path: path.relative_to(library).with_suffix("").parts for path in library.rglob("*.py")}
    return {".".join(names[:-1] if names[1:] and names[-1] == "__init__" else names): p for p, names in parts.items()}


def imported(path: Path, known: set[str]) -> tuple[set[str], set[str]]:
    """(modules of the library, others) that a file imports, those for type checkers included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner.removeprefix("infogan_lib.") in known else node.module or "")
    ours = {name for name in names if name.split(".")[0] == "infogan_lib"}
    return {name.partition(".")[2] or "__init__" for name in ours}, names - ours


def reading_order(library: Path) -> list[str]:
    """The modules that core's docstring lists: indented, and parted from what they hold by spaces."""
    docstring = (
        ast.get_docstring(ast.parse((library / "core" / "__init__.py").read_text(encoding="utf-8")), clean=False) or ""
    )
    return [f"core.{name}" for name in re.findall(r"^ +(\w+)  ", docstring, re.MULTILINE)]


def faults(library: Path) -> list[str]:
    """What breaks the order, in a line each."""
    files = modules(library)
    imports = {name: imported(path, set(files)) for name, path in files.items()}
    rank = {name: RANK.get(name.split(".")[0], len(RANK)) for name in files}
    lines = [f"{name} is in no known place" for name in files if rank[name] == len(RANK)]

    order = reading_order(library)
    core = [name for name in files if name.startswith("core.")]
    if sorted(order) != sorted(core):
        lines.append(f"the docstring of core lists {order}, its modules are {sorted(core)}")

    for name, (ours, others) in imports.items():
        lines += [f"{name} imports {other}, which is not there" for other in ours - files.keys()]
        above = [other for other in ours & files.keys() if rank[other] > rank[name]]
        lines += [f"{name} imports {other} from above" for other in above]
        if name in order:
            later = [other for other in order[order.index(name) :] if other in ours]
            lines += [f"{name} imports {other}, which is read later" for other in later]
        if rank[name] == RANK["core"]:
            foreign = [other for other in others if other.split(".")[0] not in CORE_MAY_IMPORT]
            lines += [f"{name} imports {other}, which core may not" for other in foreign]
    try:
        TopologicalSorter({name: ours for name, (ours, _) in imports.items()}).prepare()
    except CycleError as error:
        lines.append("a circle: " + ", ".join(error.args[1]))
    return lines


def test_the_library_keeps_its_order():
    assert faults(LIBRARY) == []


def test_the_librarys_docstring_lists_the_places_from_the_top():
    assert re.findall(r"^    (\w+)  ", infogan_lib.__doc__, re.MULTILINE) == PLACES[::-1]


def test_readers_of_attributes_know_nothing_of_what_they_measure():
    files = modules(LIBRARY)
    for name in ("measure.readers", "measure.face_reader"):
        ours, _ = imported(files[name], set(files))
        assert not [one for one in ours if one.split(".")[0] == "training" or one.startswith("measure.metrics")]


def test_core_and_the_loop_are_short_enough_for_one_sitting():
    files = [*(LIBRARY / "core").glob("*.py"), LIBRARY / "training" / "loop.py"]
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert sum(lines.values()) < LIMIT, lines


SOUND = {
    "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from infogan_lib.training.loop import run",
    "__main__.py": "from infogan_lib import cli",
    "cli.py": "import numpy\nfrom infogan_lib.data import files, images",
    "core/__init__.py": '"""Read:\n\n    codes  one class a kind\n    model  G, D and Q\n"""',
    "core/codes.py": "import math\nimport torch.nn.functional as F",
    "core/model.py": "from infogan_lib.core import codes\nfrom torch import nn",
    "data/__init__.py": "from infogan_lib.data.images import Images",
    "data/files.py": "import numpy",
    "data/images.py": "from infogan_lib.core.codes import KINDS\nfrom infogan_lib.data import files",
    "training/__init__.py": "",
    "training/loop.py": "from infogan_lib.data import Images",
}


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("data/files.py", "import infogan_lib.training.loop", "data.files imports training.loop from above"),
        ("data/files.py", "def f():\n    from infogan_lib.cli import main", "data.files imports cli from above"),
        ("data/files.py", "from infogan_lib import Training", "data.files imports __init__ from above"),
        (
            "core/codes.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from infogan_lib.data import files",
            "core.codes imports data.files from above",
        ),
        ("core/codes.py", "from numpy import random", "core.codes imports numpy, which core may not"),
        ("core/codes.py", "from infogan_lib.core.model import G", "core.codes imports core.model, which is read later"),
        ("core/heads.py", "", "the docstring of core lists"),
        ("core/__init__.py", '"""    codes  one class a kind"""', "the docstring of core lists"),
        ("data/files.py", "from infogan_lib.data import Images", "a circle:"),
        ("data/files.py", "from infogan_lib.data.images import Images", "a circle:"),
        ("data/files.py", "import infogan_lib.data.old", "data.files imports data.old, which is not there"),
        ("plots.py", "", "plots is in no known place"),
        ("faces/render.py", "", "faces.render is in no known place"),
    ],
)
def test_what_breaks_the_order_is_found(file, source, fault, tmp_path):
    for name, text in SOUND.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert faults(tmp_path) == []
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source, encoding="utf-8")
    assert any(line.startswith(fault) for line in faults(tmp_path)), faults(tmp_path)
