"""How fast things are: each command prints its figures as they come, with targets where there are some.

    python benchmarks/speed.py step [--rounds 12] [--steps 4]    # a training step, beside the recipe of many ports
    python benchmarks/speed.py step --avx2     # as on a processor without AVX-512, such as many laptops have
    python benchmarks/speed.py startup [--times 5]               # waiting for an import, and for `make lab`
    python benchmarks/speed.py renderer [--n 1024]               # rendered faces a second
    python benchmarks/speed.py time-to-code mnist --seeds 0 1 2 3 4     # until the ten-state code is the digit:
    python benchmarks/speed.py time-to-code conv --seeds 0 1 2 3 4      # the yardstick (textbook.py), and its
    python benchmarks/speed.py time-to-code fc --seeds 0 1              # other form
    python benchmarks/speed.py time-to-code --json               # the medians of data/results/time_to_code.csv

The first three take --json (one object at the end) and --keep (rows in data/results/speed.csv).

step           Ratios within one run, and where the time goes. All four take turns, some steps each, in every round; a
               ratio is the median over rounds of the ratio within a round, of seconds an image, since "mnist" takes 64
               at a time and the others 128. Getting a batch counts, in all of them. "bfloat16" is the same preset in
               that precision, where the processor has instructions for it (AVX-512 BF16 or AMX). Without them it is
               slower by far, and left out.
               Required work of a step, in forward passes of D and of G: D's step reads real and fake images (2) and
               needs the gradients of both (2 x 2); G's step reads the fakes again (1) and needs the gradient with
               respect to the image alone (1): 8 of D. G itself: one forward, two backward: 3. In "mnist" Q reads
               three views of the fakes in both steps: 3 x (3 + 2) more of D.
startup        What the library's import adds to torch's, timed in a fresh Python each time, the files already in the
               system's cache; and `make lab` where all is installed, from the command until the page that it opens
               has been answered. The browser's own time comes on top.
renderer       Images a second at both sizes, and how much sooner `data.face_set` reads them back. The renderer uses
               one thread. "Of CPU" leaves out the time that other programs had its core; on an idle machine the two
               agree.
time-to-code   The clock runs while a model is built and trains, and stands while it is measured: every `--every`
               seconds on it, codes are matched to digits on the tuning digits and scored there, and L_I is measured on
               2,000 fakes. A preset runs to the end of its recipe, the yardstick to `--cap` seconds. The table keeps
               the first second at which each line was passed, blank where it was not, and the last accuracy. Nothing
               else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import experiment
import torch
from textbook import BATCH, FORMS, Textbook, batches
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from infogan_lib import InfoGAN, Training, data
from infogan_lib.course import results
from infogan_lib.data import faces
from infogan_lib.measure import Reads, metrics
from infogan_lib.training import presets

ROOT = Path(__file__).resolve().parent.parent

# -- the report ----------------------------------------------------------------------------------------


class Figures(list[dict[str, Any]]):
    """The rows of a report. `put` prints each, unless JSON was asked for, and gives its value back."""

    def __init__(self, json: bool = False, keep: bool = False) -> None:
        super().__init__()
        self.json, self.keep, self.begun, self.load = json, keep, time.perf_counter(), os.getloadavg()[0]

    def put(self, name: str, value: float, unit: str, target: str = "", note: str = "") -> float:
        self.append({"figure": name, "value": round(value, 3), "unit": unit, "target": target, "note": note})
        if not self.json:
            shown = f"{value:8.3f}" if abs(value) < 10 else f"{value:8.1f}"
            print(f"{name:62s} {shown} {unit:10s} {target and 'target ' + target:16s} {note}", flush=True)
        return value

    def finish(self) -> None:
        """Say what machine this was, print the JSON if that was asked for, and keep the rows if that was."""
        about = {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "python": platform.python_version()}
        about |= {"load_before_and_after": [self.load, os.getloadavg()[0]], "torch": torch.__version__}
        about |= {"seconds": round(time.perf_counter() - self.begun)}
        print(json.dumps({"about": about, "figures": self}, indent=1) if self.json else about)
        if self.keep:
            origin = {"cores": os.cpu_count(), "torch": torch.__version__}
            experiment.put("speed", [row | origin for row in self], ["figure", "torch", "command"])


FLAG = {"action": "store_true"}
REPORT = {"--json": FLAG, "--keep": FLAG}  # the arguments of whoever reports figures


# -- step ----------------------------------------------------------------------------------------------

# What limits each part of torch on a CPU: its convolutions, its matrix products, the rest.
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
PRESETS = {"mnist-paper": 8, "mnist": 23}  # required passes of D
TARGETS = {("mnist-paper", "fc"): "1.6", ("mnist-paper", "conv"): "6"}
KINDS = {  # kinds of work, by what the names of torch's operators begin with
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm"),
    "convolutions": ("aten::convolution", "aten::mkldnn_conv", "aten::_convolution"),
    "batch norm": ("aten::native_batch_norm",),
    "Adam": ("aten::_fused_adam", "Optimizer."),
    "the average of the weights": ("aten::lerp", "aten::_foreach_lerp"),
}


def peak(n: int = 2048, times: int = 12) -> float:
    """Floating-point operations a second in float32 matrix products, the best of some."""
    a, b = torch.randn(n, n), torch.randn(n, n)
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - begun)
    return 2 * n**3 / min(seconds)


def required(model: InfoGAN, batch: int, passes: int) -> int:
    """Floating-point operations that a step cannot do without: `passes` of D and 3 of G, one multiply-add being two."""
    with torch.no_grad():
        with FlopCounterMode(display=False) as g:
            images = model.generator(model.spec.sample(batch).input)
        with FlopCounterMode(display=False) as d:
            model.discriminate(images)
    return passes * d.get_total_flops() + 3 * g.get_total_flops()


def training(name: str, precision: str = "float32") -> Training:
    preset = presets.load(name)
    recipe = replace(preset.recipe, precision=precision)
    return Training(preset.build(), preset.data("train"), recipe, seed=100, device="cpu")


def take_turns(contestants: dict[str, Callable[[], Any]], rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds a step of each, in each round."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for step in contestants.values():
        for _ in range(3):
            step()
    for _ in range(rounds):
        for name, step in contestants.items():
            begun = time.perf_counter()
            for _ in range(steps):
                step()
            taken[name].append((time.perf_counter() - begun) / steps)
    return taken


def where_it_goes(run: Training, steps: int) -> dict[str, float]:
    """Shares of the time that torch's operators take, by kind of work."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            next(run)
    found = dict.fromkeys([*KINDS, "everything else"], 0.0)
    for event in profiler.key_averages():
        kind = next((k for k, begins in KINDS.items() if event.key.startswith(begins)), "everything else")
        found[kind] += event.self_cpu_time_total
    return {kind: share / sum(found.values()) for kind, share in found.items()}


def step(args: argparse.Namespace) -> None:
    if args.avx2 and not AVX2.items() <= os.environ.items():  # they are read once, when torch is loaded
        subprocess.run([sys.executable, *sys.argv], env=os.environ | AVX2, check=True)
        return
    figures = Figures(args.json, args.keep)
    images = data.mnist("train")
    runs = {name: training(name) for name in PRESETS}
    textbooks = {form: (Textbook(form, 100), batches(images, 100)) for form in FORMS}
    contestants: dict[str, Callable[[], Any]] = {name: run.__next__ for name, run in runs.items()}
    halves = PRESETS if torch.ops.mkldnn._is_mkldnn_bf16_supported() and not args.avx2 else ()
    contestants |= {f"{name}, bfloat16": training(name, "bfloat16").__next__ for name in halves}
    contestants |= {form: (lambda m=model, b=source: m.step(next(b))) for form, (model, source) in textbooks.items()}
    before = peak()
    taken = take_turns(contestants, args.rounds, args.steps)
    speed = max(before, peak())

    figures.put("matrix products, 2048 x 2048, at best", speed / 1e9, "GFLOP/s")
    for name, seconds in taken.items():
        ends = f"{min(seconds):.3f} to {max(seconds):.3f}"
        figures.put(f"a step: {name}", statistics.median(seconds), "s", "", ends)
    for name in PRESETS:
        for form in FORMS:
            images_over = runs[name].recipe.batch / BATCH  # a step of ours over one of the yardstick's
            ratios = [images_over * yardstick / own for own, yardstick in zip(taken[name], taken[form], strict=True)]
            ends = f"{min(ratios):.2f} to {max(ratios):.2f}"
            figures.put(f"{form} over {name}", statistics.median(ratios), "times", TARGETS.get((name, form), ""), ends)
    for name in halves:
        ratios = [a / b for a, b in zip(taken[name], taken[f"{name}, bfloat16"], strict=True)]
        figures.put(f"float32 over bfloat16: {name}", statistics.median(ratios), "times")
    for name, run in runs.items():
        work = required(run.model, run.recipe.batch, PRESETS[name])
        figures.put(f"required work of a step: {name}", work / 1e9, "GFLOP")
        share = 100 * work / (statistics.median(taken[name]) * speed)
        figures.put(f"required work at the peak over time: {name}", share, "%", "65 %" if name == "mnist-paper" else "")
    for name, run in runs.items():
        for kind, part in where_it_goes(run, args.steps).items():
            figures.put(f"where the time of {name} goes: {kind}", 100 * part, "%")
    figures.finish()


# -- startup -------------------------------------------------------------------------------------------

IMPORT = """
import time
a = time.perf_counter()
import torch
b = time.perf_counter()
{line}
print(b - a, time.perf_counter() - b)
"""
LIBRARY = "the library, to train and load models"
LINES = {
    LIBRARY: "from infogan_lib import Training, lower_bound; from infogan_lib.training import presets, weights",
    "its metrics": "from infogan_lib.measure import metrics",
    "its plots, which bring Matplotlib": "from infogan_lib.show import plots",
    "its widgets, which bring Matplotlib and ipywidgets": "from infogan_lib.show.widgets import LatentExplorer",
}
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S*")


def import_seconds(line: str) -> tuple[float, float]:
    """Seconds of `import torch`, and of `line` after it, in a new Python."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT.format(line=line)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    first, second = done.stdout.split()
    return float(first), float(second)


def lab(patience: float = 120.0) -> float:
    """Seconds from `make lab` until its page is answered. The server is stopped again; no browser is opened."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        ["make", "lab"],
        cwd=ROOT,
        env=os.environ | {"BROWSER": "true"},  # the program of that name, which does nothing
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if found := ADDRESS.search(line):
                _answered(found[0], begun + patience)
                return time.perf_counter() - begun
        raise RuntimeError(f"make lab ended without an address:\n{''.join(lines)}")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answered(address: str, until: float) -> None:
    """Wait for a page. The server says its address a moment before it listens there."""
    while True:
        try:
            with urllib.request.urlopen(address, timeout=until - time.perf_counter()) as answer:
                answer.read()
            return
        except OSError:
            if time.perf_counter() > until - 1:
                raise
            time.sleep(0.05)


def startup(args: argparse.Namespace) -> None:
    figures = Figures(args.json, args.keep)
    for what, line in LINES.items():
        taken = [import_seconds(line) for _ in range(args.times)]
        torch_alone, ours = (statistics.median(column) for column in zip(*taken, strict=True))
        target = "0.3 s" if what == LIBRARY else ""
        figures.put(f"import beyond torch's: {what}", ours, "s", target, f"torch itself {torch_alone:.2f}")
    if shutil.which("make"):
        figures.put("make lab, all installed", statistics.median(lab() for _ in range(args.times)), "s")
    figures.finish()


# -- renderer ------------------------------------------------------------------------------------------


def renderer(args: argparse.Namespace) -> None:
    figures = Figures(args.json, args.keep)

    def images_a_second(what: str, work: Callable[[int], Any], target: str = "") -> float:
        """The median over seeds of `work(seed)`, which makes n images."""
        wall, cpu = [], []
        for seed in range(args.repeats):
            clock, process = time.perf_counter(), time.process_time()
            work(seed)
            wall.append(args.n / (time.perf_counter() - clock))
            cpu.append(args.n / (time.process_time() - process))
        note = f"best {max(wall):,.0f}, {statistics.median(cpu):,.0f} of CPU"
        return figures.put(f"faces, {what}", statistics.median(wall), "a second", target, note)

    small = images_a_second("32 x 32", lambda seed: faces.make(args.n, seed, 32), "1,000")
    large = images_a_second("64 x 64", lambda seed: faces.make(args.n, seed, 64))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.repeats):
            data.face_set(args.n, seed, cache=folder)
        cached = images_a_second("32 x 32, read back", lambda seed: data.face_set(args.n, seed, cache=folder))
    figures.put("faces, 64 x 64 over 32 x 32", large / small, "times")
    figures.put("faces, read back over rendered", cached / small, "times")
    figures.finish()


# -- time-to-code --------------------------------------------------------------------------------------

LEVELS = (80, 90, 95, 97)  # per cent of the tuning digits
NATS = 2.2
FAKES = 2_000


def contestant(name: str, seed: int) -> tuple[Reads, Callable[[], bool]]:
    """What is measured, and a function that trains one step; False when its recipe has ended."""
    if name in FORMS:
        model, source = Textbook(name, seed), batches(data.mnist("train"), seed)
        return model, lambda: bool(model.step(next(source)))
    preset = presets.load(name)
    run = Training(preset.build(), preset.data("train"), preset.recipe, seed=seed)
    return run.averaged, lambda: next(run, None) is not None


def race(name: str, seed: int, every: float, cap: float) -> dict[str, Any]:
    """One row of the table."""
    tune = data.mnist("tune")
    clock, begun, steps, look = 0.0, time.perf_counter(), 0, every
    passed: dict[str, float] = {}
    wanted = {f"seconds_{level}" for level in LEVELS} | {"seconds_nats"}
    model, step = contestant(name, seed)
    going = True
    while going and clock < cap:
        going = step()
        steps += going
        clock, begun = clock + time.perf_counter() - begun, time.perf_counter()
        if going and clock < min(look, cap):
            continue
        look = clock + every
        codes = metrics.read_codes(model, tune, "digit")
        matching = metrics.match(metrics.confusion(codes, tune.labels, 10, 10))
        accuracy = 100 * metrics.accuracy(matching, codes, tune.labels)
        nats = metrics.measure_nats(model, FAKES)["digit"]["mean"]
        now = {f"seconds_{level}" for level in LEVELS if accuracy >= level}
        now |= {"seconds_nats"} if nats >= NATS else set()
        passed |= {key: round(clock, 1) for key in sorted(now - passed.keys())}
        print(f"{name} seed {seed}: {clock:.0f} s, step {steps}, {accuracy:.1f} %, L_I {nats:.2f}", flush=True)
        begun = time.perf_counter()
    row = {"contestant": name, "seed": seed} | {key: passed.get(key, "") for key in sorted(wanted)}
    last = {"steps": steps, "seconds": round(clock, 1), "accuracy": round(accuracy, 2), "nats": round(nats, 3)}
    return row | last | {"threads": torch.get_num_threads()}


def summary() -> dict[str, Any]:
    """The median second of each line over each contestant's seeds, and how often it was reached; from the table."""
    rows = results.read("time_to_code")
    found: dict[str, Any] = {}
    for name in dict.fromkeys(row["contestant"] for row in rows):
        mine = [row for row in rows if row["contestant"] == name]
        found[name] = {"seeds": len(mine)}
        for key in [k for k in mine[0] if k.startswith("seconds_")]:
            # A line not reached counts as later than any that was, so that the median may be unknown.
            times = [float(row[key] or "inf") for row in mine]
            middle, reached = statistics.median(times), sum(t < float("inf") for t in times)
            found[name][key] = {"median": middle if middle < float("inf") else None, "reached": reached}
    return found


def time_to_code(args: argparse.Namespace) -> None:
    for seed in args.seeds if args.contestant else ():
        row = race(args.contestant, seed, args.every, args.cap)
        options = f"time-to-code {args.contestant} --seeds {seed} --every {args.every:g} --cap {args.cap:g}"
        experiment.put("time_to_code", [row], ["contestant", "seed"], options)
    if args.json:
        print(json.dumps(summary(), indent=1))


COMMANDS = {
    step: {"--rounds": 12, "--steps": 4, "--avx2": FLAG, **REPORT},
    startup: {"--times": 5, **REPORT},
    renderer: {"--n": 1024, "--repeats": 5, **REPORT},
    time_to_code: {
        "contestant": {"nargs": "?", "choices": (*PRESETS, *FORMS)},
        "--seeds": [100],
        "--every": 5.0,  # seconds of training between two looks
        "--cap": 600.0,  # seconds of training at most
        "--json": FLAG,
    },
}


def main() -> None:
    experiment.run(__doc__, COMMANDS)


if __name__ == "__main__":
    main()
