"""A training in a real browser: started, paused, stepped and resumed by its buttons, while an explorer follows."""

import re

import pytest

NOTEBOOK = """\
import torch
from infogan_lib import Training
from infogan_lib.training import presets
from infogan_lib.show.widgets.explorer import LatentExplorer
from infogan_lib.show.widgets.monitor import TrainingMonitor
torch.set_num_threads(1)
preset = presets.load("mnist")
run = Training(preset.build(), preset.data("train"), preset.recipe, seed=100)
monitor = TrainingMonitor(run)
monitor
"""
EXPLORER = """\
explorer = LatentExplorer(monitor.snapshot())
def refresh(model):
    explorer.model = model
monitor.on_snapshot(refresh)
explorer
"""
STATUS = "document.querySelector('.infogan-curves .status').textContent"


@pytest.fixture
def page(lab, notebook):
    page = lab(notebook(NOTEBOOK, EXPLORER))
    page.wait_for_selector(".infogan-curves .status:not(:empty)")
    return page


def step(page):
    return int(re.search(r"step (\d+) of 3200", page.evaluate(STATUS)).group(1))


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def reach(page, number):
    page.wait_for_function(f"n => Number({STATUS}.match(/step (\\d+)/)[1]) >= n", arg=number, timeout=120_000)


def says(page, words):
    page.wait_for_function(
        "words => document.querySelector('.infogan-curves .said').textContent.startsWith(words)", arg=words
    )


def test_start_pause_step_and_resume(page):
    assert step(page) == 0
    press(page, "Start")
    reach(page, 4)
    says(page, "running")
    press(page, "Pause")
    says(page, "paused at step")
    held = step(page)
    page.wait_for_timeout(2500)
    assert step(page) == held  # frozen
    press(page, "Step")
    says(page, f"paused at step {held + 1}")
    alt = page.locator(".infogan-curves svg[role=img]").first.get_attribute("aria-label")
    assert re.search(rf"At step {held + 1}: digit -?\d\.\d\d; c1 .*digit: at most 2\.30", alt)
    start = page.get_by_role("button", name="Start", exact=True)
    start.focus()
    page.keyboard.press("Enter")
    reach(page, held + 4)
    press(page, "Stop")
    says(page, "stopped at step")


def test_the_explorer_answers_while_training_runs(page):
    images = page.locator(".infogan-screen img")
    explorer = images.last
    first = explorer.get_attribute("src")
    press(page, "Start")
    page.wait_for_function("([i, old]) => i.src !== old", arg=[explorer.element_handle(), first], timeout=60_000)
    output = page.locator(".infogan-slider output").first
    page.locator("input[type=range]").first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert output.text_content() == "0.20"
    press(page, "Pause")
    says(page, "paused at step")
    assert output.text_content() == "0.20"  # snapshots leave the controls alone
    before = images.first.get_attribute("src")
    press(page, "Start")
    page.wait_for_function("([i, old]) => i.src !== old", arg=[images.first.element_handle(), before], timeout=60_000)
    press(page, "Stop")
    says(page, "stopped at step")


@pytest.mark.parametrize(("width", "height", "dark"), [(1280, 720, False), (768, 1024, True)])
def test_it_fits_the_page(lab, notebook, width, height, dark):
    page = lab(notebook(NOTEBOOK), width=width, height=height, dark=dark)
    press(page, "Step")
    says(page, "paused at step 1")
    area = page.locator(".jp-OutputArea-output").last.bounding_box()
    for part in page.locator(".infogan-curves figure, .infogan-screen img, .infogan-bar button").all():
        box = part.bounding_box()
        assert area["x"] <= box["x"] and box["x"] + box["width"] <= area["x"] + area["width"] + 1
    ink, paper = page.locator(".infogan-curves text").first.evaluate(
        """text => {
            const sum = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
            const body = getComputedStyle(document.querySelector(".jp-NotebookPanel"));
            return [sum(getComputedStyle(text).fill), sum(body.backgroundColor)];
        }"""
    )
    assert abs(ink - paper) > 300
