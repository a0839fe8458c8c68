"""What a check is: a function of the subject that yields findings, or a line for the report where all is well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infogan_lib.measure.preflight.report import Finding
from infogan_lib.measure.preflight.subject import Subject

Seen = Iterator[Finding | str]


@dataclass(frozen=True)
class Check:
    """`needs` are the arguments without which it is not made; one of a group written "a or b" is enough."""

    title: str
    needs: tuple[str, ...]
    run: Callable[[Subject], Seen]


CHECKS: list[Check] = []


def check(title: str, *needs: str) -> Callable[[Callable[[Subject], Seen]], Callable[[Subject], Seen]]:
    """Adds a function to `CHECKS`."""

    def add(function: Callable[[Subject], Seen]) -> Callable[[Subject], Seen]:
        CHECKS.append(Check(title, needs, function))
        return function

    return add


def fault(name: str, seen: str) -> Finding:
    return Finding(name, "fault", seen)


def doubt(name: str, seen: str) -> Finding:
    return Finding(name, "doubt", seen)


def note(name: str, seen: str) -> Finding:
    return Finding(name, "note", seen)
