"""How well codes and labels agree, and how many nats a code carries. Labels are read here and nowhere else.

A categorical code has no order: "code 3" is no "digit 3". So each category is first matched to a
label, on one split, and the match is scored on another. Built in notebooks 07 and 09.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from infogan_lib.core.bound import lower_bound
from infogan_lib.core.latent import Latent
from infogan_lib.core.model import InfoGAN
from infogan_lib.data.images import Images
from infogan_lib.measure import Generates, Reads
from infogan_lib.measure.information import entropy, mutual_information

BATCH = 1000


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
