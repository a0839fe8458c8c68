"""A log of L_I, in nats: {name of a code: readings}."""

import math

from infogan_lib.measure.preflight.checks.check import Seen, check, doubt, fault
from infogan_lib.measure.preflight.subject import Subject


@check("the log of L_I", "log")
def logged(s: Subject) -> Seen:
    seen = []
    for name, values in (s.given.log or {}).items():
        if name not in s.priors:
            raise ValueError(f"log: {name!r} is no code of sample's; it has {', '.join(map(repr, s.priors))}")
        curve = [float(one) for one in values]
        if len(curve) < 8:
            raise ValueError(f"log: {name!r} has {len(curve)} readings; at least 8 are needed to see a course")
        prior, part = s.priors[name], max(2, len(curve) // 4)
        end, before = sum(curve[-part:]) / part, sum(curve[-2 * part : -part]) / part
        best = max(sum(curve[i : i + 2]) / 2 for i in range(len(curve) - 1))
        k, ceiling = prior.states, prior.entropy if prior.states else None
        cap = math.log(k) - math.log(1 + (k - 1) / math.e) if k > 1 else math.nan
        words = f"{name!r} ends at {end:.2f} nats, its best was {best:.2f}"
        level = ceiling if ceiling is not None else 1.0
        if ceiling is not None and best > ceiling + 0.05:
            yield fault("log-above", f"{words}, H(c) is {ceiling:.2f}")
        elif best > 0.3 * level and end < 0.4 * best:
            yield fault("log-fell", words)
        elif best < 0.1 * level:
            yield fault("log-flat", words)
        elif k > 1 and abs(end - cap) < 0.06 * cap and max(curve) < cap + 0.02 and abs(end - before) < 0.1 * cap:
            yield fault("log-capped", f"{words}; two softmaxes stop at {cap:.2f}")
        elif ceiling is not None and end < 0.93 * ceiling and abs(end - before) < 0.02 * ceiling:
            yield doubt("log-entrenched", f"{words}, H(c) is {ceiling:.2f}")
        else:
            seen.append(words)
    yield "; ".join(seen)
