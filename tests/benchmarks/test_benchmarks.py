"""The commands behind the tables run end to end, for function only."""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infogan_lib import Recipe, data
from infogan_lib.course import results
from infogan_lib.data import Images
from infogan_lib.training import presets, weights

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import dcgan
import mnist
import ship_mnist


@pytest.fixture
def folders(tmp_path, monkeypatch):
    def small(split):
        whole = original(split)
        return Images(whole.images[:500], whole.labels[:500], whole.name)

    original = data.mnist
    monkeypatch.setattr(data, "mnist", small)
    monkeypatch.setattr(mnist, "FAKES", 300)
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(ship_mnist, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr(ship_mnist, "ENOUGH", -10.0)  # a model of two steps is neither informative nor balanced
    return tmp_path


def run(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, "argv", ["x.py", *map(str, arguments)])
    main()


@pytest.mark.parametrize("variant", ["infogan", "cluster", "plain-separate"])
def test_a_variant_is_trained_and_gets_its_row(folders, monkeypatch, variant):
    run(monkeypatch, mnist.main, variant, "--seeds", 100, "--score", "tune", "--steps", 2, "--runs", folders / "runs")
    (row,) = results.read("mnist_tuning", variant=variant)
    assert row["seed"] == "100" and 0 < float(row["code_accuracy"]) < 1 and variant in row["command"]
    assert sum(map(int, row["confusion"].split())) == 500


def test_the_chosen_seed_ships_with_its_scores(folders, monkeypatch):
    monkeypatch.setitem(mnist.VARIANTS, "infogan", {"steps": 2, "batch": 32})
    monkeypatch.setitem(mnist.VARIANTS, "control", {"steps": 2, "batch": 32, "lambda_g": 0.0})
    for variant in ("infogan", "control"):
        run(monkeypatch, mnist.main, variant, "--seeds", 0, 1, "--runs", folders / "runs")
    run(monkeypatch, ship_mnist.main, "--runs", folders / "runs", "--seeds", 0, 1)
    shipped = weights.load(folders / "weights" / "mnist.safetensors").manifest
    control = weights.load(folders / "weights" / "mnist-control.safetensors").manifest
    assert shipped["seed"] == control["seed"] and {c["seed"] for c in shipped["chosen_by"]["candidates"]} == {0, 1}
    assert 0 < shipped["scores"]["code_accuracy"] < 1 and control["recipe"]["lambda_g"] == 0
    assert len(list(csv.reader((folders / "results" / "mnist_curves.csv").open()))) == 1 + 2 * 2


def test_a_dcgan_gets_its_row_and_ships_only_when_whole(folders, monkeypatch):
    monkeypatch.setattr(dcgan, "N", 300)
    monkeypatch.setattr(weights, "FOLDER", folders / "weights")
    command = ("dcgan-mnist", "--runs", folders / "runs")
    run(monkeypatch, dcgan.main, *command, "--steps", 2)
    (row,) = results.read("dcgan_samples", preset="dcgan-mnist")
    assert row["seed"] == "0" and row["steps"] == "2" and row["command"].endswith("--seeds 0 --steps 2")
    assert float(row["frechet"]) > float(row["frechet_real"]) > 0  # two steps make no digits
    assert not (folders / "weights").exists()
    short = replace(presets.load("dcgan-mnist"), recipe=Recipe(steps=2))
    monkeypatch.setitem(presets.PRESETS, "dcgan-mnist", short)
    run(monkeypatch, dcgan.main, *command)
    shipped = weights.load(folders / "weights" / "dcgan-mnist.safetensors")
    assert shipped.spec.codes == () and shipped.manifest["scores"]["frechet"] == float(row["frechet"])


def test_test_digits_are_not_touched_while_tuning(folders, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, mnist.main, "infogan", "--seeds", 100, "--score", "test")
    assert "seeds below 100 are scored on test" in capsys.readouterr().err
