"""Checks of notebook 04: entropy, KL and mutual information."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.special import entr

from infogan_lib.course.exercises.blocks import Faults, compare, no_fault, number
from infogan_lib.course.exercises.checker import Wrong, exercise
from infogan_lib.measure import information


@exercise(
    "04.1",
    "`(p * p.log()).sum()` is minus the entropy, and `-(p * q.log()).sum()` the cross-entropy. Their sum is the KL.",
    "`torch.xlogy(a, b)` is a * ln b, and 0 where a is 0. So the KL is the sum of `torch.xlogy(p, p)` minus "
    "`torch.xlogy(p, q)`.",
)
def kl(answer: Callable[..., Any]) -> str:
    tables: list[tuple[list[float], list[float]]] = [
        ([0.7, 0.2, 0.1], [0.3, 0.3, 0.4]),
        ([0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4]),
        ([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]),  # a state that never happens
    ]
    for a, b in tables:
        p, q = torch.tensor(a), torch.tensor(b)
        got = answer(p, q)
        if torch.is_tensor(got) and got.isnan().any() and (p == 0).any():
            raise Wrong(
                "Right as long as every state of p can happen. Where p is 0, 0 * log 0 came out as NaN; a state that "
                "never happens costs nothing. `torch.xlogy(p, q)` knows that."
            )
        compare(got, information.kl(p, q), _kl_faults(p, q), what=f"KL({a} || {b})", n=len(a))
    compare(answer(q, q), 0.0, what="KL(q || q)")
    return "What it costs to code p by q, beyond the entropy that nobody can save. It is 0 only where q equals p."


def _kl_faults(p: Tensor, q: Tensor) -> Faults:
    cross, own = -torch.xlogy(p, q).sum(), entr(p).sum()
    yield information.kl(q, p), "This is KL(q || p). The average runs over what happens, so the weights are p's."
    yield cross, "This is the cross-entropy of q on p. Its floor, the entropy of p, is still in it: subtract H(p)."
    yield own, "This is the entropy of p; q is not in it."
    yield entr(q).sum() - own, "This is the difference of two entropies. Both logarithms are averaged over p."
    yield (torch.xlogy(torch.ones_like(p), p) - q.log()).sum(), "The weights are missing: each ln(p/q) counts p times."
    yield (
        (torch.xlogy(p, p) - torch.xlogy(p, q)).abs().sum(),
        "The terms have lost their signs. Single terms may be negative; only their sum cannot.",
    )


HAND = torch.tensor([[3.0, 1.0], [1.0, 3.0]]) / 8


@exercise(
    "04.2",
    "Both rows sum to 1/2, so H(c) = ln 2. Once x is seen, the column says 3 to 1: the two codes have probability 3/4 "
    "and 1/4.",
    "H(c|x) is the entropy of (3/4, 1/4), the same for both columns: -3/4 ln(3/4) - 1/4 ln(1/4) = 0.562. "
    "And I = H(c) - H(c|x).",
    takes="value",
)
def by_hand(answer: Any) -> str:
    got, want = number(answer), float(information.mutual_information(HAND))
    faults = {
        math.log(2): "This is H(c) = ln 2, all there is to know. How much of it is still open once x is seen?",
        math.log(2) - want: "This is H(c|x), what is still open once x is seen. I is what was gained: H(c) - H(c|x).",
        want / math.log(2): "This is the answer in bits. In nats it is smaller by the factor ln 2.",
        -want: "Turn the sign: seeing x cannot leave more open, on average, than there was.",
        2 * math.log(2) - want: "This is H(c, x), the entropy of the four cells. I = H(c) + H(x) - H(c, x).",
        0.75: "This is the probability of guessing c right from x. Information is in nats.",
        0.5: "This is the correlation of c and x. Information is in nats.",
    }
    no_fault(got, faults, 0.004)
    if got < 0:
        raise Wrong(f"{got:g} is below 0. H(c|x) cannot exceed H(c), so their difference is never negative.")
    if got > math.log(2):
        raise Wrong(f"{got:g} is more than H(c) = ln 2 = 0.693; x cannot tell more of c than there is to know.")
    if abs(got - want) > 0.004:
        raise Wrong(f"{got:g} is not it. Take H(c) = ln 2 = 0.693 and subtract the entropy of (3/4, 1/4).")
    return "0.131 of 0.693 nats: three right guesses in four sound like much, and are a fifth of the information."


@exercise(
    "04.3",
    "I is 0 where x says nothing of c: where every column of the table is the same. At which noise has the right shape "
    "exactly the probability of each wrong one?",
    "The right shape has probability 1 - noise, each of the three wrong ones noise / 3. Set them equal.",
    takes="value",
)
def silent(answer: Any) -> str:
    guess = number(answer)
    faults = {
        1.0: "At noise 1 the right shape is never drawn. Then each image rules one code out, and that is information: "
        "ln 4 - ln 3 = 0.288 nats.",
        0.5: "At noise 1/2 the right shape still comes half the time, each wrong one a sixth: a good guess is "
        "possible. With two shapes 1/2 would be the answer; here there are four.",
        0.25: "At noise 1/4 the right shape comes three times in four. You may have given 1 - noise.",
    }
    no_fault(guess, faults, 0.01)
    if not 0 <= guess <= 1:
        raise Wrong(f"{guess:g} is no probability; the noise lies between 0 and 1.")
    if abs(guess - 0.75) > 0.011:
        raise Wrong(f"At noise {guess:g} the columns of the table still differ, so x says something of c.")
    return "At 3/4 all four shapes are equally likely, whatever the code. Past it, information comes back."


@exercise(
    "04.4",
    "A shuffle of b breaks every tie to a and leaves b's own histogram alone: `b[torch.randperm(len(b))]`.",
    "`torch.tensor([counted(a, b[torch.randperm(len(b))]) for _ in range(permutations)])`",
)
def null(answer: Callable[..., Any]) -> str:
    g = torch.Generator().manual_seed(0)
    a = torch.rand(1000, generator=g)
    b, permutations = a + 0.1 * torch.rand(1000, generator=g), 12
    got = answer(a.clone(), b.clone(), permutations)
    got = torch.as_tensor(got).detach().double()
    estimate = information.histogram_information(a, b, permutations=0).nats
    want = information.histogram_information(a, b, permutations=40, generator=g).null
    if got.ndim == 0:
        raise Wrong(
            "Your function returned one number. Return all of them, shape (permutations,): their spread is needed too."
        )
    if got.shape != (permutations,):
        raise Wrong(f"The result has shape {tuple(got.shape)}; one value a shuffle is expected, ({permutations},).")
    if (got - estimate).abs().max() < 1e-6:
        raise Wrong(
            f"Every shuffle reads {estimate:.3f}, as the pairs themselves do. The pairs are still pairs: shuffle b "
            "alone, and pass the shuffled b on."
        )
    if got.std() < 1e-9:
        raise Wrong("All values are the same number. Draw a new permutation for each.")
    if (got.mean() - (estimate - want.mean())).abs() < 5 * want.std():
        raise Wrong("These are the estimate minus the null. Asked for is the null itself.")
    if (got.mean() - want.mean()).abs() > 6 * want.std():
        raise Wrong(
            f"Your shuffles read {got.mean():.3f} on average; {want.mean():.3f} is expected here. "
            "Use `counted` with its 20 bins, and shuffle the whole of b."
        )
    return (
        f"The pairs read {estimate:.2f} nats, shuffled pairs still {got.mean():.2f}. Only what is above that is news."
    )
