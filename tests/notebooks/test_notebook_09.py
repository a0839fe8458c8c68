"""What notebook 09 writes is the library's, or that of the command behind its tables; and its tables are there."""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch

from infogan_lib import Circular, LatentSpec, Noise
from infogan_lib.core.networks import NETWORKS
from infogan_lib.course import results
from infogan_lib.measure import code_maps, disturb, metrics
from infogan_lib.training import weights

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import doubts

ROOT = Path(__file__).resolve().parents[2]
CODE = [
    c for c in nbformat.read(ROOT / "notebooks" / "09_measuring.ipynb", as_version=4).cells if c.cell_type == "code"
]


@pytest.fixture(scope="module")
def notebook():
    """What the setup cell and the tagged cells define."""
    names = {"__name__": "notebook"}
    benchmark = NETWORKS["clock"]
    tags = {"same-as-library", "same-as-benchmark"}
    for cell in [CODE[0], *(c for c in CODE if tags & set(c.metadata.get("tags", [])))]:
        exec(cell.source, names)
    NETWORKS["clock"] = benchmark
    return names


def test_the_matching_is_the_librarys(notebook):
    g = torch.Generator().manual_seed(0)
    for shape in ((10, 10), (20, 10), (5, 10)):
        counts = torch.randint(100, shape, generator=g)
        assert torch.equal(notebook["match"](counts), metrics.match(counts))


def test_the_information_map_is_the_librarys(notebook):
    g = torch.Generator().manual_seed(0)
    codes = {"k": torch.randint(4, (500,), generator=g), "c": torch.rand(500, generator=g)}
    factors = {"f": codes["c"] + 0.1 * codes["k"], "g": codes["k"] % 2}
    for ours, theirs in zip(
        notebook["information_map"](codes, factors, 7), code_maps.information_map(codes, factors, 7)
    ):
        assert torch.equal(ours, theirs)


def test_the_clock_is_that_of_the_logs(notebook):
    angles = Circular("turn").sample(50, torch.Generator().manual_seed(0))
    assert torch.equal(notebook["hands"](angles), doubts.hands(angles))
    assert torch.allclose(doubts.direction(doubts.hands(angles)), angles, atol=0.05)
    assert notebook["TURNS"] == doubts.TURNS
    spec = LatentSpec(Noise(4), [doubts.TURNS["circular"]])
    ours, theirs = notebook["clock"](spec), doubts.clock(spec)
    assert repr(ours.generator) == repr(theirs.generator) and repr(ours.trunk()) == repr(theirs.trunk())
    assert (ours.features, ours.q_hidden, ours.image_shape) == (theirs.features, theirs.q_hidden, theirs.image_shape)


def test_the_hidden_code_is_that_of_the_logs_and_is_hidden(notebook):
    control = weights.load("mnist-control")
    ours, theirs = notebook["Hidden"](control), doubts.Hidden(control)
    latent = ours.spec.sample(30, torch.Generator().manual_seed(0))
    assert torch.equal(ours.generate(latent), theirs.generate(latent))
    posterior = [model.read(ours.generate(latent))["digit"].logits for model in (ours, theirs)]
    assert torch.equal(*posterior)
    noise = latent.noise[:1].expand(10, -1)
    shown = ours.generate(ours.spec.encode(noise, digit=torch.arange(10)))
    assert (shown - shown.mean(0)).abs().max() < 0.11
    assert metrics.measure_nats(ours, 300)["digit"]["mean"] > 2.2
    assert abs(metrics.measure_nats(disturb.Disturbed(ours, "blur", 1.0), 300)["digit"]["mean"]) < 0.05


def test_the_commands_make_their_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    quick = replace(doubts.WHOLE, recipe=replace(doubts.WHOLE.recipe, batch=8))
    monkeypatch.setattr(doubts, "WHOLE", quick)
    for doubt, steps in (("circular", "2"), ("early", "20")):
        command = ["doubts.py", doubt, "--seeds", "100", "--steps", steps, "--runs", str(tmp_path / "runs")]
        monkeypatch.setattr(sys, "argv", command)
        if doubt == "early":
            monkeypatch.setattr(doubts.data, "mnist", few_digits(doubts.data.mnist))
        doubts.main()
    rows = results.read("doubts_circular")
    assert [r["code"] for r in rows] == ["linear", "circular"] and all(len(r["read"].split()) == 72 for r in rows)
    assert [r["step"] for r in results.read("doubts_early")] == ["1", "20"]


def few_digits(mnist):
    def small(split):
        whole = mnist(split)
        return type(whole)(whole.images[:300], whole.labels[:300], whole.name)

    return small


@pytest.mark.parametrize("path", sorted((ROOT / "data" / "results").glob("doubts_*.csv")), ids=lambda p: p.stem)
def test_every_row_says_where_it_comes_from(path):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parsed = {row["command"].split()[2] for row in rows}
    assert rows and parsed <= set(doubts.COMMANDS)
    for row in rows:
        assert row["commit"] and all(int(seed) >= 100 for seed in row["seed"].split())
