"""The tables that notebooks 01, 02, 03, 11 and 12 show, each made by a command of its own.

    python benchmarks/notebooks.py rings              # 01: modes of the ring that G covers, round by round
    python benchmarks/notebooks.py arithmetic         # 02: how often arithmetic on noise puts glasses on a face
    python benchmarks/notebooks.py directions         # 03: what it costs to find a handle in the noise of a plain GAN
    python benchmarks/notebooks.py clinic             # 11: how much the charts differ over seeds
    python benchmarks/notebooks.py own-data digits    # 12: scikit-learn's 1,797 digits of 8 x 8, exported as PNG files
    python benchmarks/notebooks.py own-data photos    # 12: 32 x 32 patches of scikit-learn's two photographs, in colour

rings        data/results/ring_modes.csv: seeds 0 to 4 of two recipes, which differ in one number, the steps that G
             takes for one of D. Rates and networks were chosen with seeds from 100 on; "even" then covered all modes
             in all of 20 such runs. An earlier "even", with lr_g at 2e-3 like lr_d, had been tried on seeds 0 to 4
             before: seed 2 covered all eight modes and had lost two again at the end, so lr_g was halved.
arithmetic   data/results/arithmetic.csv: each seed looks at its own 4,000 samples of shipped dcgan-faces. By `what`:
             untouched     samples as they come: the share with glasses, with the wanted hair, with both
             averaged      as in DCGAN's figure 7: mean("glasses, hair A") - mean("none, hair A") + mean("none, hair
                           B"), each try with exemplars of its own; success is glasses and hair B
             one face      the same difference of means, one a seed, added to 200 single faces "none, hair B"
             random move   the control: the difference of the means of two draws of hair A, glasses or not, added to
                           the same faces
             `length` says whether the result was left as it is or brought back to the length of a sample. The columns
             kept_NAME are the share of faces where NAME stayed: the same state, or moved by less than half a standard
             deviation over samples.
directions   data/results/directions.csv: seven questions are asked of faces, such as "does it wear glasses?". A way of
             searching looks at some images and comes back with one direction. Then fresh faces are set to the other
             end of it, -2 or 2: `turned` is the share whose answer changes, `kept` the share of the six other answers
             that do not. Each image looked at costs one look:
             random    none: a direction at random, what both shares are worth by themselves
             number    faces at both ends of every z_i; the z_i that changed the answer most often
             sefa      the same with the first ten directions of `directions.sefa`
             labels    faces drawn at random, answered yes or no, and `directions.labelled`; all answers alike turn
                       nothing
             The reader stands in for the person who looks. Draw k of a search uses faces that no other draw and no
             score uses.
clinic       data/results/clinic_seeds.csv: every patient and a healthy one, a row each. A reading that differs less
             between sick and healthy than between seeds is no symptom.
own-data     data/results/own_data.csv: two sets that the project was not built on. `presets.own` has the rates of the
             notebooks' live MNIST runs, and K comes from `choose_k`, which reads no label. One thing was chosen on the
             digits: 600 steps, by the clock, after two trial runs with seeds 100 and 101. Labels (the digit; the
             photograph) are kept outside the folder and read once, on pictures that were held back. Patches overlap,
             so those held back resemble some that were trained on. "moved" adds what `moved_is_same` adds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import experiment
import numpy as np
import torch
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_sample_images
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from torch import Tensor

from infogan_lib import Categorical, InfoGAN, Training, Uniform, data
from infogan_lib.course.clinic.charts import examine
from infogan_lib.course.clinic.patient import Patient
from infogan_lib.course.clinic.ward import WARD
from infogan_lib.course.lessons.arithmetic import Seen, combine, exemplars, kept, look, looks, restore, show
from infogan_lib.course.lessons.directions import labelled, sefa
from infogan_lib.course.lessons.rings import Game
from infogan_lib.data import Images
from infogan_lib.data.threads import one_thread
from infogan_lib.measure import metrics
from infogan_lib.measure.effects import along
from infogan_lib.measure.face_reader import FaceReader, face_reader
from infogan_lib.training import presets, weights

Rows = list[dict[str, Any]]

# -- 01: rings

G_STEPS = {"even": 1, "greedy": 10}


@one_thread()
def rings(args: argparse.Namespace) -> None:
    for recipe, seed in itertools.product(args.recipes, args.seeds):
        reports = Game(seed, G_STEPS[recipe]).play(args.rounds, args.every)
        rows = [
            {"recipe": recipe, "seed": seed, "g_steps": G_STEPS[recipe], "round": r.round, "modes": r.modes}
            | {"covered": " ".join(map(str, r.covered)), "near": round(r.near, 3)}
            for r in reports
        ]
        experiment.put("ring_modes", rows, ["recipe", "seed", "round"])


# -- 02: arithmetic

HAIR = ("none", "short", "long")
CONTINUOUS = ("azimuth", "elevation", "light", "width", "smile")
SAMPLES = 4000


def share(hits: Tensor) -> float:
    return round(hits.double().mean().item(), 4)


def shares(seen: Seen, hair: int) -> dict[str, float]:
    glasses, right = seen.read["glasses"] == 1, seen.read["hair"] == hair
    return {"glasses": share(glasses), "hair": share(right), "both": share(glasses & right)}


def length(noise: Tensor) -> float:
    return round(noise.norm(dim=1).mean().item(), 3)


@one_thread()
def arithmetic(args: argparse.Namespace) -> None:
    model, read = weights.load(args.weights), face_reader().read
    nothing = {"looks": "", "norm": ""} | {f"kept_{name}": "" for name in ("hair", *CONTINUOUS, "all")}
    for seed in args.seeds:
        seen = look(model, read, SAMPLES, seed)
        scale = {name: seen.read[name].std().item() for name in CONTINUOUS}
        random, rows = torch.Generator().manual_seed(seed), []
        for a, b in itertools.permutations(range(3), 2):
            plus, minus, other = (seen.where(glasses=g, hair=h) for g, h in ((1, a), (0, a), (0, b)))
            pair = {"hair_from": HAIR[a], "hair_to": HAIR[b], "seed": seed, "tries": args.tries}
            same = {"what": "untouched", "k": 0, "length": "as it is", **pair, "tries": SAMPLES}
            rows.append(same | shares(seen, b) | nothing | {"norm": length(seen.noise)})
            faces = show(model, seen.noise[exemplars(other, 1, args.tries, random)[:, 0]], read)
            for k in args.exemplars:
                means = [seen.means(exemplars(group, k, args.tries, random)) for group in (plus, minus, other)]
                both = exemplars(torch.cat([plus, minus]), 2 * k, 1, random)
                moves = {
                    "averaged": combine(*means),
                    "one face": combine(means[0][:1], means[1][:1], faces.noise),
                    "random move": combine(seen.means(both[:, :k]), seen.means(both[:, k:]), faces.noise),
                }
                for (what, noise), how in itertools.product(moves.items(), ("as it is", "restored")):
                    found = show(model, noise if how == "as it is" else restore(noise), read)
                    row = {"what": what, "k": k, "length": how, **pair, **shares(found, b), **nothing}
                    row |= {"looks": looks(k, plus, minus, other), "norm": length(noise)}
                    if what != "averaged":
                        still = kept(faces, found, ("hair", *CONTINUOUS), scale)
                        row |= {f"kept_{n}": share(still[:, i]) for i, n in enumerate(("hair", *CONTINUOUS))}
                        row |= {"kept_all": share(still.all(1))}
                    rows.append(row)
        rows = [row | {"model": args.weights} for row in rows]
        experiment.put("arithmetic", rows, ["what", "k", "length", "hair_from", "hair_to", "seed"])


# -- 03: directions

REACH = 2.0
LABELS = (10, 30, 100, 300, 1000)
FACES = (1, 3, 10, 25)  # looked at for each candidate
SEFA = 10
QUESTIONS = {
    "glasses": lambda face: face["glasses"] == 1,
    "long hair": lambda face: face["hair"] == 2,
    "smile": lambda face: face["smile"] > 0,
    "turned right": lambda face: face["azimuth"] > 0,
    "looks up": lambda face: face["elevation"] > 0,
    "light from the right": lambda face: face["light"] > 0,
    "wide head": lambda face: face["width"] > 1,
}


class Faces:
    """Some faces of a model, and the answers to all questions when they are moved: (N, questions), bool."""

    def __init__(self, model: InfoGAN, reader: FaceReader, n: int, seed: int) -> None:
        self.model, self.reader = model, reader
        self.noise = model.spec.sample(n, torch.Generator().manual_seed(seed)).noise
        self.answers = self.ask(self.noise)

    def ask(self, noise: Tensor) -> Tensor:
        parts = [self.reader.read(self.model.generate(self.model.spec.encode(part))) for part in noise.split(500)]
        face = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return torch.stack([question(face) for question in QUESTIONS.values()], 1)

    def ends(self, direction: Tensor) -> Tensor:
        """(2, N, questions): answers at the low and at the high end."""
        return torch.stack([self.ask(along(self.noise, direction, v)) for v in (-REACH, REACH)])

    def score(self, ends: Tensor, q: int) -> tuple[float, float]:
        """Turned and kept for question q, from the answers at both ends of a direction towards its yes."""
        moved = torch.where(self.answers[:, q, None], ends[0], ends[1])
        same = moved == self.answers
        others = torch.arange(same.shape[1]) != q
        return 1 - same[:, q].double().mean().item(), same[:, others].double().mean().item()


def at_random(faces: Faces, draws: int, seed: int) -> Rows:
    """Rows of directions that nobody searched for."""
    some = torch.randn(draws, faces.noise.shape[1], generator=torch.Generator().manual_seed(seed))
    rows: Rows = []
    for draw, direction in enumerate(some / some.norm(dim=1, keepdim=True)):
        ends = faces.ends(direction)
        for q, question in enumerate(QUESTIONS):
            turned, kept = faces.score(ends, q)
            rows.append({"question": question, "looks": 0, "draw": draw, "turned": turned, "kept": kept})
    return rows


def best(ends: Tensor, looked: Tensor, q: int) -> tuple[int, int]:
    """(candidate, sign): whose answers to q change most often between the ends, on the faces looked at.

    `ends` is (candidates, 2, N, questions). Between equals the lot decides, as it must for somebody who looks.
    """
    change = (ends[:, 1, looked, q].double() - ends[:, 0, looked, q].double()).mean(1)
    order = torch.randperm(len(change))
    winner = int(order[change[order].abs().argmax()])
    return winner, 1 if change[winner] >= 0 else -1


def searched(faces: Faces, pool: Faces, candidates: Tensor, draws: int) -> Rows:
    """Rows of a search through candidates (C, S): for every question, number of faces and draw."""
    fresh = torch.stack([faces.ends(c) for c in candidates])
    looked_at = torch.stack([pool.ends(c) for c in candidates])
    rows: Rows = []
    for (q, question), each, draw in itertools.product(enumerate(QUESTIONS), FACES, range(draws)):
        mine = torch.arange(draw * max(FACES), draw * max(FACES) + each)
        winner, sign = best(looked_at, mine, q)
        turned, kept = faces.score(fresh[winner] if sign > 0 else fresh[winner].flip(0), q)
        cost = 2 * each * len(candidates)
        rows.append({"question": question, "looks": cost, "draw": draw, "turned": turned, "kept": kept})
    return rows


def from_labels(faces: Faces, pool: Faces, draws: int) -> Rows:
    """Rows of directions fitted from labels: for every question, number of labels and draw."""
    rows: Rows = []
    for (q, question), labels, draw in itertools.product(enumerate(QUESTIONS), LABELS, range(draws)):
        mine = slice(draw * max(LABELS), draw * max(LABELS) + labels)
        answers = pool.answers[mine, q]
        # All alike: nothing to fit, nothing turned. Somebody who looks would go on; here it is a failure.
        turned, kept = 0.0, 1.0
        if answers.any() and not answers.all():
            turned, kept = faces.score(faces.ends(labelled(pool.noise[mine], answers)), q)
        rows.append({"question": question, "looks": labels, "draw": draw, "turned": turned, "kept": kept})
    return rows


@one_thread()
def directions(args: argparse.Namespace) -> None:
    model, reader = weights.load(args.weights), face_reader()
    torch.manual_seed(args.seed)
    size, draws = model.spec.noise.size, args.draws
    faces = Faces(model, reader, args.faces, args.seed)
    few = Faces(model, reader, draws * max(FACES), args.seed + 1)
    many = Faces(model, reader, draws * max(LABELS), args.seed + 2)
    found = {
        "random": at_random(faces, draws, args.seed),
        "number": searched(faces, few, torch.eye(size), draws),
        "sefa": searched(faces, few, sefa(model, min(SEFA, size)), draws),
        "labels": from_labels(faces, many, draws),
    }
    rows = [
        {"way": way, **row, "turned": f"{row['turned']:.3f}", "kept": f"{row['kept']:.3f}", "seed": args.seed}
        for way, rows in found.items()
        for row in rows
    ]
    experiment.put("directions", rows, ["way", "question", "looks", "draw"])


# -- 11: the clinic


def clinic(args: argparse.Namespace) -> None:
    for name, seed in itertools.product(args.patients, args.seeds):
        chart = examine((WARD[name] if name != "healthy" else Patient)(seed), name)
        row = {"patient": name, "seed": seed, "nats_digit": chart.end("digit"), "nats_c1": chart.end("c1")}
        row |= {"sigma": min(chart["sigma"]), "slope": chart.slope, "diversity": chart.diversity}
        row |= {"neighbours": chart.neighbours, "brightness": chart.brightness, "spread": chart.spread}
        row = {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
        experiment.put("clinic_seeds", [row], ("patient", "seed"), f"clinic --seeds {seed} --patients {name}")


# -- 12: data of your own

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


def purity(counts: Tensor) -> float:
    """Share of pictures that have the commonest label of their category; counts (k, classes)."""
    return (counts.max(1).values.sum() / counts.sum()).item()


def k_means(train: Images, test: Images, k: int) -> Tensor:
    """The category of each test picture, by k-means on fifty principal components of the training ones."""
    pixels, shown = (part.images.flatten(1).numpy() for part in (train, test))
    pca = PCA(50, random_state=0).fit(pixels)
    found = KMeans(k, n_init=10, random_state=0).fit(pca.transform(pixels))
    return torch.from_numpy(found.predict(pca.transform(shown))).long()


@one_thread()
def own_data(args: argparse.Namespace) -> None:
    size, channels = SIZES[args.set]
    with tempfile.TemporaryDirectory() as folder:
        labels = export(args.set, Path(folder))
        (train, _), (test, report) = (
            data.folder(folder, size=size, channels=channels, split=split) for split in ("train", "test")
        )
    answers = torch.tensor([labels[name] for name in report.used])
    classes = int(answers.max()) + 1
    k = max(scores := choose_k(train), key=scores.__getitem__)
    print(f"K = {k}, chosen blind", {n: round(s, 3) for n, s in scores.items()}, flush=True)

    def put(method: str, seed: int, steps: int, codes: Tensor, nats: dict[str, float]) -> None:
        counts = metrics.confusion(codes, answers, k, classes)
        row = {"set": args.set, "method": method, "seed": seed, "steps": steps, "train": len(train)}
        row |= {"test": len(test), "k": k, "classes": classes, "nmi": round(metrics.nmi(counts), 4)}
        row |= {"purity": round(purity(counts), 4), "nats": json.dumps(nats)}
        row |= {"confusion": " ".join(map(str, counts.flatten().tolist()))}
        experiment.put("own_data", [row], ["set", "method", "seed", "steps"])

    put("k-means", 0, 0, k_means(train, test, k), {})
    put("random", 0, 0, torch.randint(k, answers.shape, generator=torch.Generator().manual_seed(0)), {})
    smooth = [Uniform(name, sigma_floor=0.3) for name in ("c1", "c2")]
    preset = presets.own(train, [Categorical("kind", k), *smooth], args.steps, args.moved)
    for seed in args.seeds:
        run = Training(preset.build(), train, preset.recipe, seed=seed)
        for _ in run:
            pass
        nats = {name: round(v["mean"], 3) for name, v in metrics.measure_nats(run.averaged, 2000).items()}
        method = "infogan-moved" if args.moved else "infogan"
        put(method, seed, args.steps, metrics.read_codes(run.averaged, test, "kind"), nats)


COMMANDS = {
    rings: {
        "--recipes": {"nargs": "+", "choices": G_STEPS, "default": list(G_STEPS)},
        "--seeds": experiment.SEEDS,
        "--rounds": 2000,
        "--every": 50,
    },
    arithmetic: {
        "--seeds": list(range(10)),
        "--exemplars": [1, 3, 10, 30],
        "--tries": 200,
        "--weights": "dcgan-faces",
    },
    directions: {"--weights": "dcgan-faces", "--draws": 10, "--faces": 300, "--seed": 100},
    clinic: {
        "--seeds": experiment.SEEDS,
        "--patients": {"nargs": "+", "choices": ["healthy", *WARD], "default": ["healthy", *WARD]},
    },
    own_data: {"set": {"choices": SIZES}, "--seeds": [0, 1, 2], "--steps": 1500, "--moved": {"action": "store_true"}},
}


def main() -> None:
    experiment.run(__doc__, COMMANDS)


if __name__ == "__main__":
    main()
