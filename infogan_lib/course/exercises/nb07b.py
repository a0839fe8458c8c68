"""The checks of notebook 07b, what changes what in InfoGAN."""

import copy
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.core.bound import lower_bound
from infogan_lib.core.codes import Categorical, Uniform
from infogan_lib.core.latent import Latent, LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.course.exercises.blocks import Faults, compare, gradient, number
from infogan_lib.course.exercises.checker import Wrong, exercise

NO_GRADIENT = (
    "No gradient reaches G, though this model works: the way back from Q to G is cut. `model.generate` and "
    "`model.read` are for looking and keep no gradient; `.detach()` and `train_trunk_by_q=False` cut it too. "
    "Use `model.generator(latent.input)` and `model.discriminate(fakes)`."
)


@exercise(
    "07b.1",
    "Make the fakes with `model.generator(latent.input)`, read them with `model.discriminate(fakes)`, and add up the "
    "mean `lower_bound` of each code. `torch.autograd.grad` gives gradients without storing them in `.grad`.",
    "`torch.autograd.grad(nats, list(model.generator.parameters()), allow_unused=True)` gives one tensor a parameter, "
    "or None where no gradient arrives. The norm is the square root of the sum of all their squares.",
)
def info_gradient_norm(answer: Callable[..., Any]) -> str:
    model, latent = _tiny(0)
    before = copy.deepcopy(model)
    got = _measure(answer, model, latent)
    compare(got, _norm(before, latent), _norm_faults(before, latent), what="The norm", n=len(latent), tol=1e-3)
    if any(not torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True)):
        raise Wrong("The norm is right, but the model's weights have changed. Measuring takes no optimiser step.")
    if not math.isclose(again := _measure(answer, model, latent), got, rel_tol=1e-3):
        raise Wrong(
            f"The first call is right, but a second on the same model reads {again / got:.3g} times as much: "
            "`backward()` adds to the gradients that are there. Empty them first, or use `torch.autograd.grad`, "
            "which stores none."
        )
    model, latent = _tiny(1)
    want = _norm(model, latent)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    got = _measure(answer, model, latent)
    compare(got, want, what="On a model that still holds the gradients of an earlier step, the norm", tol=1e-3)
    compare(_measure(answer, *_tiny(2, cut=True), cut=True), 0, what="On a model whose fakes are detached, the norm")
    return (
        "Above 0 on a model that works, and 0 once its fakes are detached. With lambda_G = 0 this gradient is "
        "multiplied by 0: Q may read as well as it can, but G is never told what to write."
    )


class _Detached(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach()


def _tiny(seed: int, cut: bool = False) -> tuple[InfoGAN, Latent]:
    """A model a few units wide, without batch norm, so that train and eval mode agree. `cut` detaches its fakes."""
    g = torch.Generator().manual_seed(seed)
    spec = LatentSpec(Noise(3), [Categorical("digit", 4), Uniform("c1")])
    model = InfoGAN("mnist", spec)
    layers = (nn.Linear(spec.width, 6), nn.Tanh(), nn.Linear(6, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    model.generator = (_Detached if cut else nn.Sequential)(*layers)
    model.trunk = nn.Sequential(nn.Flatten(), nn.Linear(784, 6), nn.Tanh())
    model.d_head, model.q_head = nn.Linear(6, 1), nn.Sequential(nn.Linear(6, spec.q_width))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=g) * (0.1 if 784 in p.shape else 0.6))
    return model, spec.sample(12, g)


def _measure(answer: Callable[..., Any], model: InfoGAN, latent: Latent, cut: bool = False) -> float:
    """The learner's number. Where no gradient arrives, PyTorch's errors deserve a plainer word."""
    try:
        return number(answer(model, latent))
    except (AttributeError, TypeError, RuntimeError) as error:
        if not any(sign in str(error) for sign in ("NoneType", "allow_unused", "appears to not", "require grad")):
            raise
        if not cut:
            raise Wrong(NO_GRADIENT) from None
        raise Wrong(
            "Right on a model that works. On one whose fakes are detached, no gradient reaches G, and your function "
            f"stops with {type(error).__name__}. The norm is 0 there: count a gradient that is None as 0 "
            "(and give `torch.autograd.grad` its `allow_unused=True`)."
        ) from None


def _norm(
    model: InfoGAN, latent: Latent, to: Iterable[Tensor] | None = None, adversarial: float = 0, of: str = ""
) -> Tensor:
    """The norm over `to` (G's parameters) of the gradient of L_I (of one code, or all) minus a part of G's loss."""
    scores, posterior = model.discriminate(model.generator(latent.input))
    nats = lower_bound(model.spec, posterior, latent)
    loss = sum(v.mean() for k, v in nats.items() if of in ("", k)) - adversarial * F.softplus(-scores).mean()
    grads = torch.autograd.grad(loss, list(to or model.generator.parameters()), allow_unused=True)
    return torch.cat([g.flatten() for g in grads if g is not None]).norm()


def _norm_faults(model: InfoGAN, latent: Latent) -> Iterator[tuple[Any, str]]:
    norm = functools.partial(_norm, model, latent)
    yield 0, NO_GRADIENT
    of_g = "the ones asked for are G's, `model.generator.parameters()`."
    yield norm(model.trunk.parameters()), f"These are the gradients of the trunk's parameters; {of_g}"
    yield norm(model.parameters()), f"These are the gradients of all parameters, D's and Q's too; {of_g}"
    each = torch.stack([norm([p]) for p in model.generator.parameters()])
    yield each[-2:].norm(), "This is the last layer of G alone. Go over all of `model.generator.parameters()`."
    yield each[-1], "This is G's last parameter alone. Is the sum built up inside the loop, with `+=`?"
    yield each[0], "This is G's first parameter alone. Is `return` inside the loop?"
    yield each.sum(), "You added up norms. The norm of all of G is the square root of the sum of their squares."
    yield each.square().sum(), "This is the squared norm; its square root is missing."
    for name in model.spec.names:
        yield norm(of=name), f"This is the gradient for the code {name!r} alone; sum L_I over all codes."
    only = "Only the information term is asked for."
    yield norm(adversarial=1), f"G's adversarial loss is in it as well. {only}"
    yield norm(adversarial=1, of="none"), f"This is the gradient of G's adversarial loss. {only}"


@exercise(
    "07b.2",
    "If Q is the exact posterior, L_I = H(c) - H(c|x). So H(c|x) = ln K - L_I nats are still unknown once the image is "
    "seen. How many equally likely states have that entropy?",
    "m equally likely states have entropy ln m, so ln m = ln K - L_I. Solve for m.",
)
def confusion(answer: Callable[..., Any]) -> str:
    for nats, k in ((1.6, 10), (0.35, 4), (2.1, 20), (0.9, 3), (0.0, 7), (math.log(10), 10)):
        what = f"For L_I = {nats:.4g} and K = {k}, the number of states"
        compare(answer(nats, k), k * math.exp(-nats), _confusion_faults(nats, k), what=what, tol=1e-3)
    return (
        "At 1.6 of 2.30 nats an image leaves about 2 of the ten states open; at ln 10 it leaves one, at 0 all ten. "
        "L_I is a lower bound, so with a Q that is not the posterior this is the most that can be open."
    )


def _confusion_faults(nats: float, k: int) -> Faults:
    yield (
        math.exp(nats),
        "This is exp(L_I), the number of groups that Q tells apart. Asked for is how many states are left within one.",
    )
    yield k * 2**-nats, "You used powers of 2, but L_I is in nats: its base is e."
    yield (
        math.log(k) - nats,
        "This is the entropy that is left, ln K - L_I, in nats; a number of states is its exponential.",
    )
    yield k * math.exp(nats), "The more Q reads, the fewer states are left; yours grows with L_I. Look for a sign."
    yield (
        k - math.exp(nats),
        "You subtracted the number told apart; information divides: each ln 2 nats halve what is left.",
    )


@exercise(
    "07b.3",
    "The copy should get the answer that the image got: a cross-entropy to the image's own probabilities, which stand "
    "still (`.detach()`). The other two are entropies, in nats.",
    "`entropy(p) = -(p * p.log()).sum(-1)`. Of each image's answer it is to be small, so it is added, times "
    "`certainty`; of the mean answer over the batch it is to be large, so it is subtracted.",
)
def consistency(answer: Callable[..., Any]) -> str:
    g = torch.Generator().manual_seed(0)
    for n, k, certainty in ((16, 10, 0.1), (9, 3, 0.4)):
        logits, copied = (2 * torch.randn(n, k, generator=g) for _ in range(2))
        logits.requires_grad_()
        copied.requires_grad_()
        got, want = answer(logits, copied, certainty), _consistency(logits, copied, certainty)
        compare(got, want, _consistency_faults(logits, copied, certainty), what="The loss", n=n)
        gradient(got, want, copied, to="the logits of the copies")
        gradient(got, want, logits, to="the logits of the images")
    return (
        "With these three and no GAN, Q sorts digits: it is a clustering loss. So it stays out of what is called "
        "InfoGAN, and a result that used it says so."
    )


def _consistency(logits: Tensor, copied: Tensor, certainty: float, parts: tuple[float, ...] = (1, 1, 1)) -> Tensor:
    p = logits.softmax(1)
    same = F.cross_entropy(copied, p.detach())
    unsure, used = torch.special.entr(p).sum(1).mean(), torch.special.entr(p.mean(0)).sum()
    return parts[0] * same + parts[1] * certainty * unsure - parts[2] * used


def _consistency_faults(logits: Tensor, copied: Tensor, certainty: float) -> Faults:
    loss = functools.partial(_consistency, logits, copied)
    yield loss(certainty, (1, 1, -1)), "The entropy of the mean answer is added. It is to be large: subtract it."
    yield loss(certainty, (1, -1, 1)), "The entropy of each answer is subtracted. It is to be small: add it."
    yield loss(1.0), "The weight `certainty` is left out: it multiplies the entropy of each answer."
    yield loss(certainty, (1, 1, 0)), "The entropy of the mean answer is missing: nothing asks Q to use all its states."
    yield loss(certainty, (1, 0, 1)), "The entropy of each answer is missing: nothing asks Q to be sure."
    yield loss(certainty, (0, 1, 1)), "The copies are missing: nothing asks for the same answer on both."
    yield _consistency(copied, logits, certainty), "Image and copy are exchanged."
