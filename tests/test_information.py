import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Normal

from infogan_lib import Bernoulli, Categorical, LatentSpec, Noise, Uniform, entropy, lower_bound
from infogan_lib.information import real_image_loss

DIGIT = LatentSpec(Noise(1), [Categorical("digit", 10)])
C = LatentSpec(Noise(1), [Uniform("c")])


def latent(spec, n=4000, seed=0):
    return spec.sample(n, torch.Generator().manual_seed(seed))


def test_entropy_is_scipys():
    p = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(6), size=20))
    assert torch.allclose(entropy(p), torch.from_numpy(scipy.stats.entropy(p.numpy(), axis=1)))
    assert entropy(torch.tensor([0.0, 1.0])) == 0


@pytest.mark.parametrize("p", [[0.5, 0.6], [-0.1, 1.1]])
def test_entropy_refuses_what_is_no_distribution(p):
    with pytest.raises(ValueError, match="sum to 1"):
        entropy(torch.tensor(p))


def test_a_uniform_categorical_q_reads_exactly_nothing():
    batch = latent(DIGIT)
    nats = lower_bound(DIGIT, DIGIT.posterior(torch.zeros(4000, 10)), batch)["digit"]
    assert nats.abs().max() < 1e-6


def test_a_sure_and_right_q_reads_ln_10_and_a_sure_and_wrong_one_far_below_zero():
    batch = latent(DIGIT)
    right = 50 * torch.nn.functional.one_hot(batch["digit"], 10).float()
    assert lower_bound(DIGIT, DIGIT.posterior(right), batch)["digit"].mean().item() == pytest.approx(
        math.log(10), abs=1e-5
    )
    assert lower_bound(DIGIT, DIGIT.posterior(right.roll(1, 1)), batch)["digit"].mean() < -40


def test_a_bernoulli_q_that_says_the_prior_reads_nothing_on_average():
    spec = LatentSpec(Noise(1), [Bernoulli("b", 0.3)])
    batch = latent(spec, 100_000)
    prior_logit = math.log(0.3 / 0.7)
    nats = lower_bound(spec, spec.posterior(torch.full((100_000, 1), prior_logit)), batch)["b"]
    assert nats.mean().item() == pytest.approx(0, abs=5 * nats.std().item() / math.sqrt(100_000))


@pytest.mark.parametrize(
    ("residual", "sigma", "nats"),
    [
        (0.0, 1.0, -0.226),  # a perfect mean under sigma = 1 still reads below nothing
        (math.sqrt(1 / 3), 1.0, -0.392),  # mean 0: the residual is the code itself
        (math.sqrt(1 / 3), math.sqrt(1 / 3), -0.176),  # the best constant Gaussian: no information
        (0.3, 0.3, 0.478),
        (0.2, 0.2, 0.884),
        (0.1, 0.1, 1.577),
        (0.0, 0.1, 2.077),  # at the floor
    ],
)
def test_the_nats_of_a_gaussian_q(residual, sigma, nats):
    batch = latent(C, 4000)
    # residuals of exactly the given root mean square, with alternating sign
    sign = torch.tensor([1.0, -1.0]).repeat(2000)
    q = {"c": Normal(batch["c"] + residual * sign, torch.full((4000,), sigma))}
    assert lower_bound(C, q, batch)["c"].mean().item() == pytest.approx(nats, abs=1e-3)


def test_a_beta_1_1_q_is_the_uniform_prior():
    batch = latent(C)
    q = {"c": torch.distributions.Uniform(-torch.ones(4000), torch.ones(4000), validate_args=False)}
    assert lower_bound(C, q, batch)["c"].abs().max() < 1e-6


def test_codes_outside_their_prior_are_not_scored():
    far = C.encode(torch.zeros(2, 1), c=1.5)
    with pytest.raises(ValueError, match="outside"):
        lower_bound(C, C.posterior(torch.zeros(2, 2)), far)


def test_a_batch_that_does_not_match_is_refused():
    with pytest.raises(ValueError, match="images"):
        lower_bound(DIGIT, DIGIT.posterior(torch.zeros(1, 10)), latent(DIGIT, 3))


@given(st.integers(2, 6), st.integers(0, 2**31))
def test_the_mean_over_a_whole_discrete_channel_never_exceeds_its_mutual_information(k, seed):
    """Every (code, image) pair weighted by its true probability: L_I is then exact, and so is I."""
    rng = np.random.default_rng(seed)
    channel = rng.dirichlet(np.ones(5), size=k)  # P(x | c), uniform c
    joint = channel / k
    information = (joint * np.log(joint / (joint.sum(0) / k))).sum()
    spec = LatentSpec(Noise(1), [Categorical("c", k)])
    raw = torch.from_numpy(rng.normal(scale=3, size=(5, k)))  # any Q at all
    pairs = [(c, x) for c in range(k) for x in range(5)]
    batch = spec.encode(torch.zeros(len(pairs), 1), c=[c for c, _ in pairs])
    nats = lower_bound(spec, spec.posterior(raw[[x for _, x in pairs]]), batch)["c"].numpy()
    bound = sum(joint[c, x] * n for (c, x), n in zip(pairs, nats))
    assert bound <= information + 1e-6
    exact = np.log(joint / joint.sum(0)).T  # the posterior itself: the bound is tight
    nats = lower_bound(spec, spec.posterior(torch.from_numpy(exact)[[x for _, x in pairs]]), batch)["c"].numpy()
    assert sum(joint[c, x] * n for (c, x), n in zip(pairs, nats)) == pytest.approx(information, abs=1e-6)


def posterior(logits):
    return {"digit": TorchCategorical(logits=logits)}


def test_real_image_loss_is_lowest_for_sure_balanced_and_consistent_answers():
    each = 30 * torch.eye(10)
    one = torch.zeros(10, 10)
    one[:, 0] = 30
    ideal = real_image_loss(DIGIT, posterior(each), posterior(each)).item()
    assert ideal == pytest.approx(-math.log(10), abs=1e-4)
    assert real_image_loss(DIGIT, posterior(one), posterior(one)).item() == pytest.approx(0, abs=1e-4)
    unsure = torch.zeros(10, 10)
    assert real_image_loss(DIGIT, posterior(unsure), posterior(unsure)).item() == pytest.approx(
        0.1 * math.log(10), abs=1e-4
    )
    assert real_image_loss(DIGIT, posterior(each), posterior(each.roll(1, 0))).item() > 10


def test_real_image_loss_does_not_let_the_copy_teach_the_original():
    original, copy = torch.randn(6, 10, requires_grad=True), torch.randn(6, 10, requires_grad=True)
    real_image_loss(DIGIT, posterior(original), posterior(copy), certainty=0.0).backward()
    # With certainty 0 only the balance reaches the original; the agreement term reaches the copy alone.
    p = torch.softmax(original.detach(), 1).requires_grad_()
    balance_only = torch.autograd.grad(-torch.special.entr(p.mean(0)).sum(), p)[0]
    chained = p.detach() * (balance_only - (p.detach() * balance_only).sum(1, keepdim=True))
    assert torch.allclose(original.grad, chained, atol=1e-6)
    assert copy.grad.abs().sum() > 0
