"""Train the face experiment over seeds and score its codes against the truth: data/results/faces_seeds.csv.

    python benchmarks/face_codes.py infogan --seeds 0 1 2 3 4             # the headline, scored on test
    python benchmarks/face_codes.py infogan --seeds 100 101 --score tune  # while choosing settings: test is not touched
    python benchmarks/face_codes.py pca                                   # what needs no training

Variants: `infogan` is the preset "faces"; `plain` the same game with nothing but the codes (no copies, no help from
real images), `control` that with lambda_g = 0; `untrained` a Q with its first weights; `pca` five principal components
as codes c1 to c5 and two clusterings (k-means with 2 and 3 clusters of the first 20) as k2 and k3.

Each factor has a row. Codes and factors are paired one to one on tuning faces (`infogan_lib.pairing`); `read` is the
agreement of the paired code, read by Q off other renders, with the truth: |Spearman| or balanced accuracy (by a
threshold where an amount tells two states). A factor for which no code is left has no code, and 0 or chance. `nats` is
their mutual information less its permutation null, 20 bins. `set` is the other direction with the same pairs: the
code that a fake was made with against what the face reader sees there. Rows "all" and "codeable" hold MIG, DCI and
the FactorVAE score of all ten factors that vary, and of the six that a code was given for; DCI by random forests.
Scores on tune pair on its first half and score on the second. Runs already finished in --runs are not trained again.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from torch import Tensor

from infogan_lib import InfoGAN, Recipe, Training, data
from infogan_lib.course import results
from infogan_lib.data import Images
from infogan_lib.data.faces import FACTORS, SCORED
from infogan_lib.measure import disentanglement, metrics, readers
from infogan_lib.measure.code_maps import FULL, Protocol, codes_read, codes_set
from infogan_lib.measure.face_reader import face_reader
from infogan_lib.measure.information import histogram_information
from infogan_lib.measure.pairing import Pair, agreement, pair
from infogan_lib.training import presets, weights

PRESET = presets.load("faces")
PLAIN: dict[str, Any] = {
    "copies": "",
    "enter": {},
    "lambda_q": 1.0,
    "real_weight": 0.0,
    "real_apart": 0.0,
    "real_before": 0,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "infogan": {},
    "plain": PLAIN,
    "control": {**PLAIN, "lambda_g": 0.0},
}
UNTRAINED = ("untrained", "pca")
VARY = tuple(name for name, factor in FACTORS.items() if not factor.fixed)
CODEABLE = tuple(name for name in SCORED if name != "smile")
TREES = replace(FULL, n=7000, test=3000, trees="forest")
FAKES = 10_000


def train(variant: str, seed: int, folder: Path, steps: int | None) -> tuple[InfoGAN, Recipe, float]:
    """The trained model, its recipe and the seconds it took; from the folder if it is there already."""
    recipe = replace(PRESET.recipe, **VARIANTS[variant])
    recipe = replace(recipe, steps=steps or recipe.steps)
    path = folder / "weights.safetensors"
    if path.exists():
        model = weights.load(path)
        return model, recipe, model.manifest["seconds"]
    begun = time.perf_counter()
    if (folder / "manifest.json").exists():
        run = Training.resume(folder, PRESET.data("train"))
    else:
        run = Training(PRESET.build(), PRESET.data("train"), recipe, seed=seed, folder=folder)
    for _ in run:
        pass
    seconds = time.perf_counter() - begun
    about = {"variant": variant, "seconds": round(seconds, 1), "threads": torch.get_num_threads(), "step": run.step}
    weights.save(run.averaged, path, {**run.manifest(), **about})
    return weights.load(path), recipe, seconds


def components(seed: int, *sets: Images) -> list[dict[str, Tensor]]:
    """Codes of each set without any model: five principal components and two clusterings, fitted on training faces."""
    flat = lambda images: images.images.flatten(1).numpy() / 255  # noqa: E731
    train = flat(data.face_set(*presets.FACES["train"]))
    pca = PCA(20, random_state=seed).fit(train)
    means = [KMeans(k, n_init=10, random_state=seed).fit(pca.transform(train)) for k in (2, 3)]
    tables = []
    for images in sets:
        found = pca.transform(flat(images))
        codes = {f"c{i + 1}": torch.from_numpy(found[:, i]).float() for i in range(5)}
        codes |= {f"k{m.n_clusters}": torch.from_numpy(m.predict(found)).long() for m in means}
        tables.append(codes)
    return tables


def splits(split: str) -> tuple[Images, Images]:
    """The faces that codes are paired on, and those they are scored on."""
    tune = data.face_split("tune")
    if split == "test":
        return tune, data.face_split("test")
    return _part(tune, slice(0, len(tune) // 2)), _part(tune, slice(len(tune) // 2, None))


def _part(images: Images, rows: slice) -> Images:
    assert images.factors is not None
    return Images(images.images[rows], None, images.name, {k: v[rows] for k, v in images.factors.items()})


def nats(pair: Pair, codes: Mapping[str, Tensor], factor: Tensor) -> float:
    generator = torch.Generator().manual_seed(0)
    return round(histogram_information(codes[pair.code], factor, generator=generator).excess, 4)


def protocol(n: int) -> Protocol:
    return replace(TREES, n=int(n * 0.7), test=n - int(n * 0.7))


def entangled(codes: Mapping[str, Tensor], factors: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
    """{"all", "codeable": {"mig": ..., ...}} of one table of codes against one of factors."""
    found = {}
    for name, asked in (("all", VARY), ("codeable", CODEABLE)):
        chosen = {k: factors[k] for k in asked if k in factors}
        scores = disentanglement.score(codes, chosen, protocol(len(next(iter(codes.values())))))
        found[name] = {k: round(getattr(scores, k), 4) for k in MEASURES}
    return found


MEASURES = ("mig", "disentanglement", "completeness", "factor_vae")
EMPTY = ("code", "read", "nats", "set", "nats_q", *MEASURES, *(f"set_{m}" for m in MEASURES), "frechet", "diversity")


def score(variant: str, seed: int, model: InfoGAN | None, split: str) -> list[dict[str, Any]]:
    """The rows of one run."""
    fit, test = splits(split)
    assert fit.factors is not None and test.factors is not None
    fitted, scored = components(seed, fit, test) if model is None else [codes_read(model, s) for s in (fit, test)]
    truth = {name: test.factors[name] for name in VARY}
    pairs = pair(fitted, {name: fit.factors[name] for name in SCORED})
    told, scores = agreement(pairs, scored, truth), entangled(scored, truth)
    made: dict[str, float] = {}
    fakes: dict[str, Any] = {"scores": {}, "frechet": "", "diversity": "", "nats_q": {}}
    if model is not None and variant not in UNTRAINED:
        reader, (latent, images) = face_reader(), metrics.fakes(model, FAKES)
        codes, seen = codes_set(model.spec, latent), reader.read(images)
        made = agreement(pairs, codes, seen)
        fakes["scores"] = entangled(codes, {k: v for k, v in seen.items() if len(v.unique()) > 1})
        real = reader.features(test.batch(slice(0, FAKES)))
        fakes["frechet"] = round(readers.frechet(reader.features(images)[: len(real)], real), 3)
        fakes["diversity"] = round(metrics.diversity(model), 4)
        fakes["nats_q"] = {k: round(v["mean"], 4) for k, v in metrics.measure_nats(model).items()}
    rows = []
    for name in SCORED:
        row: dict[str, Any] = {"factor": name, "kind": FACTORS[name].kind} | dict.fromkeys(EMPTY, "")
        if name in pairs:
            row |= {"code": pairs[name].code, "read": round(told[name], 4)}
            row |= {"nats": nats(pairs[name], scored, truth[name])}
            row |= {"set": round(made[name], 4)} if made else {}
            row["nats_q"] = fakes["nats_q"].get(pairs[name].code, "")
        elif (factor := truth[name]).is_floating_point():
            row |= {"read": 0.0, "set": 0.0 if made else ""}
        else:
            row |= {"read": (chance := round(1 / len(factor.unique()), 4)), "set": chance if made else ""}
        rows.append(row)
    for name, found in scores.items():
        row = {"factor": name, "kind": "summary"} | dict.fromkeys(EMPTY, "") | found
        row |= {f"set_{k}": v for k, v in fakes["scores"].get(name, {}).items()}
        rows.append(row | {"frechet": fakes["frechet"], "diversity": fakes["diversity"]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", choices=[*VARIANTS, *UNTRAINED])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--score", choices=("tune", "test"), default="test", help="seeds below 100 only on test")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    args = parser.parse_args()
    if (args.score == "test" and max(args.seeds) >= 100) or (args.score == "tune" and min(args.seeds) < 100):
        parser.error("seeds below 100 are scored on test, the others on tune")
    command = shlex.join(["python", os.path.relpath(sys.argv[0]), args.variant])
    command += f" --seeds {{seed}} --score {args.score}" + (f" --steps {args.steps}" if args.steps else "")
    for seed in args.seeds:
        folder = args.runs / (f"faces-{args.variant}-{seed}" + (f"-{args.steps}" if args.steps else ""))
        model, steps, seconds = None, 0, 0.0
        if args.variant == "untrained":
            model = PRESET.build()
            model.initialise(seed)
        elif args.variant != "pca":
            model, recipe, seconds = train(args.variant, seed, folder, args.steps)
            steps = recipe.steps
        about = {"variant": args.variant, "seed": seed, "steps": steps, "threads": torch.get_num_threads()}
        origin = {"seconds": round(seconds), "command": command.format(seed=seed), "commit": results.commit()}
        rows = [{**about, **row, **origin} for row in score(args.variant, seed, model, args.score)]
        table = f"faces_{'seeds' if args.score == 'test' else 'tuning'}"
        results.put(table, rows, keys=("variant", "seed", "steps", "factor"))
        shown = {row["factor"]: (row["code"], row["read"], row["set"]) for row in rows if row["code"]}
        print(args.variant, seed, shown, f"{seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
