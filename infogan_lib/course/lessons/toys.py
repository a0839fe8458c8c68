"""Toy generators small enough to integrate: exact I(c;x), exact L_I and the gap between them, in nats.

x = G(c) + sigma z with z ~ N(0, 1) and an image x of one or two numbers. Everything is in float64.
The three are computed in three different ways, so that I = L_I + gap is a test of each. Built in notebook 05.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributions as D
from scipy.special import roots_hermitenorm, roots_legendre
from torch import Tensor

from infogan_lib.core.codes import Circular, Code, Gaussian

Q = Callable[[Tensor], D.Distribution]  # images (N, d) -> Q(c|x), batch shape (N,), as `Code.posterior` makes it


@dataclass(frozen=True)
class Toy:
    """A generator x = mean(c) + sigma z of images with d = 1 or 2 numbers.

    `mean` maps code values (C,) to (C, d). A continuous code is integrated over `nodes` values, which
    must lie closer in the image than sigma: 128 do for sigma >= 0.05 and a mean that spans 2.
    """

    code: Code
    mean: Callable[[Tensor], Tensor]
    sigma: float
    nodes: int = 128

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """n codes (n,) from the prior and the images (n, d) made from them; gradients reach `mean`."""
        c = self.code.sample(n, generator)
        centre = self.mean(c)
        return c, centre + self.sigma * torch.randn(centre.shape, generator=generator, dtype=centre.dtype)

    def codes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Values (C,) of the code, the weights (C,) that sum over P(c), and ln P(c), a density if continuous."""
        if self.code.discrete:
            values = self.code.sweep()
            values = values.double() if values.is_floating_point() else values  # a Bernoulli's 0 and 1
            log_prior = self.code.prior.log_prob(values.float()).double().log_softmax(0)
            return values, log_prior.exp(), log_prior
        if isinstance(self.code, Gaussian):
            x, weights = _gauss(roots_hermitenorm, self.nodes)
            values = self.code.mean + self.code.std * x
            return values, weights / weights.sum(), D.Normal(self.code.mean, self.code.std).log_prob(values)
        if isinstance(self.code, Circular):  # equal steps are exact for a periodic function
            values, weights = self.code.sweep(self.nodes).double(), torch.ones(self.nodes).double()
        else:
            x, weights = _gauss(roots_legendre, self.nodes)
            low, high = self.code.trained_range or (-1.0, 1.0)
            values = (low + high) / 2 + (high - low) / 2 * x
        return values, weights / weights.sum(), torch.full((self.nodes,), -self.code.entropy).double()

    def grid(self) -> tuple[Tensor, float]:
        """Images (X, d) that cover all but 1e-14 of P(x), evenly, and the length or area each stands for."""
        means = self.mean(self.codes()[0]).detach().double()
        d = means.shape[1]
        step = self.sigma / (8 if d == 1 else 4)
        edges = [(float(m.min()) - 8 * self.sigma, float(m.max()) + 8 * self.sigma) for m in means.T]
        axes = [torch.arange(low, high, step, dtype=torch.float64) for low, high in edges]
        return torch.cartesian_prod(*axes).view(-1, d), step**d

    def log_density(self, x: Tensor) -> Tensor:
        """ln P(x|c), (C, X), at images (X, d)."""
        means = self.mean(self.codes()[0]).detach().double()
        d = means.shape[1]
        squared = (x.double() - means[:, None]).square().sum(-1)
        return -squared / (2 * self.sigma**2) - d * math.log(self.sigma * math.sqrt(2 * math.pi))

    def log_posterior(self, x: Tensor) -> Tensor:
        """ln P(c|x), (C, X), by Bayes: a probability for a discrete code, a density for a continuous one."""
        _, weights, log_prior = self.codes()
        log_x_given_c = self.log_density(x)
        return log_x_given_c + log_prior[:, None] - torch.logsumexp(log_x_given_c + weights.log()[:, None], 0)

    def table(self) -> Tensor:
        """The joint table (C, X) that quadrature makes of the densities, for `information`'s functions."""
        x, area = self.grid()
        joint = self.codes()[1][:, None] * self.log_density(x).exp() * area
        return joint / joint.sum()

    def mutual_information(self) -> float:
        """I(c;x) = h(x) - h(x|c): h(x) on the grid, h(x|c) the entropy of the noise. No posterior is used."""
        x, area = self.grid()
        density = self.codes()[1] @ self.log_density(x).exp()
        h_noise = x.shape[1] * math.log(self.sigma * math.sqrt(2 * math.pi * math.e))
        return float(torch.special.entr(density).sum() * area) - h_noise

    @torch.no_grad()
    def lower_bound(self, q: Q) -> float:
        """L_I = H(c) + E[log Q(c|x)] (InfoGAN eq. 5): code by code, over an even grid of the noise z, not of images."""
        values, weights, log_prior = self.codes()
        means = self.mean(values).detach().double()
        d = means.shape[1]
        step = 1 / 8 if d == 1 else 1 / 4
        z = torch.cartesian_prod(*[torch.arange(-8, 8 + step, step, dtype=torch.float64)] * d).view(-1, d)
        w_z = torch.softmax(-z.square().sum(1) / 2, 0)
        x = means[:, None] + self.sigma * z  # (C, Z, d)
        log_q = q(x.flatten(0, 1)).log_prob(values.repeat_interleave(len(z))).view(len(values), -1)
        return float(-(weights @ log_prior) + weights @ (log_q.double() @ w_z))

    @torch.no_grad()
    def kl_gap(self, q: Q) -> float:
        """E_x KL(P(c|x) || Q(c|x)): the KL integral itself, on the grid of images."""
        x, area = self.grid()
        values, weights, _ = self.codes()
        joint = weights[:, None] * self.log_density(x).exp() * area
        log_q = q(x).log_prob(values[:, None]).double()
        return float((joint * (self.log_posterior(x) - log_q)).sum())


@functools.cache
def _gauss(roots: Callable[[int], tuple[Any, Any]], n: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights (n,) of a Gauss quadrature, kept, since its solver is slow on a busy machine."""
    x, w = roots(n)
    return torch.from_numpy(x), torch.from_numpy(w)
