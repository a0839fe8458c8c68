"""Arithmetic on noise, as in DCGAN's section 6.3.2: pick samples that show a thing, average their z, subtract, add.

    read = face_reader().read
    seen = look(model, read, 2000)                                       # samples, and what a reader says of each
    plus, minus, other = (seen.where(glasses=g, hair=h) for g, h in ((1, 0), (0, 0), (0, 2)))
    means = [seen.means(exemplars(which, k=3, tries=200, generator=g)) for which in (plus, minus, other)]
    found = show(model, combine(*means), read)                           # 200 tries: how often glasses, with long hair?

The reader stands in for the eye that picks, and afterwards for the one that judges. Built in notebook 02. It is about
the noise alone: of a model with codes, the codes are held at values of your choice.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from infogan_lib.measure import AttributeReader, Generates


@dataclass(frozen=True)
class Seen:
    """Samples that were looked at: noise (N, size), images (N, C, H, W) in [-1, 1], what was read, {name: (N,)}."""

    noise: Tensor
    images: Tensor
    read: Mapping[str, Tensor]

    def where(self, **wanted: int) -> Tensor:
        """Indices (M,), ascending, of the samples that read so: `where(glasses=1, hair=0)`.

        Raises KeyError for a name that was not read.
        """
        if unknown := sorted(wanted.keys() - self.read.keys()):
            raise KeyError(f"where: nothing is read under {unknown[0]!r}; there are {', '.join(self.read)}.")
        fits = torch.ones(len(self.noise), dtype=torch.bool)
        for name, value in wanted.items():
            fits &= self.read[name].cpu() == value
        return fits.nonzero()[:, 0]

    def means(self, index: Tensor) -> Tensor:
        """The mean noise of the samples in each row of `index`, (tries, k) -> (tries, size)."""
        return self.noise[index].mean(1)


def show(model: Generates, noise: Tensor, read: AttributeReader, **codes: Any) -> Seen:
    """The images of `noise`, (N, size), and what the reader says; codes at `codes`, else at their defaults.

    Raises as `LatentSpec.encode` does.
    """
    latent = model.spec.encode(noise, **codes)
    images = model.generate(latent).cpu()
    return Seen(noise, images, {name: values.cpu() for name, values in read(images).items()})


def look(model: Generates, read: AttributeReader, n: int, seed: int = 0, **codes: Any) -> Seen:
    """n samples of the model, their noise drawn from its prior. Raises as `LatentSpec.encode` does."""
    return show(model, model.spec.noise.sample(n, torch.Generator().manual_seed(seed)), read, **codes)


def looks(k: int, *groups: Tensor) -> int:
    """How many samples, from the first on, one must look at to have met k of each group of ascending indices.

    Raises ValueError where a group has fewer.
    """
    _enough(k, *groups)
    return max(int(group[k - 1]) for group in groups) + 1


def exemplars(group: Tensor, k: int, tries: int, generator: torch.Generator | None = None) -> Tensor:
    """`tries` times k different ones of a group of indices (M,), -> (tries, k). Raises ValueError if M < k."""
    _enough(k, group)
    order = torch.rand(tries, len(group), generator=generator).argsort(1)
    return group[order[:, :k]]


def _enough(k: int, *groups: Tensor) -> None:
    if k < 1:
        raise ValueError(f"exemplars: k must be at least 1, got {k}.")
    if (fewest := min(len(group) for group in groups)) < k:
        raise ValueError(f"exemplars: {k} wanted, and only {fewest} found. Look at more samples, or ask for less.")


def combine(plus: Tensor, minus: Tensor, other: Tensor) -> Tensor:
    """plus - minus + other, each (tries, size): what the first has and the second lacks, put on the third."""
    return plus - minus + other


def restore(noise: Tensor) -> Tensor:
    """The same directions, (N, size), at the length that normal noise has, sqrt(size)."""
    return noise * (math.sqrt(noise.shape[1]) / noise.norm(dim=1, keepdim=True))


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """From a to b, each (size,), at the shares t (T,) of the angle between them -> (T, size).

    The way on a sphere (Shoemake 1985); lengths in between are between those of a and b. Parallel vectors make a line.
    """
    angle = torch.arccos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    t = t[:, None]
    if angle.sin() < 1e-4:
        return (1 - t) * a + t * b
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()


def kept(before: Seen, after: Seen, names: Sequence[str], scale: Mapping[str, float], far: float = 0.5) -> Tensor:
    """Which of `names` stayed what they were, (N, names) bool: the same state, or moved by less than `far` * scale.

    `scale` has a unit for each continuous name, such as its standard deviation over samples.
    """
    columns = []
    for name in names:
        change = (after.read[name].double() - before.read[name].double()).abs()
        columns.append(change < far * scale[name] if name in scale else change == 0)
    return torch.stack(columns, 1)
