"""The commands behind notebook 10's tables, end to end and small."""

from dataclasses import replace
from functools import partial

import faces
import pytest
import torch

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.data.faces import SCORED, dataset
from infogan_lib.measure import code_maps
from infogan_lib.training import weights


@pytest.fixture
def small(tmp_path, monkeypatch, few_fakes):
    for split, (_, seed) in dataset.SPLITS.items():
        monkeypatch.setitem(dataset.SPLITS, split, (260, seed))
    monkeypatch.setattr(faces, "FAKES", 260)
    monkeypatch.setattr(faces, "TREES", replace(faces.TREES, votes=100, test_votes=50))
    small_forests = tuple(partial(forest, n_estimators=5) for forest in code_maps.TREES["forest"])
    monkeypatch.setitem(code_maps.TREES, "forest", small_forests)
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    for name, preset in faces.VARIANTS.items():
        recipe = replace(preset.recipe, batch=16, real_before=min(1, preset.recipe.real_before))
        monkeypatch.setitem(faces.VARIANTS, name, replace(preset, recipe=recipe))
    return tmp_path


def test_each_variant_gets_its_rows(small, run):
    run(faces, "infogan", "--seeds", 0, "--steps", 2, "--runs", small / "runs")
    run(faces, "pca")
    rows = results.read("faces_seeds")
    assert {(r["variant"], r["seed"], r["steps"]) for r in rows} == {("infogan", "0", "2"), ("pca", "0", "0")}
    assert {r["factor"] for r in rows} == {*SCORED, "all", "codeable"} and len(rows) == 2 * (len(SCORED) + 2)
    light = results.read("faces_seeds", variant="pca", factor="light")[0]
    assert float(light["read"]) > 0.5 and light["set"] == ""  # 260 faces are enough to see it, and PCA makes none
    (codeable,) = results.read("faces_seeds", variant="infogan", factor="codeable")
    assert 0 <= float(codeable["mig"]) <= 1 and 0 <= float(codeable["set_factor_vae"]) <= 1
    commands = {row["command"] for row in rows}
    assert commands == {
        "python benchmarks/faces.py infogan --seeds 0 --score test --steps 2",
        "python benchmarks/faces.py pca --seeds 0 --score test",
    }


def test_the_chosen_seed_ships_with_its_scores(small, run):
    run(faces, "ship", "--runs", small / "runs", "--seeds", 0, 1, "--steps", 2)
    shipped, control = (weights.load(small / "weights" / f"{name}.safetensors") for name in ("faces", "faces-control"))
    assert shipped.manifest["seed"] == control.manifest["seed"] and control.manifest["recipe"]["lambda_g"] == 0
    assert {c["seed"] for c in shipped.manifest["chosen_by"]["candidates"]} == {0, 1}
    assert set(shipped.manifest["scores"]["agreement"]) <= set(SCORED)


def test_the_variants_without_help_see_the_faces_as_they_are():
    assert set(faces.VARIANTS["infogan"].spec.views) == {"faces"}
    for name in ("plain", "control"):
        preset = faces.VARIANTS[name]
        assert set(preset.spec.views) == {"plain"} and not preset.recipe.uses_real
    assert faces.VARIANTS["control"].recipe.lambda_g == 0


def test_seeds_for_tuning_never_meet_the_test_faces(small, run):
    with pytest.raises(SystemExit):
        run(faces, "infogan", "--seeds", 100, "--runs", small / "runs")
    fit, score = faces.splits("tune")
    assert not (fit.images[:, None] == score.images[None, :5]).flatten(2).all(2).any()
    assert len(fit) + len(score) == 260


def test_pairs_are_fitted_on_one_set_and_scored_on_another(small):
    fit, test = faces.splits("test")
    assert (fit.name, test.name) == (data.face_split("tune").name, data.face_split("test").name)


def test_the_components_are_scikit_learns_whatever_the_faces_asked_for(small):
    tune, test = (data.face_split(split) for split in ("tune", "test"))
    alone, both = faces.components(0, test)[0], faces.components(0, tune, test)[1]
    assert all(torch.equal(alone[name], both[name]) for name in alone)
    assert set(alone) == {"c1", "c2", "c3", "c4", "c5", "k2", "k3"}
    assert int(alone["k2"].max()) == 1 and int(alone["k3"].max()) == 2


def test_the_baselines_get_their_rows(tmp_path, monkeypatch, run):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(faces, "FIT", (600, 1))
    monkeypatch.setattr(faces, "SCORE", (600, 2))
    monkeypatch.setattr(faces.experiment, "SEEDS", [0])
    run(faces, "baselines")
    rows = results.read("faces_baselines")
    assert len(rows) == 4 * len(SCORED)
    for baseline in ("PCA-5", "untrained Q", "random numbers"):
        matched = [r["matched_number"] for r in rows if r["baseline"] == baseline and r["matched_number"]]
        assert sorted(matched) == list("01234")
    chance = [float(r["spearman"]) for r in rows if r["baseline"] == "random numbers"]
    light = next(r for r in rows if r["baseline"] == "PCA-5" and r["factor"] == "light")
    assert max(chance) < 0.2 and float(light["spearman"]) > 0.5 and float(light["nats"]) > 0.1
