"""Effect sizes: turn one input of a generator from low to high, hold the rest, and see what a reader says has moved.

    found = effect_map(model, face_attributes(face_reader()))
    found.size            # (inputs, attributes), in standard deviations of each attribute over the model's samples
    found.signed          # the part of it that is the same for every image
    draw({"a plain GAN": found})

An input is a number z_i of the noise, any direction in it, or a code. Built in notebook 03; notebook 10 draws codes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infogan_lib.core.codes import finite
from infogan_lib.core.latent import Latent, LatentSpec
from infogan_lib.measure import AttributeReader, Generates

BATCH = 1000
CLEAR = 0.5  # of a standard deviation: what counts as moving an attribute. Cohen (1988) calls it a medium effect.
REACH = {"normal": 2.0, "uniform": 1.0}  # how far a z_i is turned each way: 95 % of the noise, or all of it


@dataclass(frozen=True)
class Effects:
    """What each input does to each attribute; matrices (inputs, attributes), in standard deviations.

    size    how far the attribute moves in an image, on average over images: 0 if the input does not touch it
    signed  how far it moves once averaged over images: near `size` where the input does the same to each. With a sign
            if both input and attribute have two ends; otherwise the length of the mean change
    error   standard error of `size`
    """

    inputs: tuple[str, ...]
    attributes: tuple[str, ...]
    size: Tensor
    signed: Tensor
    error: Tensor

    def moved(self, threshold: float = CLEAR) -> Tensor:
        """(inputs,): how many attributes each input moves by more than `threshold`."""
        return (self.size > threshold).sum(1)


def along(noise: Tensor, direction: Tensor, value: float | Tensor) -> Tensor:
    """Noise (N, S) with its component along a unit `direction` (S,) set to `value`, a number or (N,); the rest held.

    For the direction of an axis that is z_i = value. Raises ValueError for a direction of another size or length.
    """
    direction = finite(direction, "direction").to(noise)
    if noise.ndim != 2 or direction.shape != noise.shape[1:]:
        raise ValueError(f"along: noise (N, S) and direction (S,), got {tuple(noise.shape)}, {tuple(direction.shape)}.")
    if abs((length := float(direction.norm())) - 1) > 1e-3:
        raise ValueError(f"along: the direction must have length 1, this has {length:.3g}; divide by that.")
    return noise + (torch.as_tensor(value).to(noise) - noise @ direction)[:, None] * direction


def effect_map(
    model: Generates,
    read: AttributeReader,
    inputs: Iterable[str] | Mapping[str, Tensor] | None = None,
    n: int = 500,
    seed: int = 0,
) -> Effects:
    """The effect of each input on each attribute that `read` tells of images, over n latents, the same for all inputs.

    `inputs` are names, "z0" or a code's; or {name: direction (noise.size,)}, unit vectors; by default every z_i, then
    every code. A direction goes from -2 to 2 (uniform noise: -1 to 1), a code from end to end of its trained range, a
    code of several states through each pair of them, a circular one to the opposite side.
    `read` answers (N,) amounts, or (N, K) probabilities, whose change is a distance in the K of them, in units of the
    root of their summed variances. An attribute that no sample varies in reads 0. Raises ValueError for an unknown
    input, for n < 2, and for an answer of another shape.
    """
    if n < 2:
        raise ValueError(f"effect_map: a spread needs n of at least 2, got {n}.")
    latent = model.spec.sample(n, torch.Generator().manual_seed(seed))
    natural = _answers(model, read, latent)
    turned = _turned(model.spec, latent, inputs)
    rows = []
    for latents in turned.values():
        answers = [_answers(model, read, one) for one in latents]
        rows.append([_effect([a[name] for a in answers], natural[name]) for name in natural])
    size, signed, error = torch.tensor(rows).permute(2, 0, 1)
    return Effects(tuple(turned), tuple(natural), size, signed, error)


def shift(low: Tensor, high: Tensor, natural: Tensor) -> Tensor:
    """How far each image's answer goes from `low` to `high`, in standard deviations of `natural`: (N, K) float64.

    Answers are (N,) or (N, K), `natural` (M,) or (M, K). Yes and no are one column, and K columns share one unit, the
    root of their summed variances. Where `natural` does not vary, neither should the others: 0.
    """
    low, high, natural = (_columns(values) for values in (low, high, natural))
    return (high - low) / natural.var(0).sum().sqrt().clamp(min=1e-12)


def _turned(
    spec: LatentSpec, latent: Latent, inputs: Iterable[str] | Mapping[str, Tensor] | None
) -> dict[str, list[Latent]]:
    """{input: the latents with that input at each of its points}."""
    axes = {f"z{i}": axis for i, axis in enumerate(torch.eye(spec.noise.size))}
    if inputs is None:
        inputs = [*(name for name in axes if name not in spec.names), *spec.names]
    directions = inputs if isinstance(inputs, Mapping) else {}
    turned = {}
    for name in inputs:
        if name in spec.names and name not in directions:
            points = spec[name].sweep(2)
            turned[name] = [spec.encode(latent.noise, **{**latent.values, name: point}) for point in points]
        elif name in axes or name in directions:
            direction, reach = (directions if name in directions else axes)[name], REACH[spec.noise.kind]
            moved = [along(latent.noise, direction, value) for value in (-reach, reach)]
            turned[name] = [spec.encode(noise, **latent.values) for noise in moved]
        else:
            raise ValueError(f"effect_map: unknown input {name!r}; there are {', '.join([*axes, *spec.names])}.")
    return turned


def _answers(model: Generates, read: AttributeReader, latent: Latent) -> dict[str, Tensor]:
    """What is read of the latents' images, {attribute: (N,) or (N, K)}."""
    parts = [read(model.generate(latent.rows(slice(i, i + BATCH)))) for i in range(0, len(latent), BATCH)]
    found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    if odd := [name for name, values in found.items() if values.ndim not in (1, 2) or len(values) != len(latent)]:
        raise ValueError(f"effect_map: {odd[0]!r} is (N,) or (N, K), got {tuple(found[odd[0]].shape)}.")
    return found


def _columns(values: Tensor) -> Tensor:
    values = values.detach().cpu().double()
    values = values[:, None] if values.ndim == 1 else values
    return values[:, 1:] if values.shape[1] == 2 else values


def _effect(answers: Sequence[Tensor], natural: Tensor) -> tuple[float, float, float]:
    """Size, signed and error of one attribute from its answers at each point, over every pair of points."""
    shifts = torch.stack([shift(a, b, natural) for a, b in itertools.combinations(answers, 2)])  # (P, N, K)
    each, shared = shifts.norm(dim=2).mean(0), shifts.mean(1)
    signed = shared[0, 0] if shared.numel() == 1 else shared.norm(dim=1).mean()
    return each.mean().item(), signed.item(), each.std().item() / math.sqrt(len(each))
