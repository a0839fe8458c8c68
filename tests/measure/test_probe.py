"""The probe on generators whose information is known."""

import math
from statistics import NormalDist

import pytest
import tiny
import torch
from torch import nn

from infogan_lib import Bernoulli, Categorical, Circular, Gaussian, LatentSpec, Noise, Uniform
from infogan_lib.core.bound import calibration, lower_bound
from infogan_lib.measure.probe import probe_information

TEXTURE = 0.3 * torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
PATTERN = torch.randn(10, 1, 8, 8, generator=torch.Generator().manual_seed(2))


class Toy:
    """A generator written as a formula: four noise numbers and one code, `c`."""

    def __init__(self, code, draw):
        self.spec, self.draw = LatentSpec(Noise(4), [code]), draw

    def generate(self, latent):
        return self.draw(latent.noise, latent["c"])


def texture(z):
    return torch.einsum("nk,kchw->nchw", z, TEXTURE)


def flat(values, shape=(1, 8, 8)):
    """(N,) numbers -> images of one grey each."""
    return values[:, None, None, None].expand(-1, *shape)


def probe(code, draw, **settings):
    return probe_information(Toy(code, draw), "c", **settings)


def above(found, nats):
    return found["mean"] - nats > 4 * found["standard_error"]


CODES = [Categorical("c", 10), Bernoulli("c", 0.3), Uniform("c"), Gaussian("c", 1, 3), Circular("c")]


@pytest.mark.parametrize("code", CODES, ids=lambda code: type(code).__name__)
def test_a_generator_that_ignores_its_code_reads_nothing(code):
    found = probe(code, lambda z, c: texture(z), steps=200)
    assert abs(found["mean"]) < 0.01 and not above(found, 0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 13, 18), (1, 1, 1)])
def test_a_generator_that_always_makes_one_image_reads_nothing(shape):
    found = probe(Uniform("c"), lambda z, c: flat(0 * c + 0.4, shape), steps=200)
    assert abs(found["mean"]) < 0.01 and not above(found, 0)


def test_a_code_that_is_shown_reads_its_entropy():
    found = probe(Categorical("c", 10), lambda z, c: texture(z) + PATTERN[c], steps=200)
    assert math.log(10) - 0.01 < found["mean"] <= math.log(10)


def test_a_binary_symmetric_channel():
    e = 0.1  # a share e of the images shows the other value
    threshold = NormalDist().inv_cdf(e)
    found = probe(Bernoulli("c"), lambda z, c: flat((c + (z[:, 0] < threshold).float()) % 2), steps=200)
    exact = math.log(2) + e * math.log(e) + (1 - e) * math.log(1 - e)
    assert found["mean"] == pytest.approx(exact, abs=0.01 + 4 * found["standard_error"])
    assert not above(found, exact)


def test_a_gaussian_channel():
    found = probe(Gaussian("c"), lambda z, c: flat(c + z[:, 0], (1, 1, 1)))
    assert found["mean"] == pytest.approx(math.log(2) / 2, abs=0.02 + 4 * found["standard_error"])
    assert not above(found, math.log(2) / 2)


def test_a_continuous_code_reads_at_most_ln_bins():
    for code, draw in (
        (Uniform("c", 10, 50), lambda z, c: flat(c / 50)),
        (Circular("c"), lambda z, c: torch.stack([flat(c.cos()), flat(c.sin())], 1)[:, :, 0]),
    ):
        found = probe(code, draw, bins=8, steps=300)
        assert math.log(8) - 0.25 < found["mean"] <= math.log(8)


def test_two_codes_that_make_one_image_are_told_from_no_code_at_all():
    """What a Gaussian Q cannot say: |c| leaves the sign open, ln 2 of ln(bins)."""
    found = probe(Uniform("c"), lambda z, c: flat(c.abs()), bins=8, steps=300)
    assert math.log(4) - 0.25 < found["mean"] and not above(found, math.log(4))


def test_it_finds_a_faint_code_that_a_weak_q_misses():
    """The sign of a faint pattern is noise, so that no linear Q can find which of two patterns it is."""

    def hidden(z, c):
        return texture(z) + 0.03 * z[:, :1, None, None].sign() * PATTERN[c.long()]

    toy = Toy(Bernoulli("c"), hidden)
    generator, weak = torch.Generator().manual_seed(0), nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    adam = torch.optim.Adam(weak.parameters(), lr=3e-3)
    for _ in range(400):
        latent = toy.spec.sample(128, generator)
        nats = lower_bound(toy.spec, toy.spec.posterior(weak(toy.generate(latent))), latent)["c"].mean()
        adam.zero_grad()
        (-nats).backward()
        adam.step()
    with torch.no_grad():
        latent = toy.spec.sample(10_000, generator)
        nats = lower_bound(toy.spec, toy.spec.posterior(weak(toy.generate(latent))), latent)["c"].mean().item()
    found = probe_information(toy, "c")
    assert nats < 0.02
    assert found["mean"] > 0.6 and above(found, nats)


def test_it_reads_a_model_repeats_itself_and_leaves_everything_as_it_was():
    model = tiny.build().train()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (
        probe_information(model, name, steps=20, n=500, seed=seed)
        for name, seed in (("kind", 0), ("kind", 0), ("kind", 1))
    )
    assert first == again and first != other
    assert first["mean"] <= calibration(model.spec["kind"]).ceiling
    assert torch.equal(before, torch.get_rng_state()) and model.training
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def test_a_name_that_is_no_code_is_refused():
    with pytest.raises(KeyError, match="digit"):
        probe_information(tiny.build(), "digit")
