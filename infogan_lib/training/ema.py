"""The running average of a model's weights, kept beside the model: steadier than the weights of any one step.

By hand, since torch's `AveragedModel` moves its counter to the device at every update, and so waits for a GPU.
"""

import copy

import torch

from infogan_lib.core.model import InfoGAN


def running_average(model: InfoGAN) -> InfoGAN:
    """A copy of `model` in eval mode and without gradients, for `update` to move."""
    return copy.deepcopy(model).eval().requires_grad_(False)


@torch.no_grad()
def update(averaged: InfoGAN, model: InfoGAN, decay: float, step: int) -> None:
    """average <- d * average + (1 - d) * model: weights and the statistics of norms; counters are copied.

    d is `decay`, but step / (step + 10) early on: else the average would remember the random first weights for long.
    """
    held, live = averaged.state_dict(), model.state_dict()
    floats = [name for name, tensor in live.items() if tensor.is_floating_point()]
    weight = 1 - min(decay, step / (step + 10))
    torch._foreach_lerp_([held[name] for name in floats], [live[name] for name in floats], weight)
    for name in live.keys() - set(floats):
        held[name].copy_(live[name])
