"""The checks of notebook 12: right answers, stubs, and what people write instead."""

import hashlib
import random

import pytest
import torch

from infogan_lib.course.exercises import EXERCISES, check

# -- Reference solutions ---------------------------------------------------------------------------


def held_back(content, share):
    return int.from_bytes(hashlib.sha256(content).digest()[:4], "big") < share * 2**32


def purity(counts):
    return counts.max(1).values.sum() / counts.sum()


EXPECTED = {"kind": ("digit", 0.7), "c1": ("slant", 0.4), "c2": ("thickness", 0.4)}

REFERENCE = {"12.1": held_back, "12.2": EXPECTED, "12.4": purity, "12.5": 0.47}


# -- Typical mistakes ------------------------------------------------------------------------------


def salted(content, share):
    return hash(content) % 1000 < 1000 * share


def by_count(seen=[]):  # noqa: B006
    def answer(content, share):
        seen.append(content)
        return len(seen) % 10 < 10 * share

    return answer


def fixed_share(content, share):
    return held_back(content, 0.3)


WRONG = [
    ("12.1", salted, "salted anew"),
    ("12.1", lambda content, share: random.random() < share, "another order"),
    ("12.1", by_count(), "another order"),
    ("12.1", lambda content, share: content[0] < 256 * share, "begin alike"),
    ("12.1", lambda content, share: len(content) % 100 < 100 * share, "begin alike"),
    ("12.1", lambda content, share: not held_back(content, share), "wrong way round"),
    ("12.1", fixed_share, "with 0.8"),
    ("12.2", "digits", "A dict is expected"),
    ("12.2", {"kind": ("digit", 0.7), "c1": ("slant", 0.4)}, "c2"),
    ("12.2", EXPECTED | {"c1": "slant"}, "a pair is expected"),
    ("12.2", EXPECTED | {"c1": ("slant", 1.5)}, "between 0 and 1"),
    ("12.2", EXPECTED | {"c1": ("beauty", 0.5)}, "nobody measures 'beauty'"),
    ("12.2", EXPECTED | {"kind": ("leaf", 0.5)}, "nobody can score 'leaf'"),
    ("12.2", EXPECTED | {"kind": ("digit", 0.05)}, "cannot fail"),
    ("12.4", lambda counts: counts.max(1).values.sum(), "their share of all pictures"),
    ("12.4", lambda counts: counts.max(1).values / counts.sum(1), "Add up the hits"),
    ("12.4", lambda counts: (counts.max(1).values / counts.sum(1)).mean(), "as much as a large one"),
    ("12.4", lambda counts: counts.max(0).values.sum() / counts.sum(), "down the columns"),
    ("12.4", lambda counts: counts.max() / counts.sum(), "largest entry of all"),
    ("12.5", 1.0, "the purity"),
    ("12.5", 0.0, "say all of it"),
    ("12.5", 0.307, "mean of both"),
    ("12.5", 0.554, "geometric"),
    ("12.5", 47, "between 0 and 1"),
    ("12.5", 0.8, "two of the three are equal"),
]


def test_the_prediction_is_right():
    """By the definition, over 1,797 categories of one picture each, and by scikit-learn."""
    from sklearn.metrics import normalized_mutual_info_score

    labels = torch.arange(1797) % 10
    want = normalized_mutual_info_score(labels.numpy(), range(1797))
    assert abs(want - REFERENCE["12.5"]) < 0.005 and check("12.5", want).state == "right"


def test_other_right_ways():
    assert check("12.1", lambda c, share: int(hashlib.md5(c).hexdigest(), 16) % 10**6 < share * 10**6).state == "right"
    assert check("12.4", lambda counts: float(purity(counts))).state == "right"
    assert check("12.2", {k: list(v) for k, v in EXPECTED.items()}).state == "right"


@pytest.mark.parametrize("half", [EXPECTED | {"c1": ...}, EXPECTED | {"c1": ("slant", ...)}])
def test_a_half_written_expectation_reads_not_yet(half):
    assert check("12.2", half).state == "not yet"


def test_four_exercises_with_two_hints_each():
    check("12.2")
    ours = [known for id, known in EXERCISES.items() if id.startswith("12.")]
    assert len(ours) == 4 and all(len(known.hints) == 2 for known in ours)
