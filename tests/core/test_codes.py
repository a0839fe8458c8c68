import keyword
import math

import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from infogan_lib import Bernoulli, Categorical, Circular, Gaussian, LatentSpec, Noise, Uniform

CODES = [
    Categorical("digit", 10),
    Uniform("c1"),
    Uniform("u", 2.0, 7.0),
    Gaussian("g", 1.0, 3.0),
    Bernoulli("b", 0.3),
    Circular("angle"),
]
ENTROPIES = {  # SciPy's, in nats
    "digit": scipy.stats.entropy([0.1] * 10),
    "c1": scipy.stats.uniform(-1, 2).entropy(),
    "u": scipy.stats.uniform(2, 5).entropy(),
    "g": scipy.stats.norm(1, 3).entropy(),
    "b": scipy.stats.bernoulli(0.3).entropy(),
    "angle": scipy.stats.uniform(-math.pi, 2 * math.pi).entropy(),
}
DRAWS = {
    "c1": scipy.stats.uniform(-1, 2),
    "u": scipy.stats.uniform(2, 5),
    "g": scipy.stats.norm(1, 3),
    "angle": scipy.stats.uniform(-math.pi, 2 * math.pi),
}


def by_name(code):
    return code.name


@pytest.mark.parametrize("code", CODES, ids=by_name)
def test_entropy_is_scipys(code):
    assert code.entropy == pytest.approx(float(ENTROPIES[code.name]), abs=1e-6)


@pytest.mark.parametrize("code", CODES, ids=by_name)
def test_entropy_is_minus_the_mean_log_prior_of_its_own_samples(code):
    values = code.sample(20_000, torch.Generator().manual_seed(0))
    log_p = code.prior.log_prob(values)
    assert -log_p.mean().item() == pytest.approx(code.entropy, abs=5 * log_p.std().item() / math.sqrt(20_000) + 1e-6)


@pytest.mark.parametrize("name", DRAWS)
def test_samples_follow_the_prior(name):
    code = next(c for c in CODES if c.name == name)
    values = code.sample(5000, torch.Generator().manual_seed(1)).numpy()
    assert scipy.stats.kstest(values, DRAWS[name].cdf).pvalue > 0.01


def test_discrete_samples_follow_the_prior():
    generator = torch.Generator().manual_seed(2)
    counts = torch.bincount(Categorical("d", 5).sample(10_000, generator), minlength=5)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 0.01
    yes = int(Bernoulli("b", 0.3).sample(10_000, generator).sum())
    assert scipy.stats.binomtest(yes, 10_000, 0.3).pvalue > 0.01


def test_the_generator_decides_the_samples():
    spec = LatentSpec(Noise(3), CODES)
    first, again, other = (spec.sample(50, torch.Generator().manual_seed(s)) for s in (5, 5, 6))
    assert torch.equal(first.input, again.input)
    assert not torch.equal(first.input, other.input)


def raw_for(code, n=64, seed=0):
    return 3 * torch.randn(n, code.q_width, generator=torch.Generator().manual_seed(seed))


def test_categorical_posterior_is_the_log_softmax():
    code, raw = CODES[0], raw_for(CODES[0])
    values = code.sample(64, torch.Generator().manual_seed(1))
    expected = raw.double().exp() / raw.double().exp().sum(1, keepdim=True)
    got = code.posterior(raw).log_prob(values).double()
    assert torch.allclose(got, expected[torch.arange(64), values].log(), atol=1e-5)


@pytest.mark.parametrize("code", CODES[1:4], ids=by_name)
def test_continuous_posteriors_are_scipys_normal_above_the_floor(code):
    raw, values = raw_for(code), code.sample(64, torch.Generator().manual_seed(1))
    q = code.posterior(raw)
    expected = scipy.stats.norm.logpdf(values.numpy(), q.mean.numpy(), q.stddev.numpy())
    assert torch.allclose(q.log_prob(values).double(), torch.from_numpy(expected).double(), atol=1e-4)
    assert (q.stddev > code.scale * code.sigma_floor).all()
    deepest = code.posterior(torch.tensor([[0.0, -1e4]]))
    assert deepest.stddev.item() == pytest.approx(code.scale * code.sigma_floor, rel=1e-4)


def test_a_fixed_sigma_is_half_a_squared_error_plus_a_constant():
    code = Uniform("c", sigma=1.0)
    assert code.q_width == 1
    raw, values = raw_for(code), code.sample(64, torch.Generator().manual_seed(1))
    half_mse = (values - raw[:, 0]).square() / 2
    assert torch.allclose(-code.posterior(raw).log_prob(values), half_mse + math.log(2 * math.pi) / 2, atol=1e-5)


def test_the_same_code_in_other_units_carries_the_same_information():
    raw, unit, metres = raw_for(CODES[1]), Uniform("c"), Uniform("c", 10, 50)
    values = unit.sample(64, torch.Generator().manual_seed(3))
    nats = unit.entropy + unit.posterior(raw).log_prob(values)
    rescaled = metres.entropy + metres.posterior(raw).log_prob(30 + 20 * values)
    assert torch.allclose(nats, rescaled, atol=1e-5)
    assert torch.allclose(unit.encode(values), metres.encode(30 + 20 * values), atol=1e-5)


def test_bernoulli_posterior_is_scipys():
    code = CODES[4]
    raw, values = raw_for(code), code.sample(64, torch.Generator().manual_seed(1))
    expected = scipy.stats.bernoulli.logpmf(values.numpy(), torch.sigmoid(raw[:, 0].double()).numpy())
    assert torch.allclose(code.posterior(raw).log_prob(values).double(), torch.from_numpy(expected), atol=1e-5)


def test_circular_posterior_is_scipys_von_mises_and_capped():
    code = CODES[5]
    raw, values = raw_for(code), code.sample(64, torch.Generator().manual_seed(1))
    angle, length = torch.atan2(raw[:, 1], raw[:, 0]), raw.norm(dim=1)
    kappa = 100 * torch.tanh(length / 100)  # the library's v is shifted by 0.001, hence the tolerance
    expected = scipy.stats.vonmises.logpdf(values.numpy(), kappa.numpy(), loc=angle.numpy())
    assert torch.allclose(code.posterior(raw).log_prob(values).double(), torch.from_numpy(expected).double(), atol=5e-3)
    assert code.posterior(torch.tensor([[1e6, 0.0]])).concentration.item() <= 100


def test_a_circular_q_that_says_nothing_is_the_prior_and_still_learns():
    raw = torch.zeros(8, 2, requires_grad=True)
    values = CODES[5].sample(8, torch.Generator().manual_seed(0))
    log_q = CODES[5].posterior(raw).log_prob(values)
    assert torch.allclose(log_q, torch.full((8,), -math.log(2 * math.pi)), atol=1.1e-3)
    log_q.sum().backward()
    assert torch.isfinite(raw.grad).all() and raw.grad.abs().sum() > 0


def test_encodings():
    assert torch.equal(Categorical("d", 3).encode(torch.tensor([2, 0])), torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    assert torch.equal(Bernoulli("b").encode(torch.tensor([0.0, 1.0])), torch.tensor([[-1.0], [1.0]]))
    assert torch.allclose(Uniform("u", 2, 6).encode(torch.tensor([2.0, 4, 8])), torch.tensor([[-1.0], [0], [2]]))
    turn = Circular("a").encode(torch.tensor([0.5, 0.5 + 2 * math.pi]))
    assert torch.allclose(turn[0], turn[1], atol=1e-6)


def test_sweeps_stay_inside_or_go_beyond():
    inside, beyond = Uniform("c").sweep(5), Uniform("c").sweep(5, beyond=True)
    assert inside.tolist() == [-1, -0.5, 0, 0.5, 1]
    assert beyond.tolist() == [-2, -1, 0, 1, 2]
    assert Categorical("d", 4).sweep().tolist() == [0, 1, 2, 3]
    assert Gaussian("g", 1, 3).sweep(3).tolist() == [-5, 1, 7]
    assert Bernoulli("b").sweep().tolist() == [0, 1]
    circle = Circular("a").sweep(4)
    assert circle.tolist() == pytest.approx([-math.pi, -math.pi / 2, 0, math.pi / 2])


# -- the spec ------------------------------------------------------------------------------------


def paper():
    return LatentSpec(Noise(62), [Categorical("digit", 10), Uniform("c1"), Uniform("c2")])


def test_the_papers_latent_is_74_wide():
    spec = paper()
    assert (spec.width, spec.q_width) == (74, 14)
    latent = spec.sample(128, torch.Generator().manual_seed(0))
    assert latent.input.shape == (128, 74) and latent["digit"].shape == (128,) and len(latent) == 128
    assert torch.equal(latent.input[:, 62:72].argmax(1), latent["digit"])
    assert torch.equal(latent.input[:, 72], latent["c1"])


def test_encode_broadcasts_defaults_and_extrapolates():
    z = torch.zeros(3, 62)
    latent = paper().encode(noise=z, digit=3, c1=[-2.0, 0, 1.7])
    assert latent["digit"].tolist() == [3, 3, 3]
    assert latent["c1"].tolist() == pytest.approx([-2, 0, 1.7])
    assert latent["c2"].tolist() == [0, 0, 0]


def test_sweep_is_row_by_row():
    z = torch.arange(2.0)[:, None].expand(2, 62)
    latent = paper().sweep("c1", z, steps=3, beyond=True, digit=torch.tensor([4, 7]))
    assert latent["c1"].tolist() == [-2, 0, 2, -2, 0, 2]
    assert latent["digit"].tolist() == [4, 4, 4, 7, 7, 7]
    assert latent.noise[:, 0].tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({"digit": 10}, ValueError, "0 to 9"),
        ({"digit": -1}, ValueError, "0 to 9"),
        ({"digit": 2.5}, ValueError, "whole numbers"),
        ({"c1": float("nan")}, ValueError, "NaN or infinite"),
        ({"c1": float("inf")}, ValueError, "NaN or infinite"),
        ({"digit": float("nan")}, ValueError, "NaN or infinite"),
        ({"c3": 1}, KeyError, "c3"),
        ({"c1": [1.0, 2.0]}, ValueError, "one value or 3"),
        ({"c1": "left"}, (TypeError, ValueError), "."),
        ({"c1": True}, TypeError, "real numbers"),
    ],
)
def test_bad_codes_are_refused(values, error, says):
    with pytest.raises(error, match=says):
        paper().encode(noise=torch.zeros(3, 62), **values)


@pytest.mark.parametrize("noise", [torch.zeros(3, 61), torch.zeros(62), torch.full((3, 62), float("nan"))])
def test_bad_noise_is_refused(noise):
    with pytest.raises(ValueError, match="noise"):
        paper().encode(noise=noise)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Categorical("digit", 1),
        lambda: Categorical("digit", 2.5),
        lambda: Uniform("c", 1, 1),
        lambda: Uniform("c", 0, float("inf")),
        lambda: Uniform("c", sigma_floor=0),
        lambda: Gaussian("g", 0, -1),
        lambda: Bernoulli("b", 1.0),
        lambda: Circular("a", sigma_floor=-1),
        lambda: Uniform("no name"),
        lambda: Uniform("noise"),
        lambda: Noise(-1),
        lambda: LatentSpec(Noise(30_000_000)),
        lambda: Noise(3, "cauchy"),
        lambda: LatentSpec(Noise(0)),
        lambda: LatentSpec(Noise(1), [Uniform("c"), Categorical("c", 3)]),
    ],
)
def test_impossible_specs_are_refused(make):
    with pytest.raises(ValueError):
        make()


def test_errors_name_the_codes_there_are():
    with pytest.raises(KeyError, match="digit"):
        paper().sample(2)["digits"]
    with pytest.raises(KeyError, match="c1"):
        paper()["c9"]
    with pytest.raises(ValueError, match="being swept"):
        paper().sweep("c1", torch.zeros(1, 62), c1=0)
    with pytest.raises(ValueError, match=r"\(N, 14\)"):
        paper().posterior(torch.zeros(5, 13))


names = st.sampled_from(["a", "b", "c"])
codes = st.lists(
    st.one_of(
        st.builds(Categorical, names, st.integers(2, 12)),
        st.builds(Uniform, names, st.floats(-5, 0), st.floats(0.5, 5)),
        st.builds(Gaussian, names, st.floats(-5, 5), st.floats(0.1, 5)),
        st.builds(Bernoulli, names, st.floats(0.05, 0.95)),
        st.builds(Circular, names),
    ),
    max_size=3,
    unique_by=lambda c: c.name,
)
specs = st.builds(LatentSpec, st.builds(Noise, st.integers(1, 8), st.sampled_from(["normal", "uniform"])), codes)


@given(specs, st.integers(0, 2**31))
def test_every_spec_samples_encodes_reads_and_returns_from_json(spec, seed):
    generator = torch.Generator().manual_seed(seed)
    latent = spec.sample(7, generator)
    assert latent.input.shape == (7, spec.width) and torch.isfinite(latent.input).all()
    again = spec.encode(latent.noise, **latent.values)
    assert torch.allclose(again.input, latent.input)
    posterior = spec.posterior(torch.randn(7, spec.q_width, generator=generator))
    assert list(posterior) == spec.names
    for code in spec.codes:
        assert posterior[code.name].log_prob(latent[code.name]).shape == (7,)
        code.check_prior(latent[code.name])
    assert LatentSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("data", [None, {}, {"noise": {"size": 3}, "codes": [{"kind": "Magic", "name": "m"}]}, []])
def test_json_that_is_no_spec_is_refused(data):
    with pytest.raises(ValueError, match="not a LatentSpec"):
        LatentSpec.from_json(data)


@given(
    st.text(min_size=1, max_size=8)
    | st.sampled_from([*keyword.kwlist, "__debug__", "noise", "self", "\ufb01", "match"])
)
def test_a_name_is_refused_or_can_be_written_as_an_argument(name):
    try:
        spec = LatentSpec(Noise(2), [Categorical(name, 3)])
    except ValueError as error:
        assert "cannot be used" in str(error)
        return
    z = torch.zeros(1, 2)
    assert eval(f"spec.encode(noise=z, {name}=2)", {"spec": spec, "z": z})[name].tolist() == [2]
    assert len(spec.sweep(name, z)) == 3


@pytest.mark.parametrize("name", ["class", "None", "__debug__", "\ufb01", 3, None, "a b", ""])
def test_a_name_that_python_does_not_take_is_refused(name):
    with pytest.raises(ValueError, match="cannot be used"):
        Categorical(name, 3)


def test_the_deviation_that_q_states_of_an_angle_is_in_radians():
    """Held against draws: where they spread little, their standard deviation is the circular one."""
    q = Circular("angle").posterior(torch.tensor([[30.0, 40.0], [100.0, 0.0]]))
    torch.manual_seed(0)
    off = q.sample((20_000,)) - q.mean
    spread = torch.atan2(off.sin(), off.cos()).std(0)
    assert torch.allclose(q.stddev, spread, rtol=0.03)
    assert q.stddev.tolist() == pytest.approx([scipy.stats.vonmises(float(k)).std() for k in q.concentration], rel=0.02)
