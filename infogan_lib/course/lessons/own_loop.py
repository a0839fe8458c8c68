"""A learner's own training, beside the library's: the two steps of notebook 07 as it asks for them, and their run.

info_term            lambda * L_I: what exercise 07.1 asks for
update_d, update_g   one step of D and Q, and one of G: exercises 07.2 and 07.3
Looking              a model whose Q reads each code off its view, so that neither step has to know of views
OwnRun               a loop of one's own as a run, for the monitor to watch or to drive
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution
from torch.optim import Optimizer

from infogan_lib.core import views
from infogan_lib.core.bound import lower_bound, weighted
from infogan_lib.core.codes import PLAIN
from infogan_lib.core.latent import Latent, LatentSpec
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import Recipe, Report
from infogan_lib.core.steps import read_fakes
from infogan_lib.training import ema

Weights = Mapping[str, float]  # {code: lambda}
Losses = tuple[Tensor, Tensor, Mapping[str, Tensor]]  # of D, of G, and L_I of each code, (N,)


def info_term(spec: LatentSpec, posterior: Mapping[str, Distribution], latent: Latent, weight: Weights) -> Tensor:
    """The sum over codes of weight * mean L_I, a scalar that both losses subtract."""
    return torch.as_tensor(weighted(lower_bound(spec, posterior, latent), weight))


def update_d(
    model: InfoGAN, optimisers: Mapping[str, Optimizer], real: Tensor, fake: Tensor, latent: Latent, weight: Weights
) -> Tensor:
    """One step of D and Q on `real` and `fake`, (N, C, H, W), down D's loss - weight * L_I; returns D's loss, ()."""
    score_fake, posterior = model.discriminate(fake.detach())
    loss_d = F.softplus(-model.score(real)).mean() + F.softplus(score_fake).mean()
    loss = loss_d - info_term(model.spec, posterior, latent, weight)
    optimisers["d"].zero_grad()
    loss.backward()
    optimisers["d"].step()
    return loss_d.detach()


def update_g(
    model: InfoGAN, optimisers: Mapping[str, Optimizer], fake: Tensor, latent: Latent, weight: Weights
) -> tuple[Tensor, dict[str, Distribution]]:
    """One step of G down its loss - weight * L_I of the codes that made `fake`; returns G's loss, (), and Q's words."""
    score, posterior = model.discriminate(fake)
    loss_g = F.softplus(-score).mean()
    loss = loss_g - info_term(model.spec, posterior, latent, weight)
    optimisers["g"].zero_grad()
    loss.backward()
    optimisers["g"].step()
    return loss_g.detach(), posterior


class Looking:
    """`model`, whose `discriminate` draws each code's view of the images anew and lets Q read the code there."""

    def __init__(self, model: InfoGAN, generator: torch.Generator) -> None:
        self.model, self.random = model, generator

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def discriminate(self, images: Tensor) -> tuple[Tensor, dict[str, Distribution]]:
        names = [view for view in self.model.spec.views if view != PLAIN]
        shown = {view: views.get(view).draw(images, {}, self.random)[0] for view in names}
        return read_fakes(self.model, images, shown)


class OwnRun:
    """A loop of one's own as a run: an iterator of reports, with a `model` and its `averaged` twin.

    `train(model, averaged, steps, **settings)` is a generator of `Losses`; it is given `look`, such as
    `Looking(model, generator)`, in place of the model where there is one.
    """

    def __init__(
        self,
        train: Callable[..., Iterator[Losses]],
        model: InfoGAN,
        steps: int,
        look: Looking | None = None,
        **settings: Any,
    ) -> None:
        self.model, self.averaged, self.step = model, ema.running_average(model), 0
        self.recipe = Recipe(steps=steps)
        self._losses = train(look or model, self.averaged, steps, **settings)

    def __iter__(self) -> "OwnRun":
        return self

    def __len__(self) -> int:
        """Steps still to go."""
        return self.recipe.steps - self.step

    def __next__(self) -> Report:
        loss_d, loss_g, nats = next(self._losses)
        self.step += 1
        unknown = torch.tensor(float("nan"))  # the mean logits, which this loop does not keep
        means = {name: value.detach().mean() for name, value in nats.items()}
        return Report(self.step, loss_d, loss_g, unknown, unknown, means)
