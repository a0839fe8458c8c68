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

FAKES = 10_000
FINAL = [10, 11, 12, 13, 14]  # the seeds of the rows, never run before; settings are chosen with seeds from 100 on
POINTS = torch.linspace(-2, 2, 9)
FACTORS = ("slant", "thickness", "width")
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

    Accuracies are those on real digits, everything else is measured on fakes. natural_1 and natural_2 are the lowest
    share of "both" up to +-1 and up to +-2, over the two codes. slant is the mean |Spearman| within a digit of the code
    that moves it most, slant_other that of the other code, slant_signs how many digits it moves the same way; so for
    stroke, which is thickness or width, whichever the other code moves more.
    """
    result = report.evaluate(model, data.mnist("tune"), data.mnist(split), FAKES)
    reader, (latent, fakes) = readers.digit_reader(), metrics.fakes(model, FAKES)
    real, read = data.mnist(split).batch(slice(None)), reader.read(fakes)
    own = metrics.match(metrics.confusion(latent["digit"], read, 10, 10), "majority")
    row: dict[str, Any] = {k: round(result[k], 4) for k in ("code_accuracy", "majority_accuracy")}
    row |= {f"nats_{name}": round(n["mean"], 4) for name, n in result["lower_bound_nats"].items()}
    row["same_digit"] = round(metrics.accuracy(own, latent["digit"], read), 4)
    row["diversity"] = round(metrics.diversity(model), 4)
    row["frechet"] = round(readers.frechet(reader.features(fakes), reader.features(real)), 3)

    moments, whole = readers.moments(fakes), judge.digit_judge()
    rho = {
        (code, kind): torch.tensor(metrics.group_spearmans(latent[code], moments[kind], latent["digit"]))
        for code in ("c1", "c2")
        for kind in FACTORS
    }
    size = {key: abs(found.mean().item()) for key, found in rho.items()}
    slant = max(("c1", "c2"), key=lambda code: size[code, "slant"])
    other = "c2" if slant == "c1" else "c1"
    stroke = max(("thickness", "width"), key=lambda kind: size[other, kind])
    row |= {"slant_code": slant, "stroke_kind": stroke}
    for name, code, rest, kind in (("slant", slant, other, "slant"), ("stroke", other, slant, stroke)):
        row[name], row[f"{name}_other"] = round(size[code, kind], 3), round(size[rest, kind], 3)
        row[f"{name}_signs"] = max((rho[code, kind] > 0).sum().item(), (rho[code, kind] < 0).sum().item())
    row |= {f"{code}_{kind}": round(found.mean().item(), 3) for (code, kind), found in rho.items()}

    sweeps = []
    for code in ("c1", "c2"):
        kept = judge.natural_sweep(model, code, whole, reader.read, POINTS, FAKES // 20)
        for i, point in enumerate(POINTS.tolist()):
            sweeps.append(
                {"code": code, "value": point, **{what: round(found[i].item(), 4) for what, found in kept.items()}}
            )
    for end in (1, 2):
        row[f"natural_{end}"] = min(sweep["both"] for sweep in sweeps if abs(sweep["value"]) <= end)
    return row | {"confusion": " ".join(str(n) for counts in result["confusion"] for n in counts)}, sweeps


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
