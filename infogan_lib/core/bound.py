"""The bound L_I that InfoGAN maximises, in nats; its weight in the two losses; and how to read its values.

    L_I = H(c) + E[log Q(c|x)] = I(c;x) - E_x KL(P(c|x) || Q(c|x))

InfoGAN eq. 4 and 5; Barber and Agakov 2003. Built in notebooks 05 and 06.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.core.codes import Circular, Code, Gaussian, Uniform
from infogan_lib.core.latent import Latent, LatentSpec

Weight = float | Mapping[str, float]  # one number for all codes, or one for each code by name


def lower_bound(
    spec: LatentSpec, posterior: Mapping[str, Distribution], latent: Latent, *, check: bool = True
) -> dict[str, Tensor]:
    """L_I sample by sample: {name: (N,)} of H(c) + log Q(c|x), in nats (InfoGAN eq. 5).

    `latent` holds the codes that made the images which `posterior` was read from. The mean over
    samples is an unbiased estimate of L_I, which never exceeds I(c;x); a single sample may.
    Raises ValueError when a code lies where its prior is zero. `check=False` leaves that test out, for training:
    a view may move what Q should read beyond the prior, and on a GPU the test would wait for the device.
    """
    nats = {}
    for code in spec.codes:
        values = latent[code.name]
        if check:
            code.check_prior(values)
        q = posterior[code.name]
        if q.batch_shape != values.shape:
            raise ValueError(f"code {code.name!r}: {len(values)} codes, but Q spoke of {tuple(q.batch_shape)} images.")
        nats[code.name] = code.entropy + q.log_prob(values)
    return nats


def weight_of(weight: Weight, name: str) -> float:
    """The weight of the code of that name."""
    return weight[name] if isinstance(weight, Mapping) else weight


def weighted(nats: Mapping[str, Tensor], weight: Weight) -> Tensor | float:
    """lambda * L_I in a loss (InfoGAN eq. 6): the sum over codes of weight * mean; 0.0 without codes."""
    return sum((weight_of(weight, name) * value.mean() for name, value in nats.items()), start=0.0)


@dataclass(frozen=True)
class Calibration:
    """Reference values of L_I for one code, in nats: for a Q that knows nothing, and for better ones."""

    code: Code
    nothing: float  # the best constant Q: 0 for a discrete code, but -0.176 for Uniform under a Gaussian
    ceiling: float | None  # H(c) of a discrete code; a continuous code has none

    @property
    def perfect(self) -> float:
        """The most this Q can read: a discrete code's ceiling; an exact mean at the smallest sigma Q may state."""
        if self.ceiling is not None:
            return self.ceiling
        return self.at(_sigma(self.code, 0.0))

    def at(self, sigma: float, residual: float = 0.0) -> float:
        """L_I of a Q that states `sigma` and whose mean errs by `residual` (root mean square), in the code's units.

        `at(sigma)` has an exact mean; `at(sigma, sigma)` knows how much it errs. An angle errs by `residual`
        radians each time. Raises ValueError for a discrete code, whose Q has no sigma. Notebook 06 tabulates it.
        """
        if self.code.discrete:
            raise ValueError(f"code {self.code.name!r} is discrete: its Q states probabilities, and no sigma.")
        if isinstance(self.code, Circular):
            k = torch.tensor(sigma, dtype=torch.float64) ** -2
            return float(k * math.cos(residual) - torch.special.i0e(k).log() - k)
        return self.code.entropy - math.log(sigma * math.sqrt(2 * math.pi)) - residual**2 / (2 * sigma**2)

    @property
    def lines(self) -> dict[str, float]:
        """The marks as labelled lines, for `plots.curves`."""
        marks = {"Q knows nothing": self.nothing}
        return marks if self.ceiling is None else marks | {"ceiling H(c)": self.ceiling}


def calibration(code: Code) -> Calibration:
    """Where the zero line and the ceiling of L_I lie for `code`, given the family of its Q. Built in notebook 06.

    calibration(Categorical("digit", 10))    # nothing 0, ceiling ln 10
    calibration(Uniform("c")).nothing        # -0.176: a Gaussian is not the uniform prior
    calibration(Uniform("c")).at(0.2, 0.2)   # 0.884
    """
    if isinstance(code, (Uniform, Gaussian)):
        spread = float(code.prior.stddev)  # a constant Q errs by the code's own spread, and does best to say so
        return Calibration(code, Calibration(code, 0.0, None).at(_sigma(code, spread), spread), None)
    return Calibration(code, 0.0, code.entropy if code.discrete else None)


def _sigma(code: Code, wished: float) -> float:
    """The sigma nearest to `wished` that the code's Q can state."""
    if isinstance(code, Circular):
        return max(wished, code.sigma_floor)
    assert isinstance(code, (Uniform, Gaussian))
    return code.scale * code.sigma if code.sigma is not None else max(wished, code.scale * code.sigma_floor)
