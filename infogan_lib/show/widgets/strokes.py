"""A drawing as MNIST would hold it: fitted to a box of 20 x 20 pixels, centred by its mass in 28 x 28, soft-edged.

Pure functions; `draw` shows what they return. The recipe is LeCun et al. 1998, section III.A, and the MNIST page.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from infogan_lib.data.images import to_float

SIZE, BOX = 28, 20  # MNIST's picture, and the box that the ink is fitted to
CENTRE = 14.5  # where the centre of mass goes, both ways: the middle of the pixel with index 14, in MNIST
MARGIN = (SIZE - BOX) // 2  # how far centring may move the box before ink would leave the picture
BRUSH, EDGE = 2.4, 1.2  # width of a stroke and of its soft edge, in pixels: they give MNIST's mean ink, 0.13
LEAST = 3.0  # a drawing smaller than this, of the canvas's 28 units, is not enlarged to fill the box: a dot stays a dot
INK = 0.002  # brightness, of 1, from which a pixel counts as ink: any of the 256 grey levels but black


def to_mnist(drawing: Any) -> Tensor:
    """A drawing -> the float image (1, 1, 28, 28) in [-1, 1] that MNIST would have made of it.

    `drawing` is either a list of strokes, each a list of points [x, y] with y downwards on a canvas of 28 x 28
    units, or the pixels of one grey image with bright ink: (H, W), (1, H, W) or (1, 1, H, W), uint8 or float in
    [-1, 1]. Where and how large it was drawn does not matter; strokes also come out equally thick.
    Raises ValueError for a drawing without ink, for numbers that are not finite and for other shapes.
    """
    if isinstance(drawing, (Tensor, np.ndarray)):
        return _from_pixels(torch.as_tensor(drawing))
    strokes = check(drawing)
    if not strokes:
        raise ValueError("to_mnist: the drawing is empty; give at least one stroke.")
    return _from_strokes(strokes)


def check(strokes: Any) -> list[Tensor]:
    """Strokes as tensors (n, 2), the empty ones left out; raises ValueError for anything that is no stroke."""
    try:
        tensors = [torch.tensor(stroke, dtype=torch.float32) for stroke in strokes if len(stroke)]
    except (TypeError, ValueError):
        tensors = [torch.empty(0)]
    if any(t.ndim != 2 or t.shape[1] != 2 for t in tensors):
        raise ValueError("strokes: expected lists of points [x, y], such as [[[4, 4], [20, 4]], [[20, 4], [12, 24]]].")
    if not all(t.isfinite().all() for t in tensors):
        raise ValueError("strokes: got a coordinate that is NaN or infinite; give finite numbers.")
    return tensors


def rasterise(strokes: Sequence[Tensor]) -> Tensor:
    """Strokes (n, 2) in pixels -> brightness (28, 28) in [0, 1]: bright near a stroke, with a soft edge."""
    starts = torch.cat([s[:-1] if len(s) > 1 else s for s in strokes])
    ends = torch.cat([s[1:] if len(s) > 1 else s for s in strokes])
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    pixels = torch.stack([x, y], dim=-1).view(-1, 1, 2)
    along = ends - starts
    # The nearest point of each segment; a dot is a segment of length 0.
    share = ((pixels - starts) * along).sum(-1) / along.square().sum(-1).clamp(min=1e-9)
    distance = (pixels - starts - share.clamp(0, 1)[..., None] * along).square().sum(-1).amin(1).sqrt()
    return ((BRUSH + EDGE) / 2 - distance).div(EDGE).clamp(0, 1).view(SIZE, SIZE)


def picture(strokes: Any, base: Sequence[int]) -> Tensor | None:
    """What Q is shown, (1, 1, 28, 28) in [-1, 1]: strokes over `base`, 784 grey levels or (). None if both are empty.

    A base alone is left as it is; with strokes on it, the two are fitted and centred together.
    """
    drawn = check(strokes)
    if not len(base):
        return to_mnist(strokes) if drawn else None
    under = to_float(torch.tensor(base, dtype=torch.uint8)).view(1, 1, SIZE, SIZE)
    return to_mnist(torch.maximum(under, 2 * rasterise(drawn) - 1)) if drawn else under


def _from_strokes(strokes: list[Tensor]) -> Tensor:
    points = torch.cat(strokes)
    low, high = points.amin(0), points.amax(0)
    # The stroke's own width is part of the box.
    scale = (BOX - BRUSH) / (high - low).max().clamp(min=LEAST)
    placed = [(s - (low + high) / 2) * scale + SIZE / 2 for s in strokes]
    shift = (CENTRE - _centre_of_mass(rasterise(placed))).clamp(-MARGIN, MARGIN)
    return rasterise([s + shift for s in placed]).mul(2).sub(1).view(1, 1, SIZE, SIZE)


def _from_pixels(pixels: Tensor) -> Tensor:
    ink = ((to_float(pixels) if pixels.dtype == torch.uint8 else pixels.float()) + 1) / 2
    if ink.ndim < 2 or ink.numel() != ink.shape[-1] * ink.shape[-2]:
        raise ValueError(f"to_mnist: expected one grey image (H, W) or (1, 1, H, W), got {tuple(pixels.shape)}.")
    ink = ink.reshape(ink.shape[-2:])
    if not ink.isfinite().all() or ink.min() < -1e-3 or ink.max() > 1 + 1e-3:
        raise ValueError("to_mnist: expected floats in [-1, 1], or uint8; data.to_float makes the one of the other.")
    rows, columns = [(ink > INK).any(axis).nonzero()[:, 0] for axis in (1, 0)]
    if not len(rows):
        raise ValueError("to_mnist: the image is empty; ink is bright on dark.")
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = [max(1, round(n * BOX / max(ink.shape))) for n in ink.shape]
    small = F.interpolate(ink[None, None], (height, width), mode="bilinear", antialias=True)[0, 0].clamp(0, 1)
    x, y = (CENTRE - _centre_of_mass(small)).round().int().tolist()  # whole pixels, as MNIST was made: no new blur
    x, y = min(max(x, 0), SIZE - width), min(max(y, 0), SIZE - height)
    return F.pad(small, (x, SIZE - width - x, y, SIZE - height - y)).mul(2).sub(1).view(1, 1, SIZE, SIZE)


def _centre_of_mass(ink: Tensor) -> Tensor:
    """(x, y) of (H, W) brightness, in pixels from the upper left corner."""
    x = (ink.sum(0) * (torch.arange(ink.shape[1]) + 0.5)).sum()
    y = (ink.sum(1) * (torch.arange(ink.shape[0]) + 0.5)).sum()
    return torch.stack([x, y]) / ink.sum()
