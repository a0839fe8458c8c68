"""Sheets of a model's images: `sweep_sheet` shows each of its codes from end to end."""

from typing import Any

import torch

from infogan_lib.core.codes import Categorical
from infogan_lib.core.model import InfoGAN
from infogan_lib.show import plots


def sweep_sheet(model: InfoGAN, rows: int = 5, seed: int = 0) -> plots.Picture:
    """Every code from end to end, a row a noise vector; a plain GAN gets a sheet of samples."""
    noise = model.spec.noise.sample(rows, torch.Generator().manual_seed(seed))
    if not model.spec.codes:
        return plots.grid(model.generate(model.spec.encode(noise)), title="samples")
    # The rows of a continuous code step through the categories, so that it is seen on several of them.
    cycle: dict[str, Any] = {c.name: torch.arange(rows) % c.k for c in model.spec.codes if isinstance(c, Categorical)}
    panels = []
    for code in model.spec.codes:
        held = {} if code.discrete else cycle
        panels.append(model.sweep(code.name, noise, beyond=True, **held))
    return plots.sweeps(panels)
