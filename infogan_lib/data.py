"""Images as one uint8 tensor, with labels or factors beside them that no training ever reads.

A batch becomes float in [-1, 1] when it is made, on whatever device the images live.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from infogan_lib import faces as face_renderer
from infogan_lib import files, folders, torchvision_data

ROOT = Path(__file__).resolve().parent.parent / "data"

# name: (bytes, md5) of the files as Yann LeCun published them; torchvision checks the same sums.
MNIST_FILES = {
    "train-images-idx3-ubyte.gz": (9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "train-labels-idx1-ubyte.gz": (28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
    "t10k-images-idx3-ubyte.gz": (1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
    "t10k-labels-idx1-ubyte.gz": (4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
}
MNIST_SPLITS = {
    "train": ("train", slice(0, 50_000)),
    "tune": ("train", slice(50_000, 60_000)),
    "test": ("t10k", slice(0, 10_000)),
}


class DataError(Exception):
    """A data file is missing, truncated or altered; the message says which, and the remedy."""


@dataclass(frozen=True)
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


def mnist(split: str = "train", root: str | Path | None = None) -> Images:
    """MNIST from the .gz files under `root` (default: the repo's data/). Nothing is downloaded or written.

    "train": the first 50,000 training digits. "tune": the last 10,000, for choosing settings and for
    fitting the code-to-digit matching. "test": the 10,000 test digits, for final figures only.
    Raises ValueError for another split and DataError for a missing, truncated or altered file.
    """
    if split not in MNIST_SPLITS:
        raise ValueError(f"mnist: unknown split {split!r}; choose one of {', '.join(MNIST_SPLITS)}.")
    folder = Path(root if root is not None else ROOT) / "MNIST" / "raw"
    part, rows = MNIST_SPLITS[split]
    images = _read_idx(folder / f"{part}-images-idx3-ubyte.gz", rows)
    labels = _read_idx(folder / f"{part}-labels-idx1-ubyte.gz", rows)
    return Images(images.unsqueeze(1), labels.long(), f"mnist-{split}")


def faces(n: int, seed: int = 0, size: int = 32, free: Iterable[str] = (), cache: str | Path | None = None) -> Images:
    """n rendered faces, grey, size x size (32 or 64), with their `factors`; `faces.TABLE` says what each one means.

    The same arguments give the same bytes. `free` lets "skin" and "background" vary. The name says renderer,
    size, number and seed, so that the manifest of a model trained on them does too. The first call renders (about
    1,500 images of 32 x 32 a second) and keeps the result in the folder `cache` (default: infogan_lib in
    $XDG_CACHE_HOME or ~/.cache); a damaged file there is made again, a folder that cannot be written is no error.
    Raises ValueError as `faces.sample` and `faces.render` do. `infogan_lib.faces` says why no real faces ship.
    """
    free = sorted(set(free))
    renderer = face_renderer.fingerprint()
    about = {"renderer": renderer, "n": n, "seed": seed, "size": size, "free": free}
    name = "-".join(["faces", str(size), renderer[:8], f"n{n}", f"seed{seed}", *free])
    path = _cache(cache) / f"{name}.safetensors"
    try:
        tensors, manifest = files.load_tensors(path)
        images, factors = tensors["images"], {k: tensors[k] for k in face_renderer.FACTORS}
        if manifest == about | {"sha256": _sha256(images, factors)}:
            return Images(images, None, name, factors)
    except (files.FileError, OSError, KeyError):
        pass  # not there yet, or damaged: made anew
    images, factors = face_renderer.make(n, seed, size, free)
    with contextlib.suppress(files.FileError, OSError):  # a full or read-only disk costs time, and nothing else
        files.save_tensors(path, {"images": images, **factors}, about | {"sha256": _sha256(images, factors)})
    return Images(images, None, name, factors)


def folder(
    path: str | Path, *, size: int, channels: int, split: str, fit: str = "crop", background: int = 255
) -> tuple[Images, folders.Report]:
    """Your own pictures, and a report of what was used, what was skipped and why: see `folders.read`, which this calls.

    No label is made of them. The name tells the bytes apart, so that a run is resumed on the same pictures only.
    Raises ValueError for a wrong argument and FileError where there is no picture to use.
    """
    images, report = folders.read(path, size=size, channels=channels, split=split, fit=fit, background=background)
    name = f"folder-{Path(path).resolve().name}-{size}x{size}x{channels}-{split}-{_sha256(images, {})[:8]}"
    return Images(images, None, name), report


def from_torchvision(
    name: str, root: str | Path | None = None, split: str = "train", *, download: bool = False, limit: int = 50_000
) -> Images:
    """ "fashion", "svhn" or "celeba" from their original files under `root` (default: the repo's data/).

    See `torchvision_data.read` for splits and errors: ValueError for an unknown name, FileError for missing files.
    """
    root = root if root is not None else ROOT
    images, labels, factors = torchvision_data.read(name, root, split, download=download, limit=limit)
    return Images(images, labels, f"{name}-{split}", factors or None)


def _cache(folder: str | Path | None) -> Path:
    """Where rendered images are kept."""
    if folder is not None:
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")) / "infogan_lib"


def _sha256(images: Tensor, factors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(images.numpy().tobytes())
    for values in factors.values():
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def check_file(path: Path) -> bytes:
    """The bytes of one of the MNIST_FILES; raises DataError saying what is wrong with it."""
    size, md5 = MNIST_FILES[path.name]
    remedy = f"Restore it with `git checkout -- data/MNIST`, or put the original file (md5 {md5}) at {path}."
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing. {remedy}") from None
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror}). {remedy}") from None
    if len(content) < size:
        raise DataError(f"{path.name} is truncated: {len(content):,} bytes of {size:,}. {remedy}")
    if (found := hashlib.md5(content, usedforsecurity=False).hexdigest()) != md5:
        raise DataError(f"{path.name} was altered: its md5 is {found}, not {md5}. {remedy}")
    return content


def _read_idx(path: Path, rows: slice) -> Tensor:
    """Some rows of an idx file: two zero bytes, the type (8 = uint8), the rank, then each size, big-endian.

    The checksum vouches for the header. Other rows are passed over as they are unpacked, so that a small split takes
    little memory.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(check_file(path))) as file:
        rank = file.read(4)[3]
        _, *shape = np.frombuffer(file.read(4 * rank), ">i4").tolist()
        file.seek(rows.start * math.prod(shape), os.SEEK_CUR)
        wanted = bytearray(file.read((rows.stop - rows.start) * math.prod(shape)))
    return torch.frombuffer(wanted, dtype=torch.uint8).view(-1, *shape)


def augment(
    images: Tensor, generator: torch.Generator | None = None, strength: float = 1.0, stroke: float = 0.0
) -> Tensor:
    """A random affine copy of each image, (N, C, H, W) -> the same shape: turned, shifted, scaled, sheared.

    What a class of images should not depend on is the one thing it says about the data without a
    label. `strength` scales every range below; the random numbers are drawn on the CPU.
    """
    n = len(images)
    u = (2 * torch.rand(n, 7, generator=generator) - 1) * strength
    angle, shear = 0.26 * u[:, 0], 0.4 * u[:, 1]  # radians (15 degrees), and x moved by 0.4 y
    scale_x, scale_y = (0.2 * u[:, 2]).exp(), (0.2 * u[:, 3]).exp()
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    warp = torch.stack([scale_x, scale_x * shear, torch.zeros(n), scale_y], 1).view(n, 2, 2)
    affine = torch.cat([turn @ warp, 0.14 * u[:, 4:6, None]], dim=2)  # shifts of up to 2 pixels of 28
    grid = F.affine_grid(affine.to(images.device, non_blocking=True), list(images.shape), align_corners=False)
    # Shifted by one so that what enters from outside is -1, the background, and not grey 0.
    moved = F.grid_sample(images + 1, grid, align_corners=False) - 1
    if not stroke:
        return moved
    # Bright strokes on dark: the local maximum thickens them, the local minimum thins them.
    amount = (stroke * u[:, 6]).view(n, 1, 1, 1).to(images.device, non_blocking=True)
    thick, thin = F.max_pool2d(moved, 3, 1, 1), -F.max_pool2d(-moved, 3, 1, 1)
    return moved + amount.clamp(min=0) * (thick - moved) - amount.clamp(max=0) * (thin - moved)
