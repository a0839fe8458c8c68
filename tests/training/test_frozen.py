"""Files that an earlier version wrote still load, and its runs go on as they would have gone on then.

`tests/frozen` holds two runs of the tiny network, stopped at step 12, as the version before the packages left them: the
average inside the model, and in one the recipe's `copies="faces"` for what is a view of its codes today. `expected.csv`
is what that version measured when it went on.
"""

import csv
import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch

from infogan_lib import Training
from infogan_lib.data import files
from infogan_lib.training import checkpoint, weights
from infogan_lib.training.checkpoint import TrainingError

FROZEN = Path(__file__).resolve().parents[1] / "frozen"
RUNS = pytest.mark.parametrize(("name", "view"), [("no_view", "plain"), ("faces_view", "faces")])


@pytest.fixture
def folder(name, tmp_path):
    return Path(shutil.copytree(FROZEN / name, tmp_path / name))


@RUNS
def test_an_old_run_goes_on_as_it_would_have(folder, name, view):
    tensors, _ = files.load_tensors(folder / "checkpoint.safetensors")
    run = Training.resume(folder, tiny.images(), device="cpu", steps=20)
    for part, prefix in ((run.model, "model."), (run.averaged, "model.average.")):
        assert all(torch.equal(value, tensors[prefix + key]) for key, value in part.state_dict().items())
    assert {code.view for code in run.model.spec.codes} == {view}
    list(run)
    with (FROZEN / name / "expected.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    with (folder / "log.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["step"] for row in found] == [str(step) for step in range(1, 21)]
    for now, then in zip(found[12:], expected, strict=True):
        assert {k: float(v) for k, v in now.items() if v} == pytest.approx(
            {k: float(v) for k, v in then.items() if v}, rel=1e-3, abs=1e-4
        )


@RUNS
def test_it_can_be_saved_and_resumed_again(folder, name, view):
    run = Training.resume(folder, tiny.images(), device="cpu", steps=14)
    list(run)
    again = Training.resume(folder, tiny.images(), device="cpu", steps=15)
    assert again.step == 14
    a, b = run.averaged.state_dict(), again.averaged.state_dict()
    assert all(torch.equal(a[key], b[key]) for key in a)


@RUNS
def test_old_weights_are_the_averaged_model(folder, name, view):
    model = weights.load(folder / "weights.safetensors")
    averaged = Training.resume(folder, tiny.images(), device="cpu").averaged
    for key, value in averaged.state_dict().items():
        kept = value.half().float() if value.is_floating_point() else value  # half precision on disk
        assert torch.equal(model.state_dict()[key], kept)


def test_a_run_whose_view_is_not_registered_says_what_to_do(tmp_path):
    folder = Path(shutil.copytree(FROZEN / "no_view", tmp_path / "run"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["spec"]["codes"][0]["view"] = "of my own"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainingError, match=r"of my own.*Register"):
        Training.resume(folder, tiny.images(), device="cpu")


def test_a_manifest_with_a_view_and_no_spec_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text('{"recipe": {"copies": "faces"}}')
    with pytest.raises(TrainingError, match="cannot be read"):
        Training.resume(tmp_path, tiny.images(), device="cpu")


@pytest.mark.parametrize(("stroke", "view"), [(0.0, "moved"), (0.7, "nudged"), (0.5, None)])
def test_an_old_stroke_is_a_view_today(stroke, view, tmp_path):
    folder = Path(shutil.copytree(FROZEN / "no_view", tmp_path / "run"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["recipe"]["real_stroke"] = stroke
    (folder / "manifest.json").write_text(json.dumps(manifest))
    if view is None:
        with pytest.raises(TrainingError, match="real_stroke"):
            Training.resume(folder, tiny.images(), device="cpu")
    else:
        assert checkpoint.RunFolder.read_manifest(folder)["recipe"]["real_view"] == view
