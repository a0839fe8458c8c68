"""Checks of notebook 02: convolutions, and arithmetic on noise."""

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from infogan_lib.course import results
from infogan_lib.course.exercises.blocks import Faults, compare, number
from infogan_lib.course.exercises.checker import NotYet, Wrong, exercise
from infogan_lib.course.lessons.arithmetic import slerp

NEAR = 0.12  # how far off a guessed rate may be


@exercise(
    "02.1",
    "Without padding: the last stamp begins at (n - 1) * s and is k wide. Where does it end?",
    "Padding cuts p off at the left and p off at the right: `(n - 1) * s + k - 2 * p`.",
)
def width_out(answer: Callable[..., Any]) -> str:
    for n, k, s, p in ((5, 6, 3, 1), (7, 4, 2, 1), (5, 3, 2, 0), (1, 4, 1, 0)):
        layer = nn.ConvTranspose2d(1, 1, k, s, p)
        want = layer(torch.zeros(1, 1, n, n)).shape[-1]
        what = f"For n = {n}, k = {k}, s = {s}, p = {p} the width"
        compare(answer(n, k, s, p), want, _width_faults(n, k, s, p), what=what)
    return "The formula of a convolution's width, solved for its input: the way back has the shapes of the way there."


def _width_faults(n: int, k: int, s: int, p: int) -> Faults:
    yield (n - 1) * s + k, "The padding is left out: it cuts p off at either edge."
    yield (n - 1) * s + k - p, "The padding is cut off at both edges: 2 p in all."
    yield (n - 1) * s + k + 2 * p, "Here padding adds no pixels, it cuts them off: it undoes a convolution's."
    yield (n + 2 * p - k) // s + 1, "This is the width after a convolution, which shrinks. Here the input is stamped."
    yield n * s + k - 2 * p, "The first stamp begins at 0, so the last of n begins at (n - 1) * s."
    yield n * s, "Right where k = s + 2 p; the kernel's width matters in general."


@exercise(
    "02.3",
    "`angle = torch.arccos(a @ b / (a.norm() * b.norm()))`. To multiply each share with the vectors, t needs a second "
    "axis: `t[:, None]`.",
    "`((1 - t) * angle).sin() / angle.sin() * a + (t * angle).sin() / angle.sin() * b`, with t of shape (T, 1).",
)
def spherical(answer: Callable[..., Any]) -> str:
    t = torch.tensor([0.0, 0.2, 0.5, 1.0])
    for seed, size in enumerate((20, 3)):
        a, b = torch.randn(2, size, generator=torch.Generator().manual_seed(seed))
        compare(answer(a.clone(), b.clone(), t.clone()), slerp(a, b, t), _slerp_faults(a, b, t), what="The way")
    middle = answer(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), torch.tensor([0.5]))
    compare(middle, [[2**0.5, 2**0.5]], what="Half-way between (2, 0) and (0, 2), the point")
    return "Between two vectors of one length, each step has that length, and each turns by the same angle."


def _slerp_faults(a: Tensor, b: Tensor, t: Tensor) -> Faults:
    cosine = a @ b / (a.norm() * b.norm())
    angle, t = torch.arccos(cosine), t[:, None]
    yield (1 - t) * a + t * b, "This is the straight line."
    yield ((t * angle).sin() * a + ((1 - t) * angle).sin() * b) / angle.sin(), "At t = 0 it is at b. Swap the shares."
    yield ((1 - t) * angle).sin() * a + (t * angle).sin() * b, "The division by the sine of the whole angle is missing."
    yield (((1 - t) * cosine).sin() * a + (t * cosine).sin() * b) / cosine.sin(), "The angle is the arccos of it."
    line = (1 - t) * a + t * b
    yield (
        line / line.norm(dim=1, keepdim=True) * ((1 - t) * a.norm() + t * b.norm()),
        "A straight line brought back to length: the same path where a and b are equally long, but not at equal steps "
        "of the angle. Use the formula.",
    )


@exercise(
    "02.4",
    "`noise[plus]` is (k, size): a row an exemplar. The mean over exemplars is `.mean(0)`.",
    "`noise[plus].mean(0) - noise[minus].mean(0) + noise[other].mean(0)`",
)
def arithmetic(answer: Callable[..., Any]) -> str:
    noise = torch.randn(40, 20, generator=torch.Generator().manual_seed(0))
    for plus, minus, other in (([3, 5, 9], [0, 1, 2], [11, 30, 31]), ([4], [5, 6], [7, 8, 39])):
        groups = [torch.tensor(group) for group in (plus, minus, other)]
        a, b, c = (noise[group].mean(0) for group in groups)
        faults = _arithmetic_faults(noise, *groups)
        compare(answer(noise.clone(), *(group.clone() for group in groups)), a - b + c, faults, what="The result")
    return "What the first has and the second lacks, put on the third. Does that hold for images? Read on."


def _arithmetic_faults(noise: Tensor, plus: Tensor, minus: Tensor, other: Tensor) -> Faults:
    a, b, c = (noise[group].mean(0) for group in (plus, minus, other))
    yield a + b - c, "`minus` is added and `other` taken away: it is the other way round."
    yield b - a + c, "`plus` is taken away and `minus` added: it is the other way round."
    yield a - b, "`other` is missing: this is the difference alone, with nothing to put it on."
    yield a - (b + c), "A bracket too many: `other` is added."
    yield noise[plus].sum(0) - noise[minus].sum(0) + noise[other].sum(0), "These are sums. Take means."
    if len(plus) == len(minus) == len(other):
        yield noise[plus] - noise[minus] + noise[other], "One result an exemplar came back. Take their mean."
        yield (
            noise[plus].mean(1) - noise[minus].mean(1) + noise[other].mean(1),
            "The mean goes over exemplars: `.mean(0)`.",
        )


@exercise(
    "02.5",
    "The three means are independent of mean zero, so their squared lengths add up, whatever the signs.",
    "d/k + d/k + d/k = d. Solve for k.",
    takes="value",
)
def same_length(answer: Any) -> str:
    guess = number(answer)
    if abs(guess - 1) < 1e-6:
        raise Wrong("With one of each, three vectors of length sqrt(d) at right angles: together sqrt(3 d), too long.")
    if abs(guess - 9) < 1e-6 or abs(guess - 3**0.5) < 0.01:
        raise Wrong("It is the squares of the lengths that add up: d/k three times.")
    if abs(guess - 3) > 1e-6:
        raise Wrong(f"With k = {guess:g} the length is not sqrt(d). Add up the squared lengths of the three means.")
    return (
        "3, which is how many DCGAN averaged. With more, the result draws in to the origin, where G has seen next to "
        "nothing, with fewer it lies far out. (Exemplars that share glasses share more than that, so 3 is not exact.)"
    )


def rate(k: int) -> float:
    """The median over seeds of the measured success, as in notebook 02's figure."""
    found = results.read("arithmetic", what="averaged", k=k, length="as it is", hair_from="none", hair_to="long")
    return statistics.median(results.column(found, "both"))


@exercise(
    "02.6",
    "Averaging removes what the exemplars do not share. But it also shortens: think of your answer to 02.5.",
    "There is no formula for this one. The next cells measure it: run them, then say what surprised you.",
    takes="value",
)
def rates(answer: Any) -> str:
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Wrong("Two numbers are expected, the share with 1 exemplar and the share with 30: (0.2, 0.2), say.")
    if any(guess is ... for guess in answer):
        raise NotYet
    for k, given in zip((1, 30), answer):
        guess, found = number(given), rate(k)
        if not 0 <= guess <= 1:
            raise Wrong(f"{guess:g} is no share; with {k} of each kind, what part of the tries, from 0 to 1?")
        if abs(guess - 1 / 6) < 0.02 or guess > 1 / 6 > found:
            side = "less" if found < 1 / 6 else "more"
            raise Wrong(f"A sixth is what chance gives. With {k} of each kind it is {side} than that.")
        if guess > found + NEAR:
            raise Wrong(f"With {k} of each kind it is less than {guess:g}.")
        if guess < found - NEAR:
            raise Wrong(f"With {k} of each kind it is more than {guess:g}.")
    return f"Measured: {rate(1):.2f} with 1 exemplar of each kind, {rate(30):.2f} with 30."
