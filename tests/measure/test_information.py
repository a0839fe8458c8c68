import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Normal

from infogan_lib import Bernoulli, Categorical, Circular, Gaussian, LatentSpec, Noise, Uniform, entropy, lower_bound
from infogan_lib.core.bound import calibration
from infogan_lib.course.lessons.toys import Toy
from infogan_lib.measure.information import conditional_entropy, histogram_information, kl, kl_gap, mutual_information

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
    with pytest.raises(ValueError):
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


# -- Tables --------------------------------------------------------------------------------------


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


# -- Samples -------------------------------------------------------------------------------------


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


# -- Toys ----------------------------------------------------------------------------------------


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


# -- The marks of the meter ----------------------------------------------------------------------

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
