"""One picture from a file of any kind: opened with care, brought to 8 bits, made opaque, squared.

A file that cannot be used raises `Skip` with the reason, whatever a decoder makes of it.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # read by Pillow itself, without another program
SMALLEST = 8  # pixels of the shorter side
MOST_PIXELS = 50_000_000  # of one picture, decoded: 200 MB
BITS, PHOTOMETRIC, ORIENTATION = 258, 262, 274  # tags of TIFF and EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # the value of ORIENTATION: what sets the picture upright
GREYS = {"L;2": 85, "L;4": 17}  # how Pillow scales grey PNGs of 2 and 4 bits


class Skip(Exception):
    """Why a file is not used."""


def header(file: Path) -> None:
    """Raises Skip where even the beginning of `file` says that it cannot be used."""
    with _decoding(), _open(file):
        pass


def picture(file: Path, size: int, channels: int, fit: str, background: int) -> tuple[np.ndarray, list[str]]:
    """One file as (channels, size, size) uint8, and what was done to it; raises Skip."""
    with _decoding(), _open(file) as image:
        image.draft(None, (2 * size, 2 * size))  # a JPEG can be decoded at an eighth of its size
        if image.size[0] * image.size[1] > MOST_PIXELS:
            raise Skip(f"too large to decode (more than {MOST_PIXELS // 10**6} million pixels)")
        shown, notes = flat(image, channels, background)
        shown = _upright(shown, image)
        try:  # to count them is to read on behind the first, where a cut file ends
            if getattr(image, "n_frames", 1) > 1:
                notes.append("of several frames or pages: the first is used")
        except Exception:
            notes.append("damaged after the first frame or page, which is used")
    if shown.width != shown.height:
        notes.append("not square: cropped to the middle" if fit == "crop" else "not square: padded")
    if fit == "crop":
        final = square(shown, size)
    else:
        colour = background if channels == 1 else (background,) * 3
        final = ImageOps.pad(shown, (size, size), Image.Resampling.BICUBIC, colour)
    pixels = np.asarray(final, np.uint8)
    return (pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)).copy(), notes


@contextmanager
def _decoding() -> Iterator[None]:
    """Whatever Pillow raises in here is a Skip: on broken bytes its decoders may raise anything."""
    longest = PngImagePlugin.MAX_TEXT_CHUNK
    try:
        # A photograph may carry more than the 1 MB of text that Pillow unzips; of all texts together it takes 64.
        PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked here, at a limit of our own; damage is reported
            yield
    except Skip:
        raise
    except UnidentifiedImageError:
        raise Skip("no images of a format that is read, or broken at the start") from None
    except Image.DecompressionBombError:
        raise Skip(f"too large to decode (more than {MOST_PIXELS // 10**6} million pixels)") from None
    except Exception as error:
        raise Skip(f"broken ({type(error).__name__})") from None
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK = longest


def _open(file: Path) -> Image.Image:
    """An image whose header was read and is of a kind that can be used; raises Skip."""
    image = Image.open(file, formats=FORMATS)
    if min(image.size) < SMALLEST:
        raise Skip(f"smaller than {SMALLEST} pixels")
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise Skip("of 32 bits or signed numbers, whose range is unknown; save as 8 or unsigned 16 bits")
    clear = image.info.get("transparency")
    if image.format == "PNG" and clear is not None:  # stated in the file's numbers, and Pillow changes the pixels
        depth = image.tile[0][3]
        if depth in GREYS:
            image.info["transparency"] = GREYS[depth] * clear
        elif depth == "RGB;16B":
            image.info["transparency"] = tuple(value >> 8 for value in clear)
    return image


def _upright(shown: Image.Image, image: Image.Image) -> Image.Image:
    """Turned as the camera says; an EXIF that says nothing readable of it turns nothing."""
    try:  # the one tag alone: another, however bad, is no reason to lose the picture
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:
        return shown
    return shown if turn is None else shown.transpose(turn)


def square(picture: Image.Image, size: int) -> Image.Image:
    """The middle square of a picture, brought to size x size."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    middle = picture.crop((left, top, left + side, top + side))  # `resize(box=...)` would mix in what lies outside
    return middle.resize((size, size), Image.Resampling.BICUBIC)


def flat(image: Image.Image, channels: int, background: int = 255) -> tuple[Image.Image, list[str]]:
    """A picture with 8 bits a channel and no transparency, grey or RGB; and what was done for it."""
    notes = []
    image.load()
    if image.mode.startswith("I"):  # "I;16", or "I" that holds 16 bits
        image = _eight_bits(image)
        notes.append("of 16 bits, brought to 8")
    elif image.mode == "LAB":  # whose A is no alpha
        image = image.convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        if np.asarray(image)[..., 3].min() < 255:
            below = Image.new("RGBA", image.size, (background,) * 3 + (255,))
            image = Image.alpha_composite(below, image)
            notes.append(f"transparent: laid on brightness {background}")
    converted = image.convert("L" if channels == 1 else "RGB")
    if channels == 1 and image.mode not in ("1", "L"):
        bands = np.asarray(image.convert("RGB").resize((16, 16))).astype(int)
        if np.ptp(bands, axis=2).max() > 8:
            notes.append("in colour, made grey")
    return converted, notes


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits as one of 8. Pillow leaves two things to us: TIFFs of 12 bits, and with white as 0."""
    tags, clear = getattr(image, "tag_v2", {}), image.info.get("transparency")
    most = 4095 if tags.get(BITS) == (12,) else 65535
    pixels = np.asarray(image).astype(np.int64)
    grey = (pixels.clip(0, most) * 255 / most).round().astype(np.uint8)
    shown = Image.fromarray(255 - grey if tags.get(PHOTOMETRIC) == 0 else grey)
    if clear is not None:
        shown.putalpha(Image.fromarray(np.where(pixels == clear, 0, 255).astype(np.uint8)))
    return shown
