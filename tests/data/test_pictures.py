"""One picture of any kind: what is damaged is said, what is whole arrives with the right pixels."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from infogan_lib import data

SEVERAL = "of several frames or pages: the first is used"


def encoded(format, frames=1, **options):
    """A file with that many pictures of noise, colour where the format has it."""
    draw = np.random.default_rng(0)
    pictures = [Image.fromarray(draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)) for _ in range(frames)]
    if frames > 1:
        options |= {"save_all": True, "append_images": pictures[1:]}
    content = io.BytesIO()
    pictures[0].save(content, format, **options)
    return content.getvalue()


FILES = {
    "bmp": encoded("BMP"),
    "ppm": encoded("PPM"),
    "jpeg": encoded("JPEG"),
    "progressive jpeg": encoded("JPEG", progressive=True),
    "png": encoded("PNG"),
    "webp": encoded("WEBP"),
    "gif": encoded("GIF"),
    "tiff": encoded("TIFF"),
    "tiff of strips": encoded("TIFF", compression="tiff_lzw"),
    "tiff of jpeg": encoded("TIFF", compression="jpeg"),
    "big tiff": encoded("TIFF", big_tiff=True),
    "animated png": encoded("PNG", 3),
    "animated webp": encoded("WEBP", 3),
    "animated gif": encoded("GIF", 3),
    "mpo": encoded("MPO", 3),
    "tiff of pages": encoded("TIFF", 3),
    "tiff of pages of strips": encoded("TIFF", 3, compression="tiff_deflate"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with one good picture, for another beside it."""
    folder = tmp_path_factory.mktemp("pictures")
    Image.new("L", (20, 20), 7).save(folder / "good.png")
    return folder


def beside(place, content, **options):
    """What becomes of a file of these bytes: (its pixels, a list of notes), or (None, why it was skipped)."""
    (place / "other").write_bytes(content)
    images, listing = data.folder(place, **{"size": 16, "channels": 3, "split": "all"} | options)
    assert listing.used[0] == "good.png" and (images.images[0] == 7).all()
    if "other" in listing.skipped:
        return None, listing.skipped["other"]
    return images.images[1], list(listing.notes)


@pytest.mark.parametrize("kind", FILES)
def test_a_whole_file_is_used_and_several_pictures_in_it_are_said(place, kind):
    pixels, notes = beside(place, FILES[kind])
    assert pixels is not None
    assert notes == ([SEVERAL] if any(word in kind for word in ("animated", "pages", "mpo")) else [])


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=60, deadline=None)
@given(left=st.floats(0, 1, exclude_max=True), wrong=st.integers(0, 3), seed=st.integers(0, 2**32))
def test_a_folder_survives_a_file_that_is_cut_or_wrong_anywhere(place, kind, left, wrong, seed):
    """Whatever the decoder makes of it: the file is used or skipped with a reason, the others are used."""
    content = bytearray(FILES[kind][: int(left * len(FILES[kind]))])
    draw = np.random.default_rng(seed)
    for _ in range(wrong if content else 0):
        content[draw.integers(len(content))] = draw.integers(256)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, said = beside(place, bytes(content))
    assert said is not None


def test_the_first_page_of_a_cut_file_is_used_and_that_is_said(place):
    whole = FILES["tiff of pages"]
    pixels, notes = beside(place, whole[: len(whole) // 2])
    assert notes == ["damaged after the first frame or page, which is used"]
    assert (pixels == beside(place, whole)[0]).all()


# -- wrong or much beside the pixels -----------------------------------------------------------------

UPSIDE_DOWN = (0x0112, 3, 1, 3)
BAD = [
    (0x010F, 5, 1, 8),  # the maker as a fraction
    (0x011A, 2, 4, 2**31),  # the resolution as text, from beyond the end
    (0x011A, 8, 1, 0x52DAAD3),
    (0x0132, 12, 2, 1),  # the date as a float
    (0x8769, 9, 1, 2**31),  # more tags at a place before the file
    (0x8769, 4, 1, 2**31),
    (0xA005, 1, 8, 1),
    (0x0131, 99, 1, 1),  # of a type that there is not
]


def exif(*tags):
    """(number, type, count, value or place) in order."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def half_bright():
    picture = Image.new("L", (32, 32))
    picture.paste(255, (0, 0, 32, 16))
    return picture


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("bad", BAD)
def test_one_bad_tag_costs_neither_the_picture_nor_its_orientation(place, format, bad):
    content = io.BytesIO()
    half_bright().save(content, format, exif=exif(UPSIDE_DOWN, bad))
    pixels, _ = beside(place, content.getvalue())
    assert pixels is not None and pixels[:, 2].max() < 9 and pixels[:, 13].min() > 246


@pytest.mark.parametrize("turn", range(1, 9))
def test_all_eight_orientations_are_set_upright(place, turn):
    """Against Pillow's own way, which wants all tags whole."""
    corner = Image.new("L", (32, 32))
    corner.paste(255, (0, 0, 16, 8))
    content, tags = io.BytesIO(), Image.Exif()
    tags[0x0112] = turn
    corner.save(content, "PNG", exif=tags)
    upright = ImageOps.exif_transpose(Image.open(content)).resize((16, 16), Image.Resampling.BICUBIC)
    assert (beside(place, content.getvalue(), channels=1)[0][0].numpy() == np.asarray(upright)).all()


def test_an_exif_of_noise_turns_nothing(place):
    content = io.BytesIO()
    half_bright().save(content, "JPEG", exif=b"Exif\0\0" + bytes(range(40)))
    pixels, _ = beside(place, content.getvalue())
    assert pixels[:, 2].min() > 246


def test_much_text_and_a_large_profile_are_no_damage(place):
    text = PngImagePlugin.PngInfo()
    text.add_text("history", "a" * 5_000_000, zip=True)
    limit = PngImagePlugin.MAX_TEXT_CHUNK
    for extra in ({"pnginfo": text}, {"icc_profile": bytes(3_000_000)}):
        assert beside(place, encoded("PNG", **extra))[1] == []
    assert limit == PngImagePlugin.MAX_TEXT_CHUNK  # as it was for everybody else


# -- pixels, against the formats' own rules ----------------------------------------------------------


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(depth, colour, row, clear):
    """16 equal rows, of which the value `clear` is transparent."""
    size = struct.pack(">IIBBBBB", 16, 16, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", size), (b"tRNS", clear), (b"IDAT", zlib.compress((b"\0" + row) * 16)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)])
def test_the_transparent_value_of_a_png_shows_the_background(place, depth, colour):
    """PNG (third edition), 11.3.1.1: it is stated in as many bits as the pixels have."""
    most = 2**depth - 1
    values = [x * 37 % (most + 1) if depth < 8 else x * (most // 15) - x for x in range(16)]
    clear = values[3]
    if depth < 8:
        bits = "".join(f"{value:0{depth}b}" for value in values)
        row = int(bits, 2).to_bytes(2 * depth, "big")
    else:
        row = b"".join(value.to_bytes(depth // 8, "big") * (3 if colour else 1) for value in values)
    pixels, notes = beside(
        place, png(depth, colour, row, struct.pack(">H", clear) * (3 if colour else 1)), background=99
    )
    want = [99 if value == clear else value * 255 / most for value in values]
    assert (pixels[1, 5] - torch.tensor(want)).abs().max() < 1  # of colours Pillow drops the lower byte
    assert "transparent: laid on brightness 99" in notes


def test_an_opaque_picture_is_not_called_transparent(place):
    content = io.BytesIO()
    Image.new("RGBA", (20, 20), (10, 20, 30, 255)).save(content, "PNG")
    pixels, notes = beside(place, content.getvalue())
    assert notes == [] and pixels[:, 3, 3].tolist() == [10, 20, 30]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_lab_picture_is_read(place, channels):
    content = io.BytesIO()
    Image.new("LAB", (20, 20), (255, 128, 128)).save(content, "TIFF")  # L* = 100: white
    pixels, notes = beside(place, content.getvalue(), channels=channels)
    assert notes == [] and pixels.min() > 250


def tiff(bits, white_is_zero, row, signed=False):
    """16 equal rows of one strip, uncompressed (TIFF 6.0)."""
    data = row * 16
    tags = {256: 16, 257: 16, 258: bits, 259: 1, 262: int(not white_is_zero), 273: 8, 277: 1, 278: 16, 279: len(data)}
    tags |= {339: 2} if signed else {}
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(("bits", "white_is_zero"), [(8, False), (8, True), (12, False), (16, False), (16, True)])
def test_a_grey_tiff_keeps_its_brightness_at_every_depth(place, bits, white_is_zero):
    most = 2**bits - 1
    values = [x * (most // 15) for x in range(16)]
    if bits == 12:
        row = int("".join(f"{value:012b}" for value in values), 2).to_bytes(24, "big")
    else:
        row = b"".join(value.to_bytes(bits // 8, "little") for value in values)
    pixels, _ = beside(place, tiff(bits, white_is_zero, row))
    want = [round(value * 255 / most) for value in values]
    assert pixels[0, 5].tolist() == ([255 - value for value in want] if white_is_zero else want)


def test_signed_numbers_are_skipped_for_what_they_are(place):
    _, said = beside(place, tiff(16, False, bytes(32), signed=True))
    assert "signed" in said and "16 bits" in said
