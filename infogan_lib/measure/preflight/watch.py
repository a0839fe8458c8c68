"""What the user's code does with its tensors, seen from outside: losses called, softmaxes, backward passes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

# What takes logits and makes probabilities of them, or their logarithm.
SOFTMAXES = {"softmax", "log_softmax", "logsumexp", "cross_entropy"}
SIGMOIDS = {"sigmoid", "logsigmoid", "binary_cross_entropy_with_logits"}
PAIRS = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss"}
WATCHED = SOFTMAXES | SIGMOIDS | PAIRS | {"nll_loss", "batch_norm", "native_batch_norm"}
DROPOUTS = {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout}
# Steps of a graph that only rearrange: what comes in is what goes out.
SAME = tuple(
    [
        "View",
        "Reshape",
        "Unsafe",
        "Squeeze",
        "Unsqueeze",
        "Slice",
        "Select",
        "Index",
        "Permute",
        "Transpose",
        "T0",
        "Alias",
        "Clone",
        "Split",
        "Narrow",
        "Expand",
        "ToCopy",
        "Unflatten",
        "Gather",
        "CopySlices",
        "Cat",
    ]
)


@dataclass(frozen=True)
class Call:
    """One call that was watched: in whose code, of which function, on what."""

    where: str
    function: str
    first: Tensor
    second: Tensor | None
    options: dict[str, Any]


class Watch(TorchFunctionMode):
    """Records calls while `during` names whose code runs. `on_backward` is asked before a backward pass."""

    def __init__(self, see: Callable[..., None]) -> None:
        super().__init__()
        self.see, self.where, self.calls, self.stopped = see, "", list[Call](), ""
        self.on_backward: Callable[[Tensor], None] | None = None
        self.still = False  # no dropout: the same images must be seen alike twice

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if isinstance(kwargs.get("generator"), torch.Generator):
            self.see(kwargs["generator"])
        name = getattr(func, "__name__", "")
        if self.where and name in WATCHED:
            self._note(name, args, kwargs)
        if self.still and func in DROPOUTS:
            return args[0] if args else kwargs["input"]
        if name == "backward" and self.on_backward is not None and args and isinstance(args[0], Tensor):
            self.on_backward(args[0])
            kwargs = {**kwargs, "retain_graph": True}
            args = args[:2]
        return func(*args, **kwargs)

    def _note(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = [*args, *(kwargs[k] for k in ("input", "target") if k in kwargs)]
        tensors = [one for one in given if isinstance(one, Tensor)]
        if "batch_norm" in name:
            self.see(*(one for one in tensors[1:3] if one.is_leaf))
        if tensors:
            second = tensors[1] if len(tensors) > 1 else None
            self.calls.append(Call(self.where, name, tensors[0], second, kwargs))

    @contextmanager
    def during(self, where: str) -> Iterator[list[Call]]:
        """The calls of this block, as a list that fills."""
        before, start, self.where = self.where, len(self.calls), where
        calls: list[Call] = []
        try:
            yield calls
        except Exception:
            self.stopped = where
            raise
        finally:
            self.where = before
            calls += self.calls[start:]


def origin(tensor: Tensor) -> str:
    """The last step of the graph that did more than rearrange, such as "Tanh"; "" where there is none."""
    node = tensor.grad_fn
    while node is not None:
        name = type(node).__name__.replace("Backward", "")
        if not name.startswith(SAME):
            return name.rstrip("0123456789")
        node = next((inner for inner, _ in node.next_functions if inner is not None), None)
    return ""


def leaves(*tensors: Tensor) -> list[Tensor]:
    """The weights that these tensors were computed from: all that a backward pass would give a gradient."""
    found: dict[int, Tensor] = {}
    nodes, seen = [t.grad_fn for t in tensors if t.grad_fn is not None], set()
    for one in tensors:
        if one.grad_fn is None and one.requires_grad:
            found[id(one)] = one
    while nodes:
        node = nodes.pop()
        if node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found[id(node.variable)] = node.variable
        nodes += [inner for inner, _ in node.next_functions if inner is not None]
    return list(found.values())


def probabilities(tensor: Tensor) -> bool:
    """Are the rows of this tensor already probabilities: at least two numbers, none below 0, that sum to 1?"""
    if not tensor.is_floating_point() or tensor.dim() < 2 or tensor.shape[1] < 2 or tensor.numel() == 0:
        return False
    value = tensor.detach()
    return bool(value.min() >= 0) and any(
        tensor.shape[d] > 1 and bool(((value.sum(d) - 1).abs() < 1e-3).all()) for d in {1, tensor.dim() - 1}
    )
