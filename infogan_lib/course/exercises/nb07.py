"""The checks of notebook 07, InfoGAN put together."""

import copy
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.distributions as D
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.core.bound import lower_bound
from infogan_lib.core.codes import Categorical, Code, Uniform
from infogan_lib.core.latent import Latent, LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.course.exercises.blocks import Faults, compare, gradient, number
from infogan_lib.course.exercises.checker import Wrong, exercise


@exercise(
    "07.1",
    "For each code in `spec.codes`: its entropy is `code.entropy`, what was fed to G is `latent[code.name]`, and what "
    "Q says is `posterior[code.name]`, a distribution with a method `.log_prob(...)`.",
    "`(code.entropy + posterior[code.name].log_prob(latent[code.name])).mean()` is L_I of one code, in nats. "
    "Multiply it by `weight[code.name]` and add up over the codes.",
)
def info_term(answer: Callable[..., Any]) -> str:
    specs: list[list[Code]] = [
        [Categorical("digit", 10), Uniform("c1"), Uniform("c2", low=-2, high=3)],
        [Uniform("tilt", low=0, high=4), Categorical("shape", 3)],  # nothing may be written for one spec alone
    ]
    for seed, codes in enumerate(specs):
        g = torch.Generator().manual_seed(seed)
        n, spec = 16 + seed, LatentSpec(Noise(4), codes)
        latent = spec.sample(n, g)
        raw = torch.randn(n, spec.q_width, generator=g).requires_grad_()
        posterior = spec.posterior(raw)
        weight = {name: 0.5 + float(torch.rand((), generator=g)) for name in spec.names}
        try:
            got = answer(spec, posterior, latent, dict(weight))
        except KeyError as error:
            if seed == 0 or not any(name in str(error) for name in ("digit", "c1", "c2")):
                raise
            raise Wrong(
                f"It works for one spec, but its names are fixed. With the codes {spec.names} it stopped at {error}. "
                "Loop over `spec.codes` and use `code.name`."
            ) from None
        if isinstance(got, dict):
            raise Wrong(
                "Your function returned a dict. Add up its values: a loss needs one number for all codes together."
            )
        parts = {name: weight[name] * nats.mean() for name, nats in lower_bound(spec, posterior, latent).items()}
        want = torch.stack(list(parts.values())).sum()
        compare(got, want, _term_faults(spec, posterior, latent, weight, parts), what="The term", n=n)
        gradient(got, want, raw, to="what Q outputs")
    return (
        "The term is in nats: 0 for a Q that knows nothing of a categorical code, at most ln K for K states. "
        "Both losses subtract it, so that lowering them raises L_I, and its gradient gets through."
    )


def _term_faults(
    spec: LatentSpec,
    posterior: dict[str, D.Distribution],
    latent: Latent,
    weight: dict[str, float],
    parts: dict[str, Tensor],
) -> Faults:
    def total(nats: Callable[[Code, D.Distribution, Tensor], Tensor]) -> Tensor:
        return torch.stack([nats(c, posterior[c.name], log_q[c.name]).mean() for c in spec.codes]).sum()

    log_q = {name: q.log_prob(latent[name]) for name, q in posterior.items()}
    all_parts = torch.stack(list(parts.values())).sum()
    yield (
        -all_parts,
        "This is the term with its sign turned. The term itself rises as Q reads the codes better; the minus "
        "belongs to the losses, which subtract it.",
    )
    without = total(lambda code, q, log: weight[code.name] * log)
    no_entropy = (
        "The entropy H(c) is left out. The gradient is the same without it, but the value is no longer information: "
        "on ten digits, a Q that knows nothing would read -2.30 and not 0."
    )
    yield without, no_entropy
    yield -without, no_entropy + " Its sign is turned as well: this is Q's cross-entropy."
    yield (
        total(lambda code, q, log: weight[code.name] * (q.entropy() + log)),
        "The entropy in L_I is the prior's, `code.entropy`; you added that of Q's answer, `.entropy()`.",
    )
    yield (
        total(lambda code, q, log: code.entropy + log),
        "The weights are left out: each code's L_I is multiplied by `weight[code.name]`.",
    )
    yield (
        total(lambda code, q, log: code.entropy + weight[code.name] * log),
        "The weight multiplies log Q alone; it belongs to the sum H(c) + log Q. Mind the brackets.",
    )
    yield all_parts / len(parts), "You took the mean over codes. Each code adds its own nats: sum over codes."
    again = {
        c.name: D.Categorical(logits=q.probs) for c in spec.codes if isinstance(q := posterior[c.name], D.Categorical)
    }
    log_q |= {name: q.log_prob(latent[name]) for name, q in again.items()}
    yield (
        total(lambda code, q, log: weight[code.name] * (code.entropy + log)),
        "A softmax was applied twice: `.probs` went in where logits belong. `posterior[...]` is a distribution "
        "already; call its `.log_prob`.",
    )
    for name, part in parts.items():
        yield all_parts - part, f"The code {name!r} is missing from the sum."
        yield part, f"Only the code {name!r} is in the sum. Is `return` inside the loop, or `=` where `+=` belongs?"


NO_GRADIENT = (
    "No gradient reaches G, though this model works: the way back from Q to G is cut. `model.generate` and "
    "`model.read` are for looking and keep no gradient; `.detach()` and `train_trunk_by_q=False` cut it too. "
    "Use `model.generator(latent.input)` and `model.discriminate(fakes)`."
)


@exercise(
    "07.2",
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
    "07.3",
    "L_I cannot exceed the information that the images carry. With lambda_G = 0, what reason does G have to let the "
    "digit code change the image?",
    "G is free to ignore the code, and nothing asks it not to. If the image says nothing about the code, the best that "
    "Q can answer is the prior. What is H(c) + log(1/10) then?",
    takes="value",
)
def control(answer: Any) -> str:
    guess, top = number(answer), math.log(10)
    if guess < -0.1:
        raise Wrong(
            f"{guess:g} would say that Q is wrong with confidence. A Q that keeps learning has a better way out: "
            "answer the prior, 1/10 each, and read H(c) + log(1/10) = 0."
        )
    if abs(guess - math.log2(10)) < 0.05:
        raise Wrong(
            f"{guess:g} is log2(10), the ceiling in bits; in nats it is ln 10 = {top:.2f}. Is the control near it?"
        )
    if abs(guess - top) < 0.2:
        raise Wrong(
            f"About ln 10 = {top:.2f} is what InfoGAN reaches, where the image settles the digit code. But Q can only "
            "read what G has written, and this G is not asked to write anything."
        )
    if guess > top:
        raise Wrong(f"L_I never exceeds H(c), which is ln 10 = {top:.2f} nats for ten equally likely states.")
    if guess > 0.5:
        raise Wrong(
            f"At {guess:g} nats, about {10 * math.exp(-guess):.1f} of the ten states would stay open, so G would still "
            "show much of the code. It gains nothing by that."
        )
    return (
        "Near 0: G gains nothing by showing the code. The next cell says how near. Q alone is no handle: G has to be "
        "asked."
    )


@exercise(
    "07.4",
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
