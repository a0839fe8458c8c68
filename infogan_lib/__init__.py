"""A small library for learning InfoGAN: latents with codes, networks with a Q head, training, pictures.

The notebooks build each piece first and import it from here afterwards.
"""

from infogan_lib import data, metrics, objectives, plots, presets, weights
from infogan_lib.codes import Bernoulli, Categorical, Circular, Gaussian, Uniform
from infogan_lib.information import entropy, lower_bound
from infogan_lib.latent import Latent, LatentSpec, Noise
from infogan_lib.networks import InfoGAN
from infogan_lib.steps import Recipe, Report
from infogan_lib.training import Training

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
    "data",
    "entropy",
    "lower_bound",
    "metrics",
    "objectives",
    "plots",
    "presets",
    "weights",
]
