"""The running average of weights."""

import weakref

import tiny
import torch

from infogan_lib import Training
from infogan_lib.training.ema import running_average, update


def test_it_is_an_exponential_average_of_weights_and_statistics():
    model = tiny.build()
    average = running_average(model)
    weight, norm = model.generator[0].weight, model.generator[1]
    first, first_mean = weight.detach().clone(), norm.running_mean.clone()
    with torch.no_grad():
        weight.add_(1.0)
        norm.running_mean.add_(2.0)
        norm.num_batches_tracked.add_(3)
    update(average, model, 0.75, step=1000)
    assert torch.allclose(average.generator[0].weight, first + 0.25)
    assert torch.allclose(average.generator[1].running_mean, first_mean + 0.5)
    assert average.generator[1].num_batches_tracked == 3


def test_a_run_keeps_it_beside_the_model_in_eval_mode(bars):
    run = Training(tiny.build(), bars, tiny.RECIPE, seed=0)
    first = run.model.generator[0].weight.detach().clone()
    next(run)
    decay = 1 / 11  # early on, the average follows closely
    expected = decay * first + (1 - decay) * run.model.generator[0].weight
    assert torch.allclose(run.averaged.generator[0].weight, expected, atol=1e-7)
    assert run.model.training and not run.averaged.training
    assert not any(p.requires_grad for p in run.averaged.parameters())
    assert not any(name.startswith("average") for name in run.model.state_dict())


def test_a_run_that_is_let_go_is_gone_at_once(bars):
    """No circle of references: what a run has open would otherwise stay open until Python looks for circles."""
    run = Training(tiny.build(), bars, tiny.RECIPE, seed=0)
    next(run)
    gone = weakref.ref(run)
    del run
    assert gone() is None
