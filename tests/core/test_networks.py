"""The networks, layer by layer."""

import pytest
import torch
from torch import nn

from infogan_lib import InfoGAN, LatentSpec, Noise
from infogan_lib.core.networks import Sigmoid11
from infogan_lib.training import presets

SPEC = presets.load("mnist-paper").spec


def layers(module):
    """(kind, weight shape) of every layer with weights, in order."""
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm1d, nn.BatchNorm2d)
    return [(type(m).__name__, tuple(m.weight.shape)) for m in module.modules() if isinstance(m, kinds)]


def test_mnist_paper_is_the_papers_table_to_the_layer():
    model = InfoGAN("mnist-paper", SPEC)
    assert layers(model.generator) == [
        ("Linear", (1024, 74)),
        ("BatchNorm1d", (1024,)),
        ("Linear", (7 * 7 * 128, 1024)),
        ("BatchNorm1d", (7 * 7 * 128,)),
        ("ConvTranspose2d", (128, 64, 4, 4)),
        ("BatchNorm2d", (64,)),
        ("ConvTranspose2d", (64, 1, 4, 4)),
    ]
    assert layers(model.trunk) == [
        ("Conv2d", (64, 1, 4, 4)),
        ("Conv2d", (128, 64, 4, 4)),
        ("BatchNorm2d", (128,)),
        ("Linear", (1024, 7 * 7 * 128)),
        ("BatchNorm1d", (1024,)),
    ]
    assert layers(model.d_head) == [("Linear", (1, 1024))]
    assert layers(model.q_head) == [("Linear", (128, 1024)), ("BatchNorm1d", (128,)), ("Linear", (14, 128))]
    assert {m.negative_slope for m in model.modules() if isinstance(m, nn.LeakyReLU)} == {0.1}
    assert {m.stride for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)} == {(2, 2)}


def test_the_papers_sigmoid_on_our_range_is_tanh_of_half():
    x = torch.linspace(-5, 5, 21)
    assert torch.allclose(Sigmoid11()(x), torch.tanh(x / 2), atol=1e-6)


@pytest.mark.parametrize("network", ["mnist", "mnist-paper"])
def test_shapes_and_ranges(network):
    model = InfoGAN(network, SPEC)
    images = model.generate(SPEC.sample(5, torch.Generator().manual_seed(0)))
    assert images.shape == (5, 1, 28, 28) and images.abs().max() <= 1 and not images.requires_grad
    posterior = model.read(images)
    assert posterior["digit"].probs.shape == (5, 10)
    assert posterior["c1"].mean.shape == posterior["c1"].stddev.shape == (5,)


@pytest.mark.parametrize(
    ("network", "channels", "smallest"), [("dcgan-28", (32, 64), 7), ("dcgan-32", (32, 64, 128), 4)]
)
def test_a_dcgan_follows_the_guidelines(network, channels, smallest):
    """DCGAN section 3: strided convolutions, no hidden fully connected layer, batch norm except at the image's end."""
    model = InfoGAN(network, LatentSpec(Noise(20)))
    features = channels[-1] * smallest**2
    generator, trunk = layers(model.generator), layers(model.trunk)
    assert generator[:2] == [("Linear", (features, 20)), ("BatchNorm2d", (channels[-1],))]
    assert [kind for kind, _ in generator[2:]] == ["ConvTranspose2d", "BatchNorm2d"] * (len(channels) - 1) + [
        "ConvTranspose2d"
    ]
    assert [kind for kind, _ in trunk] == ["Conv2d"] + ["Conv2d", "BatchNorm2d"] * (len(channels) - 1)
    assert [shape[0] for kind, shape in trunk if kind == "Conv2d"] == list(channels)
    assert layers(model.d_head) == [("Linear", (1, features))]
    assert {m.stride for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)} == {(2, 2)}
    assert isinstance(model.generator[-1], nn.Tanh)
    side = smallest * 2 ** len(channels)
    images = model.generate(model.spec.sample(3))
    assert images.shape == (3, 1, side, side) and model.score(images).shape == (3,)


def test_a_dcgan_without_norm_differs_in_nothing_else():
    whole, bare = (InfoGAN(n, LatentSpec(Noise(20))) for n in ("dcgan-28", "dcgan-28-no-norm"))
    assert not [kind for kind, _ in layers(bare) if kind.startswith("Batch")]
    assert [x for x in layers(whole) if not x[0].startswith("Batch")] == layers(bare)
