"""benchmarks/mnist.py: each kind of row, from two steps of training on few digits."""

from dataclasses import replace

import mnist
import pytest
import torch

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.training import weights


@pytest.fixture
def runs(tmp_path, monkeypatch, few_fakes, small):
    monkeypatch.setattr(data, "mnist", small)
    monkeypatch.setattr(mnist.judge, "mnist", small)
    for name, preset in mnist.VARIANTS.items():
        monkeypatch.setitem(mnist.VARIANTS, name, replace(preset, data=small))
    monkeypatch.setattr(mnist, "FAKES", 300)
    return tmp_path / "runs"


@pytest.mark.parametrize("variant", ["views", "both"])
def test_a_variant_is_trained_and_gets_its_row(runs, run, variant):
    run(mnist, variant, "--seeds", 100, "--score", "tune", "--steps", 2, "--runs", runs)
    (row,) = results.read("mnist_tuning", variant=variant)
    assert row["command"] == f"python benchmarks/mnist.py {variant} --seeds 100 --score tune --steps 2"
    assert 0 <= float(row["natural_2"]) <= float(row["natural_1"]) <= 1
    assert 5 <= int(row["slant_signs"]) <= 10 and sum(map(int, row["confusion"].split())) == 500


def test_a_final_seed_keeps_its_sweeps_and_its_curve(runs, run):
    run(mnist, "views", "--seeds", 3, "--steps", 2, "--runs", runs)
    (curve,) = results.read("mnist_curves")
    assert (curve["variant"], curve["seed"], curve["step"]) == ("views", "3", "1")
    sweeps = results.read("mnist_sweeps")
    assert [float(row["value"]) for row in sweeps if row["code"] == "c2"] == [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2]
    assert all(float(row["both"]) <= min(float(row["natural"]), float(row["same"])) for row in sweeps)


def test_a_fresh_q_leaves_g_as_it_was(runs, run):
    run(mnist, "fresh-q", "--seeds", 3, "--steps", 2, "--runs", runs)
    first, fresh = (weights.load(runs / f"mnist-{v}-3-2" / "weights.safetensors") for v in ("infogan", "fresh-q"))
    for name, tensor in first.generator.state_dict().items():
        assert torch.equal(tensor, fresh.generator.state_dict()[name]), name
    assert not torch.equal(first.q_head[0].weight, fresh.q_head[0].weight)


def test_a_control_differs_in_one_thing():
    views_, control = mnist.VARIANTS["views"], mnist.VARIANTS["control"]
    assert replace(control, recipe=replace(control.recipe, lambda_g=views_.recipe.lambda_g)) == views_
    assert not views_.recipe.uses_real and not mnist.VARIANTS["gallery"].recipe.uses_real


def test_the_ladder_changes_one_view_a_rung():
    seen = [
        [code.view for code in mnist.VARIANTS[name].spec.codes] for name in ("infogan", "nudge", "one-blur", "views")
    ]
    assert seen[0] == ["plain"] * 3 and seen[1] == ["nudged", "plain", "plain"]
    assert seen[2] == ["nudged", "blurred", "blurred"] and seen[3] == ["nudged", "any-build", "any-lean"]


def test_small_and_gallery_ship_with_the_scores_of_their_files(runs, run, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "ENOUGH", -10.0)  # a model of two steps is neither informative nor balanced
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    run(mnist, "ship", "--runs", runs, "--seeds", 0, 1, "--steps", 2)
    small_one, control, gallery = (
        weights.load(tmp_path / "weights" / f"{name}.safetensors")
        for name in ("mnist", "mnist-control", "mnist-gallery")
    )
    candidates = small_one.manifest["chosen_by"]["candidates"]
    assert {c["seed"] for c in candidates} == {0, 1}
    assert small_one.manifest["seed"] == max(candidates, key=lambda c: c["agreement"])["seed"]
    assert small_one.manifest["seed"] == control.manifest["seed"] and control.manifest["recipe"]["lambda_g"] == 0
    assert gallery.network == "mnist-wide" and small_one.network == "mnist"
    for model in (small_one, control, gallery):
        assert 0 < model.manifest["scores"]["code_accuracy"] < 1


def test_no_seed_ships_that_is_not_informative():
    with pytest.raises(SystemExit, match="informative"):
        mnist.choose({seed: mnist.VIEWS.build() for seed in (0, 1)})
