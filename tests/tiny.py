"""A network and a data set small enough to train in a second; also a script, so that a test can kill it."""

import sys

import torch
from torch import nn

from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise, Recipe, Training, Uniform
from infogan_lib.core.networks import Parts, register
from infogan_lib.data import Images, to_uint8

SPEC = LatentSpec(Noise(4), [Categorical("kind", 3), Uniform("c1")])
RECIPE = Recipe(steps=40, batch=16, checkpoint_every=5, lr_g=2e-3, lr_d=2e-3, lr_q=2e-3, real_weight=0.1, real_from=10)


@register("tiny")
def tiny(spec: LatentSpec) -> Parts:
    def trunk() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.LeakyReLU(0.1))

    layers = [nn.Linear(spec.width, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 64), nn.Tanh()]
    return Parts(nn.Sequential(*layers, nn.Unflatten(1, (1, 8, 8))), trunk, 32, 16, (1, 8, 8))


def images(n: int = 200) -> Images:
    """Three kinds of 8 x 8 image: a bright bar at the top, in the middle, at the bottom; with noise."""
    generator = torch.Generator().manual_seed(0)
    kind = torch.arange(n) % 3
    floats = -0.8 + 0.1 * torch.randn(n, 1, 8, 8, generator=generator)
    for i, k in enumerate(kind.tolist()):
        floats[i, :, 1 + 2 * k : 3 + 2 * k] += 1.4
    return Images(to_uint8(floats), kind, "bars")


def build(q_on: str = "frozen", spec: LatentSpec = SPEC) -> InfoGAN:
    return InfoGAN("tiny", spec, q_on)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, resume = sys.argv[1], sys.argv[2] == "resume"
    run = Training.resume(folder, images()) if resume else Training(build(), images(), RECIPE, seed=7, folder=folder)
    for report in run:
        print(report.step, flush=True)
