"""Checks of notebook 05: the variational bound L_I."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infogan_lib.course.exercises.blocks import Faults, choice, compare, no_fault, number
from infogan_lib.course.exercises.checker import Wrong, exercise
from infogan_lib.measure import information


@exercise(
    "05.1",
    "With K equally likely states, H(c) = ln K, and K is `logits.shape[1]`. The second term is minus the cross-entropy "
    "that you would train a classifier with.",
    "`math.log(logits.shape[1]) - F.cross_entropy(logits, codes)`",
)
def bound(answer: Callable[..., Any]) -> str:
    for seed, k in enumerate((10, 3)):
        g = torch.Generator().manual_seed(seed)
        logits, codes = 2 * torch.randn(16, k, generator=g), torch.randint(k, (16,), generator=g)
        want = math.log(k) - F.cross_entropy(logits, codes)
        compare(answer(logits, codes), want, _bound_faults(logits, codes), what=f"For K = {k}, L_I", n=16)
    nothing = answer(torch.zeros(8, 10), torch.arange(8))
    compare(nothing, 0.0, what="For ten equal logits, L_I")
    return "The loss you know, seen from above: 0 for a Q that knows nothing, ln K for one that is sure and right."


def _bound_faults(logits: Tensor, codes: Tensor) -> Faults:
    loss, top = F.cross_entropy(logits, codes), math.log(logits.shape[1])
    yield loss, "This is the cross-entropy itself. L_I is H(c) minus it."
    yield -loss, "H(c) is left out: a Q that knows nothing would read -ln K and not 0."
    yield loss - top, "The sign is turned: L_I rises as Q gets better."
    yield top + loss, "The cross-entropy is subtracted from H(c), not added."
    yield (
        top - F.cross_entropy(logits.softmax(1), codes),
        "A softmax was applied twice: `F.cross_entropy` takes logits, and does its own.",
    )
    yield math.log(10) - loss, "H(c) is ln 10 for ten states only. K is `logits.shape[1]`."
    yield math.log2(logits.shape[1]) - loss, "H(c) is in bits and the cross-entropy in nats. Use `math.log`."
    yield (
        torch.special.entr(logits.softmax(1)).sum(1).mean() - loss,
        "H(c) is the entropy of the prior, ln K. This is the entropy of Q's own answers.",
    )
    yield math.log(len(codes)) - loss, "H(c) is ln K with K states, not the logarithm of the batch size."


@exercise(
    "05.2",
    "Which of the three numbers are made of Q? I(c;x) is defined by P(c) and by the generator alone.",
    takes="value",
)
def while_q_learns(answer: Any) -> str:
    choice(
        answer,
        {
            "stays": "",
            "rises": "What rises is L_I, the part that Q can read. I(c;x) has no Q in it: it belongs to the generator, "
            "and this one is fixed.",
            "falls": "What falls is the gap, E KL(P || Q). I(c;x) has no Q in it, and the generator is fixed.",
        },
    )
    return "It stays: I(c;x) is a property of the generator. Q can only find what is there."


@exercise(
    "05.3",
    "The gap is a KL, and a KL is large where Q gives a small probability to what happens often. So be sure: leave the "
    "favourite in its place and give nearly nothing to the rest.",
    "`torch.softmax(50 * posterior.log(), dim=1)` sharpens every row around its own favourite.",
)
def overconfident(answer: Callable[..., Any]) -> str:
    for seed, k in enumerate((3, 5, 10)):
        g = torch.Generator().manual_seed(seed)
        channel = torch.softmax(torch.randn(k, 40, generator=g, dtype=torch.float64), 1)  # P(x|c)
        joint = channel / k
        posterior = (joint / joint.sum(0)).T
        got = answer(posterior.clone())
        if not isinstance(got, Tensor):
            raise Wrong(f"The result is a {type(got).__name__}; a tensor of probabilities is expected.")
        if got.shape != posterior.shape:
            raise Wrong(
                f"The result has shape {tuple(got.shape)}; {tuple(posterior.shape)}, as it came in, is expected."
            )
        q = got.detach().double()
        if not q.isfinite().all() or (q < 0).any() or (q.sum(1) - 1).abs().max() > 1e-4:
            raise Wrong(
                "A row is no distribution: its values must be 0 or more and sum to 1. `torch.softmax(..., dim=1)` sees "
                "to both."
            )
        same = (q.argmax(1) == posterior.argmax(1)).double().mean()
        if same < 1:
            raise Wrong(
                f"Only {same:.0%} of the rows keep their favourite. A Q that guesses wrong is easy to make; this one "
                "has to guess as well as anyone can."
            )
        nats = math.log(k) + float((joint * q.T.log()).sum())
        if nats == -math.inf or math.isnan(nats):
            raise Wrong(
                "L_I is minus infinity: a code that does happen was given probability 0. Be nearly sure, not quite."
            )
        exact = float(information.mutual_information(joint))
        if abs(nats - exact) < 1e-6:
            raise Wrong(f"This is the posterior itself, the best Q there is: L_I = I = {exact:.3f}. Make it too sure.")
        if nats >= 0:
            raise Wrong(
                f"With {k} codes L_I is {nats:.3f}, not yet below 0 (the posterior reads {exact:.3f}). Be more sure."
            )
    return (
        "It names the most probable code at every image, as the posterior does, so its accuracy cannot be beaten; and "
        "it reads less than a Q that knows nothing. L_I grades what Q says it knows, not only what it guesses."
    )


@exercise(
    "05.4",
    "The bound is ln 2 - BCE, with BCE the mean over all images, half of them real. The loss of the GAN adds the mean "
    "over reals and the mean over fakes: how does it compare to the mean over all?",
    "loss_d = 2 BCE, so BCE = 0.5 and the bound is ln 2 - 0.5.",
    takes="value",
)
def from_loss_d(answer: Any) -> str:
    got, want = number(answer), math.log(2) - 0.5
    faults = {
        math.log(2) - 1: "This is ln 2 - 1.0, below 0. The GAN's loss is the sum of two means; BCE is the mean over "
        "both halves, so half of it.",
        2 * math.log(2) - 1: "This is 2 ln 2 - loss_d, which is twice the bound (GAN theorem 1 has the factor 2).",
        want / math.log(2): "This is in bits. In nats it is smaller by the factor ln 2.",
        0.5: "This is the BCE. The bound is ln 2 minus it.",
        -want: "The sign is turned: a D that tells the two apart has a BCE below ln 2 and proves a divergence above 0.",
        math.log(2): "ln 2 is the ceiling, for a D that is never wrong. This one has a loss.",
    }
    no_fault(got, faults, 0.004)
    if abs(got - want) > 0.004:
        raise Wrong(f"{got:g} is not it. First turn loss_d = 1.0 into the BCE, a mean over all images.")
    return "At least 0.193 of at most 0.693 nats. A better D may find more; none can find less, on average."
