"""Train the face experiment over seeds and score its codes against the truth: data/results/faces_seeds.csv.

    python benchmarks/faces.py infogan --seeds 0 1 2 3 4             # the headline, scored on test
    python benchmarks/faces.py infogan --seeds 100 101 --score tune  # while choosing settings: test is not touched
    python benchmarks/faces.py pca                                   # what needs no training
    python benchmarks/faces.py baselines                             # numbers that know nothing of the causes
    python benchmarks/faces.py ship                                  # choose, of infogan and control, what ships

Variants: `infogan` is the preset "faces"; `plain` the same game with nothing but the codes (no views, no help from
real images), `control` that with lambda_g = 0; `untrained` a Q with its first weights; `pca` five principal components
as codes c1 to c5 and two clusterings (k-means with 2 and 3 clusters of the first 20) as k2 and k3.

Each factor has a row. Codes and factors are paired one to one on tuning faces (`infogan_lib.measure.pairing`); `read`
is the agreement of the paired code, read by Q off other renders, with the truth: |Spearman| or balanced accuracy (by a
threshold where an amount tells two states). A factor for which no code is left has no code, and 0 or chance. `nats` is
their mutual information less its permutation null, 20 bins. `set` is the other direction with the same pairs: the
code that a fake was made with against what the face reader sees there. Rows "all" and "codeable" hold MIG, DCI and
the FactorVAE score of all ten factors that vary, and of the six that a code was given for; DCI by random forests.
Scores on tune pair on its first half and score on the second. Runs already finished in --runs are not trained again.

baselines    Five numbers an image, from three sources that know nothing of the factors: the first five principal
             components (PCA-5), the five means of an untrained Q (the paper's trunk for 3-D faces, five seeds), and
             five random numbers. And one that looks for a trick: for each factor the pixel that follows it best. On
             one set of faces ("fit") each factor gets its best number, and numbers and factors are matched one to
             one, by |Spearman|; on another ("score") both choices are scored: |Spearman|, and `nats` as above.
ship         No label enters. The seed whose codes agree best with those of the other seeds on tuning faces: codes are
             paired one to one, by |Spearman| and balanced accuracy, and the agreement is averaged over codes and
             seeds. Its control is the same seed's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import experiment
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from torch import Tensor, nn

from infogan_lib import InfoGAN, LatentSpec, Noise, Uniform, data
from infogan_lib.core.networks import Parts, register
from infogan_lib.data import Images
from infogan_lib.data.faces import FACTORS, SCORED
from infogan_lib.measure import disentanglement, metrics, readers, report
from infogan_lib.measure.code_maps import FULL, Protocol, Table, codes_read, codes_set
from infogan_lib.measure.face_reader import face_reader
from infogan_lib.measure.information import histogram_information
from infogan_lib.measure.pairing import agreement, pair
from infogan_lib.training import presets
from infogan_lib.training.presets import Preset

FACES = presets.load("faces")
PLAIN: dict[str, Any] = {"enter": {}, "lambda_q": 1.0, "real_weight": 0.0, "real_apart": 0.0, "real_before": 0}


def plain(**recipe: Any) -> Preset:
    """The game with nothing but the codes: Q reads them off the fakes as they are."""
    spec = LatentSpec(FACES.spec.noise, [replace(code, view="plain") for code in FACES.spec.codes])
    return replace(FACES, spec=spec, recipe=replace(FACES.recipe, **PLAIN, **recipe))


VARIANTS = {"infogan": FACES, "plain": plain(), "control": plain(lambda_g=0.0)}
UNTRAINED = ("untrained", "pca")
VARY = tuple(name for name, factor in FACTORS.items() if not factor.fixed)
CODEABLE = tuple(name for name in SCORED if name != "smile")
TREES = replace(FULL, n=7000, test=3000, trees="forest")
FAKES = 10_000
FIT, SCORE = (10_000, 600_001), (10_000, 600_002)  # number and seed of the faces of the baselines
BATCH = 500


def flat(images: Images) -> Any:
    """(N, pixels) in [0, 1], as scikit-learn takes them."""
    return images.images.flatten(1).numpy() / 255


def components(seed: int, *sets: Images) -> list[Table]:
    """Codes of each set without any model: five principal components and two clusterings, fitted on training faces."""
    train = flat(data.face_split("train"))
    pca = PCA(20, random_state=seed).fit(train)
    means = [KMeans(k, n_init=10, random_state=seed).fit(pca.transform(train)) for k in (2, 3)]
    tables = []
    for images in sets:
        found = pca.transform(flat(images))
        codes = {f"c{i + 1}": torch.from_numpy(found[:, i]).float() for i in range(5)}
        tables.append(codes | {f"k{m.n_clusters}": torch.from_numpy(m.predict(found)).long() for m in means})
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


def nats(number: Tensor, factor: Tensor) -> float:
    return round(histogram_information(number, factor, generator=torch.Generator().manual_seed(0)).excess, 4)


def protocol(n: int) -> Protocol:
    return replace(TREES, n=int(n * 0.7), test=n - int(n * 0.7))


def entangled(codes: Table, factors: Table) -> dict[str, dict[str, float]]:
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
    read, scores = agreement(pairs, scored, truth), entangled(scored, truth)
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
            code = pairs[name].code
            row |= {"code": code, "read": round(read[name], 4), "nats": nats(scored[code], truth[name])}
            row |= {"set": round(made[name], 4)} if made else {}
            row["nats_q"] = fakes["nats_q"].get(code, "")
        else:
            chance = 0.0 if truth[name].is_floating_point() else round(1 / len(truth[name].unique()), 4)
            row |= {"read": chance, "set": chance if made else ""}
        rows.append(row)
    for name, found in scores.items():
        row = {"factor": name, "kind": "summary"} | dict.fromkeys(EMPTY, "") | found
        row |= {f"set_{k}": v for k, v in fakes["scores"].get(name, {}).items()}
        rows.append(row | {"frechet": fakes["frechet"], "diversity": fakes["diversity"]})
    return rows


def trunk() -> nn.Module:
    """D's and Q's trunk in the paper's table for 3-D faces (appendix C.4)."""
    layers: list[nn.Module] = [nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.1)]
    layers += [nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(128 * 64, 1024, bias=False), nn.BatchNorm1d(1024), nn.LeakyReLU(0.1))


@register("faces-untrained-q")
def untrained(spec: LatentSpec) -> Parts:
    return Parts(nn.Identity(), trunk, 1024, 128, (1, 32, 32))  # no G: nothing is generated


def untrained_q(seed: int, images: Images) -> Tensor:
    """The means of five codes, (N, 5), as a Q with its first weights reads them."""
    model = InfoGAN("faces-untrained-q", LatentSpec(Noise(128), [Uniform(f"c{i}") for i in range(5)]))
    model.initialise(seed)
    parts = [model.read(images.batch(slice(i, i + BATCH))) for i in range(0, len(images), BATCH)]
    return torch.cat([torch.stack([p[name].mean for name in model.spec.names], 1) for p in parts])


def numbers(fit: Images, score: Images) -> Iterator[tuple[str, int, Tensor, Tensor]]:
    """(baseline, seed, numbers of the fit set (N, K), numbers of the score set (M, K))"""
    sets = (fit, score)
    pca = PCA(5, random_state=0).fit(flat(fit))
    yield "PCA-5", 0, *(torch.from_numpy(pca.transform(flat(s))) for s in sets)
    for seed in experiment.SEEDS:
        yield "untrained Q", seed, *(untrained_q(seed, s) for s in sets)
    generator = torch.Generator().manual_seed(0)
    yield "random numbers", 0, *(torch.rand(len(s), 5, generator=generator) for s in sets)
    yield "best pixel", 0, *(torch.from_numpy(flat(s)) for s in sets)


def correlations(numbers: Tensor, factors: Mapping[str, Tensor]) -> Tensor:
    """|Spearman| (K, F) of each number with each factor; 0 where a number does not vary."""
    columns = torch.stack([factors[name].float() for name in SCORED], 1)
    matrix = spearmanr(numbers.numpy(), columns.numpy()).statistic
    return torch.from_numpy(matrix[: numbers.shape[1], numbers.shape[1] :]).abs().nan_to_num(0)


def follows(number: Tensor, factor: Tensor) -> dict[str, float]:
    rho = torch.tensor(spearmanr(number.numpy(), factor.numpy()).statistic).abs().nan_to_num(0).item()
    return {"spearman": round(rho, 4), "nats": nats(number, factor)}


def baselines() -> None:
    fit, score = data.face_set(*FIT), data.face_set(*SCORE)
    assert fit.factors is not None and score.factors is not None
    rows = []
    for name, seed, fitted, scored in numbers(fit, score):
        rho = correlations(fitted, fit.factors)
        alone = {}
        if len(rho) < 100:  # each pixel is matched to nothing
            number, factor = linear_sum_assignment(rho.numpy(), maximize=True)
            alone = dict(zip(factor.tolist(), number.tolist()))
        for i, factor in enumerate(SCORED):
            truth, best = score.factors[factor], int(rho[:, i].argmax())
            row = {"baseline": name, "seed": seed, "factor": factor, "kind": FACTORS[factor].kind, "number": best}
            row |= follows(scored[:, best].contiguous(), truth)
            one = follows(scored[:, alone[i]].contiguous(), truth) if i in alone else {"spearman": "", "nats": ""}
            row |= {"matched_number": alone.get(i, "")} | {f"matched_{k}": v for k, v in one.items()}
            rows.append(row | {"fit": fit.name, "score": score.name})
    experiment.put("faces_baselines", rows, ("baseline", "seed", "factor"))


def shared(mine: Table, others: list[Table]) -> float:
    """Mean agreement of a seed's codes with those of other seeds."""
    found = [agreement(pair(mine, other), mine, other) for other in others]
    return sum(sum(each.values()) / len(mine) for each in found) / len(found)


def choose(models: dict[int, InfoGAN]) -> tuple[int, list[dict[str, Any]]]:
    """The seed that ships, and what was known of each."""
    tune = data.face_split("tune")
    codes = {seed: codes_read(model, tune) for seed, model in models.items()}
    table = []
    for seed, model in models.items():
        bounds = {name: round(v["mean"], 3) for name, v in metrics.measure_nats(model).items()}
        with_others = shared(codes[seed], [codes[other] for other in models if other != seed])
        table.append({"seed": seed, "agreement": round(with_others, 4), "nats": bounds})
    return max(table, key=lambda row: row["agreement"])["seed"], table


def evaluate(model: InfoGAN) -> dict[str, Any]:
    return report.evaluate(model, data.face_split("tune"), data.face_split("test"), factors=SCORED)


def train_and_score(args: argparse.Namespace) -> None:
    table = f"faces_{'seeds' if args.score == 'test' else 'tuning'}"
    for seed in args.seeds or [0]:
        model, steps, seconds = None, 0, 0.0
        if args.variant == "untrained":
            model = FACES.build()
            model.initialise(seed)
        elif args.variant != "pca":
            model = experiment.trained(args, VARIANTS[args.variant], args.variant, seed)
            steps, seconds = model.manifest["recipe"]["steps"], model.manifest["seconds"]
        about = {"variant": args.variant, "seed": seed, "steps": steps, "threads": torch.get_num_threads()}
        rows = [{**about, **row, "seconds": round(seconds)} for row in score(args.variant, seed, model, args.score)]
        experiment.put(table, rows, ("variant", "seed", "steps", "factor"), experiment.one_seed(args, seed))


def main() -> None:
    args = experiment.variant_arguments(__doc__, [*VARIANTS, *UNTRAINED, "baselines", "ship"])
    if args.variant == "baselines":
        baselines()
    elif args.variant == "ship":
        files = {"infogan": "faces", "control": "faces-control"}
        experiment.ship(args, VARIANTS, files, choose, evaluate)
    else:
        train_and_score(args)


if __name__ == "__main__":
    main()
