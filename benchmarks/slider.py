"""How long a slider takes: absolute figures, targets and ratios. Three parts, all by default, under four minutes.

    python benchmarks/slider.py [--kernel] [--browser] [--training] [--json] [--keep]

--kernel    in this process: a control is set, the picture and Q's reading are made; then again while another process
            keeps one core busy
--browser   in a real Chromium against a real JupyterLab: an input event on the slider until other pixels are up, and
            a drag of 3 s at 60 events a second until the last picture is up; beside it `interact` with one imshow
--training  the same while a training of the preset "mnist" runs in a thread of the same kernel, and the share of its
            speed that it keeps; idle and moving windows take turns
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import experiment
import nbformat
import torch
from speed import Figures

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "browser"))
import conftest as browsing  # the server and the page that the browser tests use

from infogan_lib.show.widgets import LatentExplorer
from infogan_lib.training import weights

MOVES = 100
VIEWS: dict[str, dict[str, Any]] = {
    "one": {},
    "row": {"view": "rows", "rows": 1},
    "grid": {"view": "grid"},
}
WHAT = {"one": "one image and Q's reading", "row": "a row of ten and Q's reading", "grid": "a 10 x 10 grid"}
KERNEL = {"one": 8, "row": 15, "grid": 50}  # ms, p95
BROWSER = {"one": 80, "row": 80, "grid": 120}

EXPLORER = """
from infogan_lib.training import weights
from infogan_lib.show.widgets import LatentExplorer
model = weights.load("mnist")
explorer = LatentExplorer(model, **{options})
explorer
"""
INTERACT = """
%matplotlib inline
import matplotlib.pyplot as plt, torch
from ipywidgets import FloatSlider, interact
from infogan_lib.show import plots
from infogan_lib.training import weights
model, noise = weights.load("mnist"), torch.randn({n}, 62, generator=torch.Generator().manual_seed(0))

@interact(c1=FloatSlider(0, min=-2, max=2, step=0.05))
def show(c1):
    plt.imshow(plots.tile(model.generate(model.spec.encode(noise, c1=c1)), {columns}))
    plt.show()
"""
TRAINING = """
import threading, torch
from infogan_lib import Training
from infogan_lib.training import presets
preset, count = presets.load("mnist"), [0]

def train():
    torch.set_num_threads(1)
    for report in Training(preset.build(), preset.data("tune"), preset.recipe, device="cpu"):
        count[0] += 1

threading.Thread(target=train, daemon=True).start()
"""

# In the page: `nudge(i)` moves the slider as move i of many, `watch` resolves when other pixels are up.
TOOLS = """() => {
    const own = document.querySelector('.infogan-slider input'), handle = document.querySelector('.noUi-handle');
    const place = i => -2 + 4 * ((i * 0.37) % 1);
    window.nudge = (i, total) => {
        if (own) {
            own.value = total ? 2 * Math.sin(3 * Math.PI * i / total) : place(i);
            own.dispatchEvent(new Event('input', {bubbles: true}));
        } else {
            const key = (i % 40) < 20 ? 'ArrowRight' : 'ArrowLeft';
            handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
        }
    };
    window.pictures = [];  // when each new picture was up
    const painted = () => requestAnimationFrame(() => window.pictures.push(performance.now()));
    const area = document.querySelector('.jp-OutputArea');
    area.addEventListener('load', event => event.target.tagName === 'IMG' && painted(), true);
}"""
MOVE = """async ([n, pause]) => {
    const sleep = ms => new Promise(done => setTimeout(done, ms));
    const taken = [];
    for (let i = 0; i < n; i++) {
        const before = pictures.length, start = performance.now();
        nudge(i);
        while (pictures.length === before && performance.now() < start + 5000) await sleep(1);
        taken.push((pictures[before] ?? start + 5000) - start);
        await sleep(pause);
    }
    return taken;
}"""
DRAG = """async seconds => {
    const total = 60 * seconds, before = pictures.length, start = performance.now();
    await new Promise(done => {
        let i = 0;
        const timer = setInterval(() => {
            while (i < total && performance.now() - start >= 1000 * i / 60) nudge(i++, total);
            if (i >= total) { clearInterval(timer); done(); }
        }, 4);
    });
    const released = performance.now(), during = pictures.length - before;
    let seen = -1;
    while (seen !== pictures.length) { seen = pictures.length; await new Promise(done => setTimeout(done, 1500)); }
    return [during / seconds, Math.max(0, pictures.at(-1) - released)];
}"""
ASK = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const reply = await kernel.requestExecute({code: '', user_expressions: {it: code}}).done;
    return reply.content.user_expressions.it.data['text/plain'];
}"""


def quantiles(ms: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    ordered = sorted(ms)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]


@contextlib.contextmanager
def one_core_busy() -> Iterator[None]:
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.5)
        yield
    finally:
        other.kill()
        other.wait()


def time_kernel(view: str) -> tuple[str, float]:
    """A note with the medians, of this process's own work too, which other jobs disturb less; and the p95."""
    explorer = LatentExplorer(weights.load("mnist"), **VIEWS[view])
    taken, work = [], []
    for i in range(MOVES + 5):
        start, cpu = time.perf_counter(), time.process_time()
        explorer.controls["c1"].value = -2 + 4 * ((0.37 * i) % 1)
        taken.append(1000 * (time.perf_counter() - start))
        work.append(1000 * (time.process_time() - cpu))
    median, p95 = quantiles(taken[5:])
    return f"median {median:.1f}, of it {quantiles(work[5:])[0]:.1f} at work", p95


def kernel(figures: Figures) -> None:
    for view, target in KERNEL.items():
        note, alone = time_kernel(view)
        figures.put(f"kernel, {WHAT[view]}, p95", alone, "ms", f"{target} ms", note)
        with one_core_busy():
            note, busy = time_kernel(view)
        figures.put(f"kernel, {WHAT[view]}, p95, one core busy", busy, "ms", "", note)
        figures.put("    as a ratio", busy / alone, "times", "2")


@contextlib.contextmanager
def opened(server: browsing.Server, chromium: Any, *cells: str) -> Iterator[Any]:
    """A page in which these cells have run, with the tools above; its kernel is gone afterwards."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    name = f"{len(list(server.folder.iterdir()))}.ipynb"
    nbformat.write(book, server.folder / name)
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(f"{server.url}/lab/workspaces/{name[:-6]}/tree/{name}?token={browsing.TOKEN}")
    page.wait_for_function(browsing.OPEN, timeout=90_000)
    page.evaluate(browsing.RUN_ALL, 120)
    page.wait_for_selector(".jp-OutputArea img")
    page.wait_for_timeout(1000)
    page.evaluate(TOOLS)
    page.evaluate(MOVE, [5, 100])
    yield page
    context.close()
    server.stop_kernels()


@contextlib.contextmanager
def a_browser() -> Iterator[tuple[browsing.Server, Any]]:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        if (path := browsing.find_chromium(playwright)) is None:
            raise SystemExit("No Chromium was found: `playwright install chromium`, or your system's package.")
        chromium = playwright.chromium.launch(executable_path=path, args=browsing.FLAGS)
        server = browsing.Server(Path(home))
        try:
            server.wait()
            yield server, chromium
        finally:
            server.close()
            chromium.close()


def browser(figures: Figures) -> None:
    with a_browser() as (server, chromium):
        rivals = {}
        for name, n, columns in (("one", 1, 1), ("grid", 100, 10)):
            with opened(server, chromium, INTERACT.format(n=n, columns=columns)) as page:
                median, p95 = quantiles(page.evaluate(MOVE, [MOVES // 2, 50]))
                rate, last = page.evaluate(DRAG, 3)
            rivals[name] = (p95, last)
            what = "one image" if n == 1 else "100 images"
            figures.put(f"interact + imshow, {what}, p95", p95, "ms", "", f"median {median:.1f}")
            figures.put(f"interact + imshow, {what}, last picture after a drag", last, "ms", "", f"{rate:.1f} a second")
        for view, target in BROWSER.items():
            with opened(server, chromium, EXPLORER.format(options=VIEWS[view])) as page:
                median, p95 = quantiles(page.evaluate(MOVE, [MOVES, 50]))
                rate, last = page.evaluate(DRAG, 3)
            other = rivals["grid" if view == "grid" else "one"]
            note = f"median {median:.1f}; interact takes {other[0] / p95:.1f} times as long"
            figures.put(f"browser, {WHAT[view]}, p95", p95, "ms", f"{target} ms", note)
            figures.put(
                "    last picture after a drag of 3 s", last, "ms", "150 ms", f"{rate:.1f} a second while dragging"
            )


def training(figures: Figures) -> None:
    def speed(page: Any, act: Any) -> tuple[float, Any]:
        start, before = time.perf_counter(), int(page.evaluate(ASK, "count[0]"))
        result = act()
        return (int(page.evaluate(ASK, "count[0]")) - before) / (time.perf_counter() - start), result

    with (
        a_browser() as (server, chromium),
        opened(server, chromium, EXPLORER.format(options=VIEWS["one"]), TRAINING) as page,
    ):
        speeds: dict[str, list[float]] = {"idle": [], "moving": [], "dragging": []}
        taken: list[float] = []
        for _ in range(4):
            speeds["idle"].append(speed(page, lambda: page.wait_for_timeout(5000))[0])
            rate, ms = speed(page, lambda: page.evaluate(MOVE, [MOVES // 4, 100]))
            speeds["moving"].append(rate)
            taken += ms
        rate, (pictures, last) = speed(page, lambda: page.evaluate(DRAG, 3))
    median, p95 = quantiles(taken)
    idle, moving = (sum(speeds[k]) / len(speeds[k]) for k in ("idle", "moving"))
    figures.put("training in the kernel, one image and Q's reading, p95", p95, "ms", "150 ms", f"median {median:.1f}")
    note = f"{idle:.1f} steps/s alone, {moving:.1f} while the slider moves (a move each {100 + median:.0f} ms)"
    figures.put("    share of its speed that training keeps", 100 * moving / idle, "%", "80 %", note)
    figures.put("    last picture after a drag of 3 s", last, "ms", "", f"{pictures:.1f} a second while dragging")


def main() -> None:
    options = experiment.parser(__doc__)
    parts = {"kernel": kernel, "browser": browser, "training": training}
    for name in (*parts, "json", "keep"):
        options.add_argument(f"--{name}", action="store_true")
    args = options.parse_args()
    torch.set_num_threads(1)
    figures = Figures(args.json, args.keep)
    for name in [name for name in parts if getattr(args, name)] or list(parts):
        parts[name](figures)
    figures.finish()


if __name__ == "__main__":
    main()
