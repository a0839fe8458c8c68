"""Checks of notebook 01: the two-player game."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from infogan_lib.course.exercises.blocks import Faults, choice, compare, no_fault, number
from infogan_lib.course.exercises.checker import Wrong, exercise


@exercise(
    "01.1",
    "With sigma = 0, each step adds to (theta, psi) a move of length eta / 2 times its distance from the middle, at a "
    "right angle to the line from the middle.",
    "Go one step along the tangent of a circle. Are you still on the circle?",
    takes="value",
)
def spiral(answer: Any) -> str:
    choice(
        answer,
        {
            "inwards": "Something would have to pull towards the middle. With sigma = 0 the moves are at a right "
            "angle to the line from the middle, so nothing does.",
            "in a circle": "Arbitrarily small steps would go in a circle. A step of some length along the tangent ends "
            "outside the circle it started on, and so does the next.",
            "outwards": "",
        },
    )
    return (
        "Outwards, and by a known factor: a move of length eta r / 2 at a right angle to a radius r gives the radius "
        "r * sqrt(1 + eta^2 / 4). The next cell measures it."
    )


@exercise(
    "01.2",
    "softplus(x) = ln(1 + e^x) has the slope sigmoid(x). Here it stands with -l inside: the chain rule gives a minus.",
    "`-torch.sigmoid(-logit)`",
)
def slope(answer: Callable[..., Any]) -> str:
    logits = torch.tensor([-6.0, -2.5, -0.3, 0.0, 1.0, 4.0])
    compare(answer(logits.clone()), -torch.sigmoid(-logits), _slope_faults(logits), what="The slope", n=len(logits))
    far = answer(torch.tensor([-200.0, 200.0]))
    compare(far, torch.tensor([-1.0, 0.0]), what="Right for small logits. At logits of -200 and 200 the slope")
    return "-1 where D is sure that the fake is fake, 0 where D is fooled: G is pushed where it has something to learn."


def _slope_faults(logits: Tensor) -> Faults:
    s = torch.sigmoid(logits)
    yield -s, "This is the slope of the minimax loss, -sigmoid(l). Differentiate softplus(-l)."
    yield (
        s,
        "This is the slope of softplus(l). Inside stands -l: that turns both the sign of the slope and its argument.",
    )
    yield 1 - s, "The sign is turned: the loss falls as the logit rises, so its slope is negative."
    yield torch.nn.functional.softplus(-logits), "This is the loss itself, not its slope."
    yield s * (1 - s), "This is the slope of sigmoid(l). The loss has a logarithm around it."
    yield -s * (1 - s), "This is the slope of -sigmoid(l). The loss has a logarithm around it."
    yield -1 / s, "This is the slope of -ln D with respect to D. Go on to the logit: dD/dl = D (1 - D)."


@exercise(
    "01.4",
    "At one point x, the reals contribute reals * p(x) * ln D and the fakes (1 - reals) * q(x) * ln(1 - D). Set the "
    "derivative with respect to D to zero.",
    "a / D = b / (1 - D) with a = reals * p and b = (1 - reals) * q gives D = a / (a + b).",
)
def best_d(answer: Callable[..., Any]) -> str:
    p, q = torch.tensor([0.9, 0.1, 0.4, 2.0, 0.3]), torch.tensor([0.2, 0.6, 0.4, 0.5, 0.05])
    for reals in (0.5, 0.2, 0.9):
        what = f"With a share of {reals} reals, D"
        a, b = reals * p, (1 - reals) * q
        compare(answer(p.clone(), q.clone(), reals), a / (a + b), _d_faults(p, q, reals), what=what, n=len(p))
    return "It is Bayes' rule: the share of reals among what lies at x. With as many fakes as reals, D* = p / (p + q)."


def _d_faults(p: Tensor, q: Tensor, reals: float) -> Faults:
    a, b = reals * p, (1 - reals) * q
    yield b / (a + b), "This is the probability of fake. D is the probability of real."
    yield p / (p + q), "Right for as many reals as fakes. Here a share `reals` of the batch is real: weigh p and q."
    yield a / b, "This is the ratio a / b, the odds. A probability is a / (a + b)."
    yield p / q, "This is the ratio of the densities. A probability lies between 0 and 1."
    yield (a / b).log(), "This is the logit of D*. Asked for is the probability, its sigmoid."
    yield reals * p / (p + q), "The share must weigh the densities in the denominator as well."
    yield a - b, "This is a difference of densities. Set the derivative a / D - b / (1 - D) to zero and solve for D."


@exercise(
    "01.5",
    "Let N be the height that one mode alone has at the point half-way. G has all its mass in one mode: q = N. The "
    "data give each mode an eighth, and two modes are equally far: p = N / 8 + N / 8.",
    "D* = p / (p + q) = (N / 4) / (N / 4 + N).",
    takes="value",
)
def halfway(answer: Any) -> str:
    guess = number(answer)
    faults = {
        0.5: "At 1/2 there would be as many fakes as reals here. G has put all its points into one mode, the data an "
        "eighth of theirs: compare the two tails at this point.",
        1 / 9: "This is D* in the middle of G's mode, where only that mode counts. Half-way, the neighbour's tail is "
        "just as high.",
        0.8: "This is the probability of fake, 1 - D*.",
        1.0: "D* is near 1 on modes that G leaves out. Here G's mode is as near as the empty one.",
        0.0: "D* would be 0 only where there are no data at all. Here both densities are tails; their ratio counts.",
        0.25: "This is the ratio p / q. D* = p / (p + q).",
        2 / 3: "Does each mode of the data have as many points as G has in all? The data share theirs among eight.",
    }
    no_fault(guess, faults, 0.006)
    if not 0 <= guess <= 1:
        raise Wrong(f"{guess:g} is no probability; D* lies between 0 and 1.")
    if abs(guess - 0.2) > 0.006:
        raise Wrong(f"{guess:g} is not it. Write p and q at that point in terms of the height N of a single mode.")
    return (
        "1/5, although there are next to no points of either kind: D* is a ratio, and knows nothing of how rare a "
        "point is. Past that line it climbs towards 1, on the mode that G leaves out: there G will want to go."
    )


@exercise(
    "01.6",
    "`torch.cdist(points, centres)` has all distances, (N, M). `< near` says which points are near which mode.",
    "The mean over the points, `(torch.cdist(points, centres) < near).float().mean(0)`, is each mode's share; count "
    "how many are at least `share`.",
)
def count_modes(answer: Callable[..., Any]) -> str:
    near, share = 0.2, 0.02
    for seed, held in enumerate(([200, 0, 19, 20, 400], [25, 5, 30], [0, 0, 0, 0])):
        g = torch.Generator().manual_seed(seed)
        angle = 2 * math.pi * torch.arange(len(held)) / len(held)
        centres = 2 * torch.stack([angle.cos(), angle.sin()], 1)
        way = 2 * math.pi * torch.rand(sum(held), generator=g)
        off = 0.19 * torch.rand(sum(held), 1, generator=g) * torch.stack([way.cos(), way.sin()], 1)
        near_points = centres.repeat_interleave(torch.tensor(held), 0) + off
        # The rest of 1,000 points is nearest to mode 0, and near to none.
        astray = torch.tensor([2.5, 0.0]) + 0.1 * torch.rand(1000 - sum(held), 2, generator=g)
        points = torch.cat([near_points, astray])[torch.randperm(1000, generator=g)]
        want = sum(count >= share * 1000 for count in held)
        what = f"For {len(held)} modes with {', '.join(map(str, held))} of 1,000 points near them, the count"
        compare(answer(points, centres, near, share), want, _count_faults(points, centres, near, share), what=what)
    return "A mode counts when enough points lie close to it. One stray point will not do, nor will being nearest."


def _count_faults(points: Tensor, centres: Tensor, near: float, share: float) -> Faults:
    inside = torch.cdist(points, centres) < near
    yield (inside.float().mean(0) >= share), "One answer a mode came back. Add them up: one number is asked for."
    yield inside.any(0).sum(), "Here one point is enough to count a mode. It takes a `share` of all points."
    nearest = torch.bincount(torch.cdist(points, centres).argmin(1), minlength=len(centres))
    yield (
        (nearest >= share * len(points)).sum(),
        "Every point was given to its nearest mode, however far. Only points nearer than `near` count.",
    )
    yield inside.any(1).sum(), "This is the number of points near any mode. Count the modes."
    yield (inside.sum(0) >= share).sum(), "The share is of all points: compare the mean over points, not the count."
