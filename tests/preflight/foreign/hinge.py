"""Hinge loss, spectral norm, and a Q that is a network of its own; the code is a state 0..K-1 that G embeds."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm as sn

K = 3


class ResUp(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.norm = nn.GroupNorm(4, cin)
        self.conv, self.skip = nn.Conv2d(cin, cout, 3, padding=1), nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        up = F.interpolate(x, scale_factor=2)
        return self.skip(up) + self.conv(F.relu(F.interpolate(self.norm(x), scale_factor=2)))


class G(nn.Module):
    def __init__(self, z_dim=8):
        super().__init__()
        self.embed = nn.Embedding(K, 8)
        self.fc = nn.Linear(z_dim + 8, 24 * 4)
        self.b1, self.b2, self.out = ResUp(24, 24), ResUp(24, 16), nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, z, y):
        h = self.fc(torch.cat([z, self.embed(y)], dim=1)).view(-1, 24, 2, 2)
        return torch.tanh(self.out(F.relu(self.b2(self.b1(h)))))


def encoder(norm=lambda layer: layer):
    return nn.Sequential(
        norm(nn.Conv2d(3, 16, 4, 2, 1)), nn.LeakyReLU(0.1), norm(nn.Conv2d(16, 32, 4, 2, 1)), nn.LeakyReLU(0.1),
        nn.Flatten(),
    )  # fmt: skip


class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.head = encoder(sn), sn(nn.Linear(128, 1))

    def forward(self, x):
        return self.head(self.features(x))


class Q(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.head = encoder(), nn.Linear(128, K)

    def forward(self, x):
        return self.head(self.features(x))


torch.manual_seed(7)
g, d, q = G(), D(), Q()
opt_d = torch.optim.Adam(d.parameters(), lr=1e-3, betas=(0.0, 0.9))
opt_g = torch.optim.Adam(list(g.parameters()) + list(q.parameters()), lr=1e-3, betas=(0.0, 0.9))


def real_images(n=64):
    """8 x 8 colour: a field of one of three colours, brighter to one side."""
    colour = torch.eye(3)[torch.randint(3, (n,))].view(n, 3, 1, 1)
    ramp = torch.linspace(0.2, 1, 8).view(1, 1, 1, 8)
    ramp = torch.where(torch.rand(n, 1, 1, 1) < 0.5, ramp, ramp.flip(3))
    return 2 * (colour * ramp).expand(n, 3, 8, 8).contiguous() - 1


def noise(n):
    return torch.randn(n, 8), torch.randint(0, K, (n,))


def hinge_d(real, fake):
    return F.relu(1 - d(real)).mean() + F.relu(1 + d(fake.detach())).mean()


def mi_lower_bound(x, y):
    """ln K + E log q(y|x)"""
    log_q = F.log_softmax(q(x), dim=1)
    return torch.log(torch.tensor(float(K))) + log_q.gather(1, y[:, None]).mean()


def hinge_g(fake, y):
    return -d(fake).mean() - 1.0 * mi_lower_bound(fake, y)


def train(steps):
    for _ in range(steps):
        z, y = noise(64)
        fake = g(z, y)
        opt_d.zero_grad()
        hinge_d(real_images(), fake).backward()
        opt_d.step()
        opt_g.zero_grad()
        hinge_g(fake, y).backward()
        opt_g.step()


def rerun():
    torch.manual_seed(11)
    return noise(3)[0]


def check():
    from infogan_lib.measure.preflight import logits

    def draw(n):
        z, y = noise(n)
        return (z, y), {"y": y}

    return dict(
        generator=g,
        discriminator=d,
        q=q,
        read=lambda out: {"y": logits(out)},
        sample=draw,
        loss_d=lambda real, fake, codes: hinge_d(real, fake),
        loss_g=lambda fake, codes: hinge_g(fake, codes["y"]),
        optimisers=[opt_d, opt_g],
        bound=lambda x, codes: mi_lower_bound(x, codes["y"]),
        real=real_images(),
        generate=g,
        rerun=rerun,
    )
