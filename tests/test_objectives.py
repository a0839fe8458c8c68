import pytest
import torch
import torch.nn.functional as F

from infogan_lib import objectives

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
