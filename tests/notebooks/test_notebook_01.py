"""What notebook 01 writes equals the library, what it claims holds, and its page is in order."""

import ast
import math
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from scipy import integrate
from torch import nn

from infogan_lib import InfoGAN, LatentSpec, Noise, Recipe, Training, data
from infogan_lib.core import objectives
from infogan_lib.course.lessons import rings
from infogan_lib.course.lessons.rings import Game
from infogan_lib.data import Images
from infogan_lib.measure.information import kl

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("01_vanilla_gan", "solutions/01_vanilla_gan")


def cells(name, kind="code"):
    return [c for c in nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells if c.cell_type == kind]


def tagged():
    """What the cells marked as the library's own define."""
    space = {"torch": torch, "F": F, "nn": nn}
    for cell in cells(NAMES[0]):
        if "same-as-library" in cell.metadata.get("tags", []):
            exec(cell.source, space)
    return space


def defined(name, **given):
    """The function of that name, with what its cell sets beside it, as the notebook writes them."""
    space = {"torch": torch, "F": F, "math": math, "kl": kl} | given
    for cell in cells(NAMES[0]):
        if any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.parse(cell.source).body):
            keep = [n for n in ast.parse(cell.source).body if isinstance(n, (ast.FunctionDef, ast.Assign))]
            exec(compile(ast.Module(keep, []), name, "exec"), space)
            return space[name]
    raise LookupError(name)


def test_g_slope_is_the_slope_of_the_librarys_losses():
    g_slope = tagged()["g_slope"]
    logit = torch.linspace(-8, 8, 33).double().requires_grad_()
    for name, which in (("minimax", False), ("non_saturating", True)):
        (slope,) = torch.autograd.grad(objectives.get(name).g_loss(logit) * len(logit), logit)
        assert torch.allclose(g_slope(logit, which), slope)


def test_the_networks_and_steps_are_the_games():
    notebook = tagged()
    assert str(notebook["network"](2, 1)) == str(rings.network(2, 1, torch.Generator()))
    game, twin = Game(seed=9), Game(seed=9)
    for _ in range(3):
        real, noise = rings.sample(128, twin.random), torch.randn(128, 2, generator=twin.random)
        ours = notebook["update_d"](twin.generator, twin.discriminator, twin.d_optimiser, real, noise)
        assert ours == game.d_step()
        noise = torch.randn(128, 2, generator=twin.random)
        assert notebook["update_g"](twin.generator, twin.discriminator, twin.g_optimiser, noise) == game.g_step()
    assert torch.equal(game.fakes(), twin.fakes())


def test_count_modes_is_covered():
    count = tagged()["count_modes"]
    for seed in (0, 1):
        game = Game(seed)
        list(game.play(60))
        for points in (game.fakes(), rings.sample(500, torch.Generator().manual_seed(seed))):
            assert count(points, rings.centres(), 3 * rings.SIGMA, 0.02) == int(rings.covered(points).sum())


def test_the_value_of_the_small_game_is_the_integral():
    value = defined("value")
    for theta, psi, sigma in ((0.7, -0.8, 1.0), (-0.3, 2.0, 0.5), (0.4, 1.0, 0.0)):

        def integrand(z, theta=theta, psi=psi, sigma=sigma):
            real, fake = (1 / (1 + math.exp(-psi * x)) for x in (sigma * z, theta + sigma * z))  # what D says
            normal = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            return normal * (math.log(real) + math.log(1 - fake))

        assert float(value(theta, psi, sigma)) == pytest.approx(integrate.quad(integrand, -8, 8)[0], abs=1e-6)


@pytest.mark.parametrize(("sigma", "at_once"), [(0.0, True), (0.0, False), (1.0, True), (1.5, True)])
def test_near_the_solution_the_game_turns_as_its_eigenvalues_say(sigma, at_once):
    value = defined("value")
    play = defined("play_by_gradient", slopes=defined("slopes", value=value))
    eta = 0.3
    turn = torch.tensor([[0.0, 0.5], [-0.5, -(sigma**2) / 2]], dtype=torch.float64)
    step = torch.eye(2) + eta * turn
    if not at_once:  # first D moves, then G sees the new psi
        step = (torch.eye(2) + eta * turn * torch.tensor([[1.0], [0.0]])) @ (
            torch.eye(2) + eta * turn * torch.tensor([[0.0], [1.0]])
        )
    path = play(sigma, at_once, eta, steps=50, start=(1e-4, 5e-5))
    want = torch.linalg.matrix_power(step, 50) @ torch.tensor([1e-4, 5e-5], dtype=torch.float64)
    assert torch.allclose(path[-1].double(), want, atol=2e-8)


def test_the_best_d_beats_others_and_its_value_is_the_divergence():
    grid = {"x": (x := torch.linspace(-6, 6, 1201, dtype=torch.float64)), "dx": x[1] - x[0]}
    score, jsd = defined("score", **grid), defined("jsd", **grid)
    normal = torch.distributions.Normal
    for seed in range(5):
        g = torch.Generator().manual_seed(seed)
        m, s = 2 * torch.randn(2, generator=g).double(), 0.4 + torch.rand(2, generator=g).double()
        p, q = (normal(m[i], s[i]).log_prob(grid["x"]).exp() + 1e-12 for i in (0, 1))
        p, q = p / (p.sum() * grid["dx"]), q / (q.sum() * grid["dx"])
        best = score(p.log() - q.log(), p, q)
        assert best == pytest.approx(2 * jsd(p, q) - 2 * math.log(2), abs=1e-6)
        assert all(best > score(p.log() - q.log() + 0.3 * torch.sin(k * grid["x"]), p, q) for k in (1, 2, 3))


def test_the_grey_margin_counts_what_is_lit_outside():
    grey_margin = defined("grey_margin")
    images = torch.full((2, 1, 28, 28), -1.0)
    images[:, :, 4:-4, 4:-4] = 1.0
    assert grey_margin(images) == 0
    images[0, 0, :4] = 0.0  # 4 of the 28 * 28 - 20 * 20 pixels' rows
    assert grey_margin(images) == pytest.approx(4 * 28 / (784 - 400) / 2)


def test_mlp_is_fully_connected_and_makes_digits_sized_images():
    spec = LatentSpec(Noise(62), [])
    gan = InfoGAN("mlp", spec)
    weighted = [m for m in gan.modules() if hasattr(m, "weight")]
    assert {type(m) for m in weighted} == {nn.Linear, nn.BatchNorm1d} and gan.q_head is None
    images = gan.generate(spec.sample(5, torch.Generator().manual_seed(0)))
    assert images.shape == (5, 1, 28, 28) and images.abs().max() <= 1
    assert gan.score(images).shape == (5,)


def test_shuffled_pixels_are_the_same_task_for_mlp():
    """Notebook 01, section 7: with D's first and G's last layer shuffled alike, the whole training is shuffled."""
    shuffle = torch.randperm(784, generator=torch.Generator().manual_seed(0))
    few = data.mnist("tune").images[:200]
    mixed = few.flatten(2)[:, :, shuffle].view_as(few)
    recipe, models = Recipe(steps=3, batch=32, lr_g=1e-3, lr_d=1e-3), []
    for images in (few, mixed):
        gan = InfoGAN("mlp", LatentSpec(Noise(8), []))
        run = Training(gan, Images(images, None, "few"), recipe, seed=1, device="cpu")
        if images is mixed:
            last = next(m for m in reversed(list(gan.generator)) if isinstance(m, nn.Linear))
            first = next(m for m in gan.trunk if isinstance(m, nn.Linear))
            with torch.no_grad():
                last.weight.copy_(last.weight[shuffle])
                first.weight.copy_(first.weight[:, shuffle])
        models.append([(float(r.loss_d), float(r.loss_g)) for r in run])
    assert torch.allclose(torch.tensor(models[0]), torch.tensor(models[1]), atol=1e-4)
