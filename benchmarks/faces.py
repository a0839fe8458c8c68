"""How fast the face renderer is: images a second at both sizes, and how much sooner `data.faces` reads them back.

    python benchmarks/faces.py            # a table
    python benchmarks/faces.py --json     # the same as JSON

The renderer uses one thread. "Of CPU" leaves out the time that other programs had its core; on an idle machine the two
agree. The target is 1,000 images of 32 x 32 a second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from infogan_lib import data
from infogan_lib.data import faces

TARGET = 1000


def rates(n: int, repeats: int, work: Callable[[int], Any]) -> dict[str, float]:
    """Images a second of `work(seed)`, which makes n of them: median and best by the clock, median by CPU time."""
    wall, cpu = [], []
    for seed in range(repeats):
        clock, process = time.perf_counter(), time.process_time()
        work(seed)
        wall.append(n / (time.perf_counter() - clock))
        cpu.append(n / (time.process_time() - process))
    return {"a_second": statistics.median(wall), "best": max(wall), "a_second_of_cpu": statistics.median(cpu)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1024, help="images in each repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    about = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
             "renderer": faces.fingerprint()}  # fmt: skip
    rows: dict[str, dict[str, float]] = {}
    for size in faces.SIZES:
        rows[f"{size} x {size}"] = rates(args.n, args.repeats, lambda seed, size=size: faces.make(args.n, seed, size))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.repeats):
            data.face_set(args.n, seed, cache=folder)
        rows["32 x 32, read back"] = rates(args.n, args.repeats, lambda seed: data.face_set(args.n, seed, cache=folder))
    small, large, cached = (row["a_second"] for row in rows.values())
    ratios = {"target": small / TARGET, "64 against 32": large / small, "read back": cached / small}
    if args.json:
        print(json.dumps(about | {"rows": rows, "ratios": ratios}))
        return
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    for name, row in rows.items():
        rest = f"best {row['best']:,.0f}, {row['a_second_of_cpu']:,.0f} of CPU"
        print(f"{name:20s} {row['a_second']:9,.0f} images a second ({rest})")
    print(", ".join(f"{name} {value:.2f} x" for name, value in ratios.items()))


if __name__ == "__main__":
    main()
