"""Densities with exact information: quadrature against closed forms, and the bound below it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Normal

from infogan_lib import Bernoulli, Categorical, Circular, Gaussian, LatentSpec, Noise, Uniform, lower_bound
from infogan_lib.course.lessons.toys import Toy
from infogan_lib.measure.information import mutual_information

C = LatentSpec(Noise(1), [Uniform("c")])


def test_quadrature_meets_the_closed_form_of_linear_gaussians():
    for weights, sigma in (([1.0], 0.5), ([0.7, -0.4], 0.5), ([2.0], 1.0), ([0.3], 2.0)):
        a = torch.tensor(weights).double()
        toy = Toy(Gaussian("c"), lambda c, a=a: c[:, None] * a, sigma)
        closed = 0.5 * math.log(1 + float(a @ a) / sigma**2)  # Cover and Thomas, section 9.4
        assert toy.mutual_information() == pytest.approx(closed, abs=1e-3)
        assert mutual_information(toy.table()).item() == pytest.approx(closed, abs=1e-3)


def test_a_linear_gaussian_posterior_closes_the_gap_and_a_wrong_one_opens_it_by_its_kl():
    sigma, code = 0.5, Gaussian("c")
    toy = Toy(code, lambda c: c[:, None], sigma)
    gain, spread = 1 / (1 + sigma**2), math.sqrt(sigma**2 / (1 + sigma**2))

    def right(x, times=1):
        return Normal(gain * x[:, 0], torch.tensor(times * spread).double())

    def wide(x):
        return right(x, times=2)

    assert toy.kl_gap(right) == pytest.approx(0, abs=1e-7)
    assert toy.lower_bound(right) == pytest.approx(toy.mutual_information(), abs=1e-7)
    closed = torch.distributions.kl_divergence(Normal(0.0, spread), Normal(0.0, 2 * spread)).item()
    assert toy.kl_gap(wide) == pytest.approx(closed, abs=1e-6)


def random_toy(seed, d, kind):
    """A random code, a random smooth generator of it, and a random Q: all in float64."""
    g = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=g).double()

    sigma = 0.15 + float(torch.rand((), generator=g))
    codes = {
        "categorical": Categorical("c", 2 + seed % 5),
        "bernoulli": Bernoulli("c", 0.1 + 0.8 * (seed % 97) / 97),
        "uniform": Uniform("c", low=-1, high=1 + seed % 3),
        "gaussian": Gaussian("c", mean=1, std=2),
        "circular": Circular("c"),
    }
    code = codes[kind]
    weights, bias, first, second = draw(code.width, d), draw(d), draw(d, 8), draw(8, code.q_width)
    toy = Toy(code, lambda c: torch.tanh(code.encode(c).double() @ weights + bias), sigma, nodes=64)
    return toy, lambda x: code.posterior(torch.tanh(x.double() @ first) @ second)


KINDS = ("categorical", "bernoulli", "uniform", "gaussian", "circular")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(KINDS))
def test_the_bound_never_exceeds_the_information_and_the_three_agree(seed, kind):
    toy, q = random_toy(seed, 1, kind)
    information, bound, gap = toy.mutual_information(), toy.lower_bound(q), toy.kl_gap(q)
    assert bound <= information + 1e-9
    assert gap >= -1e-9
    # A Q that is wrong by many nats makes two large integrals that cancel, and their error grows with them.
    assert abs(information - (bound + gap)) <= 1e-5 * (1 + gap)  # asked: 2e-3
    assert mutual_information(toy.table()).item() == pytest.approx(information, abs=1e-5)
    if toy.code.discrete:
        assert -1e-9 <= information <= toy.code.entropy + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_two_numbers_too(kind):
    toy, q = random_toy(3, 2, kind)
    information, bound, gap = toy.mutual_information(), toy.lower_bound(q), toy.kl_gap(q)
    assert bound <= information + 1e-9 and abs(information - (bound + gap)) <= 1e-4


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_the_posterior_itself_is_tight_and_still_no_more_than_the_information(seed):
    toy, _ = random_toy(seed, 1, "categorical")

    def q(x):
        return TorchCategorical(logits=toy.log_posterior(x).T)

    information, bound = toy.mutual_information(), toy.lower_bound(q)
    assert bound <= information + 1e-9 and bound == pytest.approx(information, abs=1e-9)
    assert toy.kl_gap(q) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", ["categorical", "bernoulli", "uniform", "gaussian"])
def test_samples_agree_with_quadrature_within_five_standard_errors(kind):
    toy, q = random_toy(11, 1, kind)
    n, spec = 20_000, LatentSpec(Noise(1), [toy.code])
    c, x = toy.sample(n, torch.Generator().manual_seed(0))
    batch = spec.encode(torch.zeros(n, 1), c=c)
    nats = lower_bound(spec, {"c": q(x)}, batch)["c"]
    assert nats.mean().item() == pytest.approx(toy.lower_bound(q), abs=5 * nats.std().item() / math.sqrt(n))


def test_gradients_of_a_toy_reach_its_mean():
    place = torch.zeros(3, requires_grad=True)
    _, x = Toy(Categorical("c", 3), lambda c: place[c][:, None], 0.5).sample(50)
    x.sum().backward()
    assert place.grad.sum() == pytest.approx(50)
