"""InfoGAN with views on MNIST: the rows, the ladder that leads there, controls, and what views leave to be read.

    python benchmarks/mnist.py views --seeds 10 11 12 13 14        # the headline: matched on tune, scored on test
    python benchmarks/mnist.py views --seeds 110 --score tune      # while choosing settings: test is not touched
    python benchmarks/mnist.py baselines                           # what the codes are to be compared with
    python benchmarks/mnist.py table                               # view by factor, on real digits, before any training
    python benchmarks/mnist.py ladder                              # sweeps of models that do not ship, as pictures
    python benchmarks/mnist.py ship                                # choose, of "views" and of "gallery", what ships

Runs already finished in --runs are scored again, not trained again. Nothing is asked of real images in any of these
rows but the two of the consistency loss.

infogan       the same game, every code read off the image itself: no knowledge put in
nudge         the digit code reads nudged copies
one-blur      and the two amounts read blurred ones, the same for both
views         and each its own: one in spite of the build, the other in spite of the lean
gallery       the same with twice as many channels, for more steps
control       "views" with lambda_G = 0 and nothing else changed
consistency   "infogan" and the consistency loss on real images (benchmarks/consistency.py has its parts)
both          "views" and that loss
fresh-q       G of "infogan" frozen, and a new Q taught on its nudged fakes: does the view teach G, or Q alone?
paper         the paper's own recipe and network
baselines     Random codes and k-means (10 clusters on 50 principal components of the training digits) are matched on
              the tuning digits and scored on the test digits, as the codes are. The ceiling is for fakes: ten codes
              of equal weight, one a digit, cannot match digits of unequal weight better than that.
ship          No label enters. Among seeds whose digit code is informative (L_I of at least 2.25 nats) and balanced
              (entropy of Q's answers on real tuning digits of at least 2.25 nats), the one whose code agrees best with
              the codes of the other seeds, as the share of tuning digits on which they say the same after a one-to-one
              matching. The control is the same seed's.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import experiment
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from infogan_lib import InfoGAN, Latent, LatentSpec, data, entropy, lower_bound
from infogan_lib.core import views
from infogan_lib.course import results
from infogan_lib.course.lessons import ladder
from infogan_lib.measure import judge, metrics, readers, report, view_probe
from infogan_lib.training import devices, ema, presets
from infogan_lib.training.presets import Preset

FINAL = [10, 11, 12, 13, 14]  # the seeds of the rows, never run before; settings are chosen with seeds from 100 on
FAKES = 10_000
ENOUGH = 2.25  # nats, of ln 10 = 2.303
CURVES = ("views", "control", "paper")  # of which L_I is kept, step by step
RUNGS = ("infogan", "nudge", "one-blur", "views")
VIEWS, GALLERY = presets.load("mnist"), presets.load("mnist-gallery")
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
    "paper": presets.load("mnist-paper"),
    # Tried while the recipe was chosen: how L_I weighs for G, and for Q and the trunk that it shares with D.
    "loud": weighed(1.0, 0.15, 1.0, 0.15),
    "softer": weighed(1.0, 0.15, 0.3, 0.15),
    "softest": weighed(1.0, 0.15, 0.1, 0.05),
    "softest-firm": weighed(1.0, 0.3, 0.1, 0.05),
    "firmer": weighed(1.0, 0.5, 0.2, 0.05),
    "softer-firm": weighed(1.0, 0.3, 0.3, 0.05),
    # And how fast D and Q learn.
    "fast-d": seen(*ALL, lr_d=4e-4),
    "fast-q": seen(*ALL, lr_d=3e-4, lr_q=2e-3),
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


def quality(model: InfoGAN, split: str) -> tuple[dict[str, Any], Latent, torch.Tensor]:
    """Accuracies on real digits, everything else on 10,000 fakes, which are returned with their latents.

    slant: the |Spearman| of the code that moves it most; stroke: that of the other code with thickness or width,
    whichever is more.
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
    return row | {"confusion": " ".join(str(n) for counts in result["confusion"] for n in counts)}, latent, fakes


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


def score(model: InfoGAN, split: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a row holds, and the sweeps of both amounts: the shares that are natural, the same digit, and both.

    What `quality` measures, and of the slant and stroke that it names: the |Spearman| of the other code, and
    how many digits are moved the same way. natural_1 and natural_2 are the lowest share of "both" up to +-1 and up to
    +-2, over the two codes.
    """
    row, latent, fakes = quality(model, split)
    confusion, moments = row.pop("confusion"), readers.moments(fakes)
    slant, other = ("c1", "c2") if row["slant_code"] == "c1" else ("c2", "c1")
    for name, code, rest, kind in (("slant", slant, other, "slant"), ("stroke", other, slant, row["stroke_kind"])):
        row[f"{name}_other"] = abs(row[f"{rest}_{kind}"])
        rho = torch.tensor(metrics.group_spearmans(latent[code], moments[kind], latent["digit"]))
        row[f"{name}_signs"] = max((rho > 0).sum().item(), (rho < 0).sum().item())

    sweeps, whole, reader = [], judge.digit_judge(), readers.digit_reader()
    for code in ("c1", "c2"):
        points, kept = judge.natural_sweep(model, code, whole, reader.read, rows=FAKES // 20)
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
        experiment.put(f"mnist_{suffix}", [about | row], list(about), options)
        if args.score == "test":
            rows = [about | sweep for sweep in sweeps]
            experiment.put("mnist_sweeps", rows, [*about, "code", "value"], options)
            if args.variant in CURVES:
                keep_curve(args.variant, seed, experiment.run_folder(args, preset, args.variant, seed) / "log.csv")


def keep_curve(variant: str, seed: int, log: Path, every: int = 10) -> None:
    """L_I of the digit code, as the run's own log has it, thinned."""
    points = [row for row in csv.DictReader(log.open()) if int(row["step"]) == 1 or int(row["step"]) % every == 0]
    rows = [{"variant": variant, "seed": seed, "step": p["step"], "nats": p["nats/digit"]} for p in points]
    results.put("mnist_curves", rows, keys=("variant", "seed"))


def accuracies(tune_codes: torch.Tensor, test_codes: torch.Tensor) -> tuple[float, float]:
    """With one label a category, and with the commonest label of each."""
    tune, test = data.mnist("tune").labels, data.mnist("test").labels
    assert tune is not None and test is not None
    counts = metrics.confusion(tune_codes, tune, 10, 10)
    one, majority = (metrics.accuracy(metrics.match(counts, m), test_codes, test) for m in ("hungarian", "majority"))
    return one, majority


def baselines(seed: int = 0) -> None:
    train, tune, test = (data.mnist(split) for split in ("train", "tune", "test"))
    flat = {s.name: s.images.flatten(1).numpy() / 255 for s in (train, tune, test)}
    pca = PCA(50, random_state=seed).fit(flat[train.name])
    kmeans = KMeans(10, n_init=10, random_state=seed).fit(pca.transform(flat[train.name]))
    clusters = [torch.from_numpy(kmeans.predict(pca.transform(flat[s.name]))).long() for s in (tune, test)]
    generator = torch.Generator().manual_seed(seed)
    random = [torch.randint(10, (len(s),), generator=generator) for s in (tune, test)]
    assert train.labels is not None
    shares = torch.bincount(train.labels) / len(train)
    found = {
        "random codes": accuracies(*random),
        "k-means on PCA-50": accuracies(*clusters),
        "ceiling on fakes": (shares.clamp(max=0.1).sum().item(),) * 2,
    }
    rows = [
        {"baseline": name, "code_accuracy": round(one, 4), "majority_accuracy": round(majority, 4), "seed": seed}
        for name, (one, majority) in found.items()
    ]
    experiment.put("mnist_baselines", rows, ["baseline"])


def agreement(codes: torch.Tensor, others: list[torch.Tensor]) -> float:
    """Mean share of images on which another seed's code says the same, after matching one to one."""
    matched = [metrics.match(metrics.confusion(codes, other, 10, 10)) for other in others]
    return sum(metrics.accuracy(m, codes, other) for m, other in zip(matched, others)) / len(others)


def without_labels(models: dict[int, InfoGAN]) -> list[dict[str, Any]]:
    """Of each seed: L_I, the entropy of the code's answers on tuning digits, its mean agreement with the others."""
    tune = data.mnist("tune")
    codes = {seed: metrics.read_codes(model, tune, "digit") for seed, model in models.items()}
    table = []
    for seed, model in models.items():
        shares = torch.bincount(codes[seed], minlength=10).double() / len(tune)
        row = {"nats": metrics.measure_nats(model)["digit"]["mean"], "balance": entropy(shares).item()}
        row["agreement"] = agreement(codes[seed], [c for other, c in codes.items() if other != seed])
        table.append({"seed": seed} | {k: round(v, 4) for k, v in row.items()})
    return table


def choose(models: dict[int, InfoGAN]) -> tuple[int, list[dict[str, Any]]]:
    """The seed that ships, and what was known of each."""
    table = without_labels(models)
    fit = [row for row in table if min(row["nats"], row["balance"]) >= ENOUGH]
    if not fit:
        raise SystemExit(f"no seed is informative and balanced: {table}")
    return max(fit, key=lambda row: row["agreement"])["seed"], table


def ship(args: argparse.Namespace) -> None:
    """The small model with its control, and the wide one."""
    for files in ({"views": "mnist", "control": "mnist-control"}, {"gallery": "mnist-gallery"}):
        experiment.ship(
            args,
            VARIANTS,
            files,
            choose,
            lambda model: report.evaluate(model, data.mnist("tune"), data.mnist("test")),
            FINAL,
        )


def table() -> None:
    """View by factor, on the first training digits."""
    names = ("plain", "nudged", "blurred", "any-build", "any-lean")
    found = view_probe.view_table(data.mnist("train"), names)
    rows = [{"view": name, **{factor: round(r, 3) for factor, r in row.items()}} for name, row in found.items()]
    experiment.put("mnist_views", rows, ["view"])


def record_ladder(args: argparse.Namespace) -> None:
    """Sweeps of each rung's first seed, whatever it reached."""
    for variant in RUNGS:
        seed = (args.seeds or FINAL)[0]
        model = experiment.trained(args, VARIANTS[variant], variant, seed)
        (row,) = results.read("mnist_seeds", variant=variant, seed=seed)
        counts = torch.tensor([int(n) for n in row["confusion"].split()]).view(10, 10)
        about = {"variant": variant, "seed": str(seed), **experiment.origin()}
        ladder.record(variant, ladder.sweeps(model, metrics.match(counts)), about)


def main() -> None:
    args = experiment.variant_arguments(__doc__, [*VARIANTS, "baselines", "table", "ladder", "ship"])
    if args.variant == "table":
        table()
    elif args.variant == "baselines":
        baselines()
    elif args.variant == "ladder":
        record_ladder(args)
    elif args.variant == "ship":
        ship(args)
    else:
        train_and_score(args)


if __name__ == "__main__":
    main()
