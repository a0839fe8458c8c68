"""Which code is which factor? Paired one to one on one set of images, scored on another.

    found = pair(codes_read(model, tune), tune.factors)      # {"azimuth": Pair("c1", ...), "glasses": Pair("k2", ...)}
    agreement(found, codes_read(model, test), test.factors)  # {"azimuth": 0.94, "glasses": 0.86}

An amount or a code of two states tells a factor of amounts by |Spearman|; an amount tells two states by a threshold; a
code of states tells a factor of states. States are scored by balanced accuracy. A code that says no more of an amount
than on which side of its middle it lies has a |Spearman| of sqrt(3) / 2 = 0.87 already, so read the nats as well.

Whoever picks the best of several codes for a factor has already found some agreement by luck, hence the second set.
Built in notebook 10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from torch import Tensor

from infogan_lib.measure.code_maps import Table

CUTS = [i / 50 for i in range(1, 50)]  # the quantiles tried as a threshold


@dataclass(frozen=True)
class Pair:
    """The code of one factor; for states, `labels` (k,) says which state of the factor each state of the code means.

    Where an amount tells two states, its own two states are "at most `cut`" and "above".
    """

    code: str
    labels: Tensor | None = None
    cut: float | None = None


def pair(codes: Table, factors: Table) -> dict[str, Pair]:
    """One code for each factor, no code for two, so that the agreement is greatest in sum, {factor: Pair}.

    A balanced accuracy enters the sum as its distance from chance, a share of the distance there is. Factors for
    which no code is left, or none that could tell them, are left out. Each state of a discrete code is given the
    state of the factor that it meets most of, counted as shares of that state; two may mean the same.
    """
    if not codes or not factors:
        return {}
    options = {(c, f): _pair(c, codes[c], values) for c in codes for f, values in factors.items()}
    worth = torch.tensor([[_worth(options[c, f], codes, values) for f, values in factors.items()] for c in codes])
    chosen = zip(*linear_sum_assignment(worth.numpy(), maximize=True), strict=True)
    names = {list(factors)[j]: list(codes)[i] for i, j in chosen}
    found = {f: options[names[f], f] for f in factors if f in names}
    return {f: p for f, p in found.items() if p is not None}


def _pair(name: str, code: Tensor, factor: Tensor) -> Pair | None:
    """How this code would tell that factor, or None if it cannot."""
    if not factor.is_floating_point():
        if not code.is_floating_point():
            return Pair(name, _labels(code, factor))
        if int(factor.max()) == 1:
            return max((_cut(name, code, factor, q) for q in CUTS), key=lambda p: _agree(p, {name: code}, factor))
        return None
    return Pair(name) if code.is_floating_point() or int(code.max()) <= 1 else None


def _cut(name: str, code: Tensor, factor: Tensor, quantile: float) -> Pair:
    cut = torch.quantile(code.double(), quantile).item()
    return Pair(name, _labels((code > cut).long(), factor), cut)


def _worth(pair: Pair | None, codes: Table, factor: Tensor) -> float:
    """From 0, nothing or chance, to 1; a little less than 0 where the code cannot tell the factor at all."""
    if pair is None:
        return -0.01
    chance = 0.0 if pair.labels is None else 1 / len(factor.unique())
    return (_agree(pair, codes, factor) - chance) / (1 - chance) if chance < 1 else 0.0  # one state: nothing to tell


def agreement(pairs: Mapping[str, Pair], codes: Table, factors: Table) -> dict[str, float]:
    """{factor: |Spearman| of amounts, balanced accuracy of states}, the pairs being given; both 1 at best.

    Balanced accuracy is the mean over the factor's states of how often each is told right, so that a code that always
    says the same gets one over their number. A state of a code that the pairing never met means nothing. A code that
    does not vary agrees with no amount, 0.
    """
    return {name: _agree(pair, codes, factors[name]) for name, pair in pairs.items()}


def rank_map(codes: Table, factors: Table) -> Tensor:
    """Spearman's rank correlation, with its sign, of each code with each factor, (L, F); 0 where either does not vary.

    Of states it makes sense where they have an order or are two.
    """
    return torch.tensor([[_spearman(c, f) for f in factors.values()] for c in codes.values()])


def _agree(pair: Pair, codes: Table, factor: Tensor) -> float:
    values = codes[pair.code]
    if pair.labels is None:
        return abs(_spearman(values, factor))
    if pair.cut is not None:
        values = (values > pair.cut).long()
    unseen = int(values.max()) + 1 - len(pair.labels)  # states of the code that no image of the pairing had
    right = F.pad(pair.labels, (0, max(0, unseen)), value=-1)[values] == factor
    return sum(right[factor == state].double().mean().item() for state in factor.unique()) / len(factor.unique())


def _spearman(a: Tensor, b: Tensor) -> float:
    if a.unique().numel() < 2 or b.unique().numel() < 2:
        return 0.0
    r = float(spearmanr(a.numpy(), b.numpy()).statistic)
    return 0.0 if math.isnan(r) else r


def _labels(code: Tensor, factor: Tensor) -> Tensor:
    """The factor's state that each state of the code meets most of, in shares of it, (k,)."""
    k, states = int(code.max()) + 1, int(factor.max()) + 1
    counts = torch.bincount(code * states + factor, minlength=k * states).view(k, states).double()
    return (counts / counts.sum(0).clamp(min=1)).argmax(1)
