"""What MNIST's codes are to be compared with: data/results/mnist_baselines.csv.

    python benchmarks/baselines.py

Random codes and k-means (10 clusters on 50 principal components of the training digits) are matched on the tuning
digits and scored on the test digits, as the codes are. The ceiling is for fakes: ten codes of equal weight, one a
digit, cannot match digits of unequal weight better than that.
"""

from __future__ import annotations

import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.measure import metrics


def accuracies(tune_codes: torch.Tensor, test_codes: torch.Tensor) -> tuple[float, float]:
    """One label a category, and the commonest label of each."""
    tune, test = data.mnist("tune").labels, data.mnist("test").labels
    assert tune is not None and test is not None
    counts = metrics.confusion(tune_codes, tune, 10, 10)
    one, majority = (metrics.accuracy(metrics.match(counts, m), test_codes, test) for m in ("hungarian", "majority"))
    return one, majority


def main(seed: int = 0) -> None:
    train, tune, test = (data.mnist(split) for split in ("train", "tune", "test"))
    flat = {s.name: s.images.flatten(1).numpy() / 255 for s in (train, tune, test)}
    pca = PCA(50, random_state=seed).fit(flat[train.name])
    kmeans = KMeans(10, n_init=10, random_state=seed).fit(pca.transform(flat[train.name]))
    tune_codes, test_codes = (
        torch.from_numpy(kmeans.predict(pca.transform(flat[s.name]))).long() for s in (tune, test)
    )
    generator = torch.Generator().manual_seed(seed)
    random = [torch.randint(10, (10_000,), generator=generator) for _ in range(2)]
    assert train.labels is not None
    shares = torch.bincount(train.labels) / len(train)
    rows = {
        "random codes": accuracies(*random),
        "k-means on PCA-50": accuracies(tune_codes, test_codes),
        "ceiling on fakes": (shares.clamp(max=0.1).sum().item(),) * 2,
    }
    for name, (one, majority) in rows.items():
        values = {"code_accuracy": round(one, 4), "majority_accuracy": round(majority, 4)}
        origin = {"seed": seed, "command": "python benchmarks/baselines.py", "commit": results.commit()}
        results.put("mnist_baselines", [{"baseline": name, **values, **origin}], ["baseline"])
        print(f"{name:20s} {100 * one:.1f} %, majority {100 * majority:.1f} %")


if __name__ == "__main__":
    main()
