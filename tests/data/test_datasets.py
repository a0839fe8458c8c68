"""Any data set as Images; the named ones, read from small files in the published format, or said to be missing."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image
from torchvision import datasets

from infogan_lib import Training, data
from infogan_lib.data.files import FileError
from infogan_lib.training import presets

ATTRIBUTES = [f"Attribute_{i}" for i in range(40)]


def idx(array):
    """An array of bytes in the idx format: magic number, sizes, content."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_fashion(root, n=180):
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", n), ("t10k", 100)):
        draw = np.random.default_rng(count)
        images = draw.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(draw.integers(0, 10, count, dtype=np.uint8)))


def write_svhn(root, patch, n=180):
    table = {}
    for split in ("train", "test"):
        draw = np.random.default_rng(len(split))
        labels = draw.integers(1, 11, (n, 1), dtype=np.uint8)  # 10 stands for the digit 0
        images = draw.integers(0, 256, (32, 32, 3, n), dtype=np.uint8)
        scipy.io.savemat(root / f"{split}_32x32.mat", {"X": images, "y": labels})
        sum_ = hashlib.md5((root / f"{split}_32x32.mat").read_bytes()).hexdigest()
        table[split] = ["http://127.0.0.1:9/", f"{split}_32x32.mat", sum_]
    patch.setattr(datasets.SVHN, "split_list", table)  # the sums of our small files, and a host that is gone


def write_celeba(root, patch, n=150):
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{i:06d}.jpg" for i in range(1, n + 1)]
    draw = np.random.default_rng(0)
    for i, name in enumerate(names):
        face = Image.new("RGB", (178, 218), (255, 255, 255))
        face.paste((i, 0, 200), (25, 45, 153, 173))  # the middle 128 pixels
        face.save(folder / "img_align_celeba" / name, quality=100, subsampling=0)
    signs = draw.choice([-1, 1], (n, 40))
    rows = list(zip(names, signs))
    lines = {
        "list_attr_celeba.txt": [str(n), " ".join(ATTRIBUTES), *(f"{k} {' '.join(map(str, s))}" for k, s in rows)],
        "identity_CelebA.txt": [f"{name} {i}" for i, name in enumerate(names)],
        "list_bbox_celeba.txt": [str(n), "image_id x_1 y_1 width height", *(f"{k} 1 1 9 9" for k in names)],
        "list_landmarks_align_celeba.txt": [str(n), "a b c d e f g h i j", *(f"{k}{' 1' * 10}" for k in names)],
        "list_eval_partition.txt": [f"{k} {0 if i < 130 else 1 if i < 140 else 2}" for i, k in enumerate(names)],
    }  # fmt: skip
    sums = []
    for name, content in lines.items():
        (folder / name).write_text("\n".join(content) + "\n")
        sums.append(("id", hashlib.md5((folder / name).read_bytes()).hexdigest(), name))
    patch.setattr(datasets.CelebA, "file_list", sums)
    return signs


# -- any data set ------------------------------------------------------------------------------------

GREY = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)


def items(pictures, labels=(2, 0, 1)):
    return list(zip(pictures, labels))


@pytest.mark.parametrize("kind", [Image.fromarray, np.asarray, torch.from_numpy])
def test_pictures_of_a_data_set_arrive_as_they_are(kind):
    grey = data.from_dataset(items(map(kind, GREY)), size=8, channels=1)
    assert torch.equal(grey.images, torch.from_numpy(GREY)[:, None]) and grey.name == "images"
    colour = data.from_dataset(items(map(kind, COLOUR)), size=8, channels=3, name="squares")
    assert torch.equal(colour.images, torch.from_numpy(COLOUR).permute(0, 3, 1, 2)) and colour.name == "squares"
    assert colour.labels.tolist() == [2, 0, 1] and colour.labels.dtype == torch.int64


def test_grey_becomes_colour_and_colour_grey():
    colour = data.from_dataset(items(GREY), size=8, channels=3).images
    assert torch.equal(colour, torch.from_numpy(GREY)[:, None].expand(-1, 3, -1, -1))
    grey = data.from_dataset(items(COLOUR), size=8, channels=1).images[:, 0]
    luma = COLOUR @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    assert (grey.double() - torch.from_numpy(luma)).abs().max() <= 1


def test_the_middle_square_is_brought_to_size():
    wide = np.zeros((32, 64, 3), np.uint8)
    wide[:, 16:48] = (200, 100, 0)
    images = data.from_dataset([(wide, 0)], size=16, channels=3).images
    assert images.shape == (1, 3, 16, 16) and images[0].flatten(1).unique(dim=1).tolist() == [[200], [100], [0]]


def test_a_transparent_part_is_white_as_in_a_folder():
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:, :4] = (90, 90, 90, 255)
    assert data.from_dataset([(clear, 0)], size=8, channels=1).images[0, 0, 3].tolist() == [90] * 4 + [255] * 4


def test_no_more_items_than_the_limit_are_read():
    read = []

    class Endless:
        def __len__(self):
            return 10**12

        def __getitem__(self, i):
            read.append(i)
            return GREY[0], i, "a third part is passed over"

    images = data.from_dataset(Endless(), size=8, channels=1, limit=4)
    assert len(images) == 4 and images.labels.tolist() == read == [0, 1, 2, 3]


@pytest.mark.parametrize("labels", [(np.int32(2), np.uint8(0), True), (torch.tensor(2), torch.tensor([0]), 1)])
def test_labels_that_are_whole_numbers_are_kept(labels):
    assert data.from_dataset(items(GREY, labels), size=8, channels=1).labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize("odd", [1.0, "oak", None, torch.tensor([1, 2]), np.float32(1)])
def test_other_labels_are_left_out(odd):
    assert data.from_dataset(items(GREY, (0, 1, odd)), size=8, channels=1).labels is None


@pytest.mark.parametrize(
    ("pictures", "options", "says"),
    [
        ([], {}, "empty"),
        (GREY, {"channels": 2}, "channels 2"),
        (GREY, {"size": 0}, "size 0"),
        (GREY, {"limit": 0}, "limit 0"),
        (GREY, {"size": 8.5}, r"size 8\.5"),
        (GREY / 255, {}, r"item 0 of 'images' is float64 of shape \(8, 8\)"),
        (COLOUR.transpose(0, 3, 1, 2), {"channels": 3}, r"uint8 of shape \(3, 8, 8\)"),
        (GREY[:, 0], {}, r"shape \(8,\)"),
    ],
)
def test_what_no_images_can_be_made_of_is_named(pictures, options, says):
    with pytest.raises(ValueError, match=says):
        data.from_dataset(items(pictures), **{"size": 8, "channels": 1} | options)


@pytest.mark.parametrize("item", [(GREY[0],), Image.fromarray(GREY[0]), 5])
def test_an_item_that_is_no_pair_is_named(item):
    with pytest.raises(ValueError, match=r"item 0 .*pair"):
        data.from_dataset([item], size=8, channels=1)


def test_a_label_beyond_64_bits_is_no_label():
    assert data.from_dataset([(GREY[0], 2**70)], size=8, channels=1).labels is None


# -- data sets by name -------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path, monkeypatch):
    """All three, small."""
    write_fashion(tmp_path)
    write_svhn(tmp_path, monkeypatch)
    write_celeba(tmp_path, monkeypatch)
    monkeypatch.setattr(data.datasets, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "shape", "sizes"),
    [
        ("fashion", (1, 28, 28), (150, 30, 100)),
        ("svhn", (3, 32, 32), (150, 30, 180)),
        ("celeba", (3, 32, 32), (130, 10, 10)),
    ],
)
def test_shapes_and_splits(root, name, shape, sizes):
    parts = {split: data.from_torchvision(name, root, split) for split in ("train", "tune", "test")}
    assert {p.shape for p in parts.values()} == {shape} and tuple(map(len, parts.values())) == sizes
    assert [p.name for p in parts.values()] == [f"{name}-{split}" for split in parts]
    assert not any(torch.equal(a, b) for a in parts["train"].images for b in parts["tune"].images)
    assert len(data.from_torchvision(name, root, "train", limit=7)) == 7


def test_fashion_has_the_bytes_of_the_file(root):
    whole = (root / "FashionMNIST" / "raw" / "train-images-idx3-ubyte").read_bytes()
    train, tune = (data.from_torchvision("fashion", root, split) for split in ("train", "tune"))
    assert torch.cat([train.images, tune.images]).numpy().tobytes() == whole[16:]
    labels = (root / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte").read_bytes()[8:]
    assert data.from_torchvision("fashion", root, "test").labels.tolist() == list(labels)


def test_svhn_has_its_pixels_in_place(root):
    mat = scipy.io.loadmat(root / "test_32x32.mat")
    test = data.from_torchvision("svhn", root, "test")
    assert test.images[5, 2, 7, 9] == mat["X"][7, 9, 2, 5]
    assert test.labels.tolist() == [int(y) % 10 for y in mat["y"][:, 0]]


def test_celeba_shows_the_middle_and_has_attributes(tmp_path, monkeypatch):
    signs = write_celeba(tmp_path, monkeypatch)
    tune = data.from_torchvision("celeba", tmp_path, "tune")
    assert list(tune.factors) == ATTRIBUTES and tune.labels is None
    assert tune.factors["Attribute_3"].tolist() == ((signs[130:140, 3] + 1) // 2).tolist()
    wanted = torch.tensor([134, 0, 200])[:, None, None]
    assert (tune.images[4].int() - wanted).abs().max() < 12  # no white border; JPEG is not exact


@pytest.mark.parametrize("name", ["fashion", "svhn", "celeba"])
def test_the_preset_trains_on_such_files(root, name):
    preset = presets.load(name)
    run = Training(preset.build(), preset.data("train"), preset.recipe, seed=0, device="cpu")
    before = run.model.generator[0].weight.detach().clone()
    reports = [next(run) for _ in range(2)]
    assert all(torch.isfinite(v).all() for v in reports[-1].values().values())
    assert set(reports[-1].nats) == set(preset.spec.names) and not torch.equal(before, run.model.generator[0].weight)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("fashion", "FashionMNIST/raw/train-images-idx3-ubyte"),
        ("svhn", "train_32x32.mat"),
        ("celeba", "celeba/img_align_celeba"),
    ],
)
def test_a_missing_set_says_which_file_belongs_where(tmp_path, name, file):
    with pytest.raises(FileError) as error:
        data.from_torchvision(name, tmp_path)
    assert (
        str(tmp_path / file) in str(error.value) and "http" in str(error.value) and "download=True" in str(error.value)
    )
    assert not list(tmp_path.rglob("*.gz"))  # nothing was fetched


def test_a_host_that_is_gone_is_no_dead_end(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(datasets.SVHN, "split_list", {"train": ["http://127.0.0.1:9/x", "train_32x32.mat", "0"]})
    for name, file in (("fashion", "train-labels-idx1-ubyte"), ("svhn", "train_32x32.mat")):
        with pytest.raises(FileError) as error:
            data.from_torchvision(name, tmp_path, download=True)
        assert "download failed" in str(error.value) and file in str(error.value)


def test_damage_is_told_from_absence(root):
    (root / "test_32x32.mat").write_bytes(b"half a file")
    with pytest.raises(FileError, match="damaged"):
        data.from_torchvision("svhn", root, "test")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "imagenet"}, "fashion, svhn, celeba"),
        ({"split": "extra"}, "train, tune, test"),
        ({"limit": 0}, "limit"),
    ],
)
def test_wrong_arguments_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        data.from_torchvision(**{"name": "svhn"} | options)


def test_a_broken_torchvision_is_not_blamed_on_the_files(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ImportError):
        data.from_torchvision("fashion", tmp_path)


def test_torchvision_is_imported_when_it_is_used():
    code = "import sys; from infogan_lib.training import presets; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_presets_have_the_papers_latents():
    """Appendix C: 124 + 4 x Cat10 + 4 for SVHN, 128 + 10 x Cat10 for CelebA."""
    assert (presets.load("svhn").spec.width, presets.load("celeba").spec.width) == (168, 228)
    for name in ("fashion", "svhn", "celeba"):
        assert "never trained to the end" in presets.load(name).about


def test_the_papers_network_in_colour_layer_by_layer():
    model = presets.load("svhn").build()
    convolutions = [tuple(m.weight.shape[:2]) for m in model.generator if isinstance(m, torch.nn.ConvTranspose2d)]
    assert convolutions == [(448, 256), (256, 128), (128, 64), (64, 3)]
    assert model.generator[0].weight.shape == (448 * 4, 168)
    convolutions = [tuple(m.weight.shape[:2]) for m in model.trunk if isinstance(m, torch.nn.Conv2d)]
    assert convolutions == [(64, 3), (128, 64), (256, 128)]
    norms = [m.num_features for m in (*model.generator, *model.trunk) if hasattr(m, "num_features")]
    assert norms == [448 * 4, 256, 128, 256]
