"""Run folders that are damaged, foreign or hostile: one clear error each, nothing changed, the folder let go of."""

import os
import random
import shutil

import faults
import pytest
import tiny
import torch
from test_hostile_files import BIG, DEEP

from infogan_lib import Training
from infogan_lib.data import files
from infogan_lib.data.files import FileError
from infogan_lib.training import weights
from infogan_lib.training.checkpoint import TrainingError


@pytest.fixture
def folder(tmp_path):
    run = faults.new(tmp_path / "run")
    for _ in zip(range(12), run):
        pass
    run.close()
    return tmp_path / "run"


def resume_refused(folder, says):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises((TrainingError, FileError), match=says) as error:
        Training.resume(folder, tiny.images())
    message = str(error.value)
    assert str(folder) in message and len(message) < len(str(folder)) + 600 and "\n" not in message
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


@pytest.mark.parametrize("text", ["", "{", "[]", "3", DEEP, '"' + BIG + '"', "\udcff", '{"network": "x"}'])
def test_a_run_whose_manifest_is_damaged(folder, text):
    (folder / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    resume_refused(folder, "manifest")


def test_a_folder_in_the_manifests_place(folder):
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()
    with pytest.raises(TrainingError, match="cannot be read"):
        Training.resume(folder, tiny.images())


def test_the_checkpoint_of_another_run(folder, tmp_path):
    other = Training(tiny.build(), tiny.images(), tiny.RECIPE, seed=8, folder=tmp_path / "other")
    list(other)
    shutil.copy(tmp_path / "other" / "checkpoint.safetensors", folder)
    resume_refused(folder, r"belongs to another run: its seed differ.*delete it")


def test_weights_in_the_checkpoints_place(folder):
    weights.save(tiny.build(), folder / "checkpoint.safetensors", {"seed": 7, "data": "bars"})
    resume_refused(folder, "checkpoint")


@faults.trials("seed")
def test_a_checkpoint_cut_anywhere(folder, seed):
    whole = (folder / "checkpoint.safetensors").read_bytes()
    (folder / "checkpoint.safetensors").write_bytes(whole[: random.Random(seed).randrange(len(whole))])
    resume_refused(folder, "truncated")


BAD = {
    "no order": lambda t, m: (t.pop("order"), m)[1],
    "no random": lambda t, m: (t.pop("random"), m)[1],
    "random of floats": lambda t, m: (t.update(random=torch.zeros(3)), m)[1],
    "an optimiser's path": lambda t, m: (t.update({"d.../../x.y": torch.zeros(1)}), m)[1],
    "a step in words": lambda t, m: m | {"step": "<script>"},
    "an unknown recipe": lambda t, m: m | {"recipe": {"x": 1}},
    "weights of NaN": lambda t, m: (t["model.d_head.bias"].fill_(float("nan")), m)[1],
}


@pytest.mark.parametrize("what", BAD)
def test_a_hostile_checkpoint(folder, what):
    tensors, manifest = files.load_tensors(folder / "checkpoint.safetensors")
    manifest = BAD[what](tensors, manifest)
    files.save_tensors(folder / "checkpoint.safetensors", tensors, manifest)
    resume_refused(folder, "checkpoint")
    (folder / "checkpoint.safetensors").unlink()  # and nobody holds the folder
    assert Training.resume(folder, tiny.images()).step == 0


def test_room_made_the_same_run_goes_on_and_the_log_is_whole(tmp_path):
    with faults.disk(tmp_path / "disk") as small:
        run = faults.new(small / "run")
        for _ in zip(range(12), run):
            pass
        (small / "other").write_bytes(bytes(3 * 2**20))
        left = os.statvfs(small)
        (small / "more").write_bytes(bytes(left.f_bavail * left.f_bsize))
        with pytest.raises(files.FileError):
            list(run)
        (small / "other").unlink()
        list(run)
        faults.check_whole(small / "run")
