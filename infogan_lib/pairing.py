"""Which code is which factor? Paired one to one on one set of images, scored on another.

    found = pair(codes_read(model, tune), tune.factors)      # {"azimuth": Pair("c1", ...), "glasses": Pair("k2", ...)}
    agreement(found, codes_read(model, test), test.factors)  # {"azimuth": 0.94, "glasses": 0.86}

Amounts are paired with amounts, by |Spearman|; states with states, by balanced accuracy. Whoever picks the best of
several codes for a factor has already found some agreement by luck, hence the second set. Built in notebook 10.
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

from infogan_lib.code_maps import Table


@dataclass(frozen=True)
class Pair:
    """The code of one factor; for states, `labels` (k,) says which state of the factor each state of the code means."""

    code: str
    labels: Tensor | None = None


def pair(codes: Table, factors: Table) -> dict[str, Pair]:
    """One code for each factor, no code for two, so that the agreement is greatest in sum, {factor: Pair}.

    Where there are more factors of a kind than codes, some have none and are left out. A discrete code's states
    are each given the state of the factor it meets most of, counted as shares of that state; two may mean the same.
    """
    found: dict[str, Pair] = {}
    for amounts in (True, False):
        mine = {name: values for name, values in codes.items() if values.is_floating_point() == amounts}
        asked = {name: values for name, values in factors.items() if values.is_floating_point() == amounts}
        if not (mine and asked):
            continue
        options = [[Pair(c, None if amounts else _labels(mine[c], values)) for values in asked.values()] for c in mine]
        table = torch.tensor([[_agree(p, mine, v) for p, v in zip(row, asked.values())] for row in options])
        for i, j in zip(*linear_sum_assignment(table.numpy(), maximize=True), strict=True):
            found[list(asked)[j]] = options[i][j]
    return {name: found[name] for name in factors if name in found}


def agreement(pairs: Mapping[str, Pair], codes: Table, factors: Table) -> dict[str, float]:
    """{factor: |Spearman| of amounts, balanced accuracy of states}, the pairs being given; both 1 at best.

    Balanced accuracy is the mean over the factor's states of how often each is told right, so that a code that always
    says the same gets one over their number. A state of a code that the pairing never met means nothing. A code that does not vary agrees with no amount, 0.
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
