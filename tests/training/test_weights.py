import json
import os
import tempfile
from pathlib import Path

import faults
import pytest
import safetensors.torch
import tiny
import torch

from infogan_lib import Training
from infogan_lib.data import files
from infogan_lib.data.files import FileError
from infogan_lib.training import devices, weights


@pytest.fixture
def saved(tmp_path):
    model = tiny.build()
    return model, weights.save(model, tmp_path / "w.safetensors", {"seed": 5})


def test_a_model_comes_back_in_half_precision_with_its_manifest(saved):
    model, path = saved
    loaded = weights.load(path)
    assert loaded.spec == model.spec and loaded.q_on == model.q_on and loaded.manifest["seed"] == 5
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    latent = tiny.SPEC.sample(8, torch.Generator().manual_seed(0))
    assert torch.allclose(loaded.generate(latent), model.generate(latent), atol=2e-3)
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert path.stat().st_size < 4 * sum(p.numel() for p in model.parameters())


def test_the_averaged_weights_are_what_is_saved(tmp_path, bars):
    run = Training(tiny.build(), bars, tiny.RECIPE, seed=0)
    list(run)
    loaded = weights.load(weights.save(run.averaged, tmp_path / "w.safetensors"))
    expected = run.averaged.generator[0].weight
    assert torch.allclose(loaded.generator[0].weight, expected, atol=1e-3)
    assert not torch.allclose(loaded.generator[0].weight, run.model.generator[0].weight, atol=1e-3)


def rewrite(path, change_tensors=lambda t: t, change_manifest=lambda m: m):
    tensors, manifest = files.load_tensors(path)
    files.save_tensors(path, change_tensors(tensors), change_manifest(manifest))


def without(key):
    return lambda d: {k: v for k, v in d.items() if k != key}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda p: p.unlink(), "does not exist"),
        (lambda p: (p.unlink(), p.mkdir()), r"is a folder.*w\.safetensors/weights\.safetensors"),
        (lambda p: p.write_bytes(p.read_bytes()[:-100]), "truncated"),
        (lambda p: p.write_bytes(p.read_bytes()[:4]), "truncated"),
        (lambda p: p.write_bytes(b""), "truncated"),
        (lambda p: p.write_bytes(b"\xff" * 64 + p.read_bytes()), "truncated or no safetensors"),
        (lambda p: p.write_bytes(b"PK\x03\x04 a zip, as torch.save writes"), "no safetensors"),
        (lambda p: p.write_bytes(safetensors.torch.save({"a": torch.zeros(1)})), "no readable manifest"),
        (
            lambda p: p.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}, {"manifest": "["})),
            "no readable manifest",
        ),
        (lambda p: p.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}, {"manifest": "3"})), "no JSON object"),
        (lambda p: rewrite(p, without("d_head.bias")), "1 tensors missing"),
        (lambda p: rewrite(p, lambda t: t | {"extra": torch.zeros(1)}), "1 unknown"),
        (lambda p: rewrite(p, lambda t: t | {"d_head.bias": torch.zeros(2)}), r"shape \(2,\), expected \(1,\)"),
        (lambda p: rewrite(p, lambda t: t | {"d_head.bias": torch.zeros(1, dtype=torch.int64)}), "int64"),
        (lambda p: rewrite(p, lambda t: t | {"d_head.bias": torch.full((1,), float("nan"))}), "NaN"),
        (lambda p: rewrite(p, change_manifest=lambda m: m | {"format": "other"}), "expected infogan-weights-1"),
        (lambda p: rewrite(p, change_manifest=lambda m: m | {"network": "../../etc/passwd"}), "unknown network"),
        (lambda p: rewrite(p, change_manifest=without("spec")), "describes no network"),
        (lambda p: rewrite(p, change_manifest=lambda m: m | {"spec": {"codes": 3}}), "not a LatentSpec"),
    ],
)
def test_a_bad_file_gives_one_clear_error(saved, damage, says):
    _, path = saved
    damage(path)
    with pytest.raises(FileError, match=says):
        weights.load(path)


def test_a_checkpoint_is_not_mistaken_for_weights(tmp_path, bars):
    run = Training(tiny.build(), bars, tiny.RECIPE, seed=0, folder=tmp_path)
    list(run)
    with pytest.raises(FileError, match=r"Training\.resume"):
        weights.load(tmp_path / "checkpoint.safetensors")


def test_values_that_float16_cannot_hold_are_refused_and_the_old_file_stays(saved):
    model, path = saved
    before = path.read_bytes()
    with torch.no_grad():
        model.d_head.bias.fill_(1e6)
    with pytest.raises(FileError, match="float16"):
        weights.save(model, path)
    assert path.read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    files.write_bytes(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(FileError, match=r"No space left.*unchanged"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="Choose a folder"):
        files.write_bytes(tmp_path / "file" / "a.bin", b"x")


def test_a_bare_name_means_a_shipped_model(tmp_path):
    assert weights.find("mnist") == weights.FOLDER / "mnist.safetensors"
    assert weights.find(tmp_path / "w.safetensors") == tmp_path / "w.safetensors"
    assert weights.find("runs/a/w.safetensors") == Path("runs/a/w.safetensors")


def test_a_folder_of_that_name_does_not_hide_a_shipped_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    assert weights.find("mnist") == weights.FOLDER / "mnist.safetensors"


def test_the_manifest_is_plain_json(saved):
    _, manifest = files.load_tensors(saved[1])
    assert json.loads(json.dumps(manifest)) == manifest


def test_an_unknown_name_lists_the_models_that_ship():
    with pytest.raises(FileError, match=r"no model 'mnits' ships.*dcgan-faces.*mnist-control") as error:
        weights.load("mnits")
    assert "reader" not in str(error.value) and "judge" not in str(error.value)


def test_a_folder_of_a_shipped_name_hides_no_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    assert weights.load("mnist").network == "mnist"
    (tmp_path / "runs").mkdir()
    with pytest.raises(FileError, match="runs is a folder"):
        weights.load("runs")


@pytest.mark.skipif(os.name == "nt", reason="the rights are Unix's")
def test_a_file_that_may_not_be_read_is_said_to_be_there():
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        path = weights.save(tiny.build(), Path(place) / "shut" / "w.safetensors")
        for shut in (path, path.parent):
            shut.chmod(0o000)
            with faults.ordinary_user(), pytest.raises(FileError, match=r"cannot be opened \(Permission denied\)"):
                weights.load(path)
            shut.chmod(0o755)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="asks Linux what is mapped")
def test_what_was_loaded_does_not_hold_the_file(saved):
    """Windows replaces no file that is mapped, and a resumed run writes where it read."""
    _, path = saved
    tensors, _ = files.load_tensors(path)
    assert tensors and str(path) not in Path("/proc/self/maps").read_text()


def test_load_takes_the_names_of_devices_that_training_takes(saved):
    assert weights.load(saved[1], "cpu").device == weights.load(saved[1], torch.device("cpu")).device
    assert weights.load(saved[1], "auto").device == devices.pick_device("auto")
    with pytest.raises(ValueError, match="not available"):
        weights.load(saved[1], "abacus")
