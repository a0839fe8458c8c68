"""Preflight: the tests of the bug clinic for anybody's G, D and Q, before a training or after it. Built in notebook 11.

    report = preflight(generator=G, discriminator=D, q=Q, sample=draw, loss_d=..., loss_g=..., optimisers=[...])
    report          # lines, or a table in a notebook; report.failed for scripts

Needs torch alone. No check looks at a name: weights are found on the graph of a batch, codes by their values in what
G is fed.
"""

from infogan_lib.measure.preflight.reading import binary, gaussian, logits, point, probs
from infogan_lib.measure.preflight.report import Finding, Report
from infogan_lib.measure.preflight.run import preflight

__all__ = ["Finding", "Report", "binary", "gaussian", "logits", "point", "preflight", "probs"]
