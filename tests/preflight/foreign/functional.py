"""No modules at all: weights in dictionaries, networks as functions of (weights, input), its own random generator."""

import itertools
import math

import torch
import torch.nn.functional as F

rng = torch.Generator().manual_seed(0)
K, NZ = 6, 4


def layer(i, o):
    bound = 1 / math.sqrt(i)
    w = torch.empty(o, i).uniform_(-bound, bound, generator=rng)
    return w.requires_grad_(), torch.zeros(o, requires_grad=True)


def make(sizes):
    return {f"l{n}": layer(i, o) for n, (i, o) in enumerate(itertools.pairwise(sizes))}


theta = make([NZ + K + 1, 48, 48, 2])
phi = make([2, 48, 48])  # shared by D and Q
head_d, head_q = make([48, 1]), make([48, K + 2])


def apply(weights, x, last=False):
    names = list(weights)
    for name in names:
        x = F.linear(x, *weights[name])
        if not (last and name == names[-1]):
            x = F.leaky_relu(x, 0.1)
    return x


def generate(u):
    return apply(theta, u, last=True)


def discriminate(x):
    return apply(head_d, apply(phi, x), last=True)[:, 0]


def recognise(x):
    out = apply(head_q, apply(phi, x), last=True)
    return {"k": out[:, :K], "mean": out[:, K], "sigma": 0.1 + F.softplus(out[:, K + 1])}


def flat(*groups):
    return [w for group in groups for pair in group.values() for w in pair]


adam_g = torch.optim.Adam(flat(theta), lr=2e-3, betas=(0.5, 0.99))
adam_d = torch.optim.Adam(flat(phi, head_d, head_q), lr=2e-3, betas=(0.5, 0.99))


def data(n):
    """Six arms of a star."""
    arm = torch.randint(K, (n,), generator=rng) * (2 * math.pi / K)
    radius = 0.5 + torch.rand(n, generator=rng)
    points = torch.stack([radius * arm.cos(), radius * arm.sin()], 1)
    return points + 0.05 * torch.randn(n, 2, generator=rng)


def draw(n):
    z = torch.randn(n, NZ, generator=rng)
    k = torch.randint(K, (n,), generator=rng)
    c = torch.rand(n, generator=rng) * 2 - 1
    return torch.cat([z, torch.eye(K)[k], c[:, None]], 1), {"k": k, "c": c}


def lower_bound(said, codes):
    """L_I of the two codes, nats."""
    log_k = said["k"].log_softmax(1)[torch.arange(len(codes["k"])), codes["k"]]
    err = (codes["c"] - said["mean"]) / said["sigma"]
    log_c = -(err**2) / 2 - said["sigma"].log() - math.log(2 * math.pi) / 2
    return {"k": math.log(K) + log_k.mean(), "c": math.log(2) + log_c.mean()}


def g_objective(x, codes):
    return F.softplus(-discriminate(x)).mean() - sum(lower_bound(recognise(x), codes).values())


def d_objective(real, x, codes):
    x = x.detach()
    game = F.softplus(-discriminate(real)).mean() + F.softplus(discriminate(x)).mean()
    return game - sum(lower_bound(recognise(x), codes).values())


def update(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def train(steps):
    for _ in range(steps):
        u, codes = draw(64)
        update(adam_d, d_objective(data(64), generate(u), codes))
        u, codes = draw(64)
        update(adam_g, g_objective(generate(u), codes))


def rerun():
    rng.manual_seed(9)
    return draw(5)[0]


def check():
    from infogan_lib.measure.preflight import gaussian, logits

    return dict(
        generator=generate,
        discriminator=discriminate,
        q=recognise,
        read=lambda said: {"k": logits(said["k"]), "c": gaussian(said["mean"], sigma=said["sigma"])},
        sample=draw,
        loss_d=d_objective,
        loss_g=g_objective,
        optimisers=[adam_g, adam_d],
        bound=lambda x, codes: lower_bound(recognise(x), codes),
        real=data(64),
        rerun=rerun,
        sweep={"c": (-1, 1)},
    )
