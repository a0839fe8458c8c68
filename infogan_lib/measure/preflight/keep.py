"""Whatever preflight touches is put back: weights, gradients, buffers, modes, optimisers and random states.

`reachable` finds what a function can touch, by type and never by name. What is first seen while the user's code runs,
a module's call or an optimiser's step, is written down just before.
"""

import copy
import functools
import random
import sys
import types
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.optim import optimizer as steps

PLAIN = (bool, int, float, str, type(None))
DEPTH = 5


def reachable(*starts: Any) -> list[Any]:
    """All that these objects hold or refer to, five links deep: closures, globals they name, attributes, containers."""
    found: dict[int, Any] = {}
    queue = [(one, 0) for one in starts]
    while queue:
        one, depth = queue.pop(0)
        if one is None or isinstance(one, (*PLAIN, types.ModuleType, type)) or id(one) in found:
            continue
        found[id(one)] = one
        if depth < DEPTH and len(found) < 20_000:
            queue += [(inner, depth + 1) for inner in _held(one)]
    return list(found.values())


def _held(one: Any) -> Iterator[Any]:
    if isinstance(one, (Tensor, torch.Generator)):
        return
    if isinstance(one, (list, tuple, set)):
        yield from list(one)[:1000]
    elif isinstance(one, dict):
        yield from list(one.values())[:1000]
    elif isinstance(one, functools.partial):
        yield from (one.func, one.args, one.keywords)
    elif isinstance(one, types.MethodType):
        yield from (one.__self__, one.__func__)
    elif isinstance(one, types.FunctionType):
        for cell in one.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # a cell that is not filled yet
                continue
        yield from one.__defaults__ or ()
        if not one.__module__.startswith(("torch.", "numpy.")):
            codes = [one.__code__]
            for code in codes:  # functions and comprehensions written inside it, too
                codes += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
                yield from (one.__globals__[name] for name in code.co_names if name in one.__globals__)
    elif hasattr(one, "__dict__"):
        yield from list(vars(one).values())
        if not type(one).__module__.startswith(("torch.", "numpy.", "builtins")):
            yield from (f for f in vars(type(one)).values() if isinstance(f, types.FunctionType))


class Keeper:
    """A context: on leaving it, all that was seen is as it was on entering. `see` writes an object down."""

    def __init__(self, *starts: Any) -> None:
        self.seen: dict[int, Any] = {}
        self.tensors: dict[int, tuple[Tensor, Tensor, bool, Tensor | None, Tensor | None]] = {}
        self.modules: list[tuple[nn.Module, bool, dict[str, Any], dict[str, Any]]] = []
        self.optimisers: list[tuple[torch.optim.Optimizer, dict[str, Any]]] = []
        self.schedules: list[tuple[Any, dict[str, Any]]] = []
        self.plain: list[tuple[Any, dict[str, Any]]] = []
        self.generators: list[tuple[torch.Generator, Tensor]] = []
        self.numpy_generators: list[tuple[Any, Any]] = []
        self.frozen = False
        self.starts = starts

    def __enter__(self) -> "Keeper":
        numpy = sys.modules.get("numpy")
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
        self.random = (random.getstate(), numpy.random.get_state() if numpy else None, torch.get_rng_state(), cuda)
        # Of loose tensors only weights: a data set in a global is nobody's to change, and may be large.
        self.see(*(one for one in reachable(*self.starts) if not isinstance(one, Tensor) or one.requires_grad))
        for optimiser, _ in list(self.optimisers):
            self.see(*(weight for group in optimiser.param_groups for weight in group["params"]))
        self.handles = [
            hooks.register_module_forward_pre_hook(lambda module, _: self.see(module)),
            steps.register_optimizer_step_pre_hook(lambda optimiser, *_: self._before(optimiser)),
            steps.register_optimizer_step_post_hook(lambda optimiser, *_: self._after(optimiser)),
        ]
        return self

    def see(self, *objects: Any) -> None:
        for one in objects:
            if id(one) in self.seen:
                continue
            self.seen[id(one)] = one
            if isinstance(one, Tensor):
                self._see_tensor(one)
            elif isinstance(one, nn.Module):
                self.modules.append((one, one.training, dict(one._parameters), dict(one._buffers)))
                self.see(*(t for t in (*one._parameters.values(), *one._buffers.values()) if t is not None))
                self.plain.append((one, {k: v for k, v in vars(one).items() if type(v) in PLAIN}))
                self.see(*one._modules.values())
            elif isinstance(one, torch.optim.Optimizer):
                self.optimisers.append((one, copy.deepcopy(one.state_dict())))
                self.see(*(weight for group in one.param_groups for weight in group["params"]))
            elif isinstance(one, torch.Generator):
                self.generators.append((one, one.get_state()))
            elif hasattr(one, "bit_generator"):
                self.numpy_generators.append((one, copy.deepcopy(one.bit_generator.state)))
            elif isinstance(one, torch.optim.lr_scheduler.LRScheduler):
                self.schedules.append((one, copy.deepcopy({k: v for k, v in vars(one).items() if k != "optimizer"})))
            elif hasattr(one, "__dict__") and not callable(one):
                self.plain.append((one, {k: v for k, v in vars(one).items() if type(v) in PLAIN}))

    def _see_tensor(self, one: Tensor) -> None:
        if not one.is_leaf or one.is_inference():
            return
        gradient = one.grad
        kept = gradient.detach().clone() if gradient is not None else None
        self.tensors[id(one)] = (one, one.detach().clone(), one.requires_grad, gradient, kept)
        one.grad = None

    def _before(self, optimiser: torch.optim.Optimizer) -> None:
        self.see(optimiser)
        if self.frozen:
            self.rates = [group["lr"] for group in optimiser.param_groups]
            self.decays = [group.get("weight_decay", 0) for group in optimiser.param_groups]
            for group in optimiser.param_groups:
                group["lr"] = 0.0 * group["lr"]
                if "weight_decay" in group:
                    group["weight_decay"] = 0

    def _after(self, optimiser: torch.optim.Optimizer) -> None:
        if self.frozen:
            for group, rate, decay in zip(optimiser.param_groups, self.rates, self.decays):
                group["lr"] = rate
                if "weight_decay" in group:
                    group["weight_decay"] = decay

    def rewind(self, seed: int = 0) -> None:
        """The same random numbers again, for a second look at the same thing."""
        torch.manual_seed(seed)
        random.seed(seed)
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed(seed)
        for generator, state in self.generators:
            generator.set_state(state)
        for generator, state in self.numpy_generators:
            generator.bit_generator.state = copy.deepcopy(state)

    @torch.no_grad()
    def restore(self) -> None:
        """Everything seen as it was; may be called in between."""
        for module, training, weights, buffers in self.modules:
            module.training = training
            module._parameters.update(weights)
            module._buffers.update(buffers)
        for one, value, asks, gradient, kept in self.tensors.values():
            if not torch.equal(one, value):  # untouched, a graph that it stands in stays usable
                one.copy_(value)
            one.requires_grad_(asks)
            one.grad = gradient
            if gradient is not None and kept is not None:
                gradient.copy_(kept)
        for optimiser, state in self.optimisers:
            optimiser.load_state_dict(copy.deepcopy(state))
        for schedule, state in self.schedules:
            vars(schedule).update(copy.deepcopy(state))
        for one, values in self.plain:
            for name, value in values.items():
                if vars(one).get(name, value) is not value:
                    vars(one)[name] = value

    def again(self, seed: int = 1) -> None:
        """As before the first run: no gradients, the same random numbers, and dropout off, which would differ."""
        self.restore()
        for one, *_ in self.tensors.values():
            one.grad = None
        for module, *_ in self.modules:
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.training = False
        self.rewind(seed)

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()
        self.restore()
        self.rewind()
        numpy, cuda = sys.modules.get("numpy"), self.random[3]
        random.setstate(self.random[0])
        if numpy and self.random[1] is not None:
            numpy.random.set_state(self.random[1])
        torch.set_rng_state(self.random[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
