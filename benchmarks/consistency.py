"""What a loss on real images does beside the bound: the consistency of Q's answers, part by part; no code has a view.

    python benchmarks/consistency.py whole --seeds 0 1 2 3 4             # matched on tune, scored on test
    python benchmarks/consistency.py no-stroke --seeds 100 --score tune  # one thing changed: test is not touched

Q should answer the same for a real digit and for a nudged copy of it, be sure, and use all its answers (Hu et al.
2017). That clusters digits by itself, so it is no part of InfoGAN, and none of these rows says what InfoGAN finds.

whole       InfoGAN and the consistency loss
plain       InfoGAN without it: no knowledge at all, in a small network whose trunk Q may not change
cluster     the loss alone: no generator, no game
control     "plain" with lambda_G = 0
The others change one thing: which trunk Q learns on, what the copies are, whether answers must be sure, the least sigma
of the amounts, and (lambda-...) how much G is paid for the digit code's L_I, without the loss.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import experiment
import mnist
import torch

from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise, Recipe, Uniform, data
from infogan_lib.core import views
from infogan_lib.core.objectives import real_image_loss
from infogan_lib.measure import metrics, readers
from infogan_lib.training import ema, presets
from infogan_lib.training.presets import Preset

WHOLE = Preset(
    "consistency",
    "",
    # With a floor of 0.1, G is paid for writing the amounts so exactly that little else may vary over the noise.
    LatentSpec(Noise(62), [Categorical("digit", 10), *(Uniform(name, sigma_floor=0.3) for name in presets.CONTINUOUS)]),
    "mnist",
    Recipe(
        steps=1600,
        lambda_g={"digit": 1.0, **presets.CONTINUOUS},
        lambda_q={"digit": 1.0, **presets.CONTINUOUS},
        real_weight=1.0,
        real_view="nudged",
    ),
    data.mnist,
)
DIGIT, *AMOUNTS = WHOLE.spec.codes
SHARPER = LatentSpec(WHOLE.spec.noise, [DIGIT, *(replace(code, sigma_floor=0.1) for code in AMOUNTS)])


def changed(q_on: str = WHOLE.q_on, spec: LatentSpec = WHOLE.spec, **recipe: Any) -> Preset:
    return replace(WHOLE, q_on=q_on, spec=spec, recipe=replace(WHOLE.recipe, **recipe))


VARIANTS = {
    "whole": WHOLE,
    "control": changed(lambda_g=0.0, lambda_q=1.0, real_weight=0.0),
    "plain": changed(real_weight=0.0),
    "plain-trunk": changed("trunk", real_weight=0.0),
    "plain-separate": changed("separate", real_weight=0.0),
    "trunk": changed("trunk"),
    "no-stroke": changed(real_view="moved"),
    "no-certainty": changed(real_entropy=0.0),
    "floor-0.1": changed(spec=SHARPER),
    "cluster": WHOLE,  # the loss on real images alone: no generator, no game
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


def score(model: InfoGAN, split: str) -> dict[str, Any]:
    """What a row of the table holds: `mnist.quality`, and whether sweeps keep their digit.

    keeps_1 and keeps_2: share of sweeps within the trained range, and to twice of it, in which the reader
    sees one digit throughout, the lower of the two codes.
    """
    row, reader = mnist.quality(model, split)[0], readers.digit_reader()
    confusion = row.pop("confusion")
    for label, beyond in (("keeps_1", False), ("keeps_2", True)):
        kept = [metrics.sweep_keeps(model, code.name, reader.read, beyond, mnist.FAKES // 20) for code in AMOUNTS]
        row[label] = round(min(kept), 4)
    return row | {"confusion": confusion}


def train_and_score(args: argparse.Namespace) -> None:
    preset, table = VARIANTS[args.variant], f"consistency_{'seeds' if args.score == 'test' else 'tuning'}"
    learn = cluster if args.variant == "cluster" else experiment.train
    for seed in args.seeds or [0]:
        model = experiment.trained(args, preset, args.variant, seed, learn)
        steps = model.manifest["recipe"]["steps"]
        row = {"variant": args.variant, "seed": seed, "steps": steps, "threads": torch.get_num_threads()}
        row |= {**score(model, args.score), "seconds": round(model.manifest["seconds"])}
        experiment.put(table, [row], ("variant", "seed", "steps"), experiment.one_seed(args, seed))


def main() -> None:
    train_and_score(experiment.variant_arguments(__doc__, VARIANTS))


if __name__ == "__main__":
    main()
