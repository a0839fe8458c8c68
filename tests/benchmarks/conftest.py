"""The scripts of benchmarks/ are imported by name, write no table of the repository's own, and look at few images."""

import sys
from functools import cache
from pathlib import Path

import pytest

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.data import Images
from infogan_lib.measure import metrics

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))


@pytest.fixture(autouse=True)
def tables(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def small():
    """The first 500 digits of a split, in place of `data.mnist`."""
    mnist = data.mnist

    @cache
    def split_of(split):
        whole = mnist(split)
        return Images(whole.images[:500], whole.labels[:500], whole.name)

    return split_of


@pytest.fixture
def few_fakes(monkeypatch):
    """L_I is measured on 200 fakes, whatever number is asked for."""
    original = metrics.measure_nats
    monkeypatch.setattr(metrics, "measure_nats", lambda model, n=0, seed=0: original(model, 200, seed))


@pytest.fixture
def run(monkeypatch):
    """run(script, argument, ...) as from the command line."""

    def command(script, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{script.__name__}.py", *map(str, arguments)])
        script.main()

    return command
