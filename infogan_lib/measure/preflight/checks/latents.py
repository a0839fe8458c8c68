"""How latents are drawn: fresh, from one prior, repeatable, and swept where they were drawn."""

import torch

from infogan_lib.measure.preflight.checks.check import Seen, check, doubt, fault
from infogan_lib.measure.preflight.subject import Skip, Subject, columns, tensors_in
from infogan_lib.measure.preflight.term import step_seen


@check("latents are drawn afresh")
def fresh(s: Subject) -> Seen:
    n = s.size
    s.keep.rewind()
    (first, codes), (second, codes_again) = s.draw(n), s.draw(n)
    a, b = columns(first, n), columns(second, n)
    if a.shape[1] and torch.equal(a, b):
        yield fault("latents-reused", f"two draws of {n} latents, one after the other, are the same")
        return
    still = [name for name, value in codes.items() if torch.equal(value, codes_again[name])]
    if still:
        yield fault("latents-reused", f"two draws have the same values of {', '.join(map(repr, still))}")
    coded = {j for at in s.where.values() for j in at}
    noise = [j for j in range(a.shape[1]) if j not in coded]
    if noise and all(s.where.values()):
        for what, one in (("all latents of a draw have the same noise", a[:, noise].std(0)),
                          ("two draws have the same noise", (a - b)[:, noise].abs().amax(0))):  # fmt: skip
            if bool((one < 1e-9).all()):
                yield fault("latents-reused", what)
    yield "; ".join(f"{name}: {prior}" for name, prior in s.priors.items())


@check("the step feeds what sample draws", "step")
def fed(s: Subject) -> Seen:
    run = step_seen(s)
    for name, prior in s.priors.items():
        if prior.states or not run.inputs:
            continue
        values = torch.cat([s.codes_in(given)[name].flatten() for given in run.inputs])
        room = 0.02 * (prior.high - prior.low) if prior.family == "even" else 1.5 * prior.std
        outside = (values < prior.low - room) | (values > prior.high + room)
        if float(outside.float().mean()) > 0.01:
            yield fault("fed-range", f"{100 * float(outside.float().mean()):.0f} % of {name!r} in the step lie outside "
                        f"{prior.low:.2f} to {prior.high:.2f}")  # fmt: skip


@check("the seed fixes the run", "rerun")
def seeded(s: Subject) -> Seen:
    assert s.given.rerun is not None
    results = []
    for seed in (5, 6):  # whatever stands in the global generators before, the run's own seed is to decide
        s.keep.again(seed)
        if seed == 6:
            for one, _ in s.keep.generators:
                one.manual_seed(seed)
        results.append([t.detach().clone() for t in tensors_in(s.given.rerun())])
    if not results[0]:
        raise Skip("rerun returned no tensor to compare")
    off = max(float((a.double() - b.double()).abs().max()) for a, b in zip(*results))
    if off > 0:
        yield fault("seed", f"two runs from the same seed differ, by up to {off:.3g}")


@check("the sweep covers the drawn range", "sweep")
def swept(s: Subject) -> Seen:
    for name, (low, high) in (s.given.sweep or {}).items():
        if name not in s.priors or s.priors[name].states:
            raise Skip(f"sweep: {name!r} is no continuous code of sample's")
        prior = s.priors[name]
        even = prior.family == "even"
        a, b = (prior.low, prior.high) if even else (-3 * prior.std, 3 * prior.std)
        room = 0.05 * (b - a)
        inside = max(0.0, min(high, b) - max(low, a)) / (b - a)
        if low < a - room or high > b + room or inside < 0.5:
            yield doubt("sweep-range", f"{name!r} is swept from {low:g} to {high:g} and drawn {prior}")
