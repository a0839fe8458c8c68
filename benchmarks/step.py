"""Seconds a training step, beside the recipe that many ports share: ratios within one run, and where the time goes.

    python benchmarks/step.py [--rounds 12] [--steps 4] [--json] [--keep]
    python benchmarks/step.py --avx2     # as on a processor without AVX-512, such as many laptops have

All four take turns, some steps each, in every round; a ratio is the median over rounds of the ratio within a round.
Getting a batch counts, in all of them. "mnist" is timed as it is for most of its run, with its copies of real images.
"bfloat16" is the same preset in that precision, where the processor has instructions for it (AVX-512 BF16 or AMX).
Without them it is slower by far, and left out.

Required work of a step, in forward passes of D and of G: D's step reads real and fake images (2) and needs the
gradients of both (2 x 2); G's step reads the fakes again (1) and needs the gradient with respect to the image alone
(1): 8 of D. G itself: one forward, two backward: 3. "mnist" also asks Q of the copies: 3 more of D.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from figures import Figures, parser
from textbook import FORMS, Textbook, batches
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from infogan_lib import InfoGAN, Training, data
from infogan_lib.training import presets

# What limits each part of torch on a CPU: its convolutions, its matrix products, the rest.
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
PRESETS = {"mnist-paper": 8, "mnist": 11}  # required passes of D
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
    recipe = replace(preset.recipe, real_from=0, precision=precision)
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


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=12)
    options.add_argument("--steps", type=int, default=4, help="steps a turn")
    options.add_argument("--avx2", action="store_true", help="use no wider instructions than these")
    args = options.parse_args()
    if args.avx2 and not AVX2.items() <= os.environ.items():  # they are read once, when torch is loaded
        subprocess.run([sys.executable, *sys.argv], env=os.environ | AVX2, check=True)
        return
    figures = Figures(args.json)
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
    targets = {("mnist-paper", "fc"): "1.6", ("mnist-paper", "conv"): "6"}
    for name in PRESETS:
        for form in FORMS:
            ratios = [yardstick / own for own, yardstick in zip(taken[name], taken[form], strict=True)]
            ends = f"{min(ratios):.2f} to {max(ratios):.2f}"
            figures.put(f"{form} over {name}", statistics.median(ratios), "times", targets.get((name, form), ""), ends)
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
    figures.finish(args.keep)


if __name__ == "__main__":
    main()
