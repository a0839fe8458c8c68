"""One training by several processes: `torchrun --nproc-per-node N -m infogan_lib train ...`, one machine.

Every process draws the same batch from the same seed and works on its share of it. Each loss is a mean
over samples, so the mean of the N gradients is the gradient of the whole batch: one exchange after each
backward pass, and all processes take the same step. This is what DistributedDataParallel does; here the
two players share one forward pass of G and take turns being frozen, and a plain exchange fits that more
simply than wrapped modules. (`tests/training/test_distributed.py` holds its gradients equal to those of
DistributedDataParallel.)

What depends on the batch as a whole, and not on its samples one by one:

    batch norm               on CUDA over all processes (SyncBatchNorm); on a CPU, where that does not run, each
                             process has its own statistics, and the first one's are saved
    recipe.real_weight > 0   the entropy of the mean answer (`objectives.real_image_loss`): over each share
    recipe.real_apart > 0    the correlations of answers (`objectives.dependence`): over each share
    a view of a code         each process draws the views of its share with the same random numbers

With any, N processes train a little differently from one; without, the same up to rounding.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from infogan_lib.data import files
from infogan_lib.training.checkpoint import RunFolder

PATIENCE = 5  # seconds that another process's error waits for the first one's


@dataclass(frozen=True)
class Processes:
    """This process's place: number `rank` of `size`. With a size of 1 every method leaves things as they are."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Processes:
        """What `joined` has joined; one process outside it."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """This process's rows of a batch. Raises ValueError unless all get as many, and at least two (batch norm)."""
        rows, rest = divmod(batch, self.size)
        if rest or (rows < 2 and self.size > 1):
            raise ValueError(
                f"a batch of {batch} does not divide into {self.size} equal shares of at least 2; "
                f"set batch to a multiple of {self.size} (--set batch={max(2, rows + bool(rest)) * self.size})"
            )
        return slice(self.rank * rows, (self.rank + 1) * rows)

    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Each tensor becomes its mean over the processes, in place, in one exchange."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.flatten() for t in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors])):
            tensor.copy_(mean.view_as(tensor))

    def mean_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """After `backward`: from the gradients of each share to that of the whole batch."""
        self.mean_([p.grad for p in parameters if p.grad is not None])

    def any(self, flag: bool) -> bool:
        """Whether it is true in any of them."""
        if self.size == 1:
            return flag
        votes = torch.tensor(int(flag))
        dist.all_reduce(votes, op=dist.ReduceOp.MAX)
        return bool(votes)

    def prepare(self, model: nn.Module, device: torch.device) -> None:
        """The first process's weights for all, and batch norm over all of them where that runs: on CUDA."""
        if self.size == 1:
            return
        if device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(model)
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)

    def folder(self, path: str | Path) -> RunFolder:
        """The run's folder, which the first process alone locks and writes."""
        return RunFolder(path) if self.first else Onlooker(path)


class Onlooker(RunFolder):
    """A run's folder for the processes that only read it."""

    closed = False

    def __init__(self, path: str | Path) -> None:
        self.path = files.expand(path)

    def _nothing(self, *_: Any) -> None: ...

    begin = describe = save = append = trim = close = _nothing  # type: ignore[assignment]


def let_the_first_speak() -> None:
    """Called by a process that ends with an error: all but the first wait, so that one message is printed, not N.

    torchrun stops the waiting ones once the first has ended. One that met an error of its own prints it after the wait.
    """
    if int(os.environ.get("RANK", 0)) > 0:
        time.sleep(PATIENCE)


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that torchrun started, for as long as the block lasts; alone without torchrun.

    A process that dies ends the others: torchrun stops them and returns a status that is not 0.
    """
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield Processes()
        return
    # "auto" as on one process: tensors on a card travel by NCCL, those on the CPU by gloo.
    cuda = torch.cuda.is_available() and dist.is_nccl_available()
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    # torch imports this module during training if nobody did before, and its default arguments then keep the process
    # group alive: gloo's threads outlive the group and now and then abort the process as it ends. So import it first.
    importlib.import_module("torch.distributed.nn.functional")
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    try:
        yield Processes.current()
    finally:
        dist.destroy_process_group()
