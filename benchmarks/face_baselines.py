"""What the codes of a face model are to be compared with: data/results/faces_baselines.csv.

    python benchmarks/face_baselines.py

Five numbers an image, from three sources that know nothing of the factors: the first five principal components
(PCA-5), the five means of an untrained Q (the paper's trunk for 3-D faces, five seeds), and five random numbers. And
one that looks for a trick: for each factor the pixel that follows it best. On one set of faces ("fit") each factor
gets its best number, and numbers and factors are matched one to one, by |Spearman|; on another ("score") both
choices are scored: |Spearman|, and the mutual information in nats, 20 x 20 bins, less its permutation null.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from torch import Tensor, nn

from infogan_lib import InfoGAN, LatentSpec, Noise, Uniform, data
from infogan_lib.core.networks import NETWORKS, Parts, register
from infogan_lib.course import results
from infogan_lib.data import Images
from infogan_lib.data.faces import FACTORS, SCORED
from infogan_lib.measure.information import histogram_information

FIT, SCORE = (10_000, 600_001), (10_000, 600_002)  # number and seed of the faces
SEEDS = range(5)
BATCH = 500


def trunk() -> nn.Module:
    """D's and Q's trunk in the paper's table for 3-D faces (appendix C.4)."""
    layers: list[nn.Module] = [nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.1)]
    layers += [nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(128 * 64, 1024, bias=False), nn.BatchNorm1d(1024), nn.LeakyReLU(0.1))


if "faces-untrained-q" not in NETWORKS:  # imported twice, it is still one network

    @register("faces-untrained-q")
    def untrained(spec: LatentSpec) -> Parts:
        return Parts(nn.Identity(), trunk, 1024, 128, (1, 32, 32))  # no G: nothing is generated


def untrained_q(seed: int, images: Images) -> Tensor:
    """The means of five codes, (N, 5), as a Q with its first weights reads them."""
    model = InfoGAN("faces-untrained-q", LatentSpec(Noise(128), [Uniform(f"c{i}") for i in range(5)]))
    model.initialise(seed)
    parts = [model.read(images.batch(slice(i, i + BATCH))) for i in range(0, len(images), BATCH)]
    return torch.cat([torch.stack([p[name].mean for name in model.spec.names], 1) for p in parts])


def baselines(fit: Images, score: Images) -> Iterator[tuple[str, int, Tensor, Tensor]]:
    """(name, seed, numbers of the fit set (N, K), numbers of the score set (M, K))"""
    flat = [s.images.flatten(1).numpy() / 255 for s in (fit, score)]
    pca = PCA(5, random_state=0).fit(flat[0])
    yield "PCA-5", 0, *(torch.from_numpy(pca.transform(x)) for x in flat)
    for seed in SEEDS:
        yield "untrained Q", seed, untrained_q(seed, fit), untrained_q(seed, score)
    generator = torch.Generator().manual_seed(0)
    yield "random numbers", 0, *(torch.rand(len(s), 5, generator=generator) for s in (fit, score))
    yield "best pixel", 0, *(torch.from_numpy(x) for x in flat)


def correlations(numbers: Tensor, factors: dict[str, Tensor]) -> Tensor:
    """|Spearman| (K, F) of each number with each factor; 0 where a number does not vary."""
    columns = torch.stack([factors[name].float() for name in SCORED], 1)
    matrix = spearmanr(numbers.numpy(), columns.numpy()).statistic
    return torch.from_numpy(matrix[: numbers.shape[1], numbers.shape[1] :]).abs().nan_to_num(0)


def agreement(number: Tensor, factor: Tensor) -> dict[str, float]:
    rho = torch.tensor(spearmanr(number.numpy(), factor.numpy()).statistic).abs().nan_to_num(0).item()
    nats = histogram_information(number, factor, generator=torch.Generator().manual_seed(0)).excess
    return {"spearman": round(rho, 4), "nats": round(nats, 4)}


def main() -> None:
    fit, score = data.face_set(*FIT), data.face_set(*SCORE)
    assert fit.factors is not None and score.factors is not None
    rows = []
    for name, seed, fitted, scored in baselines(fit, score):
        rho = correlations(fitted, dict(fit.factors))
        alone = {}
        if len(rho) < 100:  # each pixel is matched to nothing
            alone = dict(zip(*(x.tolist() for x in linear_sum_assignment(rho.numpy(), maximize=True)[::-1])))
        for i, factor in enumerate(SCORED):
            truth, best = score.factors[factor], int(rho[:, i].argmax())
            row = {"baseline": name, "seed": seed, "factor": factor, "kind": FACTORS[factor].kind, "number": best}
            row |= agreement(scored[:, best].contiguous(), truth)
            one = agreement(scored[:, alone[i]].contiguous(), truth) if i in alone else {"spearman": "", "nats": ""}
            row |= {"matched_number": alone.get(i, "")} | {f"matched_{k}": v for k, v in one.items()}
            rows.append(row)
            print(f"{name:14s} {seed} {factor:10s} {row['spearman']:.3f} {row['nats']:.3f} nats", file=sys.stderr)
    origin = {"fit": fit.name, "score": score.name, "command": "python benchmarks/face_baselines.py"}
    origin["commit"] = results.commit()
    results.put("faces_baselines", [row | origin for row in rows], keys=("baseline", "seed", "factor"))


if __name__ == "__main__":
    main()
