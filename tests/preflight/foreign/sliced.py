"""One network with one output vector, cut into D's logit and what Q says; everything in one file, no classes."""

import math

import torch
from torch import nn
from torch.nn import functional as F

N_Z, N_CAT, BS = 8, 5, 64
torch.manual_seed(3)

G = nn.Sequential(
    nn.Linear(N_Z + N_CAT + 1, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 49),
    nn.Sigmoid(),
)  # fmt: skip
DQ = nn.Sequential(
    nn.Linear(49, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1 + N_CAT + 2)
)
g_opt = torch.optim.Adam(G.parameters(), 2e-3, betas=(0.5, 0.9))
d_opt = torch.optim.Adam(DQ.parameters(), 1e-3, betas=(0.5, 0.9))
LAMBDA = 1.0


def real_batch(n):
    """7 x 7 pictures of one bright row or column, in [0, 1]."""
    x = 0.1 * torch.rand(n, 7, 7)
    where, lying = torch.randint(7, (n,)), torch.rand(n) < 0.5
    for i in range(n):
        if lying[i]:
            x[i, where[i]] = 0.9
        else:
            x[i, :, where[i]] = 0.9
    return x.view(n, 49)


def latent(n):
    z = torch.randn(n, N_Z)
    cat = torch.randint(0, N_CAT, (n,))
    cont = torch.empty(n, 1).uniform_(-1, 1)
    return torch.cat([z, F.one_hot(cat, N_CAT).float(), cont], 1), cat, cont


def split(out):
    d, c, mean, raw = out[:, 0], out[:, 1 : 1 + N_CAT], out[:, -2], out[:, -1]
    return d, c, mean, F.softplus(raw) + 0.1


def info(c_logits, mean, sigma, cat, cont):
    """Lower bound on the mutual information, nats."""
    mi_cat = math.log(N_CAT) - F.cross_entropy(c_logits, cat)
    log_q = -0.5 * ((cont[:, 0] - mean) / sigma) ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)
    return mi_cat + math.log(2) + log_q.mean()


def loss_of_d(real, fake, cat, cont):
    d_real = split(DQ(real))[0]
    d_fake, c_logits, mean, sigma = split(DQ(fake.detach()))
    adv = F.binary_cross_entropy_with_logits(d_real, torch.ones_like(d_real))
    adv = adv + F.binary_cross_entropy_with_logits(d_fake, torch.zeros_like(d_fake))
    return adv - LAMBDA * info(c_logits, mean, sigma, cat, cont)


def loss_of_g(fake, cat, cont):
    d_fake, c_logits, mean, sigma = split(DQ(fake))
    adv = F.binary_cross_entropy_with_logits(d_fake, torch.ones_like(d_fake))
    return adv - LAMBDA * info(c_logits, mean, sigma, cat, cont)


def train(steps):
    for _ in range(steps):
        x, cat, cont = latent(BS)
        loss = loss_of_d(real_batch(BS), G(x), cat, cont)
        d_opt.zero_grad()
        loss.backward()
        d_opt.step()
        x, cat, cont = latent(BS)
        loss = loss_of_g(G(x), cat, cont)
        g_opt.zero_grad()
        loss.backward()
        g_opt.step()


@torch.no_grad()
def pictures(x):
    G.eval()
    out = G(x).view(-1, 1, 7, 7)
    G.train()
    return out


def rerun():
    """From the seed: the first latents of a run."""
    torch.manual_seed(0)
    return latent(4)[0]


# preflight


def draw(n):
    x, cat, cont = latent(n)
    return x, {"cat": cat, "cont": cont}


def read(out):
    from torch.distributions import Categorical, Normal

    _, c_logits, mean, sigma = split(out)
    return {"cat": Categorical(logits=c_logits), "cont": Normal(mean, sigma)}


def check():
    return dict(
        generator=G,
        discriminator=lambda x: split(DQ(x))[0],
        q=DQ,
        read=read,
        sample=draw,
        loss_d=lambda real, fake, c: loss_of_d(real, fake, c["cat"], c["cont"]),
        loss_g=lambda fake, c: loss_of_g(fake, c["cat"], c["cont"]),
        optimisers=[g_opt, d_opt],
        bound=lambda x, c: info(*split(DQ(x))[1:], c["cat"], c["cont"]),
        real=real_batch(BS),
        generate=pictures,
        rerun=rerun,
        sweep={"cont": (-1.0, 1.0)},
    )
