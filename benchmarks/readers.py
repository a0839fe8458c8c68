"""Train the shipped attribute readers again, and score them as they are written, in half precision.

python benchmarks/readers.py digits      # data/weights/mnist_reader.safetensors, in two minutes
python benchmarks/readers.py judge       # data/weights/mnist_judge.safetensors and data/results/mnist_judge.csv
python benchmarks/readers.py faces       # data/weights/face_reader.safetensors and data/results/faces_reader.csv
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import experiment
import torch

from infogan_lib import data
from infogan_lib.data import faces, files
from infogan_lib.measure import face_reader, judge, readers


def save(reader: readers.Reader, path: Path, manifest: Mapping[str, Any], scores: Mapping[str, float]) -> None:
    tensors = {k: v.half() if v.is_floating_point() else v for k, v in reader.state_dict().items()}
    files.save_tensors(path, tensors, {**manifest, "torch": torch.__version__})
    print(f"{path.name}:", ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))


def digits(path: Path = readers.PATH, seed: int = 0, steps: int = readers.STEPS) -> None:
    reader = readers.train_digit_reader(seed, steps)
    reader.half().float()
    scores = {f"{split}_accuracy": reader.accuracy(data.mnist(split)) for split in ("tune", "test")}
    recipe = {"seed": seed, "steps": steps, "stroke": readers.STROKE, "remake": readers.REMAKE}
    save(reader, path, {"format": readers.FORMAT, **recipe, **scores}, scores)


def whole_digits(path: Path = judge.PATH, seed: int = 0, steps: int = judge.STEPS) -> None:
    """The share that passes: of test digits, as they are and slanted, and of those that we break."""
    made = judge.train_judge(seed, steps)
    made.half().float()
    recipe = {"seed": seed, "steps": steps, "remake": judge.REMAKE}
    images = judge.real("test")
    images["broken"] = judge.broken(images["as written"], torch.Generator().manual_seed(seed))
    scores = {name: made.natural(x).double().mean().item() for name, x in images.items()}
    save(made, path, {"format": judge.FORMAT, **recipe, **made.manifest, "passes": scores}, scores)
    rows = [{"images": name, "passes": round(share, 4), "seed": seed, "steps": steps} for name, share in scores.items()]
    experiment.put("mnist_judge", rows, ("images",))


def face_causes(path: Path = face_reader.PATH, seed: int = 0, steps: int = face_reader.STEPS) -> None:
    """The scores have a table, beside those on renders that were degraded."""
    reader = face_reader.train_face_reader(data.face_set(*face_reader.TRAIN), seed, steps)
    reader.half().float()
    held_out = data.face_set(*face_reader.HELD_OUT)
    clean, degraded = reader.score(held_out), reader.score(held_out, moved=seed)
    recipe = {"seed": seed, "steps": steps, "renderer": faces.fingerprint(), "remake": face_reader.REMAKE}
    save(reader, path, {"format": face_reader.FORMAT, **recipe, "held_out": held_out.name, "scores": clean}, clean)
    rows = []
    for factor in face_reader.READ:
        row = {"factor": factor.name, "measure": "accuracy" if factor.discrete else "R^2"}
        row |= {"held_out": round(clean[factor.name], 4), "disturbed": round(degraded[factor.name], 4)}
        rows.append(row | {"seed": seed, "steps": steps, "faces": held_out.name})
    experiment.put("faces_reader", rows, ("factor",))


MAKE = {"digits": digits, "judge": whole_digits, "faces": face_causes}


def main() -> None:
    parser = experiment.parser(__doc__)
    parser.add_argument("what", choices=MAKE)
    MAKE[parser.parse_args().what]()


if __name__ == "__main__":
    main()
