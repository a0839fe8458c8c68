"""A small library for learning InfoGAN. The notebooks build each piece first and import it from here afterwards.

    cli        what can I type?                     train, evaluate, sweep, page, preflight, check, progress
    course     what surrounds the lessons?          exercises/, clinic/, lessons/, progress, results
    show       what does it look like?              plots, widgets/, page/, film
    measure    what is a trained model worth?       metrics, readers, information, effects, preflight
    training   how is a run driven and kept?        loop, ema, checkpoint, weights, presets, devices
    data       where do images come from?           Images, mnist, folder, datasets, faces/
    core       what is InfoGAN?                     codes, latent, bound, objectives, networks, views,
                                                    model, recipe, steps

A place imports only from places below it. Read `core` first, in the order that its `__init__` names.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infogan_lib.core.bound import lower_bound
    from infogan_lib.core.codes import Bernoulli, Categorical, Circular, Gaussian, Uniform
    from infogan_lib.core.latent import Latent, LatentSpec, Noise
    from infogan_lib.core.model import InfoGAN
    from infogan_lib.core.recipe import Recipe, Report
    from infogan_lib.measure.information import entropy
    from infogan_lib.measure.preflight import preflight
    from infogan_lib.training.loop import Training

# Names are fetched when first used: `python -m infogan_lib check` must run where torch is missing.
_HOME = {
    **dict.fromkeys(("Bernoulli", "Categorical", "Circular", "Gaussian", "Uniform"), "core.codes"),
    **dict.fromkeys(("Latent", "LatentSpec", "Noise"), "core.latent"),
    **dict.fromkeys(("Recipe", "Report"), "core.recipe"),
    "lower_bound": "core.bound",
    "InfoGAN": "core.model",
    "entropy": "measure.information",
    "preflight": "measure.preflight",
    "Training": "training.loop",
}

# Said where a package is missing that `pip install` of the library alone does not bring.
COURSE = (
    "Only preflight, the codes, the bound and the networks come with the library alone: install infogan-lib[course], "
    "and clone the repository for the notebooks, the data and the shipped weights."
)

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
    "preflight",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        raise ImportError(f"{name} needs {error.name}. {COURSE}") from None
