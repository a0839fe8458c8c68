"""A reader of faces: all the causes of a rendered face, told from its pixels. Only ever used to measure.

    reader = face_reader()
    reader.read(images)              # {"azimuth": (N,) degrees, ..., "glasses": (N,) 0 or 1, "hair": (N,) 0, 1, 2, ...}
    reader.score(data.face_set(2000, seed=9))     # {"azimuth": R^2, ..., "glasses": accuracy, ...}

It is trained on renders and scored on others (data/results/faces_reader.csv). How far it can be trusted on faces
that a generator made is not known from that: look at some, and count (`FaceReader` says what one count gave).
Nothing here takes part in a training.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.data.faces import FACTORS, SCORED, TABLE, Factor
from infogan_lib.data.files import ROOT
from infogan_lib.data.images import Images
from infogan_lib.measure import AttributeReader
from infogan_lib.measure.readers import Reader, shipped

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
    answers, also where there is no face. `manifest` is its file's JSON: seed, steps, renderer, scores.

    On generated faces: 100 samples of "dcgan-faces" (noise seed 4242) were judged by eye before its answers were seen
    (data/results/faces_by_eye.csv). Of hair it said the same in 91 of the 95 that the eye could tell; of glasses in 69
    of 86. All 17 differences were faint or half-made frames, which the eye took for glasses: it asks for whole ones.
    """

    def __init__(self) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
            conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
            return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]

        self.body = nn.Sequential(
            *block(1, 32, 5, 2),
            *block(32, 32, 3, 1),
            *block(32, 64, 3, 2),
            *block(64, 64, 3, 1),
            *block(64, 96, 3, 2),
            nn.Flatten(),
            nn.Linear(96 * 16, 96, bias=False),
            nn.BatchNorm1d(96),
            nn.ReLU(),
        )
        self.head = nn.Linear(96, sum(_outputs(f) for f in READ))
        self.manifest = {}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(N, 1, 32, 32) -> {name: (N, 1) value from -1 to 1 over the factor's range, or (N, K) logits}."""
        outputs = self.head(self.body(images)).split([_outputs(f) for f in READ], 1)
        return {f.name: part for f, part in zip(READ, outputs)}

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """The last hidden layer, (N, 96), for `readers.frechet`. In eval mode, as everything read here."""
        if images.ndim != 4 or tuple(images.shape[1:]) != (1, 32, 32):
            raise ValueError(f"FaceReader: reads grey images (N, 1, 32, 32), got {tuple(images.shape)}.")
        if not images.is_floating_point():
            raise TypeError("FaceReader: expected float images in [-1, 1]; data.to_float makes them from uint8.")
        was_training = self.training
        self.eval()
        try:
            return torch.cat([self.body(part.to(self.head.weight)) for part in images.split(1000)])
        finally:
            self.train(was_training)

    @torch.no_grad()
    def read(self, images: Tensor) -> dict[str, Tensor]:
        """{name: (N,)}: a continuous factor in its own unit, float32; a discrete one's most probable state, int64."""
        outputs = self.head(self.features(images)).split([_outputs(f) for f in READ], 1)
        return {f.name: o.argmax(1) if f.discrete else _value(f, o[:, 0]) for f, o in zip(READ, outputs)}

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> dict[str, Tensor]:
        """{name: (N, K)}: the probability of each state of the discrete factors."""
        outputs = self.head(self.features(images)).split([_outputs(f) for f in READ], 1)
        return {f.name: o.softmax(1) for f, o in zip(READ, outputs) if f.discrete}

    def score(self, images: Images, moved: int | None = None) -> dict[str, float]:
        """{name: R^2 of a continuous factor, accuracy of a discrete one} on a set with factors.

        `moved` is the seed of the disturbances of `degrade`, or None for the images as they are.
        """
        if images.factors is None:
            raise ValueError(f"FaceReader.score: {images.name} has no factors to compare with.")
        floats = images.batch(slice(None))
        if moved is not None:
            floats = degrade(floats, torch.Generator().manual_seed(moved))
        found = {}
        for name, values in self.read(floats).items():
            truth, values = images.factors[name].double().cpu(), values.double().cpu()
            if name not in DISCRETE:
                found[name] = 1 - ((values - truth).square().mean() / truth.var(correction=0)).item()
            else:
                found[name] = (values == truth).double().mean().item()
        return found


def degrade(images: Tensor, generator: torch.Generator) -> Tensor:
    """Copies (N, 1, H, W) blurred, noisy, moved by up to a pixel, of altered contrast; each image as much as it falls.

    What a generator's images suffer, and none of the causes. The random numbers are drawn on the CPU.
    """
    n, _, height, width = images.shape
    u = torch.rand(n, 7, generator=generator) * torch.rand(n, 1, generator=generator)
    sign = torch.randint(2, (n, 3), generator=generator) * 2 - 1
    affine = torch.eye(2, 3).repeat(n, 1, 1)
    affine[:, :, 2] = sign[:, :2] * u[:, :2] * torch.tensor([2 / width, 2 / height])
    grid = F.affine_grid(affine.to(images.device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    blur, noise, contrast = (u[:, k].view(n, 1, 1, 1).to(images.device) for k in (2, 3, 4))
    blurred = F.avg_pool2d(F.pad(moved, (1, 1, 1, 1), mode="replicate"), 3, 1)
    moved = moved + blur * (blurred - moved)
    moved = moved * (1 + 0.15 * contrast * sign[:, 2].view(n, 1, 1, 1).to(images.device))
    return moved + 0.15 * noise * torch.randn(images.shape, generator=generator).to(images.device)


def train_face_reader(faces: Images, seed: int = 0, steps: int = STEPS) -> FaceReader:
    """A reader trained on `faces` (32 x 32, with factors): the same for the same seed, machine and thread count."""
    if steps < 1:
        raise ValueError(f"train_face_reader: steps must be at least 1, got {steps}.")
    if faces.factors is None:
        raise ValueError(f"train_face_reader: {faces.name} has no factors to learn.")
    with torch.random.fork_rng(devices=[]):  # the layers draw their first weights from torch's own generator
        torch.manual_seed(seed)
        reader = FaceReader().to(memory_format=torch.channels_last)  # faster on a CPU
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(reader.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1, pct_start=0.2)
    for _ in range(steps):
        index = torch.randint(len(faces), (min(BATCH, len(faces)),), generator=generator)
        outputs = reader(degrade(faces.batch(index), generator))
        loss = torch.zeros(())
        for f in READ:
            truth, output = faces.factors[f.name][index], outputs[f.name]
            if f.discrete:
                loss = loss + F.cross_entropy(output, truth)
            else:
                loss = loss + 3 * (output[:, 0] - (truth - _middle(f)) / _half(f)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return reader.eval().requires_grad_(False)


def face_reader(path: str | Path = PATH, device: str | torch.device = "cpu") -> FaceReader:
    """The shipped reader. Raises FileError for a file that is missing, truncated, foreign or does not fit."""
    return shipped(FaceReader(), path, FORMAT, REMAKE).to(device)


def face_attributes(reader: FaceReader) -> AttributeReader:
    """The scored factors of a face: amounts from -1 to 1 over their range, discrete ones as probabilities of states."""

    @torch.no_grad()
    def read(images: Tensor) -> dict[str, Tensor]:
        found = reader.eval()(images)
        return {name: found[name].softmax(1) if FACTORS[name].discrete else found[name][:, 0] for name in SCORED}

    return read


def _outputs(factor: Factor) -> int:
    return len(factor.states) or 1


def _middle(factor: Factor) -> float:
    return (factor.low + factor.high) / 2


def _half(factor: Factor) -> float:
    return (factor.high - factor.low) / 2


def _value(factor: Factor, output: Tensor) -> Tensor:
    """-1 to 1 -> the factor's own unit."""
    return _middle(factor) + _half(factor) * output
