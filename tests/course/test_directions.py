"""Directions in noise: set, found from labels, found from the first layer; each beside what is known beforehand."""

import math

import pytest
import torch
from tiny import build

from infogan_lib import InfoGAN, LatentSpec, Noise
from infogan_lib.course.lessons import directions
from infogan_lib.measure.effects import along

PLAIN = LatentSpec(Noise(6), [])


def unit(*numbers):
    direction = torch.tensor(numbers)
    return direction / direction.norm()


def test_along_an_axis_sets_that_number_and_no_other():
    z = Noise(5).sample(7, torch.Generator().manual_seed(0))
    moved = along(z, torch.eye(5)[2], 1.5)
    assert torch.equal(moved[:, 2], torch.full((7,), 1.5))
    assert torch.equal(moved[:, [0, 1, 3, 4]], z[:, [0, 1, 3, 4]])


def test_along_sets_the_component_and_holds_what_is_at_right_angles():
    z = Noise(3).sample(4, torch.Generator().manual_seed(1))
    d, values = unit(1.0, 2.0, -2.0), torch.tensor([-2.0, 0.0, 1.0, 5.0])
    moved = along(z, d, values)
    assert torch.allclose(moved @ d, values, atol=1e-5)
    for side in (unit(2.0, 1.0, 2.0), unit(2.0, -2.0, -1.0)):  # both at right angles to d
        assert torch.allclose(moved @ side, z @ side, atol=1e-5)


@pytest.mark.parametrize("direction", [torch.ones(4), torch.ones(3), torch.zeros(3)])
def test_along_refuses_what_is_no_direction_of_this_noise(direction):
    with pytest.raises(ValueError):
        along(torch.zeros(2, 3), direction, 1.0)


@pytest.mark.parametrize("kind", ["amount", "yes or no", "0 or 1"])
def test_labels_give_back_the_direction_that_made_them(kind):
    z = Noise(6).sample(4000, torch.Generator().manual_seed(2))
    truth = unit(0.0, 3.0, -1.0, 0.0, 2.0, 0.0)
    amount = 5 + 2 * z @ truth
    answers = {"amount": amount, "yes or no": amount > 5.5, "0 or 1": (amount > 5.5).long()}[kind]
    found = directions.labelled(z, answers)
    assert found.shape == (6,) and math.isclose(found.norm(), 1, rel_tol=1e-5)
    assert found @ truth > 0.999


def test_more_labels_come_closer():
    z, truth = Noise(20).sample(2000, torch.Generator().manual_seed(3)), torch.eye(20)[4]
    noisy = z[:, 4] + 0.5 * torch.randn(2000, generator=torch.Generator().manual_seed(4)) > 0
    closeness = [float(directions.labelled(z[:n], noisy[:n]) @ truth) for n in (20, 200, 2000)]
    assert closeness == sorted(closeness) and closeness[0] < 0.9 < 0.98 < closeness[-1]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (torch.ones(8, dtype=torch.bool), "more images"),
        (torch.arange(8) % 3, "Ask for one"),
        (torch.tensor([1, 2]).repeat(4), "Ask for one"),
        (torch.rand(7), "7"),
    ],
)
def test_labels_that_tell_no_direction_are_refused(answers, says):
    with pytest.raises(ValueError, match=says):
        directions.labelled(torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), answers)


@pytest.mark.parametrize("network", ["tiny", "mnist", "dcgan-28", "dcgan-32"])
def test_first_layer_is_the_affine_map_before_the_first_bend(network):
    model = InfoGAN(network, PLAIN).train()
    with torch.no_grad():  # a batch norm that has seen something
        model.generator(3 + 2 * PLAIN.sample(50, torch.Generator().manual_seed(0)).input)
    matrix = directions.first_layer(model)
    assert model.training and model.generator.training
    model.eval()
    bend = next(i for i, layer in enumerate(model.generator) if isinstance(layer, torch.nn.ReLU))
    a, b = PLAIN.sample(2, torch.Generator().manual_seed(1)).noise
    with torch.no_grad():
        one, other = (model.generator[:bend](z[None]).flatten() for z in (a, b))
    assert torch.allclose(matrix @ (a - b), one - other, atol=1e-4)


def test_first_layer_leaves_the_codes_out():
    model = build().eval()  # noise 4, codes of 3 and 1 columns
    assert torch.allclose(directions.first_layer(model), model.generator[0].weight[:, :4], rtol=1e-4, atol=1e-6)


def test_sefa_finds_what_the_first_layer_stretches_in_order():
    model = InfoGAN("tiny", PLAIN).eval()
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(5))).Q
    stretch = torch.tensor([0.3, 5.0, 1.0, 3.0, 0.1, 2.0])
    basis = torch.linalg.qr(torch.randn(32, 6, generator=torch.Generator().manual_seed(6))).Q
    with torch.no_grad():
        model.generator[0].weight.copy_(basis * stretch @ turn)  # stretches row i of `turn` by stretch[i]
        model.generator[0].bias.zero_()
    found = directions.sefa(model)
    agreement = (found @ turn.T).abs()
    assert agreement.argmax(1).tolist() == [1, 3, 5, 2, 0, 4]
    assert torch.allclose(agreement.amax(1), torch.ones(6), atol=1e-3)
    assert torch.equal(directions.sefa(model, 2), found[:2])


@pytest.mark.parametrize("k", [0, 7])
def test_sefa_refuses_more_directions_than_there_are(k):
    with pytest.raises(ValueError, match="6 directions"):
        directions.sefa(InfoGAN("tiny", PLAIN), k)


def test_a_generator_that_begins_otherwise_is_refused():
    model = InfoGAN("tiny", PLAIN)
    model.generator = torch.nn.Sequential(torch.nn.Tanh(), model.generator)
    with pytest.raises(ValueError, match="no linear layer"):
        directions.sefa(model)
