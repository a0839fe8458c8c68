"""The explorer in a real JupyterLab: every kind of control by mouse and keyboard, in the light and in the dark."""

import re
import subprocess
import sys
import time

import pytest
from conftest import free_port

SHIPPED = """
from infogan_lib.training import weights
from infogan_lib.show.widgets import LatentExplorer
explorer = LatentExplorer(weights.load("mnist"), beside=weights.load("mnist-control"), captions=["InfoGAN", "control"])
explorer
"""
ALL_KINDS = """
import torch
from infogan_lib import Bernoulli, Categorical, Circular, InfoGAN, LatentSpec, Noise, Uniform
from infogan_lib.show.widgets import LatentExplorer
codes = [Categorical("kind", 3), Uniform("c1"), Circular("turn"), Bernoulli("glasses"), Categorical("many", 12)]
model = InfoGAN("mnist", LatentSpec(Noise(8), codes))
with torch.no_grad():  # untrained, but loud enough that every code shows
    for p in model.generator.parameters():
        p *= 8
explorer = LatentExplorer(model, noise_sliders=(3,))
explorer
"""
PIXELS = """() => [...document.querySelectorAll(".infogan-screen img")].map(img => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
    canvas.getContext("2d").drawImage(img, 0, 0);
    return canvas.toDataURL();
}).join()"""


def pixels(page):
    page.wait_for_function(
        "[...document.querySelectorAll('.infogan-screen img')].every(i => i.complete && i.naturalWidth)"
    )
    return page.evaluate(PIXELS)


def reading(page):
    return page.locator(".infogan-reading").first.get_attribute("aria-label")


def moves(page, act, *, reads=True):
    """Do it, and wait until other pixels, and another reading, are up."""
    before, read = pixels(page), reading(page)
    act()
    page.wait_for_function(f"before => ({PIXELS})() !== before", arg=before)
    if reads:
        page.wait_for_function("old => document.querySelector('.infogan-reading').ariaLabel !== old", arg=read)


def settled(page):
    """Nothing is moving any more: the pixels after a pause."""
    before = None
    while before != (now := pixels(page)):
        before = now
        page.wait_for_timeout(700)
    return now


def shown(page, name):
    """The number written beside a slider."""
    return float(page.locator(".infogan-slider", has_text=name).locator("output").inner_text())


def drag(page, locator, *shares):
    """Press at the first share of an element's width, and pull to the others."""
    box = locator.bounding_box()
    for i, share in enumerate(shares):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps=4)
        if i == 0:
            page.mouse.down()
    page.mouse.up()


def test_every_kind_of_control_by_mouse_and_keyboard(lab, notebook):
    page = lab(notebook(ALL_KINDS))
    kind = page.get_by_role("radiogroup", name="kind")
    moves(page, lambda: kind.get_by_role("radio", name="2").click())
    assert "set to 2" in reading(page)
    moves(page, lambda: page.keyboard.press("ArrowRight"))  # round the end
    assert "kind" in reading(page) and re.search(r"kind: .*?set to 0", reading(page))
    assert kind.get_by_role("radio", checked=True).inner_text() == "0"

    for name, ends in (("c1", 2), ("z3", 3)):
        slider = page.get_by_role("slider", name=name)
        moves(page, lambda slider=slider: drag(page, slider, 0.5, 0.7, 0.99), reads=name == "c1")
        settled(page)
        assert shown(page, name) == ends
        moves(page, lambda slider=slider: slider.press("ArrowLeft"), reads=name == "c1")
        assert ends - 0.2 < shown(page, name) < ends
        page.touchscreen.tap(*middle(slider))
        page.wait_for_function(f"document.querySelector('[aria-label={name}]').ariaValueText.startsWith('0.0')")
    assert "beyond the trained range" in page.get_by_role("slider", name="c1").evaluate(
        "slider => { slider.value = 2; slider.dispatchEvent(new Event('input')); return slider.ariaValueText; }"
    )

    dial = page.get_by_role("slider", name="turn")
    moves(page, lambda: drag(page, dial, 0.9, 0.5, 0.1))
    assert abs(int(dial.get_attribute("aria-valuenow"))) > 150
    moves(page, lambda: dial.press("Home"))
    assert dial.get_attribute("aria-valuenow") == "0"
    moves(page, lambda: dial.press("PageUp"))
    assert "set to 30 degrees" in reading(page)

    moves(page, lambda: page.get_by_role("radio", name="yes").click())
    moves(page, lambda: page.get_by_role("radio", name="yes").press("ArrowLeft"))
    moves(page, lambda: page.get_by_role("combobox", name="many").select_option("7"))
    moves(page, lambda: page.get_by_role("combobox", name="many").press("ArrowDown"))
    assert "set to 8" in reading(page)

    noise = page.get_by_role("spinbutton", name="noise seed")
    first = settled(page)
    moves(page, lambda: page.get_by_role("button", name="new noise").press("Enter"))
    moves(page, lambda: page.get_by_role("button", name="new noise").press("Space"))
    assert noise.input_value() == "2"
    noise.fill("0")
    noise.press("Enter")
    assert settled(page) == first


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


FLURRY = """async n => {
    let pictures = 0;
    document.querySelector(".jp-OutputArea").addEventListener("load", () => pictures++, true);
    const slider = document.querySelector(".infogan-slider input");
    for (let i = 1; i <= n; i++) {
        slider.value = -2 + 3.5 * i / n;
        slider.dispatchEvent(new Event("input"));
    }
    const read = () => document.querySelector(".infogan-reading").ariaLabel;
    while (!read().includes("c1: ") || !read().includes("set to 1.50")) await new Promise(done => setTimeout(done, 20));
    await new Promise(done => setTimeout(done, 1500));
    return [pictures, read()];
}"""


def test_while_the_hand_moves_one_frame_is_under_way_and_the_newest_value_wins(lab, notebook):
    page = lab(notebook(SHIPPED.replace(', beside=weights.load("mnist-control"), captions=["InfoGAN", "control"]', "")))
    pictures, read = page.evaluate(FLURRY, 300)
    assert 1 <= pictures <= 5 and "set to 1.50" in read and shown(page, "c1") == 1.5


def test_views_play_save_and_errors(lab, notebook, server):
    page = lab(notebook(SHIPPED))
    assert page.locator("figcaption").all_inner_texts() == ["InfoGAN", "control"]
    assert page.locator(".infogan-reading").count() == 2
    for view in ("grid", "rows"):
        moves(page, lambda view=view: page.get_by_role("radio", name=view).click(), reads=False)
        page.wait_for_function("document.querySelectorAll('.infogan-screen .across span').length === 20")
        alt = page.locator(".infogan-screen img").first.get_attribute("alt")
        assert alt.startswith("Generated images, digit going across") and "c1 0.0" in alt
    moves(page, lambda: page.get_by_role("combobox", name="across").select_option("c1"), reads=False)
    moves(page, lambda: drag(page, page.get_by_role("slider", name="c1"), 0.5, 0.55))
    page.get_by_role("radio", name="one").click()
    settled(page)

    page.get_by_role("button", name="play").click()
    seen = set()
    for _ in range(20):
        page.wait_for_timeout(150)
        seen.add(pixels(page))
    assert len(seen) > 5
    page.get_by_role("button", name="stop").click()
    still = settled(page)
    page.wait_for_timeout(500)
    assert pixels(page) == still

    moves(page, lambda: page.get_by_role("button", name="reset").click())
    assert shown(page, "c1") == 0
    for kind in ("PNG", "GIF"):
        page.get_by_role("button", name=f"save {kind}").click()
        name = f"latent-001.{kind.lower()}"
        link = page.get_by_role("link", name=name)
        with page.expect_download() as download:
            link.click()
        assert download.value.path().read_bytes() == (server.folder / name).read_bytes()


def test_an_error_in_a_callback_is_read_out(lab, notebook):
    page = lab(notebook(ALL_KINDS, "with torch.no_grad():\n    model.q_head[-1].bias.fill_(float('nan'))"))
    page.get_by_role("radio", name="yes").click()
    assert "not a number" in page.get_by_role("alert").inner_text()


CONTRAST = """selector => {
    const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = text => rgb(text).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const under = e => {
        const colour = getComputedStyle(e).backgroundColor;
        return rgb(colour).length === 3 && !/, 0\\)$/.test(colour) ? colour : under(e.parentElement);
    };
    return [...document.querySelectorAll(selector)].filter(e => e.textContent.trim()).map(e => {
        const ink = getComputedStyle(e);
        const [a, b] = [light(e.closest("svg") ? ink.fill : ink.color), light(under(e))].sort((x, y) => y - x);
        return (a + .05) / (b + .05);
    });
}"""


@pytest.mark.parametrize("width, height, dark", [(1280, 720, False), (1280, 720, True), (768, 1024, True)])
def test_it_is_readable_and_fits(lab, notebook, tmp_path, width, height, dark):
    page = lab(notebook(SHIPPED), width=width, height=height, dark=dark)
    pixels(page)
    text = ".infogan-control .name, .infogan-control output, .infogan-control button, .infogan-reading text, figcaption"
    assert min(page.evaluate(CONTRAST, text)) >= 3  # of 1 to 21; large or bold text may go down to 3
    assert min(page.evaluate(CONTRAST, ".infogan-control .name, .infogan-reading tspan")) >= 7
    for view in ("rows", "grid", "one"):
        moves(page, lambda view=view: page.get_by_role("radio", name=view).click(), reads=False)
        area = page.locator(".jp-OutputArea-output").first.bounding_box()
        for part in page.locator(".infogan-screen img, .infogan-reading, .infogan-control, .infogan-bar button").all():
            if part.is_visible():
                box = part.bounding_box()
                assert area["x"] - 1 <= box["x"] and box["x"] + box["width"] <= area["x"] + area["width"] + 1
        page.screenshot(path=tmp_path / f"{view}.png")
    if width == 1280:  # both models and all controls at once
        page.locator(".infogan-message").scroll_into_view_if_needed()
        assert page.get_by_role("radiogroup", name="digit").is_visible()
        top, bottom = page.get_by_role("radiogroup", name="digit"), page.get_by_role("button", name="save GIF")
        assert bottom.bounding_box()["y"] + 30 - top.bounding_box()["y"] < 560


def test_voila_shows_it_as_a_page_of_its_own(chromium, notebook, tmp_path):
    path, port = notebook(SHIPPED), free_port()
    command = [sys.executable, "-m", "voila", str(path), "--no-browser", f"--port={port}"]
    with (tmp_path / "voila.log").open("w") as log:
        voila = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    try:
        page = context.new_page()
        for _ in range(60):
            try:
                page.goto(f"http://127.0.0.1:{port}", timeout=60_000)
                break
            except Exception:
                assert voila.poll() is None, (tmp_path / "voila.log").read_text()
                time.sleep(1)
        page.wait_for_selector(".infogan-screen img", timeout=60_000)
        page.wait_for_timeout(1000)
        moves(page, lambda: page.get_by_role("slider", name="c1").press("ArrowRight"))
        moves(page, lambda: page.get_by_role("radio", name="4").click())
        assert "set to 4" in reading(page) and "set to 0.05" in reading(page)
    finally:
        context.close()
        voila.terminate()
        voila.wait(20)
