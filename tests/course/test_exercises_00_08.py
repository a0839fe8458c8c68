"""The checks of notebooks 00 and 08. They ask the shipped model, so the answers here are what it does."""

from types import SimpleNamespace

import pytest
import torch

from infogan_lib import data
from infogan_lib.course.exercises import EXERCISES, check
from infogan_lib.course.exercises.nb00 import two_models
from infogan_lib.measure import metrics, readers
from infogan_lib.training import weights

DIGITS = weights.load("mnist").manifest["scores"]["matching"]


@pytest.fixture(scope="module")
def four():
    """A tuning digit 4, read as one by the reader, with the code that Q uses for nines."""
    model, tune = weights.load("mnist"), data.mnist("tune")
    code = metrics.read_codes(model, tune, "digit")
    fooled = (tune.labels == 4) & (torch.tensor(DIGITS)[code] == 9)
    images = tune.batch(fooled.nonzero()[:, 0])
    sure = readers.digit_reader().probabilities(images)[:, 4] > 0.9
    return images[sure][:1]


RIGHT = {
    "00.1": "B",
    "00.2": {"p": "which digit", "q": "slant", "r": "thickness"},
    "00.3": lambda noise, buttons, sliders: noise + buttons + sliders,
    "08.1": DIGITS,
    "08.2": {"digit": DIGITS.index(7), "c1": -0.9, "c2": 0.9},
    "08.3": 1.0,
}


@pytest.mark.parametrize("id", RIGHT)
def test_a_right_answer_is_right(id):
    assert check(id, RIGHT[id]).state == "right"


def test_the_two_models_differ_only_in_what_was_asked_of_them():
    a, b = two_models()
    assert a.spec == b.spec and a.spec.names == ["p", "q", "r"] and a.network == b.network
    nats = [metrics.measure_nats(m, 500)["p"]["mean"] for m in (a, b)]
    assert nats[0] < 0.1 and nats[1] > 2.2  # B's pictures tell which button was pressed, A's do not


def test_every_check_is_tried_here():
    check("00.1"), check("08.1")
    assert {id for id in EXERCISES if id[:2] in ("00", "08")} == {*RIGHT, "08.4"}


STUBS = [(id, ...) for id in [*RIGHT, "08.4"]]
STUBS += [("00.2", {"p": ..., "q": ..., "r": ...}), ("08.2", {"digit": ..., "c1": ..., "c2": ...})]


@pytest.mark.parametrize("id, stub", STUBS)
def test_an_untouched_stub_is_not_yet_answered(id, stub):
    feedback = check(id, stub)
    assert feedback.state == "not yet" and len(feedback.hints) == 2


@pytest.mark.parametrize(
    "id, answer, says",
    [
        ("00.1", "A", "hardly changes"),
        ("00.1", "both", "Choose one of 'A', 'B'"),
        ("00.2", {"p": "which digit", "q": "slant"}, "keys 'p', 'q', 'r'"),
        ("00.2", {"p": "which digit", "q": ..., "r": "width"}, "Still to name: q"),
        ("00.2", {"p": "which digit", "q": "lean", "r": "width"}, "q: choose one of"),
        ("00.2", {"p": "which digit", "q": "width", "r": "slant"}, "q is not 'width'"),
        ("00.2", {"p": "nothing", "q": "slant", "r": "width"}, "p is not 'nothing'"),
        ("00.3", lambda noise, buttons, sliders: noise + 1 + sliders, "one input"),
        ("00.3", lambda noise, buttons, sliders: buttons + sliders, "noise is an input"),
        ("00.3", lambda noise, buttons, sliders: 74, "inputs(5, 3, 0)"),
        ("08.1", [DIGITS.index(d) for d in range(10)], "other way round"),
        ("08.1", [9, *DIGITS[1:]], "9 of the ten are right. Look again at code 0"),
        ("08.1", [1, 2, 3], "Ten digits"),
        ("08.1", "seven", "A list of ten digits"),
        ("08.2", {"digit": DIGITS.index(7), "c1": 0.0, "c2": 0.9}, "stands nearly upright"),
        ("08.2", {"digit": DIGITS.index(7), "c1": 0.9, "c2": 0.9}, "leans to the right"),
        ("08.2", {"digit": DIGITS.index(7), "c1": -0.5, "c2": 0.9}, "leans to the left"),
        ("08.2", {"digit": DIGITS.index(7), "c1": -0.9, "c2": 0.0}, "pixels thick"),
        ("08.2", {"digit": DIGITS.index(7), "c1": -2.0, "c2": 0.9}, "outside the trained zone"),
        ("08.2", {"digit": DIGITS.index(1), "c1": -0.9, "c2": 0.9}, "0 % of these images are a 7"),
        ("08.2", {"digit": 2, "c1": 1.0}, "c2 has no value"),
        ("08.2", {"digit": 2, "c1": 1.0, "c2": ...}, "c2 has no value"),
        ("08.2", [2, 1.0, 1.0], "A dict of settings"),
        ("08.2", {"digit": 12, "c1": 1.0, "c2": 1.0}, "digit"),
        ("08.3", 2.0, "does not extrapolate"),
        ("08.3", -1.0, "Move the slider"),
        ("08.3", "two", "A number is expected"),
        ("08.4", "a 4", "The drawing pad is expected"),
        ("08.4", SimpleNamespace(image=None), "The pad is empty"),
    ],
)
def test_a_wrong_answer_is_told_why(id, answer, says):
    feedback = check(id, answer)
    assert feedback.state == "wrong" and says in feedback.message


def test_a_four_that_q_calls_nine_is_right_as_an_image_and_in_the_pad(four):
    assert check("08.4", four).state == "right"
    assert check("08.4", SimpleNamespace(image=four)).state == "right"


def test_other_digits_are_refused_with_what_was_read():
    tune = data.mnist("tune")
    fours, nines = (tune.batch((tune.labels == d).nonzero()[:20, 0]) for d in (4, 9))
    q = weights.load("mnist").read(fours)["digit"].probs.argmax(1)
    plain = fours[q == DIGITS.index(4)][:1]
    assert "Q reads the code of a 4" in check("08.4", plain).message
    assert "It should still be a 4" in check("08.4", nines[:1]).message
