"""What Q says and how the losses read it: softmaxes, targets, columns, sigma, and the value of L_I."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from infogan_lib.measure.preflight.checks.check import Seen, check, doubt, fault, note
from infogan_lib.measure.preflight.checks.wiring import term_of
from infogan_lib.measure.preflight.subject import Skip, Subject, columns, is_discrete, nll, rebuilt, states, tensors_in
from infogan_lib.measure.preflight.term import gradients, moved, others
from infogan_lib.measure.preflight.watch import PAIRS, SIGMOIDS, SOFTMAXES, Call, origin, probabilities


def watched(s: Subject) -> list[Call]:
    """The calls of Q, `read`, `bound` and of the losses or the step, each run at least once."""
    s.keep.again()
    if s.given.has("bound"):
        with s.watch.during("bound"):
            s.given.bound(s.fake.detach(), s.codes)  # type: ignore[misc]
    for name in ("loss_g", "loss_d", "loss_info", "step"):
        if s.given.has(name) and not any(one.where == name for one in s.watch.calls):
            try:
                term_of(s, name)
            except Skip:
                if name == "step":
                    with s.watch.during(name):
                        s.given.step()  # type: ignore[misc]
    return s.watch.calls


@check("logits go into one softmax")
def softmaxes(s: Subject) -> Seen:
    twice, squashed, logs = set[str](), set[str](), set[str]()
    for call in watched(s):
        before = origin(call.first)
        if call.function in SOFTMAXES and probabilities(call.first):
            twice.add(f"{call.function} in {call.where} got rows that sum to 1")
        elif call.function in SOFTMAXES - {"softmax"} and before in ("Sigmoid", "Tanh"):
            squashed.add(f"{call.function} in {call.where} got the output of a {before.lower()}")
        elif call.function in SIGMOIDS and before == "Sigmoid":
            squashed.add(f"{call.function} in {call.where} got the output of a sigmoid")
        elif call.function == "nll_loss" and probabilities(call.first):
            logs.add(f"nll_loss in {call.where} got rows that sum to 1")
    for name, found in (("softmax-twice", twice), ("squashed", squashed), ("log-of-probabilities", logs)):
        if found:
            yield fault(name, "; ".join(sorted(found)))


@check("targets have the shape and the values of the codes", "loss_g or step")
def targets(s: Subject) -> Seen:
    fed = [value for value in (states(v) for v in s.codes.values()) if value is not None]
    shapes, wrong = set[str](), set[str]()
    for call in watched(s):
        one, two = call.first, call.second
        if two is None or call.where not in ("loss_g", "loss_d", "loss_info", "step", "bound"):
            continue
        if call.function in PAIRS and one.shape != two.shape and one.numel() and two.numel():
            shapes.add(f"{call.function} in {call.where} got {tuple(one.shape)} and {tuple(two.shape)}")
        if call.function == "cross_entropy" and one.dim() == 2 and len(one) == len(two):
            if two.is_floating_point() and two.dim() == 2 and not probabilities(two):
                wrong.add(f"in {call.where} the target's rows do not sum to 1")
            which = two.argmax(1) if two.dim() == 2 else two
            drawn = which.unique().numel()
            if one.shape[1] > 1 and len(which) >= 16 and drawn == 1 and all(f.unique().numel() > 1 for f in fed):
                wrong.add(f"in {call.where} all {len(which)} targets are {int(which[0])}")
    if shapes:
        yield fault("broadcast", "; ".join(sorted(shapes)))
    if wrong:
        yield fault("target", "; ".join(sorted(wrong)))


def readers(s: Subject) -> tuple[Tensor, dict[int, set[str]]]:
    """Q's output as columns (n, all), and for each column the codes whose -log q it changes."""
    if s.given.read is None or not tensors_in(s.raw):
        raise Skip("Q's output is distributions; give the raw output as q, and read")
    n, who = len(s.fake), dict[int, set[str]]()
    table = columns(s.raw, n)
    if table.shape[1] > 128:
        raise Skip(f"Q's output has {table.shape[1]} columns")
    base = {name: nll(s.posterior[name], v).detach() for name, v in s.codes.items()}
    for j in range(table.shape[1]):
        start = 0

        def change(one: Tensor, j: int = j) -> Tensor:
            nonlocal start
            if one.dim() == 0 or len(one) != n:
                return one
            flat = one.detach().reshape(n, -1).clone()
            if start <= j < start + flat.shape[1]:
                flat[:, j - start] += 0.5 + torch.arange(n, device=flat.device).to(flat) / n
            start += flat.shape[1]
            return flat.view(one.shape)

        said = s.say(rebuilt(s.raw, change))
        who[j] = {name for name, v in s.codes.items() if float((nll(said[name], v) - base[name]).abs().max()) > 1e-4}
    return table, who


@check("each output of Q is read by one code, and none by D")
def slices(s: Subject) -> Seen:
    try:
        table, who = readers(s)
    except Skip:
        table, who = torch.zeros(len(s.fake), 0), {}
    names = {name: states(v) is None for name, v in s.codes.items()}
    for j, codes in who.items():
        if len(codes) > 1:
            s.shared = True
            yield fault("columns-shared", f"output {j} of Q changes what is said of {', '.join(sorted(codes))}")
            break
    score = s.score.detach().double().cpu()
    read = [(f"output {j} of Q", table[:, j]) for j, codes in who.items() if codes]
    for name, continuous in names.items():
        if continuous and not is_discrete(s.posterior[name]):
            mean = columns(s.posterior[name].mean, len(s.fake))
            read += [(f"the mean of {name!r}", column) for column in mean.T]
    for what, column in read:
        pair = torch.stack([score, column])
        if float(pair.std(1).min()) > 1e-9 and abs(float(torch.corrcoef(pair)[0, 1])) > 1 - 1e-6:
            yield fault(
                "d-reads-code", f"D's score and {what} have correlation {float(torch.corrcoef(pair)[0, 1]):.4f}"
            )
            break
    if not who:
        yield "Q gives distributions: their overlap was not tested"


def width(q: Distribution) -> Tensor | None:
    """What Q says of a code's sigma; None where it says none."""
    inner: Any = getattr(q, "base_dist", q)
    return inner.scale if isinstance(inner, Normal) else None


@check("sigma and mean of continuous codes")
def gaussians(s: Subject) -> Seen:
    own, seen = s.weights["own"], []
    for name, prior in s.priors.items():
        s.keep.again()
        q = s.said(s.fake.detach())[name]
        if is_discrete(q) or prior.states:
            continue
        reach = {"Sigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Relu": (0.0, math.inf)}.get(
            origin(q.mean)
        )
        room = 0.02 * (prior.high - prior.low)
        if reach and (prior.low < reach[0] - room or prior.high > reach[1] + room):
            yield fault(
                "mean-range", f"{name!r} is drawn {prior}, and Q's mean of it ends in a {origin(q.mean).lower()}"
            )
        sigma = width(q)
        if sigma is None:
            continue
        value = sigma.detach().double()
        slope = gradients(sigma.log().mean(), own)
        if all(g is None for g in slope):
            if sigma.requires_grad:
                seen.append(f"{name}: sigma {float(value.median()):.2g}, held there")
            else:
                yield note("sigma-fixed", f"sigma of {name!r} is {float(value.mean()):.3g} for every image")
            continue
        # As far down as it can be led: the step along the slope that would take log sigma down by 25.
        square = float(sum(g.double().square().sum() for g in slope if g is not None))
        s.keep.again()
        with torch.no_grad():
            for weight, g in zip(own, slope):
                if g is not None:
                    weight -= (25 / square) * g
            try:
                lowest = width(s.said(s.fake.detach())[name])
                floor = float(torch.as_tensor(lowest).double().nan_to_num(0.0).median())
            except ValueError:  # a sigma of 0, or none at all
                floor = 0.0
        s.keep.again()
        if floor < 0.01 * prior.std:
            yield doubt(
                "sigma-unbounded", f"sigma of {name!r} is {float(value.median()):.3g} now, and can be made {floor:.1g}"
            )
        else:
            seen.append(f"{name}: sigma {float(value.median()):.2g}, floor about {floor:.2g}")
    yield "; ".join(seen)


@check("your L_I is H(c) + log q", "bound")
def bound(s: Subject) -> Seen:
    images = s.fake.detach()

    def theirs(codes: dict[str, Tensor]) -> dict[str, float]:
        s.keep.again()
        value = s.given.bound(images, codes)  # type: ignore[misc]
        value = value if isinstance(value, dict) else {"all": value}
        unknown = [name for name in value if name not in s.codes and len(value) > 1]
        if unknown:
            raise ValueError(f"bound: {unknown[0]!r} is no code of sample's; it has {', '.join(map(repr, s.codes))}")
        return {name: float(torch.as_tensor(v).double().mean()) for name, v in value.items()}

    def ours(codes: dict[str, Tensor]) -> dict[str, float]:
        s.keep.again()
        return {name: -float(v) for name, v in s.nlls(images, codes).items()}

    swapped = moved(s.codes, others(len(images)), list(s.codes))
    right, wrong, q_right, q_wrong = theirs(s.codes), theirs(swapped), ours(s.codes), ours(swapped)
    seen = []
    for name, value in right.items():
        codes = list(s.codes) if name == "all" else [name]
        entropies = [s.priors[one].entropy for one in codes]
        log_q, change = sum(q_right[one] for one in codes), sum(q_right[one] - q_wrong[one] for one in codes)
        what = "L_I" if name == "all" else f"L_I of {name!r}"
        if abs(value - wrong[name] - change) > max(0.02, 0.1 * abs(change)):
            yield fault(
                "bound-scale", f"exchanging codes changes {what} by {value - wrong[name]:.3f} and log q by {change:.3f}"
            )
        elif None not in entropies:
            h = sum(one for one in entropies if one is not None)
            if abs(value - log_q - h) > 0.08:
                yield fault(
                    "bound-offset",
                    f"{what} reads {value:.3f}; H(c) {h:.3f} + log q {log_q:.3f} is {h + log_q:.3f} nats",
                )
            else:
                seen.append(f"{what} {value:.3f} of H(c) {h:.3f} nats")
    yield "; ".join(seen)
