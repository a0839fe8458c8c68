"""Entropy, KL and mutual information of tables and samples, against SciPy, scikit-learn and sums by hand."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score
from torch.distributions import Categorical as TorchCategorical

from infogan_lib import entropy
from infogan_lib.measure.information import conditional_entropy, histogram_information, kl, kl_gap, mutual_information


def test_entropy_is_scipys():
    p = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(6), size=20))
    assert torch.allclose(entropy(p), torch.from_numpy(scipy.stats.entropy(p.numpy(), axis=1)))
    assert entropy(torch.tensor([0.0, 1.0])) == 0


@pytest.mark.parametrize("p", [[0.5, 0.6], [-0.1, 1.1]])
def test_entropy_refuses_what_is_no_distribution(p):
    with pytest.raises(ValueError):
        entropy(torch.tensor(p))


def random_joint(seed, rows=4, columns=6):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.full(rows * columns, 0.5)).reshape(rows, columns))


def test_kl_is_torchs_and_scipys():
    p, q = (torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(6), size=20)) for seed in (0, 1))
    assert torch.allclose(kl(p, q), torch.distributions.kl_divergence(TorchCategorical(p), TorchCategorical(q)))
    assert torch.allclose(kl(p, q), torch.from_numpy(scipy.stats.entropy(p.numpy(), q.numpy(), axis=1)))
    assert kl(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.25, 0.5])).item() == pytest.approx(math.log(2))
    assert kl(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])) == math.inf
    with pytest.raises(ValueError):
        kl(torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.6]))


@given(st.integers(0, 2**31))
def test_mutual_information_is_sklearns_and_the_same_from_every_end(seed):
    counts = np.random.default_rng(seed).integers(0, 30, size=(4, 6)) + np.eye(4, 6, dtype=int)
    joint = torch.from_numpy(counts / counts.sum())
    nats = mutual_information(joint).item()
    assert nats == pytest.approx(mutual_info_score(None, None, contingency=counts), abs=1e-12)
    assert nats == pytest.approx((entropy(joint.sum(1)) - conditional_entropy(joint)).item(), abs=1e-12)
    assert nats == pytest.approx((entropy(joint.sum(0)) - conditional_entropy(joint.T)).item(), abs=1e-12)
    assert -1e-12 <= nats <= entropy(joint.sum(1)).item() + 1e-12


def test_conditional_entropy_by_hand():
    assert conditional_entropy(torch.tensor([[3.0, 1.0], [1.0, 3.0]]) / 8).item() == pytest.approx(0.5623, abs=1e-4)
    assert conditional_entropy(torch.eye(3) / 3) == 0
    assert conditional_entropy(torch.full((2, 5), 0.1)).item() == pytest.approx(math.log(2))
    empty = torch.tensor([[0.5, 0.0], [0.5, 0.0]])  # an image that never happens
    assert conditional_entropy(empty).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("joint", [torch.full((2, 2), 0.3), torch.tensor([[1.5, -0.5]]), torch.tensor([0.5, 0.5])])
def test_what_is_no_joint_table_is_refused(joint):
    for function in (mutual_information, conditional_entropy):
        with pytest.raises(ValueError):
            function(joint)


@given(st.integers(0, 2**31))
def test_on_tables_information_is_the_bound_plus_the_gap(seed):
    joint = random_joint(seed)
    q = torch.softmax(torch.from_numpy(np.random.default_rng(seed + 1).normal(scale=3, size=(4, 6))), 0)
    bound = (entropy(joint.sum(1)) + torch.xlogy(joint, q).sum()).item()
    gap = kl_gap(joint, q).item()
    assert gap >= -1e-12
    assert mutual_information(joint).item() == pytest.approx(bound + gap, abs=1e-9)
    assert kl_gap(joint, joint / joint.sum(0)).item() == pytest.approx(0, abs=1e-12)


def test_kl_gap_wants_a_q_of_the_tables_shape():
    with pytest.raises(ValueError):
        kl_gap(random_joint(0), torch.full((6, 4), 0.25))


def test_xor_hides_its_bits_from_a_factorised_q():
    table = torch.zeros(2, 2, 2)
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        table[a, b, a ^ b] = 0.25
    assert mutual_information(table.sum(1)) == mutual_information(table.sum(0)) == 0
    assert mutual_information(table.flatten(0, 1)).item() == pytest.approx(math.log(2))


def test_the_histogram_is_sklearns_and_its_bias_is_the_nulls():
    g = torch.Generator().manual_seed(0)
    a, b = torch.rand(1000, generator=g), torch.rand(1000, generator=g)
    read = histogram_information(a, b, permutations=200, generator=g)
    binned = [
        np.searchsorted(np.quantile(v, np.linspace(0, 1, 21)[1:-1]), v, side="right") for v in (a.numpy(), b.numpy())
    ]
    assert read.nats == pytest.approx(mutual_info_score(*binned), abs=1e-9)
    assert read.nats == pytest.approx(0.20, abs=0.04)  # 19^2 / 2000 and a little more
    assert abs(read.excess) < 5 * read.null.std()
    few = histogram_information(torch.rand(10_000, generator=g), torch.rand(10_000, generator=g), generator=g)
    assert few.nats == pytest.approx(0.018, abs=0.005)


def test_the_histogram_sees_what_correlation_does_not_and_ignores_recoding():
    a = torch.linspace(-1, 1, 10_001)
    read = histogram_information(a, a**2)
    assert torch.corrcoef(torch.stack([a, a**2]))[0, 1].abs() < 1e-3 and read.excess > 2
    assert histogram_information(torch.exp(3 * a), -(a**2)).nats == pytest.approx(read.nats, abs=0.02)


def test_whole_numbers_are_counted_as_they_are():
    c = torch.arange(10).repeat(100)
    assert histogram_information(c, (3 * c) % 10).nats == pytest.approx(math.log(10))
    assert histogram_information(c, torch.zeros(1000)).nats == pytest.approx(0)
    with pytest.raises(ValueError):
        histogram_information(c, c[:5])
