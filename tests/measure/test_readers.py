import math

import pytest
import torch
from torch.nn import functional as F

from infogan_lib import data
from infogan_lib.core import views
from infogan_lib.data import Images, files
from infogan_lib.data.files import FileError
from infogan_lib.measure import readers


@pytest.fixture(scope="module")
def tune():
    whole = data.mnist("tune")
    return Images(whole.images[:2000], whole.labels[:2000], "tune-2000")


@pytest.fixture(scope="module")
def reader():
    return readers.digit_reader()


def block(width, height, lean=0.0, size=41):
    """A bright block on -1, its row at height y above the middle shifted by lean * y, edges drawn by coverage."""
    columns = torch.arange(size) - size // 2
    heights = size // 2 - torch.arange(size)
    distance = (columns[None, :] - lean * heights[:, None]).abs()
    ink = (width / 2 + 0.5 - distance).clamp(0, 1) * (heights.abs() <= height // 2)[:, None]
    return (2 * ink - 1)[None, None]


def ring(radius, thickness, size=41):
    axis = torch.arange(size) - size // 2
    distance = (axis[:, None].square() + axis[None, :].square()).float().sqrt()
    return 2 * ((thickness + 1) / 2 - (distance - radius).abs()).clamp(0, 1)[None, None] - 1


def transformed(images, matrix):
    """Each image seen through x, y -> matrix (x, y) about its middle; y points down, as in `affine_grid`."""
    affine = torch.tensor([[*matrix[0], 0.0], [*matrix[1], 0.0]]).expand(len(images), 2, 3)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


# The digit reader


def test_the_shipped_reader_reads_real_digits(reader, tune):
    assert reader.accuracy(tune) >= 0.985
    images = tune.batch(slice(0, 1001))  # one more than a batch of its own
    assert torch.equal(reader.read(images), reader.probabilities(images).argmax(1))
    assert torch.allclose(reader.probabilities(images).sum(1), torch.ones(1001))
    assert reader.features(images).shape == (1001, 48) and reader.read(images).dtype == torch.int64
    assert torch.allclose(reader.read(images[:3]), reader.read(images)[:3])


def test_the_shipped_reader_reads_slanted_wide_and_thick_digits(reader, tune):
    moved = views.augment(tune.batch(slice(None)), torch.Generator().manual_seed(0), stroke=0.5)
    assert (reader.read(moved) == tune.labels).double().mean() >= 0.97


def test_the_shipped_file_is_small_half_precision_and_says_how_it_was_made(reader):
    assert readers.PATH.stat().st_size <= 0.5e6
    tensors, manifest = files.load_tensors(readers.PATH)
    assert {t.dtype for t in tensors.values() if t.is_floating_point()} == {torch.float16}
    assert manifest["test_accuracy"] >= 0.99 and manifest["seed"] == 0 and manifest["steps"] == readers.STEPS
    assert manifest["remake"] == "python benchmarks/readers.py digits" and reader.manifest == manifest
    assert not reader.training and not any(p.requires_grad for p in reader.parameters())


def test_a_few_steps_beat_chance_and_a_seed_fixes_them(tune):
    before = torch.random.get_rng_state()
    trained = readers.train_digit_reader(seed=3, steps=25)
    assert trained.accuracy(Images(tune.images[:500], tune.labels[:500])) > 0.5 and not trained.training
    one, two, other = (readers.train_digit_reader(seed, steps=2).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])
    assert torch.equal(before, torch.random.get_rng_state())
    with pytest.raises(ValueError):
        readers.train_digit_reader(steps=0)


def test_the_training_takes_every_digit_once_before_any_comes_again(monkeypatch):
    """By marks in the corner of 300 images: two batches of 128 are 256 different ones, and the last 44 are left out."""
    images = torch.zeros(300, 1, 28, 28, dtype=torch.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = torch.arange(300) // 256, torch.arange(300) % 256
    seen = []

    def mark(batch, generator, stroke):
        corner = data.to_uint8(batch[:, 0, 0, :2]).int()
        seen.append((256 * corner[:, 0] + corner[:, 1]).tolist())
        return batch

    monkeypatch.setattr(readers, "mnist", lambda split: Images(images, torch.arange(300) % 10))
    monkeypatch.setattr(readers, "augment", mark)
    readers.train_digit_reader(steps=5)
    assert [len(set(batch)) for batch in seen] == [readers.BATCH] * 5
    assert not set(seen[0]) & set(seen[1]) and not set(seen[2]) & set(seen[3])
    assert set(seen[0] + seen[1]) != set(seen[2] + seen[3])


def test_loading_a_reader_draws_no_random_number():
    before = torch.random.get_rng_state()
    readers.digit_reader()
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda p: p.unlink(), r"does not exist. `python benchmarks/readers.py digits` makes"),
        (lambda p: p.write_bytes(p.read_bytes()[:-100]), "truncated"),
        (lambda p: p.write_bytes(b""), "truncated"),
        (lambda p: files.save_tensors(p, {"a": torch.zeros(1)}, {"format": "infogan-weights-1"}), "expected infogan-d"),
        (lambda p: files.save_tensors(p, {"a": torch.zeros(1)}, {"format": readers.FORMAT}), "does not fit"),
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, damage, says):
    path = tmp_path / "r.safetensors"
    path.write_bytes(readers.PATH.read_bytes())
    damage(path)
    with pytest.raises(FileError, match=says):
        readers.digit_reader(path)


def test_wrong_images_are_refused(reader):
    for read in (reader.read, readers.moments):
        with pytest.raises(TypeError, match="to_float"):
            read(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
        with pytest.raises(ValueError, match=r"\(28, 28\)"):
            read(torch.zeros(28, 28))
    with pytest.raises(ValueError, match=r"\(N, 1, 28, 28\), got \(2, 1, 32, 32\)"):
        reader.read(torch.zeros(2, 1, 32, 32))
    with pytest.raises(ValueError):
        reader.accuracy(Images(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)))


# Moments


@pytest.mark.parametrize("lean", [-1.0, -0.5, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("width", [2, 3, 6])
def test_slant_of_a_sheared_block_is_its_shear_and_its_width_stays(lean, width):
    read = readers.moments(block(width, 15, lean))
    assert read["slant"].item() == pytest.approx(lean, abs=1e-5)
    assert read["width"].item() == pytest.approx(readers.moments(block(width, 15))["width"].item(), rel=0.2)


def test_right_is_where_a_slash_leans():
    slash = -torch.ones(1, 1, 9, 9)
    slash[0, 0, range(9), range(8, -1, -1)] = 1  # top row, last column
    assert readers.moments(slash)["slant"].item() == pytest.approx(1)


@pytest.mark.parametrize("width", [1, 3, 5, 11])
def test_width_of_a_block_is_its_standard_deviation(width):
    assert readers.moments(block(width, 15))["width"].item() == pytest.approx(math.sqrt((width**2 - 1) / 12), abs=1e-4)


@pytest.mark.parametrize("thickness", [2, 3, 4, 5])
def test_thickness_of_rings_and_bars(thickness):
    assert readers.moments(ring(12, thickness))["thickness"].item() == pytest.approx(thickness, rel=0.06)
    bar = thickness * 31 / (thickness + 31)
    for image in (block(thickness, 31), block(thickness, 31).mT):
        assert readers.moments(image)["thickness"].item() == pytest.approx(bar, rel=0.04)


def test_no_ink_reads_zero_and_faint_ink_is_none():
    images = torch.cat([-torch.ones(1, 1, 28, 28), torch.full((1, 1, 28, 28), -0.9), torch.ones(1, 1, 28, 28)])
    for name, values in readers.moments(images).items():
        assert values.shape == (3,) and torch.isfinite(values).all(), name
        assert values[:2].tolist() == [0, 0], name


def test_moments_of_digits_ignore_where_they_stand_and_faint_noise(tune):
    images = F.pad(tune.batch(slice(0, 300)), (6, 6, 6, 6), value=-1)
    here, there = readers.moments(images), readers.moments(images.roll((-3, 4), dims=(2, 3)))
    noise = 0.1 * torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    noisy = readers.moments((images + noise).clamp(-1, 1))
    for name in here:
        assert torch.allclose(here[name], there[name], atol=1e-4), name
        assert torch.allclose(here[name], noisy[name], atol=0.15), name


def test_moments_follow_shear_stretch_and_dilation_of_every_digit(tune):
    images = F.pad(tune.batch(slice(0, 300)), (6, 6, 6, 6), value=-1)
    # The grid asks where a pixel comes from: to lean right by k, x comes from x + k y with y downwards.
    slants = torch.stack([readers.moments(transformed(images, [[1, k], [0, 1]]))["slant"] for k in (-0.4, 0, 0.4)])
    assert (slants.diff(dim=0) > 0.3).all() and torch.allclose(slants.diff(dim=0).mean(), torch.tensor(0.4), atol=0.01)
    widths = torch.stack([readers.moments(transformed(images, [[1 / s, 0], [0, 1]]))["width"] for s in (0.8, 1, 1.25)])
    assert (widths.diff(dim=0) > 0).all() and abs((widths[2] / widths[1]).median() - 1.25) < 0.02
    thick, thin = F.max_pool2d(images, 3, 1, 1), -F.max_pool2d(-images, 3, 1, 1)
    strokes = [images + a * (thin - images) for a in (0.8, 0.4, 0)] + [
        images + a * (thick - images) for a in (0.4, 0.8)
    ]
    assert (torch.stack([readers.moments(s)["thickness"] for s in strokes]).diff(dim=0) > 0).all()


# Frechet distance


def gaussian_points(n, mean, root, seed):
    """n points whose sample mean and covariance are exactly `mean` and root root^T."""
    points = torch.randn(n, len(mean), generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    points = points - points.mean(0)
    white = points @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(points.T))).T
    return white @ root.T + mean


def test_frechet_is_the_closed_form_for_gaussians():
    zero, shift = torch.zeros(3).double(), torch.tensor([1.0, 2.0, -2.0]).double()
    one, other = torch.diag(torch.tensor([1.0, 2.0, 3.0])).double(), torch.diag(torch.tensor([2.0, 2.0, 0.0])).double()
    a, b = gaussian_points(50, zero, one, 0), gaussian_points(80, shift, other, 1)
    assert readers.frechet(a, b) == pytest.approx(9 + 1 + 0 + 9)  # |m|^2 + sum (s_a - s_b)^2: the covariances commute
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.double))[0]
    assert readers.frechet(a @ turn, b @ turn) == pytest.approx(19)
    # Two that do not commute, in the plane: tr (A B)^(1/2) = sqrt(tr AB + 2 sqrt(det AB)).
    root_a, root_b = torch.tensor([[2.0, 0.0], [1.0, 1.0]]).double(), torch.tensor([[1.0, 0.5], [0.0, 3.0]]).double()
    A, B = root_a @ root_a.T, root_b @ root_b.T
    expected = A.trace() + B.trace() - 2 * (torch.trace(A @ B) + 2 * torch.linalg.det(A @ B).sqrt()).sqrt()
    plane = gaussian_points(50, zero[:2], root_a, 3), gaussian_points(50, zero[:2], root_b, 4)
    assert readers.frechet(*plane) == pytest.approx(expected.item())


def test_frechet_is_symmetric_and_zero_for_equal_sets(reader, tune):
    a, b = (reader.features(tune.batch(part)) for part in (slice(0, 1000), slice(1000, 2000)))
    assert readers.frechet(a, b) == pytest.approx(readers.frechet(b, a), rel=1e-9)
    assert readers.frechet(a, a) == pytest.approx(0, abs=1e-9)
    noise = torch.rand(1000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert readers.frechet(a, b) < 0.05 * readers.frechet(a, reader.features(noise))


def test_frechet_refuses_what_has_no_covariance():
    with pytest.raises(ValueError):
        readers.frechet(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError):
        readers.frechet(torch.zeros(5, 3), torch.zeros(5, 4))
    with pytest.raises(ValueError, match="NaN"):
        readers.frechet(torch.full((5, 3), math.nan), torch.zeros(5, 3))
    assert readers.frechet(torch.zeros(5, 1), torch.ones(5, 1)) == 1
