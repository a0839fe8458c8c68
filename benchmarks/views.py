"""InfoGAN with views on MNIST: the rows, the ladder that leads there, controls, and what views leave to be read.

    python benchmarks/views.py views --seeds 10 11 12 13 14        # matched on tune, scored on test
    python benchmarks/views.py views --seeds 100 101 --score tune  # while choosing settings: test is not touched
    python benchmarks/views.py table                               # view by factor, on real digits, before any training
    python benchmarks/views.py ship                                # choose, of "views" and of "gallery", what ships

Runs already finished in --runs are scored again, not trained again. Nothing is asked of real images in any of these
rows but the two of the consistency loss.

infogan       the same game, every code read off the image itself: no knowledge put in
nudge         the digit code reads nudged copies
one-blur      and the two amounts read blurred ones, the same for both
views         and each its own: one in spite of the build, the other in spite of the lean
gallery       the same with twice as many channels, for as many steps
control       "views" with lambda_G = 0 and nothing else changed
consistency   "infogan" and the consistency loss on real images
both          "views" and the consistency loss on real images
ship          no label enters: the rule is that of benchmarks/mnist.py
fresh-q       G of "infogan" frozen, and a new Q taught on its nudged fakes: does the view teach G, or Q alone?
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import experiment
import mnist
import torch

from infogan_lib import InfoGAN, LatentSpec, data, lower_bound
from infogan_lib.core import views
from infogan_lib.measure import judge, metrics, readers, report, view_probe
from infogan_lib.training import devices, ema, presets
from infogan_lib.training.presets import Preset

FINAL = [10, 11, 12, 13, 14]  # the seeds of the rows, never run before; settings are chosen with seeds from 100 on
VIEWS, GALLERY = presets.load("mnist-views"), presets.load("mnist-gallery")
HELP = {"real_weight": 1.0, "real_view": "nudged"}


def seen(digit: str, c1: str, c2: str, preset: Preset = VIEWS, **recipe: Any) -> Preset:
    """ "views" with its codes read off other views, and other numbers in its recipe."""
    codes = [replace(code, view=view) for code, view in zip(preset.spec.codes, (digit, c1, c2), strict=True)]
    spec = LatentSpec(preset.spec.noise, codes)
    return replace(preset, spec=spec, recipe=replace(preset.recipe, **recipe))


NONE, ALL = ("plain", "plain", "plain"), tuple(code.view for code in VIEWS.spec.codes)


def weighed(digit_g: float, style_g: float, digit_q: float, style_q: float) -> Preset:
    """ "views" with other weights of L_I."""
    pairs = {"lambda_g": (digit_g, style_g), "lambda_q": (digit_q, style_q)}
    return seen(*ALL, **{name: {"digit": d, "c1": s, "c2": s} for name, (d, s) in pairs.items()})


VARIANTS = {
    "infogan": seen(*NONE),
    "nudge": seen("nudged", "plain", "plain"),
    "one-blur": seen("nudged", "blurred", "blurred"),
    "views": VIEWS,
    "gallery": GALLERY,
    "control": seen(*ALL, lambda_g=0.0),
    "consistency": seen(*NONE, **HELP),
    "both": seen(*ALL, **HELP),
    "fresh-q": seen("nudged", "plain", "plain"),
    # Tried while the recipe was chosen: how L_I weighs for G, and for Q and the trunk that it shares with D.
    "loud": weighed(1.0, 0.15, 1.0, 0.15),
    "softer": weighed(1.0, 0.15, 0.3, 0.15),
    "softest": weighed(1.0, 0.15, 0.1, 0.05),
    "softest-firm": weighed(1.0, 0.3, 0.1, 0.05),
    "firmer": weighed(1.0, 0.5, 0.2, 0.05),
}


def fresh_q(args: argparse.Namespace, preset: Preset, seed: int, folder: Path) -> experiment.Trained:
    """Trunk and Q head drawn anew and taught on nudged fakes of the G that learnt without views."""
    model, recipe = preset.build(), preset.recipe
    model.initialise(seed)
    model.generator.load_state_dict(
        experiment.trained(args, VARIANTS["infogan"], "infogan", seed).generator.state_dict()
    )
    model.train()
    model.generator.eval().requires_grad_(False)
    average, generator = ema.running_average(model), torch.Generator().manual_seed(seed)
    parameters = [*model.trunk.parameters(), *model.q_head.parameters()] if model.q_head else []
    optimiser = devices.adam([{"params": parameters, "lr": recipe.lr_q}], (recipe.beta1, recipe.beta2), model.device)
    for step in range(recipe.steps):
        latent = model.spec.sample(recipe.batch, generator)
        shown, _ = views.look(model.spec, model.generator(latent.input), latent, generator)
        nats = lower_bound(model.spec, model.posterior(shown["nudged"]), latent, check=False)
        optimiser.zero_grad()
        (-nats["digit"].mean()).backward()
        optimiser.step()
        ema.update(average, model, recipe.ema, step + 1)
    return average, {"recipe": recipe.to_json(), "seed": seed, "step": recipe.steps}


def score(model: InfoGAN, split: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a row holds, and the sweeps of both amounts: the shares that are natural, the same digit, and both.

    The row is that of `mnist.quality`, and of the slant and stroke that it names: the |Spearman| of the other code, and
    how many digits are moved the same way. natural_1 and natural_2 are the lowest share of "both" up to +-1 and up to
    +-2, over the two codes.
    """
    row, latent, fakes = mnist.quality(model, split)
    confusion, moments = row.pop("confusion"), readers.moments(fakes)
    slant, other = ("c1", "c2") if row["slant_code"] == "c1" else ("c2", "c1")
    for name, code, rest, kind in (("slant", slant, other, "slant"), ("stroke", other, slant, row["stroke_kind"])):
        row[f"{name}_other"] = abs(row[f"{rest}_{kind}"])
        rho = torch.tensor(metrics.group_spearmans(latent[code], moments[kind], latent["digit"]))
        row[f"{name}_signs"] = max((rho > 0).sum().item(), (rho < 0).sum().item())

    sweeps, whole, reader = [], judge.digit_judge(), readers.digit_reader()
    for code in ("c1", "c2"):
        points, kept = judge.natural_sweep(model, code, whole, reader.read, rows=mnist.FAKES // 20)
        shares = {what: found.tolist() for what, found in kept.items()}
        for i, point in enumerate(points.tolist()):
            sweeps.append(
                {"code": code, "value": point, **{what: round(found[i], 4) for what, found in shares.items()}}
            )
    for end in (1, 2):
        row[f"natural_{end}"] = min(sweep["both"] for sweep in sweeps if abs(sweep["value"]) <= end)
    return row | {"confusion": confusion}, sweeps


def train_and_score(args: argparse.Namespace) -> None:
    preset = VARIANTS[args.variant]
    suffix = "seeds" if args.score == "test" else "tuning"

    def learn(preset: Preset, seed: int, folder: Path) -> experiment.Trained:
        if args.variant == "fresh-q":
            return fresh_q(args, preset, seed, folder)
        return experiment.train(preset, seed, folder)

    for seed in args.seeds or FINAL[:1]:
        model = experiment.trained(args, preset, args.variant, seed, learn)
        about, options = {"variant": args.variant, "seed": seed}, experiment.one_seed(args, seed)
        row, sweeps = score(model, args.score)
        about |= {"steps": model.manifest["recipe"]["steps"]}
        row |= {"seconds": round(model.manifest["seconds"]), "threads": model.manifest["threads"]}
        experiment.put(f"views_{suffix}", [about | row], list(about), options)
        if args.score == "test":
            rows = [about | sweep for sweep in sweeps]
            experiment.put("views_sweeps", rows, [*about, "code", "value"], options)


def ship(args: argparse.Namespace) -> None:
    """The small model with its control, and the wide one."""
    for files in ({"views": "mnist-views", "control": "mnist-views-control"}, {"gallery": "mnist-gallery"}):
        experiment.ship(
            args,
            VARIANTS,
            files,
            mnist.choose,
            lambda model: report.evaluate(model, data.mnist("tune"), data.mnist("test")),
            FINAL,
        )


def table() -> None:
    """View by factor, on the first training digits."""
    names = ("plain", "nudged", "blurred", "any-build", "any-lean")
    found = view_probe.view_table(data.mnist("train"), names)
    rows = [{"view": name, **{factor: round(r, 3) for factor, r in row.items()}} for name, row in found.items()]
    experiment.put("views_table", rows, ["view"])


def main() -> None:
    args = experiment.variant_arguments(__doc__, [*VARIANTS, "table", "ship"])
    if args.variant == "table":
        table()
    elif args.variant == "ship":
        ship(args)
    else:
        train_and_score(args)


if __name__ == "__main__":
    main()
