"""Train one variant of the MNIST experiment over seeds and add a row for each to data/results/.

    python benchmarks/mnist.py infogan --seeds 0 1 2 3 4            # the headline: matched on tune, scored on test
    python benchmarks/mnist.py infogan --seeds 100 101 --score tune # while choosing settings: test is not touched

Runs already finished in --runs are scored again, not trained again.
"""

from __future__ import annotations

import argparse
import csv
import os
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from infogan_lib import InfoGAN, Latent, LatentSpec, Recipe, Training, Uniform, data
from infogan_lib.core.objectives import real_image_loss
from infogan_lib.core.views import augment
from infogan_lib.course import results
from infogan_lib.measure import metrics, readers, report
from infogan_lib.training import presets, weights

FAKES = 10_000
MNIST = presets.load("mnist")
# What each variant changes in the preset "mnist".
VARIANTS: dict[str, dict[str, Any]] = {
    "infogan": {},
    "control": {"lambda_g": 0.0, "lambda_q": 1.0, "real_weight": 0.0},
    "plain": {"real_weight": 0.0},
    "plain-trunk": {"real_weight": 0.0, "q_on": "trunk"},
    "plain-separate": {"real_weight": 0.0, "q_on": "separate"},
    "trunk": {"q_on": "trunk"},
    "no-stroke": {"real_stroke": 0.0},
    "no-certainty": {"real_entropy": 0.0},
    "floor-0.1": {"sigma_floor": 0.1},
    "cluster": {},  # the loss on real images alone: no generator, no game
    "paper": {},  # the preset "mnist-paper"
}
for weight in (0.0, 0.01, 0.1, 1.0, 10.0):  # of the digit code's L_I in G's step; Q reads as hard in all of them
    VARIANTS[f"lambda-{weight:g}"] = {"real_weight": 0.0, "lambda_g": {"digit": weight, **presets.CONTINUOUS}}


def train(variant: str, seed: int, folder: Path, steps: int | None) -> tuple[InfoGAN, Recipe, float]:
    """The trained model, its recipe and the seconds it took; from the folder if it is there already."""
    preset = presets.load("mnist-paper") if variant == "paper" else MNIST
    change = dict(VARIANTS[variant])
    preset = replace(preset, q_on=change.pop("q_on", preset.q_on))
    if "sigma_floor" in change:
        floor = change.pop("sigma_floor")
        codes = [replace(c, sigma_floor=floor) if isinstance(c, Uniform) else c for c in preset.spec.codes]
        preset = replace(preset, spec=LatentSpec(preset.spec.noise, codes))
    recipe = replace(preset.recipe, **change)
    recipe = replace(recipe, steps=steps or recipe.steps)
    path = folder / "weights.safetensors"
    if path.exists():
        model = weights.load(path)
        return model, recipe, model.manifest["seconds"]
    begun = time.perf_counter()
    if variant == "cluster":
        model = cluster(preset.build(), recipe, seed)
        manifest: dict[str, Any] = {"recipe": recipe.to_json(), "seed": seed}
    else:
        if (folder / "manifest.json").exists():
            run = Training.resume(folder, preset.data("train"))
        else:
            run = Training(preset.build(), preset.data("train"), recipe, seed=seed, folder=folder)
        for _ in run:
            pass
        model, manifest = run.model, {**run.manifest(), "step": run.step}
    seconds = time.perf_counter() - begun
    weights.save(
        model, path, {**manifest, "variant": variant, "seconds": round(seconds, 1), "threads": torch.get_num_threads()}
    )
    return weights.load(path), recipe, seconds


def cluster(model: InfoGAN, recipe: Recipe, seed: int) -> InfoGAN:
    """Trunk and Q head on real images alone, for as many steps and with the same rates."""
    generator = torch.Generator().manual_seed(seed)
    model.initialise(seed)
    model.train().start_average()
    images = data.mnist("train")
    rates = [(model.trunk, recipe.lr_d), (model.q_head, recipe.lr_q)]
    optimiser = torch.optim.Adam([{"params": m.parameters(), "lr": lr} for m, lr in rates], betas=(recipe.beta1, 0.999))
    for step in range(recipe.steps):
        real = images.batch(torch.randint(len(images), (recipe.batch,), generator=generator))
        copy = augment(real, generator, stroke=recipe.real_stroke)
        posterior, augmented = model.discriminate(real)[1], model.discriminate(copy)[1]
        optimiser.zero_grad()
        real_image_loss(model.spec, posterior, augmented, recipe.real_entropy)["digit"].backward()
        optimiser.step()
        model.update_average(min(recipe.ema, step / (step + 10)))
    return model


def keep_curve(variant: str, seed: int, log: Path, every: int = 10) -> None:
    """L_I of the digit code, as the run's own log has it, thinned."""
    if log.exists():
        points = [row for row in csv.DictReader(log.open()) if int(row["step"]) == 1 or int(row["step"]) % every == 0]
        rows = [{"variant": variant, "seed": seed, "step": p["step"], "nats": p["nats/digit"]} for p in points]
        results.put("mnist_curves", rows, keys=("variant", "seed"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", choices=VARIANTS)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--score", choices=("tune", "test"), default="test", help="seeds below 100 only on test")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    args = parser.parse_args()
    if (args.score == "test" and max(args.seeds) >= 100) or (args.score == "tune" and min(args.seeds) < 100):
        parser.error("seeds below 100 are scored on test, the others on tune")
    command = shlex.join(["python", os.path.relpath(sys.argv[0]), args.variant])
    command += f" --seeds {{seed}} --score {args.score}" + (f" --steps {args.steps}" if args.steps else "")
    for seed in args.seeds:
        name = f"{args.variant}-{seed}" + (f"-{args.steps}" if args.steps else "")
        folder = args.runs / name
        model, recipe, seconds = train(args.variant, seed, folder, args.steps)
        row = score(model, args.score)
        about = {"variant": args.variant, "seed": seed, "steps": recipe.steps, "threads": torch.get_num_threads()}
        origin = {"seconds": round(seconds), "command": command.format(seed=seed), "commit": results.commit()}
        table = f"mnist_{'seeds' if args.score == 'test' else 'tuning'}"
        results.put(table, [{**about, **row, **origin}], keys=("variant", "seed", "steps"))
        if args.score == "test":
            keep_curve(args.variant, seed, folder / "log.csv")
        shown = {k: v for k, v in row.items() if k != "confusion"}
        print(about, shown, f"{seconds:.0f} s", flush=True)


def score(model: InfoGAN, split: str) -> dict[str, Any]:
    """What a row of the table holds. Accuracies on real digits; everything else on 10,000 fakes.

    keeps_1 and keeps_2: share of sweeps within the trained range, and to twice of it, in which the reader
    sees one digit throughout, the lower of the two codes. slant: the |Spearman| of the code that moves it
    most; stroke: that of the other code with thickness or width, whichever is more.
    """
    result = report.evaluate(model, data.mnist("tune"), data.mnist(split), FAKES)
    reader, (latent, fakes) = readers.digit_reader(), metrics.fakes(model, FAKES)
    real = data.mnist(split).batch(slice(None))
    read = reader.read(fakes)
    own = metrics.match(metrics.confusion(latent["digit"], read, 10, 10), "majority")
    row: dict[str, Any] = {k: round(result[k], 4) for k in ("code_accuracy", "majority_accuracy")}
    row["digits_without_a_code"] = 10 - len({counts.index(max(counts)) for counts in result["confusion"]})
    row |= {f"nats_{name}": round(n["mean"], 4) for name, n in result["lower_bound_nats"].items()}
    row["same_digit"] = round(metrics.accuracy(own, latent["digit"], read), 4)
    row["diversity"] = round(metrics.diversity(model), 4)
    row["frechet"] = round(readers.frechet(reader.features(fakes), reader.features(real)), 3)
    row |= style(latent, readers.moments(fakes))
    for label, beyond in (("keeps_1", False), ("keeps_2", True)):
        row[label] = round(
            min(metrics.sweep_keeps(model, c, reader.read, beyond, FAKES // 20) for c in ("c1", "c2")), 4
        )
    return row | {"confusion": " ".join(str(n) for counts in result["confusion"] for n in counts)}


def style(latent: Latent, attributes: dict[str, torch.Tensor]) -> dict[str, Any]:
    rho = {
        (code, kind): metrics.within_groups_spearman(latent[code], value, latent["digit"])
        for code in ("c1", "c2")
        for kind, value in attributes.items()
    }
    slant = max(("c1", "c2"), key=lambda code: abs(rho[code, "slant"]))
    other = "c2" if slant == "c1" else "c1"
    stroke = max(("thickness", "width"), key=lambda kind: abs(rho[other, kind]))
    return {
        "slant_code": slant,
        "slant": round(abs(rho[slant, "slant"]), 3),
        "stroke_kind": stroke,
        "stroke": round(abs(rho[other, stroke]), 3),
        **{f"{code}_{kind}": round(value, 3) for (code, kind), value in rho.items()},
    }


if __name__ == "__main__":
    main()
