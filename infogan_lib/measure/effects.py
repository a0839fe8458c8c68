"""Effect sizes: turn one input of a generator from low to high, hold the rest, and let a reader say what has changed.

    found = effect_map(model, face_attributes(face_reader()))
    found.size            # (inputs, attributes), in standard deviations of each attribute over the model's samples
    found.signed          # the part of it that is the same for every image
    plots.effect_maps({"a plain GAN": found})

An input is a number z_i of the noise, any direction in it, or a code. Built in notebook 03; codes follow in 10.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infogan_lib.core.codes import finite
from infogan_lib.core.latent import Latent, LatentSpec
from infogan_lib.measure import AttributeReader, Generates

CLEAR = 0.5  # of a standard deviation: what counts as moving an attribute. Cohen (1988) calls it a medium effect.
REACH = {"normal": 2.0, "uniform": 1.0}  # how far a z_i is turned each way: 95 % of the noise, or all of it


@dataclass(frozen=True)
class Effects:
    """What each input does to each attribute; matrices (inputs, attributes), in standard deviations.

    size    the mean over images of how far the attribute moves: 0 if the input does not touch it
    signed  how far its mean over images moves: near `size` where the input does the same to every image. It has a sign
            if both input and attribute have two ends; otherwise it is the length of the mean change
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
    length = float(direction.norm())
    if abs(length - 1) > 1e-3:
        raise ValueError(f"along: the direction must have length 1, this has {length:.3g}; divide by that.")
    change = torch.as_tensor(value).to(noise) - noise @ direction
    return noise + change[:, None] * direction


def effect_map(
    model: Generates,
    read: AttributeReader,
    inputs: Iterable[str] | Mapping[str, Tensor] | None = None,
    n: int = 500,
    seed: int = 0,
) -> Effects:
    """The effect of each input on each attribute that `read` finds in images, over n latents, the same for all inputs.

    `inputs` are names, "z0" or a code's; or {name: direction (noise.size,)}, unit vectors; by default every z_i, then
    every code. A direction goes from -2 to 2 (uniform noise: -1 to 1), a code from end to end of its trained range, a
    code of several states through each pair of them, a circular one to the opposite side.
    `read` answers (N,) amounts, or (N, K) probabilities, whose change is the distance between the two rows of K, in
    units of the root of their summed variances. An attribute that is the same in all samples has effect 0. Raises
    ValueError for an unknown input, for n < 2, and for an answer of another shape.
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

    Answers are (N,) or (N, K), `natural` (M,) or (M, K). Two columns, no and yes, count as one, since they sum to 1.
    K columns share one unit, the root of their summed variances. Where nothing varies, the shift is 0.
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
    found = dict(read(model.generate(latent)))
    for name, values in found.items():
        if values.ndim not in (1, 2) or len(values) != len(latent):
            raise ValueError(f"effect_map: expected {name!r} to be (N,) or (N, K), got {tuple(values.shape)}.")
    return found


def _columns(values: Tensor) -> Tensor:
    """Answers as (N, K) float64 on the CPU: one column for (N,), and one for no and yes."""
    values = values.detach().cpu().double()
    values = values[:, None] if values.ndim == 1 else values
    return values[:, 1:] if values.shape[1] == 2 else values


def _effect(answers: Sequence[Tensor], natural: Tensor) -> tuple[float, float, float]:
    """Size, signed and error of one attribute from its answers at each point, over every pair of points."""
    shifts = torch.stack([shift(a, b, natural) for a, b in itertools.combinations(answers, 2)])  # (pairs, N, K)
    lengths, means = shifts.norm(dim=2).mean(0), shifts.mean(1)  # (N,), (pairs, K)
    has_sign = means.numel() == 1
    signed = means[0, 0] if has_sign else means.norm(dim=1).mean()
    return lengths.mean().item(), signed.item(), lengths.std().item() / math.sqrt(len(lengths))
