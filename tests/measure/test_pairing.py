import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import balanced_accuracy_score

from infogan_lib.measure.pairing import Pair, agreement, pair, rank_map


def tables(seed, n=400):
    """Codes that are factors, shuffled, reversed and noisy."""
    g = torch.Generator().manual_seed(seed)
    factors = {"turn": torch.rand(n, generator=g), "light": torch.rand(n, generator=g)}
    factors |= {"glasses": torch.randint(2, (n,), generator=g), "hair": torch.randint(3, (n,), generator=g)}
    noise = 0.05 * torch.randn(2, n, generator=g)
    codes = {
        "a": 1 - factors["light"] + noise[0],
        "b": factors["turn"] ** 3 + noise[1],
        "c": torch.rand(n, generator=g),
    }
    wrong = torch.rand(n, generator=g) < 0.1
    codes["k"] = torch.where(wrong, torch.randint(3, (n,), generator=g), (factors["hair"] + 1) % 3)
    return codes | {"j": 1 - factors["glasses"]}, factors


def test_codes_find_their_factors_whatever_their_names_signs_and_orders():
    codes, factors = tables(0)
    found = pair(codes, factors)
    assert {name: p.code for name, p in found.items()} == {"turn": "b", "light": "a", "glasses": "j", "hair": "k"}
    assert found["hair"].labels.tolist() == [2, 0, 1] and found["glasses"].labels.tolist() == [1, 0]


def test_the_scores_are_those_of_scipy_and_scikit_learn_on_the_other_set():
    found = pair(*tables(0))
    codes, factors = tables(1)
    scores = agreement(found, codes, factors)
    assert scores["light"] == pytest.approx(-spearmanr(codes["a"], factors["light"]).statistic)
    said = found["hair"].labels[codes["k"]]
    assert scores["hair"] == pytest.approx(balanced_accuracy_score(factors["hair"], said))
    assert scores["glasses"] == 1


def test_one_code_serves_one_factor():
    both = torch.rand(200, generator=torch.Generator().manual_seed(0))
    factors = {"first": both, "second": both + 0.3 * torch.rand(200, generator=torch.Generator().manual_seed(1))}
    assert set(pair({"a": both}, factors)) == {"first"}


def test_a_code_that_never_varies_is_worth_chance():
    g = torch.Generator().manual_seed(0)
    factors = {"turn": torch.rand(300, generator=g), "hair": torch.randint(3, (300,), generator=g)}
    codes = {"a": torch.zeros(300), "k": torch.zeros(300, dtype=torch.long)}
    assert agreement(pair(codes, factors), codes, factors) == {"turn": 0, "hair": pytest.approx(1 / 3)}
    assert rank_map({"a": codes["a"]}, factors).tolist() == [[0, 0]]


def test_two_states_tell_on_which_side_an_amount_lies_and_three_have_no_order():
    amount = torch.rand(4000, generator=torch.Generator().manual_seed(0))
    side, third = (amount < 0.5).long(), (3 * amount).long()
    assert pair({"k": third}, {"turn": amount}) == {}
    found = pair({"k": side}, {"turn": amount})
    assert agreement(found, {"k": side}, {"turn": amount})["turn"] == pytest.approx(3**0.5 / 2, abs=0.01)


def test_an_amount_tells_two_states_by_a_threshold_found_on_the_first_set():
    def tables(seed, n=2000):
        g = torch.Generator().manual_seed(seed)
        glasses, turn = (torch.rand(n, generator=g) < 0.3).long(), torch.rand(n, generator=g)
        wrong = torch.rand(n, generator=g) < 0.1
        codes = {"c5": -0.4 - 0.5 * (glasses ^ wrong.long()) + 0.2 * torch.rand(n, generator=g), "c1": turn}
        return codes | {"k2": torch.randint(2, (n,), generator=g)}, {"glasses": glasses, "turn": turn}

    codes, factors = tables(0)
    found = pair(codes, factors)
    assert found["glasses"].code == "c5" and -0.71 < found["glasses"].cut < -0.39 and found["turn"].code == "c1"
    codes, factors = tables(1)
    said = (codes["c5"] < -0.55).long()
    score = agreement(found, codes, factors)["glasses"]
    assert score == pytest.approx(balanced_accuracy_score(factors["glasses"], said), abs=0.01) and 0.85 < score < 0.95


def test_a_code_goes_where_it_is_worth_most():
    """A hundredth of agreement with an amount does not keep a code from the states it tells."""
    g = torch.Generator().manual_seed(0)
    smile, glasses = torch.rand(500, generator=g), torch.randint(2, (500,), generator=g)
    codes = {"c5": glasses + 0.1 * torch.rand(500, generator=g), "k2": torch.randint(2, (500,), generator=g)}
    assert pair(codes, {"smile": smile, "glasses": glasses})["glasses"].code == "c5"


def test_the_rank_map_has_signs():
    codes, factors = tables(0)
    ranks = rank_map({"a": codes["a"]}, {"light": factors["light"]})
    assert ranks.shape == (1, 1) and ranks[0, 0] < -0.9
    assert Pair("a").labels is None


def test_a_state_that_the_pairing_never_met_means_nothing():
    hair = torch.tensor([0, 1, 2, 0, 1, 2])
    found = pair({"k": torch.tensor([1, 0, 0, 1, 0, 0])}, {"hair": hair})
    scores = agreement(found, {"k": torch.tensor([1, 0, 2, 1, 0, 2])}, {"hair": hair})
    assert scores["hair"] == pytest.approx(2 / 3)


def test_a_factor_that_has_one_state_is_worth_nothing_and_breaks_nothing():
    hair = torch.tensor([0, 1, 2, 0, 1, 2])
    found = pair({"k": hair}, {"always": torch.zeros(6, dtype=torch.long), "hair": hair})
    assert set(found) == {"hair"}
