"""A loaded model goes on from its weights, in a new run that says where they are from; a built one draws them anew."""

import hashlib
import json
from dataclasses import replace

import pytest
import tiny
import torch

from infogan_lib import Training
from infogan_lib.cli import main
from infogan_lib.data import Images
from infogan_lib.training import presets, weights
from infogan_lib.training.checkpoint import TrainingError

NEW = Images(tiny.images().images.flip(2), None, "flipped bars")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    run = Training(tiny.build(), tiny.images(), tiny.RECIPE, seed=7, device="cpu")
    list(run)
    manifest = {**run.manifest(), "step": run.step}
    return weights.save(run.averaged, tmp_path_factory.mktemp("a") / "bars.safetensors", manifest)


def tune(file, folder=None, **changes):
    recipe = replace(tiny.RECIPE, steps=12, **changes)
    return Training(weights.load(file), NEW, recipe, seed=3, folder=folder, device="cpu")


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_training_begins_at_the_weights_of_the_file_and_leaves_the_loaded_model_alone(file):
    loaded = weights.load(file)
    run = Training(loaded, NEW, tiny.RECIPE, seed=3, device="cpu")
    assert same(run.model, loaded) and same(run.averaged, loaded) and run.step == 0
    assert all(p.requires_grad for p in run.model.parameters()) and run.model.training
    list(run)
    assert same(loaded, weights.load(file)) and not loaded.training
    assert not any(torch.equal(a, b) for a, b in zip(run.model.parameters(), loaded.parameters()))


def test_what_was_learned_is_kept():
    """L_I in the first step: near H(c), where a new model is near nothing."""
    images = Images(torch.zeros(64, 1, 28, 28, dtype=torch.uint8))
    recipe = replace(tiny.RECIPE, batch=32, real_weight=0.0)
    assert next(Training(weights.load("mnist"), images, recipe, device="cpu")).nats["digit"] > 1.5


def test_a_built_model_still_draws_its_weights_by_seed(file):
    run = Training(tiny.build(), NEW, tiny.RECIPE, seed=3, device="cpu")
    again = Training(run.model, NEW, tiny.RECIPE, seed=3, device="cpu")
    assert same(again.model, run.model) and not run.origin and "origin" not in run.manifest()
    assert not same(run.model, weights.load(file))


def test_the_manifest_names_the_origin(file, tmp_path):
    run = tune(file, tmp_path)
    origin = json.loads((tmp_path / "manifest.json").read_text())["origin"]
    assert origin == {
        "file": "bars.safetensors",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "data": "bars",
        "seed": 7,
        "step": 40,
    }
    list(run)
    tuned = weights.load(weights.save(run.averaged, tmp_path / "w.safetensors", {**run.manifest(), "step": 12}))
    assert tuned.manifest["origin"] == origin and tuned.origin["origin"] == origin  # and so on, back to the first


def test_a_run_killed_at_any_time_goes_on_to_the_same_bits_without_the_file(file, tmp_path):
    whole = tune(file)
    list(whole)
    for steps in (0, 3, 7):
        copy = tmp_path / f"{steps}.safetensors"
        copy.write_bytes(file.read_bytes())
        run = tune(copy, tmp_path / str(steps))
        copy.unlink()
        for _ in zip(range(steps), run):
            pass
        run.close()
        resumed = Training.resume(tmp_path / str(steps), NEW, device="cpu")
        assert resumed.step == steps // 5 * 5
        list(resumed)
        assert same(resumed.model, whole.model) and resumed.origin == {**whole.origin, "file": copy.name}


def test_without_its_first_checkpoint_it_is_not_silently_begun_from_nothing(file, tmp_path):
    tune(file, tmp_path).close()
    (tmp_path / "checkpoint.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"no checkpoint.*'bars\.safetensors'.*Start again from that file"):
        Training.resume(tmp_path, NEW)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_every_precision_goes_on(file, precision):
    reports = list(tune(file, precision=precision))
    assert all(torch.isfinite(v) for v in reports[-1].values().values())


def test_the_command_line_goes_on_from_a_shipped_model(tmp_path):
    out = str(tmp_path / "r")
    given = ["--steps", "2", "--set", "batch=8", "--device", "cpu"]
    main(["train", "mnist", "--from", "mnist", "--out", out, *given])
    tuned, shipped = weights.load(tmp_path / "r" / "weights.safetensors"), weights.load("mnist")
    assert tuned.manifest["origin"]["file"] == "mnist.safetensors"
    torch.testing.assert_close(tuned.generator[0].weight, shipped.generator[0].weight, atol=0.01, rtol=0)
    main(["train", "mnist", "--resume", "--out", out, "--steps", "3", "--device", "cpu"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mnist", "--from", "mnist", "--q-on", "trunk"], "are for a new model"),
        (["mnist", "--from", "nowhere.safetensors"], "does not exist"),
        (["mnist", "--from", "faces"], "the model makes images (1, 32, 32)"),
        (["fashion", "--from", "mnist"], "name each once"),
    ],
)
def test_weights_that_do_not_go_with_the_rest_are_refused_before_anything_is_written(
    tmp_path, monkeypatch, arguments, says
):
    fashion = replace(presets.load("fashion"), data=presets.data.mnist)
    monkeypatch.setitem(presets.PRESETS, "fashion", fashion)
    with pytest.raises(SystemExit) as stop:
        main(["train", *arguments, "--out", str(tmp_path / "r")])
    assert says in str(stop.value) and not (tmp_path / "r").exists()
