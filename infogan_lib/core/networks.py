"""The networks: a generator, and a trunk that ends in features for two heads. `model` puts them together.

A network of your own is one function from a spec to `Parts`, registered by name. Built in notebooks 02 and 07.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from infogan_lib.core.latent import LatentSpec


@dataclass(frozen=True)
class Parts:
    """What a network function returns: G, a function making trunks, the features they end in, Q's hidden width."""

    generator: nn.Module
    trunk: Callable[[], nn.Module]
    features: int
    q_hidden: int
    image_shape: tuple[int, int, int]


Network = Callable[[LatentSpec], Parts]
NETWORKS: dict[str, Network] = {}


def register(name: str) -> Callable[[Network], Network]:
    """Decorator: make `InfoGAN(name, ...)` know a function from a spec to `Parts`."""

    def add(function: Network) -> Network:
        NETWORKS[name] = function
        return function

    return add


class Sigmoid11(nn.Module):
    """2 sigmoid(x) - 1 = tanh(x / 2): the paper's sigmoid over [0, 1] images, on our range [-1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * torch.sigmoid(x) - 1


def fully_connected(inputs: int, outputs: int, activation: nn.Module) -> list[nn.Module]:
    """A layer with batch norm and activation. The norm subtracts any bias, so the layer has none."""
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), activation]


def _paper(
    spec: LatentSpec,
    narrow: int,
    wide: int,
    hidden: int,
    last: Callable[[], nn.Module] = nn.Tanh,
    side: int = 28,
    colours: int = 1,
) -> Parts:
    """The layout of the paper's MNIST table (appendix C.1) at any width; 4 x 4 kernels, stride 2, twice."""
    small = side // 4  # the side of the innermost feature maps

    def leaky() -> nn.Module:
        return nn.LeakyReLU(0.1)

    def trunk() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(colours, narrow, 4, 2, 1),
            leaky(),
            nn.Conv2d(narrow, wide, 4, 2, 1, bias=False),
            nn.BatchNorm2d(wide),
            leaky(),
            nn.Flatten(),
            *fully_connected(wide * small**2, hidden, leaky()),
        )

    generator = nn.Sequential(
        *fully_connected(spec.width, hidden, nn.ReLU()),
        *fully_connected(hidden, wide * small**2, nn.ReLU()),
        nn.Unflatten(1, (wide, small, small)),
        nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False),
        nn.BatchNorm2d(narrow),
        nn.ReLU(),
        nn.ConvTranspose2d(narrow, colours, 4, 2, 1),
        last(),
    )
    return Parts(generator, trunk, hidden, 128, (colours, side, side))


def _dcgan(spec: LatentSpec, side: int, channels: tuple[int, ...], batch_norm: bool = True) -> Parts:
    """DCGAN's guidelines (section 3) at any size: strided convolutions alone, batch norm except at both ends, ReLU and
    tanh in G, leaky ReLU 0.2 in D. `channels` from the image inwards; the side halves with each, 4 x 4 kernels.
    """
    smallest = side // 2 ** len(channels)
    if smallest * 2 ** len(channels) != side:
        raise ValueError(f"side {side} cannot be halved {len(channels)} times")
    deepest = channels[-1]

    def norm(width: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(width)] if batch_norm else []

    def trunk() -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(1, channels[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for outer, inner in itertools.pairwise(channels):
            layers += [nn.Conv2d(outer, inner, 4, 2, 1, bias=not batch_norm), *norm(inner), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers, nn.Flatten())

    features = deepest * smallest**2
    layers: list[nn.Module] = [nn.Linear(spec.width, features, bias=not batch_norm)]  # z, projected and reshaped
    layers += [nn.Unflatten(1, (deepest, smallest, smallest)), *norm(deepest), nn.ReLU()]
    for inner, outer in itertools.pairwise(reversed(channels)):
        layers += [nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=not batch_norm), *norm(outer), nn.ReLU()]
    layers += [nn.ConvTranspose2d(channels[0], 1, 4, 2, 1), nn.Tanh()]
    return Parts(nn.Sequential(*layers), trunk, features, 128, (1, side, side))


# Half the paper's channels and a quarter of its FC width: trains in minutes on two cores.
SMALL = partial(_paper, narrow=32, wide=64, hidden=256)
NETWORKS.update(
    {
        # The paper's network for MNIST to the layer: 64 and 128 channels, FC 1024, a sigmoid at the end of G.
        "mnist-paper": partial(_paper, narrow=64, wide=128, hidden=1024, last=Sigmoid11),
        "mnist": SMALL,
        "mnist-wide": partial(SMALL, narrow=64, wide=128),  # with the paper's channels: weights where they show
        # DCGAN for digits, and without batch norm as one of notebook 02's ablations.
        "dcgan-28": partial(_dcgan, side=28, channels=(32, 64)),
        "dcgan-28-no-norm": partial(_dcgan, side=28, channels=(32, 64), batch_norm=False),
        # DCGAN for rendered faces; narrow: twice as many steps in the same time (notebook 10).
        "dcgan-32": partial(_dcgan, side=32, channels=(32, 64, 128)),
        "dcgan-32-narrow": partial(_dcgan, side=32, channels=(16, 32, 64)),
    }
)
# The same for images of your own (notebook 12).
for _side in (16, 28, 32):
    NETWORKS[f"own-{_side}-grey"] = partial(SMALL, side=_side)
    NETWORKS[f"own-{_side}-colour"] = partial(SMALL, side=_side, colours=3)


@register("paper-32")
def paper_32(spec: LatentSpec) -> Parts:
    """The paper's network for SVHN and CelebA to the layer, 32 x 32 in colour (appendix C.2 and C.3)."""

    def trunk() -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.1)]
        for outer, inner in ((64, 128), (128, 256)):
            layers += [nn.Conv2d(outer, inner, 4, 2, 1, bias=False), nn.BatchNorm2d(inner), nn.LeakyReLU(0.1)]
        return nn.Sequential(*layers, nn.Flatten())

    generator = nn.Sequential(
        *fully_connected(spec.width, 448 * 4, nn.ReLU()),
        nn.Unflatten(1, (448, 2, 2)),
        nn.ConvTranspose2d(448, 256, 4, 2, 1, bias=False),
        nn.BatchNorm2d(256),
        nn.ReLU(),
        nn.ConvTranspose2d(256, 128, 4, 2, 1),  # without batch norm, as the paper's table has it
        nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 3, 4, 2, 1),
        nn.Tanh(),
    )
    return Parts(generator, trunk, 256 * 16, 128, (3, 32, 32))


@register("mlp")
def mlp(spec: LatentSpec) -> Parts:
    """Fully connected, 28 x 28 grey: a GAN before convolutions. To it, pixels have no neighbours (notebook 01)."""

    def trunk() -> nn.Module:
        leaky = nn.LeakyReLU(0.2)
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), leaky, nn.Linear(256, 256), leaky)

    generator = nn.Sequential(
        *fully_connected(spec.width, 256, nn.ReLU()),
        *fully_connected(256, 256, nn.ReLU()),
        nn.Linear(256, 784),
        nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    return Parts(generator, trunk, 256, 128, (1, 28, 28))
