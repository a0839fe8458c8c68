"""A folder of pictures, of whatever kind, as one uint8 tensor: what is used, what is skipped, and why.

Every picture becomes size x size pixels of 1 or 3 channels. Files are opened one at a time and nothing is written.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from infogan_lib.data import files, pictures
from infogan_lib.data.files import FileError
from infogan_lib.data.images import Images, sha256
from infogan_lib.data.pictures import FORMATS, Skip

SPLITS = {"train": (0.0, 0.7), "tune": (0.7, 0.85), "test": (0.85, 1.0), "all": (0.0, 1.0)}
MOST_BYTES = 200_000_000  # of one file
MOST_TENSOR = 1_000_000_000  # bytes of the result
# Folders that a person does not see, in which systems keep small copies of pictures or files about them.
HIDDEN = (".", "__MACOSX", "@eaDir")


@dataclass
class Listing:
    """What became of a folder's files; printed, it is a summary.

    `used` are paths in the order of the images, `others` those of pictures in other splits, `skipped` is
    {path: reason}, and `notes` counts what was changed in those used.
    """

    path: Path
    split: str
    size: int
    channels: int
    used: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def __repr__(self) -> str:
        kind = f"{self.size} x {self.size}, {'grey' if self.channels == 1 else 'colour'}"
        lines = [f"{self.path.resolve().name}, split {self.split!r}: {len(self.used):,} pictures used ({kind})"]
        if self.others:
            lines.append(f"  {len(self.others):,} more are in other splits")
        lines += [f"  {count:,} {note}" for note, count in sorted(self.notes.items())]
        lines += [f"skipped: {len(self.skipped):,}"] if self.skipped else []
        reasons: dict[str, list[str]] = {}
        for name, reason in self.skipped.items():
            reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            lines.append(f"  {len(names):,} {reason}: {some}")
        return "\n".join(lines)


def folder(
    path: str | Path, *, size: int, channels: int, split: str, fit: str = "crop", background: int = 255
) -> tuple[Images, Listing]:
    """Your own pictures below `path`, ordered by path, and a listing of what was used, what was skipped and why.

    They are (N, channels, size, size) uint8, without labels. A run on them is resumed on the same pictures in the
    same order only, whatever the folder is called by then.

    `split` is "train" (70 %), "tune" (15 %), "test" (15 %) or "all". A file's bytes decide where it belongs, so it
    stays there when others come or go or it is renamed, and exact copies stay together. Near copies (frames of one
    film) may not. `fit="crop"` takes the middle square, "pad" puts the whole picture on a square of brightness
    `background` (0 to 255), which transparent parts show too. Of several frames or pages the first counts.

    Hidden files and folders, links, what may not be read, and pictures too small (8 pixels) or too large (50 million
    pixels, or a file of 200 MB) are skipped. Memory is twice the result (1 GB at most) and one decoded picture;
    thousands of photographs take minutes.
    Raises ValueError for a wrong argument, and FileError where there is no such folder, it cannot be opened, or it
    holds no usable picture, or too many.
    """
    _check(size, channels, split, fit, background)
    path = _opened(path)
    found: list[np.ndarray] = []
    listing = Listing(path, split, size, channels)
    low, high = SPLITS[split]
    for name, file in _walk(path):
        try:
            if not low <= _place(file) < high:
                pictures.header(file)
                listing.others.append(name)
                continue
            picture, notes = pictures.picture(file, size, channels, fit, background)
        except Skip as reason:
            listing.skipped[name] = str(reason)
            continue
        found.append(picture)
        listing.used.append(name)
        listing.notes.update(notes)
        if len(found) * picture.size > MOST_TENSOR:
            raise FileError(f"{path}: more than 1 GB of pictures at {size} x {size}. Use a smaller size, or fewer.")
    if not found:
        mend = f"Put images ({', '.join(FORMATS)}) in the folder."
        if listing.others:
            mend = "All went to other splits: equal files stay together. Add pictures that differ, or read split 'all'."
        raise FileError(f"no picture to use.\n{listing}\n{mend}")
    images = torch.from_numpy(np.stack(found))
    name = f"folder-{path.resolve().name}-{size}x{size}x{channels}-{split}-{sha256(images, {})[:8]}"
    return Images(images, None, name), listing


def _check(size: int, channels: int, split: str, fit: str, background: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or not 4 <= size <= 1024:
        raise ValueError(f"folder: size is a whole number of pixels from 4 to 1024, got {size!r}.")
    if channels not in (1, 3):
        raise ValueError(f"folder: channels is 1 (grey) or 3 (colour), got {channels!r}.")
    if split not in SPLITS:
        raise ValueError(f"folder: unknown split {split!r}; choose one of {', '.join(SPLITS)}.")
    if fit not in ("crop", "pad"):
        raise ValueError(f"folder: fit is 'crop' or 'pad', got {fit!r}.")
    if not 0 <= background <= 255:
        raise ValueError(f"folder: background is a brightness from 0 to 255, got {background!r}.")


def _opened(path: str | Path) -> Path:
    """The folder that is meant; raises FileError where it cannot be listed."""
    remedy = "Give the path of a folder of images."
    if not str(path):
        raise FileError(f"the path of the folder is empty. {remedy}")
    path = files.expand(path)
    try:
        os.scandir(path).close()
    except FileNotFoundError:
        raise FileError(f"{path} is not there. {remedy}") from None
    except NotADirectoryError:
        raise FileError(f"{path} is no folder. {remedy}") from None
    except OSError as error:
        raise FileError(f"{path} cannot be opened ({error.strerror}). Give a folder that you may read.") from error
    return path


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """(path below the folder with forward slashes, path) of every entry, in the order of the first.

    Of folders only those that are not entered: links, hidden ones, and those that cannot be opened.
    """
    found: list[Path] = []
    failed: list[OSError] = []
    for here, folders, names in os.walk(folder, onerror=failed.append):
        shut = [name for name in folders if name.startswith(HIDDEN) or os.path.islink(os.path.join(here, name))]
        folders[:] = [name for name in folders if name not in shut]
        found += [Path(here, name) for name in (*names, *shut)]
    found += [Path(error.filename) for error in failed]
    return iter(sorted((file.relative_to(folder).as_posix(), file) for file in found))


def _place(file: Path) -> float:
    """Where in [0, 1) the bytes of a file fall; raises Skip for what is not to be opened."""
    if file.name.startswith(HIDDEN):
        raise Skip("hidden")
    try:
        if file.is_symlink():
            raise Skip("links, which are not followed")
        if file.is_dir():
            raise Skip("folders that cannot be opened")
        if not file.is_file():
            raise Skip("no ordinary files")
        if (length := file.stat().st_size) > MOST_BYTES:
            raise Skip("files larger than 200 MB")
        if length == 0:
            raise Skip("empty")
        with file.open("rb") as content:
            digest = hashlib.sha256()
            while block := content.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise Skip(f"cannot be opened ({error.strerror})") from None
    return int.from_bytes(digest.digest()[:6], "big") / 2**48
