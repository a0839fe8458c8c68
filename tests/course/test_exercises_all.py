"""What the checks of every notebook promise: a reference is right, a mistake is named, a stub is not yet an answer."""

import pytest
import test_exercises_01
import test_exercises_02
import test_exercises_03
import test_exercises_04
import test_exercises_05
import test_exercises_06
import test_exercises_07
import test_exercises_09
import test_exercises_10
import test_exercises_11
import test_exercises_12

from infogan_lib.course.exercises import check

MODULES = (
    test_exercises_01,
    test_exercises_02,
    test_exercises_03,
    test_exercises_04,
    test_exercises_05,
    test_exercises_06,
    test_exercises_07,
    test_exercises_09,
    test_exercises_10,
    test_exercises_11,
    test_exercises_12,
)
REFERENCE = {id: answer for module in MODULES for id, answer in module.REFERENCE.items()}
WRONG = [case for module in MODULES for case in module.WRONG]


@pytest.mark.parametrize("id", REFERENCE)
def test_reference_is_right_and_has_no_hint(id):
    feedback = check(id, REFERENCE[id])
    assert feedback.state == "right", feedback
    assert "<details>" not in feedback._repr_html_()


@pytest.mark.parametrize(("id", "answer", "says"), WRONG, ids=[f"{id}-{i}" for i, (id, *_) in enumerate(WRONG)])
def test_typical_mistake_is_named(id, answer, says):
    feedback = check(id, answer)
    assert feedback.state == "wrong" and says in feedback.message, feedback
    assert "could not make sense" not in feedback.message


@pytest.mark.parametrize("id", REFERENCE)
def test_each_mistake_has_its_own_words(id):
    cases = {(says, check(id, answer).message) for i, answer, says in WRONG if i == id}
    assert len({message for _, message in cases}) == len(cases) >= 2


def stub(*args):
    """A docstring."""
    ...


FUNCTIONS = [id for id, answer in REFERENCE.items() if callable(answer) and not isinstance(answer, type)]


@pytest.mark.parametrize(
    ("id", "empty"), [(id, e) for id in REFERENCE for e in (..., None)] + [(f, stub) for f in FUNCTIONS]
)
def test_stub_reads_not_yet(id, empty):
    assert check(id, empty).state == "not yet"
