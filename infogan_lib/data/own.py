"""Pictures as the command line takes them: `folder:PATH`, codes in words, labels in a file, what scores a model."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from infogan_lib.core.codes import Bernoulli, Categorical, Circular, Code, Gaussian, Uniform
from infogan_lib.core.model import InfoGAN
from infogan_lib.data.faces import SCORED, face_split
from infogan_lib.data.files import FileError
from infogan_lib.data.folder import folder
from infogan_lib.data.images import Images
from infogan_lib.data.mnist import mnist

PREFIX = "folder:"
# Q may know a continuous code to 0.3 of its range, for the reason that `presets` gives.
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
    """Which of the pictures `names` a file labels: (their places (M,), labels (M,) int64, all class names in order).

    A line of the file is `name,label`; names are those of a folder's listing. Pictures without a line are left out.
    Raises FileError where the file cannot be read, a line is another thing, or no picture is labelled.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read ({error}). Give a file of lines NAME,LABEL.") from error
    if wrong := [row for row in rows if len(row) != 2]:
        raise FileError(f"{path}: expected NAME,LABEL, got {','.join(wrong[0])!r}.")
    label_of = {name: label.strip() for name, label in rows}
    classes = sorted(set(label_of.values()))
    places = [i for i, name in enumerate(names) if name in label_of]
    if not places:
        raise FileError(
            f"{path} labels none of these {len(names)} pictures. Names are as in the listing: {names[0]!r}."
        )
    return torch.tensor(places), torch.tensor([classes.index(label_of[names[i]]) for i in places]), classes


def held_back(model: InfoGAN, path: str | Path, answers: str | Path) -> tuple[Images, Images]:
    """The labelled pictures of the splits "tune" and "test", of the size the model makes: for `report.evaluate`."""
    channels, size, _ = model.image_shape
    sets = []
    for split in ("tune", "test"):
        images, listing = folder(path, size=size, channels=channels, split=split)
        places, known, _ = labels(answers, listing.used)
        sets.append(replace(images, images=images.images[places], labels=known))
    return sets[0], sets[1]


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
