"""One training step as two losses (InfoGAN eq. 6; built in notebook 07).

    D step (trunk, D head, Q head):  L_D - lambda_Q * L_I(Q(fake.detach()))
    G step (G alone):                L_G - lambda_G * L_I(Q(fake)), with the latent that made the fakes

    L_D, L_G    softplus of D's logits           objectives.get(recipe.objective)
    L_I         H(c) + E[log Q(c|x)]             bound.lower_bound
    lambda *    a weight for each code           bound.weighted
    D(x), Q(x)  two heads on one trunk           model.InfoGAN.discriminate
    x for Q     each code reads its own view     views.look

Which weights a loss may change is the training loop's affair: it hands each optimiser its parameters, and freezes D and
Q while G learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.core import objectives
from infogan_lib.core.bound import lower_bound, weight_of, weighted
from infogan_lib.core.codes import PLAIN
from infogan_lib.core.latent import Latent
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import Recipe

Shown = Mapping[str, Tensor]  # {view: the fakes as Q sees them}, from `views.look`


def d_loss(
    model: InfoGAN,
    recipe: Recipe,
    real: Tensor,
    fake: Tensor,
    latent: Latent,
    shown: Shown | None = None,
    real_view: Tensor | None = None,
    *,
    train_trunk_by_q: bool = True,
) -> tuple[Tensor, dict[str, Any]]:
    """What D and Q minimise, a scalar, and its parts for the report. `fake` (N, C, H, W) gets no gradient.

    `latent` holds what Q should read of the fakes, off `shown` where a code has a view. With `real_view`, views of the
    real images, the consistency loss is added. `train_trunk_by_q` as in `InfoGAN.discriminate`.
    """
    shown = {view: images.detach() for view, images in (shown or {}).items()}
    score_fake, posterior = read_fakes(model, fake.detach(), shown, train_trunk_by_q=train_trunk_by_q)
    if real_view is None:
        score_real = model.score(real)
    else:
        score_real, posterior_real = model.discriminate(real)

    loss_d = objectives.get(recipe.objective).d_loss(score_real, score_fake)
    nats = lower_bound(model.spec, posterior, latent, check=False)
    loss = loss_d - weighted(nats, recipe.lambda_q)

    parts: dict[str, Any] = {
        "loss_d": loss_d.detach(),
        "score_real": score_real.detach().mean(),
        "score_fake": score_fake.detach().mean(),
    }
    if real_view is not None:
        loss_real = consistency_loss(model, recipe, posterior_real, real_view)
        loss = loss + loss_real
        parts["loss_real"] = loss_real.detach()
    return loss, parts


def g_loss(
    model: InfoGAN, recipe: Recipe, fake: Tensor, latent: Latent, shown: Shown | None = None
) -> tuple[Tensor, dict[str, Any]]:
    """What G minimises, a scalar, and its parts for the report.

    The gradient of L_I reaches G through Q, the trunk and the view.
    """
    score, posterior = read_fakes(model, fake, shown or {})
    loss_g = objectives.get(recipe.objective).g_loss(score)
    nats = lower_bound(model.spec, posterior, latent, check=False)
    loss = loss_g - weighted(nats, recipe.lambda_g)
    parts = {
        "loss_g": loss_g.detach(),
        "nats": {name: value.detach().mean() for name, value in nats.items()},
        "sigma": {c.name: posterior[c.name].stddev.detach().mean() for c in model.spec.codes if not c.discrete},
    }
    return loss, parts


def read_fakes(
    model: InfoGAN, fake: Tensor, shown: Shown, *, train_trunk_by_q: bool = True
) -> tuple[Tensor, dict[str, Distribution]]:
    """D's score of the fakes, (N,), and Q's posterior of each code off that code's view: one trunk pass a view."""
    posterior: dict[str, Distribution] = {}
    if PLAIN in model.spec.views:
        score, on_fakes = model.discriminate(fake, train_trunk_by_q=train_trunk_by_q)
    else:
        score = model.score(fake)
    for view, codes in model.spec.views.items():
        if view == PLAIN:
            found = on_fakes
        elif view in shown:
            found = model.posterior(shown[view], train_trunk_by_q=train_trunk_by_q)
        else:
            raise ValueError(f"code {codes[0]!r} is read off its view {view!r}: pass what views.look() returns")
        posterior |= {code: found[code] for code in codes}
    return score, posterior


def consistency_loss(
    model: InfoGAN, recipe: Recipe, posterior: Mapping[str, Distribution], real_view: Tensor
) -> Tensor:
    """What Q minimises on real images, weighted: its `posterior` there against what it says of views of them."""
    losses = objectives.real_image_loss(model.spec, posterior, model.posterior(real_view), recipe.real_entropy)
    loss = real_view.new_zeros(()) + weighted(losses, recipe.real_weight)
    if not recipe.real_apart:
        return loss
    # Until G is paid for a code, Q's answers about it are arbitrary, and nothing should be kept apart from them.
    paid = {name: q for name, q in posterior.items() if weight_of(recipe.lambda_g, name)}
    return loss + recipe.real_apart * objectives.dependence(model.spec, paid)
