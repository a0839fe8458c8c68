"""One training step as two losses (InfoGAN eq. 6; built in notebook 07).

    D step (trunk, D head, Q head):  L_D - lambda_Q * L_I(Q(fake.detach())) [+ what real images ask of Q]
    G step (G alone):                L_G - lambda_G * L_I(Q(fake)), of the codes that made the fakes

    L_D, L_G    of D's logits on real and fake   objectives.get(recipe.objective)
    L_I         H(c) + E[log Q(c|x)]             bound.lower_bound
    lambda *    a weight for each code           bound.weighted
    D(x), Q(x)  two heads on one trunk           model.InfoGAN.discriminate
    x for Q     each code reads its own view     views.look

Which weights a loss may change is decided by the training loop: it gives each optimiser its parameters, and freezes D
and Q while G learns.
"""

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
    target: Latent,
    shown: Shown | None = None,
    real_view: Tensor | None = None,
    *,
    train_trunk_by_q: bool = True,
) -> tuple[Tensor, dict[str, Any]]:
    """What D and Q minimise, a scalar, and its parts for the report. No gradient reaches the fakes.

    `real`, `fake` and `real_view` are (N, C, H, W). `target` has the values that Q should read of the fakes: those that
    made them or, where a code has a view, those of `views.look`, which also gives `shown`. With `real_view`, views of
    the real images, the losses on real images are added. `train_trunk_by_q` as in `InfoGAN.discriminate`.
    Raises ValueError where the view of a code is not in `shown`.
    """
    shown = {view: images.detach() for view, images in (shown or {}).items()}
    score_fake, posterior = read_fakes(model, fake.detach(), shown, train_trunk_by_q=train_trunk_by_q)
    if real_view is None:
        score_real = model.score(real)
    else:
        score_real, posterior_real = model.discriminate(real)

    loss_d = objectives.get(recipe.objective).d_loss(score_real, score_fake)
    nats = lower_bound(model.spec, posterior, target, check=False)
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
    model: InfoGAN, recipe: Recipe, fake: Tensor, target: Latent, shown: Shown | None = None
) -> tuple[Tensor, dict[str, Any]]:
    """What G minimises, a scalar, and its parts for the report. Arguments and errors as in `d_loss`.

    The gradient of L_I reaches G through Q, the trunk and the view.
    """
    score, posterior = read_fakes(model, fake, shown or {})
    loss_g = objectives.get(recipe.objective).g_loss(score)
    nats = lower_bound(model.spec, posterior, target, check=False)
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
    by_view: dict[str, dict[str, Distribution]] = {}
    if PLAIN in model.spec.views:
        score, by_view[PLAIN] = model.discriminate(fake, train_trunk_by_q=train_trunk_by_q)
    else:
        score = model.score(fake)
    for view, codes in model.spec.views.items():
        if view == PLAIN:
            continue
        if view not in shown:
            raise ValueError(f"code {codes[0]!r} is read off its view {view!r}: pass what views.look() returns")
        by_view[view] = model.posterior(shown[view], view, train_trunk_by_q=train_trunk_by_q)
    return score, {code.name: by_view[code.view][code.name] for code in model.spec.codes}


def consistency_loss(
    model: InfoGAN, recipe: Recipe, posterior: Mapping[str, Distribution], real_view: Tensor
) -> Tensor:
    """What Q minimises on real images, weighted, a scalar: its `posterior` there against that of their views."""
    losses = objectives.real_image_loss(model.spec, posterior, model.posterior(real_view), recipe.real_entropy)
    loss = real_view.new_zeros(()) + weighted(losses, recipe.real_weight)
    if not recipe.real_apart:
        return loss
    # Until G is paid for a code, Q's answers about it are arbitrary, and nothing should be kept apart from them.
    paid = {name: q for name, q in posterior.items() if weight_of(recipe.lambda_g, name)}
    return loss + recipe.real_apart * objectives.dependence(model.spec, paid)
