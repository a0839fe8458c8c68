"""Attribute readers: nets and sums over pixels that say what an image shows, from images alone; they only measure.

`Reader` is a small net trained with labels: `DigitReader` here, `FaceReader` in `face_reader`. `moments` are sums over
pixels, and `frechet` compares two sets of images by a reader's features.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.core.views import augment
from infogan_lib.data import files
from infogan_lib.data.files import ROOT, FileError
from infogan_lib.data.images import Images
from infogan_lib.data.mnist import mnist
from infogan_lib.measure import AttributeReader

FORMAT = "infogan-digit-reader-1"
PATH = ROOT / "weights" / "mnist_reader.safetensors"
REMAKE = "python benchmarks/readers.py digits"
STEPS, BATCH, RATE = 1600, 128, 5e-3
BLOCKS = ((32, 5, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1))  # filters, kernel and stride of each convolution
PIECE = 1000  # images that are read in one go
STROKE = 0.5  # how far `augment` goes towards strokes one pixel thicker or thinner on each side
FAINT = 0.1  # of full brightness: what a generator leaves on an empty background, and no ink

Net = TypeVar("Net", bound="Reader")


class Reader(nn.Module):
    """A net that reads grey images (N, 1, size, size), float in [-1, 1]: `body` makes features, `head` the answers.

    `blocks` are convolutions, each (filters, kernel, stride). The first weights are drawn from `seed`, on the CPU.
    `manifest` is the JSON of the file that the weights came from: seed, steps, scores.
    """

    def __init__(
        self, size: int, blocks: Sequence[tuple[int, int, int]], features: int, outputs: int, seed: int = 0
    ) -> None:
        super().__init__()
        self.size = size
        self.manifest: dict[str, Any] = {}
        layers: list[nn.Module] = []
        channels = 1
        with torch.random.fork_rng(devices=[]):  # layers draw their first weights from torch's own generator
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would also reach for the GPU
            for filters, kernel, stride in blocks:
                conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)
                layers += [conv, nn.BatchNorm2d(filters), nn.ReLU()]
                channels, size = filters, size // stride
            hidden = nn.Linear(channels * size**2, features, bias=False)
            self.body = nn.Sequential(*layers, nn.Flatten(), hidden, nn.BatchNorm1d(features), nn.ReLU())
            self.head = nn.Linear(features, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, size, size) -> (N, outputs)."""
        return self.head(self.body(images))

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """The last hidden layer, (N, features), in eval mode: what `frechet` compares.

        Raises ValueError for images of another shape, TypeError for images that are not float.
        """
        _check(images, type(self).__name__, self.size)
        was_training = self.training
        self.eval()
        try:
            return torch.cat([self.body(piece.to(self.head.weight)) for piece in images.split(PIECE)])
        finally:
            self.train(was_training)

    @torch.no_grad()
    def outputs(self, images: Tensor) -> Tensor:
        """What `forward` gives, (N, outputs), in eval mode and without gradient."""
        return self.head(self.features(images))

    def fit(self, losses: Iterable[Tensor], steps: int, rate: float) -> None:
        """Take `steps` steps of AdamW at learning rates up to `rate`, one down each of `losses`; then freeze.

        `losses` is lazy: each is of the weights at its step. Raises ValueError for less than one step.
        """
        if steps < 1:
            raise ValueError(f"{type(self).__name__}: steps must be at least 1, got {steps}.")
        self.to(memory_format=torch.channels_last)  # faster on a CPU
        optimiser = torch.optim.AdamW(self.parameters(), rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps + 1, pct_start=0.2)
        for loss in itertools.islice(losses, steps):
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        self.eval().requires_grad_(False)


def shipped(reader: Net, path: str | Path, format: str, remake: str) -> Net:
    """`reader` with the weights and manifest of its file, for reading only.

    Raises FileError for a file that is missing, truncated, of another format, or of another network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist. `{remake}` makes the reader again, in some minutes.")
    tensors, manifest = files.load_tensors(path)
    if (found := manifest.get("format")) != format:
        raise FileError(f"{path}: expected {format}, found {found!r}. `{remake}` makes the reader again.")
    files.load_state(reader, tensors, path)
    reader.manifest = manifest
    return reader.eval().requires_grad_(False)


class DigitReader(Reader):
    """Which of the ten digits an image shows: (N, 1, 28, 28), float in [-1, 1]. 217,000 weights, 48 features.

    Trained on the 50,000 training digits turned, shifted, stretched, slanted, thinned and thickened, because
    the codes of a generator take digits further that way than MNIST does. The shipped one reads 99.5 % of the
    test digits, 99.0 % of tuning digits moved as in training, 97 % of those sheared by 45 degrees. Of 200
    fakes of the shipped InfoGAN, looked at one by one, it misread none. It always answers a digit, also where
    there is none.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(28, BLOCKS, features=48, outputs=10, seed=seed)

    def probabilities(self, images: Tensor) -> Tensor:
        """Probabilities of the ten digits, (N, 10)."""
        return self.outputs(images).softmax(1)

    def read(self, images: Tensor) -> Tensor:
        """The most probable digit, (N,) int64."""
        return self.probabilities(images).argmax(1)

    def accuracy(self, images: Images) -> float:
        """Share of a labelled set read correctly. Raises ValueError for a set without labels."""
        if images.labels is None:
            raise ValueError(f"DigitReader.accuracy: {images.name} has no labels to compare with.")
        return (self.read(images.batch(slice(None))).cpu() == images.labels.cpu()).double().mean().item()


def train_digit_reader(seed: int = 0, steps: int = STEPS) -> DigitReader:
    """A reader trained on `mnist("train")`, the same for the same seed, machine and thread count; about 2 minutes."""
    digits, reader, generator = mnist("train"), DigitReader(seed), torch.Generator().manual_seed(seed)
    labels = digits.labels
    assert labels is not None

    def losses() -> Iterator[Tensor]:
        while True:
            whole_batches = len(digits) // BATCH
            for index in torch.randperm(len(digits), generator=generator).split(BATCH)[:whole_batches]:
                images = augment(digits.batch(index), generator, stroke=STROKE)
                yield F.cross_entropy(reader(images), labels[index])

    reader.fit(losses(), steps, RATE)
    return reader


def digit_reader(path: str | Path = PATH, device: str | torch.device = "cpu") -> DigitReader:
    """The shipped reader. Raises FileError as `shipped` does."""
    return shipped(DigitReader(), path, FORMAT, REMAKE).to(device)


def moments(images: Tensor) -> dict[str, Tensor]:
    """Slant, thickness and width of the bright shape in each image, (N, 1, H, W) in [-1, 1] -> {name: (N,)}.

    With x to the right, y upwards, both in pixels, and mu_pq the central moments of the ink:

    slant      mu_11 / mu_02, the shear k that best fits x = k y: 0 upright, 1 leaning 45 degrees to the right.
    thickness  2 area / perimeter, in pixels: t for a closed stroke of thickness t, t L / (t + L) for a bar of
               length L, to 6 %. The perimeter is the total variation, so brightness cancels; blur thickens.
    width      sqrt(mu_20 - mu_11^2 / mu_02), the standard deviation of x about the fitted slant, in pixels. So
               leaning does not widen a digit. A block w pixels wide reads sqrt((w^2 - 1) / 12).

    On 1,500 digits, thickness ranks as twice the mean distance from the stroke's middle to its edge does
    (Spearman 0.965). Ink is brightness above a tenth. An image without ink reads 0 in all three.
    """
    _check(images, "moments")
    ink = ((images[:, 0].float() + 1) / 2 - FAINT).clamp(min=0) / (1 - FAINT)
    area = ink.sum((1, 2))
    some = area.clamp(min=1e-6)  # dividing by it is safe; without ink every sum above it is 0 as well
    columns = torch.arange(ink.shape[2], device=ink.device, dtype=ink.dtype).expand(len(ink), -1)
    rows = -torch.arange(ink.shape[1], device=ink.device, dtype=ink.dtype).expand(len(ink), -1)
    x = columns - ((ink.sum(1) * columns).sum(1) / some)[:, None]
    y = rows - ((ink.sum(2) * rows).sum(1) / some)[:, None]
    mu20, mu02 = (ink.sum(1) * x**2).sum(1) / some, (ink.sum(2) * y**2).sum(1) / some
    mu11 = torch.einsum("nhw,nh,nw->n", ink, y, x) / some
    slant = mu11 / mu02.clamp(min=1e-6)
    # The gradient at the corner shared by four pixels a b / c d: as long along both diagonals.
    ringed = F.pad(ink, (1, 1, 1, 1))
    a, b, c, d = ringed[:, :-1, :-1], ringed[:, :-1, 1:], ringed[:, 1:, :-1], ringed[:, 1:, 1:]
    perimeter = torch.hypot((b + d - a - c) / 2, (c + d - a - b) / 2).sum((1, 2))
    thickness = 2 * area / perimeter.clamp(min=1e-6)
    return {"slant": slant, "thickness": thickness, "width": (mu20 - slant * mu11).clamp(min=0).sqrt()}


def digit_attributes(reader: DigitReader) -> AttributeReader:
    """Which digit, as probabilities, and the slant, thickness and width of its ink."""
    return lambda images: {"digit": reader.probabilities(images), **moments(images)}


def frechet(features_a: Tensor, features_b: Tensor) -> float:
    """Frechet distance, squared as in FID, of the Gaussians fitted to two sets of features (N, F) and (M, F):

        |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))

    It is 0 for equal sets and grows as N falls, so compare sets of equal size. Its floor in the shipped reader's
    features: 10,000 training digits against 10,000 others 0.03 to 0.06 (3 splits), against the test digits 0.06.
    """
    if features_a.ndim != 2 or features_b.ndim != 2 or features_a.shape[1] != features_b.shape[1]:
        shapes = f"{tuple(features_a.shape)} and {tuple(features_b.shape)}"
        raise ValueError(f"frechet: expected features (N, F) and (M, F), got {shapes}.")
    if min(len(features_a), len(features_b)) < 2:
        raise ValueError("frechet: a Gaussian needs at least two points on either side.")
    if not (features_a.isfinite().all() and features_b.isfinite().all()):
        raise ValueError("frechet: a feature is NaN or infinite; so are the images, most likely.")
    (mean_a, root_a, trace_a), (mean_b, root_b, trace_b) = (_gaussian(f) for f in (features_a, features_b))
    # tr (S_a S_b)^(1/2) is the sum of the singular values of S_a^(1/2) S_b^(1/2).
    overlap = torch.linalg.svdvals(root_a @ root_b).sum()
    return max(0.0, ((mean_a - mean_b).square().sum() + trace_a + trace_b - 2 * overlap).item())


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, symmetric square root of the covariance, and its trace."""
    features = features.detach().cpu().double()  # Apple's GPUs have no float64
    values, vectors = torch.linalg.eigh(torch.cov(features.T).reshape(features.shape[1], -1))
    values = values.clamp(min=0)
    return features.mean(0), (vectors * values.sqrt()) @ vectors.T, values.sum()


def _check(images: Tensor, who: str, size: int | None = None) -> None:
    if images.ndim != 4 or images.shape[1] != 1 or (size and images.shape[2:] != (size, size)):
        wanted = f"{size}, {size}" if size else "height, width"
        raise ValueError(f"{who}: expected grey images (N, 1, {wanted}), got {tuple(images.shape)}.")
    if not images.is_floating_point():
        raise TypeError(f"{who}: expected float images in [-1, 1]; data.to_float makes them from uint8.")
