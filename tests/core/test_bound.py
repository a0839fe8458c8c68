"""L_I sample by sample against closed forms and whole channels, and its reference values."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal

from infogan_lib import Bernoulli, Categorical, Circular, Gaussian, LatentSpec, Noise, Uniform, lower_bound
from infogan_lib.core.bound import calibration
from infogan_lib.course.lessons.toys import Toy

DIGIT = LatentSpec(Noise(1), [Categorical("digit", 10)])


C = LatentSpec(Noise(1), [Uniform("c")])


def latent(spec, n=4000, seed=0):
    return spec.sample(n, torch.Generator().manual_seed(seed))


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


U = Uniform("c")


def test_discrete_codes_have_a_zero_and_a_ceiling():
    for code, top in ((Categorical("c", 10), math.log(10)), (Bernoulli("c", 0.3), 0.6109)):
        marks = calibration(code)
        assert marks.nothing == 0 and marks.ceiling == marks.perfect == pytest.approx(top, abs=1e-4)
        assert marks.lines == {"Q knows nothing": 0.0, "ceiling H(c)": marks.ceiling}
        with pytest.raises(ValueError, match="no sigma"):
            marks.at(0.5)


def test_the_table_of_nats_of_a_gaussian_q():
    marks = calibration(U)
    assert marks.ceiling is None and list(marks.lines) == ["Q knows nothing"]
    assert marks.nothing == pytest.approx(-0.176, abs=5e-4)
    assert marks.perfect == pytest.approx(2.077, abs=5e-4)  # at the floor, sigma = 0.1
    assert marks.at(1) == pytest.approx(-0.226, abs=5e-4)
    assert marks.at(1, math.sqrt(1 / 3)) == pytest.approx(-0.392, abs=5e-4)
    for sigma, nats in ((0.4839, 0), (0.3, 0.478), (0.2, 0.884), (0.1, 1.577)):
        assert marks.at(sigma, sigma) == pytest.approx(nats, abs=5e-4)
    fixed = calibration(Uniform("c", sigma=1.0))
    assert fixed.nothing == pytest.approx(-0.392, abs=5e-4) and fixed.perfect == pytest.approx(-0.226, abs=5e-4)


@pytest.mark.parametrize(
    "code",
    [
        U,
        Uniform("c", low=-3, high=5),
        Uniform("c", sigma=1.0),
        Uniform("c", sigma=0.3, low=0, high=9),
        Uniform("c", sigma_floor=0.8),
        Gaussian("c", mean=3, std=2),
        Gaussian("c", sigma=0.5),
        Gaussian("c", std=4, sigma_floor=1.5),
        Circular("c"),
        Categorical("c", 7),
        Bernoulli("c", 0.2),
    ],
    ids=str,
)
def test_nothing_is_what_the_best_constant_q_reads(code):
    """The generator says nothing of the code; L_I of a trained constant Q, by quadrature."""
    toy = Toy(code, lambda c: torch.zeros(len(c), 1).double(), 1.0)
    values, weights, log_prior = toy.codes()
    raw = torch.zeros(1, code.q_width).double().requires_grad_()
    optimiser = torch.optim.LBFGS([raw], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        out = -(weights @ code.posterior(raw).log_prob(values)).sum() + weights @ log_prior
        out.backward()
        return out

    optimiser.step(loss)
    assert calibration(code).nothing == pytest.approx(-loss().item(), abs=2e-3)


@pytest.mark.parametrize(
    "code", [U, Uniform("c", low=-3, high=5), Gaussian("c", mean=3, std=2), Circular("c")], ids=str
)
def test_at_is_what_lower_bound_reads_of_such_a_q(code):
    spec = LatentSpec(Noise(1), [code])
    batch = latent(spec)
    sign = torch.tensor([1.0, -1.0]).repeat(2000)
    for sigma, residual in ((0.5, 0.0), (0.3, 0.3), (0.2, 0.6)):
        mean = batch["c"] + residual * sign
        q = torch.distributions.VonMises(mean, sigma**-2) if isinstance(code, Circular) else Normal(mean, sigma)
        nats = lower_bound(spec, {"c": q}, batch)["c"].mean().item()
        assert calibration(code).at(sigma, residual) == pytest.approx(nats, abs=1e-3)
