"""WGAN with gradient penalty on points of a ring; a critic without batch norm, an own Q with a log-variance."""

import torch
from torch import autograd, nn, optim

LAMBDA_GP, LAMBDA_I, CRITIC_ITERS, BATCH = 10.0, 0.5, 2, 64


def mlp(inp, out, width=64):
    layers = [nn.Linear(inp, width), nn.LayerNorm(width), nn.LeakyReLU(0.2)]
    layers += [nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, out)]
    return nn.Sequential(*layers)


torch.manual_seed(0)
netG, netC, netQ = mlp(3 + 4 + 1, 2), mlp(2, 1), mlp(2, 4 + 2)
optC = optim.Adam(netC.parameters(), lr=1e-3, betas=(0.5, 0.9))
optGQ = optim.Adam([*netG.parameters(), *netQ.parameters()], lr=1e-3, betas=(0.5, 0.9))
ce = nn.CrossEntropyLoss()
nll = nn.GaussianNLLLoss()


def ring(n):
    angle = torch.randint(8, (n,)) * torch.pi / 4
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(n, 2)


def sample(n):
    z, y, c = torch.randn(n, 3), torch.randint(4, (n,)), torch.rand(n) * 2 - 1
    return torch.cat([z, nn.functional.one_hot(y, 4), c[:, None]], 1), y, c


def gradient_penalty(real, fake):
    alpha = torch.rand(len(real), 1)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    out = netC(mixed)
    grads = autograd.grad(out, mixed, torch.ones_like(out), create_graph=True, retain_graph=True)[0]
    return ((grads.norm(2, dim=1) - 1) ** 2).mean() * LAMBDA_GP


def critic_loss(real, fake):
    fake = fake.detach()
    return netC(fake).mean() - netC(real).mean() + gradient_penalty(real, fake)


def q_terms(x):
    out = netQ(x)
    return out[:, :4], out[:, 4], out[:, 5].clamp(-4, 2).exp()


def generator_loss(fake, y, c):
    logits, mean, var = q_terms(fake)
    info = ce(logits, y) + nll(mean, c, var)
    return -netC(fake).mean() + LAMBDA_I * info


def train(steps):
    for _ in range(steps):
        for _ in range(CRITIC_ITERS):
            optC.zero_grad()
            critic_loss(ring(BATCH), netG(sample(BATCH)[0])).backward()
            optC.step()
        x, y, c = sample(BATCH)
        optGQ.zero_grad()
        generator_loss(netG(x), y, c).backward()
        optGQ.step()


def check():
    from infogan_lib.measure.preflight import gaussian, logits

    def draw(n):
        x, y, c = sample(n)
        return x, {"y": y, "c": c}

    def read(out):
        y, mean, var = out
        return {"y": logits(y), "c": gaussian(mean, var=var)}

    return dict(
        generator=netG,
        discriminator=netC,
        q=q_terms,
        read=read,
        sample=draw,
        loss_d=lambda real, fake, codes: critic_loss(real, fake),
        loss_g=lambda fake, codes: generator_loss(fake, codes["y"], codes["c"]),
        optimisers=(optC, optGQ),
        real=ring(BATCH),
        sweep={"c": (-1, 1)},
    )
