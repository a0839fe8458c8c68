"""The networks: a generator, and a trunk shared by two heads, D's real/fake logit and Q's raw outputs.

Q is "one fully connected layer" on D's last features in the paper's body; its appendix puts FC 128 in
front, and so do we. Built in notebook 07. A network of your own is one function, registered by name.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from infogan_lib.codes import Code
from infogan_lib.latent import Latent, LatentSpec

Q_ON = ("trunk", "frozen", "separate")
PIECE = 250  # images that `generate` and `read` make or look at in one go


@dataclass(frozen=True)
class Parts:
    """What a network function returns: G, a function making trunks, the features they end in, Q's hidden width."""

    generator: nn.Module
    trunk: Callable[[], nn.Module]
    features: int
    q_hidden: int
    image_shape: tuple[int, int, int]


NETWORKS: dict[str, Callable[[LatentSpec], Parts]] = {}


def register(name: str) -> Callable[[Callable[[LatentSpec], Parts]], Callable[[LatentSpec], Parts]]:
    """Decorator: make `build(name, ...)` know a function from a spec to `Parts`."""

    def add(function: Callable[[LatentSpec], Parts]) -> Callable[[LatentSpec], Parts]:
        NETWORKS[name] = function
        return function

    return add


class Sigmoid11(nn.Module):
    """2 sigmoid(x) - 1 = tanh(x / 2): the paper's sigmoid over [0, 1] images, on our range [-1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * torch.sigmoid(x) - 1


def _fc(inputs: int, outputs: int, activation: nn.Module) -> list[nn.Module]:
    """Fully connected, batch norm, activation. The norm subtracts any bias, so the layer has none."""
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), activation]


def _mnist(
    spec: LatentSpec, narrow: int, wide: int, hidden: int, last: nn.Module, side: int = 28, colours: int = 1
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
            *_fc(wide * small**2, hidden, leaky()),
        )

    generator = nn.Sequential(
        *_fc(spec.width, hidden, nn.ReLU()),
        *_fc(hidden, wide * small**2, nn.ReLU()),
        nn.Unflatten(1, (wide, small, small)),
        nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False),
        nn.BatchNorm2d(narrow),
        nn.ReLU(),
        nn.ConvTranspose2d(narrow, colours, 4, 2, 1),
        last,
    )
    return Parts(generator, trunk, hidden, 128, (colours, side, side))


@register("mnist-paper")
def mnist_paper(spec: LatentSpec) -> Parts:
    """The paper's network for MNIST to the layer: 64 and 128 channels, FC 1024, a sigmoid at the end of G."""
    return _mnist(spec, 64, 128, 1024, Sigmoid11())


@register("mnist")
def mnist(spec: LatentSpec) -> Parts:
    """Half the channels and a quarter of the FC width: trains in minutes on two cores."""
    return _mnist(spec, 32, 64, 256, nn.Tanh())


OWN: dict[tuple[int, ...], str] = {
    (colours, side, side): f"own-{side}-{'grey' if colours == 1 else 'colour'}"
    for colours in (1, 3)
    for side in (16, 28, 32)
}


def _own(shape: tuple[int, ...]) -> Callable[[LatentSpec], Parts]:
    """The network of "mnist" for images of your own, (colours, side, side)."""
    return lambda spec: _mnist(spec, 32, 64, 256, nn.Tanh(), shape[1], shape[0])


NETWORKS.update({name: _own(shape) for shape, name in OWN.items()})


@register("paper-32")
def paper_32(spec: LatentSpec) -> Parts:
    """The paper's network for SVHN and CelebA to the layer, 32 x 32 in colour (appendix C.2 and C.3)."""

    def trunk() -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.1)]
        for outer, inner in ((64, 128), (128, 256)):
            layers += [nn.Conv2d(outer, inner, 4, 2, 1, bias=False), nn.BatchNorm2d(inner), nn.LeakyReLU(0.1)]
        return nn.Sequential(*layers, nn.Flatten())

    generator = nn.Sequential(
        *_fc(spec.width, 448 * 4, nn.ReLU()),
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
        *_fc(spec.width, 256, nn.ReLU()),
        *_fc(256, 256, nn.ReLU()),
        nn.Linear(256, 784),
        nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    return Parts(generator, trunk, 256, 128, (1, 28, 28))


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


@register("dcgan-28")
def dcgan_28(spec: LatentSpec) -> Parts:
    """DCGAN for 28 x 28 grey images (notebook 02)."""
    return _dcgan(spec, 28, (32, 64))


@register("dcgan-28-no-norm")
def dcgan_28_no_norm(spec: LatentSpec) -> Parts:
    """The same without batch norm: one of notebook 02's ablations."""
    return _dcgan(spec, 28, (32, 64), batch_norm=False)


@register("dcgan-32")
def dcgan_32(spec: LatentSpec) -> Parts:
    """DCGAN for 32 x 32 grey images: the rendered faces (notebook 02)."""
    return _dcgan(spec, 32, (32, 64, 128))


@register("dcgan-32-narrow")
def dcgan_32_narrow(spec: LatentSpec) -> Parts:
    """The same with half the channels, for twice as many steps in the same time (notebook 10)."""
    return _dcgan(spec, 32, (16, 32, 64))


class InfoGAN(nn.Module):
    """G, D and Q over one latent spec. With `codes=[]` there is no Q and this is a plain GAN.

    `q_on` says what the mutual-information term may train besides G and the Q head: "trunk" (the shared
    trunk as well, as the official code does), "frozen" (never the trunk; its gradient still passes through
    it on the way to G) or "separate" (Q has a trunk of its own, which it trains).
    Raises ValueError for an unknown network or q_on.
    """

    def __init__(self, network: str, spec: LatentSpec, q_on: str = "frozen") -> None:
        super().__init__()
        if network not in NETWORKS:
            raise ValueError(f"unknown network {network!r}; choose one of {', '.join(NETWORKS)}")
        if q_on not in Q_ON:
            raise ValueError(f"unknown q_on {q_on!r}; choose one of {', '.join(Q_ON)}")
        self.network, self.spec, self.q_on = network, spec, q_on
        self.q_trunk: nn.Module | None = None
        self.q_head: nn.Module | None = None
        with torch.random.fork_rng(devices=[]):  # torch's own first weights are thrown away; so is their randomness
            parts = NETWORKS[network](spec)
            self.image_shape = parts.image_shape
            self.generator = parts.generator
            self.trunk = parts.trunk()
            self.d_head = nn.Linear(parts.features, 1)
            if spec.codes:
                self.q_trunk = parts.trunk() if q_on == "separate" else None
                self.q_head = nn.Sequential(
                    *_fc(parts.features, parts.q_hidden, nn.LeakyReLU(0.1)), nn.Linear(parts.q_hidden, spec.q_width)
                )
        self.average: InfoGAN | None = None
        self.manifest: dict[str, Any] = {}  # what its file says of it, once loaded
        self.initialise(0)

    def initialise(self, seed: int) -> None:
        """Draw all weights anew from N(0, 0.02^2) (DCGAN, section 4); biases 0, batch norms the identity."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                draw = torch.empty(module.weight.shape).normal_(0, 0.02, generator=generator)
                with torch.no_grad():
                    module.weight.copy_(draw)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.reset_parameters()

    def score(self, images: Tensor) -> Tensor:
        """D alone: (N, C, H, W) images in [-1, 1] -> logits (N,), high for real."""
        return self.d_head(self.trunk(images))[:, 0].float()

    def discriminate(self, images: Tensor, *, train_trunk_by_q: bool = True) -> tuple[Tensor, dict[str, Distribution]]:
        """(N, C, H, W) images in [-1, 1] -> D's logits (N,) and Q's posterior {name: Q(c|x)}; {} without codes.

        `train_trunk_by_q=False` stops Q's gradient at the trunk's features ("frozen", in D's step).
        """
        features = self.trunk(images)
        scores = self.d_head(features)[:, 0].float()
        if self.q_head is None:
            return scores, {}
        if self.q_trunk is not None:
            features = self.q_trunk(images)
        elif not train_trunk_by_q:
            features = features.detach()
        return scores, self.spec.posterior(self.q_head(features).float())

    def generate(self, latent: Latent) -> Tensor:
        """Images (N, C, H, W), float in [-1, 1], for looking at: eval mode, averaged weights, no gradient.

        Any N will do: they are made, as `read` reads them, PIECE at a time.
        """
        with _looking(self) as net:
            return _in_pieces(net.generator, latent.input.to(_device(net)))

    def read(self, images: Tensor) -> dict[str, Distribution]:
        """What Q says of images in [-1, 1]: {name: Q(c|x)}, in eval mode, averaged weights, no gradient."""
        if images.ndim != 4 or tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(f"read: expected images (N, {self.image_shape}), got {tuple(images.shape)}.")
        if images.dtype == torch.uint8:
            raise TypeError("read: expected float images in [-1, 1]; data.to_float makes them from uint8.")
        with _looking(self) as net:
            if net.q_head is None:
                return {}
            q = nn.Sequential(net.trunk if net.q_trunk is None else net.q_trunk, net.q_head)
            return self.spec.posterior(_in_pieces(q, images.to(_device(net))))

    def sweep(
        self, name: str, noise: Tensor, steps: int = 10, beyond: bool = False, **values: Any
    ) -> tuple[Code, Tensor, Tensor]:
        """(code, its values (S,), images (R*S, C, H, W)): one panel for `plots.sweeps`; see `LatentSpec.sweep`."""
        latent = self.spec.sweep(name, noise, steps, beyond, **values)
        return self.spec[name], self.spec[name].sweep(steps, beyond), self.generate(latent)

    def start_average(self) -> None:
        """Keep a running average of all weights from here on, for `generate` and `read`."""
        self.average = None  # an average of its own would be copied along
        self.average = copy.deepcopy(self).eval().requires_grad_(False)

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """average <- decay * average + (1 - decay) * weights; batch norm statistics likewise, counters copied."""
        assert self.average is not None
        live = {k: v for k, v in self.state_dict().items() if not k.startswith("average.")}
        held = self.average.state_dict()
        floats = [k for k, v in live.items() if v.is_floating_point()]
        torch._foreach_lerp_([held[k] for k in floats], [live[k] for k in floats], 1 - decay)
        for k in live.keys() - set(floats):
            held[k].copy_(live[k])

    def train(self, mode: bool = True) -> InfoGAN:
        super().train(mode)
        if self.average is not None:
            self.average.eval()
        return self


def _in_pieces(part: nn.Module, x: Tensor) -> Tensor:
    """`part(x)` in float32, some rows at a time, so that 10,000 images take the memory of a few."""
    return torch.cat([part(piece).float() for piece in x.split(PIECE)])


def _device(module: nn.Module) -> torch.device:
    return next(module.parameters()).device


@contextmanager
def _looking(model: InfoGAN) -> Iterator[InfoGAN]:
    """The averaged model if there is one, in eval mode, without gradients; the training mode is put back."""
    net = model.average if model.average is not None else model
    was_training = net.training
    net.eval()
    try:
        with torch.no_grad():
            yield net
    finally:
        net.train(was_training)
