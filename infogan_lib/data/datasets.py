"""Data sets of others as `Images`: any set of (picture, label) items, and three of torchvision's by name.

torchvision takes a second to import, so it is imported when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infogan_lib.data.files import ROOT, FileError
from infogan_lib.data.folder import square
from infogan_lib.data.images import Images

SPLITS = ("train", "tune", "test")


def from_dataset(
    dataset: Any, *, size: int, channels: int, name: str = "images", limit: int = 50_000, first: int = 0
) -> Images:
    """Items `first` to `first + limit` of any data set, such as one of torchvision's, as Images of size x size.

    An item is (picture, label), the picture one of PIL's or a uint8 array (H, W) or (H, W, C). Its middle square is
    taken, in grey (channels = 1) or colour (3). Labels are kept where each is a whole number.
    Raises ValueError for a wrong argument and for a data set with nothing to take.
    """
    from PIL import Image

    if channels not in (1, 3) or limit < 1:
        raise ValueError(f"from_dataset: channels is 1 or 3 and limit at least 1, got {channels!r} and {limit!r}.")
    rows = range(first, min(first + limit, len(dataset)))
    if not rows:
        raise ValueError(f"from_dataset: {name} has {len(dataset)} items, and none from {first} on.")
    pixels, labels = [], []
    for i in rows:
        picture, label = dataset[i][:2]
        if not isinstance(picture, Image.Image):
            picture = Image.fromarray(np.asarray(picture))
        array = np.asarray(square(picture.convert("L" if channels == 1 else "RGB"), size))
        pixels.append(array[None] if channels == 1 else array.transpose(2, 0, 1))
        labels.append(label)
    whole = all(isinstance(label, (int, np.integer)) for label in labels)
    return Images(torch.from_numpy(np.stack(pixels)), torch.tensor(labels) if whole else None, name)


@dataclass(frozen=True)
class Source:
    """A data set of torchvision: how its split is opened, what its pictures become, which files it needs."""

    open: Callable[[Any, Path, str, bool], Any]
    size: int
    channels: int
    files: Callable[[str], Sequence[str]]  # below `root`, of a split
    origin: str


def from_torchvision(
    name: str, root: str | Path | None = None, split: str = "train", *, download: bool = False, limit: int = 50_000
) -> Images:
    """ "fashion", "svhn" or "celeba" from their original files under `root` (default: the repo's data/).

    fashion is 1 x 28 x 28, svhn 3 x 32 x 32, celeba 3 x 32 x 32: the middle 128 pixels of the aligned faces, with their
    40 attributes as factors. "tune" is the last sixth of the published training images where there is no validation set
    of its own. `limit` bounds the number. `download=True` lets torchvision fetch what is missing into `root`.
    Raises ValueError for an unknown name or split, FileError that names each file to put where if one is missing or
    damaged, or its host is gone.
    """
    if name not in SOURCES:
        raise ValueError(f"from_torchvision: unknown data set {name!r}; choose one of {', '.join(SOURCES)}.")
    if split not in SPLITS:
        raise ValueError(f"from_torchvision: unknown split {split!r}; choose one of {', '.join(SPLITS)}.")
    if limit < 1:
        raise ValueError(f"from_torchvision: limit must be at least 1, got {limit!r}.")
    source, root = SOURCES[name], Path(ROOT if root is None else root)
    from torchvision import datasets

    try:
        whole = source.open(datasets, root, split, download)
        n, first = len(whole), 0
        if name != "celeba" and split != "test":  # the published training images, of which the last sixth tunes
            cut = n - n // 6
            first, n = (0, cut) if split == "train" else (cut, n)
        images = from_dataset(
            whole,
            size=source.size,
            channels=source.channels,
            name=f"{name}-{split}",
            limit=min(limit, n - first),
            first=first,
        )
    except Exception as error:  # a host or a file may fail in any way; the remedy is the same
        missing = [root / file for file in source.files(split) if not (root / file).exists()]
        what = f"{name} is damaged in {root}"
        if missing:
            what = f"{name} is not complete: missing " + ", ".join(map(str, missing))
        tried = f" The download failed: {type(error).__name__}, {str(error)[:200]}." if download else ""
        other = "" if download else " Or let torchvision fetch them: download=True."
        raise FileError(f"{what}.{tried} Put the original files there, from {source.origin}.{other}") from error
    if name != "celeba":
        return images
    attributes = whole.attr[: len(images)].T.long().clone()
    return Images(images.images, None, images.name, dict(zip(filter(None, whole.attr_names), attributes)))


def _fashion(datasets: Any, root: Path, split: str, download: bool) -> Any:
    return datasets.FashionMNIST(root, train=split != "test", download=download)


def _svhn(datasets: Any, root: Path, split: str, download: bool) -> Any:
    return datasets.SVHN(root, split="test" if split == "test" else "train", download=download)


def _celeba(datasets: Any, root: Path, split: str, download: bool) -> Any:
    from torchvision.transforms import CenterCrop

    part = "valid" if split == "tune" else split
    return datasets.CelebA(root, split=part, transform=CenterCrop(128), download=download)


def _fashion_files(split: str) -> list[str]:
    part = "t10k" if split == "test" else "train"
    return [f"FashionMNIST/raw/{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]


def _svhn_files(split: str) -> list[str]:
    return [f"{'test' if split == 'test' else 'train'}_32x32.mat"]


def _celeba_files(split: str) -> list[str]:
    tables = ("list_attr_celeba", "identity_CelebA", "list_bbox_celeba", "list_landmarks_align_celeba")
    return ["celeba/img_align_celeba", *(f"celeba/{table}.txt" for table in (*tables, "list_eval_partition"))]


SOURCES = {
    "fashion": Source(_fashion, 28, 1, _fashion_files, "https://github.com/zalandoresearch/fashion-mnist (unpacked)"),
    "svhn": Source(_svhn, 32, 3, _svhn_files, "http://ufldl.stanford.edu/housenumbers/"),
    "celeba": Source(
        _celeba,
        32,
        3,
        _celeba_files,
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (img_align_celeba.zip, unpacked)",
    ),
}
