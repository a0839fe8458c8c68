"""InfoGAN and its control as a film: the same latents through both generators while they train, and their L_I.

    python benchmarks/film.py --seed 100    # trains what --runs does not hold yet, then writes data/films/mnist.json

Both are variants of benchmarks/mnist.py, "views" and "control", which differ in lambda_G alone; with one seed. At
MOMENTS moments, dense at the beginning, ROWS latents are shown with each of the ten digit codes, by the averaged
generator. L_I is that of the run's reports, in G's step; each point of a curve is the mean since the point before.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import experiment
import mnist
import numpy as np
import torch
from PIL import Image

from infogan_lib import Latent, LatentSpec, Training
from infogan_lib.core.bound import calibration
from infogan_lib.course import results
from infogan_lib.data import to_uint8
from infogan_lib.data.files import ROOT, write_bytes
from infogan_lib.training.presets import Preset

FILE = ROOT / "films" / "mnist.json"
MODELS = {"InfoGAN": "views", "control": "control"}  # the heading of each picture: its variant
ROWS, MOMENTS, POINTS = 6, 24, 96  # latents; pictures; points of a curve
LARGEST = 78_000  # bytes of all pictures of a model: both, in base64, leave the page under 300 kB


def steps_of(count: int, steps: int) -> list[int]:
    """Steps evenly spaced along their cube root: what codes come to mean is settled in the first hundreds."""
    return sorted({max(1, round(steps * (k / count) ** 3)) for k in range(1, count + 1)})


def latents(spec: LatentSpec) -> Latent:
    """ROWS draws from the prior, each with every digit code in turn: ROWS x 10 latents, row by row."""
    start = spec.sample(ROWS, torch.Generator().manual_seed(0))
    return spec.sweep("digit", start.noise, c1=start["c1"], c2=start["c2"])


def watch(preset: Preset, seed: int) -> dict[str, np.ndarray]:
    """Train, and keep the pictures, uint8 (moments, ROWS * H, 10 * W), and each code's L_I at every step."""
    moments, shown = set(steps_of(MOMENTS, preset.recipe.steps)), latents(preset.spec)
    pictures: list[np.ndarray] = []
    nats: dict[str, list[float]] = {name: [] for name in preset.spec.names}
    run = Training(preset.build(), preset.data("train"), preset.recipe, seed=seed)
    for report in run:
        for name, value in report.nats.items():
            nats[name].append(float(value))
        if report.step in moments:
            images = to_uint8(run.averaged.generate(shown).cpu())
            side = images.shape[-1]
            sheet = images.view(ROWS, -1, side, side).permute(0, 2, 1, 3).reshape(ROWS * side, -1)
            pictures.append(sheet.numpy())
            print(f"step {report.step}: L_I of the digit code {report.nats['digit']:.2f} nats", flush=True)
    return {"pictures": np.stack(pictures), **{name: np.array(values) for name, values in nats.items()}}


def sprite(pictures: np.ndarray) -> str:
    """All pictures of a model, one below the other, as WebP in base64: the best that is no larger than LARGEST."""
    strip = Image.fromarray(pictures.reshape(-1, pictures.shape[-1])).convert("RGB")
    for quality in range(60, 0, -5):
        file = io.BytesIO()
        strip.save(file, "webp", quality=quality, method=6)
        if file.tell() <= LARGEST:
            break
    return base64.b64encode(file.getvalue()).decode()


def thinned(values: np.ndarray, points: list[int]) -> list[float]:
    return [round(float(part.mean()), 3) for part in np.split(values, points)[:-1]]


def record(args: argparse.Namespace) -> None:
    films, spec = [], mnist.VIEWS.spec
    for name, variant in MODELS.items():
        preset = mnist.VARIANTS[variant]
        preset = replace(preset, recipe=replace(preset.recipe, steps=args.steps or preset.recipe.steps))
        kept = args.runs / f"film-{variant}-{args.seed}-{preset.recipe.steps}.npz"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(kept, **watch(preset, args.seed))
        found = np.load(kept)
        points = steps_of(POINTS, preset.recipe.steps)
        nats = {code: thinned(found[code], points) for code in spec.names}
        films.append({"name": name, "nats": nats, "sprite": sprite(found["pictures"])})
    film: dict[str, Any] = {
        "command": f"python benchmarks/film.py --seed {args.seed}" + (f" --steps {args.steps}" if args.steps else ""),
        "commit": results.commit(),
        "steps": steps_of(MOMENTS, preset.recipe.steps),
        "points": points,
        "size": [*found["pictures"].shape[1:]],
        "most": {code.name: round(calibration(code).perfect, 3) for code in spec.codes},
        "films": films,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(args.out, json.dumps(film).encode())
    print(f"{args.out}: {args.out.stat().st_size / 1000:.0f} kB")


def main() -> None:
    made = experiment.parser(__doc__)
    made.add_argument("--seed", type=int, default=100)
    made.add_argument("--steps", type=int, help="training steps, if not those of the recipe")
    made.add_argument("--runs", type=Path, default=Path("runs"), help="the folder where recordings are kept")
    made.add_argument("--out", type=Path, default=FILE)
    record(made.parse_args())


if __name__ == "__main__":
    main()
