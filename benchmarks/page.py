"""The page in a real Chromium: what int8 costs, how fast it answers, how much it weighs. Under two minutes.

    python benchmarks/page.py [WEIGHTS ...] [--seconds 5] [--json]

By default the models that `make page` takes. Needs Playwright and a Chromium, as the browser tests do.

weights     grey levels of 255 between G in float32 and G as in the page, over 300 latents; how often Q's first answer
            to 300 test digits is the same
one image   c1 is dragged with the mouse at 120 events a second: from the input event until the canvases hold the new
            pictures (G's, the control's, and Q's reading), and pictures a second. The browser shows them in its next
            frame, which the last column takes in
grid        from letting the slider go until the 10 x 10 sheet is up, and until the control's is up too
load        from opening the file until the first picture is up
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "browser"))
import conftest as browsing  # the flags that the browser tests use

from infogan_lib import data
from infogan_lib.core.model import InfoGAN
from infogan_lib.data.images import to_float
from infogan_lib.show.page import html
from infogan_lib.show.page.packing import packed
from infogan_lib.training import weights

N = 300
RELEASES = 12
WATCH = """() => {
    window.seen = {moves: [], frames: [], painted: []};
    const slider = document.querySelector('#knobs input[type=range]');
    slider.addEventListener('input', event => window.seen.moves.push([Number(slider.value), event.timeStamp]), true);
    slider.addEventListener('change', event => (window.seen.released = event.timeStamp), true);
    window.addEventListener('infogan-painted', ({detail: {what, values}}) => {
        const one = {what, value: values && Object.values(values)[window.place], at: performance.now()};
        window.seen.painted.push(one);
        requestAnimationFrame(() => (one.shown = performance.now()));
    });
    const frame = at => { window.seen.frames.push(at); requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
}"""


def in_page(model: InfoGAN) -> InfoGAN:
    """The model with the weights that its page has."""
    tensors = safetensors.torch.load(gzip.decompress(packed(model)))
    full = InfoGAN(model.network, model.spec, model.q_on).eval()
    state = full.state_dict() | model.state_dict()
    for name, tensor in tensors.items():
        if not name.endswith(".scale"):
            state[name] = tensor.float() * tensors.get(f"{name}.scale", torch.tensor(1.0))
    full.load_state_dict(state)
    return full


def cost(model: InfoGAN) -> dict[str, float]:
    """What the page's weights change."""
    latent = model.spec.sample(N, torch.Generator().manual_seed(0))
    page = in_page(model)
    levels = 127.5 * (model.generate(latent) - page.generate(latent)).abs()
    found = {"levels_mean": levels.mean().item(), "levels_most": levels.max().item()}
    if model.image_shape == (1, 28, 28) and "digit" in model.spec.names:
        digits = to_float(data.mnist("test").images[:N])
        a, b = (m.read(digits)["digit"].probs.argmax(1) for m in (model, page))
        found["same_answer"] = (a == b).float().mean().item()
    return found


def tail(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "p95": sorted(values)[int(0.95 * (len(values) - 1))]}


def browse(path: Path, seconds: float) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = browsing.find_chromium(playwright)
        if found is None:
            sys.exit("no Chromium was found: `playwright install chromium`, or your system's package")
        browser = playwright.chromium.launch(executable_path=found, args=browsing.FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        begun = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        while not page.evaluate("document.querySelector('.pair canvas').width < 100"):
            page.wait_for_timeout(5)
        result: dict[str, Any] = {"load_s": time.perf_counter() - begun}
        page.wait_for_timeout(1000)
        slider = page.locator("#knobs input[type=range]").first
        page.evaluate("window.place = Object.keys(infogan.knobs.state.values).indexOf('c1')")
        page.evaluate(WATCH)
        box = slider.bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        for warm in (True, False):
            page.evaluate("window.seen.moves = [], window.seen.painted = [], window.seen.frames = []")
            page.mouse.move(box["x"] + box["width"] / 2, middle)
            page.mouse.down()
            start = time.perf_counter()
            while (now := time.perf_counter() - start) < (1.5 if warm else seconds):
                share = 0.5 + 0.42 * (2 * abs((now / 2 + 0.25) % 1 - 0.5) - 0.5) * 2
                page.mouse.move(box["x"] + box["width"] * share, middle)
                time.sleep(max(0, 1 / 120 - (time.perf_counter() - start - now)))
            page.mouse.up()
            page.wait_for_timeout(300)
        seen = page.evaluate("window.seen")
        when = {}
        for value, at in seen["moves"]:
            when[value] = at
        ones = [p for p in seen["painted"] if p["what"] == "one" and p["value"] in when and p["at"] > when[p["value"]]]
        gaps = [b["at"] - a["at"] for a, b in itertools.pairwise(ones)]
        frames = [b - a for a, b in itertools.pairwise(seen["frames"])]
        result |= {
            "moves": len(seen["moves"]),
            "pictures": len(ones),
            "input_to_picture_ms": tail([p["at"] - when[p["value"]] for p in ones]),
            "input_to_next_frame_ms": tail([p["shown"] - when[p["value"]] for p in ones if "shown" in p]),
            "pictures_per_second": 1000 / statistics.median(gaps),
            "frames_per_second": 1000 / statistics.median(frames),
        }
        page.click("[data-layout=grid]")
        page.wait_for_timeout(800)
        sheets: list[list[float]] = [[], []]
        for i in range(RELEASES):
            page.evaluate("window.seen.painted = []")
            page.mouse.move(box["x"] + box["width"] * (0.3 + 0.03 * i), middle)
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] * (0.4 + 0.03 * i), middle)
            page.mouse.up()
            page.wait_for_timeout(900)
            seen = page.evaluate("window.seen")
            for j in range(2):
                if at := [p["at"] - seen["released"] for p in seen["painted"] if p["what"] == f"sheet {j}"]:
                    sheets[j].append(max(at))
        result["grid_ms"] = tail(sheets[0])
        if sheets[1]:
            result["both_grids_ms"] = tail(sheets[1])
        browser.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    first = "mnist-gallery" if (weights.FOLDER / "mnist-gallery.safetensors").exists() else "mnist"
    parser.add_argument("weights", nargs="*", default=[first, "mnist-control"])
    parser.add_argument("--seconds", type=float, default=5, help="of dragging")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    models = {Path(name).stem: weights.load(name) for name in args.weights}
    result: dict[str, Any] = {"weights": {name: cost(model) for name, model in models.items()}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(html(models), encoding="utf-8")
        result |= {"megabytes": path.stat().st_size / 1e6, **browse(path, args.seconds)}
    if args.json:
        print(json.dumps(result))
        return
    for name, found in result.pop("weights").items():
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in found.items()))
    for name, value in result.items():
        print(f"{name:24s}", value if isinstance(value, int) else _text(value))


def _text(value: Any) -> str:
    return ", ".join(f"{k} {v:.1f}" for k, v in value.items()) if isinstance(value, dict) else f"{value:.2f}"


if __name__ == "__main__":
    main()
