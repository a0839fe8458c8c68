"""Data sets that torchvision reads, as uint8 tensors: Fashion-MNIST, SVHN, CelebA. Used only where they are there.

torchvision takes a second to import, so it is imported when asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infogan_lib.files import FileError

SPLITS = ("train", "tune", "test")
Set = tuple[Tensor, Tensor | None, dict[str, Tensor]]  # images, labels, factors


@dataclass(frozen=True)
class Source:
    """Where a data set's files lie below `root`, by split, and where they come from."""

    files: Callable[[str], tuple[str, ...]]
    origin: str
    load: Callable[[Any, Path, str, bool, int], Set]


def read(name: str, root: str | Path, split: str, *, download: bool = False, limit: int = 50_000) -> Set:
    """(images (N, C, H, W) uint8, labels (N,) int64 or None, factors {name: (N,) int64}) of a named data set.

    "fashion" (1 x 28 x 28), "svhn" (3 x 32 x 32), "celeba" (3 x 32 x 32: the middle 128 pixels of the aligned faces;
    40 attributes as factors). "tune" is the last sixth of the published training images where there is no validation
    set of its own. `limit` bounds N. `download=True` lets torchvision fetch what is missing into `root`.
    Raises ValueError for an unknown name or split, FileError that names each file to put where if one is missing or
    damaged, or its host is gone.
    """
    if name not in SOURCES:
        raise ValueError(f"from_torchvision: unknown data set {name!r}; choose one of {', '.join(SOURCES)}.")
    if split not in SPLITS:
        raise ValueError(f"from_torchvision: unknown split {split!r}; choose one of {', '.join(SPLITS)}.")
    if limit < 1:
        raise ValueError(f"from_torchvision: limit must be at least 1, got {limit!r}.")
    source, root = SOURCES[name], Path(root)
    from torchvision import datasets

    try:
        return source.load(datasets, root, split, download, limit)
    except Exception as error:  # a host or a file may fail in any way; the remedy is the same
        missing = [root / file for file in source.files(split) if not (root / file).exists()]
        what = f"{name} is damaged in {root}"
        if missing:
            what = f"{name} is not complete: missing " + ", ".join(map(str, missing))
        tried = f" The download failed: {type(error).__name__}, {str(error)[:200]}." if download else ""
        other = "" if download else " Or let torchvision fetch them: download=True."
        raise FileError(f"{what}.{tried} Put the original files there, from {source.origin}.{other}") from error


def _part(n: int, split: str) -> slice:
    """The published training images, cut: the last sixth tunes."""
    return {"train": slice(0, n - n // 6), "tune": slice(n - n // 6, n), "test": slice(0, n)}[split]


def _fashion_files(split: str) -> tuple[str, ...]:
    part = "t10k" if split == "test" else "train"
    return tuple(f"FashionMNIST/raw/{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))


def _fashion(datasets: Any, root: Path, split: str, download: bool, limit: int) -> Set:
    whole = datasets.FashionMNIST(root, train=split != "test", download=download)
    rows = _part(len(whole.data), split)
    return whole.data[rows][:limit].unsqueeze(1).contiguous(), whole.targets[rows][:limit].long(), {}


def _svhn(datasets: Any, root: Path, split: str, download: bool, limit: int) -> Set:
    whole = datasets.SVHN(root, split="test" if split == "test" else "train", download=download)
    rows = _part(len(whole.data), split)
    images = np.ascontiguousarray(whole.data[rows][:limit])
    return torch.from_numpy(images), torch.from_numpy(whole.labels[rows][:limit]), {}


def _celeba(datasets: Any, root: Path, split: str, download: bool, limit: int) -> Set:
    whole = datasets.CelebA(root, split={"tune": "valid"}.get(split, split), download=download)
    n = min(limit, len(whole))
    images = np.empty((n, 3, 32, 32), np.uint8)
    for i, (face, _) in enumerate(itertools.islice(_items(whole), n)):
        left, top = (face.width - 128) // 2, (face.height - 128) // 2
        middle = face.convert("RGB").crop((left, top, left + 128, top + 128))
        images[i] = np.asarray(middle.resize((32, 32))).transpose(2, 0, 1)
    names = [name for name in whole.attr_names if name]
    return torch.from_numpy(images), None, {k: whole.attr[:n, j].long().clone() for j, k in enumerate(names)}


def _items(whole: Any) -> Iterator[Any]:
    return (whole[i] for i in range(len(whole)))


SOURCES = {
    "fashion": Source(_fashion_files, "https://github.com/zalandoresearch/fashion-mnist (unpacked)", _fashion),
    "svhn": Source(
        lambda split: (f"{'test' if split == 'test' else 'train'}_32x32.mat",),
        "http://ufldl.stanford.edu/housenumbers/",
        _svhn,
    ),
    "celeba": Source(
        lambda _: tuple(
            f"celeba/{file}"
            for file in (
                "img_align_celeba",
                "list_attr_celeba.txt",
                "identity_CelebA.txt",
                "list_bbox_celeba.txt",
                "list_landmarks_align_celeba.txt",
                "list_eval_partition.txt",
            )
        ),
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (img_align_celeba.zip, unpacked)",
        _celeba,
    ),
}
