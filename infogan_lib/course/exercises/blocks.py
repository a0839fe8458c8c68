"""What judges are built from. Each block returns nothing if all is well, and raises `Wrong` with what it saw."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from infogan_lib.course.exercises.checker import NotYet, Wrong

Faults = Iterable[tuple[Any, str]]


def number(answer: Any) -> float:
    """The answer as a finite float; numbers, numpy scalars and one-element tensors will do."""
    if isinstance(answer, bool) or not hasattr(answer, "__float__"):
        raise Wrong(f"A number is expected here, such as 0.5; this is a {type(answer).__name__}: `{str(answer)[:80]}`.")
    if math.prod(getattr(answer, "shape", ())) != 1:
        raise Wrong(f"One number is expected here; this has shape {tuple(answer.shape)}.")
    if not math.isfinite(value := float(answer)):
        raise Wrong(f"A finite number is expected here; this is {value}.")
    return value


def no_fault(guess: float, faults: Mapping[float, str], tol: float) -> None:
    """`guess` must not be what a typical mistake gives: `faults` holds for each such value what to say of it."""
    for value, message in faults.items():
        if abs(guess - value) < tol:
            raise Wrong(message)


def choice(answer: Any, options: Mapping[str, str]) -> str:
    """The chosen option, for questions; `options` holds for each what to say if it is wrong ('' if right)."""
    if str(answer) not in options:
        raise Wrong(f"Choose one of {', '.join(map(repr, options))}; this is {str(answer)[:80]!r}.")
    if options[str(answer)]:
        raise Wrong(options[str(answer)])
    return str(answer)


def compare(
    got: Any, want: Any, faults: Faults = (), *, what: str = "The result", n: int | None = None, tol: float = 1e-4
) -> None:
    """`got` must equal `want` in type, shape and value, to `tol` of the largest value.

    `faults` yields what typical mistakes would give, each with what to say of it: (result, message). A generator
    is asked only when it is needed. After those, a wrong sign, a factor 2, bits for nats, a sum for a mean over
    `n` samples or the reverse, and a constant left out are looked for.
    """
    want = torch.as_tensor(want).detach().double()
    if isinstance(got, str) or not (isinstance(got, Tensor) or hasattr(got, "__float__") or hasattr(got, "__array__")):
        kind = "number" if want.ndim == 0 else "tensor"
        raise Wrong(f"{what} is a {type(got).__name__}; a {kind} is expected.")
    whole = isinstance(got, Tensor) and not got.is_floating_point()
    if isinstance(got, Tensor) and got.is_complex():
        raise Wrong(f"{what} has complex dtype {got.dtype}; real numbers are expected.")
    got = torch.as_tensor(got).detach().cpu().double()
    if got.shape == want.shape and _close(got, want, tol):
        return
    for mistake, message in faults:
        same = torch.as_tensor(mistake).detach().double()
        if same.shape == got.shape and _close(got, same, tol):
            raise Wrong(message)
    if got.shape != want.shape:
        advice = ""
        if want.ndim == 0 and n is not None and got.shape[:1] == (n,):
            advice = f" There is still one value for each of the {n} samples: take their mean."
        elif want.ndim >= 2 and got.shape == want.mT.shape:
            advice = " It looks transposed."
        raise Wrong(f"{what} has shape {tuple(got.shape)}; {tuple(want.shape)} is expected.{advice}")
    if not got.isfinite().all():
        raise Wrong(f"{what} has a value that is NaN or infinite. Look for log 0, 0 / 0 or an overflow.")
    if whole and not _close(want, want.round(), tol):
        raise Wrong(f"{what} holds whole numbers; real ones are expected. Was something rounded, or cut off by `//`?")
    for factor, message in _factors(n):
        if _close(got, factor * want, tol) and want.abs().max() > tol:
            raise Wrong(f"{what} {message}")
    difference = got - want
    if want.numel() > 2 and _close(difference, difference.mean().expand_as(want), tol):
        raise Wrong(
            f"{what} is off by the same {difference.mean():.4g} everywhere. Is a constant left out, or one too many?"
        )
    worst = int(difference.abs().argmax())
    raise Wrong(f"{what} is {float(got.flatten()[worst]):.4g} where {float(want.flatten()[worst]):.4g} is expected.")


def _close(a: Tensor, b: Tensor, tol: float) -> bool:
    return a.numel() == 0 or bool((a - b).abs().max() <= tol * b.abs().max() + 1e-6)


def _factors(n: int | None) -> Iterable[tuple[float, str]]:
    yield -1, "is the negative of what is expected. Look for a sign."
    yield 2, "is twice what is expected."
    yield 0.5, "is half of what is expected."
    yield 1 / math.log(2), "is in bits. Use the natural logarithm: nats are expected."
    if n is not None and n > 1:
        yield n, f"is {n} times what is expected: you added over the {n} samples where the mean is asked for."
        yield 1 / n, f"is {n} times too small: you took a mean over the {n} samples where none is asked for."


def gradient(got: Any, want: Tensor, inputs: Tensor, *, to: str = "the input") -> None:
    """The gradient of the scalar `got` with respect to `inputs` must exist and equal that of `want`."""
    if not isinstance(got, Tensor):
        raise Wrong(
            f"The value is right, but it is a {type(got).__name__}, which carries no gradient to {to}. "
            "Return the tensor itself, without `.item()` or `float()`."
        )
    (expected,) = torch.autograd.grad(want, inputs, retain_graph=True)
    found = torch.autograd.grad(got, inputs, retain_graph=True, allow_unused=True)[0] if got.requires_grad else None
    if found is None or not found.any():
        raise Wrong(
            f"The value is right, but no gradient flows from it to {to}. `torch.tensor(...)`, `.item()`, `.detach()` "
            "and `torch.no_grad()` cut the graph: a loss rebuilt from numbers teaches nothing. Add up tensors."
        )
    compare(found, expected, what=f"The value is right, but its gradient with respect to {to}", tol=1e-3)


def moments(draws: Any, mean: float, stddev: float, *, what: str = "Your sampler", sigmas: float = 5) -> None:
    """Draws, (N,) or (N, ...), must have this mean and standard deviation within `sigmas` standard errors."""
    x = torch.as_tensor(draws).detach().double().flatten()
    n = len(x)
    if n < 100:
        raise Wrong(f"{what} gave {n} numbers; more are needed to judge it. Does it return as many as it is asked for?")
    if not x.isfinite().all():
        raise Wrong(f"{what} gave a value that is NaN or infinite.")
    m, s = float(x.mean()), float(x.std())
    if stddev > 0 and s == 0:
        raise Wrong(f"{what} gave the same number, {m:.4g}, {n} times. Is it drawn once and copied?")
    if abs(m - mean) > sigmas * stddev / math.sqrt(n) + 1e-9:
        raise Wrong(
            f"{what} has mean {m:.3f} over {n} draws; {mean:.3f} is expected. (Its standard deviation is {s:.3f}; "
            f"{stddev:.3f} is expected.)"
        )
    # The kurtosis of the draws says how far a standard deviation may stray by chance.
    spread = s * math.sqrt(max(float(((x - m) ** 4).mean()) / s**4 - 1, 0.1) / (4 * n)) if s else 0.0
    if abs(s - stddev) > sigmas * spread + 1e-9:
        squared = abs(s - stddev**2) <= sigmas * spread
        advice = " Was the variance given where the standard deviation belongs?" if squared else ""
        raise Wrong(f"{what} has the right mean, but standard deviation {s:.3f}; {stddev:.3f} is expected.{advice}")


def attempted(value: Any) -> Any:
    """The value, for results of a learner's classes and methods that no guard stands around; NotYet for a stub's."""
    if value is None or value is ...:
        raise NotYet
    return value
