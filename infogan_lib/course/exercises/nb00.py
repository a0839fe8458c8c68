"""The checks of notebook 00, the first knobs."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infogan_lib.core.latent import LatentSpec
from infogan_lib.core.model import InfoGAN
from infogan_lib.course.exercises.blocks import choice, compare
from infogan_lib.course.exercises.checker import NotYet, Wrong, exercise
from infogan_lib.measure import metrics, readers
from infogan_lib.training import weights

# What the notebook calls the codes of the shipped model, so that their names give nothing away.
BLIND = {"digit": "p", "c1": "q", "c2": "r"}
CHANGES = ("which digit", "slant", "thickness", "width", "nothing")
ENOUGH = 0.3  # |rank correlation| from which a code counts as moving an attribute


def two_models() -> tuple[InfoGAN, InfoGAN]:
    """Two shipped models of one size, A and B, their codes renamed p, q and r. Which has a code is exercise 00.1."""
    models = weights.load("mnist-control"), weights.load("mnist")
    for model in models:
        codes = [replace(code, name=BLIND[code.name]) for code in model.spec.codes]
        model.spec = LatentSpec(model.spec.noise, codes)
    return models


@exercise(
    "00.1",
    "Hold the noise still. Press the ten buttons one after the other, and look at both pictures. Then resample the "
    "noise and press them again.",
    "A code is a knob that changes the image in the same way whatever the noise is. In one of the two models the "
    "buttons change next to nothing.",
    takes="value",
)
def which_has_a_code(answer: Any) -> str:
    choice(
        answer,
        {
            "A": "Look at A again: freeze the noise and press the ten buttons. Its picture hardly changes. New noise "
            "gives a new image, but noise is not a knob with a meaning.",
            "B": "",
        },
    )
    return (
        "In B the buttons choose the digit, whatever the noise. A has the same knobs, and nothing ever asked it to use "
        "them."
    )


@exercise(
    "00.2",
    "Move one knob at a time, and go through all three with several noises. A property that changes the same way for "
    "every shape is what the knob does.",
    "Look at `q` from -1 to 1 on a 1 or a 7, and at `r` on a 0: does it lean, is its stroke thicker, is it wider?",
    takes="value",
)
def name_the_knobs(answer: Any) -> str:
    names = list(BLIND.values())
    if not isinstance(answer, dict) or set(answer) != set(names):
        raise Wrong(f"A dict with the keys {', '.join(map(repr, names))} is expected, such as {{'p': 'slant', ...}}.")
    if all(value is ... for value in answer.values()):
        raise NotYet
    if unfilled := [name for name in names if answer[name] is ...]:
        raise Wrong(f"Still to name: {', '.join(unfilled)}. The choices are {', '.join(map(repr, CHANGES))}.")
    for code, name in BLIND.items():
        if answer[name] not in CHANGES:
            raise Wrong(f"{name}: choose one of {', '.join(map(repr, CHANGES))}; this is {str(answer[name])[:80]!r}.")
        if answer[name] not in effects()[code]:
            raise Wrong(f"{name} is not {answer[name]!r}. Hold the noise still and move {name} alone, from end to end.")
    said = [f"{BLIND[code]} {_say(found)}" for code, found in effects().items()]
    return (
        f"Measured on 2,000 images: {'; '.join(said)}. No label told of any of them; what Q was shown kept them apart."
    )


@functools.cache
def effects() -> dict[str, dict[str, float | None]]:
    """{code: {what it changes: rank correlation}} of the shipped model, measured on 2,000 of its images."""
    model = weights.load("mnist")
    latent, images = metrics.fakes(model, 2000, seed=1)
    attributes = readers.moments(images)
    found: dict[str, dict[str, float | None]] = {"digit": {"which digit": None}}
    for code in ("c1", "c2"):
        rho = {k: metrics.within_groups_spearman(latent[code], v, latent["digit"]) for k, v in attributes.items()}
        found[code] = {k: r for k, r in rho.items() if abs(r) >= ENOUGH}
    return found


def _say(found: dict[str, float | None]) -> str:
    return " and ".join(k if r is None else f"{k} (rank correlation {r:+.2f})" for k, r in found.items())


@exercise(
    "00.3",
    "A slider is one input. How many inputs do ten buttons need, if each button has an input of its own?",
    "`noise + buttons + sliders`: the button that is pressed has a 1 in its input, the others have a 0.",
)
def inputs(answer: Callable[..., Any]) -> str:
    faults = [
        (62 + 1 + 2, "You fed the button's number as one input. Then button 9 would count as three times button 3."),
        (10 + 2, "The noise is an input as well."),
        (62 * 10 * 2, "The inputs stand side by side: they add up."),
    ]
    compare(answer(62, 10, 2), 74, faults, what="inputs(62, 10, 2)")
    compare(answer(5, 3, 0), 8, what="inputs(5, 3, 0)")
    return "62 of noise, one for each of ten buttons (a 1 for the one pressed, 0 for the others), two sliders: 74."
