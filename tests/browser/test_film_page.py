"""The film in a real browser: as a page of its own, without a network, and as the output of a notebook."""

import json

import pytest

from infogan_lib.show.film import FOLDER, film

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>film</title><body style="margin: 0">{film}{film}</body></html>"""
STEPS = json.loads((FOLDER / "mnist.json").read_text(encoding="utf-8"))["steps"]
LAST = len(STEPS) - 1


@pytest.fixture
def page(chromium, tmp_path):
    """page(width=1280, **options): two films on one page; what it asks for and what it complains of are faults."""
    (tmp_path / "film.html").write_text(PAGE.format(film=film().html), encoding="utf-8")
    faults, contexts = [], []

    def opened(width=1280, **options):
        context = chromium.new_context(viewport={"width": width, "height": 760}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: faults.append(f"page: {error}"))
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or faults.append(f"request: {r.url}"))
        page.goto((tmp_path / "film.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults, faults


def shown(page, film=0):
    """Which picture of the strip stands in each window, in units of one picture."""
    return page.locator(".screen img").evaluate_all(
        """images => images.map(image => {
            const [strip, window] = [image.getBoundingClientRect(), image.parentElement.getBoundingClientRect()];
            return Math.round((window.top - strip.top) / window.height);
        })"""
    )[2 * film : 2 * film + 2]


def test_it_opens_at_its_end_and_plays_from_the_start(page):
    page = page()
    bar, button = page.get_by_role("slider").first, page.get_by_role("button").first
    assert bar.input_value() == str(LAST) and shown(page) == [LAST, LAST]
    assert not page.locator("body > div > img").first.is_visible()
    page.get_by_role("combobox").first.select_option("4")
    button.click()
    page.wait_for_function("() => document.querySelector('body > div').shadowRoot.querySelector('input').value > 3")
    button.click()
    held = bar.input_value()
    assert button.inner_text() == "Play" and 3 < int(held) < LAST
    page.wait_for_timeout(600)
    assert bar.input_value() == held and shown(page) == [int(held)] * 2
    button.click()
    page.get_by_role("button", name="Play again").wait_for()
    assert shown(page) == [LAST, LAST]
    page.get_by_role("slider").first.fill("2")
    assert shown(page) == [2, 2] and shown(page, 1) == [LAST, LAST]  # the other film stands where it stood


def test_keys_move_it_and_it_says_where_it_is(page):
    page = page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.tagName") == "BUTTON"
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    bar = page.get_by_role("slider").first
    assert bar.get_attribute("aria-valuetext") == "step 1" and shown(page) == [0, 0]
    first = page.locator(".legend b").all_inner_texts()[:1]
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    assert bar.input_value() == "12" and shown(page) == [12, 12]
    assert page.locator(".legend b").all_inner_texts()[:1] != first
    outline = page.evaluate("getComputedStyle(document.activeElement.shadowRoot.activeElement).outlineStyle")
    assert outline == "solid"
    page.wait_for_timeout(400)
    line, chart = (page.locator(place).first.bounding_box() for place in (".now", ".chart"))
    assert (line["x"] - chart["x"]) / chart["width"] == pytest.approx((STEPS[12] / STEPS[-1]) ** (1 / 3), abs=0.02)


def test_who_wants_less_motion_goes_on_by_one_moment(page):
    page = page(reduced_motion="reduce")
    bar, button = page.get_by_role("slider").first, page.get_by_role("button").first
    button.click()
    page.wait_for_timeout(700)
    assert bar.input_value() == "0"
    button.click()
    page.wait_for_timeout(700)
    assert bar.input_value() == "1"
    assert not page.get_by_role("combobox").first.is_visible()
    assert page.locator(".now").first.evaluate("line => getComputedStyle(line).transitionDuration") == "0s"


CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (colour, under) => {  // relative luminance, painted over what is under it
        for (const fill of [under, colour]) { canvas.fillStyle = fill; canvas.fillRect(0, 0, 1, 1); }
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const stage = document.querySelector("body > div").shadowRoot.querySelector(".stage");
    const paper = getComputedStyle(stage).backgroundColor;
    const found = {};
    for (const part of stage.querySelectorAll("strong, span, p, b, output, button, select, path, .ceiling")) {
        const style = getComputedStyle(part);
        const own = style.backgroundColor === "rgba(0, 0, 0, 0)" ? paper : style.backgroundColor;
        const drawn = part.namespaceURI.endsWith("svg") ? style.stroke : style.color;
        const [a, b] = [light(drawn, own), light(own, paper)].sort((a, b) => b - a);
        found[`${part.localName}.${part.getAttribute("class") || ""} ${drawn} on ${own}`] = (a + 0.05) / (b + 0.05);
    }
    return found;
}"""


@pytest.mark.parametrize(("width", "color_scheme"), [(1280, "light"), (400, "dark")])
def test_it_fits_and_can_be_read(page, width, color_scheme):
    page = page(width, color_scheme=color_scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pale = {part: ratio for part, ratio in page.evaluate(CONTRAST).items() if ratio < 4.5}
    assert not pale
    left, right = (page.locator(".screen").nth(i).bounding_box() for i in range(2))
    assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"]  # side by side at any width


def test_the_still_picture_stands_in_print_and_without_scripts(page):
    still = "body > div > img"
    printed = page()
    printed.emulate_media(media="print")
    assert printed.locator(still).first.is_visible() and not printed.locator(".stage").first.is_visible()
    without = page(java_script_enabled=False)
    assert without.locator(still).first.is_visible()
    assert "L_I of the digit code" in without.locator(still).first.get_attribute("alt")


def test_it_runs_as_the_output_of_a_cell_and_jupyterlab_leaves_it_its_keys(lab, notebook):
    page = lab(notebook("from infogan_lib.show.film import film\nfilm()"))
    bar = page.get_by_role("slider", name="step of the training")
    bar.scroll_into_view_if_needed()
    bar.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert bar.input_value() == str(LAST - 3) and shown(page) == [LAST - 3, LAST - 3]
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play again").wait_for()
    assert shown(page) == [LAST, LAST]
