"""What notebook 03 writes is the library's; what it claims of the shipped GANs holds; its table can be made again."""

import sys
from pathlib import Path

import nbformat
import pytest
import torch

from infogan_lib import InfoGAN, LatentSpec, Noise, data
from infogan_lib.course import results
from infogan_lib.course.lessons import directions
from infogan_lib.measure import effects
from infogan_lib.measure.face_reader import face_attributes, face_reader
from infogan_lib.training import weights

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import notebooks as prices  # noqa: E402

WAYS = ("random", "number", "sefa", "labels")


def code_cells(name="03_entangled_noise"):
    cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    return [c for c in cells if c.cell_type == "code"]


@pytest.fixture(scope="module")
def notebook():
    """What the setup cell and the tagged cells define."""
    names = {"__name__": "notebook"}
    first, *rest = code_cells()
    for cell in [first, *(c for c in rest if "same-as-library" in c.metadata.get("tags", []))]:
        exec(cell.source, names)
    return names


def test_after_the_widget_comes_a_picture_for_those_who_see_none():
    shown = [
        [o.data.get("text/plain", "") for o in c.outputs if "image/png" in o.get("data", {})] for c in code_cells()
    ]
    (widget,) = [i for i, c in enumerate(code_cells()) if "LatentExplorer(" in c.source]
    assert any(shown[widget - 1]) and all(text for texts in shown for text in texts)


def test_effects_of_one_number_are_the_librarys(notebook):
    model = weights.load("mnist-control")
    plain = InfoGAN("mnist", LatentSpec(Noise(5), []))
    plain.generator[0] = torch.nn.Linear(5, model.generator[0].out_features)

    def read(images):
        return {"bright": images.mean((1, 2, 3)), "left": images[..., :14].mean((1, 2, 3))}

    ours = notebook["effects_of"](plain, read, torch.eye(5)[1], n=50)
    theirs = effects.effect_map(plain, read, ["z1"], n=50)
    assert list(ours.values()) == pytest.approx(theirs.size[0].tolist(), rel=1e-4)


def test_the_direction_from_labels_is_the_librarys(notebook):
    z = Noise(6).sample(200, torch.Generator().manual_seed(0))
    assert torch.equal(notebook["labelled"](z, z[:, 0] > z[:, 1]), directions.labelled(z, z[:, 0] > z[:, 1]))


def test_sefa_is_the_librarys(notebook):
    model = InfoGAN("dcgan-32", LatentSpec(Noise(6), []))
    ours, theirs = notebook["sefa"](directions.first_layer(model)), directions.sefa(model)
    assert torch.allclose((ours * theirs).sum(1).abs(), torch.ones(6), atol=1e-3)


def test_some_number_of_the_shipped_faces_moves_three_attributes():
    gan = weights.load("dcgan-faces")
    found = effects.effect_map(gan, face_attributes(face_reader()), n=150, seed=1)
    clear = found.size - 3 * found.error > effects.CLEAR
    assert (clear.sum(1) >= 3).any()
    assert ((found.signed.abs() > effects.CLEAR).sum(1) >= 3).any()


class Closed:
    """Faces that are their noise: question q is asked of number q alone. `reader` and model in one."""

    spec = LatentSpec(Noise(9), [])

    def generate(self, latent):
        return latent.noise

    def read(self, z):
        yes = [v > 0 for v in z.T]
        names = ("smile", "azimuth", "elevation", "light")
        amounts = {name: z[:, i] for i, name in enumerate(names, 2)}
        return {"glasses": yes[0].long(), "hair": 2 * yes[1].long(), "width": 1 + z[:, 6], **amounts}


def test_a_true_direction_turns_all_and_keeps_all():
    many = prices.Faces(Closed(), Closed(), 200, seed=0)
    for q in range(7):
        axis = torch.eye(9)[q]
        assert many.score(many.ends(axis), q) == (1.0, 1.0)
        turned, kept = many.score(many.ends(torch.eye(9)[8]), q)  # a number that nobody asks about
        assert (turned, kept) == (0.0, 1.0)
    both = (torch.eye(9)[0] + torch.eye(9)[3]) / 2**0.5
    turned, kept = many.score(many.ends(both), 0)
    assert 0.8 < turned < 1 and 0.85 < kept < 1  # one other answer of six is pushed too


def test_searches_find_what_is_there_and_pay_for_each_look():
    fresh, pool = prices.Faces(Closed(), Closed(), 50, seed=0), prices.Faces(Closed(), Closed(), 2000, seed=1)
    rows = prices.searched(fresh, pool, torch.eye(9), draws=2)
    assert {r["looks"] for r in rows} == {2 * 9 * n for n in prices.FACES}
    assert all(r["turned"] == r["kept"] == 1 for r in rows if r["looks"] == 2 * 9 * 25)
    luck = prices.at_random(fresh, draws=20, seed=3)
    assert {r["looks"] for r in luck} == {0} and sum(r["turned"] for r in luck) / len(luck) < 0.5
    fitted = prices.from_labels(fresh, pool, draws=2)
    assert {r["looks"] for r in fitted} == set(prices.LABELS)
    assert all(r["turned"] > 0.9 for r in fitted if r["looks"] == 1000)


def test_the_command_makes_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(prices, "FACES", (1, 2))
    monkeypatch.setattr(prices, "LABELS", (10, 20))
    model = InfoGAN("dcgan-32", LatentSpec(Noise(3), []))
    path = weights.save(model, tmp_path / "faces.safetensors")
    monkeypatch.setattr(
        sys, "argv", ["notebooks.py", "directions", "--weights", str(path), "--draws", "1", "--faces", "4"]
    )
    prices.main()
    assert {r["way"] for r in results.read("directions")} == set(WAYS)
    assert len(results.read("directions")) == 7 * (1 + 2 * 3)


def test_every_row_of_the_table_is_a_share_and_says_where_it_comes_from():
    rows = results.read("directions")
    assert {(r["way"], r["question"]) for r in rows} == {(w, q) for w in WAYS for q in prices.QUESTIONS}
    assert all(0 <= float(r[c]) <= 1 for r in rows for c in ("turned", "kept"))
    assert all(
        r["commit"] and r["command"].startswith("python benchmarks/notebooks.py directions") and r["seed"] for r in rows
    )


def test_the_questions_are_asked_of_the_causes_as_they_are_defined():
    some = data.face_set(300, seed=5)
    share = {name: ask(some.factors).double().mean().item() for name, ask in prices.QUESTIONS.items()}
    assert share.pop("long hair") == pytest.approx(1 / 3, abs=0.01)
    assert all(value == pytest.approx(0.5, abs=0.01) for value in share.values())
