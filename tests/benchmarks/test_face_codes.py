"""The commands behind notebook 10's tables, end to end and small."""

import sys
from pathlib import Path

import pytest
import torch

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.data.faces import SCORED
from infogan_lib.training import presets, weights

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import face_codes
import ship_faces


@pytest.fixture
def small(tmp_path, monkeypatch):
    for split, (_, seed) in presets.FACES.items():
        monkeypatch.setitem(presets.FACES, split, (260, seed))
    monkeypatch.setattr(face_codes, "FAKES", 260)
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(ship_faces, "FOLDER", tmp_path / "weights")
    for name, change in {"infogan": {"real_before": 1}, "control": face_codes.VARIANTS["control"]}.items():
        monkeypatch.setitem(face_codes.VARIANTS, name, {**change, "steps": 2, "batch": 16})
    return tmp_path


def run(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, "argv", ["x.py", *map(str, arguments)])
    main()


def test_each_variant_gets_its_rows_and_the_chosen_seed_ships(small, monkeypatch):
    runs = ("--runs", small / "runs")
    for variant in ("infogan", "control"):
        run(monkeypatch, face_codes.main, variant, "--seeds", 0, 1, *runs)
    run(monkeypatch, face_codes.main, "pca", *runs)
    rows = results.read("faces_seeds")
    assert {(r["variant"], r["seed"]) for r in rows} == {("infogan", "0"), ("infogan", "1"), ("control", "0"),
                                                          ("control", "1"), ("pca", "0")}  # fmt: skip
    assert {r["factor"] for r in rows} == {*SCORED, "all", "codeable"}
    light = results.read("faces_seeds", variant="pca", factor="light")[0]
    assert float(light["read"]) > 0.5 and light["set"] == ""  # 260 faces are enough to see it, and PCA makes none
    for row in results.read("faces_seeds", variant="infogan", factor="codeable"):
        assert 0 <= float(row["mig"]) <= 1 and 0 <= float(row["set_factor_vae"]) <= 1
    run(monkeypatch, ship_faces.main, *runs, "--seeds", 0, 1)
    shipped, control = (weights.load(small / "weights" / f"{name}.safetensors") for name in ("faces", "faces-control"))
    assert shipped.manifest["seed"] == control.manifest["seed"] and control.manifest["recipe"]["lambda_g"] == 0
    assert {c["seed"] for c in shipped.manifest["chosen_by"]["candidates"]} == {0, 1}


def test_seeds_for_tuning_never_meet_the_test_faces(small, monkeypatch):
    with pytest.raises(SystemExit):
        run(monkeypatch, face_codes.main, "infogan", "--seeds", 100, "--runs", small / "runs")
    fit, score = face_codes.splits("tune")
    assert not (fit.images[:, None] == score.images[None, :5]).flatten(2).all(2).any()
    assert len(fit) + len(score) == 260


def test_pairs_are_fitted_on_one_set_and_scored_on_another(small):
    fit, test = face_codes.splits("test")
    assert (fit.name, test.name) == (data.face_split("tune").name, data.face_split("test").name)


def test_the_components_are_scikit_learns_whatever_the_faces_asked_for(small):
    tune, test = (data.face_split(split) for split in ("tune", "test"))
    alone, both = face_codes.components(0, test)[0], face_codes.components(0, tune, test)[1]
    assert all(torch.equal(alone[name], both[name]) for name in alone)
    assert set(alone) == {"c1", "c2", "c3", "c4", "c5", "k2", "k3"}
    assert int(alone["k2"].max()) == 1 and int(alone["k3"].max()) == 2
