"""What notebook 11 writes is the library's, and its patients, mends and quiz say what is true."""

import math
from pathlib import Path

import nbformat
import pytest
import torch

from infogan_lib.core import steps
from infogan_lib.course.clinic import patient as clinic
from infogan_lib.course.clinic.ward import DIAGNOSES, WARD
from infogan_lib.course.exercises.nb11 import CASES

ROOT = Path(__file__).resolve().parents[2]
CELLS = nbformat.read(ROOT / "notebooks" / "11_bug_clinic.ipynb", as_version=4).cells
CODE = [cell for cell in CELLS if cell.cell_type == "code"]
TEXT = "\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def notebook():
    """What the setup cell and the tagged cells define."""
    names = {"__name__": "notebook"}
    for cell in [CODE[0], *(c for c in CODE if "same-as-library" in c.metadata.get("tags", []))]:
        exec(cell.source, names)
    return names


def test_the_losses_are_the_librarys(notebook):
    patient = clinic.Patient(seed=6)
    for _ in range(3):
        patient.step()
    real, latent = patient.real(), patient.latent()
    fake = patient.model.generator(latent.input)
    model, recipe = patient.model, clinic.RECIPE
    assert torch.allclose(
        notebook["d_loss"](model, real, fake, latent), steps.d_loss(model, recipe, real, fake, latent)[0]
    )
    assert torch.allclose(notebook["g_loss"](model, fake, latent), steps.g_loss(model, recipe, fake, latent)[0])


def losses(kind):
    """Of three steps, at an age when all faults are at work."""
    patient = kind(seed=7)
    patient.steps = 300
    return [float(loss) for _ in range(3) for loss in patient.step()]


def test_the_mends_in_the_cells_heal(notebook):
    wanted = losses(clinic.Patient)
    cells = [cell.source for cell in CODE if "class Mended" in cell.source]
    assert len(cells) >= 4
    for source in cells:
        start = source.index("class Mended")
        body = source[start:].split("\n\n\n")[0]
        exec(body, notebook)
        assert losses(notebook["Mended"]) == pytest.approx(wanted, abs=1e-4), body
        assert losses(notebook["Mended"].__base__) != pytest.approx(wanted, abs=1e-3), body


def test_every_patient_is_seen_asked_for_and_opened_in_this_order():
    code = "\n".join(cell.source for cell in CODE)
    for id, (name, *_) in CASES.items():
        admitted, asked, opened = (
            code.index(text) for text in (f'admit("{name}"', f'check("{id}"', f'open_up("{name}")')
        )
        assert admitted < asked < opened
        assert f"**{name}.**" in TEXT or name in ("Dov", "Eva", "Finn")


def test_no_name_of_a_fault_is_in_the_notebook_before_it_is_opened():
    for fault in WARD.values():
        assert fault.__name__ not in TEXT + "\n".join(cell.source for cell in CODE)


def test_the_list_of_diagnoses_is_printed_whole():
    printed = "".join(output.get("text", "") for cell in CODE for output in cell.outputs)
    assert all(cause in printed for cause in DIAGNOSES)


def test_the_quiz_has_its_number():
    assert f"{math.log(4) + 1 - math.log(math.e + 3):.2f}" in TEXT
