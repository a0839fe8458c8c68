"""The checks of notebook 08, turning the knobs. All of them ask the shipped model itself."""

import functools
from typing import Any

import torch
from torch import Tensor

from infogan_lib.core.model import InfoGAN
from infogan_lib.course.exercises.blocks import number
from infogan_lib.course.exercises.checker import NotYet, Wrong, exercise
from infogan_lib.measure import readers
from infogan_lib.training import weights

LEAN, BOLD = -0.4, 3.0  # of exercise 08.2: a lean of some 22 degrees to the left, a stroke of so many pixels
NOISES = 200


@functools.cache
def parts() -> tuple[InfoGAN, readers.DigitReader]:
    return weights.load("mnist"), readers.digit_reader()


def noise(n: int = NOISES, seed: int = 8) -> Tensor:
    return parts()[0].spec.noise.sample(n, torch.Generator().manual_seed(seed))


@exercise(
    "08.1",
    "Press the ten buttons from left to right and write down what you see. Where two digits look alike, resample the "
    "noise and look again.",
    "In code, `explorer.set(digit=k)` presses button k.",
    takes="value",
)
def which_digit(answer: Any) -> str:
    model, reader = parts()
    digits = _ten_digits(answer)
    codes = torch.arange(10).repeat_interleave(50)
    read = reader.read(model.generate(model.spec.encode(noise(500), digit=codes))).view(10, 50)
    made = read.mode(1).values.tolist()
    off = [k for k in range(10) if digits[k] != made[k]]
    if off and [digits.index(k) if k in digits else -1 for k in range(10)] == made:
        raise Wrong("This list is the other way round: place k should hold the digit that *code k* makes.")
    if off:
        raise Wrong(
            f"{10 - len(off)} of the ten are right. Look again at code {off[0]}: press it, and resample the noise."
        )
    share = (read == torch.tensor(made)[:, None]).double().mean().item()
    return (
        f"A digit reader agrees: over 50 noises a code, {100 * share:.1f} % of the images are the digit you named. "
        "The order means nothing; another seed has another."
    )


def _ten_digits(answer: Any) -> list[int]:
    try:
        digits = [int(d) for d in answer]
    except (TypeError, ValueError):
        raise Wrong("A list of ten digits is expected, such as [3, 1, 4, ...]: place k for code k.") from None
    if len(digits) != 10 or not set(digits) <= set(range(10)):
        raise Wrong(f"Ten digits from 0 to 9 are expected, one a code; this is {digits}.")
    return digits


@exercise(
    "08.2",
    "First find the button that makes a 7. Then move one slider at a time: one leans the digit, the other changes its "
    "stroke.",
    "Set each slider close to that end of the trained zone which does what you want. Look which end it is.",
    takes="value",
)
def bold_leaning_seven(answer: Any) -> str:
    model, reader = parts()
    if not isinstance(answer, dict):
        raise Wrong("A dict of settings is expected, such as {'digit': 3, 'c1': 0.5, 'c2': -0.5}.")
    if answer and all(value is ... for value in answer.values()):
        raise NotYet
    if missing := [name for name in model.spec.names if answer.get(name, ...) is ...]:
        raise Wrong(f"Set every knob: {', '.join(missing)} has no value.")
    latent = model.spec.encode(noise(), **answer)
    outside = [name for name in ("c1", "c2") if abs(float(answer[name])) > 1]
    images = model.generate(latent)
    sevens = (reader.read(images) == 7).double().mean().item()
    slant, thickness = (readers.moments(images)[name].mean().item() for name in ("slant", "thickness"))
    if sevens < 0.9:
        raise Wrong(
            f"Over {NOISES} noises, {100 * sevens:.0f} % of these images are a 7. Find the button that makes one."
        )
    if outside:
        raise Wrong(
            f"{outside[0]} = {answer[outside[0]]} lies outside the trained zone, from -1 to 1. It can be done inside."
        )
    if slant > LEAN:
        way = "leans to the right" if slant > 0.1 else "stands nearly upright" if slant > -0.1 else "leans to the left"
        raise Wrong(f"A 7, and it {way}: a mean slant of {slant:+.2f}. It should be {LEAN} or less.")
    if thickness < BOLD:
        raise Wrong(
            f"A 7, and it leans far enough. Its stroke is {thickness:.1f} pixels thick on average; it should be {BOLD} "
            "or more."
        )
    return (
        f"A 7 in {100 * sevens:.0f} % of {NOISES} images, with a mean slant of {slant:+.2f} and a stroke of "
        f"{thickness:.1f} pixels. Three knobs, each set for one thing: the other two did not get in its way."
    )


@exercise(
    "08.3",
    "Q's continuous answer was trained on images whose codes lay between -1 and 1. Has it ever been told of a 2?",
    "Set c1 to 1, read Q's mean, then move on to 1.5 and 2, and watch how far the mean follows.",
    takes="value",
)
def mean_at_two(answer: Any) -> str:
    model, _ = parts()
    guess = number(answer)
    codes = torch.arange(10).repeat_interleave(NOISES // 10)
    q = model.read(model.generate(model.spec.encode(noise(), digit=codes, c1=2.0)))["c1"]
    mean, sigma = q.mean.mean().item(), q.stddev.mean().item()
    said = f"Over {NOISES} images made with c1 = 2, Q's mean is {mean:.2f} on average"
    if abs(guess - mean) > 0.25:
        why = "Q does not extrapolate: no image it learnt from had a code above 1." if guess > mean else ""
        raise Wrong(f"{said}. {why}".strip() + " Move the slider and see, then say why.")
    return f"{said}, and its sigma is {sigma:.2f}, as everywhere: it is as sure of a wrong answer as of a right one."


@exercise(
    "08.4",
    "Make the top of the 4 nearly closed: the gap between the two upper strokes is what tells it from a 9.",
    "Start from an example: load a 4 in the drawing pad, then add to it. A 9 has a round top and a 4 a pointed one.",
    takes="value",
)
def four_that_q_calls_nine(answer: Any) -> str:
    model, reader = parts()
    image = getattr(answer, "image", answer)
    if image is None:
        raise Wrong("The pad is empty. Draw a 4, then run this cell again.")
    if not isinstance(image, Tensor) or image.numel() != 28 * 28 or not image.is_floating_point():
        raise Wrong("The drawing pad is expected here, or an image (1, 1, 28, 28), float in [-1, 1].")
    image = image.reshape(1, 1, 28, 28)
    four = reader.probabilities(image)[0, 4].item()
    log_q = model.read(image)["digit"].log_prob(torch.arange(10))
    digit = model.manifest["scores"]["matching"][int(log_q.argmax())]
    sure = log_q.max().exp().item()
    if four < 0.5:
        raise Wrong(f"The reader, trained with labels, gives a 4 only {100 * four:.0f} % here. It should still be a 4.")
    if digit != 9:
        raise Wrong(
            f"A 4 for the reader ({100 * four:.0f} %), and Q reads the code of a {digit}. Close its top a little."
        )
    return (
        f"A 4 for the reader ({100 * four:.0f} %), and Q is {100 * sure:.0f} % sure of the code that makes nines. "
        "Q was never told what a 4 is: it cut the digits into ten kinds by itself, and this is where the cut runs."
    )
