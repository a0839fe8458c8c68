"""What convolution and batch norm change, on MNIST at equal steps: data/results/dcgan_ablation.csv.

    python benchmarks/dcgan_ablation.py              # every variant at both pairs of rates, seeds 0 to 2

One row for each look at a run: the Frechet distance, in the digit reader's features, of 5,000 samples and 5,000 tuning
digits; `floor` is that of two sets of real digits. A change of network calls for other rates, so each network runs
at two pairs: those of most of this course (G fast, D slow), and notebook 01's (both fast).
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys

import torch
from torch import nn

from infogan_lib import InfoGAN, LatentSpec, Noise, Recipe, Training, data
from infogan_lib.course import results
from infogan_lib.measure import metrics, readers

SPEC = LatentSpec(Noise(20), [])
RATES = {"uneven": (1e-3, 2e-4), "even": (1e-3, 1e-3)}  # of G and of D
NETWORKS = {
    "fully connected": "mlp",
    "convolution": "dcgan-28-no-norm",
    "convolution, larger start": "dcgan-28-no-norm",
    "convolution, batch norm": "dcgan-28",
    "with hidden layers": "mnist",
}
N = 5000


@torch.no_grad()
def enlarge(model: InfoGAN) -> None:
    """Scale first weights of N(0, 0.02^2) to keep the signal's size from layer to layer (He et al. 2015, eq. 10)."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            # What one output hears: of a transposed convolution at stride 2, a quarter of the kernel.
            heard = module.weight[0].numel()
            if isinstance(module, nn.ConvTranspose2d):
                heard = module.in_channels * math.prod(module.kernel_size) // math.prod(module.stride)
            module.weight.mul_(math.sqrt(2 / heard) / 0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", default=list(NETWORKS), help=f"of {', '.join(map(repr, NETWORKS))}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=100)
    options = parser.parse_args()
    if unknown := set(options.variants) - set(NETWORKS):
        parser.error(f"unknown variant {sorted(unknown)[0]!r}; choose of {', '.join(map(repr, NETWORKS))}")
    torch.set_num_threads(1)
    origin = {"command": shlex.join(["python", "benchmarks/dcgan_ablation.py", *sys.argv[1:]])}
    origin |= {"commit": results.commit()}
    digits, reader = data.mnist("train"), readers.digit_reader()
    real, other = (reader.features(images.batch(slice(0, N))) for images in (data.mnist("tune"), digits))
    floor = readers.frechet(other, real)
    for seed in options.seeds:
        for variant in options.variants:
            for rates, (lr_g, lr_d) in RATES.items():
                recipe = Recipe(steps=options.steps, batch=64, lr_g=lr_g, lr_d=lr_d, ema=0.98)
                run = Training(InfoGAN(NETWORKS[variant], SPEC), digits, recipe, seed=seed, device="cpu")
                if variant == "convolution, larger start":
                    enlarge(run.model)
                rows = []
                for report in run:
                    if report.step % options.every:
                        continue
                    found = readers.frechet(reader.features(metrics.fakes(run.model, N)[1]), real)
                    row = {"variant": variant, "rates": rates, "seed": seed, "step": report.step}
                    row |= {"frechet": round(found, 3), "floor": round(floor, 3)}
                    row |= {"score_real": round(report.score_real.item(), 2)}
                    row |= {"score_fake": round(report.score_fake.item(), 2)}
                    rows.append(row | origin)
                results.put("dcgan_ablation", rows, ["variant", "rates", "seed", "step"])
                print(variant, rates, seed, [row["frechet"] for row in rows], flush=True)


if __name__ == "__main__":
    main()
