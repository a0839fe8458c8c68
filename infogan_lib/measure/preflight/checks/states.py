"""States that only a trained model can be in: a fresh G looks collapsed, and that means nothing."""

import torch
from torch import Tensor

from infogan_lib.measure.preflight.checks.check import Seen, check, doubt, fault
from infogan_lib.measure.preflight.checks.wiring import term_of
from infogan_lib.measure.preflight.subject import Skip, Subject

MANY = 256


def spread(images: Tensor) -> float:
    """How far images vary: the root of the mean variance of a pixel."""
    return float(images.detach().double().flatten(1).var(0).mean().sqrt())


def made(s: Subject) -> tuple[dict[str, Tensor], Tensor]:
    """256 images in eval mode under exchanged latents: {what is exchanged: root mean square change}, and the images."""
    if not all(s.where.values()):
        raise Skip("the codes cannot be found in the input of G")
    s.keep.again()
    (one, _), (two, _) = s.draw(MANY), s.draw(MANY)
    changes = {}
    with torch.no_grad(), s.eval_mode():
        images = s.make(one)
        for name in s.codes:
            changes[name] = s.make(s.with_codes(one, [name], two)) - images
        changes["the noise"] = s.make(s.with_codes(two, list(s.codes), one)) - images
    return {k: v.double().square().mean().sqrt() for k, v in changes.items()}, images


@check("G uses the codes and the noise", "trained")
def used(s: Subject) -> Seen:
    changes, images = made(s)
    whole = 2**0.5 * spread(images)
    shares = {name: float(change) / max(whole, 1e-12) for name, change in changes.items()}
    seen = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    noise = shares.pop("the noise")
    for name, share in shares.items():
        if share < 0.03:
            yield fault("code-ignored", f"exchanging {name!r} changes the images by {share:.3f} of all change")
    if noise < 0.03:
        yield fault("noise-ignored", f"exchanging the noise changes the images by {noise:.3f} of all change")
    elif noise < 0.08:
        yield doubt("noise-ignored", f"exchanging the noise changes the images by {noise:.3f} of all change")
    yield f"share of all change: {seen}"


@check("the fakes vary as the data do", "trained", "real")
def varied(s: Subject) -> Seen:
    s.keep.again()
    with torch.no_grad(), s.eval_mode():
        fakes = s.make(s.draw(MANY)[0])
    real, fake = spread(s.reals().float()), spread(fakes)
    seen = f"a pixel varies by {fake:.3f} among fakes and {real:.3f} among the data"
    if fake < 0.15 * real:
        yield fault("collapse", seen)
    else:
        yield seen


@check("D leaves G a gradient", "trained", "real")
def saturated(s: Subject) -> Seen:
    s.keep.again()
    with torch.no_grad():
        real, fake = s.judge(s.reals()).double(), s.judge(s.fake.detach()).double()
    right = float((real[:, None] > fake[None]).double().mean() + (real[:, None] == fake[None]).double().mean() / 2)
    seen = f"D ranks {100 * right:.0f} % of pairs of real and fake rightly"
    if s.given.has("loss_g") or s.given.has("step"):
        term = term_of(s, "loss_g") if s.given.has("loss_g") else term_of(s, "step")
        seen += f"; G's gradient from the game has norm {term.game:.2g}, from L_I {term.info:.2g}"
        if right > 0.99 and term.game < max(0.1 * term.info, 1e-7):
            yield (fault if term.game < max(0.02 * term.info, 1e-7) else doubt)("d-saturated", seen)
    yield seen
