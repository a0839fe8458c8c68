"""Information in nats: entropy, KL, mutual information, and the variational bound L_I that InfoGAN maximises.

L_I = H(c) + E[log Q(c|x)] = I(c;x) - E_x KL(P(c|x) || Q(c|x))  (InfoGAN eq. 4 and 5; Barber and Agakov 2003).
A joint table is (C, X): a row a code, a column an image, entries P(c, x). Built in notebooks 04 and 05;
`toys` does the same for densities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.codes import Circular, Code, Gaussian, Uniform
from infogan_lib.latent import Latent, LatentSpec


def entropy(probabilities: Tensor) -> Tensor:
    """Shannon entropy in nats over the last axis: (..., K) probabilities -> (...); 0 log 0 is 0.

    Raises ValueError where a row is negative or does not sum to 1 within 1e-4. Built in notebook 04.
    """
    return torch.special.entr(_distribution(probabilities, "entropy")).sum(-1)


def kl(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) in nats over the last axis, (..., K) -> (...): what coding p by q costs beyond H(p).

    Infinite where q gives 0 to what p allows. Raises ValueError as `entropy` does. Built in notebook 04.
    """
    p, q = _distribution(p, "kl"), _distribution(q, "kl")
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1)


def conditional_entropy(joint: Tensor) -> Tensor:
    """H(c|x) in nats of a joint table (C, X): what is left to learn of c once x is seen. Built in notebook 04."""
    joint = _table(joint)
    seen = joint.sum(0)
    return -torch.special.xlogy(joint, joint / seen.clamp(min=torch.finfo(joint.dtype).tiny)).sum()


def mutual_information(joint: Tensor) -> Tensor:
    """I(c;x) in nats of a joint table (C, X): KL between it and the product of its margins. Built in notebook 04."""
    joint = _table(joint)
    log = torch.special.xlogy  # three logarithms, for the product of two tiny margins would be rounded to 0
    return (log(joint, joint) - log(joint, joint.sum(1, keepdim=True)) - log(joint, joint.sum(0))).sum()


def kl_gap(joint: Tensor, q: Tensor) -> Tensor:
    """E_x KL(P(c|x) || Q(c|x)) in nats: what Q leaves of I(c;x) unread. `joint` and `q` are (C, X), q[c, x] = Q(c|x).

    The sum of KLs itself, not I - L_I, so that it can check the two. Built in notebook 05.
    """
    joint = _table(joint)
    if q.shape != joint.shape:
        raise ValueError(f"kl_gap: the joint table is {tuple(joint.shape)}, but Q is {tuple(q.shape)}.")
    seen = joint.sum(0) > 0  # where no image falls, there is no posterior and nothing to lose
    p_x = joint.sum(0)[seen]
    return (p_x * kl((joint[:, seen] / p_x).T, q[:, seen].T)).sum()


@dataclass(frozen=True)
class Histogram:
    """An estimate from counts. `nats` is biased upwards; `null` holds what shuffled pairs read, (permutations,)."""

    nats: float
    null: Tensor

    @property
    def excess(self) -> float:
        """`nats` minus the null's mean: 0 on average for independent variables."""
        return self.nats - self.null.mean().item()


def histogram_information(
    a: Tensor, b: Tensor, bins: int = 20, permutations: int = 20, generator: torch.Generator | None = None
) -> Histogram:
    """I(a;b) in nats of (N,) samples, counted in bins x bins of equal mass; whole-number tensors are not binned.

    The bias is about (bins - 1)^2 / 2N, so read it beside its permutation null. Built in notebook 04.
    """
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"histogram_information: got {tuple(a.shape)} and {tuple(b.shape)}; both must be (N,).")
    rows, columns = binned(a, bins), binned(b, bins)
    shuffled = [columns[torch.randperm(len(columns), generator=generator)] for _ in range(permutations)]
    nats, *null = [_counted(rows, each) for each in (columns, *shuffled)]
    return Histogram(nats, torch.tensor(null))


def binned(values: Tensor, bins: int) -> Tensor:
    """(N,) -> (N,) integers from 0: which value a whole number is, which bin of equal mass an amount lies in."""
    if values.is_floating_point():
        edges = torch.quantile(values.double(), torch.linspace(0, 1, bins + 1).double()[1:-1])
        values = torch.searchsorted(edges.unique(), values.double(), right=True)
    return values.unique(return_inverse=True)[1]


def _counted(rows: Tensor, columns: Tensor) -> float:
    height, width = int(rows.max()) + 1, int(columns.max()) + 1
    counts = torch.bincount(rows * width + columns, minlength=height * width).view(height, width)
    return mutual_information(counts.double() / counts.sum()).item()


@dataclass(frozen=True)
class Calibration:
    """The meter's marks for one code, in nats: what L_I reads for a Q that knows nothing, and for better ones."""

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


def _distribution(p: Tensor, what: str) -> Tensor:
    if (p < 0).any() or ((p.sum(-1) - 1).abs() > 1e-4).any():
        raise ValueError(f"{what}: each row must be non-negative and sum to 1.")
    return p


def _table(joint: Tensor) -> Tensor:
    if joint.ndim != 2 or (joint < 0).any() or (joint.sum() - 1).abs() > 1e-4:
        raise ValueError("a joint table is (C, X), non-negative, and sums to 1 as a whole.")
    return joint


def lower_bound(
    spec: LatentSpec, posterior: Mapping[str, Distribution], latent: Latent, *, check: bool = True
) -> dict[str, Tensor]:
    """L_I sample by sample: {name: (N,)} of H(c) + log Q(c|x), in nats (InfoGAN eq. 5).

    `latent` holds the codes that made the images which `posterior` was read from. The mean over
    samples is an unbiased estimate of L_I, which never exceeds I(c;x); single samples may.
    Raises ValueError when a code lies where its prior is zero. `check=False` leaves that test out,
    for training loops on a GPU, where it would wait for the device.
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
