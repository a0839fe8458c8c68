"""A training step beside other busy processes, by how OpenMP's threads wait for one another.

    python benchmarks/busy.py measure [--others 0 1 2] [--rounds 5] [--steps 20] [--preset mnist] [--keep] [--json]

torch's threads meet at the end of every loop that they share. By default the first to arrive spins, ready to go on at
once, and so keeps a core from the thread that it waits for where another program has its core. How long a thread spins
before it sleeps is a setting of the OpenMP library, read once when torch is loaded; --keep writes rows to
data/results/speed.csv.

Each setting is a process of its own that trains the preset. They take turns, some steps each in every round, first on a
quiet machine and then beside one and more processes that count. A figure is the mean over rounds; a ratio is to the
default setting on the quiet machine, of the same run. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import experiment
from speed import REPORT, Figures

from infogan_lib import Training
from infogan_lib.training import presets

SETTINGS = {
    "the default": {},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    **{f"GOMP_SPINCOUNT={n}": {"GOMP_SPINCOUNT": str(n)} for n in (1_000, 10_000, 30_000, 100_000)},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
}
OWN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS", "KMP_BLOCKTIME")


class Crew:
    """A process that trains so many steps whenever it is told to, and sleeps in between."""

    def __init__(self, preset: str, setting: dict[str, str]) -> None:
        clean = {name: value for name, value in os.environ.items() if name not in OWN}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "train", "--preset", preset],
            env=clean | setting,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def take(self, steps: int) -> float:
        """Seconds that so many steps take."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(steps, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def busy(others: int) -> Iterator[None]:
    """So many processes that do nothing but count."""
    counting = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(others)]
    try:
        yield
    finally:
        for process in counting:
            process.kill()
            process.wait()


def train(args: argparse.Namespace) -> None:
    """A crew's own work: a number of steps on each line that comes in, the seconds they took on each that goes out."""
    preset = presets.load(args.preset)
    recipe = replace(preset.recipe, steps=sys.maxsize)
    run = Training(preset.build(), preset.data("train"), recipe, seed=100, device="cpu")
    for line in sys.stdin:
        begun = time.perf_counter()
        for _ in range(int(line)):
            next(run)
        print(time.perf_counter() - begun, flush=True)


def measure(args: argparse.Namespace) -> None:
    """Every setting, beside each number of busy processes."""
    figures = Figures(args.json, args.keep)
    crews = {name: Crew(args.preset, setting) for name, setting in SETTINGS.items()}
    try:
        for crew in crews.values():
            crew.take(3)
        quiet = None
        for others in args.others:
            taken: dict[str, list[float]] = {name: [] for name in crews}
            with busy(others):
                for _ in range(args.rounds):
                    for name, crew in crews.items():
                        taken[name].append(crew.take(args.steps) / args.steps)
            for name, seconds in taken.items():
                mean = statistics.mean(seconds)
                quiet = quiet or mean
                beside = f"{others} busy" if others else "quiet"
                ends = f"{min(seconds):.3f} to {max(seconds):.3f}"
                figures.put(f"a step of {args.preset}, {beside}: {name}", mean, "s", "", ends)
                figures.put(f"over the default when quiet, {beside}: {name}", mean / quiet, "times")
    finally:
        for crew in crews.values():
            crew.close()
    figures.finish()


PRESET = {"--preset": "mnist"}
COMMANDS = {measure: {"--others": [0, 1, 2], "--rounds": 5, "--steps": 20, **PRESET, **REPORT}, train: PRESET}


def main() -> None:
    experiment.run(__doc__, COMMANDS)


if __name__ == "__main__":
    main()
