"""Images as one uint8 tensor, with labels or factors beside them that no training ever reads.

A batch becomes float in [-1, 1] when it is made, on whatever device the images live.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Images:
    """`images` (N, C, H, W) uint8 and, for measuring only, `labels` (N,) int64 or None and `factors` {name: (N,)} or
    None: the causes of each image, float32, or int64 for a discrete one."""

    images: Tensor
    labels: Tensor | None = None
    name: str = "images"
    factors: Mapping[str, Tensor] | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != torch.uint8 or len(self.images) == 0:
            raise ValueError(
                f"Images: expected a non-empty uint8 tensor (N, C, H, W), got {tuple(self.images.shape)} "
                f"of {self.images.dtype}. Floats in [-1, 1] become uint8 with data.to_uint8."
            )
        if self.labels is not None and self.labels.shape != (len(self.images),):
            raise ValueError(f"Images: {len(self.images)} images but labels of shape {tuple(self.labels.shape)}.")
        for name, values in (self.factors or {}).items():
            if values.shape != (len(self.images),):
                raise ValueError(f"Images: {len(self.images)} images but {name!r} of shape {tuple(values.shape)}.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)"""
        return tuple(self.images.shape[1:])

    @cached_property
    def checksum(self) -> str:
        """What tells these images from all others, by their bytes and order (of 50,000 digits: a tenth of a second)."""
        return sha256(self.images.cpu(), {})

    def batch(self, index: Tensor | slice) -> Tensor:
        """Float images in [-1, 1], (n, C, H, W), on the images' device."""
        if isinstance(index, Tensor):
            index = index.to(self.images.device)
        return to_float(self.images[index])

    def to(self, device: torch.device | str) -> Images:
        """The same set with its images on `device`."""
        return replace(self, images=self.images.to(device))


def to_float(images: Tensor) -> Tensor:
    """uint8 0..255 -> float in [-1, 1], the range of G's tanh."""
    return images.float().div_(127.5).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Float in [-1, 1] -> uint8, rounded; values beyond the range are clipped."""
    return images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def resample(images: Tensor, grid: Tensor) -> Tensor:
    """Images (N, C, H, W) where `grid`, (N, H, W, 2) from `affine_grid`, looks; beyond an edge, the edge goes on.

    As `grid_sample` with padding "border", which Apple's chips lack: places are moved to the outermost pixels' middles.
    """
    sides = torch.tensor(images.shape[:1:-1], device=grid.device)  # width, height
    inside = torch.maximum(torch.minimum(grid, 1 - 1 / sides), 1 / sides - 1)
    return F.grid_sample(images, inside, align_corners=False)


def sha256(images: Tensor, factors: Mapping[str, Tensor]) -> str:
    """The checksum of images and factors, 64 hexadecimal digits."""
    digest = hashlib.sha256(images.contiguous().numpy().data)
    for values in factors.values():
        digest.update(values.contiguous().numpy().data)
    return digest.hexdigest()
