"""The recipe of a training: every number and choice that `steps` and the loop read, and the report of one step."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from torch import Tensor

from infogan_lib.core import objectives
from infogan_lib.core.bound import Weight, weight_of

PRECISIONS = ("float32", "tf32", "bfloat16", "float16")  # from exact to fast; `training.devices` says what each is
IN_WORDS = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a word"}
MOST = {int: sys.maxsize, float: sys.float_info.max}
LEAST = {"steps": 1, "batch": 2, "checkpoint_every": 1}  # of all others 0; batch norm needs a batch of 2
EACH = {"lambda_g": float, "lambda_q": float, "real_weight": float, "enter": int}  # may be {code: number}


@dataclass(frozen=True)
class Recipe:
    """How to train. `lambda_g` and `lambda_q` weigh L_I for G and for Q: a number, or {code: number}.

    Raises ValueError for a field of another kind, a negative or endless number, an objective or precision of another
    name, and a number of steps, a batch or a decay that no training could have.
    """

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
    ema: float = 0.99  # decay of the averaged weights
    enter: Mapping[str, int] = field(default_factory=dict)  # {code: the step its L_I begins at}; others at 0
    real_weight: Weight = 0.0  # of the consistency loss: Q says the same of a real image and of a view of it
    real_view: str = "moved"  # the view of real images, by name
    real_from: int = 200  # the step at which losses on real images start
    real_entropy: float = 0.1  # how much certainty the consistency loss asks for on each real image
    real_apart: float = 0.0  # weight of `objectives.dependence`: how much codes go together on real images
    real_apart_from: int = 200  # the step at which that one starts, if it is later than real_from
    real_before: int = 0  # steps of the consistency loss alone, before the first step of the game
    precision: str = "float32"
    channels_last: bool = False
    compile: bool = False
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        for f in fields(self):
            value, each = getattr(self, f.name), EACH.get(f.name)
            if each and isinstance(value, Mapping):
                for code, number in value.items():
                    _expect(f"a code's name in {f.name}", code, str)
                    _expect(f"{f.name} of {code!r}", number, each)
            elif f.name == "enter":
                raise ValueError(f"recipe: enter must be {{code: step}}, got {value!r}")
            else:
                _expect(f.name, value, each or type(f.default), " or {code: number}" if each else "")
        objectives.get(self.objective)
        if self.precision not in PRECISIONS:
            raise ValueError(f"recipe: precision is one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        for name in ("beta1", "beta2", "ema"):
            if getattr(self, name) >= 1:
                raise ValueError(f"recipe: {name} must lie in [0, 1), got {getattr(self, name)}")

    def at(self, step: int, names: Collection[str]) -> Recipe:
        """The recipe after `step` steps: what has not started yet weighs nothing. `names` are the codes."""
        now: dict[str, Any] = {}
        if self.uses_real and step < self.real_from:
            now["real_weight"] = 0.0
        if self.real_apart and step < max(self.real_from, self.real_apart_from):
            now["real_apart"] = 0.0
        waiting = {name for name, first in self.enter.items() if step < first}
        if waiting:
            for weights in ("lambda_g", "lambda_q"):
                weight = getattr(self, weights)
                now[weights] = {name: 0.0 if name in waiting else weight_of(weight, name) for name in names}
        return replace(self, **now) if now else self

    @property
    def uses_real(self) -> bool:
        """Whether Q is asked anything about real images."""
        weights = self.real_weight.values() if isinstance(self.real_weight, Mapping) else [self.real_weight]
        return any(weight > 0 for weight in (*weights, self.real_apart))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """Raises ValueError for a field this version does not know."""
        if unknown := sorted(set(data) - {f.name for f in fields(cls)}):
            raise ValueError(f"recipe: unknown field {unknown[0]!r}; it was written by another version")
        return cls(**data)


def _expect(name: str, value: Any, kind: type, more: str = "") -> None:
    """Raise ValueError unless `value` is of that kind and in range; whole is a number, true and false are not."""
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
    if not fits or value != value:
        raise ValueError(f"recipe: {name} must be {IN_WORDS[kind]}{more}, got {value!r}")
    # Only lambda may be negative: G is then paid for hiding a code, which is an experiment.
    least = -sys.float_info.max if name.startswith("lambda") else LEAST.get(name, 0)
    if kind in MOST and not least <= value <= MOST[kind]:
        raise ValueError(f"recipe: {name} must lie in [{least:.3g}, {MOST[kind]:.3g}], got {value!r}")


@dataclass(frozen=True, eq=False)
class Report:
    """What one step measured, as 0-d tensors on the device; `float(report.loss_d)` waits for it.

    `loss_d` and `loss_g` are the losses of the game alone, `score_real` and `score_fake` the means of D's logits.
    `nats` is L_I of each code on its view, in G's step (train mode: a running picture, not the final measurement),
    `sigma` the mean stddev that Q stated for each continuous code (of an angle: in radians).
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
        """All of it but the step, flat: {"loss_d": ..., "nats/NAME": ..., "sigma/NAME": ..., ...}."""
        flat = {name: getattr(self, name) for name in ("loss_d", "loss_g", "score_real", "score_fake")}
        flat |= {f"nats/{k}": v for k, v in self.nats.items()} | {f"sigma/{k}": v for k, v in self.sigma.items()}
        return flat if self.loss_real is None else flat | {"loss_real": self.loss_real}
