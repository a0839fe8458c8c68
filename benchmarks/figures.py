"""The report of a speed benchmark: figures printed as they come, as JSON, or kept in data/results/speed.csv."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch

from infogan_lib.course import results


class Figures(list[dict[str, Any]]):
    """The rows of a report. `put` prints each, unless JSON was asked for, and gives its value back."""

    def __init__(self, quiet: bool = False) -> None:
        super().__init__()
        self.quiet, self.begun, self.load = quiet, time.perf_counter(), os.getloadavg()[0]

    def put(self, name: str, value: float, unit: str, target: str = "", note: str = "") -> float:
        self.append({"figure": name, "value": round(value, 3), "unit": unit, "target": target, "note": note})
        if not self.quiet:
            shown = f"{value:8.3f}" if abs(value) < 10 else f"{value:8.1f}"
            print(f"{name:62s} {shown} {unit:10s} {target and 'target ' + target:16s} {note}", flush=True)
        return value

    def finish(self, keep: bool = False) -> None:
        """Say what machine this was, print the JSON if that was asked for, and keep the rows if that was."""
        about = {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "python": platform.python_version()}
        about |= {"load_before_and_after": [self.load, os.getloadavg()[0]], "torch": torch.__version__}
        about |= {"seconds": round(time.perf_counter() - self.begun)}
        print(json.dumps({"about": about, "figures": self}, indent=1) if self.quiet else about)
        if keep:
            command = shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
            origin = {"cores": os.cpu_count(), "torch": torch.__version__}
            origin |= {"command": command, "commit": results.commit()}
            results.put("speed", [row | origin for row in self], ["figure", "torch", "command"])


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser that knows --json and --keep."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help="print one JSON object at the end instead of lines")
    made.add_argument("--keep", action="store_true", help="put the figures in data/results/speed.csv")
    return made
