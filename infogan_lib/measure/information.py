"""Information in nats, of tables and of samples: entropy, KL, mutual information, and the gap I(c;x) - L_I.

A joint table is (C, X): a row a code, a column an image, entries P(c, x). Built in notebooks 04 and 05;
`course.lessons.toys` does the same for densities. L_I itself is `core.bound.lower_bound`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


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
    p_x = joint.sum(0).clamp(min=torch.finfo(joint.dtype).tiny)
    return -torch.special.xlogy(joint, joint / p_x).sum()


def mutual_information(joint: Tensor) -> Tensor:
    """I(c;x) in nats of a joint table (C, X): KL between it and the product of its margins. Built in notebook 04."""
    joint = _table(joint)
    xlogy = torch.special.xlogy  # three logarithms, since the product of two tiny margins would be rounded to 0
    return (xlogy(joint, joint) - xlogy(joint, joint.sum(1, keepdim=True)) - xlogy(joint, joint.sum(0))).sum()


def kl_gap(joint: Tensor, q: Tensor) -> Tensor:
    """E_x KL(P(c|x) || Q(c|x)) in nats: what Q misses of I(c;x). `joint` and `q` are (C, X), q[c, x] = Q(c|x).

    It sums the KLs and does not take I - L_I, so that I = L_I + gap is a test of all three. Built in notebook 05.
    """
    joint = _table(joint)
    if q.shape != joint.shape:
        raise ValueError(f"kl_gap: the joint table is {tuple(joint.shape)}, but Q is {tuple(q.shape)}.")
    seen = joint.sum(0) > 0  # an image of probability 0 has no posterior, and adds nothing
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

    The bias is about (bins - 1)^2 / 2N, so read it beside what shuffled pairs give. Built in notebook 04.
    """
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"histogram_information: got {tuple(a.shape)} and {tuple(b.shape)}; both must be (N,).")
    rows, columns = binned(a, bins), binned(b, bins)
    shuffled = [columns[torch.randperm(len(columns), generator=generator)] for _ in range(permutations)]
    nats, *null = [_counted(rows, each) for each in (columns, *shuffled)]
    return Histogram(nats, torch.tensor(null))


def binned(values: Tensor, bins: int) -> Tensor:
    """(N,) -> (N,) integers from 0, on the CPU: a number for each whole value, or for each bin of equal mass."""
    values = values.cpu()
    if values.is_floating_point():
        edges = torch.quantile(values.double(), torch.linspace(0, 1, bins + 1).double()[1:-1])
        values = torch.searchsorted(edges.unique(), values.double(), right=True)
    return values.unique(return_inverse=True)[1]


def _counted(rows: Tensor, columns: Tensor) -> float:
    height, width = int(rows.max()) + 1, int(columns.max()) + 1
    counts = torch.bincount(rows * width + columns, minlength=height * width).view(height, width)
    return mutual_information(counts.double() / counts.sum()).item()


def _distribution(p: Tensor, what: str) -> Tensor:
    if (p < 0).any() or ((p.sum(-1) - 1).abs() > 1e-4).any():
        raise ValueError(f"{what}: each row must be non-negative and sum to 1.")
    return p


def _table(joint: Tensor) -> Tensor:
    if joint.ndim != 2 or (joint < 0).any() or (joint.sum() - 1).abs() > 1e-4:
        raise ValueError("a joint table is (C, X), non-negative, and sums to 1 as a whole.")
    return joint
