"""How to read what Q says: helpers that make a distribution of its output, for the usual shapes.

    read=lambda out: {"digit": logits(out[:, :10]), "c1": gaussian(out[:, 10], sigma=out[:, 11])}

Each takes (N, K), (N, m) or (N, m, 1, 1); any other `torch.distributions` object does as well.
"""

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Distribution, Normal


def _flat(values: Tensor) -> Tensor:
    return values.reshape(len(values), -1) if values.dim() > 2 else values


def logits(values: Tensor) -> Categorical:
    """A code of K states of which Q gives the logits, (N, K): the numbers before a softmax."""
    return Categorical(logits=_flat(values))


def probs(values: Tensor) -> Categorical:
    """A code of K states of which Q gives the probabilities, (N, K): a softmax is Q's last layer."""
    return Categorical(probs=_flat(values))


def binary(values: Tensor) -> Bernoulli:
    """A code that is 0 or 1, of which Q gives one logit, (N,) or (N, m)."""
    return Bernoulli(logits=_flat(values))


def gaussian(
    mean: Tensor,
    *,
    sigma: Tensor | None = None,
    var: Tensor | None = None,
    log_sigma: Tensor | None = None,
    log_var: Tensor | None = None,
) -> Normal:
    """A continuous code, (N,) or (N, m): its mean, and one of sigma, var, log_sigma and log_var.

    Raises ValueError unless exactly one of these four is given.
    """
    given = [one for one in (sigma, var, log_sigma, log_var) if one is not None]
    if len(given) != 1:
        raise ValueError(f"gaussian: give one of sigma, var, log_sigma and log_var, not {len(given)} of them")
    if var is not None:
        sigma = var.sqrt()
    elif log_sigma is not None:
        sigma = log_sigma.exp()
    elif log_var is not None:
        sigma = (log_var / 2).exp()
    assert sigma is not None
    return Normal(_flat(mean), _flat(sigma))


def point(mean: Tensor) -> Normal:
    """A continuous code that is trained by a squared error: a Gaussian whose sigma is fixed at 1."""
    return Normal(_flat(mean), torch.ones_like(_flat(mean)))


def shapes(output: object) -> str:
    """What came out, in words for an error: its type and its shapes."""
    if isinstance(output, Tensor):
        return str(tuple(output.shape))
    if isinstance(output, Distribution):
        return f"{type(output).__name__}{tuple(output.batch_shape)}"
    if isinstance(output, dict):
        return "{" + ", ".join(f"{name!r}: {shapes(one)}" for name, one in output.items()) + "}"
    if isinstance(output, (list, tuple)):
        return "(" + ", ".join(shapes(one) for one in output) + ")"
    return type(output).__name__
