"""A disk that is full or read-only: one clear error, and what was saved before stays."""

import os
import random
import sys

import faults
import pytest
import tiny

from infogan_lib import Training
from infogan_lib.data import files
from infogan_lib.data.files import FileError
from infogan_lib.show.widgets import render
from infogan_lib.training import weights
from infogan_lib.training.checkpoint import TrainingError


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def until_full(run):
    with pytest.raises(FileError, match="Free some space") as error:
        list(run)
    return str(error.value)


@faults.trials("seed")
def test_a_disk_that_fills_up_while_training_keeps_the_old_checkpoint(tmp_path, seed):
    """Filled after a checkpoint, with less room left than the next one takes; then room is made and it goes on."""
    rng = random.Random(seed)
    with faults.disk(tmp_path / "disk") as small:
        folder = small / "run"
        run = faults.new(folder)
        for _ in zip(range(rng.randint(5, 30)), run):
            pass
        before = (folder / "checkpoint.safetensors").read_bytes()
        left = os.statvfs(small)
        room = rng.randrange(len(before))
        (small / "other").write_bytes(bytes(max(0, left.f_bavail * left.f_bsize - room)))
        said = until_full(run)
        assert (folder / "checkpoint.safetensors").read_bytes() == before and faults.parts(folder) == []
        assert "unchanged" in said and str(folder) in said
        run.close()
        (small / "other").unlink()
        list(Training.resume(folder, tiny.images()))
        faults.check_whole(folder)


def test_a_disk_without_room_for_the_first_file_says_so(tmp_path):
    with faults.disk(tmp_path / "disk", "64k") as small:
        (small / "other").write_bytes(bytes(60 * 1024))
        with pytest.raises(FileError, match="Free some space"):
            weights.save(tiny.build(), small / "w.safetensors")
        assert [path.name for path in small.iterdir()] == ["other"]


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on the size of files is Unix's")
@faults.trials("seed")
def test_files_that_may_not_grow_keep_the_old_checkpoint(tmp_path, seed):
    """The same without a disk of its own: the system refuses to write beyond a size."""
    import resource

    run = faults.new(tmp_path)
    for _ in zip(range(12), run):
        pass
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (random.Random(seed).randrange(len(before)), old[1]))
    try:
        said = until_full(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert "unchanged" in said and (tmp_path / "checkpoint.safetensors").read_bytes() == before
    run.close()
    list(Training.resume(tmp_path, tiny.images()))
    faults.check_whole(tmp_path)


@pytest.mark.parametrize("size", [6_000, 600_000])  # one that fits the file's buffer, and is refused when it is closed
def test_a_picture_that_does_not_fit_leaves_nothing_behind(tmp_path, size):
    with faults.disk(tmp_path / "disk", "64k") as small:
        (small / "other").write_bytes(bytes(60 * 1024))
        with pytest.raises(OSError, match="No space left"):
            render.keep(bytes(size), small, "latent", "png")
        assert [path.name for path in small.iterdir()] == ["other"]


@pytest.fixture
def locked(tmp_path):
    """A folder in which a run of 12 steps and a file of weights lie, and nobody may write."""

    def fill(folder):
        run = faults.new(folder / "run")
        for _ in zip(range(12), run):
            pass
        run.close()
        weights.save(run.averaged, folder / "w.safetensors")

    with faults.read_only(tmp_path / "disk", fill) as folder:
        yield folder


def test_a_read_only_folder_is_read_and_every_write_says_why_not(locked):
    before = content(locked / "run")
    assert weights.load(locked / "w.safetensors").spec == tiny.SPEC
    with pytest.raises(TrainingError, match=r"cannot write in .*(Read-only|Permission).*choose another folder"):
        faults.new(locked / "new")
    with pytest.raises(TrainingError, match=r"cannot write in .*(Read-only|Permission).*choose another folder"):
        Training.resume(locked / "run", tiny.images())
    with pytest.raises(FileError, match=r"cannot write .*unchanged. Choose a folder you may write to"):
        weights.save(tiny.build(), locked / "w.safetensors")
    with pytest.raises(FileError, match="Choose a folder you may write to"):
        files.write_bytes(locked / "deep" / "a.bin", b"x")
    assert content(locked / "run") == before and not (locked / "deep").exists()


def test_a_row_of_the_log_that_was_cut_short_does_not_pass_for_another(tmp_path):
    run = faults.new(tmp_path)
    for _ in zip(range(35), run):
        pass
    run.close()
    with (tmp_path / "log.csv").open("a") as file:
        file.write("3")  # of step 36
    list(Training.resume(tmp_path, tiny.images()))
    faults.check_whole(tmp_path)


def test_a_log_that_was_made_but_not_written_gets_its_header(tmp_path):
    run = faults.new(tmp_path)
    run.close()
    (tmp_path / "log.csv").touch()  # what is left of a run killed between the two
    list(Training.resume(tmp_path, tiny.images()))
    faults.check_whole(tmp_path)
