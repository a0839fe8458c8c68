"""A ring of eight Gaussians, and a GAN on it one step at a time: data that fit into one picture.

A point (x, y) stands for an image. Its density is known, so the best possible D is known too, and what
G has learnt can be counted: how many of the eight modes it covers. Built in notebook 01.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from infogan_lib.core import objectives

MODES, SIGMA = 8, 0.06  # on a circle of radius 1, neighbours are 0.77 = 13 sigma apart
NOISE, HIDDEN = 2, 64
REACH = 1.7  # pictures show [-REACH, REACH] both ways


def centres() -> Tensor:
    """(8, 2): the middles of the modes, anticlockwise from (1, 0)."""
    angle = 2 * math.pi * torch.arange(MODES) / MODES
    return torch.stack([angle.cos(), angle.sin()], 1)


def sample(n: int, generator: torch.Generator | None = None) -> Tensor:
    """n points of the data, (n, 2): a mode at random, all alike, and a normal draw of width SIGMA around it."""
    return centres()[torch.randint(MODES, (n,), generator=generator)] + SIGMA * torch.randn(n, 2, generator=generator)


def log_density(points: Tensor, modes: Sequence[int] = range(MODES)) -> Tensor:
    """ln p at points (N, 2) -> (N,), of the ring or of a part of it: equal shares of the listed modes."""
    squared = torch.cdist(points, centres()[list(modes)].to(points)).square()
    normal = -squared / (2 * SIGMA**2) - math.log(2 * math.pi * SIGMA**2)
    return torch.logsumexp(normal, 1) - math.log(len(modes))


def near(points: Tensor) -> Tensor:
    """(N, 2) -> (N, 8) bool: which points lie within 3 sigma of which mode. 98.9 % of the data lie near one."""
    return torch.cdist(points, centres().to(points)) < 3 * SIGMA


def covered(points: Tensor) -> Tensor:
    """(N, 2) -> (8,) bool: the modes that have at least 2 % of the points near them; a fair share is 12.4 %."""
    return near(points).float().mean(0) >= 0.02


def network(inputs: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    """Two hidden layers of 64 tanh. Weights from N(0, 1 / fan-in), drawn with `generator`; biases 0."""
    with torch.random.fork_rng(devices=[]):  # torch's own first weights are thrown away; so is their randomness
        net = nn.Sequential(
            nn.Linear(inputs, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, outputs)
        )
    for layer in net:
        if isinstance(layer, nn.Linear):
            draw = torch.randn(layer.weight.shape, generator=generator)
            with torch.no_grad():
                layer.weight.copy_(draw / math.sqrt(layer.in_features))
                layer.bias.zero_()
    return net


@dataclass(frozen=True)
class RingReport:
    """Where a game stands: rounds played, modes covered (their numbers), share of G's points near any mode."""

    round: int
    covered: tuple[int, ...]
    near: float

    @property
    def modes(self) -> int:
        return len(self.covered)


class Game:
    """A GAN on the ring. A round is one step of D, then `g_steps` of G; `seed` decides all that is random.

        game = Game(seed=0)
        game.d_step(); game.g_step()                 # one step of either, at will; each returns its loss
        for report in game.play(2000): ...           # or whole rounds; report.modes of 8

    Raises ValueError for an unknown objective, or for g_steps, batch or a rate that is not positive.
    """

    def __init__(
        self,
        seed: int = 0,
        g_steps: int = 1,
        *,
        objective: str = "non_saturating",
        lr_d: float = 2e-3,
        lr_g: float = 1e-3,
        batch: int = 128,
    ) -> None:
        if min(g_steps, batch) < 1 or min(lr_d, lr_g) <= 0:
            raise ValueError(
                f"Game: g_steps and batch must be at least 1 and the rates above 0, got g_steps={g_steps}, "
                f"batch={batch}, lr_d={lr_d}, lr_g={lr_g}."
            )
        self.objective, self.g_steps, self.batch, self.round = objectives.get(objective), g_steps, batch, 0
        self.random = torch.Generator().manual_seed(seed)
        self.generator = network(NOISE, 2, self.random)
        self.discriminator = network(2, 1, self.random)
        adam = {"betas": (0.5, 0.999), "foreach": True}
        self.d_optimiser = torch.optim.Adam(self.discriminator.parameters(), lr=lr_d, **adam)  # type: ignore[arg-type]
        self.g_optimiser = torch.optim.Adam(self.generator.parameters(), lr=lr_g, **adam)  # type: ignore[arg-type]
        self._fixed = torch.randn(1000, NOISE, generator=self.random)  # what `fakes` shows: always the same noise

    def _noise(self) -> Tensor:
        return torch.randn(self.batch, NOISE, generator=self.random)

    def d_step(self) -> Tensor:
        """D learns real from fake, on new points of both; G does not move."""
        real, fake = sample(self.batch, self.random), self.generator(self._noise()).detach()
        loss = self.objective.d_loss(self.discriminator(real)[:, 0], self.discriminator(fake)[:, 0])
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()
        return loss.detach()

    def g_step(self) -> Tensor:
        """G learns to be taken for real; D does not move."""
        loss = self.objective.g_loss(self.discriminator(self.generator(self._noise()))[:, 0])
        self.g_optimiser.zero_grad()
        loss.backward()
        self.g_optimiser.step()
        return loss.detach()

    def play(self, rounds: int, every: int = 50) -> Iterator[RingReport]:
        """Play so many rounds, with a report after every `every`-th; a later call goes on."""
        for _ in range(rounds):
            self.d_step()
            for _ in range(self.g_steps):
                self.g_step()
            self.round += 1
            if self.round % every == 0:
                yield self.report()

    @torch.no_grad()
    def fakes(self) -> Tensor:
        """(1000, 2): what G makes of the same thousand noise vectors, at every call."""
        return self.generator(self._fixed)

    def report(self) -> RingReport:
        points = self.fakes()
        numbers = covered(points).nonzero()[:, 0].tolist()
        return RingReport(self.round, tuple(numbers), near(points).any(1).float().mean().item())

    @torch.no_grad()
    def field(self, points: Tensor) -> Tensor:
        """D's probability of "real" at points (N, 2) -> (N,)."""
        return torch.sigmoid(self.discriminator(points)[:, 0])


def grid(steps: int = 81) -> Tensor:
    """(steps * steps, 2): the points of a square around the ring, row by row from the top left, for pictures."""
    line = torch.linspace(-REACH, REACH, steps)
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)
