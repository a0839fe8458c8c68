"""What notebook 10 rests on: its plain game is the benchmark's, its tables are there, and so is its model."""

import sys
from pathlib import Path

import nbformat
import pytest

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.data import faces
from infogan_lib.data.faces import SCORED
from infogan_lib.data.faces.dataset import SPLITS
from infogan_lib.measure import pairing
from infogan_lib.measure.code_maps import codes_read
from infogan_lib.training import presets, weights

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import faces as benchmark

ROOT = Path(__file__).resolve().parents[2]
CELLS = nbformat.read(ROOT / "notebooks" / "10_faces.ipynb", as_version=4).cells
CODE = [cell.source for cell in CELLS if cell.cell_type == "code"]


def test_the_plain_game_is_that_of_the_table():
    line = next(line for source in CODE for line in source.splitlines() if line.startswith("bare = {"))
    names = {}
    exec(line, names)
    assert names["bare"] == benchmark.PLAIN


@pytest.mark.parametrize("variant", ["infogan", "plain", "control", "untrained"])
def test_every_seed_of_every_variant_is_in_the_table(variant):
    rows = results.read("faces_seeds", variant=variant)
    assert sorted({row["seed"] for row in rows}) == ["0", "1", "2", "3", "4"]
    assert len(rows) == 5 * (len(SCORED) + 2)


def test_the_faces_are_still_the_ones_that_were_scored():
    assert faces.fingerprint() == faces.FINGERPRINT
    n, seed = SPLITS["train"]
    few = data.face_set(50, seed)  # named like the whole split but for the number, and rendered at once
    assert weights.load("faces").manifest["data"] == few.name.replace("-n50-", f"-n{n}-")


def test_the_shipped_seed_agrees_best_with_the_others_and_reads_what_its_file_says():
    model = weights.load("faces")
    rule, scores = model.manifest["chosen_by"], model.manifest["scores"]
    best = max(rule["candidates"], key=lambda row: row["agreement"])
    assert best["seed"] == model.manifest["seed"] == weights.load("faces-control").manifest["seed"]
    some = data.face_set(700, SPLITS["tune"][1])  # few of the split: enough to tell the codes apart
    codes, factors = codes_read(model, some), {name: some.factors[name] for name in SCORED}
    pairs = pairing.pair(codes, factors)
    assert {name: pair.code for name, pair in pairs.items()} == scores["codes"]
    assert pairing.agreement(pairs, codes, factors) == pytest.approx(scores["agreement"], abs=0.03)
    (row,) = results.read("faces_seeds", variant="infogan", seed=best["seed"], factor="glasses")
    assert float(row["read"]) == pytest.approx(scores["agreement"]["glasses"], abs=0.01)


def test_the_preset_pins_codes_that_it_has():
    preset = presets.load("faces")
    assert set(preset.recipe.enter) <= set(preset.spec.names)
    assert preset.recipe.lambda_q["k3"] == 0 and preset.recipe.real_weight["k3"] == 1
    assert [code.name for code in preset.spec.codes if code.discrete] == ["k2", "k3"]
