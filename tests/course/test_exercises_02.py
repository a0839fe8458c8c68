"""The checks of notebook 02: right answers, typical mistakes, stubs."""

import statistics

import torch

from infogan_lib.course import results
from infogan_lib.course.exercises import EXERCISES, check


def width_out(n, k, s, p):
    return (n - 1) * s + k - 2 * p


def angle(a, b):
    return torch.arccos(a @ b / (a.norm() * b.norm()))


def slerp(a, b, t):
    t, w = t[:, None], angle(a, b)
    return ((1 - t) * w).sin() / w.sin() * a + (t * w).sin() / w.sin() * b


def line(a, b, t):
    return (1 - t[:, None]) * a + t[:, None] * b


def arithmetic(noise, plus, minus, other):
    return noise[plus].mean(0) - noise[minus].mean(0) + noise[other].mean(0)


def measured(k):
    rows = results.read("arithmetic")
    wanted = ("averaged", str(k), "as it is", "none", "long")
    names = ("what", "k", "length", "hair_from", "hair_to")
    return statistics.median(float(row["both"]) for row in rows if tuple(row[n] for n in names) == wanted)


RATES = (measured(1), measured(30))
REFERENCE = {"02.1": width_out, "02.3": slerp, "02.4": arithmetic, "02.5": 3, "02.6": RATES}

WRONG = [
    ("02.1", lambda n, k, s, p: (n - 1) * s + k, "padding is left out"),
    ("02.1", lambda n, k, s, p: (n - 1) * s + k - p, "at both edges"),
    ("02.1", lambda n, k, s, p: (n - 1) * s + k + 2 * p, "cuts them off"),
    ("02.1", lambda n, k, s, p: (n + 2 * p - k) // s + 1, "after a convolution"),
    ("02.1", lambda n, k, s, p: n * s + k - 2 * p, "begins at (n - 1) * s"),
    ("02.1", lambda n, k, s, p: n * s, "the kernel's width matters"),
    ("02.3", line, "straight line"),
    ("02.3", lambda a, b, t: slerp(b, a, t), "Swap the shares"),
    ("02.3", lambda a, b, t: slerp(a, b, t) * angle(a, b).sin(), "division by the sine"),
    ("02.3", lambda a, b, t: slerp(a, b, t)[0], "has shape"),
    (
        "02.3",
        lambda a, b, t: line(a, b, t) / line(a, b, t).norm(dim=1, keepdim=True) * line(a.norm(), b.norm(), t),
        "not at equal steps",
    ),
    ("02.4", lambda z, p, m, o: arithmetic(z, p, o, m), "the other way round"),
    ("02.4", lambda z, p, m, o: arithmetic(z, m, p, o), "`plus` is taken away"),
    ("02.4", lambda z, p, m, o: z[p].mean(0) - z[m].mean(0), "nothing to put it on"),
    ("02.4", lambda z, p, m, o: z[p].mean(0) - (z[m].mean(0) + z[o].mean(0)), "bracket too many"),
    ("02.4", lambda z, p, m, o: z[p].sum(0) - z[m].sum(0) + z[o].sum(0), "These are sums"),
    ("02.4", lambda z, p, m, o: z[p] - z[m] + z[o], "One result an exemplar"),
    ("02.4", lambda z, p, m, o: z[p].mean(1) - z[m].mean(1) + z[o].mean(1), "goes over exemplars"),
    ("02.5", 1, "too long"),
    ("02.5", 9, "squares of the lengths"),
    ("02.5", 30, "is not sqrt(d)"),
    ("02.5", "many", "A number is expected"),
    ("02.6", 0.5, "Two numbers"),
    ("02.6", (RATES[0], 2), "no share"),
    ("02.6", (RATES[0] - 0.13, RATES[1]), "With 1 of each kind it is more"),
    ("02.6", (RATES[0] + 0.13, RATES[1]), "With 1 of each kind it is less"),
    ("02.6", (RATES[0], 0.19), "A sixth is what chance gives. With 30 of each kind it is less"),
    ("02.6", (0.17, RATES[1]), "A sixth is what chance gives. With 1 of each kind it is more"),
]


def test_other_right_ways():
    assert check("02.4", lambda z, p, m, o: z[p].mean(0) + (z[o].mean(0) - z[m].mean(0))).state == "right"
    assert check("02.5", 3.0).state == check("02.6", [RATES[0] + 0.05, RATES[1] - 0.05]).state == "right"


def test_two_numbers_still_open_are_no_answer():
    assert check("02.6", (..., ...)).state == check("02.6", (0.5, ...)).state == "not yet"


def test_every_check_has_a_hint_and_a_plainer_one():
    check("02.1")
    ours = [known for id, known in EXERCISES.items() if id.startswith("02.")]
    assert len(ours) == 5 and all(len(known.hints) == 2 for known in ours)
