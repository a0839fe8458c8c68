"""Train the DCGANs of notebooks 02 and 03, and measure their samples by the Frechet distance in a reader's features.

    python benchmarks/dcgan.py dcgan-mnist dcgan-faces   # what ships: one seed as it comes
    python benchmarks/dcgan.py ablation                  # what convolution and batch norm change, at equal steps

The first writes data/weights/NAME.safetensors for seed 0 and a row a seed in data/results/dcgan_samples.csv: 10,000
samples against 10,000 real images, beside two sets of real images. The ablation is on MNIST, seeds 0 to 2, one row of
data/results/dcgan_ablation.csv for each look at a run: 5,000 samples and 5,000 tuning digits; `floor` is that of two
sets of real digits. A change of network calls for other rates, so each network runs at two pairs: those of most of
this course (G fast, D slow), and notebook 01's (both fast).
"""

from __future__ import annotations

import argparse
import math

import experiment
import torch
from torch import nn

from infogan_lib import InfoGAN, LatentSpec, Noise, Recipe, Training, data
from infogan_lib.course import results
from infogan_lib.data import Images
from infogan_lib.data.threads import one_thread
from infogan_lib.measure import metrics, readers
from infogan_lib.measure.face_reader import face_reader
from infogan_lib.training import presets, weights

SHIPPED = 0
N, FEW = 10_000, 5_000
FACES = 810_001  # of the faces that samples are compared with: none was trained on

SPEC = LatentSpec(Noise(20), [])
RATES = {"uneven": (1e-3, 2e-4), "even": (1e-3, 1e-3)}  # of G and of D
NETWORKS = {
    "fully connected": "mlp",
    "convolution": "dcgan-28-no-norm",
    "convolution, larger start": "dcgan-28-no-norm",
    "convolution, batch norm": "dcgan-28",
    "with hidden layers": "mnist",
}


def held_out(name: str) -> tuple[Images, Images]:
    """Two sets of real images the model was not trained on."""
    if name == "dcgan-mnist":
        return data.mnist("tune"), data.mnist("test")
    return data.face_set(N, FACES), data.face_set(N, FACES + 1)


def samples(args: argparse.Namespace, name: str) -> None:
    preset = presets.load(name)
    reader = readers.digit_reader() if name == "dcgan-mnist" else face_reader()
    real, other = (reader.features(images.batch(slice(None))) for images in held_out(name))
    floor = readers.frechet(other, real)
    for seed in args.seeds or [SHIPPED]:
        model = experiment.trained(args, preset, "plain", seed)
        distance = readers.frechet(reader.features(metrics.fakes(model, N)[1]), real)
        scores = {"frechet": round(distance, 3), "frechet_real": round(floor, 3)}
        row = {"preset": name, "seed": seed, "steps": model.manifest["step"], **scores}
        options = f"{name} --seeds {seed}" + (f" --steps {args.steps}" if args.steps else "")
        experiment.put("dcgan_samples", [row], ("preset", "seed", "steps"), options)
        if seed == SHIPPED and not args.steps:
            manifest = {**model.manifest, "scores": scores, "commit": results.commit()}
            weights.save(model, weights.FOLDER / f"{name}.safetensors", manifest)


@torch.no_grad()
def enlarge(model: InfoGAN) -> None:
    """Scale first weights of N(0, 0.02^2) to keep the signal's size from layer to layer (He et al. 2015, eq. 10)."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            # How many inputs reach one output: of a transposed convolution at stride 2, a quarter of the kernel.
            fan_in = module.weight[0].numel()
            if isinstance(module, nn.ConvTranspose2d):
                fan_in = module.in_channels * math.prod(module.kernel_size) // math.prod(module.stride)
            module.weight.mul_(math.sqrt(2 / fan_in) / 0.02)


@one_thread()
def ablation(args: argparse.Namespace) -> None:
    digits, reader = data.mnist("train"), readers.digit_reader()
    real, other = (reader.features(images.batch(slice(0, FEW))) for images in (data.mnist("tune"), digits))
    floor = readers.frechet(other, real)
    for seed in args.seeds or (0, 1, 2):
        for variant in args.variants:
            for rates, (lr_g, lr_d) in RATES.items():
                recipe = Recipe(steps=args.steps or 400, batch=64, lr_g=lr_g, lr_d=lr_d, ema=0.98)
                run = Training(InfoGAN(NETWORKS[variant], SPEC), digits, recipe, seed=seed, device="cpu")
                if variant == "convolution, larger start":
                    enlarge(run.model)
                    enlarge(run.averaged)
                rows = []
                for report in run:
                    if report.step % args.every:
                        continue
                    found = readers.frechet(reader.features(metrics.fakes(run.averaged, FEW)[1]), real)
                    row = {"variant": variant, "rates": rates, "seed": seed, "step": report.step}
                    row |= {"frechet": round(found, 3), "floor": round(floor, 3)}
                    row |= {name: round(getattr(report, name).item(), 2) for name in ("score_real", "score_fake")}
                    rows.append(row)
                experiment.put("dcgan_ablation", rows, ["variant", "rates", "seed", "step"])


def main() -> None:
    parser = experiment.training_parser(__doc__)
    parser.add_argument("names", nargs="+", choices=("dcgan-mnist", "dcgan-faces", "ablation"))
    parser.add_argument("--variants", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="of the ablation")
    parser.add_argument("--every", type=int, default=100, help="steps between two looks of the ablation")
    args = parser.parse_args()
    for name in args.names:
        if name == "ablation":
            ablation(args)
        else:
            samples(args, name)


if __name__ == "__main__":
    main()
