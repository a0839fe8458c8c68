"""The checks of notebook 03, entangled noise."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from infogan_lib.course.exercises.blocks import Faults, compare, no_fault, number
from infogan_lib.course.exercises.checker import Wrong, exercise

SIZE = 20


@exercise(
    "03.1",
    "How far each image moved is `high - low`. Up and down both count: take the sign away before the mean.",
    "`(high - low).abs().mean() / natural.std()`",
)
def effect_size(answer: Callable[..., Any]) -> str:
    for seed, scale in enumerate((1.0, 30.0)):
        g = torch.Generator().manual_seed(seed)
        natural = 5 + scale * torch.randn(400, generator=g)
        low = 5 + scale * torch.randn(300, generator=g)
        high = low + scale * (torch.randn(300, generator=g) - 0.3)
        want = (high - low).abs().mean() / natural.std()
        faults = _effect_faults(low, high, natural)
        # 1 % leaves room for a variance divided by n instead of n - 1.
        compare(answer(low.clone(), high.clone(), natural.clone()), want, faults, what="The effect size", tol=0.01)
    return "Degrees, probabilities and pixels are now in one unit: what is usual for the attribute."


def _effect_faults(low: Tensor, high: Tensor, natural: Tensor) -> Faults:
    change, unit = high - low, natural.std()
    yield (
        change.mean().abs() / unit,
        "The sign was taken away after the mean: images that go up and images that go down cancel. Take it away first.",
    )
    yield (
        change.mean() / unit,
        "Images that go up and images that go down cancel here. How far each moved, whichever way, is `.abs()`.",
    )
    yield change.abs().mean(), "This is in the attribute's own unit. Divide by the standard deviation of `natural`."
    yield change.abs() / unit, "There is still one value for each image: take their mean."
    yield change.abs().mean() / natural.var(), "You divided by the variance; the standard deviation is its root."
    yield (
        change.abs().mean() / change.std(),
        "You divided by how much the change itself varies. The unit is the spread of `natural`, images nobody turned.",
    )
    yield change.abs().mean() / low.std(), "The unit is the spread of `natural`, not of the images turned low."
    yield change.square().mean().sqrt() / unit, "This is the root mean square; the mean distance is asked."


@exercise(
    "03.2",
    "The sum of 20 independent numbers of variance 1 has variance 20. By how much does the sum change as one of them "
    "goes from -2 to 2?",
    "The change is 4, and the unit is the square root of 20.",
    takes="value",
)
def spread_evenly(answer: Any) -> str:
    guess = number(answer)
    faults = {
        4 / SIZE: "4 / 20 divides by the variance of the sum. Its standard deviation is the square root of that.",
        4.0: "4 is the change in the sum's own unit. How wide does a sum of 20 numbers spread?",
        2 / SIZE**0.5: "This is the way from the middle to one end. The number goes from -2 to 2, a way of 4.",
        1 / SIZE**0.5: "This is for a way of 1. The number goes from -2 to 2, a way of 4.",
    }
    no_fault(guess, faults, 0.01)
    if not math.isclose(guess, 4 / SIZE**0.5, rel_tol=0.05):
        raise Wrong(f"{guess:g} is not it: the change of the sum, divided by the standard deviation of the sum.")
    return (
        "4 / sqrt(20) = 0.89. So an attribute that hangs on all of the noise a little is moved by every number of it a "
        "good deal. With 100 numbers it would be 0.4 each: no handle either, only smaller."
    )


@exercise(
    "03.3",
    "Any square matrix of independent normal numbers points in no preferred direction. `torch.linalg.qr` makes its "
    "columns orthogonal and of length 1.",
    "`torch.linalg.qr(torch.randn(size, size)).Q`",
)
def random_rotation(answer: Callable[..., Any]) -> str:
    found = []
    for size in (2, SIZE, SIZE):
        matrix = answer(size)
        if not isinstance(matrix, Tensor) or tuple(matrix.shape) != (size, size):
            got = f"shape {tuple(matrix.shape)}" if isinstance(matrix, Tensor) else f"a {type(matrix).__name__}"
            raise Wrong(f"A tensor of shape ({size}, {size}) is expected for size {size}; this is {got}.")
        _orthogonal(matrix.detach().double())
        found.append(matrix.detach().double())
    _mixing(found[1], found[2])
    return (
        "R^T R = I: lengths and angles stay, so a normal z turned by R is a normal z again, and no test on z can tell. "
        "(Half of these also mirror. That changes nothing here, and nothing about the argument.)"
    )


def _orthogonal(matrix: Tensor) -> None:
    product, one = matrix.T @ matrix, torch.eye(len(matrix)).double()
    if torch.allclose(product, one, atol=1e-3):
        return
    if not torch.allclose(product.diagonal(), one.diagonal(), atol=1e-3):
        lengths = product.diagonal().sqrt()
        raise Wrong(
            f"Columns have lengths from {lengths.min():.2f} to {lengths.max():.2f}; in a rotation each has length 1. "
            "A matrix that stretches would change how z is spread, and D would see it."
        )
    raise Wrong("Each column has length 1, but they are not at right angles: R^T R is not the identity.")


def _mixing(one: Tensor, other: Tensor) -> None:
    if torch.allclose(one, other, atol=1e-6):
        raise Wrong("Two calls gave the same matrix. A random rotation is drawn anew each time.")
    if one.abs().max() > 0.999:
        raise Wrong(
            "A column of your matrix is an axis: it relabels numbers of z or leaves them alone. A random rotation "
            "mixes all of them; begin with `torch.randn(size, size)`."
        )


@exercise(
    "03.5",
    "If a share `turned` of the tries works, one success takes `1 / turned` tries, and each try is looked at once.",
    "`labels / successes + 1 / turned`",
)
def price(answer: Callable[..., Any]) -> str:
    labels = torch.tensor([10.0, 30.0, 100.0, 300.0, 1000.0])
    turned = torch.tensor([0.4, 0.5, 0.75, 0.8, 0.96])
    for successes in (10, 1000):
        want = labels / successes + 1 / turned
        faults = [
            (labels / successes, "Each try costs a look as well: 1 / turned for a success."),
            (labels / successes / turned, "This charges the labels again for each try, and no look for the tries."),
            (labels + 1 / turned, "The labels are paid once for all successes: divide them by `successes`."),
            (labels + successes / turned, "This is the whole bill. For one success, divide by `successes`."),
            (labels / successes + turned, "A share of 0.4 means 2.5 tries for a success: 1 / turned."),
            (labels / successes + 1, "Every success is charged one look, but not every try succeeds: 1 / turned."),
        ]
        compare(answer(labels.clone(), turned.clone(), successes), want, faults, what="The price of a success")
    return "Few successes: few labels. Many: labels pay for themselves, until another look teaches nothing more."
