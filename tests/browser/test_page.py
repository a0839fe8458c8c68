"""Every part of the page in a real Chromium, with the network cut: turned, drawn on, played, saved and broken."""

import base64
import functools
import http.server
import json
import math
import struct
import threading

import pytest
import safetensors.torch
import torch
from paging import until, with_its_weights
from PIL import Image

from infogan_lib.show import page as pages
from infogan_lib.show.page.packing import packed
from infogan_lib.training import weights

VALUES = "infogan.knobs.state.values"
READY = "html[data-ready]"


@pytest.fixture
def page(opened):
    return opened()


SEVEN = [(6, 7), (20, 6), (12, 24)]


def place(page, point):
    box = page.locator(".pad").bounding_box()
    return box["x"] + box["width"] * point[0] / 28, box["y"] + box["height"] * point[1] / 28


def by_mouse(page):
    page.mouse.move(*place(page, SEVEN[0]))
    page.mouse.down()
    for point in SEVEN[1:]:
        page.mouse.move(*place(page, point), steps=8)
    page.mouse.up()


def by_touch(page):
    session = page.context.new_cdp_session(page)
    for kind, point in (("touchStart", SEVEN[0]), ("touchMove", SEVEN[1]), ("touchMove", SEVEN[2]), ("touchEnd", None)):
        spots = [dict(zip("xy", place(page, point), strict=True))] if point else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})


def by_keys(page):
    page.focus(".pad")
    for key, times in (("ArrowLeft", 11), ("ArrowUp", 10), (" ", 1), ("ArrowRight", 20), (" ", 1)):
        for _ in range(times):
            page.keyboard.press(key)
    page.keyboard.press(" ")
    for _ in range(24):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowLeft")


@pytest.mark.parametrize("hand", [by_mouse, by_touch, by_keys])
def test_a_seven_is_drawn_and_read(opened, hand):
    page = opened("#part=draw", has_touch=True)
    page.locator(".pad").scroll_into_view_if_needed()
    hand(page)
    page.wait_for_selector(".verdict:has-text('a 7')")
    until(page, "document.querySelector('.relatives canvas').width === 289")
    page.click("text=Undo")
    page.click("text=Clear")
    page.wait_for_selector(".verdict:has-text('Draw a digit')")


def test_the_relatives_of_a_drawing_follow_the_sliders(page):
    page.click("#tab-draw")
    page.click("[aria-label^='Load a handwritten 3']")
    page.wait_for_selector(".verdict:has-text('a 3')")
    first = page.evaluate("infogan.reading.c1.mean")
    slider = page.locator("#draw input[type=range]").first
    assert float(slider.input_value()) == pytest.approx(min(max(first, -2), 2), abs=0.011)
    before = page.evaluate("document.querySelectorAll('.seen')[1].toDataURL()")
    slider.fill("1.8")
    until(page, "was => document.querySelectorAll('.seen')[1].toDataURL() !== was", arg=before)
    page.click("text=Back to Q")
    until(page, "was => document.querySelectorAll('.seen')[1].toDataURL() === was", arg=before)


# -- knobs ---------------------------------------------------------------------------------------


def large(page, index=0):
    return page.evaluate("i => document.querySelectorAll('.large')[i].toDataURL()", index)


def set_slider(page, index, value):
    page.locator("#knobs input[type=range]").nth(index).fill(str(value))


def test_a_link_carries_the_knobs(opened):
    page = opened("#digit=3&c1=1.7&noise=7")
    assert page.evaluate(VALUES) == {"digit": 3, "c1": 1.7, "c2": 0}
    assert page.get_attribute("[role=radio][aria-checked=true]", "aria-label").startswith("digit 3")
    set_slider(page, 1, -1.2)
    until(page, "location.hash.includes('c2=-1.2')")
    same = opened(page.evaluate("location.hash"))
    same.wait_for_timeout(500)
    page.wait_for_timeout(500)
    assert same.evaluate(VALUES) == page.evaluate(VALUES) and large(same) == large(page)
    page.evaluate("location.hash = '#digit=5&c1=9'")  # a link that goes too far stops at the end
    until(page, f"{VALUES}.digit === 5")
    assert page.evaluate(VALUES) == {"digit": 5, "c1": 2, "c2": 0}


def test_a_broken_link_leaves_the_knobs_in_the_middle(opened):
    page = opened("#digit=77&c1=x&noise=-3&layout=heap&part=none&model=nobody")
    assert page.evaluate(VALUES) == {"digit": 0, "c1": 0, "c2": 0}
    for fragment in ("#%&=&&", "#c1=%3Cb%3E", "#digit=1e-9&c2=NaN"):
        page.evaluate("location.hash = '#digit=4&c1=1'")
        until(page, f"{VALUES}.digit === 4")
        page.evaluate("fragment => (location.hash = fragment)", fragment)
        until(page, f"{VALUES}.digit === 0")
        assert page.evaluate(VALUES) == {"digit": 0, "c1": 0, "c2": 0}


def test_knobs_move_the_pictures_and_q_reads_them(page):
    before, control = large(page), large(page, 1)
    page.click("[aria-label^='digit 4']")
    until(page, "was => document.querySelectorAll('.large')[0].toDataURL() !== was", arg=before)
    page.wait_for_selector(".q .bars li:nth-child(5).set.top")
    assert large(page, 1) != control  # the same knobs turn the control
    set_slider(page, 0, 1.5)
    page.wait_for_selector(".q svg .mark[d^=M]", state="attached")
    assert page.locator("#knobs output.outside").count() == 1  # beyond what training saw
    moved = large(page)
    page.click(".noise")
    until(page, "was => document.querySelectorAll('.large')[0].toDataURL() !== was", arg=moved)
    page.click(".reset")
    until(page, f"{VALUES}.c1 === 0 && {VALUES}.digit === 0")


def test_a_click_in_a_sheet_sets_its_knobs(page):
    for layout, columns, rows in (("row", 10, 1), ("rows", 10, 5), ("grid", 10, 10)):
        page.click(f"[data-layout={layout}]")
        until(page, "rows => document.querySelector('#knobs .sheet canvas').height === 29 * rows - 1", arg=rows)
        canvas = page.locator("#knobs .sheet canvas").first
        box = canvas.bounding_box()
        canvas.click(position={"x": box["width"] * 9.5 / columns, "y": box["height"] * 0.5 / rows})
        until(page, f"{VALUES}.c1 === 2")
        assert page.evaluate(VALUES)["c2"] == (-2 if layout == "grid" else 0)
        page.click(".reset")


def test_everything_is_reached_by_keys(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("[role=radio][aria-checked=true]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(VALUES)["digit"] == 2
    page.keyboard.press("9")
    assert page.evaluate(VALUES)["digit"] == 9
    page.locator("#knobs input[type=range]").first.focus()
    page.keyboard.press("End")
    assert page.evaluate(VALUES)["c1"] == 2
    page.focus("#tab-knobs")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#draw") and not page.is_visible("#knobs")
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
        )
    assert {"Undo", "Clear", "New noise", "Back to Q"} <= seen and any(
        name.startswith("A square to draw") for name in seen
    )


def test_every_control_and_picture_has_a_name(page):
    for part in ("knobs", "draw"):
        page.click(f"#tab-{part}")
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('button, input, select, [role=img], [role=application]')].filter(e =>
                !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"""
        )
        assert nameless == []
        assert page.locator("canvas:not([role]):not([aria-hidden]):not([aria-hidden] *)").count() == 0


def test_a_knob_plays_until_a_hand_or_the_button_stops_it(page):
    page.click("[aria-label='Play c1']")
    until(page, f"{VALUES}.c1 > 1")
    until(page, f"{VALUES}.c1 < -1")
    page.click("[aria-label='Play c1']")
    stopped = page.evaluate(VALUES)["c1"]
    page.wait_for_timeout(300)
    assert page.evaluate(VALUES)["c1"] == stopped
    page.click("[aria-label='Play digit']")
    until(page, f"{VALUES}.digit === 3")
    set_slider(page, 1, 0.5)
    assert page.get_attribute("[aria-label='Play digit']", "aria-pressed") == "false"


def test_a_picture_and_an_animation_are_saved(page, shown_models):
    with page.expect_download() as waiting:
        page.click("text=Save picture")
    assert Image.open(waiting.value.path()).format == "PNG" and "c1=0" in waiting.value.suggested_filename
    with page.expect_download() as waiting:
        page.click("text=Save GIF")
    animation = Image.open(waiting.value.path())
    assert (animation.format, animation.n_frames, animation.size) == ("GIF", 40, (2 * 196 + 8, 196))
    # Its frames are what G makes of c1 going to and fro.
    z = torch.tensor(page.evaluate("(() => { const k = infogan.knobs; return k.noise(); })()"))[None]
    for i in (0, 7, 20, 33):
        animation.seek(i)
        model = with_its_weights(shown_models["mnist"], packed(shown_models["mnist"]))
        wanted = model.generate(model.spec.encode(z, digit=0, c1=-2 * math.cos(2 * math.pi * i / 40), c2=0.0))
        frame = torch.tensor(
            list(animation.convert("L").crop((0, 0, 196, 196)).resize((28, 28), Image.NEAREST).getdata())
        )
        assert (frame - 127.5 * (wanted.flatten() + 1)).abs().max() <= 3  # the palette has 128 greys


# -- files that are none -------------------------------------------------------------------------


def header(manifest, **tensors):
    fields = {"__metadata__": {"manifest": manifest if isinstance(manifest, str) else json.dumps(manifest)}, **tensors}
    text = json.dumps(fields).encode()
    return struct.pack("<Q", len(text)) + text


def foreign_files():
    whole = (weights.FOLDER / "faces.safetensors").read_bytes()
    length = struct.unpack("<Q", whole[:8])[0]
    manifest = json.loads(json.loads(whole[8 : 8 + length])["__metadata__"]["manifest"])
    codes = manifest["spec"]["codes"]
    yield "empty", b"", "no .safetensors file"
    yield "text", b"hello, this is some text", "no .safetensors file"
    yield "cut", whole[:100_000], "cut short"
    yield "endless", struct.pack("<Q", 2**63) + whole[8:], "no .safetensors file"
    yield "no manifest", safetensors.torch.save({"a": torch.zeros(3)}), "carries no manifest"
    yield "another format", (weights.FOLDER / "mnist_judge.safetensors").read_bytes(), "no model of this course"
    yield "a checkpoint", header({"cursor": 3}), "training checkpoint"
    yield "unknown network", header({**manifest, "network": "constructor"}), "its network, constructor"
    yield "no codes", header({**manifest, "spec": {"noise": {"size": 3}}}), "no codes that this page knows"
    odd = {**manifest, "recipe": {}, "spec": {**manifest["spec"], "codes": [{**codes[0], "view": "toString"}]}}
    yield "unknown view", header(odd), "its view, toString"
    yield "no tensors", header(manifest), "missing"
    fewer = {**manifest, "spec": {**manifest["spec"], "codes": codes[:-1]}}
    tensors = safetensors.torch.load(whole)
    yield (
        "other codes",
        safetensors.torch.save(tensors, {"manifest": json.dumps(fewer)}),
        "does not fit its own description",
    )
    tensors["generator.0.weight"][0, 0] = math.nan
    yield "not finite", safetensors.torch.save(tensors, {"manifest": json.dumps(manifest)}), "not finite"


DROP = """([name, base64]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name));
    for (const kind of ['dragover', 'drop'])
        window.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


def test_a_foreign_or_damaged_file_gets_one_line_and_changes_nothing(opened):
    page = opened("#digit=3&c1=1.7")
    before = (page.evaluate(VALUES), large(page), page.evaluate("[...infogan.models.keys()]"))
    for name, content, said in foreign_files():
        page.evaluate("document.querySelector('.notice').hidden = true")
        page.evaluate(DROP, [f"{name}.safetensors", base64.b64encode(content).decode()])
        page.wait_for_selector(".notice.wrong", state="visible")
        line = page.inner_text(".notice p")
        assert line.startswith(f"{name}.safetensors was not opened: ") and said in line and len(line) < 300, line
        assert not page.is_visible(".drop")
    set_slider(page, 1, 0.0)
    page.wait_for_timeout(300)
    assert (page.evaluate(VALUES), large(page), page.evaluate("[...infogan.models.keys()]")) == before
    page.click("[aria-label='Close this message']")
    plain = base64.b64encode((weights.FOLDER / "dcgan-mnist.safetensors").read_bytes()).decode()
    page.evaluate(DROP, ["mine.safetensors", plain])
    page.wait_for_selector(".notice:has-text('no codes')")
    assert page.locator("#knobs .slider").count() == 5 and page.is_visible("text=No Q here")
    page.click("#tab-draw")
    assert page.is_visible("text=Drawing needs a model")


# -- where and how it is shown -------------------------------------------------------------------


def test_a_plain_server_will_do(opened, page_file):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(page_file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = opened("#digit=2", address=f"http://127.0.0.1:{server.server_port}/{page_file.name}")
        server.shutdown()
    page.click("[aria-label^='digit 4']")
    page.wait_for_selector(".q .bars li:nth-child(5).set.top")


@pytest.mark.parametrize("part", ["knobs", "draw"])
def test_nothing_is_wider_than_the_screen(opened, part):
    page = opened(f"#part={part}")
    for width, height in ((1280, 720), (1024, 768), (390, 844), (320, 600)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_projector_shows_it_all_at_once(page):
    bottom = "s => document.querySelector(s).getBoundingClientRect().bottom"
    for layout in ("row", "rows", "grid"):
        page.click(f"[data-layout={layout}]")
        until(
            page,
            "n => document.querySelector('#knobs .sheet canvas').height === n",
            {"row": 28, "rows": 144, "grid": 289}[layout],
        )
        assert max(page.evaluate(bottom, part) for part in (".q", ".sheets", ".controls")) <= 720, layout


def test_a_finger_hits_what_it_aims_at_and_sees_the_picture_while_it_turns(opened):
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True)
    small = """[...document.querySelectorAll('main button, main select')].filter(one =>
        one.offsetParent && one.getBoundingClientRect().height < 30).map(one => one.outerHTML)"""
    assert page.evaluate(small) == []
    page.locator("#knobs input[type=range]").nth(1).scroll_into_view_if_needed()
    top = page.evaluate("document.querySelector('.large').getBoundingClientRect().top")
    assert 0 <= top <= 400


def test_a_finger_turns_a_knob(opened):
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    slider = page.locator("#knobs input[type=range]").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    until(page, f"{VALUES}.c1 > 1")


def test_dark_and_light_come_from_the_system_or_the_switch(opened):
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        assert page.get_attribute("html", "data-theme") == scheme
        other = {"light": "dark", "dark": "light"}[scheme]
        page.click(".theme")
        assert page.get_attribute("html", "data-theme") == other
        page.reload()
        page.wait_for_selector(READY)
        assert page.get_attribute("html", "data-theme") == other


def test_the_third_part_is_filled_by_its_own_module(opened, shown_models, tmp_path, monkeypatch):
    (tmp_path / "plane").mkdir()
    (tmp_path / "plane" / "plane.js").write_text(
        "export function mount(element, { seed }) {\n  element.textContent = `seed ${seed}`;\n}\n"
    )
    (tmp_path / "plane" / "plane.css").write_text("#learn { color: rgb(1, 2, 3); }\n")
    monkeypatch.setattr("infogan_lib.show.page.build.PLANE", tmp_path / "plane")
    path = tmp_path / "page.html"
    path.write_text(pages.html({"mnist": shown_models["mnist"]}), encoding="utf-8")
    page = opened(address=path.as_uri())
    page.click("#tab-learn")
    assert page.inner_text("#learn") == "seed 0"
    assert page.evaluate("getComputedStyle(document.querySelector('#learn')).color") == "rgb(1, 2, 3)"
