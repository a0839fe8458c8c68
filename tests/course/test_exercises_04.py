"""The checks of notebook 04: right answers, typical mistakes, stubs."""

import math

import torch

from infogan_lib.course.exercises import check
from infogan_lib.measure.information import histogram_information


def kl(p, q):
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def counted(a, b, bins=20):
    return histogram_information(a, b, bins, permutations=0).nats


def shuffled(b):
    return b[torch.randperm(len(b))]


def null(a, b, permutations=20):
    return torch.tensor([counted(a, shuffled(b)) for _ in range(permutations)])


HAND = 0.75 * math.log(3) - math.log(2)
REFERENCE = {"04.1": kl, "04.2": HAND, "04.3": 0.75, "04.4": null}


def both_shuffled(a, b, permutations):
    values = []
    for _ in range(permutations):
        order = torch.randperm(len(a))
        values.append(counted(a[order], b[order]))
    return torch.tensor(values)


WRONG = [
    ("04.1", lambda p, q: (p * (p / q).log()).sum(), "came out as NaN"),
    ("04.1", lambda p, q: kl(q, p), "This is KL(q || p)"),
    ("04.1", lambda p, q: -torch.xlogy(p, q).sum(), "This is the cross-entropy"),
    ("04.1", lambda p, q: torch.special.entr(p).sum(), "entropy of p; q is not in it"),
    ("04.1", lambda p, q: torch.special.entr(q).sum() - torch.special.entr(p).sum(), "difference of two entropies"),
    ("04.1", lambda p, q: (p.log() - q.log()).sum(), "weights are missing"),
    ("04.1", lambda p, q: (torch.xlogy(p, p) - torch.xlogy(p, q)).abs().sum(), "lost their signs"),
    ("04.1", lambda p, q: -kl(p, q), "Look for a sign"),
    ("04.1", lambda p, q: kl(p, q) / math.log(2), "in bits"),
    ("04.1", lambda p, q: kl(p, q) / len(p), "too small"),
    ("04.1", lambda p, q: torch.xlogy(p, p) - torch.xlogy(p, q), "Take their mean".lower()),
    ("04.2", 0.693, "This is H(c)"),
    ("04.2", 0.562, "This is H(c|x)"),
    ("04.2", 0.189, "in bits"),
    ("04.2", -0.131, "Turn the sign"),
    ("04.2", 1.255, "entropy of the four cells"),
    ("04.2", 0.75, "probability of guessing"),
    ("04.2", 0.5, "correlation"),
    ("04.2", -0.4, "below 0"),
    ("04.2", 0.9, "more than H(c)"),
    ("04.2", 0.3, "is not it"),
    ("04.2", "a little", "A number is expected"),
    ("04.3", 1, "rules one code out"),
    ("04.3", 0.5, "With two shapes"),
    ("04.3", 0.25, "given 1 - noise"),
    ("04.3", 3, "no probability"),
    ("04.3", 0.6, "still differ"),
    ("04.4", lambda a, b, n: null(a, b, n).mean(), "one number"),
    ("04.4", lambda a, b, n: null(a, b, n + 1), "one value a shuffle"),
    ("04.4", both_shuffled, "still pairs"),
    ("04.4", lambda a, b, n: torch.full((n,), counted(a, shuffled(b))), "the same number"),
    ("04.4", lambda a, b, n: counted(a, b) - null(a, b, n), "minus the null"),
    ("04.4", lambda a, b, n: torch.tensor([counted(a, shuffled(b), 5) for _ in range(n)]), "20 bins"),
]


def test_other_right_ways():
    assert check("04.1", lambda p, q: torch.nn.functional.kl_div(q.log(), p, reduction="sum")).state == "right"
    assert check("04.2", torch.tensor(0.131)).state == check("04.2", 0.13).state == "right"
    assert check("04.4", lambda a, b, n: null(a, b, n).tolist()).state == "right"
    assert check("04.4", lambda a, b, n: [counted(shuffled(a), b) for _ in range(n)]).state == "right"
