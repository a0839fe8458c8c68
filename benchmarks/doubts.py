"""Runs behind notebook 09, each a doubt about InfoGAN put to a test; their rows go to data/results/doubts_*.csv.

    python benchmarks/doubts.py codes --k 5 10 20         # as many codes as digits, fewer, more
    python benchmarks/doubts.py imbalance                 # digits 5 to 9 are kept one in ten
    python benchmarks/doubts.py early                     # lambda = 10, Q apart: L_I and accuracy, step by step
    python benchmarks/doubts.py agreement                 # of short plain runs with each other, beside their accuracy
    python benchmarks/doubts.py circular                  # hands of a clock under a linear code and a circular one
    python benchmarks/doubts.py hidden                    # L_I after blur, noise and shift, with a code that hides
    python benchmarks/doubts.py scores                    # MIG, DCI and the others of the shipped models, in full

Seeds are 100 and up and digits are scored on "tune": these are experiments, and no final figures. The digit runs are
those of benchmarks/consistency.py, but shorter (800, 400 and 120 steps, not 1600): compare them with each other.
"""

from __future__ import annotations

import argparse
import itertools
import math
from dataclasses import replace
from typing import Any

import experiment
import torch
from consistency import WHOLE
from mnist import without_labels
from torch import Tensor, nn

from infogan_lib import Categorical, Circular, InfoGAN, Latent, LatentSpec, Noise, Recipe, Training, Uniform, data
from infogan_lib.core.networks import Parts, register
from infogan_lib.data import Images, to_uint8
from infogan_lib.measure import code_maps, disentanglement, disturb, metrics, probe, readers, report
from infogan_lib.training import presets, weights
from infogan_lib.training.presets import Preset

SCORES_FROM = ("code_accuracy", "majority_accuracy", "nmi")


def shorter(preset: Preset, steps: int, **recipe: Any) -> Preset:
    return replace(preset, recipe=replace(preset.recipe, steps=steps, **recipe))


def scores_on_tune(model: InfoGAN, n: int = 10_000) -> tuple[dict[str, float], list[list[int]]]:
    """Accuracies and L_I of the digit code, for a row; and the counts (k, 10) behind them."""
    tune = data.mnist("tune")
    found = report.evaluate(model, tune, tune, n)
    nats = {"nats_digit": round(found["lower_bound_nats"]["digit"]["mean"], 4)}
    return {name: round(found[name], 4) for name in SCORES_FROM} | nats, found["confusion"]


def codes(args: argparse.Namespace) -> None:
    """InfoGAN with K states in place of ten. The spec is all that changes."""
    for seed, k in itertools.product(args.seeds or [100], args.k):
        game(args, "codes", seed, k, data.mnist("train"), f"codes --k {k}")


def imbalance(args: argparse.Namespace) -> None:
    """The same prior, ten equal states, on digits that are not equal: 5 to 9 are kept one in ten."""
    whole = data.mnist("train")
    assert whole.labels is not None
    kept = (whole.labels < 5) | (torch.arange(len(whole)) % 10 == 0)
    for seed in args.seeds or [100]:
        images = Images(whole.images[kept], None, "mnist-train-imbalanced")
        game(args, "imbalance", seed, 10, images, "imbalance")


def game(args: argparse.Namespace, name: str, seed: int, k: int, images: Images, options: str) -> None:
    spec = LatentSpec(WHOLE.spec.noise, [Categorical("digit", k), *WHOLE.spec.codes[1:]])
    preset = replace(shorter(WHOLE, 800), spec=spec, data=lambda _: images)
    model = experiment.trained(args, preset, f"{name}-{k}", seed)
    steps = model.manifest["step"]
    found, counts = scores_on_tune(model)
    row = {"experiment": name, "k": k, "seed": seed, "steps": steps, **found}
    row |= {"confusion": " ".join(str(n) for line in counts for n in line)}
    row |= {"seconds": round(model.manifest["seconds"])}
    keys = ("experiment", "k", "seed", "steps")
    experiment.put("doubts_digits", [row], keys, f"{options} --seeds {seed} --steps {steps}")


def early(args: argparse.Namespace) -> None:
    """L_I of the digit code and its accuracy as they go, where Q has its own trunk and information is paid tenfold."""
    steps, loud = args.steps or 120, {"digit": 10.0, **presets.CONTINUOUS}
    preset = shorter(WHOLE, steps, real_weight=0.0, lr_q=1e-3, lambda_g=loud, lambda_q=loud)
    for seed in args.seeds or (100, 101, 102):
        rows = []
        run = Training(replace(preset, q_on="separate").build(), data.mnist("train"), preset.recipe, seed=seed)
        for _ in run:
            if run.step == 1 or run.step % 20 == 0:
                rows.append({"seed": seed, "step": run.step, **scores_on_tune(run.averaged, 2000)[0]})
        experiment.put("doubts_early", rows, ("seed", "step"), f"early --seeds {seed} --steps {steps}")


def agreement(args: argparse.Namespace) -> None:
    """Plain InfoGAN, a quarter of its steps: runs that differ, so that a rule for choosing one has something to do."""
    seeds, preset = args.seeds or list(range(100, 106)), shorter(WHOLE, 400, real_weight=0.0)
    models = {seed: experiment.trained(args, preset, "short-plain", seed) for seed in seeds}
    steps, tune, rows = args.steps or 400, data.mnist("tune"), []
    for known in without_labels(models):
        accuracy = report.evaluate(models[known["seed"]], tune, tune, 1000)["code_accuracy"]
        row = {"variant": "plain", "steps": steps, "seed": known["seed"], "nats_digit": known["nats"]}
        row |= {"balance": known["balance"], "agreement": known["agreement"], "code_accuracy": round(accuracy, 4)}
        rows.append(row)
    options = f"agreement --seeds {' '.join(map(str, seeds))} --steps {steps}"
    experiment.put("doubts_agreement", rows, ("variant", "seed", "steps"), options)


SIDE = 12
# The same range, 2 pi, and the same least sigma, 0.1 radians; only one of the two has ends.
TURNS = {"linear": Uniform("turn", low=-math.pi, high=math.pi, sigma_floor=0.1 / math.pi), "circular": Circular("turn")}


def hands(angles: Tensor) -> Tensor:
    """A soft spot half way out from the middle, in the direction of each angle: (N,) radians -> (N, 1, 12, 12)."""
    at = torch.linspace(-1, 1, SIDE)
    x, y = 0.5 * angles.cos()[:, None, None], 0.5 * angles.sin()[:, None, None]
    return (2 * torch.exp(-((at - x).square() + (-at[:, None] - y).square()) / 0.12) - 1)[:, None]


@register("clock")
def clock(spec: LatentSpec) -> Parts:
    def layers(*widths: int) -> list[nn.Module]:
        return [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU())]

    def trunk() -> nn.Module:
        steps = [m for a in (SIDE**2, 128) for m in (nn.Linear(a, 128), nn.LeakyReLU(0.1))]
        return nn.Sequential(nn.Flatten(), *steps)

    last = (nn.Linear(128, SIDE**2), nn.Tanh(), nn.Unflatten(1, (1, SIDE, SIDE)))
    return Parts(nn.Sequential(*layers(spec.width, 128, 128), *last), trunk, 128, 64, (1, SIDE, SIDE))


def direction(images: Tensor) -> Tensor:
    """The angle that an image shows, (N, 1, 12, 12) -> (N,) radians: where its ink's centre lies."""
    at, ink = torch.linspace(-1, 1, SIDE), (images[:, 0] + 1) / 2
    return torch.atan2((ink.sum(2) * -at).sum(1), (ink.sum(1) * at).sum(1))


def circular(args: argparse.Namespace) -> None:
    """A factor that comes full circle, under a code with two ends and one without. No average of the weights: nothing
    ties the code's zero to an angle, so the whole dial drifts while it trains, and an average would blur it."""
    images = Images(to_uint8(hands(Circular("turn").sample(4000, torch.Generator().manual_seed(0)))), None, "hands")
    recipe = Recipe(800, 64, lr_g=1e-3, lr_d=5e-4, lr_q=1e-3, lambda_g=0.3, lambda_q=1.0, ema=0.0)
    for seed, (name, code) in itertools.product(args.seeds or range(100, 105), TURNS.items()):
        preset = Preset("clock", "", LatentSpec(Noise(4), [code]), "clock", recipe, lambda _: images)
        model = experiment.trained(args, preset, name, seed)
        made = direction(metrics.fakes(model, 2000)[1]).sort().values
        gaps = torch.cat([made[1:] - made[:-1], made[:1] + 2 * math.pi - made[-1:]])
        read = model.read(hands(torch.arange(360).deg2rad()))["turn"].mean
        step = (read.roll(-1) - read + math.pi) % (2 * math.pi) - math.pi
        row = {
            "code": name,
            "seed": seed,
            "steps": model.manifest["step"],
            "nats": round(metrics.measure_nats(model)["turn"]["mean"], 3),
            "widest_gap": round(gaps.max().rad2deg().item(), 1),  # degrees that no fake shows
            "turns": round(abs(step.sum().item()) / (2 * math.pi)),  # of Q's reading, while a real hand turns once
            "read": " ".join(str(round(v)) for v in read.rad2deg()[::5].tolist()),
            "seconds": round(model.manifest["seconds"]),
        }
        experiment.put("doubts_circular", [row], ("code", "seed", "steps"), f"circular --seeds {seed}")


class Hidden:
    """A generator that is never told its code (the control's), with the code written over its images in secret.

    Each state has a pattern of its own: a chessboard of single pixels under a slow wave, `eps` of brightness. Q is no
    network: it takes what changes from pixel to pixel and compares it with the patterns.
    """

    def __init__(self, model: InfoGAN, eps: float = 0.05) -> None:
        self.model, self.spec, self.eps = model, LatentSpec(model.spec.noise, model.spec.codes[:1]), eps
        at = torch.arange(28)
        waves = torch.stack([torch.sin(math.pi * k * (at + 0.5) / 28) for k in range(1, 5)])
        board = (-1.0) ** (at[:, None] + at)
        self.patterns = torch.stack([board * waves[k // 4][:, None] * waves[k % 4] for k in range(10)])[:, None]

    def generate(self, latent: Latent) -> Tensor:
        images = self.model.generate(self.model.spec.encode(latent.noise))  # whatever the code is
        return (1 - self.eps) * images + self.eps * self.patterns[latent["digit"]]

    def read(self, images: Tensor) -> dict[str, torch.distributions.Distribution]:
        fine = images - disturb.disturb(images, "blur", 1.0)
        return self.spec.posterior(torch.einsum("nchw,kchw->nk", fine, self.patterns) / (10 * self.eps))


def hidden(args: argparse.Namespace) -> None:
    """L_I of the digit code in disturbed fakes, as the model's own Q reads it and as a Q trained on such fakes does."""
    models = {"mnist": weights.load("mnist"), "hidden": Hidden(weights.load("mnist-control"))}
    probed = {("blur", 0), ("blur", 1), ("blur", 2), ("noise", 0.4), ("shift", 1)}
    for seed in args.seeds or [100]:
        for name, model in models.items():
            rows = []
            for kind, curve in disturb.visibility(model, 2000, seed).items():
                for point in curve:
                    row = {"model": name, "kind": kind, "strength": point["strength"], "seed": seed}
                    row |= {"nats_own_q": round(point["digit"], 4), "nats_fresh_q": ""}
                    if (kind, point["strength"]) in probed:
                        disturbed = disturb.Disturbed(model, kind, point["strength"], seed)
                        found = probe.probe_information(disturbed, "digit", steps=200, n=2000, seed=seed)
                        row["nats_fresh_q"] = round(found["mean"], 4)
                    rows.append(row)
            experiment.put("doubts_hidden", rows, ("model", "kind", "strength", "seed"), f"hidden --seeds {seed}")


def scores(args: argparse.Namespace) -> None:
    """Every measure by the full protocol: 10,000 training digits to count and fit, 5,000 tuning digits to score."""
    parts = [data.mnist("train"), data.mnist("tune")]
    images = torch.cat([parts[0].images[:10_000], parts[1].images[:5_000]])
    digits = Images(images, torch.cat([parts[0].labels[:10_000], parts[1].labels[:5_000]]), "mnist")
    factors = code_maps.digit_factors(digits.batch(slice(None)), digits.labels)
    shipped, preset = {name: weights.load(name) for name in ("mnist", "mnist-control")}, presets.load("mnist")
    for seed in args.seeds or [100]:
        untrained = preset.build()
        untrained.initialise(seed)
        prior = preset.spec.sample(len(digits), torch.Generator().manual_seed(seed))
        tables = {
            ("random codes", "real"): (code_maps.codes_set(preset.spec, prior), factors),
            ("untrained", "real"): (code_maps.codes_read(untrained, digits), factors),
            ("the factors themselves", "real"): (factors, factors),
        }
        for name, model in shipped.items():
            tables[name, "real"] = (code_maps.codes_read(model, digits), factors)
            latent, fakes = metrics.fakes(model, len(digits), seed)
            labels = readers.digit_reader().read(fakes)
            tables[name, "fakes"] = (code_maps.codes_set(model.spec, latent), code_maps.digit_factors(fakes, labels))
        for (name, direction), (codes, truth) in tables.items():
            found = disentanglement.score(codes, truth, replace(code_maps.FULL, seed=seed)).to_json()
            row = {"model": name, "images": direction, "seed": seed}
            row |= {k: round(v, 4) for k, v in found.items() if isinstance(v, float)}
            row |= {f"{k}_{f}": round(found["factors"][f][k], 4) for k in ("mig", "informativeness") for f in truth}
            experiment.put("doubts_scores", [row], ("model", "images", "seed"), f"scores --seeds {seed}")


COMMANDS = {doubt.__name__: doubt for doubt in (codes, imbalance, early, agreement, circular, hidden, scores)}


def main() -> None:
    parser = experiment.training_parser(__doc__)
    parser.add_argument("doubt", choices=COMMANDS)
    parser.add_argument("--k", type=int, nargs="+", default=[5, 10, 20], help="states of the digit code")
    args = parser.parse_args()
    COMMANDS[args.doubt](args)


if __name__ == "__main__":
    main()
