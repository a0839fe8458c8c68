"""Representations whose scores are known beforehand, and what must not change a score."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from infogan_lib import Circular, LatentSpec, Noise, Uniform
from infogan_lib.data import Images
from infogan_lib.measure import code_maps, disentanglement
from infogan_lib.measure.code_maps import LIGHT, Protocol
from infogan_lib.measure.disentanglement import score

SMALL = Protocol(bins=8, n=600, test=300, trees="forest", votes=300, test_votes=200, batch=32)


def factors(n=3000, seed=0):
    g = torch.Generator().manual_seed(seed)
    return {
        "kind": torch.randint(5, (n,), generator=g),
        "u": torch.rand(n, generator=g),
        "v": torch.rand(n, generator=g),
    }


def amounts(n=3000, seed=0):
    return {name: values for name, values in factors(n, seed).items() if name != "kind"}


def rotated(u, v):
    """Two uniform numbers, turned by 45 degrees as normals, and uniform again: the same prior, both in each."""
    normal = torch.distributions.Normal(0, 1)
    a, b = normal.icdf(u.clamp(1e-6, 1 - 1e-6)), normal.icdf(v.clamp(1e-6, 1 - 1e-6))
    return normal.cdf((a + b) / math.sqrt(2)), normal.cdf((a - b) / math.sqrt(2))


def test_a_code_a_factor_scores_one_in_all():
    truth = factors()
    found = score({"a": truth["v"], "b": truth["kind"], "c": truth["u"]}, truth, LIGHT)
    for name in ("mig", "disentanglement", "completeness", "informativeness", "factor_vae", "modularity"):
        assert getattr(found, name) > 0.97, name
    # SAP is a gap of accuracies, and one kind in five is guessed right without any code.
    assert found.factors["u"]["sap"] > 0.99 and found.factors["kind"]["sap"] == pytest.approx(0.8, abs=0.06)


def test_a_rotation_keeps_what_is_known_and_loses_where_it_is():
    truth = amounts()
    a, b = rotated(truth["u"], truth["v"])
    found = score({"a": a, "b": b}, truth, LIGHT)
    assert found.informativeness > 0.98
    assert found.mig < 0.03 and found.disentanglement < 0.03 and found.completeness < 0.03 and found.sap < 0.05
    assert 0.4 < found.factor_vae < 0.6 and found.modularity < 0.2


def test_duplicated_codes_fail_where_one_code_a_factor_is_asked_for():
    truth = factors()
    twice = {**truth, **{f"{name} again": values for name, values in truth.items()}}
    found = score(twice, truth, LIGHT)
    assert found.mig == pytest.approx(0, abs=1e-6) and found.sap == pytest.approx(0, abs=0.01)
    # Two of six codes share each factor: the entropy of the shares is ln 2 of ln 6.
    assert found.completeness == pytest.approx(1 - math.log(2) / math.log(6), abs=0.03)
    assert found.disentanglement > 0.97 and found.factor_vae > 0.97 and found.modularity > 0.97


def test_two_factors_in_one_code_fail_where_one_factor_a_code_is_asked_for():
    g = torch.Generator().manual_seed(1)
    x, y = torch.randint(5, (3000,), generator=g), torch.randint(5, (3000,), generator=g)
    found = score({"both": 5 * x + y, "idle": torch.rand(3000, generator=g)}, {"x": x, "y": y}, LIGHT)
    assert found.mig > 0.97 and found.completeness > 0.8 and found.informativeness > 0.99
    assert found.disentanglement < 0.05 and found.factor_vae < 0.6
    # Of the idle code modularity measures noise, so the busy one is asked alone.
    nats, _ = code_maps.information_map({"both": 5 * x + y}, {"x": x, "y": y})
    assert disentanglement.modularity(nats) < 0.05


def test_random_codes_score_nothing():
    truth, codes = factors(), factors(seed=5)
    found = score(codes, truth, LIGHT)
    assert found.mig < 0.02 and found.disentanglement < 0.1 and abs(found.sap) < 0.04
    assert found.factors["kind"]["informativeness"] == pytest.approx(0.2, abs=0.05)
    assert found.factors["u"]["informativeness"] < 0.02
    assert found.factor_vae == pytest.approx(1 / 3, abs=0.07)


def test_a_factor_without_a_code_counts_as_nothing():
    truth = amounts()
    found = score({"a": truth["u"], "b": torch.rand(3000)}, truth, LIGHT)
    assert found.factors["v"]["mig"] < 0.02 and found.mig == pytest.approx(found.factors["u"]["mig"] / 2, abs=0.02)


def test_the_boosted_trees_of_the_full_protocol_agree():
    truth = amounts(900)
    a, b = rotated(truth["u"], truth["v"])
    protocol = replace(SMALL, trees="boosting")
    assert score({"a": truth["u"], "b": truth["v"]}, truth, protocol).disentanglement > 0.97
    assert score({"a": a, "b": b}, truth, protocol).disentanglement < 0.05
    assert (code_maps.FULL.bins, code_maps.FULL.n, code_maps.FULL.test) == (20, 10_000, 5_000)
    assert (code_maps.FULL.trees, code_maps.FULL.batch, code_maps.FULL.votes) == ("boosting", 64, 10_000)


# -- the measures on matrices done by hand ---------------------------------------------------------


def test_the_information_map_is_scikit_learns():
    truth = factors(500)
    nats, entropies = code_maps.information_map(truth, truth, bins=4)
    quarter = {k: v if k == "kind" else (v.argsort().argsort() * 4 // 500) for k, v in truth.items()}
    expected = [[mutual_info_score(a.numpy(), b.numpy()) for b in quarter.values()] for a in quarter.values()]
    assert np.allclose(nats.numpy(), expected, atol=1e-6)
    assert np.allclose(entropies.numpy(), np.diag(expected), atol=1e-6)


def test_mig_and_modularity_of_a_map_by_hand():
    nats, entropies = torch.tensor([[0.9, 0.1], [0.3, 0.5], [0.0, 0.2]]).double(), torch.tensor([1.0, 2.0]).double()
    assert disentanglement.mig(nats, entropies) == pytest.approx(((0.9 - 0.3) / 1 + (0.5 - 0.2) / 2) / 2)
    assert disentanglement.mig(nats[:1], entropies) == pytest.approx((0.9 / 1 + 0.1 / 2) / 2)  # no second code
    by_hand = [1 - 0.01 / 0.81, 1 - 0.09 / 0.25, 1.0]
    assert disentanglement.modularity(nats) == pytest.approx(sum(by_hand) / 3)
    assert disentanglement.modularity(torch.zeros(2, 3)) == 0


def test_dci_of_an_importance_matrix_by_hand():
    weights = torch.tensor([[0.75, 0.0], [0.25, 0.5], [0.0, 0.5]]).double()

    def entropy(*p):
        return -sum(x * math.log(x) for x in p)

    columns = [1 - entropy(0.75, 0.25) / math.log(3), 1 - math.log(2) / math.log(3)]
    assert disentanglement.completeness(weights) == pytest.approx(sum(columns) / 2)
    rows = [1.0, 1 - entropy(1 / 3, 2 / 3) / math.log(2), 1.0]
    assert disentanglement.disentanglement(weights) == pytest.approx(
        sum(r * w for r, w in zip(rows, (0.75, 0.75, 0.5))) / 2
    )


def test_the_linear_map_is_correlation_squared():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(900, generator=g)
    y = x + torch.randn(900, generator=g)
    found = code_maps.linear_map({"x": x}, {"y": y}, SMALL)
    assert found.item() == pytest.approx(np.corrcoef(x[:600], y[:600])[0, 1] ** 2, abs=1e-6)


# -- what must not change a score ------------------------------------------------------------------


@st.composite
def disguises(draw):
    """Codes, and the same codes in another order, sign, scale and numbering of states."""
    seed = draw(st.integers(0, 1000))
    truth = factors(900, seed)
    a, b = rotated(truth["u"], truth["v"])
    codes = {"a": a, "k": truth["kind"], "b": 0.7 * b + 0.3 * truth["u"]}
    order = draw(st.permutations(list(codes)))
    states = torch.tensor(draw(st.permutations(range(5))))
    factor = draw(st.sampled_from([-1.0, 4.0, -0.25]))  # powers of two: no bin changes by rounding
    changed = {name: states[codes[name]] if name == "k" else factor * codes[name] for name in order}
    return truth, codes, changed, order


@given(disguises())
@settings(max_examples=2, deadline=None)
def test_order_sign_scale_and_numbering_do_not_matter(case):
    truth, codes, changed, _ = case
    before, after = score(codes, truth, SMALL), score(changed, truth, SMALL)
    # A change of sign moves the rows that lie on the edge of a bin; trees look at columns in an order of their own.
    tolerances = {"factor_vae": 0, "sap": 1e-3, "mig": 0.02, "modularity": 0.02}
    tolerances |= {"disentanglement": 0.06, "completeness": 0.06, "informativeness": 0.06}
    for name, tolerance in tolerances.items():
        assert getattr(before, name) == pytest.approx(getattr(after, name), abs=tolerance), name


def test_the_order_of_factors_does_not_matter():
    truth = factors(900)
    codes = {"a": truth["u"] + truth["v"], "b": truth["kind"]}
    before, after = score(codes, truth, SMALL), score(codes, {name: truth[name] for name in ("v", "kind", "u")}, SMALL)
    for name in ("mig", "modularity", "sap", "disentanglement", "completeness", "informativeness"):
        assert getattr(before, name) == pytest.approx(getattr(after, name), abs=1e-6), name


@given(st.integers(0, 1000))
@settings(max_examples=2, deadline=None)
def test_every_score_lies_in_its_range(seed):
    found = score(factors(900, seed), factors(900, seed + 1), SMALL).to_json()
    scores = {name: value for name, value in found.items() if isinstance(value, float)}
    assert len(scores) == 7
    assert all(-1e-9 <= value <= 1 + 1e-9 for name, value in scores.items() if name != "informativeness")


def test_a_score_repeats_and_is_plain_json():
    truth = factors(900)
    codes = {"a": truth["u"] + 0.2 * truth["v"], "b": truth["kind"]}
    first, again = score(codes, truth, SMALL), score(codes, truth, SMALL)
    assert first == again
    stored = json.loads(json.dumps(first.to_json()))
    assert stored["protocol"]["bins"] == 8 and set(stored["factors"]) == {"kind", "u", "v"}
    assert set(stored["information"]) == {"a", "b"}


def test_dead_codes_do_not_vote():
    truth = amounts()
    still = {**truth, "dead": 0.5 + 1e-3 * torch.rand(3000)}
    assert disentanglement.factor_vae(still, truth, LIGHT) > 0.97
    assert disentanglement.factor_vae({"dead": torch.zeros(3000)}, truth, LIGHT) == 0


# -- mistakes --------------------------------------------------------------------------------------


def test_mistakes_are_named():
    truth = factors(900)
    for codes, target, message in (
        ({}, truth, "no code"),
        (truth, {}, "no factor"),
        (truth, truth | {"u": truth["u"][:-1]}, "lengths"),
        (factors(100), factors(100), "LIGHT"),  # the remedy
        ({"a": truth["u"].log() - math.inf}, truth, "'a'.*infinite"),
        (truth, truth | {"same": torch.ones(900)}, "'same'"),
        ({"a": torch.rand(900, 2)}, truth, "'a'.*shape"),
    ):
        with pytest.raises(ValueError, match=message):
            score(codes, target, SMALL)
    with pytest.raises(ValueError, match="boosting"):
        Protocol(trees="oak")
    with pytest.raises(ValueError, match="bins"):
        Protocol(bins=1)


# -- tables of a model -----------------------------------------------------------------------------


def test_codes_are_read_as_categories_and_amounts():
    model, bars = tiny.build(), tiny.images(1200)
    read = code_maps.codes_read(model, bars)
    posterior = model.read(bars.batch(slice(1100, 1200)))
    assert torch.equal(read["kind"][1100:], posterior["kind"].mode)
    assert torch.allclose(read["c1"][1100:], posterior["c1"].mean, atol=1e-6)
    assert not read["kind"].is_floating_point() and read["c1"].is_floating_point()


def test_codes_set_are_those_of_the_latent():
    spec = LatentSpec(Noise(1), [tiny.SPEC["kind"], Uniform("u"), Circular("turn")])
    latent = spec.sample(9)
    table = code_maps.codes_set(spec, latent)
    assert list(table) == ["kind", "u", "turn"] and torch.equal(table["turn"], latent["turn"])


def test_the_factors_of_digits_are_label_and_moments():
    images = Images(tiny.images(20).images, torch.arange(20) % 3).batch(slice(None))
    table = code_maps.digit_factors(images, torch.arange(20) % 3)
    assert list(table) == ["label", "slant", "thickness", "width"] and len(table["width"]) == 20
