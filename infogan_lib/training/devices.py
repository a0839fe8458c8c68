"""Where a run computes and how exactly: the device, its precision, compiled parts; and a Ctrl-C that waits for a step.

The words of `Recipe.precision`, from exact to fast:

    float32    float32 throughout, on every device
    tf32       float32, but a CUDA card rounds what it multiplies to 10 bits of mantissa; elsewhere the same as float32
    bfloat16   autocast: products in bfloat16, weights and losses in float32
    float16    autocast with a scaled loss (`scaler`): for CUDA cards older than bfloat16; a CPU does it, slowly
"""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn


def pick_device(name: str = "auto") -> torch.device:
    """`auto`: cuda, else mps, else cpu. Under torchrun "cuda" is this process's own card, cuda:LOCAL_RANK.

    Raises ValueError for a device this machine does not have, or a card too few for its processes.
    """
    several = int(os.environ.get("LOCAL_WORLD_SIZE", 1)) > 1
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available() and not several, "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in have.items() if there)
    if not have.get(name.split(":")[0], False):
        raise ValueError(f"device {name!r} is not available here; use 'auto' or 'cpu'")
    if name == "cuda" and several:
        card, cards = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if card >= cards:
            raise ValueError(f"every process needs a CUDA card of its own: with {cards} here, start at most {cards}")
        return torch.device("cuda", card)
    return torch.device(name)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context of a forward pass; it does nothing in float32 and tf32."""
    low = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, low, enabled=precision in ("bfloat16", "float16"))


def scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """Keeps float16's small gradients from vanishing, and skips a step where they overflowed; else it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=precision == "float16")


@contextmanager
def step(device: torch.device, precision: str, compiled: bool) -> Iterator[None]:
    """Around one training step. CUDA multiplies in TF32 if the precision says so, and else in full float32.

    torch's own default is neither: convolutions in TF32, matrix products not. It is put back afterwards.
    """
    if device.type != "cuda":
        yield
        return
    if compiled:
        torch.compiler.cudagraph_mark_step_begin()  # what the last step's graphs hold may be overwritten now
    matmul, cudnn = torch.backends.cuda.matmul, cast(Any, torch.backends.cudnn)
    # torch 2.9 has a second set of switches. Where somebody has touched those, reading the first is an error there.
    second = [matmul, cudnn.conv, cudnn.rnn] if hasattr(matmul, "fp32_precision") else []
    before = [switch.fp32_precision for switch in second]
    try:
        first = matmul.allow_tf32, cudnn.allow_tf32
    except RuntimeError:
        first = None
    if first is not None:
        matmul.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
    for switch in second:
        switch.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        if first is not None:
            matmul.allow_tf32, cudnn.allow_tf32 = first
        for switch, value in zip(second, before):
            switch.fp32_precision = value


def adam(groups: Iterable[dict[str, object]], betas: tuple[float, float], device: torch.device) -> torch.optim.Adam:
    """Adam in one pass over the weights on CUDA and CPU; on CUDA it also reads the scaler's verdict without a wait."""
    return torch.optim.Adam(groups, betas=betas, **{"foreach" if device.type == "mps" else "fused": True})


def compile_parts(parts: Iterable[nn.Module | None], device: torch.device) -> None:
    """`torch.compile` each part in place; on CUDA its kernels are replayed as one CUDA graph."""
    for part in parts:
        if part is not None:
            part.compile(mode="reduce-overhead" if device.type == "cuda" else None)


@contextmanager
def finish_first() -> Iterator[list[int]]:
    """Ctrl-C waits for the end of the block, so that what is saved is whole; a second one does not wait.

    Yields a list that is non-empty once Ctrl-C was pressed. Outside the main thread it does nothing.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def note(number: int, _: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
