"""The checks of notebook 05: right answers, typical mistakes, stubs."""

import math

import torch
import torch.nn.functional as F

from infogan_lib.course.exercises import check


def bound(logits, codes):
    return math.log(logits.shape[1]) - F.cross_entropy(logits, codes)


def overconfident(posterior):
    return torch.softmax(50 * posterior.log(), dim=1)


REFERENCE = {"05.1": bound, "05.2": "stays", "05.3": overconfident, "05.4": math.log(2) - 0.5}


def of_q(logits, codes):
    return torch.special.entr(logits.softmax(1)).sum(1).mean() - F.cross_entropy(logits, codes)


def one_hot(posterior):
    return F.one_hot(posterior.argmax(1), posterior.shape[1])


WRONG = [
    ("05.1", F.cross_entropy, "the cross-entropy itself"),
    ("05.1", lambda s, c: -F.cross_entropy(s, c), "H(c) is left out"),
    ("05.1", lambda s, c: -bound(s, c), "sign is turned"),
    ("05.1", lambda s, c: math.log(s.shape[1]) + F.cross_entropy(s, c), "not added"),
    ("05.1", lambda s, c: bound(s.softmax(1), c), "applied twice"),
    ("05.1", lambda s, c: math.log(10) - F.cross_entropy(s, c), "ten states only"),
    ("05.1", lambda s, c: math.log2(s.shape[1]) - F.cross_entropy(s, c), "H(c) is in bits"),
    ("05.1", of_q, "entropy of Q's own answers"),
    ("05.1", lambda s, c: math.log(len(s)) - F.cross_entropy(s, c), "batch size"),
    ("05.1", lambda s, c: math.log(s.shape[1]) - F.cross_entropy(s, c, reduction="none"), "one value for each"),
    ("05.1", lambda s, c: bound(s, c) / math.log(2), "nats are expected"),
    ("05.2", "rises", "What rises is L_I"),
    ("05.2", "falls", "What falls is the gap"),
    ("05.2", "both", "Choose one of"),
    ("05.3", lambda p: p, "posterior itself"),
    ("05.3", one_hot, "minus infinity"),
    ("05.3", lambda p: overconfident(p).roll(1, 1), "keep their favourite"),
    ("05.3", lambda p: torch.softmax(1.5 * p.log(), 1), "Be more sure"),
    ("05.3", lambda p: 50 * p.log(), "no distribution"),
    ("05.3", lambda p: torch.softmax(50 * p.log(), 0), "no distribution"),
    ("05.3", lambda p: overconfident(p).T, "as it came in"),
    ("05.3", lambda p: overconfident(p).tolist(), "is a list"),
    ("05.4", math.log(2) - 1, "sum of two means"),
    ("05.4", 2 * math.log(2) - 1, "twice the bound"),
    ("05.4", 0.279, "in bits"),
    ("05.4", 0.5, "This is the BCE"),
    ("05.4", -0.193, "sign is turned"),
    ("05.4", 0.693, "ceiling"),
    ("05.4", 0.1, "is not it"),
]


def bound_by_hand(logits, codes):
    return math.log(logits.shape[1]) + logits.log_softmax(1)[torch.arange(len(codes)), codes].mean()


def test_other_right_ways():
    assert check("05.1", bound_by_hand).state == "right"
    assert check("05.3", lambda p: 0.99999 * one_hot(p) + 0.00001 / p.shape[1]).state == "right"
    assert check("05.4", torch.tensor(0.193)).state == "right"


def test_the_notebooks_float64_changes_nothing():
    try:
        torch.set_default_dtype(torch.float64)
        assert all(check(id, answer).state == "right" for id, answer in REFERENCE.items())
    finally:
        torch.set_default_dtype(torch.float32)
