"""A second opinion on L_I: a fresh, stronger Q, trained on a model's fakes and scored on fakes it never saw.

A model's L_I is short of H(c) for one of two reasons: the image does not show the code, or Q cannot
read it (notebook 06). A second Q that reads more proves the latter.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.core.codes import Categorical, Code
from infogan_lib.measure import Generates

BATCH = 1000


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

    The Q is a network of its own, trained for `steps` batches of fakes and scored on `n` fresh ones, all
    from `model.generate` (eval mode). It answers with a probability for each state; a continuous code
    is first cut into `bins` equally probable intervals, so that any shape of Q(c|x) can be said, two
    peaks as well. It reads 0 where it finds nothing, and at most H(c), or ln(bins) for a continuous code.

    The mean is an unbiased estimate of a lower bound on I(c;x), whatever the Q: a mean several standard
    errors above the model's own L_I proves that the model's Q is weak. The reverse is evidence, not
    proof: a probe that finds nothing may be too weak as well. Raises KeyError for an unknown code.
    """
    chosen = model.spec[code]
    k, prior_entropy = _states(chosen, bins)
    generator = torch.Generator().manual_seed(seed)

    def fakes(size: int) -> tuple[Tensor, Tensor]:
        latent = model.spec.sample(size, generator)
        images = model.generate(latent)
        return images, _state(chosen, latent[code], bins).to(images.device)

    reference, _ = fakes(BATCH)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        q = _network(reference, k)
    optimiser = torch.optim.AdamW(q.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps)
    for _ in range(steps):
        images, states = fakes(batch)  # new ones each step, so there is nothing to learn by heart
        loss = F.cross_entropy(q(images), states)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    q.eval()
    nats = []
    with torch.no_grad():
        for start in range(0, n, BATCH):
            images, states = fakes(min(BATCH, n - start))
            nats.append(prior_entropy - F.cross_entropy(q(images), states, reduction="none").double().cpu())
    whole = torch.cat(nats)
    return {"mean": whole.mean().item(), "standard_error": whole.std().item() / math.sqrt(n)}


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


class _Standardise(nn.Module):
    """Each pixel with its own mean 0 and spread 1: a code written faintly is as loud as one written boldly."""

    mean: Tensor
    spread: Tensor

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", images.mean(0))
        # Below this spread a pixel is rounding error, which must not be blown up.
        self.register_buffer("spread", images.std(0).clamp(min=1e-4))

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.spread


def _network(images: Tensor, outputs: int) -> nn.Sequential:
    """Strided convolutions down to at most 7 x 7, then two layers; for images (N, C, H, W) of any size.

    Norms over one image at a time: batch statistics would read other images too, and on fakes that
    hardly vary they differ between training and scoring.
    """
    channels, height, width = images.shape[1:]
    layers: list[nn.Module] = [_Standardise(images)]
    filters = 16
    while min(height, width) > 7:
        layers += [nn.Conv2d(channels, filters, 3, 2, 1), nn.GroupNorm(1, filters), nn.LeakyReLU(0.1)]
        channels, filters = filters, min(2 * filters, 64)
        height, width = (height + 1) // 2, (width + 1) // 2
    features = channels * height * width
    last = nn.Linear(256, outputs)
    nn.init.zeros_(last.weight)  # the first answer is "all states alike": 0 nats
    nn.init.zeros_(last.bias)
    layers += [nn.Flatten(), nn.Linear(features, 256), nn.LayerNorm(256), nn.LeakyReLU(0.1), last]
    return nn.Sequential(*layers).to(images.device)
