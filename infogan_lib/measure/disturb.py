"""Images a little less exact: in one named way, to see which codes survive it, or in all ways, to train a reader.

Built in notebook 09.
"""

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.core.latent import Latent
from infogan_lib.data.images import resample, to_float, to_uint8
from infogan_lib.measure import Reads
from infogan_lib.measure.metrics import measure_nats

DISTURBANCES = {"blur": (0, 0.5, 1, 1.5, 2), "noise": (0, 0.1, 0.2, 0.4, 0.8), "shift": (0, 1, 2, 3)}


def disturb(images: Tensor, kind: str, strength: float, generator: torch.Generator | None = None) -> Tensor:
    """Images (N, C, H, W) in [-1, 1], disturbed so little that an eye sees the same thing in them.

    "blur" by a Gaussian of `strength` pixels, "noise" of that standard deviation in each pixel, or a "shift" by that
    many whole pixels, each image up, down, left or right by chance, the border repeated. The result is rounded to the
    256 levels of a picture, since an unrounded blur can be undone and so would lose nothing.
    Raises ValueError for another kind or a negative strength.
    """
    if kind not in DISTURBANCES or strength < 0:
        kinds = ", ".join(DISTURBANCES)
        raise ValueError(f"disturb: expected one of {kinds} by at least 0, got {kind!r} by {strength!r}.")
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


def degrade(images: Tensor, generator: torch.Generator) -> Tensor:
    """Copies of (N, 1, H, W) images, blurred, noisy, moved by up to a pixel and of altered contrast, each by chance.

    A generator's images differ from renders in these ways; none of them changes a cause of a face. `FaceReader` is
    trained on such copies. The random numbers are drawn on the CPU.
    """
    n, _, height, width = images.shape
    u = torch.rand(n, 7, generator=generator) * torch.rand(n, 1, generator=generator)
    sign = torch.randint(2, (n, 3), generator=generator) * 2 - 1
    affine = torch.eye(2, 3).repeat(n, 1, 1)
    affine[:, :, 2] = sign[:, :2] * u[:, :2] * torch.tensor([2 / width, 2 / height])
    grid = F.affine_grid(affine.to(images.device), list(images.shape), align_corners=False)
    moved = resample(images, grid)
    blur, noise, contrast = (u[:, k].view(n, 1, 1, 1).to(images.device) for k in (2, 3, 4))
    blurred = F.avg_pool2d(F.pad(moved, (1, 1, 1, 1), mode="replicate"), 3, 1)
    moved = moved + blur * (blurred - moved)
    moved = moved * (1 + 0.15 * contrast * sign[:, 2].view(n, 1, 1, 1).to(images.device))
    return moved + 0.15 * noise * torch.randn(images.shape, generator=generator).to(images.device)


class Disturbed:
    """A model whose images are disturbed before anyone reads them; it can be measured like any other.

        measure_nats(Disturbed(model, "blur", 1.0))                    # what the model's own Q still reads
        probe_information(Disturbed(model, "blur", 1.0), "digit")      # what a Q trained on such images reads

    Where the first falls and the second does not, the code is still in the image, and Q is not used to such images.
    Where both fall, the code was in what the disturbance removes.
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
    """L_I in nats of each code against how far n fakes are disturbed: {kind: [{"strength": s, code: nats, ...}, ...]}.

    Read by the model's own Q, so a fall may also mean that Q is not used to such images; see `Disturbed`.
    A code near 0 at one pixel of blur was written where no eye sees it, as CycleGAN's was (arXiv:1712.02950).
    """
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in disturbances}
    for kind, strengths in disturbances.items():
        for strength in strengths:
            nats = measure_nats(Disturbed(model, kind, strength, seed), n, seed)
            found[kind].append({"strength": strength, **{code: one["mean"] for code, one in nats.items()}})
    return found
