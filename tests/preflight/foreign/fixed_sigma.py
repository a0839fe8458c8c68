"""Continuous codes alone, drawn from N(0, 1), and a Q that answers with a fixed sigma: -log q is a squared error."""

import math

import torch
import torch.nn as nn

SIGMA = 0.5


class Gen(nn.Module):
    def __init__(self, dz=4, dc=2, width=48):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(dz + dc, width), nn.ELU(), nn.Linear(width, width), nn.ELU(), nn.Linear(width, 3)
        )

    def forward(self, z, c):
        return self.net(torch.cat([z, c], -1))


class Critic(nn.Module):
    def __init__(self, dc=2, width=48):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, width), nn.ELU(), nn.Linear(width, width), nn.ELU())
        self.real_or_fake = nn.Linear(width, 1)
        self.code = nn.Linear(width, dc)

    def forward(self, x):
        h = self.body(x)
        return self.real_or_fake(h).squeeze(-1), self.code(h)


class Experiment:
    def __init__(self, seed=0, lam=0.5):
        self.rng = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        self.lam = lam
        self.gen, self.critic = Gen(), Critic()
        self.opt_gen = torch.optim.AdamW(self.gen.parameters(), lr=2e-3, betas=(0.5, 0.99), weight_decay=0)
        self.opt_critic = torch.optim.AdamW(self.critic.parameters(), lr=2e-3, betas=(0.5, 0.99), weight_decay=0)

    def data(self, n=128):
        """Points of a bent sheet in three dimensions."""
        u = torch.randn(n, 2, generator=self.rng)
        bent = torch.stack([u[:, 0], u[:, 1], (u**2).sum(1) / 3], 1)
        return bent + 0.05 * torch.randn(n, 3, generator=self.rng)

    def prior(self, n=128):
        return torch.randn(n, 4, generator=self.rng), torch.randn(n, 2, generator=self.rng)

    def log_q(self, x, c):
        _, mean = self.critic(x)
        return (-((c - mean) ** 2) / (2 * SIGMA**2) - math.log(SIGMA) - math.log(2 * math.pi) / 2).sum(1)

    def mutual_information(self, x, c):
        entropy = 2 * (0.5 * math.log(2 * math.pi * math.e))
        return entropy + self.log_q(x, c).mean()

    def critic_loss(self, x, fake, c):
        fake = fake.detach()
        score_real, score_fake = self.critic(x)[0], self.critic(fake)[0]
        return (
            nn.functional.softplus(-score_real).mean()
            + nn.functional.softplus(score_fake).mean()
            - (self.lam * self.log_q(fake, c).mean())
        )

    def gen_loss(self, fake, c):
        return nn.functional.softplus(-self.critic(fake)[0]).mean() - self.lam * self.mutual_information(fake, c)

    def iterate(self):
        for loss_of, opt in (("critic", self.opt_critic), ("gen", self.opt_gen)):
            z, c = self.prior()
            fake = self.gen(z, c)
            loss = self.critic_loss(self.data(), fake, c) if loss_of == "critic" else self.gen_loss(fake, c)
            opt.zero_grad(set_to_none=False)
            loss.backward()
            opt.step()
        return float(loss)


run = Experiment()


def train(n):
    for _ in range(n):
        run.iterate()


def rerun():
    return torch.tensor([Experiment(seed=5).iterate()])


def check():
    from torch.distributions import Independent, Normal

    def draw(n):
        z, c = run.prior(n)
        return (z, c), {"c": c}

    return {
        "generator": run.gen,
        "discriminator": lambda x: run.critic(x)[0],
        "q": lambda x: {"c": Independent(Normal(run.critic(x)[1], SIGMA), 1)},
        "sample": draw,
        "loss_d": lambda real, fake, c: run.critic_loss(real, fake, c["c"]),
        "loss_g": lambda fake, c: run.gen_loss(fake, c["c"]),
        "optimisers": [run.opt_gen, run.opt_critic],
        "bound": lambda x, c: run.mutual_information(x, c["c"]),
        "real": run.data(64),
        "rerun": rerun,
        "sweep": {"c": (-2, 2)},
    }
