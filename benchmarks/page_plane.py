"""Does a code take a mode, in the page's own trainer? Purity over seeds, with lambda and without; and its speed.

    python benchmarks/page_plane.py                       # ring of eight, K = 8, lambda 1 and 0, seeds 0 to 19
    python benchmarks/page_plane.py --lambdas 0 --rounds 6000 --seeds 0 1 2
    python benchmarks/page_plane.py --speed 30            # rounds that the page makes in so many seconds
    python benchmarks/page_plane.py --film data/results/plane.gif    # the moving picture of the README: the first seed

A round is a step of D and a step of G on 128 points. The page learns for 10 ms of each frame, so how many rounds half
a minute holds depends on the machine: `--speed` counts them beside the load. The quickest rounds take 1.8 ms, which
would be some 300 a second, or 9,000 in half a minute, if every round were as quick; two cores at a load of 11
made 633. The table stops at 1,500, and gives the purities at 500 and 1,000 as well.

purity         share of the fakes with the commonest colour of their mode (what the page shows; chance is 1 / K)
of a colour    share of the fakes in the commonest mode of their colour: 1 for both only where each colour has one mode
covered        modes with at least a quarter of a fair share of the fakes
L_I            of the state, in nats, on the last batch; its ceiling is ln K
Counted on 1,000 fakes of latents that no step saw. The settings were chosen on seeds 100 and up.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from infogan_lib.show.page import build
from infogan_lib.show.page.bundle import bundle
from infogan_lib.training import weights

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "browser"))
import conftest as browsing

PAGE = """<!doctype html><html lang="en" data-theme="light"><title>The plane</title><style>{style}</style>
<section id="learn"></section><script type="module">{script}
$plane_plane.mount(document.querySelector("#learn"), {{ seed: 0 }});
</script></html>"""
FRAME = {"x": 308, "y": 62, "width": 960, "height": 648}  # of the whole page: the plane and its curves
START = "([seed, lambda]) => { learn.plane.set({ seed, lambda }); }"
PLAY = """n => { learn.plane.play(n);
  const [{ byMode, byColour, covered }] = learn.plane.numbers;
  return { byMode, byColour, covered, nats: learn.plane.nats.state }; }"""


@contextmanager
def opened(whole: bool = False) -> Iterator[Any]:
    """The trainer in a Chromium, from its file: alone, or in the `whole` page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        found = browsing.find_chromium(playwright)
        if found is None:
            sys.exit("no Chromium was found: `playwright install chromium`, or your system's package")
        path = Path(folder) / "plane.html"
        if whole:
            path.write_text(build.html({"mnist": weights.load("mnist")}), encoding="utf-8")
        else:
            style = (build.PLANE / "plane.css").read_text(encoding="utf-8")
            path.write_text(PAGE.format(style=style, script=bundle(build.PLANE / "plane.js")), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=found, args=browsing.FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(0)
        page.goto(path.as_uri())
        if whole:
            page.get_by_role("tab", name="Watch it learn").click()
        page.wait_for_selector(".plane-canvas")
        yield page
        browser.close()


def table(page: Any, seeds: list[int], lambdas: list[float], rounds: int) -> None:
    for weight in lambdas:
        last = []
        for seed in seeds:
            page.evaluate(START, [seed, weight])
            thirds = [page.evaluate(PLAY, rounds // 3) for _ in range(3)]
            last.append(thirds[-1])
            purities = " ".join(f"{third['byMode']:.2f}" for third in thirds)
            print(
                f"lambda {weight:g}  seed {seed:3d}  purity {purities}"
                f"  of a colour {last[-1]['byColour']:.2f}  covered {last[-1]['covered']}  L_I {last[-1]['nats']:.2f}",
                flush=True,
            )
        for name in ("byMode", "byColour"):
            values = [row[name] for row in last]
            word = {"byMode": "purity", "byColour": "of a colour"}[name]
            print(
                f"lambda {weight:g}  after {3 * (rounds // 3)} rounds, {word}: median {statistics.median(values):.2f}, "
                f"from {min(values):.2f} to {max(values):.2f}, over {len(seeds)} seeds",
                flush=True,
            )


def speed(page: Any, seconds: float) -> None:
    page.evaluate(START, [0, 1.0])
    before = os.getloadavg()[0]
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_timeout(1000 * seconds)
    rounds = page.evaluate("learn.plane.game.stepsG")
    print(
        f"{rounds} rounds in {seconds:g} s, {rounds / seconds:.0f} a second; "
        f"{os.cpu_count()} cores, load {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    )


def film(page: Any, path: Path, seed: int) -> None:
    """A plain GAN for 300 rounds, then lambda goes to 1: what the page shows, a picture every so many rounds."""
    frames, rounds = [], 0
    page.evaluate(START, [seed, 0.0])
    knob = page.locator("#learn .plane-lambda input[type=range]")
    for weight, until, every in (("0", 300, 50), ("1", 900, 30)):
        knob.fill(weight)
        while rounds < until:
            page.evaluate(PLAY, every)
            rounds += every
            shown = Image.open(io.BytesIO(page.screenshot(clip=FRAME))).convert("RGB")
            small = shown.resize((600, round(600 * shown.height / shown.width)), Image.Resampling.LANCZOS)
            frames.append(small.quantize(128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE))
    waits = [300] * (len(frames) - 1) + [3000]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=waits, loop=0, optimize=True)
    print(f"{path}: {len(frames)} frames, {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(20)))
    parser.add_argument("--lambdas", type=float, nargs="+", default=[1.0, 0.0])
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--speed", type=float, metavar="SECONDS", help="count rounds instead")
    parser.add_argument("--film", type=Path, metavar="FILE.gif", help="record the first of the seeds instead")
    args = parser.parse_args()
    with opened(whole=args.film is not None) as page:
        if args.film:
            film(page, args.film, args.seeds[0])
        elif args.speed:
            speed(page, args.speed)
        else:
            table(page, args.seeds, args.lambdas, args.rounds)


if __name__ == "__main__":
    main()
