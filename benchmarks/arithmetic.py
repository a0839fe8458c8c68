"""How often arithmetic on noise puts glasses on a face: data/results/arithmetic.csv.

    python benchmarks/arithmetic.py              # seeds 0 to 9, 200 tries each, 1, 3, 10 and 30 exemplars

Each seed looks at its own 4,000 samples of the shipped dcgan-faces. Rows by `what`:

untouched     samples as they come: the share with glasses, with the wanted hair, with both
averaged      as in DCGAN's figure 7: mean("glasses, hair A") - mean("none, hair A") + mean("none, hair B"), each try
              with exemplars of its own; success is glasses and hair B
one face      the same difference of means, one a seed, added to 200 single faces "none, hair B"
random move   the control: the difference of the means of two draws of hair A, glasses or not, added to the same faces

`length` says whether the result was left as it is or brought back to the length of a sample. The columns kept_NAME are
the share of faces where NAME stayed: the same state, or moved by less than half a standard deviation over samples.
"""

from __future__ import annotations

import argparse
import itertools
import shlex
import sys

import torch

from infogan_lib.course import results
from infogan_lib.course.lessons.arithmetic import Seen, combine, exemplars, kept, look, looks, restore, show
from infogan_lib.measure.face_reader import face_reader
from infogan_lib.training import weights

HAIR = ("none", "short", "long")
CONTINUOUS = ("azimuth", "elevation", "light", "width", "smile")
SAMPLES = 4000


def share(hits: torch.Tensor) -> float:
    return round(hits.double().mean().item(), 4)


def scores(seen: Seen, hair: int) -> dict[str, float]:
    glasses, right = seen.read["glasses"] == 1, seen.read["hair"] == hair
    return {"glasses": share(glasses), "hair": share(right), "both": share(glasses & right)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--exemplars", type=int, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--weights", default="dcgan-faces")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, read = weights.load(options.weights), face_reader().read
    origin = {"command": shlex.join(["python", "benchmarks/arithmetic.py", *sys.argv[1:]]), "commit": results.commit()}
    nothing = {"looks": "", "norm": ""} | {f"kept_{name}": "" for name in ("hair", *CONTINUOUS, "all")}
    for seed in options.seeds:
        seen = look(model, read, SAMPLES, seed)
        scale = {name: seen.read[name].std().item() for name in CONTINUOUS}
        random, rows = torch.Generator().manual_seed(seed), []
        for a, b in itertools.permutations(range(3), 2):
            plus, minus, other = (seen.where(glasses=g, hair=h) for g, h in ((1, a), (0, a), (0, b)))
            pair = {"hair_from": HAIR[a], "hair_to": HAIR[b], "seed": seed, "tries": options.tries}
            same = {"what": "untouched", "k": 0, "length": "as it is", **pair, "tries": SAMPLES}
            rows.append(same | scores(seen, b) | nothing | {"norm": round(seen.noise.norm(dim=1).mean().item(), 3)})
            faces = show(model, seen.noise[exemplars(other, 1, options.tries, random)[:, 0]], read)
            for k in options.exemplars:
                means = [seen.means(exemplars(group, k, options.tries, random)) for group in (plus, minus, other)]
                both = exemplars(torch.cat([plus, minus]), 2 * k, 1, random)
                moves = {
                    "averaged": combine(*means),
                    "one face": combine(means[0][:1], means[1][:1], faces.noise),
                    "random move": combine(seen.means(both[:, :k]), seen.means(both[:, k:]), faces.noise),
                }
                for (what, noise), length in itertools.product(moves.items(), ("as it is", "restored")):
                    found = show(model, noise if length == "as it is" else restore(noise), read)
                    row = {"what": what, "k": k, "length": length, **pair, **scores(found, b), **nothing}
                    row |= {"looks": looks(k, plus, minus, other), "norm": round(noise.norm(dim=1).mean().item(), 3)}
                    if what != "averaged":
                        still = kept(faces, found, ("hair", *CONTINUOUS), scale)
                        row |= {f"kept_{n}": share(still[:, i]) for i, n in enumerate(("hair", *CONTINUOUS))}
                        row |= {"kept_all": share(still.all(1))}
                    rows.append(row)
        rows = [row | {"model": options.weights} | origin for row in rows]
        results.put("arithmetic", rows, ["what", "k", "length", "hair_from", "hair_to", "seed"])
        print(seed, [(row["k"], row["both"]) for row in rows if row["what"] == "averaged"][:8], flush=True)


if __name__ == "__main__":
    main()
