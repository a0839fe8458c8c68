"""Two sets that the project was not built on, through the road of notebook 12: data/results/own_data.csv.

    python benchmarks/own_data.py digits      # scikit-learn's 1,797 digits of 8 x 8, exported as PNG files
    python benchmarks/own_data.py photos      # 32 x 32 patches of scikit-learn's two photographs, in colour

`presets.own` has the rates of the notebooks' live MNIST runs, and K comes from `choose_k`, which reads no label. One
thing was chosen on the digits: 600 steps, by the clock, after two trial runs with seeds 100 and 101. Labels (the digit;
the photograph) are kept outside the folder and read once, on pictures that were held back. Patches overlap, so those
held back resemble some that were trained on. "moved" adds what `moved_is_same` adds.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_sample_images
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from infogan_lib import Categorical, Training, Uniform, data
from infogan_lib.course import results
from infogan_lib.data import Images
from infogan_lib.measure import metrics
from infogan_lib.training import presets

SIZES = {"digits": (16, 1), "photos": (32, 3)}  # pixels, channels


def export(which: str, folder: Path) -> dict[str, int]:
    """The set as PNG files in a new folder; the labels, by file name, are returned and not written there."""
    if which == "digits":
        bunch = load_digits()
        pictures, labels = (bunch.images * 255 / 16).round().astype(np.uint8), bunch.target.tolist()
    else:
        pictures, labels = [], []
        for label, photo in enumerate(load_sample_images().images):  # 427 x 640 each: a temple, a flower
            cuts = [(y, x) for y in range(0, 427 - 32, 10) for x in range(0, 640 - 32, 10)]
            pictures += [photo[y : y + 32, x : x + 32] for y, x in cuts]
            labels += [label] * len(cuts)
    order = np.random.default_rng(0).permutation(len(labels))  # so that a name says nothing
    names = {f"{i:04d}.png": labels[j] for i, j in enumerate(order)}
    for name, j in zip(names, order):
        Image.fromarray(pictures[j]).save(folder / name)
    return names


def choose_k(images: Images, ks: range = range(4, 17)) -> dict[int, float]:
    """How well k-means with k clusters separates pictures that have no labels: {k: silhouette, -1 to 1}."""
    rows = PCA(20, random_state=0).fit_transform(images.images.flatten(1).numpy())
    groups = {k: KMeans(k, n_init=4, random_state=0).fit_predict(rows) for k in ks}
    return {k: float(silhouette_score(rows, found)) for k, found in groups.items()}


def purity(counts: torch.Tensor) -> float:
    """Share of pictures that have the commonest label of their category; counts (k, classes)."""
    return (counts.max(1).values.sum() / counts.sum()).item()


def k_means(train: Images, test: Images, k: int) -> torch.Tensor:
    """The category of each test picture, by k-means on fifty principal components of the training ones."""
    flat = [part.images.flatten(1).numpy() for part in (train, test)]
    pca = PCA(50, random_state=0).fit(flat[0])
    return torch.from_numpy(KMeans(k, n_init=10, random_state=0).fit(pca.transform(flat[0])).predict(
        pca.transform(flat[1]))).long()  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=SIZES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--moved", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    origin = {"command": shlex.join(["python", "benchmarks/own_data.py", *sys.argv[1:]]), "commit": results.commit()}
    size, channels = SIZES[options.which]
    with tempfile.TemporaryDirectory() as folder:
        labels = export(options.which, Path(folder))
        (train, _), (test, report) = (
            data.folder(folder, size=size, channels=channels, split=split) for split in ("train", "test")
        )
    answers = torch.tensor([labels[name] for name in report.used])
    classes = int(answers.max()) + 1
    k = max(scores := choose_k(train), key=scores.__getitem__)
    print(f"K = {k}, chosen blind", {n: round(s, 3) for n, s in scores.items()}, flush=True)

    def put(method: str, seed: int, steps: int, codes: torch.Tensor, nats: dict[str, float]) -> None:
        counts = metrics.confusion(codes, answers, k, classes)
        row = {"set": options.which, "method": method, "seed": seed, "steps": steps, "train": len(train)}
        row |= {"test": len(test), "k": k, "classes": classes, "nmi": round(metrics.nmi(counts), 4)}
        row |= {"purity": round(purity(counts), 4), "nats": json.dumps(nats)}
        row |= {"confusion": " ".join(map(str, counts.flatten().tolist()))} | origin
        results.put("own_data", [row], ["set", "method", "seed", "steps"])
        print(method, seed, row["nmi"], row["purity"], nats, flush=True)

    put("k-means", 0, 0, k_means(train, test, k), {})
    put("random", 0, 0, torch.randint(k, answers.shape, generator=torch.Generator().manual_seed(0)), {})
    smooth = [Uniform(name, sigma_floor=0.3) for name in ("c1", "c2")]
    preset = presets.own(train, [Categorical("kind", k), *smooth], options.steps, options.moved)
    for seed in options.seeds:
        run = Training(preset.build(), train, preset.recipe, seed=seed)
        for _ in run:
            pass
        nats = {name: round(v["mean"], 3) for name, v in metrics.measure_nats(run.model, 2000).items()}
        method = "infogan-moved" if options.moved else "infogan"
        put(method, seed, options.steps, metrics.read_codes(run.model, test, "kind"), nats)


if __name__ == "__main__":
    main()
