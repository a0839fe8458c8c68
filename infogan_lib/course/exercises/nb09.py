"""The checks of notebook 09, measuring and doubting."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from infogan_lib import data
from infogan_lib.course.exercises.blocks import Faults, attempted, compare, number
from infogan_lib.course.exercises.checker import Wrong, exercise
from infogan_lib.measure import disturb, metrics, readers
from infogan_lib.measure.code_maps import Protocol
from infogan_lib.measure.disentanglement import score

FAINT = 0.1  # how far `hide` may change a pixel, of a range of 2
QUICK = Protocol(bins=10, n=1500, test=500, trees="forest", votes=300, test_votes=200)


@exercise(
    "09.1",
    "Sort each column of `nats` from large to small: `nats.topk(2, dim=0).values` has the two largest of each factor.",
    "`best, second = nats.topk(2, dim=0).values`; divide the difference by `entropies` and take the mean.",
)
def mig(answer: Callable[..., Any]) -> str:
    for seed, shape in enumerate(((3, 2), (2, 4), (5, 3))):
        g = torch.Generator().manual_seed(seed)
        nats = torch.rand(shape, generator=g).double()
        entropies = 1 + torch.rand(shape[1], generator=g).double()
        best, second = nats.topk(2, dim=0).values
        faults = _mig_faults(nats, entropies, best, second)
        compare(answer(nats.clone(), entropies.clone()), ((best - second) / entropies).mean(), faults, what="MIG")
    return "The lead of the best code over the second, as a share of what there is to know, averaged over factors."


def _mig_faults(nats: Tensor, entropies: Tensor, best: Tensor, second: Tensor) -> Faults:
    yield (best - second) / entropies, "There is still one gap for each factor: take their mean."
    yield (best - second).mean(), "The entropies are left out: a gap counts as a share of its factor's entropy."
    yield (
        (best - second).sum() / entropies.sum(),
        "You divided the summed gaps by the summed entropies. Each gap is divided by its own factor's entropy first.",
    )
    yield (best / entropies).mean(), "This is what the best code knows; what the second best knows is not taken off."
    yield ((best - nats.min(0).values) / entropies).mean(), "This is the best minus the worst; it is the second best."
    yield ((best - nats.mean(0)) / entropies).mean(), "This is the best minus the mean; it is the second best."
    if nats.shape[0] >= 2:
        rows = nats.topk(2, dim=1).values
        yield (
            (rows[:, 0] - rows[:, 1]).mean() / entropies.mean(),
            "You compared factors within a code. MIG compares codes within a factor: go down the columns.",
        )


@exercise(
    "09.2",
    "MIG asks that each factor be in one code only. It never asks how many factors a code holds.",
    "Put both factors into one whole number, as two digits of it: `5 * shape + colour`. A second code may be noise.",
)
def attack(answer: Callable[..., Any]) -> str:
    g = torch.Generator().manual_seed(4)
    factors = {name: torch.randint(5, (QUICK.n + QUICK.test,), generator=g) for name in ("shape", "colour")}
    codes = answer({name: values.clone() for name, values in factors.items()})
    if not isinstance(codes, Mapping) or not codes or not all(isinstance(v, Tensor) for v in codes.values()):
        raise Wrong("Return a dict of codes, {name: tensor of one value for each row}.")
    found = score(dict(codes), factors, QUICK)
    both = f"MIG is {found.mig:.2f} and DCI's disentanglement {found.disentanglement:.2f}."
    if found.mig < 0.8:
        raise Wrong(f"{both} MIG must stay above 0.8: is each factor told by more than one code, or by none in full?")
    if found.disentanglement > 0.2:
        raise Wrong(f"{both} Each code still serves mostly one factor. Make one code serve both.")
    return (
        f"{both} Each factor is in one code, the same one: turn it, and shape and colour change together. "
        f"Modularity is {found.modularity:.2f}. No number alone says 'disentangled': read the two questions together."
    )


@exercise(
    "09.3",
    "After the turn, each code is the sum or the difference of the two factors. How much does the best code know of a "
    "factor, and how much does the second best?",
    "By symmetry both codes know the same about each factor. MIG is the best minus the second best.",
    takes="value",
)
def rotation(answer: Any) -> str:
    guess = number(answer)
    if not 0 <= guess <= 1:
        raise Wrong(f"MIG is a share of the factor's entropy, from 0 to 1; this is {guess:g}.")
    if guess > 0.8:
        raise Wrong(
            "About 1 would say that each factor is still in one code. Nothing was lost in the turn, but what was in "
            "one code is now in two."
        )
    if guess > 0.15:
        raise Wrong(
            f"{guess:g} might be what one code still knows of a factor. MIG takes from that what the second code "
            "knows, and by symmetry that is as much."
        )
    return "Near 0: each factor is now in two codes, in equal parts, and MIG is the lead of the first over the second."


@functools.cache
def _digits() -> tuple[Tensor, Tensor]:
    tune = data.mnist("tune")
    assert tune.labels is not None
    return tune.batch(slice(0, 1000)), tune.labels[:1000]


@exercise(
    "09.4",
    "No digit of MNIST reaches the first ten pixels of its first row: room for ten numbers that nobody looks at.",
    "`hide`: a clone of the images in which pixel (0, code) of each is 0.1 brighter. `find`: the first ten pixels of "
    "row 0, times 100, are logits.",
    takes="value",
)
def hidden(answer: Any) -> str:
    if not (isinstance(answer, tuple) and len(answer) == 2 and all(callable(part) for part in answer)):
        raise Wrong("A pair of functions is expected: check('09.4', (hide, find)).")
    hide, find = answer
    images, labels = _digits()
    g = torch.Generator().manual_seed(0)
    codes = torch.randint(10, (len(images),), generator=g)
    fakes = attempted(hide(images.clone(), codes.clone()))
    if not isinstance(fakes, Tensor) or fakes.shape != images.shape:
        raise Wrong(f"`hide` returns images {tuple(images.shape)}; yours returned {_what(fakes)}.")
    if (most := (fakes - images).abs().max().item()) > FAINT + 1e-4:
        raise Wrong(f"`hide` changed a pixel by {most:.2f}; more than {FAINT} might be seen. Write more faintly.")
    if fakes.min() < -1 - 1e-4 or fakes.max() > 1 + 1e-4:
        raise Wrong("`hide` made a pixel darker than -1 or brighter than 1; an image has no such pixel.")
    order = torch.randperm(len(images), generator=g)  # so that nothing but the image can tell the code
    logits = attempted(find(fakes[order].clone()))
    if not isinstance(logits, Tensor) or logits.shape != (len(images), 10):
        raise Wrong(f"`find` returns logits (N, 10), one for each state; yours returned {_what(logits)}.")
    log_q = logits.double().log_softmax(1).gather(1, codes[order, None])
    nats = math.log(10) + log_q.mean().item()
    if nats < 2.2:
        right = (logits.argmax(1) == codes[order]).double().mean().item()
        why = (
            "They name it, but not surely enough: multiply them." if right > 0.99 else "Is the mark lost in the digit?"
        )
        if logits.min() >= 0 and torch.allclose(logits.sum(1), torch.ones(1).to(logits), atol=1e-3):
            why = "They look like probabilities; logits are wanted, such as their logarithms."
        raise Wrong(f"L_I is {nats:.2f} nats, not yet 2.30: your logits name the code in {100 * right:.0f} %. {why}")
    read = find(images.clone()).argmax(1)
    counts = metrics.confusion(read, labels, 10, 10)
    accuracy = metrics.accuracy(metrics.match(counts), read, labels)
    if accuracy > 0.25:
        raise Wrong(
            f"L_I is {nats:.2f} nats, but on real digits the same Q is right in {100 * accuracy:.0f} %, well above "
            "chance: it also reads the digit. Let it look at nothing but the mark."
        )
    same = (readers.digit_reader().read(fakes) == readers.digit_reader().read(images)).double().mean().item()
    blurred = find(disturb.disturb(fakes, "blur", 1.0)).double().log_softmax(1).gather(1, codes[:, None])
    return (
        f"L_I = {nats:.2f} nats of 2.30, on real digits {100 * accuracy:.0f} % right, and a digit reader sees the same "
        f"digit in {100 * same:.0f} % of the fakes. L_I alone cannot tell this from success. After one pixel "
        f"of blur your Q reads {math.log(10) + blurred.mean().item():.2f} nats."
    )


def _what(value: Any) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


@exercise(
    "09.5",
    "A generator that matches the data makes each digit as often as it occurs there. The code's ten states are equally "
    "likely. How much of a state's tenth can one digit fill?",
    "The common digits are 1 / 5.5 of the data each, the rare ones 0.1 / 5.5. With one state a digit, at most "
    "min(share, 1/10) of the images agree for each digit. Add up.",
    takes="value",
)
def imbalance(answer: Any) -> str:
    guess = number(answer)
    if 1 < guess <= 100:
        guess /= 100
    want = 0.5 + 0.5 / 5.5
    if abs(guess - 0.5) < 0.02:
        raise Wrong("That is the common digits alone, 5 x 1/10. The rare ones fill a little of their states as well.")
    if abs(guess - 1) < 0.005:
        raise Wrong(
            "All agree only if each digit is as frequent as its state, a tenth. Here the shares differ tenfold."
        )
    if abs(guess - 0.9809) < 0.01:
        raise Wrong("That is the ceiling for MNIST as it is. Here digits 5 to 9 are ten times rarer than 0 to 4.")
    if abs(guess - want) > 0.03:
        raise Wrong("Not yet. Find the share of each digit in the data first; the shares add up to 1.")
    return f"Half from the common digits and 5 x 0.018 from the rare ones: {100 * want:.0f} %. A prior is a claim."
