"""One training step: the recipe, what the two players minimise, and what a step reports.

The two losses, the same as in notebook 07 (InfoGAN eq. 6):

    D step (trunk, D head, Q head):  L_D - lambda_Q * L_I(Q(fake.detach()))
    G step (G alone):                L_G - lambda_G * L_I(Q(fake)), with the latent that made the fakes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from infogan_lib import objectives
from infogan_lib.devices import PRECISIONS
from infogan_lib.information import lower_bound
from infogan_lib.latent import Latent
from infogan_lib.networks import InfoGAN

Weight = float | Mapping[str, float]  # one number for all codes, or one a code by name


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
    real_weight: float = 0.0  # weight of Q's agreement on augmented real images (notebook 09)
    real_from: int = 200  # the step it starts at
    real_entropy: float = 0.1  # how much certainty it asks for on each real image
    real_stroke: float = 0.0  # how far augmented strokes are thickened or thinned (digits only)
    precision: str = "float32"  # or "tf32", "bfloat16", "float16": see `devices`
    channels_last: bool = False
    compile: bool = False
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        objectives.get(self.objective)
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
) -> tuple[Tensor, dict[str, Any]]:
    """What D and Q minimise, and its parts. `fake` was made from `latent`; G gets no gradient from it."""
    score_fake, posterior = model.discriminate(fake.detach(), train_trunk_by_q=model.q_on != "frozen")
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
        augmented = model.discriminate(real_augmented)[1]
        loss_real = objectives.real_image_loss(model.spec, posterior_real, augmented, recipe.real_entropy)
        total = total + recipe.real_weight * loss_real
        parts["loss_real"] = loss_real.detach()
    return total, parts


def g_loss(model: InfoGAN, recipe: Recipe, fake: Tensor, latent: Latent) -> tuple[Tensor, dict[str, Any]]:
    """What G minimises, and its parts. The gradient of L_I reaches G through Q and the trunk."""
    score, posterior = model.discriminate(fake)
    loss = objectives.get(recipe.objective).g_loss(score)
    nats = lower_bound(model.spec, posterior, latent, check=False)
    sigma = {c.name: posterior[c.name].stddev.detach().mean() for c in model.spec.codes if not c.discrete}
    parts = {"loss_g": loss.detach(), "nats": {k: v.detach().mean() for k, v in nats.items()}, "sigma": sigma}
    return loss - weighted(nats, recipe.lambda_g), parts
