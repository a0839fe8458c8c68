"""The images: their range beside the data's, and what an image owes to its neighbours in the batch."""

from typing import Any

import torch
from torch import Tensor

from infogan_lib.measure.preflight.checks.check import Seen, check, doubt, fault
from infogan_lib.measure.preflight.checks.said import watched
from infogan_lib.measure.preflight.subject import Subject, call, rebuilt
from infogan_lib.measure.preflight.watch import origin

ENDS = {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0)}


@check("images and data have one range", "real")
def ranges(s: Subject) -> Seen:
    real, fake = s.reals().detach().float(), s.fake.detach().float()
    low, high, end = float(real.min()), float(real.max()), origin(s.fake)
    a, b = ENDS.get(end, (float(fake.min()), float(fake.max())))
    ending = f"G's {end.lower()} from {a:g} to {b:g}" if end in ENDS else f"the fakes from {a:.2f} to {b:.2f}"
    seen, room = f"the data go from {low:.2f} to {high:.2f}, {ending}", 0.05 * (b - a)
    beyond = low < a - room or high > b + room or (end == "Tanh" and low >= -0.05)
    halved = s.given.trained and low >= -0.05 and high <= 1.05 and a < -0.5  # data in [0, 1], and fakes far below
    if beyond if end in ENDS else halved:
        yield fault("image-range", seen)
    yield seen


@check("an image does not depend on its neighbours", "generate")
def neighbours(s: Subject) -> Seen:
    assert s.given.generate is not None

    def images(latent: Any) -> Tensor:
        s.keep.again()
        made = call(s.given.generate, latent)
        if not isinstance(made, Tensor):
            raise ValueError("generate: expected a tensor of images")
        return made.detach().float()

    def modes() -> list[bool]:
        return [m.training for m, *_ in s.keep.modules if not isinstance(m, torch.nn.modules.dropout._DropoutNd)]

    before, together, after, few = modes(), images(s.latent), modes(), max(2, s.size // 4)
    alone = images(rebuilt(s.latent, lambda t: t[:few] if t.dim() else t))
    off = float((together[:few] - alone).abs().max()) / max(float(together.max() - together.min()), 1e-12)
    if off > 1e-3:
        yield fault(
            "train-mode", f"a pixel changes by up to {100 * off:.0f} % of the range when others are made with it"
        )
    if changed := sum(x != y for x, y in zip(before, after)):
        yield fault("left-in-eval", f"{changed} modules are in another mode after generate than before")


@check("real and fake have batches of their own", "loss_d", "loss_g")
def batches(s: Subject) -> Seen:
    sizes = {(c.where, len(c.first)) for c in watched(s) if c.function == "batch_norm" and c.first.dim()}
    n = s.size
    if {("loss_g", n), ("loss_d", 2 * n)} <= sizes:
        yield doubt("mixed-batch", f"batch norm sees {2 * n} images in loss_d and {n} in loss_g")
