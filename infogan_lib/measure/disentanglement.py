"""Is one factor in one code? MIG, DCI, SAP, the FactorVAE score and modularity.

`score` computes all, of a table of codes beside a table of factors; each measure is also a function of its own, with
its source. Tables, and the matrices behind the scores, are in `code_maps`. Built in notebook 09.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from infogan_lib.measure.code_maps import FULL, Protocol, Table, importance, information_map, linear_map
from infogan_lib.measure.information import binned


@dataclass(frozen=True)
class Scores:
    """Seven numbers, each 1 at best, and the matrices behind them, {code: {factor: value}}.

    Four are means over factors; `factors` has what each enters with, {factor: {"mig", "completeness",
    "informativeness", "sap"}}. A factor that no code carries enters with 0. `information` is in nats; `importance`
    sums to 1 over the codes.
    """

    mig: float
    disentanglement: float
    completeness: float
    informativeness: float
    sap: float
    factor_vae: float
    modularity: float
    factors: dict[str, dict[str, float]]
    information: dict[str, dict[str, float]]
    importance: dict[str, dict[str, float]]
    protocol: Protocol

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score(codes: Table, factors: Table, protocol: Protocol = FULL) -> Scores:
    """All measures of one table of codes against one of factors, row by row about the same N images.

    Raises ValueError for tables that are empty, of unequal lengths, of fewer rows than the protocol needs, or that
    hold a value that is not finite, and for a factor that does not vary.
    """
    _check(codes, factors, protocol.n + protocol.test)
    nats, entropies = information_map(_first(codes, protocol.n), _first(factors, protocol.n), protocol.bins)
    weights, informed = importance(codes, factors, protocol)
    by_factor = {
        "mig": _gap(nats / entropies),
        "completeness": _focus(weights),
        "informativeness": informed,
        "sap": _gap(linear_map(codes, factors, protocol)),
    }
    return Scores(
        mig=mig(nats, entropies),
        disentanglement=disentanglement(weights),
        completeness=by_factor["completeness"].mean().item(),
        informativeness=informed.mean().item(),
        sap=by_factor["sap"].mean().item(),
        factor_vae=factor_vae(codes, factors, protocol),
        modularity=modularity(nats),
        factors={f: {name: values[i].item() for name, values in by_factor.items()} for i, f in enumerate(factors)},
        information=_named(nats, codes, factors),
        importance=_named(weights, codes, factors),
        protocol=protocol,
    )


def _first(table: Table, rows: int) -> Table:
    return {name: values[:rows] for name, values in table.items()}


def _named(matrix: Tensor, codes: Table, factors: Table) -> dict[str, dict[str, float]]:
    """(L, F) -> {code: {factor: value}}."""
    return {code: dict(zip(factors, row)) for code, row in zip(codes, matrix.tolist())}


def mig(nats: Tensor, entropies: Tensor) -> float:
    """Mutual information gap (Chen et al. 2018, arXiv:1802.04942), of an information map (L, F).

    For each factor, how far the best code is ahead of the second, as a share of the factor's entropy; then the mean.
    It is high where each factor is in one code, also if that code holds other factors: that is for `modularity`.
    """
    return _gap(nats / entropies).mean().item()


def modularity(nats: Tensor) -> float:
    """Modularity (Ridgeway and Mozer 2018, arXiv:1802.05312), of an information map (L, F): one factor a code?

    For each code, 1 minus its squared information on the factors but the best, relative to the best's and to their
    number; then the mean. A code that holds no factor has a best one by noise alone, so what it adds is arbitrary.
    """
    if nats.shape[1] == 1:
        return 1.0
    squares = nats.square()
    best = squares.max(1).values
    others = (squares.sum(1) - best) / (best.clamp(min=torch.finfo(nats.dtype).tiny) * (nats.shape[1] - 1))
    return torch.where(best > 0, 1 - others, 0).mean().item()


def disentanglement(weights: Tensor) -> float:
    """DCI's D, of an importance matrix (L, F): 1 where each code serves one factor. Codes count by importance."""
    share = weights.sum(1) / weights.sum().clamp(min=1e-12)
    return (_focus(weights.T) * share).sum().item()


def completeness(weights: Tensor) -> float:
    """DCI's C, of an importance matrix (L, F): 1 where each factor needs one code; the mean over factors."""
    return _focus(weights).mean().item()


def factor_vae(codes: Table, factors: Table, protocol: Protocol = FULL) -> float:
    """FactorVAE score (Kim and Mnih 2018, arXiv:1802.05983): accuracy at naming the factor that was held fixed.

    A factor is chosen, a value of it, and a batch of rows that share the value (for amounts: the bin). The code that
    varies least in the batch, relative to the whole, votes for the factor. The variance of states is Gini's, the
    probability that two rows differ. Codes of standard deviation below 0.05 do not vote. Chance is 1 / F.
    """
    generator = torch.Generator().manual_seed(protocol.seed)
    voters = [values for values in codes.values() if not values.is_floating_point() or values.std() >= 0.05]
    if not voters:
        return 0.0
    total = protocol.votes + protocol.test_votes
    held = torch.randint(len(factors), (total,), generator=generator)  # the factor of each batch
    least = torch.zeros(total, dtype=torch.long)  # the code that varies least in it
    for j, factor in enumerate(factors.values()):
        batches = (held == j).nonzero()[:, 0]
        rows = _alike(binned(factor, protocol.bins), len(batches), protocol.batch, generator)
        relative = torch.stack([_variance(code[rows]) / _variance(code[None]) for code in voters])
        least[batches] = relative.argmin(0)
    fit, test = slice(0, protocol.votes), slice(protocol.votes, total)
    ballots = torch.bincount(least[fit] * len(factors) + held[fit], minlength=len(voters) * len(factors))
    factor_of = ballots.view(len(voters), -1).argmax(1)  # that each code is most often the vote for
    return (factor_of[least[test]] == held[test]).double().mean().item()


def _gap(found: Tensor) -> Tensor:
    """(L, F) -> (F,): best minus second of each column; a single code is ahead of nothing, 0."""
    best = torch.cat([found, torch.zeros(1, found.shape[1]).to(found)]).topk(2, dim=0).values
    return best[0] - best[1]


def _focus(weights: Tensor) -> Tensor:
    """(L, F) -> (F,): 1 minus the entropy of each column's shares over ln L; 1 where there is nothing to share with."""
    total = weights.sum(0)
    shares = weights / total.clamp(min=1e-12)
    spread = torch.special.entr(shares).sum(0) / max(math.log(len(weights)), 1e-12)
    return torch.where(total > 0, 1 - spread, 0)


def _alike(groups: Tensor, batches: int, size: int, generator: torch.Generator) -> Tensor:
    """Indices of rows (batches, size), each batch from the group of one random row; `groups` is (N,) integers."""
    order = groups.argsort()
    counts = groups.bincount()
    chosen = groups[torch.randint(len(groups), (batches,), generator=generator)]
    first = counts.cumsum(0) - counts
    inside = (torch.rand(batches, size, generator=generator) * counts[chosen, None]).long()
    return order[first[chosen, None] + inside]


def _variance(values: Tensor) -> Tensor:
    """Of each row of (B, N): the variance of amounts, or Gini's 1 - sum of squared shares of states."""
    if values.is_floating_point():
        return values.double().var(1, correction=0)
    states = values.unique()
    return 1 - torch.stack([(values == s).double().mean(1).square() for s in states]).sum(0)


def _check(codes: Table, factors: Table, rows: int) -> None:
    for kind, table in (("code", codes), ("factor", factors)):
        if not table:
            raise ValueError(f"score: there is no {kind}. A table is {{name: (N,) tensor}}.")
        for name, values in table.items():
            if values.ndim != 1:
                raise ValueError(f"score: {kind} {name!r} has shape {tuple(values.shape)}; it must be (N,).")
            if not torch.isfinite(values).all():
                raise ValueError(f"score: {kind} {name!r} holds a value that is NaN or infinite.")
            if kind == "factor" and len(values.unique()) < 2:
                raise ValueError(f"score: factor {name!r} does not vary, so no code can be scored on it. Leave it out.")
    lengths = sorted({len(values) for values in (*codes.values(), *factors.values())})
    if len(lengths) > 1:
        raise ValueError(f"score: tables of unequal lengths {lengths}; row i of each is image i.")
    if lengths[0] < rows:
        raise ValueError(
            f"score: {lengths[0]} rows, but the protocol needs {rows}, n + test. Give more images, or a lighter "
            "protocol such as LIGHT."
        )
