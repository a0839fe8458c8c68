"""The two-player game: what D and G minimise, always on logits. Then two losses of Q on real images.

D's output l is a logit: the probability that an image is real is sigmoid(l). Written on logits,
-log sigmoid(l) = softplus(-l) never overflows and never rounds to log 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.core.codes import Categorical
from infogan_lib.core.latent import LatentSpec


@dataclass(frozen=True)
class Objective:
    """`d_loss(real_logits, fake_logits)` and `g_loss(fake_logits)`, each (N,) -> a scalar to minimise."""

    name: str
    d_loss: Callable[[Tensor, Tensor], Tensor]
    g_loss: Callable[[Tensor], Tensor]


def _bce_d(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


OBJECTIVES = {
    o.name: o
    for o in (
        # GAN eq. 1: G minimises log(1 - D(x)), which is flat where D is sure (notebook 01).
        Objective("minimax", _bce_d, lambda fake: -F.softplus(fake).mean()),
        # GAN section 3: the same fixed point, with a gradient where G needs it. InfoGAN's code uses this.
        Objective("non_saturating", _bce_d, lambda fake: F.softplus(-fake).mean()),
        # Lim and Ye 2017, arXiv:1705.02894.
        Objective(
            "hinge", lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), lambda fake: -fake.mean()
        ),
        # LSGAN, arXiv:1611.04076 eq. 9: targets 1 for real, 0 for fake, 1 for G.
        Objective(
            "least_squares",
            lambda real, fake: ((real - 1).square().mean() + fake.square().mean()) / 2,
            lambda fake: (fake - 1).square().mean() / 2,
        ),
    )
}


def get(name: str) -> Objective:
    """The objective of that name; raises ValueError naming the ones there are."""
    try:
        return OBJECTIVES[name]
    except KeyError:
        raise ValueError(f"unknown objective {name!r}; choose one of {', '.join(OBJECTIVES)}") from None


def real_image_loss(
    spec: LatentSpec,
    posterior: Mapping[str, Distribution],
    augmented: Mapping[str, Distribution],
    certainty: float = 0.1,
) -> dict[str, Tensor]:
    """What Q should satisfy on real images, whose codes nobody knows: {name: scalar to minimise}, in nats.

    For each categorical code: an image and its augmented copy get the same answer (cross-entropy to
    the image's own posterior), each answer is sure (conditional entropy, times `certainty`), and the
    answers use all states (minus the entropy of their mean). With `certainty` 1 the last two are an estimate of
    -I(c;x) under Q: RIM (Gomes et al. 2010), IMSAT (arXiv:1702.08720). Other codes are left alone.
    """
    losses = {}
    for code in spec.codes:
        if isinstance(code, Categorical):
            original, copy = posterior[code.name], augmented[code.name]
            assert isinstance(original, torch.distributions.Categorical)
            assert isinstance(copy, torch.distributions.Categorical)
            p = original.probs
            same = -(p.detach() * copy.logits).sum(1).mean()
            mean_entropy, entropy_of_mean = torch.special.entr(p).sum(1).mean(), torch.special.entr(p.mean(0)).sum()
            losses[code.name] = same + certainty * mean_entropy - entropy_of_mean
    return losses


def dependence(spec: LatentSpec, posterior: Mapping[str, Distribution]) -> Tensor:
    """How much the codes that Q reads off a batch go together: the sum of squared correlations, a scalar to minimise.

    The prior makes them independent, so what real images make of them should be too. Of a continuous code the mean
    and its square take part, of a categorical one the probabilities of its states (of two states, one); numbers of
    one code are not held against each other. Codes without a posterior are left out; of one code alone it is 0. Its
    floor in a batch of N is about one over N for each pair of numbers.
    """
    columns: list[Tensor] = []
    owner: list[int] = []
    for i, name in enumerate(name for name in spec.names if name in posterior):
        found = posterior[name]
        if isinstance(found, torch.distributions.Categorical):
            states = found.probs.unbind(1)
            numbers = states[:1] if len(states) == 2 else states
        else:
            numbers = (found.mean, found.mean.square())
        columns += numbers
        owner += [i] * len(numbers)
    if len(set(owner)) < 2:
        return torch.zeros(())
    z = torch.stack(columns, 1)
    others = torch.tensor([[a != b for b in owner] for a in owner]).to(z.device, non_blocking=True)
    with torch.autocast(z.device.type, enabled=False):  # sums of squares of small numbers want float32
        z = (z - z.mean(0)) / (z.std(0) + 0.05)  # a code that hardly varies has no correlations worth a large gradient
        return ((z.T @ z / len(z)).square() * others).sum() / 2
