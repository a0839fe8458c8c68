"""Codes beside factors: tables of both, and matrices (L, F) that say how each code is related to each factor.

A table is {name: (N,) tensor}. The dtype says what a column holds: whole numbers are states (of a categorical code, or
a discrete factor), floats are amounts. `disentanglement` turns the matrices into scores. Built in notebook 09.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.svm import LinearSVC
from torch import Tensor

from infogan_lib.core.latent import Latent, LatentSpec
from infogan_lib.data.images import Images
from infogan_lib.measure import Reads
from infogan_lib.measure.information import histogram_information
from infogan_lib.measure.metrics import BATCH
from infogan_lib.measure.readers import moments

Table = Mapping[str, Tensor]
TREES = {
    "boosting": (GradientBoostingClassifier, GradientBoostingRegressor),
    "forest": (RandomForestClassifier, RandomForestRegressor),
}


@dataclass(frozen=True)
class Protocol:
    """How much is measured, and with what. The default is that of disentanglement_lib (arXiv:1811.12359),
    except for the bins, which have equal width there.

    The first `n` rows of a table are for counting and for fitting, the next `test` rows for scoring what was fitted.
    An amount is cut into `bins` parts of equal mass. `trees` are DCI's, "boosting" or "forest". The FactorVAE score
    takes `votes` votes to fit and `test_votes` to score, each from a batch of `batch` rows.
    Raises ValueError for other trees, or a number below 2.
    """

    bins: int = 20
    n: int = 10_000
    test: int = 5_000
    trees: str = "boosting"
    votes: int = 10_000
    test_votes: int = 5_000
    batch: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.trees not in TREES:
            raise ValueError(f"Protocol: trees are {' or '.join(map(repr, TREES))}, got {self.trees!r}.")
        if small := [k for k, v in asdict(self).items() if k not in ("trees", "seed") and v < 2]:
            raise ValueError(f"Protocol: {small[0]} must be at least 2, got {getattr(self, small[0])}.")


FULL = Protocol()
LIGHT = Protocol(bins=10, n=2000, test=1000, trees="forest", votes=1000, test_votes=500)  # seconds, for notebooks


def codes_read(model: Reads, images: Images) -> Table:
    """What Q reads off images: the most probable state of a discrete code, the mean of a continuous one."""
    posteriors = [model.read(images.batch(rows)) for rows in torch.arange(len(images)).split(BATCH)]
    table = {}
    for code in model.spec.codes:
        if code.discrete:
            table[code.name] = torch.cat([q[code.name].mode.cpu() for q in posteriors]).long()
        else:
            table[code.name] = torch.cat([q[code.name].mean.cpu() for q in posteriors])
    return table


def codes_set(spec: LatentSpec, latent: Latent) -> Table:
    """The codes that fakes were made from, to be held against factors read off these fakes."""
    return {c.name: latent[c.name].long() if c.discrete else latent[c.name] for c in spec.codes}


def digit_factors(images: Tensor, labels: Tensor) -> Table:
    """The factors of digits (N, 1, 28, 28) in [-1, 1]: the label, and the slant, thickness and width of the image.

    `labels` are MNIST's for real digits and a reader's for fakes; the other three are `readers.moments`. The four are
    not independent (ones lean less and are narrow), so not even a perfect code for each would score 1 in every measure.
    """
    return {"label": labels.cpu(), **moments(images.cpu())}


def information_map(codes: Table, factors: Table, bins: int = 20) -> tuple[Tensor, Tensor]:
    """I(code; factor) in nats, (L, F), and the factors' entropies, (F,), all counted in bins of equal mass.

    Counts are biased upwards, by about (bins - 1)^2 / 2N nats for two amounts (notebook 04).
    """

    def information(a: Tensor, b: Tensor) -> float:
        return histogram_information(a, b, bins, permutations=0).nats

    nats = torch.tensor([[information(c, v) for v in factors.values()] for c in codes.values()]).double()
    return nats, torch.tensor([information(v, v) for v in factors.values()]).double()


def importance(codes: Table, factors: Table, protocol: Protocol = FULL) -> tuple[Tensor, Tensor]:
    """DCI's matrix (L, F), how much trees use each code to predict a factor; and how well they do on test rows, (F,).

    How well is the accuracy for states, R^2 for amounts. A code of states is one column a state, and its importance
    the sum over them, so the order of the states does not matter. Eastwood and Williams 2018.
    """
    blocks = [_columns(values) for values in codes.values()]
    whole = np.hstack(blocks)
    owner = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    fit, test = slice(0, protocol.n), slice(protocol.n, protocol.n + protocol.test)
    classifier, regressor = TREES[protocol.trees]
    importances, scores = [], []
    for values in factors.values():
        trees = (regressor if values.is_floating_point() else classifier)(random_state=protocol.seed)
        trees.fit(whole[fit], values[fit].numpy())
        importances.append(np.bincount(owner, trees.feature_importances_, len(blocks)))
        scores.append(trees.score(whole[test], values[test].numpy()))
    return torch.from_numpy(np.stack(importances, 1)), torch.tensor(scores).double()


def linear_map(codes: Table, factors: Table, protocol: Protocol = FULL) -> Tensor:
    """SAP's matrix (L, F): how well a line predicts each factor from each code (Kumar et al. 2018, arXiv:1711.00848).

    For amounts, the R^2 of least squares on the first n rows; for states, the accuracy on the test rows of a linear
    SVM (C = 0.01, classes of equal weight) on the code scaled to unit variance.
    """
    fit, test = slice(0, protocol.n), slice(protocol.n, protocol.n + protocol.test)
    found = torch.zeros(len(codes), len(factors)).double()
    for i, code in enumerate(codes.values()):
        x = _columns(code)
        x = (x - x[fit].mean(0)) / x[fit].std(0).clip(1e-12)
        for j, values in enumerate(factors.values()):
            y = values.numpy()
            if values.is_floating_point():
                x1 = np.c_[x[fit], np.ones(len(x[fit]))]
                rest = y[fit] - x1 @ np.linalg.lstsq(x1, y[fit], rcond=None)[0]
                found[i, j] = 1 - rest.var() / y[fit].var()
            else:
                svm = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=protocol.seed)
                found[i, j] = svm.fit(x[fit], y[fit]).score(x[test], y[test])
    return found


def _columns(values: Tensor) -> np.ndarray:
    """(N,) -> (N, 1) for amounts, (N, K) for states: one column a state."""
    if values.is_floating_point():
        return values.double().numpy()[:, None]
    return torch.nn.functional.one_hot(values.unique(return_inverse=True)[1]).double().numpy()
