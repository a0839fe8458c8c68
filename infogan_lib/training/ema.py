"""The running average of a model's weights, kept beside the model: steadier than the weights of any one step."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def running_average(model: nn.Module) -> AveragedModel:
    """A copy of `model`, its `.module`, in eval mode and without gradients, for `update` to move."""
    averaged = AveragedModel(model, use_buffers=True)
    averaged.n_averaged += 1  # the copy counts as the first model; else the first update would copy another
    averaged.module.eval().requires_grad_(False)
    return averaged


def update(averaged: AveragedModel, model: nn.Module, decay: float, step: int) -> None:
    """average <- d * average + (1 - d) * model: weights and the statistics of norms; counters are copied.

    d is `decay`, but step / (step + 10) early on: else the average would remember the random first weights for long.
    """
    averaged.multi_avg_fn = partial(_follow, min(decay, step / (step + 10)))
    averaged.update_parameters(model)


def _follow(decay: float, averaged: Tensors, live: Tensors, _: object) -> None:
    if averaged[0].is_floating_point():
        torch._foreach_lerp_(averaged, live, 1 - decay)
    else:
        torch._foreach_copy_(averaged, live)
