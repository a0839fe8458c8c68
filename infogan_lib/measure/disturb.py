"""Images a little less exact: how much of a code is left then, and how a reader gets used to it. Notebook 09."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.core.latent import Latent
from infogan_lib.data.images import to_float, to_uint8
from infogan_lib.measure import Reads
from infogan_lib.measure.metrics import measure_nats

DISTURBANCES = {"blur": (0, 0.5, 1, 1.5, 2), "noise": (0, 0.1, 0.2, 0.4, 0.8), "shift": (0, 1, 2, 3)}


def disturb(images: Tensor, kind: str, strength: float, generator: torch.Generator | None = None) -> Tensor:
    """Images (N, C, H, W) in [-1, 1], a little less exact; what an eye sees in them stays.

    "blur" by a Gaussian of `strength` pixels, "noise" of that standard deviation in each pixel, or a "shift" by that
    many whole pixels up, down, left or right, each image its own way, the border repeated. The result is a picture
    again, of 256 levels from -1 to 1: unrounded, a blur would lose nothing, since it can be undone.
    Raises ValueError for another kind or a negative strength.
    """
    if kind not in DISTURBANCES or strength < 0:
        raise ValueError(f"disturb: {', '.join(DISTURBANCES)} by at least 0, got {kind!r} by {strength!r}.")
    if kind == "noise":
        images = images + strength * torch.randn(images.shape, generator=generator).to(images)
    elif kind == "blur" and strength > 0:
        reach = math.ceil(3 * strength)
        line = torch.exp(-torch.arange(-reach, reach + 1).to(images).square() / (2 * strength**2))
        kernel = (line / line.sum()).expand(images.shape[1], 1, 1, -1)
        images = F.conv2d(F.pad(images, (reach, reach, 0, 0), "replicate"), kernel, groups=len(kernel))
        images = F.conv2d(F.pad(images, (0, 0, reach, reach), "replicate"), kernel.mT, groups=len(kernel))
    elif kind == "shift":
        s, (height, width) = int(strength), images.shape[2:]
        padded = F.pad(images, (s, s, s, s), "replicate")
        corners = [(0, s), (2 * s, s), (s, 0), (s, 2 * s)]
        ways = torch.stack([padded[:, :, y : y + height, x : x + width] for y, x in corners])
        images = ways[torch.randint(4, (len(images),), generator=generator), torch.arange(len(images))]
    return to_float(to_uint8(images))


class Disturbed:
    """A model whose images are disturbed before anyone reads them; it can be measured like any other.

        measure_nats(Disturbed(model, "blur", 1.0))                    # what the model's own Q still reads
        probe_information(Disturbed(model, "blur", 1.0), "digit")      # what a Q trained on such images reads

    Where the first falls and the second does not, the code is still in the image and Q has lost its way; where both
    fall, the code was hidden in what the disturbance removes.
    """

    def __init__(self, model: Reads, kind: str, strength: float, seed: int = 0) -> None:
        self.model, self.spec, self.kind, self.strength = model, model.spec, kind, strength
        self.generator = torch.Generator().manual_seed(seed)

    def generate(self, latent: Latent) -> Tensor:
        return disturb(self.model.generate(latent), self.kind, self.strength, self.generator)

    def read(self, images: Tensor) -> Mapping[str, Distribution]:
        return self.model.read(images)


def visibility(
    model: Reads, n: int = 2000, seed: int = 0, disturbances: Mapping[str, Sequence[float]] = DISTURBANCES
) -> dict[str, list[dict[str, float]]]:
    """L_I of each code against how far n fakes are disturbed: {kind: [{"strength": s, code: nats, ...}, ...]}.

    Read by the model's own Q, so a fall may also mean that Q is not used to such images; `Disturbed` tells the two
    apart. Near 0 at one pixel of blur, a code was written where no eye looks (arXiv:1712.02950). Notebook 09.
    """

    def nats(kind: str, strength: float) -> dict[str, float]:
        return {k: v["mean"] for k, v in measure_nats(Disturbed(model, kind, strength, seed), n, seed).items()}

    return {kind: [{"strength": s, **nats(kind, s)} for s in along] for kind, along in disturbances.items()}
