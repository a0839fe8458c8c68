"""What it costs to find a handle in the noise of a plain GAN, and what it is worth: data/results/directions.csv.

    python benchmarks/directions.py                  # the shipped faces, ten draws of everything: minutes

Seven questions are asked of faces, such as "does it wear glasses?". A way of searching looks at some images and comes
back with one direction. Then fresh faces are set to the other end of it, -2 or 2: `turned` is the share whose answer
changes, `kept` the share of the six other answers that do not. Each image looked at costs one look:

    random    none: a direction at random, what both shares are worth by themselves
    number    faces at both ends of every z_i; the z_i that changed the answer most often
    sefa      the same with the first ten directions of `directions.sefa`
    labels    faces drawn at random, answered yes or no, and `directions.labelled`; all answers alike turn nothing

The reader stands in for the person who looks. Draw k of a search uses faces that no other draw and no score uses.
"""

from __future__ import annotations

import argparse
import shlex
import sys

import torch
from torch import Tensor

from infogan_lib.core.model import InfoGAN
from infogan_lib.course import results
from infogan_lib.course.lessons import directions
from infogan_lib.data.threads import one_thread
from infogan_lib.measure.face_reader import FaceReader, face_reader
from infogan_lib.training import weights

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
        return torch.stack([self.ask(directions.along(self.noise, direction, v)) for v in (-REACH, REACH)])

    def score(self, ends: Tensor, q: int) -> tuple[float, float]:
        """Turned and kept for question q, from the answers at both ends of a direction towards its yes."""
        moved = torch.where(self.answers[:, q, None], ends[0], ends[1])
        same = moved == self.answers
        others = torch.arange(same.shape[1]) != q
        return 1 - same[:, q].double().mean().item(), same[:, others].double().mean().item()


def at_random(faces: Faces, draws: int, seed: int) -> list[dict[str, object]]:
    """Rows of directions that nobody searched for."""
    some = torch.randn(draws, faces.noise.shape[1], generator=torch.Generator().manual_seed(seed))
    rows: list[dict[str, object]] = []
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


def searched(faces: Faces, pool: Faces, candidates: Tensor, draws: int) -> list[dict[str, object]]:
    """Rows of a search through candidates (C, S): for every question, number of faces and draw."""
    fresh = torch.stack([faces.ends(c) for c in candidates])
    looked_at = torch.stack([pool.ends(c) for c in candidates])
    rows: list[dict[str, object]] = []
    for q, question in enumerate(QUESTIONS):
        for each in FACES:
            for draw in range(draws):
                mine = torch.arange(draw * max(FACES), draw * max(FACES) + each)
                winner, sign = best(looked_at, mine, q)
                turned, kept = faces.score(fresh[winner] if sign > 0 else fresh[winner].flip(0), q)
                looks = 2 * each * len(candidates)
                rows.append({"question": question, "looks": looks, "draw": draw, "turned": turned, "kept": kept})
    return rows


def from_labels(faces: Faces, pool: Faces, draws: int) -> list[dict[str, object]]:
    """Rows of directions fitted from labels: for every question, number of labels and draw."""
    rows: list[dict[str, object]] = []
    for q, question in enumerate(QUESTIONS):
        for labels in LABELS:
            for draw in range(draws):
                mine = slice(draw * max(LABELS), draw * max(LABELS) + labels)
                answers = pool.answers[mine, q]
                # All alike: nothing to fit, nothing turned. Somebody who looks would go on; here it is a failure.
                turned, kept = 0.0, 1.0
                if answers.any() and not answers.all():
                    direction = directions.labelled(pool.noise[mine], answers)
                    turned, kept = faces.score(faces.ends(direction), q)
                rows.append({"question": question, "looks": labels, "draw": draw, "turned": turned, "kept": kept})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="dcgan-faces", help="a shipped name or a file")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--faces", type=int, default=300, help="fresh faces that score a direction")
    parser.add_argument("--seed", type=int, default=100)
    options = parser.parse_args()
    origin = {"command": shlex.join(["python", "benchmarks/directions.py", *sys.argv[1:]]), "commit": results.commit()}
    with one_thread():
        model, reader = weights.load(options.weights), face_reader()
        torch.manual_seed(options.seed)
        size = model.spec.noise.size
        faces = Faces(model, reader, options.faces, options.seed)
        few = Faces(model, reader, options.draws * max(FACES), options.seed + 1)
        many = Faces(model, reader, options.draws * max(LABELS), options.seed + 2)
        ways = {
            "random": lambda: at_random(faces, options.draws, options.seed),
            "number": lambda: searched(faces, few, torch.eye(size), options.draws),
            "sefa": lambda: searched(faces, few, directions.sefa(model, min(SEFA, size)), options.draws),
            "labels": lambda: from_labels(faces, many, options.draws),
        }
        for way, search in ways.items():
            rows = [
                {"way": way, **row, "turned": f"{row['turned']:.3f}", "kept": f"{row['kept']:.3f}"}
                | {"seed": options.seed}
                | origin
                for row in search()
            ]
            results.put("directions", rows, ["way", "question", "looks", "draw"])
            print(way, len(rows), flush=True)


if __name__ == "__main__":
    main()
