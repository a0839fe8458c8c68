"""A second opinion on L_I: a fresh, stronger Q, trained on a model's fakes and scored on fakes it never saw.

Where a model's L_I falls short of H(c), either the image does not show the code or Q cannot read it (notebook 06).
A second Q that reads more proves the latter.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.core.codes import Categorical, Code
from infogan_lib.measure import Generates
from infogan_lib.measure.metrics import BATCH, mean_and_error


def probe_information(
    model: Generates,
    code: str,
    *,
    steps: int = 400,
    batch: int = 128,
    bins: int = 32,
    n: int = 10_000,
    seed: int = 0,
) -> dict[str, float]:
    """L_I of a fresh Q on the code of that name, in nats: {"mean": nats, "standard_error": nats}.

    The Q is a network of its own, trained for `steps` batches of fakes and scored on `n` fresh ones, all from
    `model.generate` (eval mode). It gives each state a probability; a continuous code is first cut into `bins`
    equally probable intervals, so that Q(c|x) may have any shape, two peaks as well. It reads 0 where it finds
    nothing, and at most H(c), or ln(bins) for a continuous code.

    The mean is an unbiased estimate of a lower bound on I(c;x), whatever the Q: a mean several standard errors above
    the model's own L_I proves that the model's Q is weak. A lower one proves nothing, since the probe may be too
    weak as well. Raises KeyError for an unknown code.
    """
    chosen = model.spec[code]
    k, prior_entropy = _states(chosen, bins)
    generator = torch.Generator().manual_seed(seed)

    def fakes(size: int) -> tuple[Tensor, Tensor]:
        latent = model.spec.sample(size, generator)
        images = model.generate(latent)
        return images, _state(chosen, latent[code], bins).to(images.device)

    reference, _ = fakes(BATCH)
    # Each pixel scaled to mean 0 and spread 1, so that a faint code weighs as much as a bold one. Below the least
    # spread a pixel is rounding error, which must not be magnified.
    mean, spread = reference.mean(0), reference.std(0).clamp(min=1e-4)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        q = _network(reference.shape[1:], k).to(reference.device)
    optimiser = torch.optim.AdamW(q.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    for _ in range(steps):
        images, states = fakes(batch)  # new ones each step, so that none can be memorised
        loss = F.cross_entropy(q((images - mean) / spread), states)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    q.eval()
    nats = []
    with torch.no_grad():
        for start in range(0, n, BATCH):
            images, states = fakes(min(BATCH, n - start))
            log_loss = F.cross_entropy(q((images - mean) / spread), states, reduction="none")
            nats.append(prior_entropy - log_loss.cpu().double())
    return mean_and_error(torch.cat(nats))


def _states(code: Code, bins: int) -> tuple[int, float]:
    """How many states the probe tells apart, and their entropy in nats."""
    if isinstance(code, Categorical):
        return code.k, code.entropy
    return (2, code.entropy) if code.discrete else (bins, math.log(bins))


def _state(code: Code, values: Tensor, bins: int) -> Tensor:
    """(N,) values -> the state each is in, (N,) integers. Intervals are equally probable under the prior."""
    if code.discrete:
        return values.long()
    return (code.prior.cdf(values) * bins).long().clamp(0, bins - 1)


def _network(shape: Sequence[int], outputs: int) -> nn.Sequential:
    """Strided convolutions down to at most 7 x 7, then two layers; for images of any shape (C, H, W).

    Its norms take one image at a time: a batch norm would let Q read other images too, and on fakes that hardly vary
    its statistics in training differ from those in scoring.
    """
    channels, height, width = shape
    layers: list[nn.Module] = []
    filters = 16
    while min(height, width) > 7:
        layers += [nn.Conv2d(channels, filters, 3, 2, 1), nn.GroupNorm(1, filters), nn.LeakyReLU(0.1)]
        channels, filters = filters, min(2 * filters, 64)
        height, width = (height + 1) // 2, (width + 1) // 2
    last = nn.Linear(256, outputs)
    nn.init.zeros_(last.weight)  # it begins with all states alike: 0 nats
    nn.init.zeros_(last.bias)
    layers += [nn.Flatten(), nn.Linear(channels * height * width, 256), nn.LayerNorm(256), nn.LeakyReLU(0.1), last]
    return nn.Sequential(*layers)
