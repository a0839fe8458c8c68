"""Reports live on the device; here they are read from it, many at once."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from infogan_lib.core.latent import LatentSpec
from infogan_lib.core.recipe import Recipe, Report


def fetch(reports: Sequence[Report], mean_: Callable[[Sequence[Tensor]], None] | None = None) -> list[dict[str, float]]:
    """Each report as {"step": n, name: value}, all read from the device in one transfer.

    `mean_`, if given, first replaces the numbers by their means over several processes.
    """
    flat = [report.values() for report in reports]
    if not flat:
        return []
    stacked = torch.stack([v.float() for values in flat for v in values.values()])
    if mean_ is not None:
        mean_([stacked])
    numbers = stacked.tolist()
    rows, first = [], 0
    for report, values in zip(reports, flat):
        mine = numbers[first : first + len(values)]
        rows.append({"step": report.step, **dict(zip(values, mine))})
        first += len(values)
    return rows


def columns(spec: LatentSpec, recipe: Recipe) -> list[str]:
    """The names of what the log keeps of each step, in order."""
    names = ["step", "loss_d", "loss_g", "score_real", "score_fake"]
    names += [f"nats/{c.name}" for c in spec.codes] + [f"sigma/{c.name}" for c in spec.codes if not c.discrete]
    return names + (["loss_real"] if recipe.uses_real else [])
