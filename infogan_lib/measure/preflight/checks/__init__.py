"""The checks, a module for each topic. `CHECKS` has them in the order of the report."""

from infogan_lib.measure.preflight.checks import check, images, latents, log, parts, said, states, wiring

ORDER = (parts, latents, said, wiring, images, states, log)
CHECKS = sorted(check.CHECKS, key=lambda one: [module.__name__ for module in ORDER].index(one.run.__module__))
