"""The checks of notebook 09: right answers, stubs, and what people write instead."""

import pytest
import torch

from infogan_lib.course.exercises import EXERCISES, check

# -- Reference solutions ---------------------------------------------------------------------------


def mig(nats, entropies):
    best, second = nats.topk(2, dim=0).values
    return ((best - second) / entropies).mean()


def hide(images, code, brighter=0.1):
    images = images.clone()
    images[torch.arange(len(images)), 0, 0, code] += brighter
    return images


def find(images):
    return 100 * images[:, 0, 0, :10]


def attack(factors):
    return {"both": 5 * factors["shape"] + factors["colour"], "idle": torch.rand(len(factors["shape"]))}


REFERENCE = {"09.1": mig, "09.2": attack, "09.3": 0.0, "09.4": (hide, find), "09.5": 0.59}


# -- Typical mistakes ------------------------------------------------------------------------------


def best_and_second(nats, dim=0):
    return nats.topk(2, dim=dim).values


def everywhere(images, code):
    return (images + 0.02 * code[:, None, None, None]).clamp(-1, 1)


def brightness(images):
    return -(images.mean((1, 2, 3))[:, None] - 0.02 * torch.arange(10)).abs()


def find_and_read(images):
    """Reads the mark where there is one, and the digit where there is none: a reader that was told the labels."""
    from infogan_lib.measure import readers

    marks = images[:, 0, 0, :10] + 1
    return torch.where(marks.sum(1, keepdim=True) > 0.01, 100 * marks, readers.digit_reader().probabilities(images))


WRONG = [
    ("09.1", lambda nats, h: (best_and_second(nats)[0] - best_and_second(nats)[1]) / h, "one gap for each factor"),
    ("09.1", lambda nats, h: (best_and_second(nats)[0] - best_and_second(nats)[1]).mean(), "entropies are left out"),
    ("09.1", lambda nats, h: (best_and_second(nats)[0] / h).mean(), "is not taken off"),
    ("09.1", lambda nats, h: ((nats.max(0).values - nats.min(0).values) / h).mean(), "best minus the worst"),
    ("09.1", lambda nats, h: ((nats.max(0).values - nats.mean(0)) / h).mean(), "best minus the mean"),
    ("09.1", lambda nats, h: nats.topk(2, 0).values.diff(dim=0).abs().sum() / h.sum(), "summed entropies"),
    ("09.1", lambda nats, h: -mig(nats, h), "negative"),
    ("09.1", lambda nats, h: nats.topk(2, 1).values.diff(dim=1).abs().mean() / h.mean(), "down the columns"),
    ("09.2", lambda factors: factors, "mostly one factor"),
    ("09.2", lambda factors: {**attack(factors), **factors}, "more than one code"),
    ("09.2", lambda factors: {"idle": torch.rand(2000)}, "MIG"),
    ("09.2", lambda factors: 5 * factors["shape"] + factors["colour"], "dict of codes"),
    ("09.3", 1.0, "still in one code"),
    ("09.3", 0.5, "by symmetry"),
    ("09.3", 1.5, "from 0 to 1"),
    ("09.4", hide, "pair of functions"),
    ("09.4", (lambda images, code: hide(images, code, 0.5), find), "more than 0.1"),
    ("09.4", (lambda images, code: hide(images, code, -0.1), find), "darker than -1"),
    ("09.4", (lambda images, code: images, find), "not yet 2.30"),
    ("09.4", (hide, lambda images: images[:, 0, 0, :10]), "multiply them"),
    ("09.4", (hide, lambda images: find(images).softmax(1)), "like probabilities"),
    ("09.4", (lambda images, code: images[:, 0], find), "returns images"),
    ("09.4", (hide, lambda images: find(images).argmax(1)), "logits (N, 10)"),
    ("09.4", (lambda images, code: everywhere(images, code).clamp(max=1), brightness), "changed a pixel"),
    ("09.4", (hide, find_and_read), "also reads the digit"),
    ("09.5", 0.5, "common digits alone"),
    ("09.5", 1.0, "as frequent as its state"),
    ("09.5", 0.981, "MNIST as it is"),
    ("09.5", 0.75, "add up to 1"),
]


def test_other_right_ways():
    assert check("09.5", 59.1).state == check("09.3", torch.tensor(0.004)).state == "right"
    assert check("09.2", lambda factors: {"both": factors["shape"] + 5 * factors["colour"]}).state == "right"
    assert check("09.1", lambda nats, h: float(mig(nats, h))).state == "right"


def stub_dots(*_): ...


@pytest.mark.parametrize(("id", "stub"), [*((id, s) for id in REFERENCE for s in (..., None)), ("09.1", stub_dots)])
def test_stub_reads_not_yet(id, stub):
    assert check(id, stub).state == "not yet"


@pytest.mark.parametrize("pair", [(stub_dots, stub_dots), (hide, stub_dots), (stub_dots, find)])
def test_a_half_written_pair_reads_not_yet(pair):
    assert check("09.4", pair).state == "not yet"


def test_five_exercises_with_two_hints_each():
    check("09.3")
    ours = [known for id, known in EXERCISES.items() if id.startswith("09.")]
    assert len(ours) == 5 and all(len(known.hints) == 2 for known in ours)
