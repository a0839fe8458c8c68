"""benchmarks/film.py: a film of few steps on few digits."""

import json
from dataclasses import replace

import film
import mnist
import numpy as np
import pytest
import torch


@pytest.fixture
def record(monkeypatch, small, run, tmp_path):
    """record() -> the film of six steps."""
    for name in film.MODELS.values():
        monkeypatch.setitem(mnist.VARIANTS, name, replace(mnist.VARIANTS[name], data=small))

    def recorded():
        run(film, "--seed", 100, "--steps", 6, "--runs", tmp_path / "runs", "--out", tmp_path / "film.json")
        return json.loads((tmp_path / "film.json").read_text())

    return recorded


def test_a_film_has_both_models_at_the_same_moments(record, monkeypatch):
    made = record()
    assert made["command"] == "python benchmarks/film.py --seed 100 --steps 6"
    assert made["steps"] == made["points"] == [1, 2, 3, 4, 5, 6] and made["size"] == [film.ROWS * 28, 280]
    assert made["most"] == {"digit": 2.303, "c1": pytest.approx(0.285, abs=1e-3), "c2": pytest.approx(0.285, abs=1e-3)}
    infogan, control = made["films"]
    assert infogan["nats"] != control["nats"] and infogan["sprite"] != control["sprite"]
    # The first step of D and Q is the same in both; G has not moved yet where its L_I is read.
    assert infogan["nats"]["digit"][0] == control["nats"]["digit"][0]

    monkeypatch.setattr(film, "watch", None)  # what is recorded is not trained again
    assert record() == made


def test_moments_are_even_along_the_cube_root_and_end_with_the_run():
    steps = film.steps_of(24, 3200)
    assert steps[0] == 1 and steps[-1] == 3200 and len(steps) == 24
    assert np.allclose(np.diff(np.cbrt(steps))[2:], 3200 ** (1 / 3) / 24, atol=0.2)
    assert set(steps) <= set(film.steps_of(96, 3200))  # so that a moment has its point on the curve


def test_a_point_of_a_curve_is_the_mean_since_the_point_before():
    assert film.thinned(np.arange(1.0, 9.0), [1, 2, 4, 8]) == [1.0, 2.0, 3.5, 6.5]


def test_a_row_keeps_all_but_the_digit_code():
    shown = film.latents(mnist.VIEWS.spec)
    assert shown["digit"].view(film.ROWS, 10).tolist() == [list(range(10))] * film.ROWS
    noise = shown.noise.view(film.ROWS, 10, -1)
    assert torch.equal(noise, noise[:, :1].expand_as(noise)) and not torch.equal(noise[0], noise[1])
    for name in ("c1", "c2"):
        values = shown[name].view(film.ROWS, 10)
        assert torch.equal(values, values[:, :1].expand_as(values)) and values[0, 0] != values[1, 0]
