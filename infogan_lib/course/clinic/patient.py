"""A tiny InfoGAN on 8 x 8 digits that trains in seconds, in pieces of which each can be sick. Built in notebook 11.

`Patient` is the healthy training: its losses are those of `core.steps` (InfoGAN eq. 6). A sick one overrides one
method: `faults` has them, `ward` gives them names, and `charts` shows what can be seen of one.
"""

import functools
from collections.abc import Mapping

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.distributions import Distribution

from infogan_lib.core import objectives
from infogan_lib.core.bound import lower_bound, weighted
from infogan_lib.core.codes import Categorical, Uniform
from infogan_lib.core.latent import Latent, LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.networks import Parts, register
from infogan_lib.core.recipe import Recipe
from infogan_lib.data.images import Images, to_uint8

SPEC = LatentSpec(Noise(32), [Categorical("digit", 10), Uniform("c1", sigma_floor=0.3)])
RECIPE = Recipe(steps=400, batch=64, lr_g=2e-3, lr_d=2e-3, lr_q=2e-3)
GAN = objectives.get(RECIPE.objective)


@functools.cache
def digits() -> Images:
    """scikit-learn's 1,797 handwritten digits, (1797, 1, 8, 8) grey, with their labels."""
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).float().view(-1, 1, 8, 8) / 8 - 1  # 0..16 -> [-1, 1]
    return Images(to_uint8(images), torch.from_numpy(labels).long(), "digits-8")


@register("clinic")
def network(spec: LatentSpec) -> Parts:
    """Fully connected, 8 x 8 grey: three layers of G with batch norm, two of the trunk without."""

    def trunk() -> nn.Module:
        leaky = nn.LeakyReLU(0.1)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), leaky, nn.Linear(128, 128), leaky)

    layers: list[nn.Module] = []
    for inputs in (spec.width, 64):
        layers += [nn.Linear(inputs, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU()]
    layers += [nn.Linear(64, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8))]
    return Parts(nn.Sequential(*layers), trunk, 128, 64, (1, 8, 8))


class Patient:
    """One training, step by step; `seed` decides all that is random. N is `recipe.batch`.

    Every method is one place where a training can be sick. These are all healthy.
    """

    spec, recipe = SPEC, RECIPE

    def __init__(self, seed: int = 0) -> None:
        self.steps = 0
        self.random = torch.Generator().manual_seed(seed)
        self.model = model = InfoGAN("clinic", self.spec, q_on="frozen")
        model.initialise(seed)
        assert model.q_head is not None and isinstance(model.generator, nn.Sequential)
        with torch.no_grad():  # N(0, 0.1^2): layers this narrow fall silent under DCGAN's 0.02
            for module in model.modules():
                if isinstance(module, nn.Linear):
                    module.weight.mul_(5)
        for i, layer in enumerate(model.generator):
            if isinstance(layer, nn.BatchNorm1d):
                model.generator[i] = self.norm(layer.num_features)
        r = self.recipe
        d_weights = [*model.trunk.parameters(), *model.d_head.parameters()]
        groups = [{"params": d_weights, "lr": r.lr_d}, {"params": list(model.q_head.parameters()), "lr": r.lr_q}]
        self.d_optimiser = torch.optim.Adam(groups, betas=(r.beta1, r.beta2), foreach=True)
        self.g_optimiser = torch.optim.Adam(model.generator.parameters(), r.lr_g, (r.beta1, r.beta2), foreach=True)

    def norm(self, width: int) -> nn.Module:
        """The norm after a hidden layer of G."""
        return nn.BatchNorm1d(width)

    def real(self) -> Tensor:
        """Images of the data, (N, 1, 8, 8) in [-1, 1]."""
        return digits().batch(torch.randint(len(digits()), (self.recipe.batch,), generator=self.random))

    def latent(self) -> Latent:
        """N latents from the prior."""
        return self.spec.sample(self.recipe.batch, self.random)

    def score(self, images: Tensor) -> Tensor:
        """D's logits (N,), high for real."""
        return self.model.score(images)

    def read(self, images: Tensor, train_trunk: bool = True) -> Mapping[str, Distribution]:
        """What Q says of images: {code: Q(c|x)}."""
        return self.model.discriminate(images, train_trunk_by_q=train_trunk)[1]

    def nats(self, posterior: Mapping[str, Distribution], latent: Latent) -> dict[str, Tensor]:
        """The meter: L_I sample by sample, {code: (N,)}."""
        return lower_bound(self.spec, posterior, latent, check=False)

    def d_info(self, fake: Tensor, latent: Latent) -> Tensor:
        """lambda_Q L_I, which Q learns from in D's step; a scalar."""
        return torch.as_tensor(weighted(self.nats(self.read(fake.detach(), False), latent), self.recipe.lambda_q))

    def g_info(self, fake: Tensor, latent: Latent) -> Tensor:
        """lambda_G L_I, which G learns from in its own step; a scalar."""
        return torch.as_tensor(weighted(self.nats(self.read(fake), latent), self.recipe.lambda_g))

    def d_loss(self, real: Tensor, fake: Tensor, latent: Latent) -> Tensor:
        """What D and Q minimise."""
        return GAN.d_loss(self.score(real), self.score(fake.detach())) - self.d_info(fake, latent)

    def g_loss(self, fake: Tensor, latent: Latent) -> Tensor:
        """What G minimises."""
        return GAN.g_loss(self.score(fake)) - self.g_info(fake, latent)

    def generate(self, latent: Latent) -> Tensor:
        """Images to look at, (N, 1, 8, 8)."""
        return self.model.generate(latent)

    def step(self) -> tuple[Tensor, Tensor]:
        """A step of D and Q, then one of G, on fresh latents; returns the two losses."""
        losses = []
        for optimiser in (self.d_optimiser, self.g_optimiser):
            latent = self.latent()
            fake = self.model.generator(latent.input)
            if optimiser is self.d_optimiser:
                loss = self.d_loss(self.real(), fake, latent)
            else:
                loss = self.g_loss(fake, latent)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        self.steps += 1
        return losses[0], losses[1]
