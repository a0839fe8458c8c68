"""infogan.py, which people copy: step for step the library's preset "mnist", and alone in an empty folder it runs."""

import argparse
import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from infogan_lib import InfoGAN, Training, data
from infogan_lib.core import views
from infogan_lib.data import Images
from infogan_lib.training import presets, weights

FILE = Path(__file__).resolve().parents[1] / "infogan.py"
PRESET = presets.load("mnist")


@cache
def load_file():
    """The file as a module; it belongs to no package."""
    spec = importlib.util.spec_from_file_location("infogan_file", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pairs(library: InfoGAN, model) -> dict[str, tuple[Tensor, Tensor]]:
    """Every weight and running statistic of the library's model, with its place in the file's."""
    ours = model.g.state_dict()
    found = {f"g.{name}": (tensor, ours[name]) for name, tensor in library.generator.state_dict().items()}
    trunk, q = library.trunk, library.q_head
    norms = {"norm2": trunk[3], "norm3": trunk[7], "q_norm": q[1]}
    layers = {"conv1": trunk[0], "conv2": trunk[2], "full": trunk[6], "d_head": library.d_head, "q_full": q[0]}
    for name, layer in (layers | norms).items():
        for kind, tensor in layer.named_parameters():
            found[f"{name}.{kind}"] = tensor, getattr(getattr(model, name), kind)
    for kind, tensor in q[3].named_parameters():  # the file's three heads are one layer of the library's
        for i, rows in enumerate(tensor.split([10, 2, 2])):
            found[f"head {i}.{kind}"] = rows, getattr(model.q_heads[i], kind)
    for i, (name, norm) in enumerate(norms.items()):
        for j, place in enumerate([norm, *(library.statistics[view][i] for view in ("any-build", "any-lean"))]):
            found[f"{name}.mean {j}"] = place.running_mean, getattr(model, name).statistics[0, j]
            found[f"{name}.var {j}"] = place.running_var, getattr(model, name).statistics[1, j]
    return {name: (a.detach(), b.detach()) for name, (a, b) in found.items() if a.is_floating_point()}


@pytest.fixture(scope="module")
def played():
    """Three steps of both from the shipped weights: (library's run, its reports, the file's model, average, print).

    150 digits, so that the third step begins a new epoch. From first weights the two would part: fakes that are all
    but flat have ties in the local maximum of a stroke, which the last bit decides.
    """
    file, images = load_file(), data.mnist("train").images[:150]
    run = Training(weights.load("mnist"), Images(images), PRESET.recipe, seed=7)
    model = file.InfoGAN()
    for theirs, ours in pairs(run.model, model).values():
        ours.copy_(theirs)
    torch.manual_seed(7)  # of the file's draws; the library's run has a generator of its own with this seed
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        average = file.train(model, images, 3)
    return run, [next(run) for _ in range(3)], model, average, printed.getvalue()


def test_three_steps_change_everything_as_the_librarys_do(played):
    run, _, model, average, _ = played
    for library, ours in ((run.model, model), (run.averaged, average)):
        start = pairs(weights.load("mnist"), ours)
        for name, (theirs, mine) in pairs(library, ours).items():
            change = (theirs - start[name][0]).norm()
            assert change > 0, f"{name} does not learn"
            assert (mine - theirs).norm() < 1e-3 * change, f"{name} learns otherwise"


def test_the_nats_it_prints_are_the_librarys(played):
    _, reports, _, _, printed = played
    found = [float(number) for number in re.findall(r"-?\d+\.\d\d", printed)]
    assert found == pytest.approx([float(value) for value in reports[-1].nats.values()], abs=0.006)


@pytest.mark.parametrize(("mine", "name"), [("nudge", "nudged"), ("any_build", "any-build"), ("any_lean", "any-lean")])
def test_a_view_is_the_librarys(mine, name):
    images = data.mnist("tune").batch(slice(0, 50))
    torch.manual_seed(3)
    seen = getattr(load_file(), mine)(images)
    expected, _ = views.get(name).draw(images, {}, torch.Generator().manual_seed(3))
    torch.testing.assert_close(seen, expected)


def test_its_recipe_is_the_presets():
    """What three steps from trained weights cannot tell: how long, and from which weights."""
    file = load_file()
    assert (PRESET.recipe.steps, PRESET.recipe.batch, PRESET.recipe.ema) == (file.STEPS, file.BATCH, file.AVERAGE)
    torch.manual_seed(0)
    for name, (theirs, ours) in pairs(PRESET.build(), file.InfoGAN()).items():
        if theirs.ndim > 1:
            assert ours.std() == pytest.approx(0.02, rel=0.25) and abs(ours.mean()) < 0.004, name
        else:
            assert torch.equal(ours, theirs), name


def test_the_figure_goes_through_one_code_at_a_time(tmp_path, monkeypatch):
    """A generator whose images are as bright as one code is high, the others being hidden."""
    file = load_file()

    class Bright(torch.nn.Module):
        def __init__(self, code):
            super().__init__()
            self.code = code

        def generate(self, z, digit, c1, c2):
            value = [digit / 9 * 2 - 1, c1 / 2, c2 / 2][self.code]
            return value.view(-1, 1, 1, 1).expand(-1, 1, 28, 28)

    monkeypatch.setattr(file, "MNIST", lambda *_, **__: argparse.Namespace(data=torch.zeros(60_000, 1, 1)))
    monkeypatch.setattr(sys, "argv", ["infogan.py", "--out", str(tmp_path), "--device", "cpu"])
    for code in range(3):
        monkeypatch.setattr(file, "train", lambda *_, code=code: Bright(code))
        file.main()
        with Image.open(tmp_path / "figure.png") as picture:
            middles = torch.from_numpy(np.array(picture.convert("L")))[16::30].int()
        panels = [row[16::30] for row in middles[0].split([302, 272, 272])]
        assert middles.shape[0] == 10 and [len(panel) for panel in panels] == [10, 9, 9]
        rising = [bool((panel.diff() > 0).all()) and (panel[0], panel[-1]) == (0, 255) for panel in panels]
        assert rising == [i == code for i in range(3)]
        assert code == 0 or bool((middles[:, 320] == middles[0, 320]).all())


def test_without_mnist_it_says_where_to_put_it(tmp_path, monkeypatch):
    file = load_file()

    def unreachable(*_, **__):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(file, "MNIST", unreachable)
    monkeypatch.setattr(sys, "argv", ["infogan.py", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=r"data.MNIST.raw.*train-images.*four \.gz files"):
        file.main()
    assert not (tmp_path / "out").exists()


def test_alone_in_a_folder_it_trains_and_leaves_its_figure_and_weights(tmp_path):
    shutil.copy(FILE, tmp_path)
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (FILE.parent / "data" / "MNIST" / "raw").glob("*.gz"):
        shutil.copy(path, raw)
    nothing_else = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "infogan.py", "--steps", "2", "--device", "cpu", "--out", "made"]
    done = subprocess.run(command, cwd=tmp_path, env=nothing_else, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"step +2 +L_I +digit -?\d\.\d\d +c1 -?\d\.\d\d +c2 .*", done.stdout.splitlines()[0])
    with Image.open(tmp_path / "made" / "figure.png") as picture:
        assert picture.size == (302 + 272 + 272, 302)
    load_file().InfoGAN().load_state_dict(torch.load(tmp_path / "made" / "weights.pt", weights_only=True))
