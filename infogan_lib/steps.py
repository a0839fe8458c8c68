"""One training step: the recipe, what the two players minimise, and what a step reports.

The two losses, the same as in notebook 07 (InfoGAN eq. 6):

    D step (trunk, D head, Q head):  L_D - lambda_Q * L_I(Q(fake.detach()))
    G step (G alone):                L_G - lambda_G * L_I(Q(fake)), with the latent that made the fakes

With `copies`, Q reads changed copies of the fakes in both, and D the fakes themselves (notebook 10).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib import copies, objectives
from infogan_lib.devices import PRECISIONS
from infogan_lib.information import lower_bound
from infogan_lib.latent import Latent
from infogan_lib.networks import InfoGAN

Weight = float | Mapping[str, float]  # one number for all codes, or one a code by name
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


@dataclass(frozen=True)
class Recipe:
    """How to train. `lambda_g` and `lambda_q` weigh L_I for G and for Q: a number, or {code: number}."""

    steps: int = 2000
    batch: int = 128
    objective: str = "non_saturating"
    lr_g: float = 1e-3
    lr_d: float = 2e-4
    lr_q: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    lambda_g: Weight = 1.0
    lambda_q: Weight = 1.0
    ema: float = 0.99
    enter: Mapping[str, int] = field(default_factory=dict)  # {code: the step its L_I begins at}; others at 0
    copies: str = ""  # what Q reads in place of the fakes, by name: see `copies`; "" for the fakes themselves
    real_weight: Weight = 0.0  # weight of Q's agreement on augmented real images (notebooks 09 and 10)
    real_from: int = 200  # the step it starts at
    real_apart: float = 0.0  # weight of how much codes go together on real images (notebook 10)
    real_apart_from: int = 200  # the step it starts at
    real_before: int = 0  # steps of that alone, before the first step of the game
    real_entropy: float = 0.1  # how much certainty it asks for on each real image
    real_stroke: float = 0.0  # how far augmented strokes are thickened or thinned (digits only)
    precision: str = "float32"  # or "tf32", "bfloat16", "float16": see `devices`
    channels_last: bool = False
    compile: bool = False
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        for f in fields(self):
            value, kind = getattr(self, f.name), type(f.default)
            if kind not in KINDS or (f.type == "Weight" and isinstance(value, Mapping)):
                continue
            fits = isinstance(value, (int, float) if kind is float else kind)
            if not fits or (isinstance(value, bool) and kind is not bool):
                raise ValueError(f"recipe: {f.name} must be {KINDS[kind]}, got {value!r}")
        objectives.get(self.objective)
        if self.copies:
            copies.get(self.copies)
        for name in ("steps", "batch", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"recipe: {name} must be at least 1, got {getattr(self, name)}")
        if self.batch < 2:
            raise ValueError("recipe: batch norm needs a batch of at least 2")
        if self.precision not in PRECISIONS:
            raise ValueError(f"recipe: precision is one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"recipe: ema must lie in [0, 1), got {self.ema}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def at(self, step: int, names: Collection[str]) -> Recipe:
        """The recipe as it is after `step` steps: codes (of these `names`) that have not entered weigh nothing."""
        if step < self.real_apart_from and self.real_apart:
            return replace(self, real_apart=0.0).at(step, names)
        waiting = {name for name, first in self.enter.items() if step < first}
        if not waiting:
            return self
        now = lambda weight: {name: 0.0 if name in waiting else _of(weight, name) for name in names}  # noqa: E731
        return replace(self, lambda_g=now(self.lambda_g), lambda_q=now(self.lambda_q))

    @property
    def uses_real(self) -> bool:
        """Whether Q is asked anything about real images."""
        weights = self.real_weight.values() if isinstance(self.real_weight, Mapping) else [self.real_weight]
        return any(weight > 0 for weight in (*weights, self.real_apart))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """Raises ValueError for a field this version does not know."""
        if unknown := sorted(set(data) - {f.name for f in fields(cls)}):
            raise ValueError(f"recipe: unknown field {unknown[0]!r}; it was written by another version")
        return cls(**data)


@dataclass(frozen=True)
class Report:
    """What one step measured, as 0-d tensors on the device; `float(report.loss_d)` waits for it.

    `nats` is L_I of each code in G's step (train mode: a running picture, not the final measurement),
    `sigma` the mean stddev Q stated for each continuous code. `values()` has all of it, flat.
    """

    step: int
    loss_d: Tensor
    loss_g: Tensor
    score_real: Tensor
    score_fake: Tensor
    nats: dict[str, Tensor] = field(default_factory=dict)
    sigma: dict[str, Tensor] = field(default_factory=dict)
    loss_real: Tensor | None = None

    def values(self) -> dict[str, Tensor]:
        flat = {name: getattr(self, name) for name in ("loss_d", "loss_g", "score_real", "score_fake")}
        flat |= {f"nats/{k}": v for k, v in self.nats.items()} | {f"sigma/{k}": v for k, v in self.sigma.items()}
        return flat if self.loss_real is None else flat | {"loss_real": self.loss_real}


def fetch(
    reports: Sequence[Report], mean_: Callable[[Sequence[Tensor]], None] = lambda _: None
) -> list[dict[str, float]]:
    """Each report as {"step": n, name: value}, all read from the device in one transfer, after `mean_` of them."""
    flat = [report.values() for report in reports]
    if not flat:
        return []
    stacked = torch.stack([v.float() for values in flat for v in values.values()])
    mean_([stacked])
    numbers = iter(stacked.tolist())
    return [{"step": r.step, **{k: next(numbers) for k in values}} for r, values in zip(reports, flat, strict=True)]


def weighted(nats: Mapping[str, Tensor], weight: Weight) -> Tensor | float:
    """sum over codes of weight * mean L_I; 0.0 without codes."""
    return sum((_of(weight, name) * value.mean() for name, value in nats.items()), start=0.0)


def _of(weight: Weight, name: str) -> float:
    return weight[name] if isinstance(weight, Mapping) else weight


def d_loss(
    model: InfoGAN,
    recipe: Recipe,
    real: Tensor,
    fake: Tensor,
    latent: Latent,
    real_augmented: Tensor | None = None,
    copy: Tensor | None = None,
) -> tuple[Tensor, dict[str, Any]]:
    """What D and Q minimise, and its parts. `fake` was made from `latent`; G gets no gradient from it.

    Where Q reads a `copy` of the fakes, `latent` holds what it should read there.
    """
    score_fake, posterior = _read(model, fake.detach(), None if copy is None else copy.detach(), model.q_on != "frozen")
    if real_augmented is None:
        score_real = model.score(real)
    else:
        score_real, posterior_real = model.discriminate(real)
    loss_d = objectives.get(recipe.objective).d_loss(score_real, score_fake)
    nats = lower_bound(model.spec, posterior, latent, check=False)
    total = loss_d - weighted(nats, recipe.lambda_q)
    parts: dict[str, Any] = {
        "loss_d": loss_d.detach(),
        "score_real": score_real.detach().mean(),
        "score_fake": score_fake.detach().mean(),
    }
    if real_augmented is not None:
        loss_real = real_loss(model, recipe, posterior_real, real_augmented)
        total = total + loss_real
        parts["loss_real"] = loss_real.detach()
    return total, parts


def real_loss(model: InfoGAN, recipe: Recipe, posterior: Mapping[str, Distribution], augmented: Tensor) -> Tensor:
    """What Q minimises on real images, weighted: its `posterior` there, against what it says of augmented copies."""
    of_copies = model.discriminate(augmented)[1]
    losses = objectives.real_image_loss(model.spec, posterior, of_copies, recipe.real_entropy)
    loss = augmented.new_zeros(()) + weighted(losses, recipe.real_weight)
    if not recipe.real_apart:
        return loss
    # A code that G does not hear yet is not held apart: whatever its head says by chance, the others may come to mean.
    heard = {name: q for name, q in posterior.items() if _of(recipe.lambda_g, name)}
    return loss + recipe.real_apart * objectives.dependence(model.spec, heard)


def g_loss(
    model: InfoGAN, recipe: Recipe, fake: Tensor, latent: Latent, copy: Tensor | None = None
) -> tuple[Tensor, dict[str, Any]]:
    """What G minimises, and its parts. The gradient of L_I reaches G through Q and the trunk."""
    score, posterior = _read(model, fake, copy)
    loss = objectives.get(recipe.objective).g_loss(score)
    nats = lower_bound(model.spec, posterior, latent, check=False)
    sigma = {c.name: posterior[c.name].stddev.detach().mean() for c in model.spec.codes if not c.discrete}
    parts = {"loss_g": loss.detach(), "nats": {k: v.detach().mean() for k, v in nats.items()}, "sigma": sigma}
    return loss - weighted(nats, recipe.lambda_g), parts


def _read(
    model: InfoGAN, fake: Tensor, copy: Tensor | None, train_trunk_by_q: bool = True
) -> tuple[Tensor, dict[str, Distribution]]:
    """D's score of the fakes, and what Q reads there, or on a copy of them."""
    if copy is None:
        return model.discriminate(fake, train_trunk_by_q=train_trunk_by_q)
    return model.score(fake), model.discriminate(copy, train_trunk_by_q=train_trunk_by_q)[1]
