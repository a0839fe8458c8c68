"""Views of written digits: what a pen and a hand change, and what each code is to be read in spite of.

    nudged      as "moved", and strokes thicker or thinner: what a digit may do and still be that digit
    blurred     only coarse shapes are left: a lean or a weight is easy to see, a detail hard
    any-build   blurred, strokes thicker or thinner, the digit wider and higher or less so, by chance: what Q reads
                there cannot be the build
    any-lean    blurred, sheared and turned by chance: what Q reads there cannot be the lean

So a code that has "any-build" can come to mean the lean, and one that has "any-lean" the build. That is knowledge about
handwriting, put in by us: `measure.view_probe` measures what each view leaves to be read on real digits, with their
labels, and the ranges below were chosen by its table and by tuning runs. In training a view looks at no real image and
no label.
"""

from functools import cache

import torch
from torch import Tensor

from infogan_lib.core.views import Seen, Values, augment, register, restroke, warped

BLUR = 2.0  # pixels of 28: the standard deviation of the blur
STROKE = 0.8  # of a pixel on each side
STRETCH = 0.3  # of the logarithm of width and height
SHEAR, TURN = 0.8, 0.3  # x moved by up to 0.8 y; radians


def blur(images: Tensor, pixels: float = BLUR) -> Tensor:
    """Images (N, C, H, W) in [-1, 1] through a Gaussian of that standard deviation; black (-1) beyond the edges."""
    rows, columns = (_smoothing(side, pixels).to(images, non_blocking=True) for side in images.shape[-2:])
    return rows @ (images + 1) @ columns.T - 1


@cache
def _smoothing(side: int, pixels: float) -> Tensor:
    """(side, side): each row the Gaussian's weights around its place, cut at two deviations.

    Two products with such matrices take a hundredth of the time that a convolution's gradient takes on a CPU.
    """
    place = torch.arange(side)
    apart = (place[:, None] - place).float()
    weights = (-((apart / pixels) ** 2) / 2).exp() * (apart.abs() <= 2 * pixels)
    return weights / weights[side // 2].sum()


def nudged(images: Tensor, values: Values, generator: torch.Generator | None = None) -> Seen:
    """Turned, shifted, scaled, sheared, strokes thickened or thinned: see `augment`. No code changes."""
    return augment(images, generator, stroke=0.7), dict(values)


def any_build(images: Tensor, values: Values, generator: torch.Generator | None = None) -> Seen:
    """Strokes thicker or thinner by up to STROKE pixels, each side longer or shorter by up to STRETCH; blurred."""
    n = len(images)
    amount = STROKE * _between(n, generator).view(n, 1, 1, 1).to(images.device, non_blocking=True)
    affine = torch.zeros(n, 2, 3)
    affine[:, 0, 0], affine[:, 1, 1] = ((STRETCH * _between(n, generator)).exp() for _ in range(2))
    return blur(warped(restroke(images, amount), affine)), dict(values)


def any_lean(images: Tensor, values: Values, generator: torch.Generator | None = None) -> Seen:
    """Sheared by up to SHEAR and turned by up to TURN, then blurred. No code changes."""
    n = len(images)
    shear, turn, still = SHEAR * _between(n, generator), TURN * _between(n, generator), torch.zeros(n)
    affine = torch.stack([turn.cos(), shear - turn.sin(), still, turn.sin(), turn.cos(), still], 1).view(n, 2, 3)
    return blur(warped(images, affine)), dict(values)


def _between(n: int, generator: torch.Generator | None) -> Tensor:
    """(n,) numbers from -1 to 1, drawn on the CPU."""
    return 2 * torch.rand(n, generator=generator) - 1


def blurred(images: Tensor, values: Values, generator: torch.Generator | None = None) -> Seen:
    """The blur alone, nothing drawn."""
    return blur(images), dict(values)


register("nudged")(nudged)
register("blurred", centre=blur)(blurred)
register("any-build", centre=blur)(any_build)
register("any-lean", centre=blur)(any_lean)
