"""A reader of faces: all the causes of a rendered face, from its pixels. It only measures; no training uses it.

    reader = face_reader()
    reader.read(images)              # {"azimuth": (N,) degrees, ..., "glasses": (N,) 0 or 1, "hair": (N,) 0, 1, 2, ...}
    reader.score(data.face_set(2000, seed=9))     # {"azimuth": R^2, ..., "glasses": accuracy, ...}

It is trained on renders and scored on others (data/results/faces_reader.csv). Those scores do not say how well it reads
the faces that a generator makes: look at some and compare, as `FaceReader` says was done once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from infogan_lib.data.faces import FACTORS, SCORED, TABLE, Factor
from infogan_lib.data.files import ROOT
from infogan_lib.data.images import Images
from infogan_lib.measure import AttributeReader
from infogan_lib.measure.disturb import degrade
from infogan_lib.measure.readers import BLOCKS, Reader, shipped

FORMAT = "infogan-face-reader-1"
PATH = ROOT / "weights" / "face_reader.safetensors"
REMAKE = "python benchmarks/readers.py faces"
STEPS, BATCH, RATE = 2400, 128, 4e-3
TRAIN, HELD_OUT = (40_000, 500_001), (8_000, 500_002)  # number and seed of the faces; no model is trained on these
READ = tuple(f for f in TABLE if not f.fixed)
DISCRETE = {f.name for f in READ if f.discrete}


class FaceReader(Reader):
    """The causes of a face, (N, 1, 32, 32), float in [-1, 1]. 260,000 weights, 96 features.

    Trained on renders of which a part is blurred, noisy, moved by up to a pixel and of altered contrast, as a
    generator's images may be. It reads every factor that varies by default, the identity included, and always
    answers, also where there is no face.

    On generated faces: 100 samples of "dcgan-faces" (noise seed 4242) were judged by eye before its answers were seen
    (data/results/faces_by_eye.csv). Reader and eye agreed on hair in 91 of the 95 samples that the eye could judge, on
    glasses in 69 of 86. All 17 differences were faint or half-made frames: glasses to the eye, none to the reader.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(32, (*BLOCKS, (96, 3, 2)), features=96, outputs=sum(map(_outputs, READ)), seed=seed)

    def read(self, images: Tensor) -> dict[str, Tensor]:
        """{name: (N,)}: a continuous factor in its own unit, float32; a discrete one's most probable state, int64."""
        found = {}
        for factor, output in _by_factor(self.outputs(images)):
            middle, half = _range(factor)
            found[factor.name] = output.argmax(1) if factor.discrete else middle + half * output[:, 0]
        return found

    def score(self, images: Images, moved: int | None = None) -> dict[str, float]:
        """{name: R^2 of a continuous factor, accuracy of a discrete one} on a set with factors.

        `moved` is a seed for `degrade`, or None for the images as they are. Raises ValueError without factors.
        """
        if images.factors is None:
            raise ValueError(f"FaceReader.score: {images.name} has no factors to compare with.")
        floats = images.batch(slice(None))
        if moved is not None:
            floats = degrade(floats, torch.Generator().manual_seed(moved))
        found = {}
        for name, values in self.read(floats).items():
            truth, values = images.factors[name].cpu().double(), values.cpu().double()
            if name in DISCRETE:
                found[name] = (values == truth).double().mean().item()
            else:
                found[name] = 1 - ((values - truth).square().mean() / truth.var(correction=0)).item()
        return found


def train_face_reader(faces: Images, seed: int = 0, steps: int = STEPS) -> FaceReader:
    """A reader trained on `faces` (32 x 32, with factors): the same for the same seed, machine and thread count."""
    if (factors := faces.factors) is None:
        raise ValueError(f"train_face_reader: {faces.name} has no factors to learn.")
    reader, generator = FaceReader(seed), torch.Generator().manual_seed(seed)

    def losses() -> Iterator[Tensor]:
        while True:
            index = torch.randint(len(faces), (min(BATCH, len(faces)),), generator=generator)
            outputs = reader(degrade(faces.batch(index), generator))
            yield _loss(outputs, {name: values[index] for name, values in factors.items()})

    reader.fit(losses(), steps, RATE)
    return reader


def _loss(outputs: Tensor, truth: Mapping[str, Tensor]) -> Tensor:
    """Cross-entropies of the discrete factors and three times the squared errors of the others, summed."""
    loss = torch.zeros(())
    for factor, output in _by_factor(outputs):
        if factor.discrete:
            loss = loss + F.cross_entropy(output, truth[factor.name])
        else:
            middle, half = _range(factor)
            loss = loss + 3 * (output[:, 0] - (truth[factor.name] - middle) / half).square().mean()
    return loss


def face_reader(path: str | Path = PATH, device: str | torch.device = "cpu") -> FaceReader:
    """The shipped reader. Raises FileError as `readers.shipped` does."""
    return shipped(FaceReader(), path, FORMAT, REMAKE).to(device)


def face_attributes(reader: FaceReader) -> AttributeReader:
    """The scored factors of a face: amounts from -1 to 1 over their range, discrete ones as probabilities of states."""

    def read(images: Tensor) -> dict[str, Tensor]:
        outputs = {f.name: output for f, output in _by_factor(reader.outputs(images))}
        return {name: outputs[name].softmax(1) if FACTORS[name].discrete else outputs[name][:, 0] for name in SCORED}

    return read


def _by_factor(outputs: Tensor) -> Iterator[tuple[Factor, Tensor]]:
    """The reader's outputs factor by factor: (N, 1), from -1 to 1 over the factor's range, or logits (N, K)."""
    return zip(READ, outputs.split([_outputs(factor) for factor in READ], 1))


def _outputs(factor: Factor) -> int:
    return len(factor.states) or 1


def _range(factor: Factor) -> tuple[float, float]:
    """The middle of a factor's range, and half its length."""
    return (factor.low + factor.high) / 2, (factor.high - factor.low) / 2
