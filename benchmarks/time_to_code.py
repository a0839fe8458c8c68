"""Seconds of training until the ten-state code is the digit, beside the recipe that many ports share.

    python benchmarks/time_to_code.py mnist --seeds 0 1 2 3 4      # the preset "mnist"
    python benchmarks/time_to_code.py conv --seeds 0 1 2 3 4       # the yardstick: benchmarks/textbook.py
    python benchmarks/time_to_code.py fc --seeds 0 1               # its other form
    python benchmarks/time_to_code.py --json                       # what data/results/time_to_code.csv says of them

The clock runs while a model is built and trains, and stands while it is measured: every `--every` seconds on it,
codes are matched to digits on the tuning digits and scored there, and L_I is measured on 2,000 fakes. A preset runs
to the end of its recipe, the yardstick to `--cap` seconds. The table keeps the first second at which each line was
passed, blank where it was not, and the last accuracy. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from textbook import FORMS, Textbook, batches

from infogan_lib import Training, data
from infogan_lib.course import results
from infogan_lib.measure import metrics
from infogan_lib.training import presets

PRESETS = ("mnist", "mnist-paper")
LINES = (80, 90, 95, 97)  # per cent of the tuning digits
NATS = 2.2
FAKES = 2_000
CAP = 600.0


def contestant(name: str, seed: int) -> tuple[metrics.Reads, Callable[[], bool]]:
    """What is measured, and a function that trains one step; False when its recipe has ended."""
    if name in FORMS:
        model, source = Textbook(name, seed), batches(data.mnist("train"), seed)
        return model, lambda: bool(model.step(next(source)))
    preset = presets.load(name)
    run = Training(preset.build(), preset.data("train"), preset.recipe, seed=seed)
    return run.model, lambda: next(run, None) is not None


def race(name: str, seed: int, every: float, cap: float) -> dict[str, Any]:
    """One row of the table."""
    tune = data.mnist("tune")
    clock, begun, steps, look = 0.0, time.perf_counter(), 0, every
    passed: dict[str, float] = {}
    wanted = {f"seconds_{line}" for line in LINES} | {"seconds_nats"}
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
        now = {f"seconds_{line}" for line in LINES if accuracy >= line} | ({"seconds_nats"} if nats >= NATS else set())
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contestants", nargs="*", metavar="contestant", help=", ".join([*PRESETS, *FORMS]))
    parser.add_argument("--seeds", type=int, nargs="+", default=[100])
    parser.add_argument("--every", type=float, default=5.0, help="seconds of training between two looks")
    parser.add_argument("--cap", type=float, default=CAP, help="seconds of training at most")
    parser.add_argument("--json", action="store_true", help="print the table's medians as JSON")
    args = parser.parse_args()
    if unknown := set(args.contestants) - {*PRESETS, *FORMS}:  # argparse's own choices refuse an empty list
        parser.error(f"unknown contestant {min(unknown)!r}; choose among {', '.join([*PRESETS, *FORMS])}")
    for name in args.contestants:
        for seed in args.seeds:
            command = (
                f"python benchmarks/time_to_code.py {name} --seeds {seed} --every {args.every:g} --cap {args.cap:g}"
            )
            row = race(name, seed, args.every, args.cap) | {"command": command, "commit": results.commit()}
            results.put("time_to_code", [row], ["contestant", "seed"])
    if args.json:
        print(json.dumps(summary(), indent=1))


if __name__ == "__main__":
    main()
