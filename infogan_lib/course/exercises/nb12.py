"""The checks of notebook 12, your own pictures."""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from infogan_lib.course.exercises.blocks import Faults, compare, number
from infogan_lib.course.exercises.checker import NotYet, Wrong, exercise

MEASURED = ("slant", "thickness", "width")
RANDOM_NMI = 0.05  # what random categories reach on some 270 pictures of ten kinds: chance is not 0 on few
HEADER = b"\x89PNG\r\n\x1a\n" + 40 * b"\0"  # files of one kind begin alike


@exercise(
    "12.1",
    "`hashlib.sha256(content).digest()` turns any bytes into 32 that look random and are the same everywhere.",
    "Read some of the digest as a number, `int.from_bytes(digest[:4], 'big')`, and compare it with `share * 2**32`.",
)
def held_back(answer: Callable[..., Any]) -> str:
    files = [HEADER + hashlib.sha256(str(i).encode()).digest() for i in range(3000)]
    # Python mixes a secret of the process into hash(bytes), so two kernels disagree; one kernel cannot see it.
    code = getattr(getattr(answer, "__wrapped__", answer), "__code__", None)
    if code is not None and "hash" in code.co_names:
        raise Wrong(
            "`hash` of bytes is salted anew in each Python process: tomorrow other files are held back. "
            "`hashlib` has functions that are not."
        )
    first = [bool(answer(file, 0.3)) for file in files]
    if [bool(answer(file, 0.3)) for file in reversed(files)] != first[::-1]:
        raise Wrong(
            "Asked again in another order, it answers differently about the same files. Only the bytes may count."
        )
    if abs(sum(first) / len(first) - 0.7) < 0.05:
        raise Wrong("70 % of the files are held back, and 30 % were asked for. Is a comparison the wrong way round?")
    if abs(sum(first) / len(first) - 0.3) > 0.05:
        got = f"{100 * sum(first) / len(first):.0f} % of the files are held back, and 30 % were asked for."
        raise Wrong(f"{got} Files of one kind begin alike and are often equally long: let all the bytes decide.")
    half = sum(bool(answer(file, 0.8)) for file in files) / len(files)
    if abs(half - 0.8) > 0.05:
        raise Wrong(f"With a share of 0.3 it is right; with 0.8, {100 * half:.0f} % are held back. Use `share`.")
    lost = sum(a and not answer(file, 0.8) for a, file in zip(first, files))
    extra = "" if lost else " And a larger share keeps back the old files and some more."
    return f"The bytes decide, and nothing else.{extra}"


@exercise(
    "12.2",
    "A dict with an entry for each code: `{'kind': ('digit', 0.5), 'c1': (..., ...), 'c2': (..., ...)}`.",
    f"`kind` is scored by NMI with labels (random reaches about {RANDOM_NMI}); c1 and c2 against one of "
    f"{', '.join(MEASURED)}, by rank correlation.",
    takes="value",
)
def expectation(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        raise Wrong(f"A dict is expected, {{code: (what it finds, least score)}}; this is a {type(answer).__name__}.")
    if missing := [name for name in ("kind", "c1", "c2") if name not in answer]:
        raise Wrong(f"Nothing is expected of {', '.join(missing)}. A code without an expectation cannot surprise you.")
    for name, entry in answer.items():
        if entry is ... or (isinstance(entry, (tuple, list)) and any(part is ... for part in entry)):
            raise NotYet
        if not (isinstance(entry, (tuple, list)) and len(entry) == 2 and isinstance(entry[0], str)):
            raise Wrong(f"{name}: a pair is expected, (what it finds, least score), such as ('slant', 0.4).")
        what, least = entry[0].strip(), number(entry[1])
        if not 0 < least < 1:
            raise Wrong(f"{name}: a least score lies between 0 and 1; this is {least:g}.")
        if name == "kind" and what != "digit":
            raise Wrong(f"kind: the labels in the sealed file are digits; nobody can score {what!r}. Expect 'digit'.")
        if name != "kind" and what not in MEASURED:
            raise Wrong(f"{name}: nobody measures {what!r} here. Choose one of {', '.join(MEASURED)}.")
        if least <= (2 * RANDOM_NMI if name == "kind" else 0.1):
            raise Wrong(f"{name}: chance alone may reach {least:g}, so this expectation cannot fail. Ask for more.")
    return "It can fail, in every part. Now it may not be changed: the next cell seals it."


@exercise(
    "12.4",
    "`counts.max(1).values` has, for each category, the number of pictures with its commonest label.",
    "Add these numbers up and divide by `counts.sum()`, the number of all pictures.",
)
def purity(answer: Callable[..., Any]) -> str:
    for seed, shape in enumerate(((9, 10), (3, 5), (12, 4))):
        counts = torch.randint(1, 40, shape, generator=torch.Generator().manual_seed(seed))
        want = counts.max(1).values.sum() / counts.sum()
        compare(answer(counts.clone()), want, _purity_faults(counts), what="Purity")
    return "Every category is judged by its commonest label, and large categories count for more."


def _purity_faults(counts: Tensor) -> Faults:
    best = counts.max(1).values
    yield best.sum(), "These are the pictures that agree; purity is their share of all pictures."
    yield best / counts.sum(1), "There is still one number for each category. Add up the hits, then divide by all."
    yield (best / counts.sum(1)).mean(), "A mean over categories lets a small one count as much as a large one."
    yield (
        counts.max(0).values.sum() / counts.sum(),
        "You went down the columns: the commonest category of each label. Purity goes along the rows.",
    )
    yield counts.max() / counts.sum(), "That is the largest entry of all; each category has its own commonest label."
    if counts.shape[0] == counts.shape[1]:
        yield counts.diag().sum() / counts.sum(), "Category 3 is not label 3: look for the commonest label of each row."


@exercise(
    "12.5",
    "If each category is one picture, the category tells the label for certain: I equals H(label).",
    "I = ln 10, H(label) = ln 10, H(category) = ln 1797.",
    takes="value",
)
def singletons(answer: Any) -> str:
    guess = number(answer)
    label, category = math.log(10), math.log(1797)
    want = 2 * label / (label + category)
    if not 0 <= guess <= 1:
        raise Wrong(f"NMI lies between 0 and 1; this is {guess:g}.")
    if abs(guess - want) <= 0.02:
        return (
            f"{want:.2f}: far above the 0 that such a find deserves. NMI charges for spare categories, and too little "
            "when pictures are few. So fix K beforehand, and show k-means with the same K."
        )
    if guess > 0.98:
        raise Wrong("That is the purity. NMI divides by a mean of two entropies, and one of them is large.")
    if guess < 0.02:
        raise Wrong("0 is for categories that say nothing of the label. These say all of it, and a lot besides.")
    if abs(guess - label / category) < 0.02:
        raise Wrong("You divided by the entropy of the categories alone. It is the mean of both entropies.")
    if abs(guess - math.sqrt(label / category)) < 0.02:
        raise Wrong("You took the geometric mean of the entropies; here it is the arithmetic one.")
    raise Wrong("Not yet. Write down I, H(label) and H(category) in nats; two of the three are equal.")
