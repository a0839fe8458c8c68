"""Choose the MNIST models that ship, without labels, from finished runs of seeds 0 to 4; `make weights` calls this.

    python benchmarks/mnist.py infogan --seeds 0 1 2 3 4
    python benchmarks/mnist.py control --seeds 0 1 2 3 4
    python benchmarks/ship_mnist.py

The rule: among seeds whose digit code is informative (L_I of at least 2.25 nats) and balanced (entropy of Q's answers
on real tuning digits of at least 2.25 nats), the one whose code agrees best with the codes of the other seeds, as the
share of tuning digits on which they say the same after a one-to-one matching. Its control is the same seed's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from infogan_lib import InfoGAN, data, entropy
from infogan_lib.course import results
from infogan_lib.measure import metrics, report
from infogan_lib.training import weights
from infogan_lib.training.weights import FOLDER

ENOUGH = 2.25  # nats, of ln 10 = 2.303


def agreement(codes: torch.Tensor, others: list[torch.Tensor]) -> float:
    """Mean share of images on which another seed's code says the same, after matching one to one."""
    shares = []
    for other in others:
        counts = metrics.confusion(codes, other, 10, 10)
        shares.append(metrics.accuracy(metrics.match(counts), codes, other))
    return sum(shares) / len(shares)


def choose(models: dict[int, InfoGAN]) -> tuple[int, list[dict[str, float]]]:
    """The chosen seed, and what was known of each: no label enters."""
    tune = data.mnist("tune")
    codes = {seed: metrics.read_codes(model, tune, "digit") for seed, model in models.items()}
    table = []
    for seed, model in models.items():
        shares = torch.bincount(codes[seed], minlength=10).double() / len(tune)
        table.append(
            {
                "seed": seed,
                "nats": round(metrics.measure_nats(model)["digit"]["mean"], 4),
                "balance": round(entropy(shares).item(), 4),
                "agreement": round(agreement(codes[seed], [c for s, c in codes.items() if s != seed]), 4),
            }
        )
    fit = [row for row in table if min(row["nats"], row["balance"]) >= ENOUGH]
    if not fit:
        raise SystemExit(f"no seed is informative and balanced: {table}")
    return int(max(fit, key=lambda row: row["agreement"])["seed"]), table


def ship(path: Path, name: str, rule: dict[str, object]) -> None:
    """Copy a run's weights to data/weights/NAME, with scores measured on exactly these float16 weights."""
    model = weights.load(path)
    scores = report.evaluate(model, data.mnist("tune"), data.mnist("test"))
    manifest = {**model.manifest, "scores": scores, "chosen_by": rule, "commit": results.commit()}
    weights.save(model, FOLDER / f"{name}.safetensors", manifest)
    print(f"{name}: seed {manifest['seed']}, code accuracy {100 * scores['code_accuracy']:.2f} % on test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    args = parser.parse_args()
    seed, table = choose({s: weights.load(args.runs / f"infogan-{s}" / "weights.safetensors") for s in args.seeds})
    print(*table, sep="\n")
    rule = {"rule": "best agreement with the other seeds, no labels", "candidates": table}
    ship(args.runs / f"infogan-{seed}" / "weights.safetensors", "mnist", rule)
    ship(args.runs / f"control-{seed}" / "weights.safetensors", "mnist-control", rule)


if __name__ == "__main__":
    main()
