"""The checks of notebook 10, faces."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from infogan_lib.course.exercises.blocks import Faults, compare, no_fault, number
from infogan_lib.course.exercises.checker import Wrong, exercise


@exercise(
    "10.1",
    "An image tensor is (N, C, height, width): left and right are its last dimension. `images.flip(3)` turns it round.",
    "`told = {name: -v if name in odd else v for name, v in codes.items()}`, and return both.",
)
def mirror(answer: Callable[..., Any]) -> str:
    g = torch.Generator().manual_seed(0)
    images = torch.rand(5, 1, 6, 4, generator=g)
    codes = {name: 2 * torch.rand(5, generator=g) - 1 for name in ("c1", "c2", "c3")} | {"k2": torch.arange(5) % 2}
    for odd in (("c1", "c2"), ("c3",)):
        given = {name: values.clone() for name, values in codes.items()}
        result = answer(images.clone(), given, odd)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise Wrong("Return two things: the mirrored images, and a dictionary of what Q should read there.")
        compare(result[0], images.flip(3), _mirror_faults(images), what="The mirrored images")
        if not isinstance(result[1], dict) or set(result[1]) != set(codes):
            raise Wrong("What Q should read is a dictionary with every code in it, those that do not change as well.")
        if any(not torch.equal(given[name], codes[name]) for name in codes):
            raise Wrong("The codes that were given have changed: G made the images with them. Build a new dictionary.")
        for name, values in codes.items():
            _sign(name, result[1][name], values, name in odd)
    return "Nobody looked at a picture to know this. It is knowledge all the same, and the course will say so."


def _mirror_faults(images: Tensor) -> Faults:
    yield images, "These are the images as they were. Left and right are the last dimension."
    yield images.flip(2), "These faces stand on their heads: dimension 2 is the height."
    yield images.flip(0), "The order of the images was reversed; each image is to be."
    yield -images, "Black and white changed places. Left and right should."


def _sign(name: str, got: Any, values: Tensor, odd: bool) -> None:
    got = torch.as_tensor(got)
    if got.shape != values.shape:
        raise Wrong(
            f"{name} should have a value for each image, shape {tuple(values.shape)}; it has {tuple(got.shape)}."
        )
    if torch.equal(got, -values if odd else values):
        return
    if odd and torch.equal(got, values):
        raise Wrong(f"{name} is one of `odd`: a face that looks right looks left in the mirror. Its sign changes.")
    if not odd and torch.equal(got, -values):
        raise Wrong(f"{name} is not one of `odd`, and its sign changed. A mirror takes nobody's glasses off.")
    raise Wrong(f"{name} has other values than it had. A mirror changes signs and nothing else.")


@exercise(
    "10.2",
    "Write c1 = a + b with a and b independent and of equal variance. What is its covariance with a, and what its own "
    "variance?",
    "The covariance is Var(a), the variance of the sum 2 Var(a). Divide the first by the root of Var(a) * 2 Var(a).",
    takes="value",
)
def turned_codes(answer: Any) -> str:
    guess = number(answer)
    faults = {
        0.5: "0.5 is the share of c1's variance that is azimuth's: the square of the correlation.",
        0.0: "c1 is half made of azimuth, so the two go together. It is c1 and c2 whose correlation is 0.",
        1.0: "1 would be a code that is azimuth and nothing else; there is light in it as well.",
    }
    no_fault(guess, faults, 0.01)
    if not math.isclose(abs(guess), math.sqrt(0.5), abs_tol=0.015):
        raise Wrong(f"{guess:g} is not it. Work out the covariance of a + b with a, and divide by both deviations.")
    return (
        "1 / sqrt(2) = 0.71, for both codes with both causes. Both change sign in the mirror, and their correlation is "
        "0, so neither demand tells this pair from the right one. A table of 0.7s is what a turned pair looks like."
    )


@exercise(
    "10.3",
    "For one state: `(said == truth)[truth == state].float().mean()` is how often it was told right.",
    "Do it for each of `truth.unique()`, and take the mean of those shares.",
)
def balanced(answer: Callable[..., Any]) -> str:
    for seed, states in enumerate((2, 3)):
        g = torch.Generator().manual_seed(seed)
        truth = (torch.rand(200, generator=g) ** 2 * states).long()
        said = torch.where(torch.rand(200, generator=g) < 0.6, truth, torch.randint(states, (200,), generator=g))
        right = said == truth
        each = torch.stack([right[truth == s].double().mean() for s in range(states)])
        faults = _balanced_faults(said, truth, right, each)
        compare(answer(said.clone(), truth.clone()), each.mean(), faults, what="The balanced accuracy")
    return "A code that always says the same gets 1 / states, however rare a state is. Plain accuracy pays it more."


def _balanced_faults(said: Tensor, truth: Tensor, right: Tensor, each: Tensor) -> Faults:
    yield right.double().mean(), "This is the plain accuracy: a common state counts for more. Take each state alone."
    yield each, "There is still one share for each state: take their mean."
    yield each.min(), "This is the worst state. The mean over states is asked."
    of_said = torch.stack([right[said == s].double().mean() for s in said.unique()])
    yield of_said.mean(), "You went by what was said. Group by the truth: of all with glasses, how many were told?"
    yield 1 - each.mean(), "This is the share told wrong."


@exercise(
    "10.5",
    "Take the mean of `train` off both. The directions are the first k rows of `torch.linalg.svd(centred)[2]`.",
    "`(images - mean) @ torch.linalg.svd(train - mean, full_matrices=False).Vh[:k].T`",
)
def principal(answer: Callable[..., Any]) -> str:
    for seed, k in ((0, 3), (1, 2)):
        g = torch.Generator().manual_seed(seed)
        scale = torch.tensor([5.0, 3.0, 2.0, 1.0, 0.5, 0.2])
        turn = torch.linalg.qr(torch.randn(6, 6, generator=g)).Q
        train, images = (3 + (torch.randn(n, 6, generator=g) * scale) @ turn for n in (80, 50))
        images = images + 1
        mean = train.mean(0)
        ways = torch.linalg.svd(train - mean, full_matrices=False).Vh
        want = (images - mean) @ ways[:k].T
        got = answer(train.clone(), images.clone(), k)
        if isinstance(got, Tensor) and got.shape == want.shape:
            got = _turned(got, want)
        compare(got, want, _principal_faults(train, images, mean, ways, k), what="The numbers", tol=1e-3)
    return "Numbers from the pixels alone, without a network. What they tell of a factor is no merit of a code."


def _turned(numbers: Tensor, like: Tensor) -> Tensor:
    """Columns with the sign that suits `like`: each direction may point either way."""
    return torch.where((numbers * like).sum(0) < 0, -numbers, numbers)


def _principal_faults(train: Tensor, images: Tensor, mean: Tensor, ways: Tensor, k: int) -> Faults:
    want = (images - mean) @ ways[:k].T
    yield ways[:k], "These are the directions. Project the images on them: (images - mean) @ directions.T."
    yield (
        _turned((images - images.mean(0)) @ ways[:k].T, want),
        "The images' own mean was taken off. The mean belongs to the fit: use that of `train`.",
    )
    yield (
        _turned(images @ ways[:k].T, want),
        "The mean is not taken off the images: the first number then mostly says: an image.",
    )
    yield (train - mean) @ ways[:k].T, "These are the numbers of `train`. The ones of `images` are asked."
    raw = images @ torch.linalg.svd(train, full_matrices=False).Vh[:k].T
    yield _turned(raw, want), "No mean was taken off before the decomposition."
    last = (images - mean) @ ways[-k:].T
    yield _turned(last, want), "These are the last directions, where least happens. Take the first."
