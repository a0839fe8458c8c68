"""Train one variant of the MNIST experiment over seeds and add a row for each to data/results/.

    python benchmarks/mnist.py infogan --seeds 0 1 2 3 4            # the headline: matched on tune, scored on test
    python benchmarks/mnist.py infogan --seeds 100 101 --score tune # while choosing settings: test is not touched
    python benchmarks/mnist.py baselines                            # what the codes are to be compared with
    python benchmarks/mnist.py ship                                 # choose, of infogan and control, what ships

Runs already finished in --runs are scored again, not trained again.

baselines    Random codes and k-means (10 clusters on 50 principal components of the training digits) are matched on
             the tuning digits and scored on the test digits, as the codes are. The ceiling is for fakes: ten codes
             of equal weight, one a digit, cannot match digits of unequal weight better than that.
ship         No label enters. Among seeds whose digit code is informative (L_I of at least 2.25 nats) and balanced
             (entropy of Q's answers on real tuning digits of at least 2.25 nats), the one whose code agrees best with
             the codes of the other seeds, as the share of tuning digits on which they say the same after a one-to-one
             matching. Its control is the same seed's.
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

from infogan_lib import InfoGAN, Latent, LatentSpec, data, entropy
from infogan_lib.core import views
from infogan_lib.core.objectives import real_image_loss
from infogan_lib.course import results
from infogan_lib.measure import metrics, readers, report
from infogan_lib.training import ema, presets
from infogan_lib.training.presets import Preset

FAKES = 10_000
ENOUGH = 2.25  # nats, of ln 10 = 2.303
MNIST = presets.load("mnist")
DIGIT, *STYLE = MNIST.spec.codes
SHARPER = LatentSpec(MNIST.spec.noise, [DIGIT, *(replace(code, sigma_floor=0.1) for code in STYLE)])


def changed(q_on: str = MNIST.q_on, spec: LatentSpec = MNIST.spec, **recipe: Any) -> Preset:
    return replace(MNIST, q_on=q_on, spec=spec, recipe=replace(MNIST.recipe, **recipe))


VARIANTS = {
    "infogan": MNIST,
    "control": changed(lambda_g=0.0, lambda_q=1.0, real_weight=0.0),
    "plain": changed(real_weight=0.0),
    "plain-trunk": changed("trunk", real_weight=0.0),
    "plain-separate": changed("separate", real_weight=0.0),
    "trunk": changed("trunk"),
    "no-stroke": changed(real_view="moved"),
    "no-certainty": changed(real_entropy=0.0),
    "floor-0.1": changed(spec=SHARPER),
    "cluster": MNIST,  # the loss on real images alone: no generator, no game
    "paper": presets.load("mnist-paper"),
}
for weight in (0.0, 0.01, 0.1, 1.0, 10.0):  # of the digit code's L_I in G's step; Q reads as hard in all of them
    VARIANTS[f"lambda-{weight:g}"] = changed(real_weight=0.0, lambda_g={"digit": weight, **presets.CONTINUOUS})


def cluster(preset: Preset, seed: int, folder: Path) -> experiment.Trained:
    """Trunk and Q head on real images alone, for as many steps and with the same rates."""
    model, recipe = preset.build(), preset.recipe
    generator = torch.Generator().manual_seed(seed)
    model.initialise(seed)
    average = ema.running_average(model.train())
    images = data.mnist("train")
    rates = [(model.trunk, recipe.lr_d), (model.q_head, recipe.lr_q)]
    optimiser = torch.optim.Adam([{"params": m.parameters(), "lr": lr} for m, lr in rates], betas=(recipe.beta1, 0.999))
    for step in range(recipe.steps):
        real = images.batch(torch.randint(len(images), (recipe.batch,), generator=generator))
        view, _ = views.get(recipe.real_view).draw(real, {}, generator)
        posterior, of_view = model.posterior(real), model.posterior(view)
        optimiser.zero_grad()
        real_image_loss(model.spec, posterior, of_view, recipe.real_entropy)["digit"].backward()
        optimiser.step()
        ema.update(average, model, recipe.ema, step)
    return average, {"recipe": recipe.to_json(), "seed": seed}


def keep_curve(variant: str, seed: int, log: Path, every: int = 10) -> None:
    """L_I of the digit code, as the run's own log has it, thinned."""
    if log.exists():
        points = [row for row in csv.DictReader(log.open()) if int(row["step"]) == 1 or int(row["step"]) % every == 0]
        rows = [{"variant": variant, "seed": seed, "step": p["step"], "nats": p["nats/digit"]} for p in points]
        results.put("mnist_curves", rows, keys=("variant", "seed"))


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


def score(model: InfoGAN, split: str) -> dict[str, Any]:
    """What a row of the table holds: `quality`, and whether sweeps keep their digit.

    keeps_1 and keeps_2: share of sweeps within the trained range, and to twice of it, in which the reader
    sees one digit throughout, the lower of the two codes.
    """
    row, reader = quality(model, split)[0], readers.digit_reader()
    confusion = row.pop("confusion")
    for label, beyond in (("keeps_1", False), ("keeps_2", True)):
        kept = [metrics.sweep_keeps(model, code.name, reader.read, beyond, FAKES // 20) for code in STYLE]
        row[label] = round(min(kept), 4)
    return row | {"confusion": confusion}


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


def train_and_score(args: argparse.Namespace) -> None:
    preset, table = VARIANTS[args.variant], f"mnist_{'seeds' if args.score == 'test' else 'tuning'}"
    learn = cluster if args.variant == "cluster" else experiment.train
    for seed in args.seeds or [0]:
        model = experiment.trained(args, preset, args.variant, seed, learn)
        steps = model.manifest["recipe"]["steps"]
        row = {"variant": args.variant, "seed": seed, "steps": steps, "threads": torch.get_num_threads()}
        row |= {**score(model, args.score), "seconds": round(model.manifest["seconds"])}
        experiment.put(table, [row], ("variant", "seed", "steps"), experiment.one_seed(args, seed))
        if args.score == "test":
            log = experiment.run_folder(args, preset, args.variant, seed) / "log.csv"
            keep_curve(args.variant, seed, log)


def main() -> None:
    args = experiment.variant_arguments(__doc__, [*VARIANTS, "baselines", "ship"])
    if args.variant == "baselines":
        baselines()
    elif args.variant == "ship":
        files = {"infogan": "mnist", "control": "mnist-control"}
        experiment.ship(
            args, VARIANTS, files, choose, lambda model: report.evaluate(model, data.mnist("tune"), data.mnist("test"))
        )
    else:
        train_and_score(args)


if __name__ == "__main__":
    main()
