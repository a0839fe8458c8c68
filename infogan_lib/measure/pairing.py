"""Which code is which factor? Paired one to one on one set of images, scored on another.

    found = pair(codes_read(model, tune), tune.factors)      # {"azimuth": Pair("c1", ...), "glasses": Pair("k2", ...)}
    agreement(found, codes_read(model, test), test.factors)  # {"azimuth": 0.94, "glasses": 0.86}

How a pair is scored depends on what its code and its factor are, as in `code_maps`:

    factor      code                     score
    amounts     amounts or two states    |Spearman|
    states      states                   balanced accuracy, each state of the code standing for one of the factor
    two states  amounts                  balanced accuracy, the code being cut in two at a threshold

Nothing else can be paired. A code that only says whether an amount is above or below its middle already has a
|Spearman| of sqrt(3) / 2 = 0.87, so read the nats as well.

The best of several codes agrees with a factor by chance alone, on the images it was chosen on; hence the second set.
Built in notebook 10.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from infogan_lib.measure.code_maps import Table
from infogan_lib.measure.metrics import spearman

QUANTILES = [i / 50 for i in range(1, 50)]  # of a code, tried as thresholds


@dataclass(frozen=True)
class Pair:
    """The code of one factor. `labels` (k,) has the state of the factor that each state of the code stands for.

    An amount that is cut in two has the states 0, at most `cut`, and 1, above it.
    """

    code: str
    labels: Tensor | None = None
    cut: float | None = None


def pair(codes: Table, factors: Table) -> dict[str, Pair]:
    """One code for each factor, no code for two, so that the agreement is greatest in sum, {factor: Pair}.

    A balanced accuracy b counts in that sum as (b - chance) / (1 - chance). Factors that no code is left for, or that
    none can be paired with, are left out. Each state of a discrete code stands for the state of the factor that it
    holds the greatest share of; two may stand for the same.
    """
    if not codes or not factors:
        return {}
    options = {(c, f): _pair(c, codes[c], factors[f]) for c in codes for f in factors}
    worth = torch.tensor([[_worth(options[c, f], codes, factors[f]) for f in factors] for c in codes])
    rows, columns = linear_sum_assignment(worth.numpy(), maximize=True)
    code_names, factor_names = list(codes), list(factors)
    code_of = {factor_names[j]: code_names[i] for i, j in zip(rows, columns, strict=True)}
    found = {f: options[code_of[f], f] for f in factors if f in code_of}
    return {f: p for f, p in found.items() if p is not None}


def _pair(name: str, code: Tensor, factor: Tensor) -> Pair | None:
    """This code beside that factor, or None if they cannot be paired."""
    if factor.is_floating_point():
        return Pair(name) if code.is_floating_point() or int(code.max()) <= 1 else None
    if not code.is_floating_point():
        return Pair(name, _labels(code, factor))
    if int(factor.max()) != 1:
        return None
    thresholds = torch.quantile(code.double(), torch.tensor(QUANTILES, dtype=torch.double)).tolist()
    pairs = [Pair(name, _labels((code > cut).long(), factor), cut) for cut in thresholds]
    scores = [_agree(each, {name: code}, factor) for each in pairs]
    return pairs[scores.index(max(scores))]


def _worth(pair: Pair | None, codes: Table, factor: Tensor) -> float:
    """From 0, chance or nothing, to 1; a little less than 0 where code and factor cannot be paired."""
    if pair is None:
        return -0.01
    if pair.labels is None:
        return _agree(pair, codes, factor)
    states = len(factor.unique())
    if states == 1:  # nothing to tell apart
        return 0.0
    chance = 1 / states
    return (_agree(pair, codes, factor) - chance) / (1 - chance)


def agreement(pairs: Mapping[str, Pair], codes: Table, factors: Table) -> dict[str, float]:
    """{factor: |Spearman| of amounts, balanced accuracy of states} of given pairs; both 1 at best.

    Balanced accuracy is the mean over the factor's states of how often each is named right, so that a code that always
    says the same gets one over their number. A state of a code that `pair` never saw stands for no state. A code that
    does not vary has a |Spearman| of 0.
    """
    return {name: _agree(pair, codes, factors[name]) for name, pair in pairs.items()}


def rank_map(codes: Table, factors: Table) -> Tensor:
    """Spearman's rank correlation, with its sign, of each code with each factor, (L, F); 0 where either does not vary.

    Of states it makes sense where they have an order or are two.
    """
    return torch.tensor([[spearman(c, f) for f in factors.values()] for c in codes.values()])


def _agree(pair: Pair, codes: Table, factor: Tensor) -> float:
    values = codes[pair.code]
    if pair.labels is None:
        return abs(spearman(values, factor))
    if pair.cut is not None:
        values = (values > pair.cut).long()
    known = len(pair.labels)
    right = torch.where(values < known, pair.labels[values.clamp(max=known - 1)], -1) == factor
    # Balanced accuracy by hand: scikit-learn's is the same and takes ten times as long, for each of 49 thresholds.
    recalls = [right[factor == state].double().mean().item() for state in factor.unique()]
    return sum(recalls) / len(recalls)


def _labels(code: Tensor, factor: Tensor) -> Tensor:
    """(k,): for each state of the code, the state of the factor of which it holds the greatest share."""
    k, states = int(code.max()) + 1, int(factor.max()) + 1
    counts = torch.bincount(code * states + factor, minlength=k * states).view(k, states).double()
    return (counts / counts.sum(0).clamp(min=1)).argmax(1)
