"""Train the DCGANs that ship with notebooks 02 and 03, one seed as it comes, and measure their samples.

    python benchmarks/dcgan.py dcgan-mnist dcgan-faces

Writes data/weights/NAME.safetensors for seed 0 and a row a seed in data/results/dcgan_samples.csv: the Frechet distance
between the reader's features of 10,000 samples and of 10,000 real images, beside that of two sets of real images.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from infogan_lib import Training, data
from infogan_lib.course import results
from infogan_lib.data import Images
from infogan_lib.measure import metrics, readers
from infogan_lib.measure.face_reader import face_reader
from infogan_lib.training import presets, weights

SHIPPED = 0
N = 10_000
FACES = 810_001  # of the faces that samples are compared with: none was trained on


def held_out(name: str) -> tuple[Images, Images]:
    """Two sets of real images the model was not trained on."""
    if name == "dcgan-mnist":
        return data.mnist("tune"), data.mnist("test")
    return data.face_set(N, FACES), data.face_set(N, FACES + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=("dcgan-mnist", "dcgan-faces"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[SHIPPED])
    parser.add_argument("--steps", type=int, help="another number of steps; then nothing is shipped")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    args = parser.parse_args()
    for name in args.names:
        preset = presets.load(name)
        recipe = replace(preset.recipe, steps=args.steps or preset.recipe.steps)
        reader = readers.digit_reader() if name == "dcgan-mnist" else face_reader()
        real, other = (reader.features(images.batch(slice(None))) for images in held_out(name))
        floor = readers.frechet(other, real)
        for seed in args.seeds:
            path = args.runs / f"{name}-{seed}.safetensors"
            run = Training(preset.build(), preset.data("train"), recipe, seed=seed)
            for _ in run:
                pass
            weights.save(run.averaged, path, run.manifest())  # scored as written, in half precision
            model = weights.load(path)
            distance = readers.frechet(reader.features(metrics.fakes(model, N)[1]), real)
            scores = {"frechet": round(distance, 3), "frechet_real": round(floor, 3)}
            row = {"preset": name, "seed": seed, "steps": run.step, **scores}
            command = f"python benchmarks/dcgan.py {name} --seeds {seed}"
            origin = {"command": command + (f" --steps {args.steps}" if args.steps else ""), "commit": results.commit()}
            results.put("dcgan_samples", [row | origin], keys=("preset", "seed", "steps"))
            if seed == SHIPPED and not args.steps:
                manifest = {**model.manifest, "step": run.step, "scores": scores, "commit": results.commit()}
                weights.save(model, weights.FOLDER / f"{name}.safetensors", manifest)
            print(row, flush=True)


if __name__ == "__main__":
    main()
