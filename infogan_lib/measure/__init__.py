"""What a trained model is worth. No training reads a label; labels and causes are for measuring.

Anything can be measured that makes images of latents, and reads codes off images, as an `InfoGAN` does.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.core.latent import Latent, LatentSpec


class Generates(Protocol):
    """Whatever has a spec and turns latents into images (N, C, H, W)."""

    spec: LatentSpec

    def generate(self, latent: Latent) -> Tensor: ...


class Reads(Generates, Protocol):
    """Whatever also reads codes off images."""

    def read(self, images: Tensor) -> Mapping[str, Distribution]: ...


# What an image shows, read by something that has never seen a code: images -> {attribute: (N,) or (N, K)}.
AttributeReader = Callable[[Tensor], Mapping[str, Tensor]]
