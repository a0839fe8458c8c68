"""What becomes of a folder: every kind of picture that people have, and everything else that lies about."""

import hashlib
import importlib
import multiprocessing
import os
import random
import tempfile
import zlib
from pathlib import Path

import faults
import numpy as np
import pytest
import torch
from PIL import Image

from infogan_lib import data
from infogan_lib.data.files import FileError

folders = importlib.import_module("infogan_lib.data.folder")  # `data.folder` is the function in it


def read(path, split="all", **options):
    """(pixels, listing) of a folder, 16 x 16 and grey if nothing else is said."""
    images, listing = data.folder(path, **{"size": 16, "channels": 1, "split": split} | options)
    return images.images, listing


def grey(value, size=(20, 20), mode="L"):
    return Image.new(mode, size, value)


@pytest.fixture
def many(tmp_path):
    """Two hundred pictures that differ, in three folders."""
    for i in range(200):
        place = tmp_path / "pictures" / f"part{i % 3}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{i}.png")
    return tmp_path / "pictures"


def fingerprint(path):
    return {
        str(p): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).hexdigest())
        for p in sorted(path.rglob("*"))
        if p.is_file()
    }


def test_pixels_arrive_as_they_are(tmp_path):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    images, listing = read(tmp_path)
    assert images.dtype == torch.uint8 and torch.equal(images[0, 0], torch.from_numpy(pixels))
    assert listing.used == ["a.png"] and not listing.skipped and not listing.notes


def test_colour_is_kept_or_made_grey(tmp_path):
    Image.new("RGB", (16, 16), (255, 128, 0)).save(tmp_path / "a.png")
    images, _ = read(tmp_path, channels=3)
    assert images[0, :, 3, 3].tolist() == [255, 128, 0]
    images, listing = read(tmp_path)
    assert abs(int(images[0, 0, 3, 3]) - (0.299 * 255 + 0.587 * 128)) < 2  # ITU-R 601 luma
    assert listing.notes == {"in colour, made grey": 1}


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_bytes(tmp_path, mode, channels):
    grey(200).convert(mode).save(tmp_path / ("a.tif" if mode in ("CMYK", "LA") else "a.png"))
    images, _ = read(tmp_path, channels=channels)
    want = 200 if mode != "1" else float(np.asarray(grey(200).convert("1")).mean() * 255)  # dithered
    assert images.shape == (1, channels, 16, 16) and abs(images.double().mean() - want) < 12


def test_a_transparent_part_shows_the_background(tmp_path):
    picture = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    picture.paste((90, 90, 90, 255), (0, 0, 8, 16))
    picture.save(tmp_path / "a.png")
    for background in (0, 255):
        images, listing = read(tmp_path, background=background)
        assert images[0, 0, 8, 2] == 90 and images[0, 0, 8, 13] == background
    assert listing.notes == {"transparent: laid on brightness 255": 1}


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_keep_their_brightness(tmp_path, name):
    Image.fromarray(np.full((20, 20), 40_000, np.uint16)).save(tmp_path / name)
    images, listing = read(tmp_path)
    assert images.unique().tolist() == [round(40_000 / 257)]
    assert listing.notes == {"of 16 bits, brought to 8": 1}


def test_of_an_animation_the_first_frame_counts(tmp_path):
    grey(10).save(tmp_path / "a.gif", save_all=True, append_images=[grey(250)], duration=50)
    images, listing = read(tmp_path)
    assert images.unique().tolist() == [10] and listing.notes == {"of several frames or pages: the first is used": 1}


def test_a_photograph_is_turned_as_its_camera_says(tmp_path):
    picture = grey(0, (16, 16))
    picture.paste(255, (0, 0, 16, 8))  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture.save(tmp_path / "a.png", exif=exif)
    images, _ = read(tmp_path)
    assert images[0, 0, 2, 8] == 0 and images[0, 0, 13, 8] == 255


def test_mixed_sizes_are_cropped_or_padded(tmp_path):
    wide = grey(0, (64, 32))
    wide.paste(255, (16, 0, 48, 32))
    wide.save(tmp_path / "wide.png")
    images, listing = read(tmp_path)
    assert images.unique().tolist() == [255] and listing.notes == {"not square: cropped to the middle": 1}
    images, listing = read(tmp_path, fit="pad", background=77)
    assert images[0, 0, 0].unique().tolist() == [77] and images[0, 0, 8, 0] == 0 and images[0, 0, 8, 8] == 255
    assert listing.notes == {"not square: padded": 1}


@pytest.fixture
def attic(tmp_path):
    """One good picture among everything else."""
    grey(5).save(tmp_path / "good.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "good.png").read_bytes()[:-30])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "note.txt").write_text("no picture")
    (tmp_path / "lies.png").write_text("no picture either")
    grey(1, (30, 7)).save(tmp_path / "tiny.png")
    grey(1).save(tmp_path / ".hidden.png")
    grey(1.0, mode="F").save(tmp_path / "float.tif")
    outside = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    outside.mkdir()
    grey(99).save(outside / "linked.png")
    os.symlink(outside / "linked.png", tmp_path / "link.png")
    os.symlink(outside, tmp_path / "linked folder")
    os.mkfifo(tmp_path / "pipe.png")
    return tmp_path


def test_everything_else_is_skipped_and_named(attic):
    images, listing = read(attic)
    assert len(images) == 1 and listing.used == ["good.png"]
    reasons = {
        "half.png": "broken",
        "empty.jpg": "empty",
        "note.txt": "no images",
        "lies.png": "no images",
        "tiny.png": "smaller than 8",
        ".hidden.png": "hidden",
        "float.tif": "32 bits",
        "link.png": "links",
        "linked folder": "links",
        "pipe.png": "no ordinary files",
    }
    assert listing.skipped.keys() == reasons.keys()
    assert all(words in listing.skipped[name] for name, words in reasons.items())
    printed = repr(listing)
    assert "1 pictures used" in printed and "skipped: 10" in printed and "half.png" in printed
    assert str(attic.parent) not in printed


def test_nothing_is_written(attic):
    os.unlink(attic / "pipe.png")
    before = fingerprint(attic)
    os.chmod(attic, 0o500)
    try:
        read(attic)
    finally:
        os.chmod(attic, 0o700)
    assert fingerprint(attic) == before


def growth(path):
    """By how many megabytes the most memory that this process ever had grows while it reads a folder."""

    def peak():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1000 for line in status if line.startswith("VmHWM"))

    before = peak()
    read(path)
    return peak() - before


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="asks Linux for a process's memory")
def test_huge_pictures_cost_no_memory(tmp_path):
    """A few kilobytes that would decode to 200 million and to 4 thousand million pixels."""
    grey(1).save(tmp_path / "good.png")
    Image.new("1", (20_000, 10_000)).save(tmp_path / "large.png")
    bomb = bytearray((tmp_path / "good.png").read_bytes())
    bomb[16:24] = (65_000).to_bytes(4, "big") * 2  # the header's width and height, and its check sum
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bomb)
    _, listing = read(tmp_path)
    assert listing.used == ["good.png"] and len(listing.skipped) == 2
    assert all("too large" in reason for reason in listing.skipped.values())
    with multiprocessing.get_context("fork").Pool(1) as pool:  # a new process: the peak of this one lies behind it
        assert pool.apply(growth, [tmp_path]) < 20


def test_a_large_photograph_is_decoded_small(tmp_path):
    """80 million pixels are refused as a PNG, and are no trouble as a JPEG."""
    picture = grey(0, (10_000, 8_000))
    picture.paste(255, (0, 0, 10_000, 4_000))
    picture.save(tmp_path / "photo.jpg")
    images, listing = read(tmp_path)
    assert listing.used == ["photo.jpg"] and images[0, 0, 2, 8] > 250 and images[0, 0, 13, 8] < 5


def test_too_large_a_file_is_not_opened(tmp_path):
    grey(1).save(tmp_path / "good.png")
    with (tmp_path / "film.png").open("wb") as file:
        file.truncate(folders.MOST_BYTES + 1)  # sparse: takes no room
    assert "200 MB" in read(tmp_path)[1].skipped["film.png"]


def test_the_result_is_bounded(many, monkeypatch):
    monkeypatch.setattr(folders, "MOST_TENSOR", 100 * 16 * 16)
    with pytest.raises(FileError, match="smaller size"):
        read(many)


def test_the_splits_share_out_the_whole(many):
    parts = {split: read(many, split)[1].used for split in ("train", "tune", "test")}
    whole = read(many)[1].used
    assert sorted(name for used in parts.values() for name in used) == whole == sorted(whole)
    assert 120 < len(parts["train"]) < 160 and all(15 < len(parts[split]) < 45 for split in ("tune", "test"))
    assert len(read(many, "train")[1].others) == 200 - len(parts["train"])


def test_a_file_stays_in_its_split(many):
    """Whatever the others do, whatever it is called, and copies with it."""
    before = {(many / name).read_bytes() for name in read(many, "test")[1].used}
    files = sorted(many.rglob("*.png"))
    for i, file in enumerate(random.Random(0).sample(files, 100)):
        file.rename(many / f"renamed-{i}.png")
    for i, file in enumerate(sorted(many.rglob("*.png"))[:50]):
        (many / f"copy-{i}.png").write_bytes(file.read_bytes())
    names = read(many, "test")[1].used
    assert {(many / name).read_bytes() for name in names} == before
    assert not before & {(many / name).read_bytes() for name in read(many, "train")[1].used}


def test_the_same_folder_gives_the_same_images(many, tmp_path):
    (one, _), (two, _) = (data.folder(many, size=16, channels=1, split="train") for _ in range(2))
    assert torch.equal(one.images, two.images) and one.name == two.name and one.labels is None
    grey(1).save(many / "a new one.png")
    names = {data.folder(many, size=16, channels=1, split=s)[0].name for s in ("all", "tune", "test")}
    assert len({*names, one.name}) == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": 0}, "size is"),
        ({"size": 16.0}, "size is"),
        ({"channels": 2}, "1 .grey. or 3"),
        ({"split": "validation"}, "train, tune, test, all"),
        ({"fit": "squash"}, "'crop' or 'pad'"),
        ({"background": 300}, "0 to 255"),
    ],
)
def test_a_wrong_argument_is_named(many, options, says):
    with pytest.raises(ValueError, match=says):
        read(many, **options)


def test_a_folder_without_pictures_says_what_is_there(tmp_path):
    with pytest.raises(FileError, match="not there"):
        read(tmp_path / "nowhere")
    (tmp_path / "note.txt").write_text("no picture")
    with pytest.raises(FileError, match="no folder"):
        read(tmp_path / "note.txt")
    with pytest.raises(FileError, match=r"(?s)no picture to use.*note\.txt.*PNG"):
        read(tmp_path)
    with pytest.raises(FileError, match="is empty"):
        read("")


# -- folders that nobody means, and those that nobody may read ---------------------------------------


def test_what_a_system_keeps_in_hidden_folders_is_not_used(tmp_path):
    grey(5).save(tmp_path / "good.png")
    hidden = [".ipynb_checkpoints", ".git/objects", ".thumbnails", "part/.cache/deep", "__MACOSX", "part/@eaDir/a.png"]
    for name in hidden:
        (tmp_path / name).mkdir(parents=True)
        grey(9).save(tmp_path / name / "copy.png")
    _, listing = read(tmp_path)
    assert listing.used == ["good.png"]
    shut = {".ipynb_checkpoints", ".git", ".thumbnails", "part/.cache", "__MACOSX", "part/@eaDir"}
    assert listing.skipped == dict.fromkeys(shut, "hidden")


def test_a_hidden_folder_that_is_asked_for_is_read(tmp_path):
    (tmp_path / ".mine").mkdir()
    grey(5).save(tmp_path / ".mine" / "good.png")
    assert read(tmp_path / ".mine")[1].used == ["good.png"]


def test_equal_pictures_in_another_split_are_said_to_be_there(tmp_path):
    for i in range(20):
        grey(5).save(tmp_path / f"{i}.png")
    empty = [split for split in ("train", "tune", "test") if not holds(tmp_path, split)]
    assert len(empty) == 2
    with pytest.raises(FileError, match=r"(?s)20 more are in other splits.*equal files stay together.*'all'"):
        read(tmp_path, empty[0])


def holds(path, split):
    try:
        return bool(read(path, split)[1].used)
    except FileError:
        return False


@pytest.mark.skipif(os.name == "nt", reason="the rights are Unix's")
def test_a_folder_without_rights_is_said_to_have_none(open_place):
    grey(5).save(open_place / "good.png")
    for name, rights in (("shut", 0o000), ("listed", 0o444)):
        (open_place / name).mkdir()
        grey(6).save(open_place / name / "a.png")
        (open_place / name).chmod(rights)
    grey(7).save(open_place / "mine.png")
    (open_place / "mine.png").chmod(0o000)
    with faults.ordinary_user():
        images, listing = read(open_place)
        assert listing.used == ["good.png"] and (images == 5).all()
        assert listing.skipped == {
            "shut": "folders that cannot be opened",
            "listed/a.png": "cannot be opened (Permission denied)",
            "mine.png": "cannot be opened (Permission denied)",
        }
        for path in (open_place / "shut", open_place / "shut" / "deeper"):
            with pytest.raises(FileError, match=r"cannot be opened \(Permission denied\).*you may read"):
                read(path)


@pytest.fixture
def open_place():
    """A folder that any user may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        for path in Path(folder).iterdir():
            path.chmod(0o755)
