"""Notebooks 00, 03, 08 and 12 as a reader meets them: run from top to bottom in a browser, then their widgets used."""

from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PICTURES = "n => [...document.querySelectorAll('.infogan-screen img')].slice(0, n).map(img => img.src).join()"
ALL = "() => [...document.querySelectorAll('.infogan-screen img')].map(img => img.src).join()"


def changes(page, act, n=2):
    """Do it, and wait until the first n pictures on the page are others."""
    before = page.evaluate(PICTURES, n)
    act()
    page.wait_for_function(f"([n, before]) => ({PICTURES})(n) !== before", arg=[n, before])


def test_00_has_two_models_under_one_set_of_knobs(lab):
    page = lab(NOTEBOOKS / "00_start_here.ipynb")
    knob = page.get_by_role("radiogroup", name="p").first
    changes(page, lambda: knob.get_by_role("radio", name="7").click())
    changes(page, lambda: page.get_by_role("slider", name="q").first.press("Home"))
    changes(page, lambda: page.get_by_role("button", name="new noise").first.press("Enter"))
    read = [r.get_attribute("aria-label") for r in page.locator(".infogan-reading").all()[:2]]
    assert all("p: " in words and "set to 7" in words for words in read)  # A's and B's


def test_03_each_number_of_the_noise_has_a_slider(lab):
    page = lab(NOTEBOOKS / "03_entangled_noise.ipynb")
    for name in ("z0", "z7"):
        changes(page, lambda name=name: page.get_by_role("slider", name=name, exact=True).first.press("End"), 1)
    changes(page, lambda: page.get_by_role("button", name="new noise").first.press("Enter"), 1)


def test_12_the_codes_chosen_there_are_knobs(lab):
    page = lab(NOTEBOOKS / "12_your_own_data.ipynb")
    page.locator(".infogan-screen img").last.scroll_into_view_if_needed()
    kind = page.get_by_role("radiogroup", name="kind").first
    before = page.evaluate(ALL)
    kind.get_by_role("radio", name="5").click()
    page.wait_for_function(f"before => ({ALL})() !== before", arg=before)
    before = page.evaluate(ALL)
    page.get_by_role("slider", name="c1").first.press("End")
    page.wait_for_function(f"before => ({ALL})() !== before", arg=before)


def test_08_knobs_pad_and_training_answer(lab):
    page = lab(NOTEBOOKS / "08_latent_sliders.ipynb")
    changes(page, lambda: page.get_by_role("radiogroup", name="digit").first.get_by_role("radio", name="4").click(), 1)
    assert "set to 4" in page.locator(".infogan-reading").first.get_attribute("aria-label")

    pad = page.locator(".infogan-draw-and-read")
    pad.get_by_role("button", name="3", exact=True).click()
    pad.get_by_text("reads as digit 3").first.wait_for()

    # The notebook's own cells have left a run paused; its buttons take it on.
    said = page.locator(".infogan-curves .said")
    assert said.inner_text().startswith("paused")
    young = page.locator(".infogan-screen img").last
    before = young.get_attribute("src")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function("() => document.querySelector('.infogan-curves .said').textContent.startsWith('running')")
    page.wait_for_function(
        "old => [...document.querySelectorAll('.infogan-screen img')].at(-1).src !== old", arg=before, timeout=60_000
    )
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_function("() => document.querySelector('.infogan-curves .said').textContent.startsWith('paused')")
