"""`preflight` itself, and its command line."""

import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib.measure.preflight.checks import CHECKS
from infogan_lib.measure.preflight.checks.parts import differing
from infogan_lib.measure.preflight.keep import Keeper
from infogan_lib.measure.preflight.report import Finding, Report
from infogan_lib.measure.preflight.subject import Given, Skip, Subject
from infogan_lib.measure.preflight.watch import Watch


def preflight(
    *,
    generator: Callable[..., Tensor],
    discriminator: Callable[[Tensor], Tensor],
    q: Callable[[Tensor], Any],
    sample: Callable[[int], tuple[Any, Mapping[str, Tensor]]],
    read: Callable[[Any], Mapping[str, Distribution]] | None = None,
    loss_d: Callable[..., Tensor] | None = None,
    loss_g: Callable[..., Tensor] | None = None,
    loss_info: Callable[..., Tensor] | None = None,
    step: Callable[[], Any] | None = None,
    optimisers: Sequence[torch.optim.Optimizer] | None = None,
    real: Tensor | Callable[[int], Tensor] | None = None,
    generate: Callable[..., Tensor] | None = None,
    bound: Callable[..., Any] | None = None,
    rerun: Callable[[], Any] | None = None,
    sweep: Mapping[str, tuple[float, float]] | None = None,
    log: Mapping[str, Sequence[float]] | None = None,
    trained: bool = False,
    batch: int = 64,
) -> Report:
    """Look for what is wrong in an InfoGAN. What is not given is not tested, and the report says so.

    generator      input of G -> images (N, ...); a tuple is spread out over its arguments
    discriminator  images -> scores, (N,) or (N, 1): pick them, as in `lambda x: D(x)[0]`
    q              images -> what Q says, raw
    sample         n -> (input of G, {name: codes}); codes are states (N,), one-hot (N, K), or numbers (N,) or (N, m)
    read           what q returns -> {name: distribution}; helpers: logits, probs, gaussian, point, binary.
                   Not needed where q returns that itself
    loss_d         (real, fake, codes) -> what D's step minimises, where codes is the dictionary of `sample`;
                   or a function of (real) or of nothing that draws its own latents
    loss_g         (fake, codes) -> what G's step minimises; or a function of nothing
    loss_info      (fake, codes) -> the information loss, where it has a step of its own
    step           one training step of D and G, with their optimisers; its latents are seen where G is a module
    real           a batch of images as D gets them, or a function of n
    generate       input of G -> images to look at, in the mode that you look in
    bound          (images, codes) -> your L_I in nats, or {name: L_I}
    rerun          a function that sets your seed, runs a little, and returns tensors to compare
    sweep          {name: (low, high)} of continuous codes
    log            {name: readings of L_I}
    trained        True after training: then also collapse, ignored codes and noise, a saturated D

    Nothing is changed: weights, gradients, statistics of norms, modes, optimisers and random states are put back.
    Raises ValueError where an argument is not as described.
    """
    given = Given(**dict(locals()))
    for name in ("generator", "discriminator", "q", "sample", "read", "loss_d", "loss_g", "loss_info", "step",
                 "generate", "bound", "rerun"):  # fmt: skip
        if getattr(given, name) is not None and not callable(getattr(given, name)):
            raise ValueError(f"{name}: expected a function or a module, got {type(getattr(given, name)).__name__}")
    if optimisers is not None and not all(isinstance(one, torch.optim.Optimizer) for one in optimisers):
        raise ValueError("optimisers: expected a list of torch.optim optimisers")
    with Keeper(*vars(given).values()) as keep, torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Watch(keep.see) as watch:
            watch.still = True
            return _report(Subject(given, keep, watch))


def _report(s: Subject) -> Report:
    report = Report([], [], [], _remarks(s))
    try:
        s.prepare()
    except ValueError as error:
        if _ours(error):
            raise
        return _stopped(s, report, error)
    except Exception as error:
        return _stopped(s, report, error)
    for check in CHECKS:
        missing = [need for need in check.needs if not any(s.given.has(one) for one in need.split(" or "))]
        if missing:
            why = "for trained models: pass trained=True" if "trained" in missing else f"give {missing[0]}"
            report.untested.append((check.title, why))
            continue
        seen: list[Finding | str] = []
        try:
            seen = list(check.run(s))
        except Skip as why_not:
            report.untested.append((check.title, str(why_not)))
        except Exception as error:
            if _ours(error):
                raise
            seen = [Finding("does-not-run", "fault", f"{check.title}: {type(error).__name__}: {_line(error)}")]
        findings = [one for one in seen if isinstance(one, Finding)]
        report.findings.extend(one for one in findings if one not in report.findings)
        if not any(one.level in ("fault", "doubt") for one in findings) and (check.title,) not in [
            r[:1] for r in report.untested
        ]:
            report.passed.append((check.title, next((one for one in seen if isinstance(one, str)), "")))
    return report


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _ours(error: Exception) -> bool:
    """Was it raised by this package itself: a word to the caller, and no fault of the code under test?"""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        isinstance(error, ValueError)
        and trace is not None
        and str(Path(__file__).parent) in trace.tb_frame.f_code.co_filename
    )


def _stopped(s: Subject, report: Report, error: Exception) -> Report:
    part = s.watch.stopped or "sample"
    if seen := differing(s):
        report.findings.append(Finding("device-dtype", "fault", seen))
    report.findings.append(Finding("does-not-run", "fault", f"{part}: {type(error).__name__}: {_line(error)}"))
    report.untested.extend((check.title, f"{part} stopped") for check in CHECKS[1:])
    return report


def _remarks(s: Subject) -> list[str]:
    remarks = []
    if s.given.has("step") or s.given.has("rerun"):
        remarks.append(
            "step and rerun were called some times: what they count, log, print or take from a data loader has moved on"
        )
    return remarks


def command(arguments: list[str]) -> int:
    """`python -m infogan_lib preflight FILE.py:function`: 0 where nothing failed, 1 for a fault. See `cli`."""
    if len(arguments) != 1 or ":" not in arguments[0]:
        sys.exit(
            "usage: python -m infogan_lib preflight FILE.py:function  # it returns a report, or preflight's arguments"
        )
    name, _, function = arguments[0].rpartition(":")
    path = Path(name)
    if not path.is_file():
        sys.exit(f"error: no file {name}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.resolve().parent))
    spec.loader.exec_module(module)
    if not callable(getattr(module, function, None)):
        sys.exit(f"error: {name} has no function {function!r}")
    try:
        result = getattr(module, function)()
        report = result if isinstance(result, Report) else preflight(**result)
    except (TypeError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(report)
    return int(report.failed)
