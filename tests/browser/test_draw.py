"""Drawing in a real browser: mouse, finger, keys and buttons, each to a reading."""

import re

import pytest

NOTEBOOK = """\
import torch
from infogan_lib.training import weights
from infogan_lib.show.widgets.draw import DrawAndRead
torch.set_num_threads(1)
draw = DrawAndRead(weights.load("mnist"))
draw
"""
SAID = "document.querySelector('.infogan-draw .summary').textContent"
SEVEN = [(6, 7), (20, 6), (12, 24)]
ONE = [(14, 4), (13, 24)]


@pytest.fixture
def page(lab, notebook):
    page = lab(notebook(NOTEBOOK))
    page.wait_for_selector(".infogan-draw canvas")
    page.locator(".infogan-draw").scroll_into_view_if_needed()
    return page


def place(page, point):
    box = page.locator(".infogan-draw canvas").bounding_box()
    return box["x"] + box["width"] * point[0] / 28, box["y"] + box["height"] * point[1] / 28


def draw(page, points):
    page.mouse.move(*place(page, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, point), steps=8)
    page.mouse.up()


def said(page, words):
    page.wait_for_function(f"words => {SAID}.includes(words)", arg=words)


def pixels(page):
    """The canvas, what Q sees, and G's images."""
    page.wait_for_timeout(300)
    canvas = page.locator(".infogan-draw canvas").evaluate("c => c.toDataURL()")
    images = page.locator(".infogan-draw-and-read .infogan-screen img").evaluate_all(
        "async images => Promise.all(images.map(async i => Array.from(new Uint8Array("
        "await (await fetch(i.src)).arrayBuffer())).join()))"
    )
    return [canvas, *images]


def test_a_stroke_of_the_mouse_is_read(page):
    empty = pixels(page)
    assert "Draw a digit" in page.evaluate(SAID)
    draw(page, SEVEN)
    said(page, "(reads as digit 7)")
    drawn = pixels(page)
    assert all(a != b for a, b in zip(empty, drawn, strict=True))
    reading = page.locator(".infogan-draw-and-read .infogan-reading")
    assert re.search(r"Q reads digit: \d \(digit 7\) with \d+ %", reading.get_attribute("aria-label"))
    page.wait_for_function("document.querySelector('.infogan-draw .said').textContent.includes('digit 7')")

    slider = page.locator(".infogan-draw-and-read input[type=range]").first
    slider.focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    turned = pixels(page)
    assert turned[:2] == drawn[:2] and turned[2] != drawn[2]  # G's images alone
    page.get_by_role("button", name="back to Q", exact=True).click()
    assert pixels(page) == drawn

    page.get_by_role("button", name="undo", exact=True).click()
    said(page, "Draw a digit")
    assert pixels(page)[0] == empty[0]


def test_a_stroke_of_a_finger_is_read(page):
    touch = page.context.new_cdp_session(page)
    path = [(14, 4 + i) for i in range(21)]
    for i, point in enumerate(path):
        x, y = place(page, point)
        kind = "touchStart" if i == 0 else "touchMove"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    said(page, "(reads as digit 1)")


def test_the_keyboard_draws_loads_and_clears(page):
    page.locator(".infogan-draw canvas").focus()
    for key in ["ArrowUp"] * 12 + [" "] + ["ArrowDown"] * 24 + [" "]:
        page.keyboard.press(key)
    said(page, "(reads as digit 1)")
    page.keyboard.press("Delete")
    said(page, "Draw a digit")
    example = page.get_by_title("Load a handwritten 0")
    example.focus()
    page.keyboard.press("Enter")
    said(page, "(reads as digit 0)")
    before = pixels(page)
    draw(page, [(6, 22), (22, 6)])
    page.wait_for_timeout(500)
    assert pixels(page)[1] != before[1]
    page.get_by_role("button", name="clear", exact=True).click()
    said(page, "Draw a digit")


def test_the_last_point_of_a_fast_scribble_arrives(page):
    draw(page, [(4, 4), (24, 6), (4, 10), (24, 14), (4, 18), (24, 24)])
    page.wait_for_timeout(800)
    sent = page.evaluate(
        """async () => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const code = "print(draw.canvas.strokes[-1][-1], len(draw.canvas.strokes))";
            const future = kernel.requestExecute({ code });
            let text = "";
            future.onIOPub = (message) => (text += message.content.text ?? "");
            await future.done;
            return text;
        }"""
    )
    numbers = [float(n) for n in re.findall(r"[\d.]+", sent)]
    assert numbers == pytest.approx([24, 24, 1], abs=0.2)


@pytest.mark.parametrize(("width", "height", "dark"), [(1280, 720, False), (768, 1024, True)])
def test_it_fits_the_page(lab, notebook, width, height, dark):
    page = lab(notebook(NOTEBOOK), width=width, height=height, dark=dark)
    page.wait_for_selector(".infogan-draw canvas")
    draw(page, ONE)
    said(page, "(reads as digit 1)")
    area = page.locator(".jp-OutputArea-output").last.bounding_box()
    for part in page.locator(".infogan-draw canvas, .infogan-screen img, .infogan-slider").all():
        box = part.bounding_box()
        assert area["x"] <= box["x"] and box["x"] + box["width"] <= area["x"] + area["width"] + 1
