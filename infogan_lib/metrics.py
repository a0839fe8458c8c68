"""How well codes and labels agree, and how many nats a code carries. Labels are read here and nowhere else.

A categorical code has no order: "code 3" is no "digit 3". So each category is first matched to a
label, on one split, and the match is scored on another. Built in notebooks 07 and 09.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.codes import Categorical
from infogan_lib.data import Images, to_float, to_uint8
from infogan_lib.information import entropy, lower_bound, mutual_information
from infogan_lib.latent import Latent
from infogan_lib.networks import InfoGAN
from infogan_lib.probe import Generates
from infogan_lib.probe import probe_information as probe_information  # part of this room, kept apart for its size

BATCH = 1000
DISTURBANCES = {"blur": (0, 0.5, 1, 1.5, 2), "noise": (0, 0.1, 0.2, 0.4, 0.8), "shift": (0, 1, 2, 3)}


class Reads(Generates, Protocol):
    """What is measured: an `InfoGAN`, or anything that makes images of latents and reads codes off images."""

    def read(self, images: Tensor) -> Mapping[str, Distribution]: ...


def confusion(codes: Tensor, labels: Tensor, k: int, classes: int) -> Tensor:
    """Counts (k, classes): row = category, column = label. `codes` and `labels` are (N,) integers."""
    if codes.shape != labels.shape or codes.ndim != 1:
        raise ValueError(f"confusion: {tuple(codes.shape)} codes, {tuple(labels.shape)} labels; both must be (N,).")
    return torch.bincount(codes.cpu() * classes + labels.cpu(), minlength=k * classes).view(k, classes)


def match(counts: Tensor, method: str = "hungarian") -> Tensor:
    """The label of each category, (k,), from a confusion matrix (k, classes).

    "hungarian": at most one category a label, the assignment with most hits (SciPy); with more
    categories than labels the rest get -1, which is no label. "majority": each category's commonest
    label, so several may share one; never compare it across different k.
    """
    if method == "majority":
        return counts.argmax(1)
    if method != "hungarian":
        raise ValueError(f"match: method is 'hungarian' or 'majority', got {method!r}")
    from scipy.optimize import linear_sum_assignment  # here, since SciPy takes half a second and 60 MB

    rows, columns = linear_sum_assignment(counts.numpy(), maximize=True)
    labels = torch.full((len(counts),), -1)
    labels[torch.from_numpy(rows)] = torch.from_numpy(columns)
    return labels


def accuracy(matching: Tensor, codes: Tensor, labels: Tensor) -> float:
    """Share of (N,) codes whose matched label is the true one."""
    return (matching[codes.cpu()] == labels.cpu()).double().mean().item()


def nmi(counts: Tensor) -> float:
    """Normalised mutual information of categories and labels, from counts (k, classes): I over their mean entropy.

    0 where they are independent, 1 where each names the other. It charges for spare categories as for merged labels,
    so with many images a category it may be read across different k, where accuracies may not (notebook 12).
    """
    joint = counts.double() / counts.sum()
    mean = (entropy(joint.sum(0)) + entropy(joint.sum(1))) / 2
    return (mutual_information(joint) / mean).item() if mean else 1.0


def read_codes(model: Reads, images: Images, name: str) -> Tensor:
    """Q's most probable category of every image, (N,)."""
    starts = range(0, len(images), BATCH)
    return torch.cat([model.read(images.batch(slice(i, i + BATCH)))[name].mode.cpu() for i in starts])


def measure_nats(model: Reads, n: int = 10_000, seed: int = 0) -> dict[str, dict[str, float]]:
    """L_I of each code over n fresh fakes in eval mode: {name: {"mean": nats, "standard_error": nats}}."""
    generator = torch.Generator().manual_seed(seed)
    parts: dict[str, list[Tensor]] = {name: [] for name in model.spec.names}
    for start in range(0, n, BATCH):
        latent = model.spec.sample(min(BATCH, n - start), generator)
        images = model.generate(latent)
        for name, nats in lower_bound(model.spec, model.read(images), latent.to(images.device)).items():
            parts[name].append(nats.double().cpu())
    whole = {name: torch.cat(chunks) for name, chunks in parts.items()}
    return {
        k: {"mean": v.mean().item(), "standard_error": v.std().item() / math.sqrt(len(v))} for k, v in whole.items()
    }


def evaluate(model: Reads, fit: Images, score: Images, n: int = 10_000) -> dict[str, Any]:
    """The figures of `python -m infogan_lib evaluate`: plain JSON.

    The first categorical code is matched to the labels of `fit` and scored on `score`, both ways;
    `lower_bound_nats` is per code, on n fakes. Raises ValueError where a set carries no labels.
    """
    result: dict[str, Any] = {}
    code = next((c for c in model.spec.codes if isinstance(c, Categorical)), None)
    if code is not None:
        if fit.labels is None or score.labels is None:
            raise ValueError("evaluate: both sets need labels to match codes to")
        classes = int(max(fit.labels.max(), score.labels.max())) + 1
        counts = confusion(read_codes(model, fit, code.name), fit.labels, code.k, classes)
        codes = read_codes(model, score, code.name)
        for key, method in (("code_accuracy", "hungarian"), ("majority_accuracy", "majority")):
            result[key] = accuracy(match(counts, method), codes, score.labels)
        result["code"] = code.name
        result["nmi"] = nmi(confusion(codes, score.labels, code.k, classes))
        result["matching"] = match(counts).tolist()
        result["confusion"] = confusion(codes, score.labels, code.k, classes).tolist()
        result["fitted_on"], result["scored_on"] = fit.name, score.name
    result["lower_bound_nats"] = measure_nats(model, n)
    return result


def fakes(model: Generates, n: int = 10_000, seed: int = 0) -> tuple[Latent, Tensor]:
    """n latents from the prior, every input drawn anew, and their images (n, C, H, W) on the CPU."""
    latent = model.spec.sample(n, torch.Generator().manual_seed(seed))
    return latent, model.generate(latent).cpu()


def within_groups_spearman(values: Tensor, attribute: Tensor, groups: Tensor) -> float:
    """Spearman's rank correlation of `values` and `attribute` within each group, averaged over groups; all (N,).

    Within groups, since a code that moves the slant of every digit should not be marked down because
    ones lean more than zeros. A group where either does not vary counts 0.
    """
    from scipy.stats import spearmanr

    found = []
    for group in groups.unique():
        inside = groups == group
        r = spearmanr(values[inside].numpy(), attribute[inside].numpy()).statistic
        found.append(0.0 if math.isnan(r) else float(r))
    return sum(found) / len(found)


def diversity(model: Generates, codes: int = 20, each: int = 50, seed: int = 0) -> float:
    """Is z used? The spread of a pixel over noise with all codes held: mean over pixels and `codes` draws of the codes.

    In units of brightness from -1 to 1. Near 0, there is one image to a code and the noise is ignored; compare it
    with `spread` of real images of one class.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = model.spec.sample(codes, generator)
    values = {name: v.repeat_interleave(each) for name, v in chosen.values.items()}
    images = model.generate(model.spec.encode(model.spec.noise.sample(codes * each, generator), **values))
    return sum(spread(part) for part in images.split(each)) / codes


def spread(images: Tensor) -> float:
    """Standard deviation of each pixel over (N, C, H, W) images, averaged over pixels."""
    return images.std(0).mean().item()


def sweep_keeps(
    model: InfoGAN, name: str, reader: Callable[[Tensor], Tensor], beyond: bool = False, rows: int = 500, seed: int = 0
) -> float:
    """Share of sweeps of a code in which `reader` sees the same thing in all ten images: 1 for a pure style code.

    Each sweep starts from a latent of its own, drawn from the prior.
    """
    start = model.spec.sample(rows, torch.Generator().manual_seed(seed))
    others: dict[str, Any] = {k: v for k, v in start.values.items() if k != name}
    _, points, images = model.sweep(name, start.noise, beyond=beyond, **others)
    read = reader(images).view(rows, len(points))
    return (read == read[:, :1]).all(1).double().mean().item()


def disturb(images: Tensor, kind: str, strength: float, generator: torch.Generator | None = None) -> Tensor:
    """Images (N, C, H, W) in [-1, 1], a little less exact; what an eye sees in them stays.

    "blur" by a Gaussian of `strength` pixels, "noise" of that standard deviation in each pixel, or a "shift" by that
    many whole pixels up, down, left or right, each image its own way, the border repeated. The result is a picture
    again, of 256 levels from -1 to 1: unrounded, a blur would lose nothing, since it can be undone.
    Raises ValueError for another kind or a negative strength.
    """
    if kind not in DISTURBANCES or strength < 0:
        raise ValueError(f"disturb: {', '.join(DISTURBANCES)} by at least 0, got {kind!r} by {strength!r}.")
    if kind == "noise":
        images = images + strength * torch.randn(images.shape, generator=generator).to(images)
    elif kind == "blur" and strength > 0:
        reach = math.ceil(3 * strength)
        line = torch.exp(-torch.arange(-reach, reach + 1).to(images).square() / (2 * strength**2))
        kernel = (line / line.sum()).expand(images.shape[1], 1, 1, -1)
        images = F.conv2d(F.pad(images, (reach, reach, 0, 0), "replicate"), kernel, groups=len(kernel))
        images = F.conv2d(F.pad(images, (0, 0, reach, reach), "replicate"), kernel.mT, groups=len(kernel))
    elif kind == "shift":
        s, (height, width) = int(strength), images.shape[2:]
        padded = F.pad(images, (s, s, s, s), "replicate")
        corners = [(0, s), (2 * s, s), (s, 0), (s, 2 * s)]
        ways = torch.stack([padded[:, :, y : y + height, x : x + width] for y, x in corners])
        images = ways[torch.randint(4, (len(images),), generator=generator), torch.arange(len(images))]
    return to_float(to_uint8(images))


class Disturbed:
    """A model whose images are disturbed before anyone reads them; it can be measured like any other.

        measure_nats(Disturbed(model, "blur", 1.0))                    # what the model's own Q still reads
        probe_information(Disturbed(model, "blur", 1.0), "digit")      # what a Q trained on such images reads

    Where the first falls and the second does not, the code is still in the image and Q has lost its way; where both
    fall, the code was hidden in what the disturbance removes.
    """

    def __init__(self, model: Reads, kind: str, strength: float, seed: int = 0) -> None:
        self.model, self.spec, self.kind, self.strength = model, model.spec, kind, strength
        self.generator = torch.Generator().manual_seed(seed)

    def generate(self, latent: Latent) -> Tensor:
        return disturb(self.model.generate(latent), self.kind, self.strength, self.generator)

    def read(self, images: Tensor) -> Mapping[str, Distribution]:
        return self.model.read(images)


def visibility(
    model: Reads, n: int = 2000, seed: int = 0, disturbances: Mapping[str, Sequence[float]] = DISTURBANCES
) -> dict[str, list[dict[str, float]]]:
    """L_I of each code against how far n fakes are disturbed: {kind: [{"strength": s, code: nats, ...}, ...]}.

    Read by the model's own Q, so a fall may also mean that Q is not used to such images; `Disturbed` tells the two
    apart. Near 0 at one pixel of blur, a code was written where no eye looks (arXiv:1712.02950). Notebook 09.
    """

    def nats(kind: str, strength: float) -> dict[str, float]:
        return {k: v["mean"] for k, v in measure_nats(Disturbed(model, kind, strength, seed), n, seed).items()}

    return {kind: [{"strength": s, **nats(kind, s)} for s in along] for kind, along in disturbances.items()}
