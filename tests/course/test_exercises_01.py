"""The checks of notebook 01: right answers, typical mistakes, stubs."""

import torch
import torch.nn.functional as F

from infogan_lib.course.exercises import EXERCISES, check


def slope(logit):
    return -torch.sigmoid(-logit)


def best_d(p, q, reals):
    return reals * p / (reals * p + (1 - reals) * q)


def count_modes(points, centres, near, share):
    return int(((torch.cdist(points, centres) < near).float().mean(0) >= share).sum())


REFERENCE = {"01.1": "outwards", "01.2": slope, "01.4": best_d, "01.5": 0.2, "01.6": count_modes}


def by_autograd(logit):
    logit = logit.requires_grad_()
    return torch.autograd.grad(F.softplus(-logit).sum(), logit)[0]


def nearest(points, centres, near, share):
    return (torch.bincount(torch.cdist(points, centres).argmin(1)) >= share * len(points)).sum()


WRONG = [
    ("01.1", "inwards", "pull towards the middle"),
    ("01.1", "in a circle", "along the tangent"),
    ("01.1", "sideways", "Choose one of"),
    ("01.2", lambda s: -torch.sigmoid(s), "minimax loss"),
    ("01.2", torch.sigmoid, "slope of softplus(l)"),
    ("01.2", lambda s: torch.sigmoid(-s), "sign is turned"),
    ("01.2", lambda s: F.softplus(-s), "the loss itself"),
    ("01.2", lambda s: torch.sigmoid(s) * torch.sigmoid(-s), "slope of sigmoid(l)"),
    ("01.2", lambda s: -torch.sigmoid(s) * torch.sigmoid(-s), "slope of -sigmoid(l)"),
    ("01.2", lambda s: -1 / torch.sigmoid(s), "with respect to D"),
    ("01.2", lambda s: -torch.sigmoid(-s).mean(), "has shape ()"),
    ("01.2", lambda s: -(-s).exp() / (1 + (-s).exp()), "Right for small logits"),
    ("01.4", lambda p, q, r: p / (p + q), "share `reals`"),
    ("01.4", lambda p, q, r: 1 - best_d(p, q, r), "probability of fake"),
    ("01.4", lambda p, q, r: r * p / ((1 - r) * q), "the odds"),
    ("01.4", lambda p, q, r: torch.logit(best_d(p, q, r)), "the logit of D*"),
    ("01.4", lambda p, q, r: r * p - (1 - r) * q, "difference of densities"),
    ("01.4", lambda p, q, r: best_d(p, q, 1 - r), "where"),
    ("01.5", 0.5, "as many fakes as reals"),
    ("01.5", 0.111, "middle of G's mode"),
    ("01.5", 0.8, "probability of fake"),
    ("01.5", 1, "leaves out"),
    ("01.5", 0, "no data at all"),
    ("01.5", 0.25, "ratio p / q"),
    ("01.5", 2 / 3, "share theirs among eight"),
    ("01.5", 1.5, "no probability"),
    ("01.5", 0.4, "is not it"),
    ("01.5", "low", "A number is expected"),
    ("01.6", lambda x, c, near, share: (torch.cdist(x, c) < near).float().mean(0) >= share, "One answer a mode"),
    ("01.6", lambda x, c, near, share: (torch.cdist(x, c) < near).any(0).sum(), "one point is enough"),
    ("01.6", nearest, "nearest mode, however far"),
    ("01.6", lambda x, c, near, share: (torch.cdist(x, c) < near).any(1).sum(), "number of points"),
    ("01.6", lambda x, c, near, share: len(c), "is expected"),
]


def count_by_loop(points, centres, near, share):
    return sum(((points - mode).norm(dim=1) < near).float().mean() >= share for mode in centres)


def test_other_right_ways():
    assert check("01.2", by_autograd).state == check("01.2", lambda s: torch.sigmoid(s) - 1).state == "right"
    assert check("01.4", lambda p, q, r: 1 / (1 + (1 - r) * q / (r * p))).state == "right"
    assert check("01.5", torch.tensor(0.2)).state == "right"
    assert check("01.6", count_by_loop).state == "right"


def test_every_check_has_a_hint_and_a_plainer_one():
    check("01.1")
    ours = [known for id, known in EXERCISES.items() if id.startswith("01.")]
    assert len(ours) == 5 and all(len(known.hints) == 2 for known in ours)
