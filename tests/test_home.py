"""A path that begins with ~ is in the home folder, wherever a path is given and whatever no shell has done to it."""

import numpy as np
import pytest
import tiny
from PIL import Image

from infogan_lib import Training, data
from infogan_lib.cli import main
from infogan_lib.course import progress
from infogan_lib.data import files, own
from infogan_lib.show.widgets import render
from infogan_lib.training import weights


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of one's own, and another folder to stand in, which must stay empty."""
    (tmp_path / "home" / "pictures").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path / "home"
    assert not list((tmp_path / "here").iterdir())


def test_runs_and_weights(home):
    run = Training(tiny.build(), tiny.images(), tiny.RECIPE, folder="~/runs/a")
    next(run)
    run.save()
    run.close()
    assert (home / "runs" / "a" / "checkpoint.safetensors").exists()
    Training.resume("~/runs/a", tiny.images()).close()
    assert weights.save(run.averaged, "~/w.safetensors") == home / "w.safetensors"
    assert weights.load("~/w.safetensors").network == "tiny"


def test_data(home):
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(home / "pictures" / "a.png")
    (home / "answers.csv").write_text("a.png,oak")
    assert data.folder("~/pictures", size=16, channels=1, split="all")[1].used == ["a.png"]
    assert own.labels("~/answers.csv", ["a.png"])[2] == ["oak"]
    with pytest.raises(data.DataError, match=str(home / "d")):
        data.mnist(root="~/d")
    with pytest.raises(files.FileError, match=str(home / "d")):
        data.from_torchvision("svhn", "~/d")
    data.face_set(2, cache="~/cache")
    assert list((home / "cache").iterdir())


def test_commands_and_what_widgets_save(home, capsys):
    main(["sweep", "mnist", "--out=~/sweep", "--rows=1"])
    assert (home / "sweep.png").exists() and str(home / "sweep.png") in capsys.readouterr().out
    main(["train", "mnist", "--out=~/runs/b", "--steps=1", "--device=cpu"])
    assert (home / "runs" / "b" / "weights.safetensors").exists()
    assert render.keep(b"x", "~/saved", "picture", "png") == home / "saved" / "picture-001.png"
    (home / "00_start_here.ipynb").touch()
    assert progress.course("~") == [home / "00_start_here.ipynb"]


def test_a_name_that_only_begins_so_stays_as_it_is():
    assert str(files.expand("~nobody-of-this-name/a")) == "~nobody-of-this-name/a"
    assert str(files.expand("./~/a")) == "~/a"
