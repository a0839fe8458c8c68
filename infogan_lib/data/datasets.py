"""Data sets of others as `Images`: any set of (picture, label) items, and three of torchvision's by name."""

import operator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Subset

from infogan_lib.data.files import ROOT, FileError, expand
from infogan_lib.data.images import Images
from infogan_lib.data.pictures import flat, square


def from_dataset(dataset: Any, *, size: int, channels: int, name: str = "images", limit: int = 50_000) -> Images:
    """The first `limit` items of any data set that has a length, such as one of torchvision's, as Images.

    An item is (picture, label), the picture one of PIL's or a uint8 array (H, W), (H, W, 3) or (H, W, 4). Its middle
    square is brought to size x size, grey (channels=1) or in colour (3). Labels are kept if all are whole numbers.
    Raises ValueError for a wrong argument, an empty set, and a picture of another kind.
    """
    if channels not in (1, 3) or not all(isinstance(n, int) and n >= 1 for n in (size, limit)):
        got = f"size {size!r}, channels {channels!r} and limit {limit!r}"
        raise ValueError(f"from_dataset: size and limit are whole numbers from 1 on, channels 1 or 3; got {got}.")
    n = min(limit, len(dataset))
    if n == 0:
        raise ValueError(f"from_dataset: {name!r} is empty.")
    images, labels = torch.empty(n, size, size, channels, dtype=torch.uint8), []
    for i in range(n):
        try:
            picture, label, *_ = dataset[i]
        except (TypeError, ValueError):
            raise ValueError(f"from_dataset: item {i} of {name!r} is no pair (picture, label).") from None
        if not isinstance(picture, Image.Image):
            pixels = np.asarray(picture)
            if pixels.dtype != np.uint8 or pixels.ndim < 2 or pixels.shape[2:] not in ((), (3,), (4,)):
                raise ValueError(
                    f"from_dataset: item {i} of {name!r} is {pixels.dtype} of shape {pixels.shape}; expected a PIL "
                    "picture or uint8 (H, W) or (H, W, 3). Leave out transforms that make tensors."
                )
            picture = Image.fromarray(pixels)
        final = np.array(square(flat(picture, channels)[0], size))
        images[i] = torch.from_numpy(final).view(size, size, channels)
        labels.append(label)
    try:
        whole = torch.tensor([operator.index(label) for label in labels])
    except (TypeError, ValueError, RuntimeError):  # other labels, or numbers beyond 64 bits
        whole = None
    return Images(images.permute(0, 3, 1, 2).contiguous(), whole, name)


ORIGINS = {
    "fashion": "https://github.com/zalandoresearch/fashion-mnist (unpacked)",
    "svhn": "http://ufldl.stanford.edu/housenumbers/",
    "celeba": "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (img_align_celeba.zip, unpacked)",
}


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
    if name not in ORIGINS:
        raise ValueError(f"from_torchvision: unknown data set {name!r}; choose one of {', '.join(ORIGINS)}.")
    if split not in ("train", "tune", "test"):
        raise ValueError(f"from_torchvision: unknown split {split!r}; choose one of train, tune, test.")
    if limit < 1:
        raise ValueError(f"from_torchvision: limit must be at least 1, got {limit!r}.")
    root = expand(ROOT if root is None else root)
    import torchvision.datasets  # noqa: F401  (takes a second, so only when asked for; a broken one is no missing file)

    try:
        whole, size, channels = _open(name, split, root=root, download=download)
        rows = range(len(whole))
        if name != "celeba" and split != "test":
            cut = len(rows) - len(rows) // 6
            rows = rows[:cut] if split == "train" else rows[cut:]
        images = from_dataset(Subset(whole, rows), size=size, channels=channels, name=f"{name}-{split}", limit=limit)
    except Exception as error:  # a host or a file may fail in any way; the remedy is the same
        missing = ", ".join(str(root / file) for file in _files(name, split) if not (root / file).exists())
        found = f"is not complete: missing {missing}" if missing else f"is damaged in {root}"
        tried = f" The download failed: {type(error).__name__}, {str(error)[:200]}." if download else ""
        other = "" if download else " Or let torchvision fetch them: download=True."
        raise FileError(f"{name} {found}.{tried} Put the original files there, from {ORIGINS[name]}.{other}") from error
    if name != "celeba":
        return images
    attributes = whole.attr[: len(images)].long().T.clone()
    return Images(images.images, None, images.name, dict(zip(filter(None, whole.attr_names), attributes)))


def _open(name: str, split: str, **where: Any) -> tuple[Any, int, int]:
    """(a data set of torchvision, the size and the channels that its pictures get)"""
    from torchvision import datasets, transforms

    published = "test" if split == "test" else "train"
    if name == "fashion":
        return datasets.FashionMNIST(train=published == "train", **where), 28, 1
    if name == "svhn":
        return datasets.SVHN(split=published, **where), 32, 3
    part, crop = "valid" if split == "tune" else split, transforms.CenterCrop(128)
    return datasets.CelebA(split=part, transform=crop, **where), 32, 3


def _files(name: str, split: str) -> list[str]:
    """The files that a split is read from."""
    if name == "fashion":
        part = "t10k" if split == "test" else "train"
        return [f"FashionMNIST/raw/{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
    if name == "svhn":
        return ["test_32x32.mat" if split == "test" else "train_32x32.mat"]
    tables = ("list_attr_celeba", "identity_CelebA", "list_bbox_celeba", "list_landmarks_align_celeba")
    return ["celeba/img_align_celeba", *(f"celeba/{table}.txt" for table in (*tables, "list_eval_partition"))]
