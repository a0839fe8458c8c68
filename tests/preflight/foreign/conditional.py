"""Convolutions whose batch norm is scaled and shifted by the codes (FiLM); yaml-like config, type hints, dataclass."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Config:
    z_dim: int = 8
    classes: int = 4
    styles: int = 1
    channels: int = 24
    info_weight: float = 1.0
    lr: float = 1e-3


cfg = Config()


class ConditionalNorm(nn.Module):
    def __init__(self, channels: int, cond: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False, momentum=0.2)
        self.affine = nn.Linear(cond, 2 * channels)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        scale, shift = self.affine(cond)[:, :, None, None].chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


class Decoder(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        cond = cfg.classes + cfg.styles
        self.stem = nn.Linear(cfg.z_dim, cfg.channels * 16)
        self.conv1, self.norm1 = (
            nn.Conv2d(cfg.channels, cfg.channels, 3, padding=1),
            ConditionalNorm(cfg.channels, cond),
        )
        self.conv2, self.norm2 = nn.Conv2d(cfg.channels, 12, 3, padding=1), ConditionalNorm(12, cond)
        self.rgb = nn.Conv2d(12, 1, 3, padding=1)

    def forward(self, z: Tensor, cond: Tensor) -> Tensor:
        h = self.stem(z).unflatten(1, (-1, 4, 4))
        h = F.relu(self.norm1(self.conv1(h), cond))
        h = F.relu(self.norm2(self.conv2(F.interpolate(h, scale_factor=2.0)), cond))
        return self.rgb(h).tanh()


class Encoder(nn.Module):
    """Returns a dict: the score, and what is said of the codes."""

    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.cfg = cfg
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1), nn.SiLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.SiLU(), nn.Flatten()
        )
        self.score = nn.Linear(128, 1)
        self.posterior = nn.Linear(128, cfg.classes + 2 * cfg.styles)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = self.trunk(x)
        logits, mean, log_sigma = self.posterior(h).split([self.cfg.classes, self.cfg.styles, self.cfg.styles], dim=1)
        log_sigma = log_sigma.clamp(-2.0, 1.0)
        return {"score": self.score(h), "logits": logits, "mean": mean, "log_sigma": log_sigma}


torch.manual_seed(2)
decoder, encoder = Decoder(cfg), Encoder(cfg)
opt_decoder = torch.optim.Adam(decoder.parameters(), lr=cfg.lr, betas=(0.5, 0.999))
opt_encoder = torch.optim.Adam(encoder.parameters(), lr=cfg.lr, betas=(0.5, 0.999))


def batch(n: int = 64) -> Tensor:
    """A spot in one of four corners, of random size, in [-1, 1]."""
    grid = torch.linspace(-1, 1, 8)
    centre = torch.tensor([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])[torch.randint(4, (n,))]
    size = 0.2 + 0.3 * torch.rand(n, 1, 1)
    distance = (grid.view(1, 8, 1) - centre[:, :1, None]) ** 2 + (grid.view(1, 1, 8) - centre[:, 1:, None]) ** 2
    return (2 * torch.exp(-distance / size**2) - 1).unsqueeze(1)


def prior(n: int) -> tuple[Tensor, Tensor, Tensor]:
    z = torch.randn(n, cfg.z_dim)
    k = torch.randint(cfg.classes, (n,))
    s = 2 * torch.rand(n, cfg.styles) - 1
    return z, k, s


def cond_of(k: Tensor, s: Tensor) -> Tensor:
    return torch.cat([F.one_hot(k, cfg.classes).to(s), s], dim=1)


def info_nll(said: dict[str, Tensor], k: Tensor, s: Tensor) -> Tensor:
    variance = (2 * said["log_sigma"]).exp()
    return F.cross_entropy(said["logits"], k) + F.gaussian_nll_loss(said["mean"], s, variance, full=True)


def encoder_loss(real: Tensor, fake: Tensor, k: Tensor, s: Tensor) -> Tensor:
    said_real, said_fake = encoder(real), encoder(fake.detach())
    adversarial = F.softplus(-said_real["score"]).mean() + F.softplus(said_fake["score"]).mean()
    return adversarial + cfg.info_weight * info_nll(said_fake, k, s)


def decoder_loss(fake: Tensor, k: Tensor, s: Tensor) -> Tensor:
    said = encoder(fake)
    return F.softplus(-said["score"]).mean() + cfg.info_weight * info_nll(said, k, s)


def train(steps: int) -> None:
    for _ in range(steps):
        z, k, s = prior(64)
        fake = decoder(z, cond_of(k, s))
        encoder.zero_grad()
        encoder_loss(batch(), fake, k, s).backward()
        opt_encoder.step()
        decoder.zero_grad()
        decoder_loss(fake, k, s).backward()
        opt_decoder.step()


@torch.inference_mode()
def render(*inputs: Tensor) -> Tensor:
    was = decoder.training
    images = decoder.eval()(*inputs)
    decoder.train(was)
    return images


def check() -> dict:
    from infogan_lib.measure.preflight import gaussian, logits

    def draw(n: int):
        z, k, s = prior(n)
        return (z, cond_of(k, s)), {"kind": F.one_hot(k, cfg.classes), "style": s}

    return dict(
        generator=decoder,
        discriminator=lambda x: encoder(x)["score"],
        q=encoder,
        read=lambda out: {
            "kind": logits(out["logits"]),
            "style": gaussian(out["mean"], log_sigma=out["log_sigma"]),
        },
        sample=draw,
        loss_d=lambda real, fake, c: encoder_loss(real, fake, c["kind"].argmax(1), c["style"]),
        loss_g=lambda fake, c: decoder_loss(fake, c["kind"].argmax(1), c["style"]),
        optimisers=[opt_decoder, opt_encoder],
        real=batch(),
        generate=render,
        sweep={"style": (-1, 1)},
    )
