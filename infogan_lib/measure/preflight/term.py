"""Where the information term goes: the loss is asked twice, with the codes and with the codes of other images.

What the game asks of an image does not depend on the codes, so the difference of the two gradients is the term's own.
It is held against the gradient of -log q, as `read` says it: their ratio is lambda, and their angle tells the sign.
A loss that draws its own latents is asked the second time with the images exchanged instead, under the same codes.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from infogan_lib.measure.preflight.reading import shapes
from infogan_lib.measure.preflight.subject import Codes, Skip, Subject, rebuilt

NOTHING = 1e-3  # of what -log q would ask for


@dataclass
class Share:
    """What a loss has of one code. All are 0 where the loss knows nothing of it."""

    weight: float  # lambda: of -log q's gradient on the images
    cosine: float  # 1 where the loss pulls the images as -log q does, -1 where it pushes them away
    reach: float  # how much of the gradient that the code's -log q has on the images is there, 0 for none
    value: float  # change of the loss's value over that of -log q
    blind: bool = False  # -log q itself has no gradient on the images
    fitted: bool = False  # worked out with the other codes', and small ones only roughly


@dataclass
class Term:
    """One loss, looked at. The gradients are on the images of a batch."""

    shares: dict[str, Share]
    gradient: float  # norm of the whole loss's gradient on the images; 0 for none
    game: float  # of what remains without the codes
    info: float  # of the codes' part
    q_change: float  # of the gradient on Q's own weights, when codes are exchanged, over its norm with the right ones
    q_cosine: float  # with that of -log q; 0 for no gradient


def arguments(function: Callable[..., Any]) -> int:
    """How many arguments a function must have. Raises ValueError where nobody can say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise ValueError(f"{function!r} does not tell its arguments; wrap it in a lambda") from None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in kinds and one.default is one.empty for one in parameters)


def scalar(loss: Any, name: str) -> Tensor:
    """A loss as a scalar tensor. Raises ValueError for anything else."""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise ValueError(f"{name} returned {shapes(loss)}: return the one number that is minimised, as a tensor")
    return loss.reshape(())


def gradients(loss: Tensor, of: list[Tensor]) -> list[Tensor | None]:
    """The gradients of a scalar; None where it has none, or only zeros."""
    wanted = [one for one in of if one.requires_grad]
    if not loss.requires_grad or not wanted:
        return [None for _ in of]
    found = dict(zip(map(id, wanted), torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)))
    return [g if (g := found.get(id(one))) is not None and bool(g.abs().sum() > 0) else None for one in of]


def flat(parts: list[Tensor | None], like: list[Tensor]) -> Tensor:
    """Gradients as one vector in double precision, with zeros where there is none."""
    return torch.cat(
        [(torch.zeros_like(o) if p is None else p).detach().double().flatten() for p, o in zip(parts, like)]
    )


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()).clamp_min(1e-300))


def moved(codes: Codes, order: Tensor, names: list[str]) -> Codes:
    """The codes of other images, for the codes of these names."""
    return {name: value[order] if name in names else value for name, value in codes.items()}


def others(n: int) -> Tensor:
    """An order in which no one keeps its place."""
    return torch.arange(n).roll(max(1, n // 3))


def by_arguments(s: Subject, loss: Callable[[Tensor, Codes], Tensor], where: str) -> Term:
    """A loss of (fake, codes): one code after another is exchanged."""
    fake, own = s.fake.detach().clone().requires_grad_(), s.weights["own"]
    like = [fake, *own]

    def run(codes: Codes) -> tuple[float, Tensor, Tensor]:
        s.keep.again()
        with s.watch.during(where):
            value = loss(fake, codes)
        found = gradients(value, like)
        return float(value), flat(found[:1], [fake]), flat(found[1:], own)

    def said(name: str, codes: Codes) -> tuple[float, Tensor, Tensor]:
        s.keep.again()
        value = s.nlls(fake, codes)[name]
        found = gradients(value, like)
        return float(value), flat(found[:1], [fake]), flat(found[1:], own)

    names, order = list(s.codes), others(len(fake))
    value, whole, q = run(s.codes)
    info, shares, ours, theirs, size = torch.zeros_like(whole), {}, torch.zeros_like(q), torch.zeros_like(q), 0.0
    for name in names:
        swapped = moved(s.codes, order, [name])
        v1, w1, q1 = run(swapped)
        v2, w2, q2 = said(name, s.codes)
        v3, w3, q3 = said(name, swapped)
        a, b = whole - w1, w2 - w3
        weight = float(a @ b / (b @ b).clamp_min(1e-300))
        shares[name] = Share(
            weight, cosine(a, b), float(a.norm() / b.norm().clamp_min(1e-300)),
            (v1 - value) / (v3 - v2) if abs(v1 - value) > 1e-6 * (1 + abs(value)) else 0.0, blind=bool(b.norm() == 0),
        )  # fmt: skip
        info += weight * w2
        ours, theirs, size = ours + q - q1, theirs + q2 - q3, size + float(q.norm())
    return Term(
        shares, float(whole.norm()), float((whole - info).norm()), float(info.norm()),
        float(ours.norm()) / max(size, 1e-300), cosine(ours, theirs),
    )  # fmt: skip


@dataclass
class Run:
    """One run of a loss or a step that draws its own latents, with what was seen at each call of G."""

    inputs: list[Any] = field(default_factory=list)
    images: list[Tensor] = field(default_factory=list)
    value: float = 0.0
    found: list[Tensor | None] = field(default_factory=list)  # gradients on the images, of each call
    own: list[Tensor | None] = field(default_factory=list)  # gradients on Q's own weights
    leaks: list[bool] = field(default_factory=list)  # of D's backward passes: did its gradient end in G's step?
    fools: bool = False  # did an optimiser that holds G's weights step on a gradient of D's own?


@contextmanager
def hooked(s: Subject, run: Run, exchange: bool) -> Iterator[None]:
    """G is watched, and its images exchanged within their batch if asked for."""
    assert s.first is not None and s.last is not None

    def out(_module: Any, _given: Any, images: Tensor) -> Tensor | None:
        if len(run.images) >= len(run.inputs):
            return None
        images = images[others(len(images)).to(images.device)] if exchange else images
        run.images.append(images)
        return images

    handles = [
        s.first.register_forward_pre_hook(
            lambda _, given: run.inputs.append(rebuilt(given, lambda t: t.detach().clone()))
        ),
        s.last.register_forward_hook(out),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def of_loss(s: Subject, loss: Callable[[], Tensor], where: str) -> Callable[[bool], Run]:
    """Runs of a loss that draws its own latents."""

    def once(exchange: bool) -> Run:
        run = Run()
        s.keep.again()
        with hooked(s, run, exchange), s.watch.during(where):
            value = loss()
        found = gradients(value, [*run.images, *s.weights["own"]])
        run.value, run.found, run.own = float(value), found[: len(run.images)], found[len(run.images) :]
        return run

    return once


def of_step(s: Subject) -> Callable[[bool], Run]:
    """Runs of a training step, with learning rates at 0: what the backward passes that move G, and Q, have in them."""
    step, q = s.given.step, {id(w) for w in s.weights["Q"]}
    assert step is not None
    groups = {"G": s.weights["G"], "own": s.weights["own"], "D": [w for w in s.weights["D"] if id(w) not in q]}

    def once(exchange: bool) -> Run:
        run, passes = Run(), list[tuple[float, list[Tensor | None], list[Tensor | None]]]()
        pending: dict[str, list[int]] = {name: [] for name in groups}
        stepped: dict[str, set[int]] = {name: set() for name in groups}

        def backward(loss: Tensor) -> None:
            for name, weights in groups.items():
                if all(w.grad is None or not bool(w.grad.any()) for w in weights):
                    pending[name].clear()  # begun afresh
                if any(g is not None for g in gradients(loss, weights)):
                    pending[name].append(len(passes))
            found = gradients(loss, [*run.images, *s.weights["own"]])
            passes.append((float(loss), found[: len(run.images)], found[len(run.images) :]))

        def stepping(optimiser: torch.optim.Optimizer, *_: Any) -> None:
            held = {id(w) for group in optimiser.param_groups for w in group["params"]}
            for name, weights in groups.items():
                mine = [w for w in weights if id(w) in held]
                if any(w.grad is not None and bool(w.grad.any()) for w in mine):
                    if name == "D" and any(id(w) in held for w in groups["G"]):
                        run.fools = True
                    else:
                        stepped[name] |= set(pending[name])

        s.keep.again()
        handle, s.keep.frozen, s.watch.on_backward = register_optimizer_step_pre_hook(stepping), True, backward
        try:
            with hooked(s, run, exchange), s.watch.during("step"):
                step()
        finally:
            handle.remove()
            s.keep.frozen, s.watch.on_backward = False, None
        run.found, run.own = [None] * len(run.images), [None] * len(s.weights["own"])
        for k, (value, on_images, on_own) in enumerate(passes):
            if k in stepped["G"]:
                run.value += value
                run.found = _sum(run.found, on_images)
            if k in stepped["own"]:
                run.own = _sum(run.own, on_own)
            if k in stepped["D"] and any(g is not None for g in on_images):
                run.leaks.append(k in stepped["G"])
        return run

    return once


def step_seen(s: Subject) -> Run:
    """One run of the step as it is, watched once for all checks. Raises Skip where G's calls cannot be seen."""
    if s.first is None:
        raise Skip("G's calls cannot be seen: it is no module. Give losses of (fake, codes)")
    if "step" not in s.runs:
        s.runs["step"] = of_step(s)(False)
    return s.runs["step"]


def _sum(a: list[Tensor | None], b: list[Tensor | None]) -> list[Tensor | None]:
    return [x if y is None else y if x is None else x + y for x, y in zip_longest(a, b)]


def by_exchange(s: Subject, once: Callable[[bool], Run]) -> Term:
    """All codes at once, told apart by a fit of each one's gradient of -log q."""
    base, swapped = once(False), once(True)
    calls = [k for k, g in enumerate(base.found) if g is not None] or list(range(len(base.images)))
    whole, a, rights, wrongs = [], [], [], []
    own, value = torch.zeros(()), 0.0
    for k in calls:
        n = len(base.images[k])
        order, codes = others(n), s.codes_in(base.inputs[k])
        wrong = {name: torch.empty_like(v).index_copy(0, order, v) for name, v in codes.items()}
        image, again = base.images[k], swapped.images[k]
        first, second = flat([base.found[k]], [image]), flat([swapped.found[k]], [again]).view(n, -1)
        whole.append(first)
        a.append(first - torch.empty_like(second).index_copy(0, order.to(second.device), second).flatten())
        right, wrong_ = _own(s, base.inputs[k], codes), _own(s, base.inputs[k], wrong)
        rights.append({name: right[name][1] for name in s.codes})
        wrongs.append({name: right[name][1] - wrong_[name][1] for name in s.codes})
        value += sum(wrong_[name][0] - right[name][0] for name in s.codes)
        own = own + torch.stack([right[name][2] - wrong_[name][2] for name in s.codes]).sum(0)
    total, apart = torch.cat(whole), torch.cat(a)
    table = torch.stack([torch.cat([one[name] for one in wrongs]) for name in s.codes], 1)
    weights = torch.linalg.lstsq(table, apart[:, None]).solution[:, 0]
    weights = weights.nan_to_num() * (table.norm(dim=0) > 0)
    left = float((apart - table @ weights).norm())
    fit = 1 - left**2 / max(float(apart.norm()) ** 2, 1e-300)  # of what is known of the codes, how much is of these
    change = abs(swapped.value - base.value)
    every = change > max(0.05 * abs(value), 1e-6 * (1 + abs(base.value))) and float(apart.norm()) < NOTHING * float(
        table.norm()
    )
    info = sum(w * torch.cat([one[name] for one in rights]) for name, w in zip(s.codes, weights))
    shares = {}
    for j, name in enumerate(s.codes):
        size, w = float(table[:, j].norm()), float(weights[j]) * (fit > 0.25)
        shares[name] = Share(
            w, w * size / max(math.hypot(w * size, left), 1e-300), abs(w), float(every), blind=size == 0, fitted=True
        )  # fmt: skip
    like = s.weights["own"]
    q, q_swapped = flat(base.own, like), flat(swapped.own, like)
    return Term(
        shares, float(total.norm()), float((total - info).norm()), float(torch.as_tensor(info).norm()),
        float((q - q_swapped).norm() / q.norm().clamp_min(1e-300)), cosine(q - q_swapped, own),
    )  # fmt: skip


def _own(s: Subject, latent: Any, codes: Codes) -> dict[str, tuple[float, Tensor, Tensor]]:
    """-log q of each code for these latents: its value, its gradient on G's images, and on Q's own weights."""
    run, own, found = Run(), s.weights["own"], {}
    s.keep.again()
    with hooked(s, run, False):
        images = s.make(latent)
    for name, value in s.nlls(images, codes).items():
        parts = gradients(value, [run.images[0], *own])
        found[name] = (float(value), flat(parts[:1], run.images), flat(parts[1:], own))
    return found
