"""What a shared computer needs for each learner: data/results/classroom.csv.

    python benchmarks/classroom.py kernels           # one learner's kernel: the knobs, and a training as notebook 07's
    python benchmarks/classroom.py shared            # two kernels at once on one data folder that nobody may write
    python benchmarks/classroom.py evaluations       # thirty evaluations of the shipped model at once

Memory is PSS, added over processes: of a page that n processes share, each counts one n-th. It is read four times a
second from /proc, so this runs on Linux alone. CPU seconds are of the processes and all that they started. Seconds
on the clock are not kept: they say how busy the computer was.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from jupyter_client.manager import start_new_kernel

from infogan_lib.course import results
from infogan_lib.data import ROOT

MIB = 1024**2
KNOBS = """
from infogan_lib.training import weights
from infogan_lib.show.widgets import DrawAndRead, LatentExplorer
explorer = LatentExplorer(weights.load("mnist"), beside=weights.load("mnist-control"))
for c1 in (-2.0, 0.0, 2.0): explorer.set(c1=c1)
"""
TRAINING = """
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


@contextmanager
def kernel() -> Iterator[tuple[psutil.Process, object]]:
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


def kernels() -> Iterator[dict[str, object]]:
    for what, code in {"an idle kernel": "", "the knobs": KNOBS, "a training of 60 steps": TRAINING}.items():
        with kernel() as (process, run):
            with Memory([process.pid]) as memory:
                run(code)
                time.sleep(0.5)
            used = process.cpu_times()
            yield row(what, 1, memory.peak, used.user + used.system)


def shared() -> Iterator[dict[str, object]]:
    """Both load and train on the same folder, at once; its files are the same bytes afterwards."""
    before = {path: path.stat().st_mtime_ns for path in ROOT.rglob("*") if path.is_file()}
    with kernel() as (one, run_one), kernel() as (two, run_two):
        with Memory([one.pid, two.pid]) as memory:
            threads = [threading.Thread(target=run, args=[KNOBS + TRAINING]) for run in (run_one, run_two)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        seconds = sum(p.cpu_times().user + p.cpu_times().system for p in (one, two))
        yield row("knobs and training", 2, memory.peak, seconds)
    if before != {path: path.stat().st_mtime_ns for path in ROOT.rglob("*") if path.is_file()}:
        raise RuntimeError("something was written in the data folder")


def evaluations(number: int) -> Iterator[dict[str, object]]:
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


def row(what: str, processes: int, peak: int, seconds: float) -> dict[str, object]:
    found = {"what": what, "processes": processes, "peak_pss_mib": round(peak / MIB), "cpu_seconds": round(seconds, 1)}
    print(", ".join(f"{k} {v}" for k, v in found.items()), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=("kernels", "shared", "evaluations"))
    parser.add_argument("--number", type=int, default=30, help="evaluations at once")
    options = parser.parse_args()
    origin = {"command": shlex.join(["python", "benchmarks/classroom.py", *sys.argv[1:]]), "commit": results.commit()}
    parts = {"kernels": kernels, "shared": shared, "evaluations": lambda: evaluations(options.number)}
    for part in options.parts:
        results.put("classroom", [r | origin for r in parts[part]()], ["what", "processes"])


if __name__ == "__main__":
    main()
