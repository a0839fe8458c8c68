"""Weights, optimisers and norms."""

from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from infogan_lib.measure.preflight.checks.check import Seen, check, doubt, fault
from infogan_lib.measure.preflight.keep import reachable
from infogan_lib.measure.preflight.subject import Subject, held_by, tensors_in
from infogan_lib.measure.preflight.term import step_seen

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def kinds(tensors: Iterable[Tensor]) -> set[str]:
    """Device and dtype of the floating tensors, as one word each."""
    return {f"{t.device} {str(t.dtype).removeprefix('torch.')}" for t in tensors if t.is_floating_point()}


def differing(s: Subject) -> str:
    """Which parts differ in device or dtype, in words; "" where none do. Works where G, D and Q do not run."""
    found = {"the input of G": kinds(tensors_in(s.latent)), "the real images": kinds(tensors_in(s.given.real))}
    for name in ("generator", "discriminator", "q"):
        held = reachable(getattr(s.given, name))
        weights: list[Tensor] = [w for m in held if isinstance(m, nn.Module) for w in m.parameters()]
        weights += [t for t in held if isinstance(t, Tensor) and t.requires_grad]
        found[name] = kinds(s.weights[name[0].upper()] if s.weights else weights)
    every = set().union(*found.values())
    return ", ".join(f"{k} {' and '.join(sorted(v))}" for k, v in found.items() if v) if len(every) > 1 else ""


@check("device and dtype")
def device(s: Subject) -> Seen:
    if seen := differing(s):
        yield fault("device-dtype", seen)
    yield " and ".join(kinds(s.weights["G"]))


@check("one optimiser for each weight", "optimisers")
def optimisers(s: Subject) -> Seen:
    held = [held_by(one) for one in s.given.optimisers or ()]
    number = Counter(w for one in held for w in one)
    g, d, q = ({id(w): w for w in s.weights[part]} for part in "GDQ")
    for part, weights in (("G", g), ("D", {k: w for k, w in d.items() if k not in q}), ("Q", q)):
        missing = [w for k, w in weights.items() if not number[k]]
        if missing:
            seen = f"{len(missing)} of {len(weights)} tensors of {part}'s weights, the first of shape "
            yield fault("optimiser-missing", seen + str(tuple(missing[0].shape)))
    both = [part for part, weights in zip("GDQ", (g, d, q)) if any(number[k] > 1 for k in weights)]
    if both:
        yield doubt("optimiser-two", f"{sum(n > 1 for n in number.values())} tensors, of {', '.join(both)}")
    own, trunk = d.keys() - q.keys(), d.keys() & q.keys()
    if s.given.loss_info is not None or (s.given.has("step") and s.first is not None and not step_seen(s).fools):
        return  # a step on L_I alone may train all three
    for i, one in enumerate(held):
        if one & g.keys() and one & own:
            yield fault("d-in-g-optimiser", f"optimiser {i} has G's weights and {len(one & own)} tensors of D's own")
        elif one & g.keys() and own and one & trunk:
            yield doubt(
                "d-in-g-optimiser", f"optimiser {i} has G's weights and {len(one & trunk)} tensors of the trunk"
            )


@check("each part moves in a step, on fresh gradients", "step")
def moves(s: Subject) -> Seen:
    step, parts = s.given.step, {"G": s.weights["G"], "D": s.weights["D"], "Q": s.weights["own"]}
    assert step is not None
    before = {part: [w.detach().clone() for w in weights] for part, weights in parts.items()}
    s.keep.again()
    for _ in range(6):  # some train G only every few steps of D
        step()
        still = [p for p, ws in parts.items() if ws and all(torch.equal(w, b) for w, b in zip(ws, before[p]))]
        if not still:
            break
    held = {w for one, _ in s.keep.optimisers for w in held_by(one)}
    for part in still:
        name = "never-moved" if all(id(w) in held for w in parts[part]) else "optimiser-missing"
        yield fault(name, f"6 steps changed none of the {len(parts[part])} tensors of {part}'s weights")
    every, results = [w for weights in parts.values() for w in weights], []
    for old in (None, 0.5):
        s.keep.again()
        for w in every:
            w.grad = None if old is None else torch.full_like(w, old)
        step()
        results.append([w.detach().clone() for w in every])
    off = [float((a - b).abs().max()) for a, b in zip(*results)]
    if max(off) > 1e-5:
        seen = f"what stood in .grad before the step changed {sum(o > 1e-5 for o in off)} of {len(off)} weight tensors"
        yield fault("stale-gradient", seen)


@check("eps of norms")
def norms(s: Subject) -> Seen:
    large = {m.eps for m, *_ in s.keep.modules if isinstance(m, NORMS) and m.eps > 1e-2}
    large |= {eps for c in s.watch.calls if c.function == "batch_norm" and (eps := c.options.get("eps", 0)) > 1e-2}
    if large:
        yield doubt("norm-eps", f"eps of {', '.join(f'{eps:g}' for eps in sorted(large))}; PyTorch's own is 1e-05")
