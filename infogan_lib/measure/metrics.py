"""How well codes and labels agree, and how many nats a code carries.

The states of a categorical code are numbered by chance: state 3 is not the digit 3. So each state is first matched
to a label, on one split, and the match is scored on another. Built in notebooks 07 and 09.
"""

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

    0 where they are independent, 1 where each determines the other. Spare categories lower it as merged labels do, so
    with many images a category it can be compared across different k, as accuracies cannot (notebook 12).
    """
    # By hand, since scikit-learn's takes two labels an image, and the callers have counts.
    joint = counts.double() / counts.sum()
    mean = (entropy(joint.sum(0)) + entropy(joint.sum(1))) / 2
    return (mutual_information(joint) / mean).item() if mean else 1.0


def read_codes(model: Reads, images: Images, name: str) -> Tensor:
    """Q's most probable category of every image, (N,)."""
    parts = torch.arange(len(images)).split(BATCH)
    return torch.cat([model.read(images.batch(part))[name].mode.cpu() for part in parts])


def measure_nats(model: Reads, n: int = 10_000, seed: int = 0) -> dict[str, dict[str, float]]:
    """L_I of each code over n fresh fakes in eval mode: {name: {"mean": nats, "standard_error": nats}}."""
    generator = torch.Generator().manual_seed(seed)
    parts: dict[str, list[Tensor]] = {name: [] for name in model.spec.names}
    for start in range(0, n, BATCH):
        latent = model.spec.sample(min(BATCH, n - start), generator)
        images = model.generate(latent)
        for name, nats in lower_bound(model.spec, model.read(images), latent.to(images.device)).items():
            parts[name].append(nats.cpu().double())
    return {name: mean_and_error(torch.cat(nats)) for name, nats in parts.items()}


def mean_and_error(nats: Tensor) -> dict[str, float]:
    """{"mean": nats, "standard_error": nats} of readings (N,)."""
    return {"mean": nats.mean().item(), "standard_error": nats.std().item() / math.sqrt(len(nats))}


def fakes(model: Generates, n: int = 10_000, seed: int = 0) -> tuple[Latent, Tensor]:
    """n latents from the prior, every input drawn anew, and their images (n, C, H, W) on the CPU."""
    latent = model.spec.sample(n, torch.Generator().manual_seed(seed))
    return latent, model.generate(latent).cpu()


def group_spearmans(values: Tensor, attribute: Tensor, groups: Tensor) -> list[float]:
    """Spearman's rank correlation of `values` and `attribute` within each group, in their order; all (N,).

    Within groups, since ones lean more than zeros, and that must not hide a code that slants every digit.
    A group where either does not vary counts 0.
    """
    return [spearman(values[groups == group], attribute[groups == group]) for group in groups.unique()]


def within_groups_spearman(values: Tensor, attribute: Tensor, groups: Tensor) -> float:
    """The mean of `group_spearmans`."""
    found = group_spearmans(values, attribute, groups)
    return sum(found) / len(found)


def spearman(a: Tensor, b: Tensor) -> float:
    """Spearman's rank correlation of (N,) and (N,), with its sign; 0 where either does not vary."""
    from scipy.stats import spearmanr

    if a.unique().numel() < 2 or b.unique().numel() < 2:
        return 0.0
    r = float(spearmanr(a.numpy(), b.numpy()).statistic)
    return 0.0 if math.isnan(r) else r


def diversity(model: Generates, codes: int = 20, each: int = 50, seed: int = 0) -> float:
    """Is z used? `spread` over `each` draws of the noise with all codes held, averaged over `codes` draws of the codes.

    In units of brightness from -1 to 1. Near 0 the noise is ignored, and a code makes one image; compare it with the
    `spread` of real images of one class.
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
    """Share of `rows` sweeps of a code in which `reader` answers the same for all ten images: 1 for a pure style code.

    Each sweep starts from a latent of its own, drawn from the prior. `reader` turns images into answers, (N,).
    """
    start = model.spec.sample(rows, torch.Generator().manual_seed(seed))
    others: dict[str, Any] = {k: v for k, v in start.values.items() if k != name}
    _, points, images = model.sweep(name, start.noise, beyond=beyond, **others)
    read = reader(images).view(rows, len(points))
    return (read == read[:, :1]).all(1).cpu().double().mean().item()
