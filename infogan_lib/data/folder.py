"""A folder of pictures, of whatever kind, as one uint8 tensor: what is used, what is skipped, and why.

Every picture becomes size x size pixels of 1 or 3 channels. Files are opened one at a time and nothing is written.
"""

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from infogan_lib.data.files import FileError
from infogan_lib.data.images import Images, sha256

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # read by Pillow itself, without another program
SPLITS = {"train": (0.0, 0.7), "tune": (0.7, 0.85), "test": (0.85, 1.0), "all": (0.0, 1.0)}
SMALLEST = 8  # pixels of the shorter side
MOST_PIXELS = 50_000_000  # of one picture, decoded: 200 MB
MOST_BYTES = 200_000_000  # of one file
MOST_TENSOR = 1_000_000_000  # bytes of the result


class Skip(Exception):
    """Why a file is not used."""


@dataclass
class Listing:
    """What became of a folder's files; printed, it is a summary.

    `used` are paths in the order of the images, `skipped` is {path: reason}, `notes` counts what was changed in those
    used, and `elsewhere` is how many pictures other splits hold.
    """

    path: Path
    split: str
    size: int
    channels: int
    used: list[str] = field(default_factory=list)
    elsewhere: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def __repr__(self) -> str:
        kind = f"{self.size} x {self.size}, {'grey' if self.channels == 1 else 'colour'}"
        lines = [f"{self.path.resolve().name}, split {self.split!r}: {len(self.used):,} pictures used ({kind})"]
        if self.elsewhere:
            lines.append(f"  {self.elsewhere:,} more are in other splits")
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

    They are (N, channels, size, size) uint8, without labels. The name tells the bytes apart, so that a run is resumed
    on the same pictures only.

    `split` is "train" (70 %), "tune" (15 %), "test" (15 %) or "all". A file's bytes decide where it belongs, so it
    stays there when others come or go or it is renamed, and exact copies stay together. Near copies (frames of one
    film) may not. `fit="crop"` takes the middle square, "pad" puts the whole picture on a square of brightness
    `background` (0 to 255), which transparent parts show too. Of an animation the first frame counts.

    Hidden files, links, and pictures too small (8 pixels) or too large (50 million pixels, or a file of 200 MB) are
    skipped. Memory is twice the result (1 GB at most) and one decoded picture; thousands of photographs take minutes.
    Raises ValueError for a wrong argument, and FileError where there is no such folder, no usable picture, or too many.
    """
    _check(size, channels, split, fit, background)
    path = Path(path)
    if not path.is_dir():
        what = "no folder" if path.exists() else "not there"
        raise FileError(f"{path} is {what}. Give the path of a folder of images.")
    pictures: list[np.ndarray] = []
    listing = Listing(path, split, size, channels)
    low, high = SPLITS[split]
    for name, file in _walk(path):
        try:
            if not low <= _place(file) < high:
                with _open(file):
                    listing.elsewhere += 1
                continue
            picture, notes = _picture(file, size, channels, fit, background)
        except Skip as reason:
            listing.skipped[name] = str(reason)
            continue
        pictures.append(picture)
        listing.used.append(name)
        listing.notes.update(notes)
        if len(pictures) * picture.size > MOST_TENSOR:
            raise FileError(f"{path}: more than 1 GB of pictures at {size} x {size}. Use a smaller size, or fewer.")
    if not pictures:
        raise FileError(f"no picture to use.\n{listing}\nPut images ({', '.join(FORMATS)}) in the folder.")
    images = torch.from_numpy(np.stack(pictures))
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


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """(path below the folder with forward slashes, path) of every entry but real folders, in the order of the first."""
    found = []
    for here, folders, names in os.walk(folder):  # which follows no links
        links = [name for name in folders if os.path.islink(os.path.join(here, name))]
        found += [Path(here, name) for name in (*names, *links)]
    return iter(sorted((file.relative_to(folder).as_posix(), file) for file in found))


def _place(file: Path) -> float:
    """Where in [0, 1) the bytes of a file fall; raises Skip for what is not to be opened."""
    if file.name.startswith("."):
        raise Skip("hidden")
    if file.is_symlink():
        raise Skip("links, which are not followed")
    if not file.is_file():
        raise Skip("no ordinary files")
    try:
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


def _open(file: Path) -> Image.Image:
    """An image whose header was read and is of a kind that can be used; raises Skip."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # checked here, at a limit of our own
            image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise Skip("no images of a format that is read, or broken at the start") from None
    except Image.DecompressionBombError:
        raise Skip(f"too large to decode (more than {MOST_PIXELS // 10**6} million pixels)") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise Skip(f"broken ({type(error).__name__})") from None
    if min(image.size) < SMALLEST:
        raise Skip(f"smaller than {SMALLEST} pixels")
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise Skip("of 32 bits a pixel, whose range is unknown; save as 8 or 16 bits")
    return image


def _picture(file: Path, size: int, channels: int, fit: str, background: int) -> tuple[np.ndarray, list[str]]:
    """One file as (channels, size, size) uint8, and what was done to it; raises Skip."""
    with _open(file) as image:
        image.draft(None, (2 * size, 2 * size))  # a JPEG can be decoded at an eighth of its size
        if image.size[0] * image.size[1] > MOST_PIXELS:
            raise Skip(f"too large to decode (more than {MOST_PIXELS // 10**6} million pixels)")
        notes = ["animated: the first frame is used"] if getattr(image, "n_frames", 1) > 1 else []
        try:
            image.load()
            image = ImageOps.exif_transpose(image)
            shown, changed = flat(image, channels, background)
        except Exception as error:  # a decoder may raise anything on broken bytes
            raise Skip(f"broken ({type(error).__name__})") from None
    notes += changed
    if shown.width != shown.height:
        notes.append("not square: cropped to the middle" if fit == "crop" else "not square: padded")
    if fit == "crop":
        final = square(shown, size)
    else:
        colour = background if channels == 1 else (background,) * 3
        final = ImageOps.pad(shown, (size, size), Image.Resampling.BICUBIC, colour)
    pixels = np.asarray(final, np.uint8)
    return (pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)).copy(), notes


def square(picture: Image.Image, size: int) -> Image.Image:
    """The middle square of a picture, brought to size x size."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    middle = picture.crop((left, top, left + side, top + side))  # `resize(box=...)` would mix in what lies outside
    return middle.resize((size, size), Image.Resampling.BICUBIC)


def flat(image: Image.Image, channels: int, background: int = 255) -> tuple[Image.Image, list[str]]:
    """A picture with 8 bits a channel and no transparency, grey or RGB; and what was done for it."""
    notes = []
    if image.mode.startswith("I"):  # "I;16", or "I" that holds 16 bits
        pixels = np.asarray(image).astype(np.int64)
        image = Image.fromarray((pixels.clip(0, 65535) / 257).round().astype(np.uint8))
        notes.append("of 16 bits, brought to 8")
    if "A" in image.getbands() or "transparency" in image.info:
        below = Image.new("RGBA", image.size, (background,) * 3 + (255,))
        image = Image.alpha_composite(below, image.convert("RGBA"))
        notes.append(f"transparent: laid on brightness {background}")
    converted = image.convert("L" if channels == 1 else "RGB")
    if channels == 1 and image.mode not in ("1", "L"):
        bands = np.asarray(image.convert("RGB").resize((16, 16))).astype(int)
        if np.ptp(bands, axis=2).max() > 8:
            notes.append("in colour, made grey")
    return converted, notes
