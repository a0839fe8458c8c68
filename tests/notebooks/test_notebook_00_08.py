"""Notebooks 00 and 08 as shipped: their exercises unanswered, their solutions right, a picture beside each widget."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2] / "notebooks"
WIDGET = r"(LatentExplorer|DrawAndRead|TrainingMonitor)\("
NAMES = ("00_start_here", "08_latent_sliders")


def code_cells(name):
    return [c for c in nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells if c.cell_type == "code"]


def texts(cell):
    return [o.get("data", {}).get("text/plain", "") for o in cell.outputs if "data" in o]


@pytest.mark.parametrize("name", NAMES)
def test_after_a_widget_comes_a_picture_for_those_who_see_none(name):
    cells = code_cells(name)
    shown = [any("image/png" in o.get("data", {}) for o in c.outputs) for c in cells]
    widgets = [i for i, c in enumerate(cells) if any(re.match(WIDGET, text) for text in texts(c))]
    assert widgets
    for i in widgets:
        assert any(shown[i + 1 : i + 5]), f"{name}: no picture soon after the widget of code cell {i}"
