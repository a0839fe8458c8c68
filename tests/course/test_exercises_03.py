"""The checks of notebook 03: right answers, and what people write instead. test_exercises_all.py runs them."""

import pytest
import torch

from infogan_lib.course.exercises import EXERCISES, check


def effect_size(low, high, natural):
    return (high - low).abs().mean() / natural.std()


def random_rotation(size):
    return torch.linalg.qr(torch.randn(size, size)).Q


def price(labels, turned, successes):
    return labels / successes + 1 / turned


REFERENCE = {"03.1": effect_size, "03.2": 0.894, "03.3": random_rotation, "03.5": price}


def permutation(size):
    return torch.eye(size)[torch.randperm(size)]


def normalised(size):
    matrix = torch.randn(size, size)
    return matrix / matrix.norm(dim=0)


def seeded(size):
    return torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(0))).Q


WRONG = [
    ("03.1", lambda low, high, natural: (high - low).mean() / natural.std(), "cancel here"),
    ("03.1", lambda low, high, natural: (high - low).mean().abs() / natural.std(), "Take it away first"),
    ("03.1", lambda low, high, natural: (high - low).abs().mean(), "own unit"),
    ("03.1", lambda low, high, natural: (high - low).abs() / natural.std(), "one value for each image"),
    ("03.1", lambda low, high, natural: (high - low).abs().mean() / natural.var(), "variance"),
    ("03.1", lambda low, high, natural: (high - low).abs().mean() / (high - low).std(), "nobody turned"),
    ("03.1", lambda low, high, natural: (high - low).abs().mean() / low.std(), "turned low"),
    ("03.1", lambda low, high, natural: (high - low).square().mean().sqrt() / natural.std(), "mean square"),
    ("03.2", 0.2, "variance of the sum"),
    ("03.2", 4, "sum's own unit"),
    ("03.2", 0.447, "middle to one end"),
    ("03.2", 0.2236, "a way of 1"),
    ("03.2", 1.5, "is not it"),
    ("03.3", lambda size: torch.randn(size, size), "length 1"),
    ("03.3", normalised, "right angles"),
    ("03.3", permutation, "relabels"),
    ("03.3", seeded, "same matrix"),
    ("03.3", lambda size: torch.randn(size), "shape (2, 2)"),
    ("03.3", lambda size: 2.0, "a float"),
    ("03.5", lambda labels, turned, m: labels / m, "costs a look"),
    ("03.5", lambda labels, turned, m: labels / m / turned, "again for each try"),
    ("03.5", lambda labels, turned, m: labels + 1 / turned, "paid once"),
    ("03.5", lambda labels, turned, m: labels + m / turned, "whole bill"),
    ("03.5", lambda labels, turned, m: labels / m + turned, "2.5 tries"),
    ("03.5", lambda labels, turned, m: labels / m + 1, "not every try"),
]


def test_every_exercise_with_a_check_is_here():
    check("03.1", ...)
    assert {id for id in EXERCISES if id.startswith("03.")} == REFERENCE.keys()


@pytest.mark.parametrize("answer", [4 / 20**0.5, torch.tensor(0.89), 0.9])
def test_the_prediction_may_be_rounded(answer):
    assert check("03.2", answer).state == "right"


def test_a_rotation_by_the_exponential_of_a_skew_matrix_is_right_as_well():
    def by_exponential(size):
        a = torch.randn(size, size)
        return torch.matrix_exp(a - a.T)

    assert check("03.3", by_exponential).state == "right"


def test_effect_size_with_the_variance_over_n_is_right_as_well():
    assert (
        check("03.1", lambda low, high, natural: (high - low).abs().mean() / natural.std(correction=0)).state == "right"
    )
