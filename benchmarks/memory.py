"""Memory: the peak of a notebook, of a training, and of a room of learners. It is read from /proc, so on Linux alone.

    python benchmarks/memory.py peaks [--steps 60] [--images 100000 400000 800000] [--json] [--keep]
    python benchmarks/memory.py classroom kernels       # one kernel: the knobs, and a training as notebook 07's
    python benchmarks/memory.py classroom shared        # two kernels at once on one data folder that nobody may write
    python benchmarks/memory.py classroom evaluations   # thirty evaluations of the shipped model at once

peaks        Each runs in a Jupyter kernel of its own, and the peak is the most that was ever resident (VmHWM): what
             `top` would have shown at the worst moment. A good part is PyTorch's own libraries, and a CUDA build has
             twice those of a CPU build; so the first figures are of PyTorch alone, and of its first optimiser, which
             loads the compiler.
classroom    What a shared computer needs for each learner: data/results/classroom.csv. Memory is PSS, added over
             processes: of a page that n processes share, each counts one n-th. It is read four times a second. CPU
             seconds are of the processes and all that they started. Seconds on the clock are not kept: they say how
             busy the computer was.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import experiment
import nbformat
import numpy as np
import psutil
from jupyter_client.manager import start_new_kernel
from speed import REPORT, ROOT, Figures

from infogan_lib import data

MB, MIB = 10**6, 1024**2
TORCH = "import torch"
ADAM = "torch.optim.Adam([torch.zeros(1, requires_grad=True)])"
SLIDERS = ["explorer", "00_start_here", "08_latent_sliders"]
GAME = """
import torch
from infogan_lib import Training
from infogan_lib.data import Images
from infogan_lib.training import presets
preset = presets.load({name!r})
images = {images}
run = Training(preset.build(), images, preset.recipe, seed=100, device="cpu")
for report, _ in zip(run, range({steps})): pass
"""
SHIPPED = 'preset.data("train")'
NOISE = "Images(torch.randint(256, ({n}, 1, 28, 28), dtype=torch.uint8))"

KNOBS = """
from infogan_lib.training import weights
from infogan_lib.show.widgets import DrawAndRead, LatentExplorer
explorer = LatentExplorer(weights.load("mnist"), beside=weights.load("mnist-control"))
for c1 in (-2.0, 0.0, 2.0): explorer.set(c1=c1)
"""
MONITOR = """
from infogan_lib import Training
from infogan_lib.training import presets
from infogan_lib.show.widgets import LatentExplorer, TrainingMonitor
preset = presets.load("mnist")
run = Training(preset.build(), preset.data("train"), preset.recipe, seed=100)
monitor = TrainingMonitor(run)
monitor.start()
monitor.wait(step=60)
monitor.stop()
"""


@contextmanager
def kernel() -> Iterator[tuple[psutil.Process, Callable[[str], None]]]:
    """A Jupyter kernel of this Python: (its process, a function that runs a cell)."""
    manager, client = start_new_kernel(kernel_name="python3")

    def run(code: str) -> None:
        reply = client.execute_interactive(code, timeout=600, output_hook=lambda _: None)["content"]
        if reply["status"] != "ok":
            raise RuntimeError(f"a cell failed: {reply['ename']}: {reply['evalue']}")

    try:
        yield psutil.Process(manager.provisioner.pid), run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def peak(*cells: str) -> float:
    """The most memory that a kernel ever held while it ran the cells, in MB."""
    with kernel() as (process, run):
        for cell in cells:
            run(cell)
        status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / MB


def peaks(args: argparse.Namespace) -> None:
    figures = Figures(args.json, args.keep)
    figures.put("a kernel with torch and nothing else", peak(TORCH), "MB")
    figures.put("a kernel with torch and an optimiser", peak(TORCH, ADAM), "MB")
    for name in args.notebooks:
        cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4).cells
        value = peak(*(cell.source for cell in cells if cell.cell_type == "code"))
        figures.put(f"all of notebook {name}", value, "MB", "700 MB")
    for name in args.presets:
        figures.put(f"a training of {name}", peak(GAME.format(name=name, images=SHIPPED, steps=args.steps)), "MB")
    found = []
    for n in args.images:
        value = peak(GAME.format(name="mnist", images=NOISE.format(n=n), steps=args.steps))
        found.append(figures.put(f"a training of mnist on {n:,} images", value, "MB"))
    if len(found) > 1:
        slope = np.polyfit(args.images, found, 1)[0] * MB
        figures.put("growth, for each image of 784 bytes", slope, "bytes", "", "and 8 of its place in the order")
    figures.finish()


class Memory:
    """`peak`: the largest sum of PSS of some processes while this context lasts, in bytes."""

    def __init__(self, pids: list[int]) -> None:
        self.pids, self.peak, self._done = pids, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.peak = max(self.peak, sum(map(pss, self.pids)))

    def _watch(self) -> None:
        while not self._done.wait(0.25):
            self.peak = max(self.peak, sum(map(pss, list(self.pids))))


def pss(pid: int) -> int:
    """Bytes of one process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def cpu_seconds(*processes: psutil.Process) -> float:
    return sum(p.cpu_times().user + p.cpu_times().system for p in processes)


def kernels() -> Iterator[dict[str, Any]]:
    for what, code in {"an idle kernel": "", "the knobs": KNOBS, "a training of 60 steps": MONITOR}.items():
        with kernel() as (process, run):
            with Memory([process.pid]) as memory:
                run(code)
                time.sleep(0.5)
            yield row(what, 1, memory.peak, cpu_seconds(process))


def shared() -> Iterator[dict[str, Any]]:
    """Both load and train on the same folder, at once; its files are the same bytes afterwards."""
    before = {path: path.stat().st_mtime_ns for path in data.ROOT.rglob("*") if path.is_file()}
    with kernel() as (one, run_one), kernel() as (two, run_two):
        with Memory([one.pid, two.pid]) as memory:
            threads = [threading.Thread(target=run, args=[KNOBS + MONITOR]) for run in (run_one, run_two)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        yield row("knobs and training", 2, memory.peak, cpu_seconds(one, two))
    if before != {path: path.stat().st_mtime_ns for path in data.ROOT.rglob("*") if path.is_file()}:
        raise RuntimeError("something was written in the data folder")


def evaluations(number: int) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "infogan_lib", "evaluate", "mnist", "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as out:
        processes = [subprocess.Popen(command, stdout=out, env=environment) for _ in range(number)]
        with Memory([p.pid for p in processes]) as memory:
            ended = [os.wait4(p.pid, 0) for p in processes]
        out.seek(0)
        answers = out.read().splitlines()
    if any(status for _, status, _ in ended) or len(answers) != number or len(set(answers)) != 1:
        raise RuntimeError(f"{number} evaluations gave {len(set(answers))} different answers in {len(answers)} lines")
    yield row("evaluate mnist", number, memory.peak, sum(u.ru_utime + u.ru_stime for _, _, u in ended))


def row(what: str, processes: int, peak: int, seconds: float) -> dict[str, Any]:
    return {"what": what, "processes": processes, "peak_pss_mib": round(peak / MIB), "cpu_seconds": round(seconds, 1)}


def classroom(args: argparse.Namespace) -> None:
    parts = {"kernels": kernels, "shared": shared, "evaluations": lambda: evaluations(args.number)}
    for part in args.parts:
        experiment.put("classroom", list(parts[part]()), ["what", "processes"])


COMMANDS = {
    peaks: {
        "--steps": 60,
        "--notebooks": {"nargs": "*", "default": SLIDERS},
        "--presets": {"nargs": "*", "default": ("mnist", "mnist-paper", "faces")},
        "--images": [100_000, 400_000, 800_000],
        **REPORT,
    },
    classroom: {"parts": {"nargs": "+", "choices": ("kernels", "shared", "evaluations")}, "--number": 30},
}


def main() -> None:
    experiment.run(__doc__, COMMANDS)


if __name__ == "__main__":
    main()
