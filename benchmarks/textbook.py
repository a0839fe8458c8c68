"""The yardstick: InfoGAN on MNIST as many ports on the web train it, written here from the paper.

    python benchmarks/textbook.py fc --steps 20      # the inner layers fully connected, as in the paper
    python benchmarks/textbook.py conv --steps 20    # convolutions of 1 x 1 and 7 x 7 there, as in many ports

What the ports share, and what is slow in it: a `DataLoader` over PIL pictures with a transform for each; D's loss in
two backward passes and G's in a third, which also computes gradients for D that nobody uses; `.item()` every step.
D learns from its own loss alone; Q learns with G, at G's rate. Batch norm is where the paper has it, but after a
transposed convolution of 7 x 7 it normalises 128 channels, and after a fully connected layer 6,272 numbers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import experiment
import torch
import torch.nn.functional as F
import torch.utils.data
from PIL import Image
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Normal
from torchvision import transforms

from infogan_lib import Latent, data
from infogan_lib.core.networks import Sigmoid11
from infogan_lib.data import Images
from infogan_lib.training import presets

FORMS = ("fc", "conv")
BATCH = 128
WEIGHT = 0.1  # of the continuous codes' terms
PREPARE = transforms.Compose([transforms.Resize(28), transforms.CenterCrop(28), transforms.ToTensor()])


class Pictures(torch.utils.data.Dataset):
    """Each image as torchvision's MNIST gives it: a PIL picture, sent through the transforms one by one."""

    def __init__(self, images: Images) -> None:
        self.pixels = images.images[:, 0].numpy()

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        return PREPARE(Image.fromarray(self.pixels[index]))


def batches(images: Images, seed: int) -> Iterator[Tensor]:
    """Batches (128, 1, 28, 28) in [0, 1], epoch after epoch."""
    order = torch.Generator().manual_seed(seed)
    loader = torch.utils.data.DataLoader(Pictures(images), BATCH, shuffle=True, drop_last=True, generator=order)
    while True:
        yield from loader


class Textbook(nn.Module):
    """Both players and Q in one of the two FORMS; `step` trains, `generate` and `read` are what `metrics` measures."""

    def __init__(self, form: str, seed: int = 0) -> None:
        super().__init__()
        self.form, self.spec = form, presets.load("mnist-paper").spec
        width, conv = self.spec.width, form == "conv"
        leaky, up, down = (lambda: nn.LeakyReLU(0.1)), nn.ConvTranspose2d, nn.Conv2d
        if conv:
            first = [up(width, 1024, 1, bias=False), nn.BatchNorm2d(1024), nn.ReLU()]
            second = [up(1024, 128, 7, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
            last = [down(128, 1024, 7, bias=False), nn.BatchNorm2d(1024), leaky()]
            head, hidden = (lambda n, m, bias=True: down(n, m, 1, bias=bias)), nn.BatchNorm2d(128)
        else:
            first = [nn.Linear(width, 1024, bias=False), nn.BatchNorm1d(1024), nn.ReLU()]
            second = [nn.Linear(1024, 6272, bias=False), nn.BatchNorm1d(6272), nn.ReLU(), nn.Unflatten(1, (128, 7, 7))]
            last = [nn.Flatten(), nn.Linear(6272, 1024, bias=False), nn.BatchNorm1d(1024), leaky()]
            head, hidden = nn.Linear, nn.BatchNorm1d(128)
        self.generator = nn.Sequential(
            *first, *second, up(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), up(64, 1, 4, 2, 1)
        )
        self.squash = Sigmoid11()  # the paper's sigmoid, on the range [-1, 1] that the library's images have
        self.trunk = nn.Sequential(
            *[down(1, 64, 4, 2, 1), leaky(), down(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), leaky()], *last
        )
        self.d_head = nn.Sequential(head(1024, 1), nn.Sigmoid())
        self.q_hidden = nn.Sequential(head(1024, 128, bias=False), hidden, leaky())
        self.q_digit, self.q_mean, self.q_log_variance = head(128, 10), head(128, 2), head(128, 2)

        self.random = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(module.weight, 0.0, 0.02, generator=self.random)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        d = [*self.trunk.parameters(), *self.d_head.parameters()]
        q = [p for part in (self.q_hidden, self.q_digit, self.q_mean, self.q_log_variance) for p in part.parameters()]
        self.d_optimiser = torch.optim.Adam(d, lr=2e-4, betas=(0.5, 0.999))
        self.g_optimiser = torch.optim.Adam([*self.generator.parameters(), *q], lr=1e-3, betas=(0.5, 0.999))

    def make(self, latent: Latent) -> Tensor:
        x = latent.input
        return self.squash(self.generator(x[:, :, None, None] if self.form == "conv" else x))

    def ask_q(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The digit's logits (N, 10), means (N, 2), variances (N, 2)."""
        hidden = self.q_hidden(features)
        return (
            self.q_digit(hidden).flatten(1),
            self.q_mean(hidden).flatten(1),
            self.q_log_variance(hidden).flatten(1).exp(),
        )

    def step(self, batch: Tensor, latent: Latent | None = None) -> dict[str, float]:
        """One training step on a batch in [0, 1]; returns D's loss, G's, and what Q adds to it."""
        real = 2 * batch - 1
        latent = self.spec.sample(len(real), self.random) if latent is None else latent
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))

        self.d_optimiser.zero_grad()
        loss_real = F.binary_cross_entropy(self.d_head(self.trunk(real)).flatten(), ones)
        loss_real.backward()
        fake = self.make(latent)
        loss_fake = F.binary_cross_entropy(self.d_head(self.trunk(fake.detach())).flatten(), zeros)
        loss_fake.backward()
        self.d_optimiser.step()

        self.g_optimiser.zero_grad()
        features = self.trunk(fake)
        loss_g = F.binary_cross_entropy(self.d_head(features).flatten(), ones)
        logits, mean, variance = self.ask_q(features)
        loss_digit = F.cross_entropy(logits, latent["digit"])
        codes = torch.stack([latent["c1"], latent["c2"]], 1)
        loss_codes = F.gaussian_nll_loss(mean, codes, variance, full=True, reduction="none").sum(1).mean()
        total = loss_g + loss_digit + WEIGHT * loss_codes
        total.backward()
        self.g_optimiser.step()
        return {
            "loss_d": loss_real.item() + loss_fake.item(),
            "loss_g": loss_g.item(),
            "loss_digit": loss_digit.item(),
            "loss_codes": loss_codes.item(),
        }

    @torch.no_grad()
    def generate(self, latent: Latent) -> Tensor:
        """Images in [-1, 1]."""
        with self._looking():
            return self.make(latent)

    @torch.no_grad()
    def read(self, images: Tensor) -> dict[str, Distribution]:
        """Q(c|x) of images in [-1, 1]."""
        with self._looking():
            logits, mean, variance = self.ask_q(self.trunk(images))
        found: dict[str, Distribution] = {"digit": Categorical(logits=logits)}
        return found | {f"c{i + 1}": Normal(mean[:, i], variance[:, i].sqrt()) for i in range(2)}

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Batch norm by the statistics of the batch in hand, as the ports do, which never leave train mode. It helps
        them: the running statistics mix real with fake. Those are left alone here.
        """
        norms = [m for m in self.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
        for norm in norms:
            norm.momentum = 0.0
        yield
        for norm in norms:
            norm.momentum = 0.1


def main() -> None:
    parser = experiment.parser(__doc__)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=100)
    args = parser.parse_args()
    model, source = Textbook(args.form, args.seed), batches(data.mnist("train"), args.seed)
    for step in range(1, args.steps + 1):
        begun = time.perf_counter()
        losses = model.step(next(source))
        seconds = time.perf_counter() - begun
        print(step, ", ".join(f"{k} {v:.3f}" for k, v in losses.items()), f"{seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
