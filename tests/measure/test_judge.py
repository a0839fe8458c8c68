import pytest
import torch

from infogan_lib import data
from infogan_lib.data.files import FileError
from infogan_lib.measure import judge, readers
from infogan_lib.training import weights


@pytest.fixture(scope="module")
def whole():
    return judge.digit_judge()


@pytest.fixture(scope="module")
def real():
    return judge.real("test", 1000)


def test_real_digits_pass_at_both_ends_of_their_slant_and_broken_ones_do_not(whole, real):
    for name, images in real.items():
        assert whole.natural(images).double().mean() > 0.95, name
    broken = judge.broken(real["as written"], torch.Generator().manual_seed(7))
    assert whole.natural(broken).double().mean() < 0.25


def test_what_is_no_digit_at_all_does_not_pass(whole):
    noise = torch.rand(200, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert whole.natural(noise).double().mean() < 0.05


def test_shearing_moves_the_slant_by_as_much():
    digits = data.mnist("tune").batch(slice(0, 300))
    before, after = (readers.moments(x)["slant"] for x in (digits, judge.sheared(digits, torch.full((300,), 0.3))))
    assert (after - before).mean().item() == pytest.approx(0.3, abs=0.02)


def test_slanted_digits_stand_at_the_ends_of_the_range_of_their_digit():
    digits, ranges = data.mnist("tune"), judge.slant_ranges(data.mnist("train"))
    labels = digits.labels[:300]
    for end, side in enumerate(ranges.T):
        slants = readers.moments(judge.slanted(digits.batch(slice(0, 300)), labels, ranges, float(end)))["slant"]
        assert (slants - side[labels]).abs().median() < 0.03
    assert (ranges[:, 0] < 0).all() and (ranges[:, 1] > 0.3).all()


def test_a_sweep_of_a_code_that_does_nothing_keeps_every_digit(whole, monkeypatch):
    model, reader = weights.load("mnist-control"), readers.digit_reader()
    points, kept = judge.natural_sweep(model, "c1", whole, reader.read, steps=3, beyond=False, rows=60)
    assert points.tolist() == [-1, 0, 1]
    assert kept["same"][1] == 1 and kept["same"].min() > 0.8  # at the middle it is the digit itself
    assert torch.equal(kept["both"][1], kept["natural"][1]) and (kept["both"] <= kept["same"]).all()


def test_a_missing_judge_says_how_to_make_it(tmp_path):
    with pytest.raises(FileError, match=r"benchmarks/readers\.py judge"):
        judge.digit_judge(tmp_path / "none.safetensors")
