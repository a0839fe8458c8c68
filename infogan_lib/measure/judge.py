"""A judge of naturalness: might a hand have written this? Trained on real digits and broken ones, and on no generator.

A reader of digits names whatever it is shown, and calls a digit kept that has come to pieces. The judge is asked only
whether a digit is whole. What it learns to refuse are real digits that we break: see `broken`. What it learns to pass
are real digits, also sheared to any slant that MNIST has for the same digit.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infogan_lib.core.model import InfoGAN
from infogan_lib.core.views import restroke, warped
from infogan_lib.data.files import ROOT
from infogan_lib.data.images import Images
from infogan_lib.data.mnist import mnist
from infogan_lib.data.strokes import blur
from infogan_lib.measure.readers import Reader, moments, shipped

FORMAT = "infogan-judge-1"
PATH = ROOT / "weights" / "mnist_judge.safetensors"
REMAKE = "python benchmarks/readers.py judge"
STEPS, BATCH, RATE = 1600, 64, 3e-3
BLOCKS = ((32, 3, 1), (32, 3, 2), (64, 3, 1), (64, 3, 2))  # filters, kernel and stride of each convolution
PASS = 0.99  # of the tuning digits, and of those slanted to either end of the range, pass
RARE = 0.01  # of a digit's real slants lie beyond either end of its range


class Judge(Reader):
    """Whether an image shows a whole digit: (N, 1, 28, 28), float in [-1, 1] -> logits (N, 1), high for whole.

    `least` is the logit from which an image passes: fixed on tuning digits, before any generator was judged.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(28, BLOCKS, features=48, outputs=1, seed=seed)

    @property
    def least(self) -> float:
        return float(self.manifest["least"])

    def natural(self, images: Tensor) -> Tensor:
        """Which images pass, (N,) booleans."""
        return self.outputs(images)[:, 0] >= self.least


def sheared(images: Tensor, by: Tensor) -> Tensor:
    """Images (N, 1, H, W) in [-1, 1] leaning to the right by (N,): x moved by `by` times the height above the middle.

    The slant that `moments` reads grows by as much.
    """
    affine = torch.eye(2, 3).repeat(len(images), 1, 1)
    affine[:, 0, 1] = by
    return warped(images, affine)


def slant_ranges(digits: Images, n: int = 20_000, classes: int = 10) -> Tensor:
    """The range of slants of each digit in the first n images, (classes, 2): all but RARE of them at either end.

    Raises ValueError for a set without labels.
    """
    if digits.labels is None:
        raise ValueError(f"slant_ranges: {digits.name} has no labels")
    slants, labels = moments(digits.batch(slice(0, n)))["slant"], digits.labels[:n]
    ends = torch.tensor([RARE, 1 - RARE])
    return torch.stack([torch.quantile(slants[labels == label], ends) for label in range(classes)])


def slanted(images: Tensor, labels: Tensor, ranges: Tensor, where: Tensor | float) -> Tensor:
    """Images sheared to a place in the range of their digit: `where` 0 is its one end, 1 the other."""
    low, high = ranges[labels].unbind(1)
    return sheared(images, torch.lerp(low, high, torch.as_tensor(where)) - moments(images)["slant"])


def broken(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Each of (N, 1, H, W) images in [-1, 1] broken in one way of seven, drawn with equal chances.

    Gaps in the stroke; blots and specks beside it; bent like rubber; another digit over it; strokes that swell and
    shrink; strokes with grey in them; strokes thicker than a pen of MNIST writes, so that gaps and holes close.
    """
    ink, n = (images + 1) / 2, len(images)

    def amount(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator)

    def smooth(pixels: float, channels: int = 1) -> Tensor:
        noise = blur(torch.randn(n, channels, *images.shape[2:], generator=generator) - 1, pixels) + 1
        return noise / noise.std()

    def discs(count: int, smallest: float, largest: float, beside: float) -> Tensor:
        y, x = torch.meshgrid(*(torch.arange(float(side)) for side in images.shape[2:]), indexing="ij")
        places = torch.multinomial(ink.flatten(1) + 1e-6, count, replacement=True, generator=generator)
        found = torch.zeros_like(ink)
        for place in places.T:
            row, column = (
                (p + beside * torch.randn(n, generator=generator)).view(n, 1, 1, 1)
                for p in (place // images.shape[3], place % images.shape[3])
            )
            disc = torch.sigmoid(3 * (amount(smallest, largest) - torch.hypot(y - row, x - column)))
            found = torch.maximum(found, disc * (amount(0, 1) < 0.7))
        return found

    grid = F.affine_grid(torch.eye(2, 3).expand(n, 2, 3), list(images.shape), align_corners=False)
    bend = grid + (smooth(2.5, 2) * amount(0.06, 0.16)).movedim(1, 3)
    other = ink[torch.randperm(n, generator=generator)].roll(
        torch.randint(-4, 5, (2,), generator=generator).tolist(), (2, 3)
    )
    ways = [
        ink * (1 - discs(2, 1.5, 3.5, 0)),
        torch.maximum(ink, discs(3, 0.5, 2, 3) * amount(0.5, 1)),
        F.grid_sample(ink, bend, align_corners=False),
        torch.maximum(ink, other * amount(0.4, 1)),
        (restroke(images, (1.5 * smooth(3)).clamp(-1, 2)) + 1) / 2,
        ink * (1 + 0.8 * smooth(1) * amount(0.5, 1)),
        torch.lerp(F.max_pool2d(ink, 5, 1, 2), F.max_pool2d(ink, 7, 1, 3), amount(0, 1)),
    ]
    way = torch.randint(len(ways), (n,), generator=generator)
    return 2 * torch.stack(ways)[way, torch.arange(n)].clamp(0, 1) - 1


def train_judge(seed: int = 0, steps: int = STEPS) -> Judge:
    """A judge trained on `mnist("train")`, the same for the same seed, machine and thread count; some six minutes."""
    digits, judge, generator = mnist("train"), Judge(seed), torch.Generator().manual_seed(seed)
    ranges, labels = slant_ranges(digits), digits.labels
    assert labels is not None

    def losses() -> Iterator[Tensor]:
        while True:
            whole_batches = len(digits) // BATCH
            for index in torch.randperm(len(digits), generator=generator).split(BATCH)[:whole_batches]:
                images = digits.batch(index)
                leaning = slanted(images, labels[index], ranges, torch.rand(BATCH, generator=generator))
                whole = torch.where(torch.rand(BATCH, 1, 1, 1, generator=generator) < 0.5, images, leaning)
                score = judge(torch.cat([whole, broken(whole, generator)]))[:, 0]
                yield F.softplus(-score[:BATCH]).mean() + F.softplus(score[BATCH:]).mean()

    judge.fit(losses(), steps, RATE)
    judge.manifest = {
        "least": min(torch.quantile(judge.outputs(x)[:, 0], 1 - PASS).item() for x in real("tune").values())
    }
    return judge


def real(split: str, n: int = 5000) -> dict[str, Tensor]:
    """The first n digits of a split, as they are and slanted to either end of their digit's range in "train"."""
    digits, ranges = mnist(split), slant_ranges(mnist("train"))
    images, labels = digits.batch(slice(0, n)), digits.labels
    assert labels is not None
    ends = {name: slanted(images, labels[:n], ranges, end) for name, end in (("left", 0.0), ("right", 1.0))}
    return {"as written": images, **ends}


def digit_judge(path: str | Path = PATH, device: str | torch.device = "cpu") -> Judge:
    """The shipped judge. Raises FileError as `readers.shipped` does."""
    return shipped(Judge(), path, FORMAT, REMAKE).to(device)


def natural_sweep(
    model: InfoGAN,
    name: str,
    judge: Judge,
    reader: Callable[[Tensor], Tensor],
    steps: int = 9,
    beyond: bool = True,
    rows: int = 500,
    seed: int = 0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The points of `rows` sweeps of a code, (S,), and at each the shares that are whole: {name: (S,)}.

    Each sweep starts from a latent of its own, drawn from the prior. "natural" passes the judge; "same" reads as the
    digit in the middle of the sweep; "both" is natural and the same.
    """
    start = model.spec.sample(rows, torch.Generator().manual_seed(seed))
    others: dict[str, Any] = {k: v for k, v in start.values.items() if k != name}
    _, points, images = model.sweep(name, start.noise, steps, beyond, **others)
    natural, read = judge.natural(images).view(rows, -1), reader(images).view(rows, -1)
    same = read == read[:, steps // 2, None]
    kept = {"natural": natural, "same": same, "both": natural & same}
    return points, {what: found.cpu().double().mean(0) for what, found in kept.items()}
