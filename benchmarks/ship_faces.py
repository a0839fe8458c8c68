"""Choose the face models that ship, without labels, from finished runs of seeds 0 to 4; `make weights` calls this.

    python benchmarks/face_codes.py infogan --seeds 0 1 2 3 4
    python benchmarks/face_codes.py control --seeds 0 1 2 3 4
    python benchmarks/ship_faces.py

The rule: the seed whose codes agree best with those of the other seeds on tuning faces: codes are paired one to one,
by |Spearman| and balanced accuracy, and the agreement is averaged over codes and seeds. Its control is the same seed's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.data.faces import SCORED
from infogan_lib.measure import metrics
from infogan_lib.measure.code_maps import Table, codes_read
from infogan_lib.measure import report
from infogan_lib.measure.pairing import agreement, pair
from infogan_lib.training import weights
from infogan_lib.training.weights import FOLDER


def shared(mine: Table, others: list[Table]) -> float:
    """Mean agreement of a seed's codes with those of other seeds."""
    found = [agreement(pair(mine, other), mine, other) for other in others]
    return sum(sum(each.values()) / len(mine) for each in found) / len(found)


def choose(runs: Path, seeds: list[int]) -> tuple[int, list[dict[str, Any]]]:
    """The chosen seed, and what was known of each: no label enters."""
    tune = data.face_split("tune")
    models = {seed: weights.load(runs / f"faces-infogan-{seed}" / "weights.safetensors") for seed in seeds}
    codes = {seed: codes_read(model, tune) for seed, model in models.items()}
    table = []
    for seed, model in models.items():
        nats = {name: round(v["mean"], 3) for name, v in metrics.measure_nats(model).items()}
        with_others = shared(codes[seed], [codes[other] for other in seeds if other != seed])
        table.append({"seed": seed, "agreement": round(with_others, 4), "nats": nats})
    return int(max(table, key=lambda row: row["agreement"])["seed"]), table


def ship(path: Path, name: str, rule: dict[str, Any]) -> None:
    """Copy a run's weights to data/weights/NAME, with scores measured on exactly these float16 weights."""
    model = weights.load(path)
    scores = report.evaluate(model, data.face_split("tune"), data.face_split("test"), factors=SCORED)
    manifest = {**model.manifest, "scores": scores, "chosen_by": rule, "commit": results.commit()}
    weights.save(model, FOLDER / f"{name}.safetensors", manifest)
    print(f"{name}: seed {manifest['seed']}", {k: round(v, 3) for k, v in scores["agreement"].items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    args = parser.parse_args()
    seed, table = choose(args.runs, args.seeds)
    print(*table, sep="\n")
    rule = {"rule": "best agreement with the other seeds, no labels", "candidates": table}
    ship(args.runs / f"faces-infogan-{seed}" / "weights.safetensors", "faces", rule)
    ship(args.runs / f"faces-control-{seed}" / "weights.safetensors", "faces-control", rule)


if __name__ == "__main__":
    main()
