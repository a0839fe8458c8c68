"""A module in the manner of Lightning: training_step draws latents itself, optimisers by hand; float64 throughout."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class LightningModule(nn.Module):
    """What is used of it here: the optimisers, a backward, a log."""

    def optimizers(self):
        if not hasattr(self, "_optimizers"):
            self._optimizers = self.configure_optimizers()
        return self._optimizers

    def manual_backward(self, loss):
        loss.backward()

    def log(self, name, value):
        self.__dict__.setdefault("logged", {})[name] = float(value)


class LitInfoGAN(LightningModule):
    def __init__(self, noise_dim=6, categ_code_dims=(3, 2), cont_code_dim=1, lambda_coeff=1.0, lr=2e-3):
        super().__init__()
        self.noise_dim, self.categ, self.cont, self.lambda_coeff, self.lr = (
            noise_dim, categ_code_dims, cont_code_dim, lambda_coeff, lr,
        )  # fmt: skip
        code_dim = sum(categ_code_dims) + cont_code_dim
        self.generator = nn.Sequential(
            nn.Linear(noise_dim + code_dim, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 36), nn.Tanh()
        )
        self.discriminator = nn.Sequential(nn.Linear(36, 64), nn.LeakyReLU(0.1), nn.Linear(64, 48), nn.LeakyReLU(0.1))
        self.disc_head = nn.Linear(48, 1)
        self.q_network = nn.Sequential(nn.Linear(48, 32), nn.LeakyReLU(0.1), nn.Linear(32, code_dim + cont_code_dim))
        self.double()

    def configure_optimizers(self):
        gen_opt = torch.optim.Adam(self.generator.parameters(), lr=self.lr, betas=(0.5, 0.999))
        disc = [*self.discriminator.parameters(), *self.disc_head.parameters(), *self.q_network.parameters()]
        return gen_opt, torch.optim.Adam(disc, lr=self.lr, betas=(0.5, 0.999))

    def sample_code(self, n):
        parts = [F.one_hot(torch.randint(dim, (n,)), dim).double() for dim in self.categ]
        parts.append(torch.rand(n, self.cont, dtype=torch.float64) * 2 - 1)
        return torch.cat(parts, dim=-1)

    def sample_noise(self, n):
        return torch.randn(n, self.noise_dim, dtype=torch.float64)

    def _mi_loss(self, q_pred, c):
        loss, start = torch.zeros([], dtype=torch.float64), 0
        for dim in self.categ:
            prior = torch.log(torch.tensor(float(dim)))
            loss = loss - (
                prior - F.cross_entropy(q_pred[:, start : start + dim], c[:, start : start + dim].argmax(-1))
            )
            start += dim
        mean, log_std = q_pred[:, start : start + self.cont], q_pred[:, start + self.cont :]
        std = 0.1 + 0.9 * torch.sigmoid(log_std)
        log_prob = torch.distributions.Normal(mean, std).log_prob(c[:, start:])
        return loss - (torch.log(torch.tensor(2.0)) + log_prob.sum(1).mean())

    def _gen_loss(self, n):
        z, c = self.sample_noise(n), self.sample_code(n)
        fake = self.generator(torch.cat([z, c], -1))
        features = self.discriminator(fake)
        logit = self.disc_head(features)
        adversarial = F.binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        return adversarial + self.lambda_coeff * self._mi_loss(self.q_network(features), c)

    def _disc_loss(self, real):
        z, c = self.sample_noise(len(real)), self.sample_code(len(real))
        fake = self.generator(torch.cat([z, c], -1)).detach()
        features = self.discriminator(fake)
        logit_fake, logit_real = self.disc_head(features), self.disc_head(self.discriminator(real))
        adversarial = F.binary_cross_entropy_with_logits(logit_fake, torch.zeros_like(logit_fake))
        adversarial = adversarial + F.binary_cross_entropy_with_logits(logit_real, torch.ones_like(logit_real))
        return adversarial + self.lambda_coeff * self._mi_loss(self.q_network(features), c)

    def training_step(self, batch, batch_idx):
        gen_opt, disc_opt = self.optimizers()
        gen_loss = self._gen_loss(len(batch))
        gen_opt.zero_grad()
        self.manual_backward(gen_loss)
        gen_opt.step()
        disc_loss = self._disc_loss(batch)
        disc_opt.zero_grad()
        self.manual_backward(disc_loss)
        disc_opt.step()
        self.log("gen_loss", gen_loss)
        self.log("disc_loss", disc_loss)

    @torch.no_grad()
    def forward(self, latent):
        was = self.training
        self.eval()
        images = self.generator(latent)
        self.train(was)
        return images


def data(n=64):
    """6 x 6, two bright pixels of which one is always in the upper half, in [-1, 1]."""
    x = -0.8 * torch.ones(n, 36, dtype=torch.float64)
    rows = torch.arange(n)
    x[rows, torch.randint(18, (n,))] = 0.9
    x[rows, 18 + torch.randint(18, (n,))] = 0.9
    return x


torch.manual_seed(4)
lit = LitInfoGAN()


def train(steps):
    for i in range(steps):
        lit.training_step(data(), i)


def check():
    from infogan_lib.measure.preflight import gaussian, logits

    def draw(n):
        z, c = lit.sample_noise(n), lit.sample_code(n)
        return torch.cat([z, c], -1), {"shape": c[:, :3], "side": c[:, 3:5], "c": c[:, 5]}

    def read(out):
        sigma = 0.1 + 0.9 * torch.sigmoid(out[:, 6])
        return {"shape": logits(out[:, :3]), "side": logits(out[:, 3:5]), "c": gaussian(out[:, 5], sigma=sigma)}

    fixed = data()
    return dict(
        generator=lit.generator,
        discriminator=lambda x: lit.disc_head(lit.discriminator(x)),
        q=lambda x: lit.q_network(lit.discriminator(x)),
        read=read,
        sample=draw,
        loss_g=lambda: lit._gen_loss(64),
        loss_d=lambda real: lit._disc_loss(real),
        step=lambda: lit.training_step(fixed, 0),
        optimisers=lit.optimizers(),
        real=fixed,
        generate=lit,
        sweep={"c": (-1, 1)},
    )
