"""Pictures as the command line takes them: `folder:PATH`, codes in words, labels in a file, what scores a model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from infogan_lib.core.codes import Bernoulli, Categorical, Circular, Code, Gaussian, Uniform
from infogan_lib.core.model import InfoGAN
from infogan_lib.data import files
from infogan_lib.data import labels as label_files
from infogan_lib.data.faces import SCORED, face_split
from infogan_lib.data.folder import folder
from infogan_lib.data.images import Images
from infogan_lib.data.mnist import mnist

PREFIX = "folder:"
# Q may know a continuous code to 0.3 of its half range: paid to know more, G lets little else vary over the noise.
IN_WORDS: dict[str, Callable[[str], Code]] = {
    "uniform": partial(Uniform, sigma_floor=0.3),
    "gaussian": partial(Gaussian, sigma_floor=0.3),
    "circular": Circular,
    "bernoulli": Bernoulli,
}


def codes(text: str) -> list[Code]:
    """The codes that "kind=cat10, c1=uniform" means. Raises ValueError for any other words."""
    found: list[Code] = []
    for part in text.split(","):
        name, _, kind = (piece.strip() for piece in part.partition("="))
        count = re.fullmatch(r"cat(\d{1,4})", kind)
        if not count and kind not in IN_WORDS:
            known = ", ".join(IN_WORDS)
            raise ValueError(f"{part.strip()!r}: expected NAME=KIND, where KIND is catK (such as cat10), {known}")
        found.append(Categorical(name, int(count[1])) if count else IN_WORDS[kind](name))
    return found


def labels(path: str | Path, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Which of the pictures `names` a file labels: (their places (M,), labels (M,) int64, their classes in order).

    Pictures without a line are left out. Raises FileError as `labels.read` does, or where no picture is labelled.
    """
    return label_files.read(path, names).select(names)


def held_back(model: InfoGAN, path: str | Path, answers: str | Path) -> tuple[Images, Images, label_files.Labels]:
    """The labelled pictures of the splits "tune" and "test", of the size the model makes, for `report.evaluate`; and
    what the file said.

    Raises FileError as `folder` and `labels` do, and where either split shows fewer than two classes.
    """
    channels, size, _ = model.image_shape
    (fit, tuning), (test, testing) = (folder(path, size=size, channels=channels, split=s) for s in ("tune", "test"))
    found = label_files.read(answers, [*tuning.used, *tuning.others])
    places, known, classes = found.select([*tuning.used, *testing.used])
    pictures, in_test = torch.cat([fit.images, test.images])[places], places >= len(fit)
    for split, part in (("tune", ~in_test), ("test", in_test)):
        if len(here := known[part].unique()) < 2:
            names = ", ".join(files.brief(classes[i]) for i in here) or "none"
            raise files.FileError(
                f"{found.path} labels {int(part.sum())} pictures of the split {split!r}, of these classes: {names}. "
                "A score needs two classes or more in each of the splits 'tune' and 'test': label more pictures."
            )
    fit, test = (replace(s, images=pictures[p], labels=known[p]) for s, p in ((fit, ~in_test), (test, in_test)))
    return fit, test, found


def to_score(model: InfoGAN) -> tuple[Callable[[str], Images], tuple[str, ...]]:
    """What a model of digits or of faces is scored on: (its sets, by split; the factors to pair codes with).

    Raises ValueError for a model of pictures that come without labels or factors here.
    """
    trained_on = str(model.manifest.get("data", ""))
    if trained_on.startswith("faces-"):
        return face_split, SCORED
    if trained_on.startswith(("folder-", "fashion-", "svhn-", "celeba-")):
        raise ValueError(
            f"evaluate: this model was trained on {trained_on!r}, and only MNIST and the rendered faces come with "
            "answers here; --folder and --labels score it on pictures of yours"
        )
    return mnist, ()
