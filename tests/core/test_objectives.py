import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Normal

from infogan_lib import Categorical, LatentSpec, Noise, Uniform
from infogan_lib.core import objectives
from infogan_lib.core.objectives import dependence, real_image_loss

LOGITS = torch.linspace(-8, 8, 33, dtype=torch.float64)


def test_d_loss_is_binary_cross_entropy_with_labels_one_and_zero():
    real, fake = LOGITS, LOGITS.flip(0) / 2
    expected = F.binary_cross_entropy_with_logits(real, torch.ones_like(real)) + F.binary_cross_entropy_with_logits(
        fake, torch.zeros_like(fake)
    )
    for name in ("minimax", "non_saturating"):
        assert torch.allclose(objectives.get(name).d_loss(real, fake), expected)


def test_g_losses():
    d = torch.sigmoid(LOGITS)
    assert torch.allclose(objectives.get("minimax").g_loss(LOGITS), (1 - d).log().mean())
    assert torch.allclose(objectives.get("non_saturating").g_loss(LOGITS), -d.log().mean())
    assert torch.allclose(objectives.get("hinge").g_loss(LOGITS), -LOGITS.mean())
    assert torch.allclose(objectives.get("least_squares").g_loss(LOGITS), (LOGITS - 1).square().mean() / 2)


def test_hinge_and_least_squares_d_loss_by_hand():
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([-3.0, 1.0])
    assert objectives.get("hinge").d_loss(real, fake).item() == pytest.approx((0 + 1) / 2 + (0 + 2) / 2)
    assert objectives.get("least_squares").d_loss(real, fake).item() == pytest.approx(((1 + 1) / 2 + (9 + 1) / 2) / 2)


@pytest.mark.parametrize(("name", "slope"), [("minimax", -0.0025), ("non_saturating", -0.9975)])
def test_where_d_is_sure_the_minimax_gradient_is_gone(name, slope):
    logit = torch.tensor([-6.0], requires_grad=True)
    objectives.get(name).g_loss(logit).backward()
    assert logit.grad.item() == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_every_objective_pulls_d_apart_and_g_towards_real(name):
    objective = objectives.get(name)
    logits = torch.zeros(3, requires_grad=True)
    objective.d_loss(logits, torch.zeros(3)).backward()
    assert (logits.grad < 0).all()  # descending raises D on real
    fake = torch.zeros(3, requires_grad=True)
    objective.d_loss(torch.zeros(3), fake).backward()
    assert (fake.grad > 0).all() or name == "least_squares"  # 0 is least squares' target for fakes
    fake = torch.zeros(3, requires_grad=True)
    objective.g_loss(fake).backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("name", objectives.OBJECTIVES)
def test_huge_logits_stay_finite(name):
    objective, huge = objectives.get(name), torch.tensor([1e4, -1e4])
    assert torch.isfinite(objective.d_loss(huge, huge.flip(0))) and torch.isfinite(objective.g_loss(huge))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="non_saturating"):
        objectives.get("wasserstein")


DIGIT = LatentSpec(Noise(1), [Categorical("digit", 10)])


def loss(original, copy, certainty=0.1):
    return real_image_loss(DIGIT, posterior(original), posterior(copy), certainty)["digit"]


def posterior(logits):
    return {"digit": TorchCategorical(logits=logits)}


def test_real_image_loss_is_lowest_for_sure_balanced_and_consistent_answers():
    each = 30 * torch.eye(10)
    one = torch.zeros(10, 10)
    one[:, 0] = 30
    ideal = loss(each, each).item()
    assert ideal == pytest.approx(-math.log(10), abs=1e-4)
    assert loss(one, one).item() == pytest.approx(0, abs=1e-4)
    unsure = torch.zeros(10, 10)
    assert loss(unsure, unsure).item() == pytest.approx(0.1 * math.log(10), abs=1e-4)
    assert loss(each, each.roll(1, 0)).item() > 10


def test_real_image_loss_does_not_let_the_copy_teach_the_original():
    original, copy = torch.randn(6, 10, requires_grad=True), torch.randn(6, 10, requires_grad=True)
    loss(original, copy, certainty=0.0).backward()
    # With certainty 0 only the balance reaches the original; the agreement term reaches the copy alone.
    p = torch.softmax(original.detach(), 1).requires_grad_()
    balance_only = torch.autograd.grad(-torch.special.entr(p.mean(0)).sum(), p)[0]
    chained = p.detach() * (balance_only - (p.detach() * balance_only).sum(1, keepdim=True))
    assert torch.allclose(original.grad, chained, atol=1e-6)
    assert copy.grad.abs().sum() > 0


MIXED = LatentSpec(Noise(1), [Uniform("c1"), Uniform("c2"), Categorical("k2", 2), Categorical("k3", 3)])


def read(c1, c2, k2, k3):
    """Answers of a Q that is sure of everything."""
    one = torch.ones_like(c1)
    sure = {"k2": 30 * F.one_hot(k2, 2).float(), "k3": 30 * F.one_hot(k3, 3).float()}
    return {"c1": Normal(c1, one), "c2": Normal(c2, one)} | {k: TorchCategorical(logits=v) for k, v in sure.items()}


def independent(n=4000):
    g = torch.Generator().manual_seed(0)
    c1, c2 = 2 * torch.rand(2, n, generator=g) - 1
    return c1, c2, torch.randint(2, (n,), generator=g), torch.randint(3, (n,), generator=g)


def test_independent_answers_are_apart_and_any_that_go_together_are_not():
    c1, c2, k2, k3 = independent()
    apart = dependence(MIXED, read(c1, c2, k2, k3)).item()
    assert apart < 0.02
    for together in (read(c1, -c1, k2, k3), read(c1, c1.square(), k2, k3), read(c1, c2, (c1 > 0).long(), k3),
                     read(c1, c2, (k3 > 0).long(), k3)):  # fmt: skip
        assert dependence(MIXED, together).item() > 0.3


def test_the_dependence_is_numpys_correlations_squared():
    c1, c2 = (torch.randn(500, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    c2 = c2 + c1
    two = LatentSpec(Noise(1), [Uniform("c1"), Uniform("c2")])
    numbers = [(c1, c1**2), (c2, c2**2)]
    expected = sum(np.corrcoef(a, b)[0, 1] ** 2 for a in numbers[0] for b in numbers[1])
    found = dependence(two, {k: v for k, v in read(c1, c2, (c1 > 0).long(), (c1 > 0).long()).items() if k in two.names})
    assert found.item() == pytest.approx(expected, rel=0.15)  # 0.05 is added to each standard deviation


def test_a_single_code_goes_together_with_nothing():
    assert dependence(DIGIT, posterior(torch.randn(6, 10))).item() == 0
    c1 = independent()[0]
    assert dependence(MIXED, {"c1": Normal(c1, 1.0)}).item() == 0
