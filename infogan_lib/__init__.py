"""A small library for learning InfoGAN: latents with codes, networks with a Q head, training, pictures.

The notebooks build each piece first and import it from here afterwards.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infogan_lib.codes import Bernoulli, Categorical, Circular, Gaussian, Uniform
    from infogan_lib.information import entropy, lower_bound
    from infogan_lib.latent import Latent, LatentSpec, Noise
    from infogan_lib.networks import InfoGAN
    from infogan_lib.steps import Recipe, Report
    from infogan_lib.training import Training

# Names are fetched when first used: `python -m infogan_lib check` must run where torch is missing.
_ROOMS = {
    "codes": ("Bernoulli", "Categorical", "Circular", "Gaussian", "Uniform"),
    "latent": ("Latent", "LatentSpec", "Noise"),
    "information": ("entropy", "lower_bound"),
    "networks": ("InfoGAN",),
    "steps": ("Recipe", "Report"),
    "training": ("Training",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Bernoulli",
    "Categorical",
    "Circular",
    "Gaussian",
    "InfoGAN",
    "Latent",
    "LatentSpec",
    "Noise",
    "Recipe",
    "Report",
    "Training",
    "Uniform",
    "entropy",
    "lower_bound",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
