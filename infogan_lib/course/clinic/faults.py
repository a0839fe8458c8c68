"""Trainings with one fault each, all found in public code. Built in notebook 11: do not read on before you diagnose.

The docstring of each class says what is wrong and what the cure is; `ward` gives each a name that does not.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.distributions as D
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.core.bound import weighted
from infogan_lib.core.codes import Categorical, Uniform
from infogan_lib.core.latent import Latent, LatentSpec, Noise
from infogan_lib.course.clinic.patient import GAN, Patient

TIDIED = 200  # the step at which two of them "tidied up" their loss, having been healthy until then


class OneHotEntropy(Patient):
    """H(c) was computed from the one-hot code: c log c is 0 for 0 and for 1. The prior is what has the entropy."""

    def nats(self, posterior: Mapping[str, D.Distribution], latent: Latent) -> dict[str, Tensor]:
        one_hot = F.one_hot(latent["digit"], 10).float()
        entropy = -(one_hot * (one_hot + 1e-8).log()).sum(1)
        digit = entropy + posterior["digit"].log_prob(latent["digit"])
        return super().nats(posterior, latent) | {"digit": digit}


class SoftmaxTwice(Patient):
    """Q's output went through a softmax, and then into a cross-entropy that has one of its own. Feed it logits."""

    def read(self, images: Tensor, train_trunk: bool = True) -> Mapping[str, D.Distribution]:
        posterior = dict(super().read(images, train_trunk))
        if self.steps < TIDIED:
            return posterior
        probabilities = posterior["digit"].probs  # type: ignore[attr-defined]
        return posterior | {"digit": D.Categorical(logits=probabilities)}


class NormalEntropy(Patient):
    """A code drawn from U(-1, 1) was given the entropy of N(0, 1): 1.42 nats for 0.69. Ask the prior that draws it."""

    def nats(self, posterior: Mapping[str, D.Distribution], latent: Latent) -> dict[str, Tensor]:
        entropy = math.log(2 * math.pi * math.e) / 2
        return super().nats(posterior, latent) | {"c1": entropy + posterior["c1"].log_prob(latent["c1"])}


class Rebuilt(Patient):
    """The term was rebuilt from numbers: `torch.tensor([...])` knows nothing of the graph its numbers came from."""

    def g_info(self, fake: Tensor, latent: Latent) -> Tensor:
        nats = self.nats(self.read(fake), latent)
        return torch.tensor([value.mean().item() for value in nats.values()]).sum()


class Resampled(Patient):
    """The codes that are scored are not those that made the images: they were drawn again. Score what made x."""

    def nats(self, posterior: Mapping[str, D.Distribution], latent: Latent) -> dict[str, Tensor]:
        return super().nats(posterior, self.spec.sample(len(latent), self.random))


class Detached(Patient):
    """The fake was detached in G's step as well. Detach it in D's step alone, where Q learns and G must not."""

    def g_info(self, fake: Tensor, latent: Latent) -> Tensor:
        return torch.as_tensor(weighted(self.nats(self.read(fake.detach()), latent), self.recipe.lambda_g))


class WrongSign(Patient):
    """The term was added to a loss: G is paid for codes that nobody can read. L_I is maximised, so subtract it."""

    def g_loss(self, fake: Tensor, latent: Latent) -> Tensor:
        if self.steps < TIDIED:
            return super().g_loss(fake, latent)
        return GAN.g_loss(self.score(fake)) + self.g_info(fake, latent)


class SharedColumn(Patient):
    """D's score was read from a column of Q's head: the one that states c1. Give each head a layer, and a name."""

    def score(self, images: Tensor) -> Tensor:
        assert self.model.q_head is not None
        return self.model.q_head(self.model.trunk(images))[:, 10]


class NoFloor(Patient):
    """Nothing kept sigma up: -log q falls without end as sigma goes to 0. Give sigma a floor, and plot it."""

    spec = LatentSpec(Noise(32), [Categorical("digit", 10), Uniform("c1", sigma_floor=1e-9)])


class TooMuchLambda(Patient):
    """lambda is so large that an image shows its codes and nothing else: z is ignored. Lower it; plot diversity."""

    recipe = replace(Patient.recipe, lambda_g=30.0)


class HalfRange(Patient):
    """The data lie in [0, 1], and G ends in a tanh. One place should own the range of the images."""

    def real(self) -> Tensor:
        return (super().real() + 1) / 2


class TrainMode(Patient):
    """Sampled in train mode: batch norm takes its mean from whoever is in the batch. Call `eval()` before looking."""

    def generate(self, latent: Latent) -> Tensor:
        with torch.no_grad():
            return self.model.generator(latent.input)


class EpsilonNorm(Patient):
    """0.8 was meant for the momentum, and is eps: it drowns the variance it is added to. Name the argument."""

    def norm(self, width: int) -> nn.Module:
        return nn.BatchNorm1d(width, 0.8)


class HalfSeeded(Patient):
    """The weights and the data were seeded, and the latents were not. Hand the generator to all that draws."""

    def latent(self) -> Latent:
        return self.spec.sample(self.recipe.batch)
