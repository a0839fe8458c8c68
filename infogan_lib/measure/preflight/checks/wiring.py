"""Where the information term goes in each loss: to G, to Q, with which sign, and how large."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from infogan_lib.measure.preflight.checks.check import Seen, check, doubt, fault
from infogan_lib.measure.preflight.subject import Codes, Skip, Subject, held_by, nll
from infogan_lib.measure.preflight.term import (
    NOTHING,
    Run,
    Term,
    arguments,
    by_arguments,
    by_exchange,
    gradients,
    of_loss,
    of_step,
    scalar,
    step_seen,
)

LARGE, SMALL = 40.0, 2e-3  # of the gradient of L_I over the game's; healthy InfoGANs, fresh, lie in 0.08 to 13


def as_loss(s: Subject, name: str) -> Callable[[Tensor, Codes], Tensor] | None:
    """A loss as a function of (fake, codes); None where it draws for itself. Raises ValueError for other signatures."""
    function = getattr(s.given, name)
    number, d = arguments(function), name == "loss_d"
    if number not in ((3, 2, 1, 0) if d else (2, 0)):
        wanted = "(real, fake, codes)" if d else "(fake, codes)"
        raise ValueError(
            f"{name}: expected a function of {wanted}, or one that draws its own latents; it has {number} arguments"
        )
    if number < 2:
        return None
    if d:
        return lambda fake, codes: scalar(function(*(s.reals(), fake, codes)[:number]), name)
    return lambda fake, codes: scalar(function(fake, codes), name)


def own_draws(s: Subject, name: str) -> Callable[[bool], Run]:
    """Runs of a loss, or of the step, that draws its own latents."""
    if s.first is None:
        raise Skip("G's calls cannot be seen: it is no module. Give losses of (fake, codes)")
    if name == "step":
        return of_step(s)
    function = getattr(s.given, name)
    give: tuple[Any, ...] = (s.reals(),) if arguments(function) else ()
    return of_loss(s, lambda: scalar(function(*give), name), name)


def term_of(s: Subject, *names: str) -> Term:
    """The term in the sum of these losses, or in the step; worked out once."""
    if names not in s.terms:
        losses = [as_loss(s, name) for name in names if name != "step" and s.given.has(name)]
        known = [one for one in losses if one is not None]
        if known:
            s.terms[names] = by_arguments(
                s, lambda fake, codes: sum((f(fake, codes) for f in known), fake.new_zeros(())), names[0]
            )
        else:
            s.terms[names] = by_exchange(s, own_draws(s, names[0]))
    return s.terms[names]


@check("G gets a gradient from L_I, of the right sign and size", "loss_g or step")
def to_g(s: Subject) -> Seen:
    if not s.weights["G"]:
        yield fault("no-gradient", "the images have no gradient: `generator` runs under no_grad, or detaches")
        return
    if s.shared:
        raise Skip("two codes are read off one output of Q; mend that first")
    names = ("loss_g", "loss_info") if s.given.has("loss_g") else ("step",)
    term, where, bad = term_of(s, *names), names[0], False
    for name, share in term.shares.items():
        lost = share.reach < NOTHING and (share.cosine < 0.5 or abs(share.weight) < 1e-6)
        if share.blind:
            yield fault("q-blind", f"-log q of {name!r} has no gradient on the images")
        elif lost and abs(share.value) < NOTHING:
            yield fault("codes-not-scored", f"{where} is the same whatever {name!r} is scored on each image")
        elif lost and term.q_change > NOTHING:
            yield fault("fake-detached", f"{name!r} changes {where} and its gradient on Q, and on the images nothing")
        elif lost:
            yield fault("no-gradient", f"{name!r} changes the value of {where}, and no gradient")
        elif share.fitted and abs(share.cosine) < 0.3:
            continue
        elif share.cosine < -0.1:
            seen = f"weight {share.weight:.3g}, cosine {share.cosine:.2f}"
            yield fault("sign", f"{where} pushes the images against -log q of {name!r}: {seen}")
        elif share.cosine < 0.1:
            yield doubt(
                "other-direction", f"{name!r}: cosine {share.cosine:.2f} of its gradient in {where} with that of -log q"
            )
        else:
            continue
        bad = True
    ratio = term.info / max(term.game, 1e-300)
    weights = ", ".join(f"{name} {share.weight:.3g}" for name, share in term.shares.items())
    seen = f"the gradient of L_I on the images is {ratio:.2g} times the game's; lambda: {weights}"
    if not bad and ratio > LARGE:
        yield doubt("term-large", seen)
    elif not bad and ratio < SMALL and not learnt(s):  # a code that is learnt asks for nothing more
        yield doubt("term-small", seen)
    yield seen


def learnt(s: Subject) -> bool:
    """Is every code read off its images already, to half its entropy?"""
    said = {name: float(nll(s.posterior[name], value).mean()) for name, value in s.codes.items()}
    return all((p.entropy or 1.0) - said[name] > 0.5 * abs(p.entropy or 1.0) for name, p in s.priors.items())


@check("Q gets a gradient from the term", "loss_g or step")
def to_q(s: Subject) -> Seen:
    """Of the loss that Q's optimiser steps on: D's, if it holds weights of D and none of G; else G's, or the step's."""
    g, d, own = ({id(w) for w in s.weights[part]} for part in ("G", "D", "own"))
    if not own:
        yield fault("q-no-gradient", "no weight of Q asks for a gradient")
        return
    held = [held_by(one) for one, _ in s.keep.optimisers]
    mine = [one for one in held if one & own]
    if held and not mine:
        raise Skip("no optimiser has Q's weights")
    names: tuple[str, ...] = ("loss_g", "loss_info")
    if mine and not any(one & g for one in mine) and any(one & d for one in mine):
        names = ("loss_info",) if s.given.has("loss_info") else ("loss_d",)
    if not s.given.has(names[0]):
        if not s.given.has("step"):
            raise Skip(f"give {names[0]}, or step")
        names = ("step",)
    term = term_of(s, *names)
    rounding = 2e-5 if any(share.fitted for share in term.shares.values()) else 1e-7
    if term.q_change < rounding:
        yield fault("q-no-gradient", f"{names[0]} moves Q alike whatever codes are scored (change {term.q_change:.1g})")
    elif term.q_cosine < -0.1 and not s.given.has("loss_info"):
        yield fault("sign", f"{names[0]} moves Q's weights against -log q, cosine {term.q_cosine:.2f}")


@check("the fake is detached in D's step", "loss_d or step")
def detached(s: Subject) -> Seen:
    if not s.given.has("loss_d"):
        leaks = step_seen(s).leaks
        if any(leaks):
            yield fault("not-detached", "a backward pass of D's step reaches G, and G's optimiser steps on it")
        elif leaks:
            yield doubt("not-detached", "a backward pass of D's step reaches G, whose gradients are zeroed afterwards")
        return
    loss = as_loss(s, "loss_d")
    if loss is None:
        reached = own_draws(s, "loss_d")(False).found
    else:
        fake = s.fake.detach().clone().requires_grad_()
        s.keep.again()
        with s.watch.during("loss_d"):
            reached = gradients(loss(fake, s.codes), [fake])
    norm = sum(float(g.norm()) for g in reached if g is not None)
    if norm:
        yield doubt("not-detached", f"loss_d has a gradient of norm {norm:.2g} on the fakes")
