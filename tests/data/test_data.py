import gzip
import multiprocessing
import shutil

import pytest
import torch
import torch.nn.functional as F
import torchvision

from infogan_lib import data
from infogan_lib.core import views
from infogan_lib.data import DataError, Images
from infogan_lib.data.images import resample

RAW = data.ROOT / "MNIST" / "raw"


@pytest.fixture(scope="module")
def torchvisions(tmp_path_factory):
    """torchvision unpacks the same files, in a copy: the repo's folder gets nothing."""
    root = tmp_path_factory.mktemp("torchvision")
    shutil.copytree(RAW, root / "MNIST" / "raw", ignore=shutil.ignore_patterns("*ubyte"))
    for packed in (root / "MNIST" / "raw").glob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    return {train: torchvision.datasets.MNIST(root, train=train) for train in (True, False)}


@pytest.mark.parametrize(
    ("split", "train", "rows"),
    [("train", True, slice(0, 50_000)), ("tune", True, slice(50_000, 60_000)), ("test", False, slice(0, 10_000))],
)
def test_mnist_equals_torchvisions(torchvisions, split, train, rows):
    ours, theirs = data.mnist(split), torchvisions[train]
    assert torch.equal(ours.images[:, 0], theirs.data[rows])
    assert torch.equal(ours.labels, theirs.targets[rows])
    assert ours.images.dtype == torch.uint8 and ours.shape == (1, 28, 28)
    assert ours.images.untyped_storage().nbytes() == len(ours) * 784  # and no other split's memory


def copy(tmp_path):
    shutil.copytree(RAW, tmp_path / "MNIST" / "raw")
    return tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"


def test_missing_truncated_and_altered_are_told_apart(tmp_path):
    file = copy(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1000])
    with pytest.raises(DataError, match="truncated: 1,647,877 bytes of 1,648,877"):
        data.mnist("test", tmp_path)
    file.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    with pytest.raises(DataError, match="altered"):
        data.mnist("test", tmp_path)
    file.unlink()
    with pytest.raises(DataError, match=r"missing.*git checkout"):
        data.mnist("test", tmp_path)
    assert len(data.mnist("train", tmp_path)) == 50_000  # the other files are still good


def test_a_read_only_folder_is_enough_and_nothing_is_written(tmp_path):
    file = copy(tmp_path)
    before = sorted(p.name for p in file.parent.iterdir())
    file.parent.chmod(0o555)
    try:
        assert len(data.mnist("test", tmp_path)) == 10_000
    finally:
        file.parent.chmod(0o755)
    assert sorted(p.name for p in file.parent.iterdir()) == before


def total(split):
    return int(data.mnist(split).images.sum())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="forks, which is fast")
def test_two_processes_read_at_once():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert set(pool.map(total, ["test", "test"], chunksize=1)) == {total("test")}


def test_an_unknown_split_lists_the_known_ones():
    with pytest.raises(ValueError, match="train, tune, test"):
        data.mnist("validation")


def test_bytes_become_floats_and_back():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    floats = data.to_float(every)
    assert floats.min() == -1 and floats.max() == 1
    assert torch.equal(data.to_uint8(floats), every)
    assert data.to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_images_refuses_what_is_no_image_set():
    with pytest.raises(ValueError, match="uint8"):
        Images(torch.zeros(3, 1, 8, 8))
    with pytest.raises(ValueError, match="non-empty"):
        Images(torch.zeros(0, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="labels"):
        Images(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.zeros(2))


def test_augment_moves_little_keeps_the_background_and_repeats():
    digits = data.mnist("test").batch(slice(0, 64))
    first, again = (views.augment(digits, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == digits.shape
    assert (first[:, :, 0] == -1).float().mean() > 0.95
    assert 0.05 < (first - digits).abs().mean() < 0.5
    assert torch.allclose(views.augment(digits, strength=0.0), digits, atol=1e-4)
    ink, first_ink = ((images + 1).sum((1, 2, 3)) for images in (digits, first))
    assert (first_ink / ink).log().abs().max() < 0.6


def test_augment_with_stroke_thickens_some_and_thins_others():
    digits = data.mnist("test").batch(slice(0, 200))
    plain = views.augment(digits, torch.Generator().manual_seed(0))
    stroked = views.augment(digits, torch.Generator().manual_seed(0), stroke=0.7)
    change = (stroked - plain).mean((1, 2, 3))
    assert (change > 0.01).sum() > 50 and (change < -0.01).sum() > 50
    assert stroked.min() >= -1.0001 and stroked.max() <= 1.0001


def test_images_are_equal_to_themselves_alone_and_known_by_their_bytes():
    draw = torch.randint(256, (3, 1, 8, 8), dtype=torch.uint8)
    one, same, turned = (Images(images) for images in (draw, draw.clone(), draw.flip(0)))
    assert one == one and one != same
    assert one.checksum == same.checksum == Images(draw, torch.arange(3), "other").checksum != turned.checksum
    assert Images(draw.transpose(2, 3).contiguous().transpose(2, 3)).checksum == one.checksum  # however it is laid out


def test_resampled_images_go_on_beyond_their_edge_as_torch_has_it():
    g = torch.Generator().manual_seed(0)
    for shape in ((5, 1, 28, 28), (4, 3, 6, 9)):
        images, affine = torch.randn(shape, generator=g), torch.randn(shape[0], 2, 3, generator=g)
        grid = F.affine_grid(affine, list(shape), align_corners=False)
        theirs = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
        torch.testing.assert_close(resample(images, grid), theirs, atol=1e-5, rtol=0)
        assert resample(images, grid).shape == images.shape
