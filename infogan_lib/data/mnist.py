"""MNIST from its original files, checked byte by byte."""

import gzip
import hashlib
import io
import math
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from infogan_lib.data.files import ROOT, expand
from infogan_lib.data.images import Images

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


def mnist(split: str = "train", root: str | Path | None = None) -> Images:
    """MNIST from the .gz files under `root` (default: the repo's data/). Nothing is downloaded or written.

    "train": the first 50,000 training digits. "tune": the last 10,000, for choosing settings and for
    fitting the code-to-digit matching. "test": the 10,000 test digits, for final figures only.
    Raises ValueError for another split and DataError for a missing, truncated or altered file.
    """
    if split not in MNIST_SPLITS:
        raise ValueError(f"mnist: unknown split {split!r}; choose one of {', '.join(MNIST_SPLITS)}.")
    folder = expand(ROOT if root is None else root) / "MNIST" / "raw"
    part, rows = MNIST_SPLITS[split]
    images = _read_idx(folder / f"{part}-images-idx3-ubyte.gz", rows)
    labels = _read_idx(folder / f"{part}-labels-idx1-ubyte.gz", rows)
    return Images(images.unsqueeze(1), labels.long(), f"mnist-{split}")


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
