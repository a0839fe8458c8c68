"""The running average of a model's weights, kept beside the model: steadier than the weights of any one step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def running_average(model: nn.Module, decay: Callable[[], float]) -> AveragedModel:
    """A copy of `model` in eval mode, its `.module`, which `update_parameters(model)` moves towards the model:

        average <- decay() * average + (1 - decay()) * model

    for weights and the statistics of norms; counters are copied.
    """

    def follow(average: Tensors, live: Tensors, _: object) -> None:
        if average[0].is_floating_point():
            torch._foreach_lerp_(average, live, 1 - decay())
        else:
            torch._foreach_copy_(average, live)

    averaged = AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
    averaged.n_averaged += 1  # the copy counts as the first model; else the first update would copy another
    averaged.module.eval().requires_grad_(False)
    return averaged
