"""Every preset in every precision: two steps, a resume between them, sound weights; on every device there is.

A preset's network, codes, views and recipe are as they are. Batches are tiny, the images noise, and what begins later
in a recipe begins at once.
"""

import contextlib
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from infogan_lib import Training
from infogan_lib.core.latent import Latent
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import PRECISIONS
from infogan_lib.data import Images
from infogan_lib.training import checkpoint, checks, devices, presets

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.cuda),
    pytest.param("mps", marks=pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs Apple's GPU")),
]


@pytest.fixture(scope="module", params=presets.PRESETS)
def game(request):
    """(model, images, recipe) of a preset."""
    preset = presets.load(request.param)
    model = preset.build()
    images = torch.randint(256, (8, *model.image_shape), generator=torch.Generator().manual_seed(0)).byte()
    now = {"real_from": 0, "real_apart_from": 0, "real_before": min(1, preset.recipe.real_before), "enter": {}}
    return model, Images(images, None, request.param), replace(preset.recipe, batch=4, checkpoint_every=9, **now)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("device", DEVICES)
def test_two_steps_and_a_resume_between_them(game, device, precision, tmp_path):
    model, images, recipe = game
    run = Training(model, images, replace(recipe, precision=precision), seed=1, folder=tmp_path, device=device)
    next(run)
    run.save()
    run.close()
    resumed = Training.resume(tmp_path, images, device=device)
    for report in (next(run), next(resumed)):
        assert report.step == 2 and all(torch.isfinite(value) for value in report.values().values())
    a, b = (checkpoint.pack(each.model, each.averaged, each.d_optimiser, each.g_optimiser) for each in (run, resumed))
    assert not checks.diverged(a) and a.keys() == b.keys()
    for name, tensor in a.items():
        if device == "cpu":
            assert torch.equal(tensor, b[name]), name
        else:
            torch.testing.assert_close(tensor, b[name], rtol=1e-2, atol=1e-3, msg=name)


class Apart(TorchDispatchMode):
    """Where tensors of two devices meet is an error, but for numbers, and for what moves a tensor to another device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor) and t.ndim]
        moves = function.overloadpacket._qualified_op_name in ("aten::_to_copy", "aten::copy_")
        if len({t.device for t in tensors}) > 1 and not moves:
            raise RuntimeError(f"{function} met tensors of {[t.device.type for t in tensors]}")
        return function(*args, **(kwargs or {}))


def step_on_meta(model, images, recipe, monkeypatch):
    """Two steps on tensors that have a device and no values, as if there were a card."""
    monkeypatch.setattr(devices, "pick_device", torch.device)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # it does not know this device
    monkeypatch.setattr(devices, "adam", lambda groups, betas, _: torch.optim.Adam(groups, betas=betas))
    run = Training(InfoGAN(model.network, model.spec, model.q_on), images, recipe, device="meta")
    with Apart():
        reports = [run._step() for _ in range(2)]
    assert {value.device.type for value in reports[1].values().values()} == {"meta"}
    assert {tensor.device.type for tensor in run.averaged.state_dict().values()} == {"meta"}


def test_a_step_leaves_nothing_behind_on_the_cpu(game, monkeypatch):
    step_on_meta(*game, monkeypatch)


def test_what_is_left_behind_is_found(game, monkeypatch):
    monkeypatch.setattr(Latent, "to", lambda latent, device: latent)
    with pytest.raises(RuntimeError, match="met tensors of"):
        step_on_meta(*game, monkeypatch)
