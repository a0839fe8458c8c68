"""The checks of notebook 07, InfoGAN put together."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.distributions as D
from torch import Tensor

from infogan_lib.core.bound import lower_bound
from infogan_lib.core.codes import Categorical, Code, Uniform
from infogan_lib.core.latent import Latent, LatentSpec, Noise
from infogan_lib.course.exercises import steps
from infogan_lib.course.exercises.blocks import Faults, choice, compare, gradient, number
from infogan_lib.course.exercises.checker import NotYet, Wrong, exercise


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


@exercise(
    "07.2",
    "Q and D share a pass: `model.discriminate(images)` gives D's logits and Q's posterior, `model.score(images)` the "
    "logits alone. Which of the two do the real images need? Who must not hear of this loss?",
    "D's loss is the mean of `softplus(-score)` on real images plus the mean of `softplus(score)` on fakes. Subtract "
    "the information term; then zero_grad, backward, step, of the one optimiser that holds D and Q.",
    "`score_fake, posterior = model.discriminate(fake.detach())`, and the codes that made these fakes are `latent`.",
    seconds=60,
)
def update_d(answer: Callable[..., Any]) -> str:
    steps.judge(answer, "d")
    return (
        "D learns to tell real from fake, Q to read the codes of the fakes, and G hears nothing: the fakes are "
        "detached, and its optimiser is not stepped."
    )


@exercise(
    "07.3",
    "What must G's gradient pass through on its way, and so what must not be detached here?",
    "G's loss is the mean of `softplus(-score)` on its fakes, minus the information term of the codes that made them. "
    "Gradients reach D and Q as well; the step of G's optimiser alone decides who moves.",
    "`score, posterior = model.discriminate(fake)`; subtract `info_term(model.spec, posterior, latent, weight)`; then "
    'zero_grad, backward and step of `optimisers["g"]`.',
    seconds=60,
)
def update_g(answer: Callable[..., Any]) -> str:
    steps.judge(answer, "g")
    return (
        "G is paid twice: by D for fakes that look real, and by Q for fakes whose codes can be read. The second "
        "gradient reaches G through Q and the trunk."
    )


@exercise(
    "07.4",
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
            f"About ln 10 = {top:.2f} is what InfoGAN reaches in a long run, where the image settles the digit code. "
            "But Q can only read what G has written, and this G is not asked to write anything."
        )
    if guess > top:
        raise Wrong(f"L_I never exceeds H(c), which is ln 10 = {top:.2f} nats for ten equally likely states.")
    if guess > 0.5:
        raise Wrong(
            f"At {guess:g} nats, about {10 * math.exp(-guess):.1f} of the ten states would stay open, so G would still "
            "show much of the code. It gains nothing by that."
        )
    return (
        "Near 0: G gains nothing by showing the code. The next cell says how near. Q can only read; G has to be "
        "paid to write."
    )


FACTORS = {"label": "the digit", "slant": "the slant", "thickness": "the thickness", "width": "the width"}


@exercise(
    "07.5",
    "A code can come to mean what its view leaves to be read. Look along each view's row of the table for what is "
    "left, and ask what changes the picture most.",
    "The digit code has ten equal states, the amounts run evenly from one end to the other. In the row of the view of "
    "`c1`, which style factor is still near 1? And in that of `c2`?",
    takes="value",
)
def meanings(answer: Any) -> str:
    if not isinstance(answer, Mapping) or set(answer) != {"digit", "c1", "c2"}:
        raise Wrong('A dict with three keys is expected: {"digit": ..., "c1": ..., "c2": ...}.')
    for code, wanted in {"digit": "label", "c1": "slant", "c2": "thickness"}.items():
        if answer[code] is ...:
            raise NotYet
        found = choice(answer[code], dict.fromkeys(FACTORS, ""))
        if found == wanted:
            continue
        if code == "digit":
            raise Wrong(
                f"For the digit code you say {FACTORS[found]}. The nudge draws that anew in every step: of the four, "
                "its row keeps one near where it was."
            )
        if found == "label":
            raise Wrong(
                f"A blur leaves the digit to be read, so {code} could tell digits apart. But it is an amount, and the "
                "digit code is paid for the digit already: an amount adds what the digit leaves open."
            )
        if (code, found) == ("c2", "width"):
            raise Wrong("Width is left in part, 0.75. One other style factor is left almost in full by that view.")
        raise Wrong(f"For {code} you say {FACTORS[found]}, which its view draws anew in every step. See its row.")
    return "That is what the table says. The next cells hold it against trained models, seed by seed."
