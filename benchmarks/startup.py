"""Waiting: what the library's import adds to torch's, and `make lab` where all is installed.

    python benchmarks/startup.py [--times 5] [--json] [--keep]

An import is timed in a fresh Python each time, the files already in the system's cache. `make lab` counts from the
command until the page that it opens has been answered; the browser's own time comes on top.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from figures import Figures, parser

ROOT = Path(__file__).resolve().parent.parent
IMPORT = """
import time
a = time.perf_counter()
import torch
b = time.perf_counter()
{line}
print(b - a, time.perf_counter() - b)
"""
LINES = {
    "the library, to train and load models": "from infogan_lib import InfoGAN, Training, lower_bound, presets, weights",
    "its metrics": "from infogan_lib import metrics",
    "its plots, which bring Matplotlib": "from infogan_lib import plots",
    "its widgets, which bring Matplotlib and ipywidgets": "from infogan_lib.widgets import LatentExplorer",
}
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S*")


def seconds(line: str) -> tuple[float, float]:
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
        said = []
        for line in process.stdout:
            said.append(line)
            if found := ADDRESS.search(line):
                _answered(found[0], begun + patience)
                return time.perf_counter() - begun
        raise RuntimeError(f"make lab ended without an address:\n{''.join(said)}")
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


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--times", type=int, default=5)
    args = options.parse_args()
    figures = Figures(args.json)
    for what, line in LINES.items():
        taken = [seconds(line) for _ in range(args.times)]
        torch_alone, ours = (statistics.median(column) for column in zip(*taken, strict=True))
        target = "0.3 s" if line is next(iter(LINES.values())) else ""
        figures.put(f"import beyond torch's: {what}", ours, "s", target, f"torch itself {torch_alone:.2f}")
    if shutil.which("make"):
        taken_by_lab = [lab() for _ in range(args.times)]
        figures.put("make lab, all installed", statistics.median(taken_by_lab), "s")
    figures.finish(args.keep)


if __name__ == "__main__":
    main()
