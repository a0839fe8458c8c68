"""The exercises' checker: `check("07.1", info_term)` says "not yet", "wrong" or "right", and why.

    from infogan_lib.course.exercises import check
    check("07.1", info_term)      # the last line of the cell: the Feedback it returns is shown

The checks of notebook NN live in `nbNN.py`. One looks like this:

    @exercise("07b.2", "first hint", "a plainer hint", takes="function")
    def confusion(answer):
        compare(answer(1.6, 10), 2.019, [(4.953, "This is exp(L_I), the number of ...")])    # see blocks.py
        return "Why that is right."

It calls the learner's function as if nothing could go wrong, raises `Wrong(message)`, and returns what to say
of a right answer. Stubs, exceptions, endless loops and random state are looked after here.
"""

import contextlib
import dis
import functools
import html
import importlib
import linecache
import random
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal

import numpy as np
import torch

from infogan_lib.course.exercises import deadline

State = Literal["not yet", "wrong", "right"]
# Mid tones, readable on white and on black; the word says the same as the colour.
COLOURS = {"not yet": "#888888", "wrong": "#d9622b", "right": "#2e9e5b"}
# What a body of `...`, `pass` or a docstring compiles to, in Python 3.11 and later.
IDLE = {"RESUME", "NOP", "CACHE", "POP_TOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
FILL_IN = "Put your answer in place of `...` and run this cell again."


class Wrong(Exception):
    """The answer is wrong; the message tells the learner what was seen, what was expected, what to try."""


class NotYet(Exception):
    """The stub is still a stub."""


@dataclass(frozen=True)
class Feedback:
    """What `check` says. Its first line of text, `exercise 07.1: right`, can be found in a saved notebook."""

    id: str
    state: State
    message: str
    hints: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [f"exercise {self.id}: {self.state}", *self.message.splitlines()]
        if self.hints:
            lines.append(f'(a hint: print(check("{self.id}", ...).hints[0]))')
        return "\n  ".join(lines)

    def _repr_html_(self) -> str:
        names = ["hint", "another hint", *(["one more hint"] * len(self.hints))]
        folded = "".join(
            f"<details><summary>{name}</summary>{_markup(hint)}</details>"
            for name, hint in zip(names, self.hints, strict=False)
        )
        return (
            f'<div data-exercise="{html.escape(self.id)}" data-state="{self.state}" '
            f'style="border-left:4px solid {COLOURS[self.state]};padding:0.1em 0 0.1em 0.8em">'
            f"<b>exercise {html.escape(self.id)}: {self.state}</b><div>{_markup(self.message)}</div>{folded}</div>"
        )


def _markup(text: str) -> str:
    """Text as HTML: everything escaped, `backticks` as code, a line that starts with spaces as a line of code."""
    lines = []
    for line in text.splitlines():
        safe = html.escape(line.strip())
        lines.append(
            f"<code>{safe}</code>" if line.startswith("  ") else re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
        )
    return "<br>".join(lines)


@dataclass(frozen=True)
class Exercise:
    id: str
    hints: tuple[str, ...]
    takes: Literal["function", "value"]
    seconds: float
    judge: Callable[[Any], str]


EXERCISES: dict[str, Exercise] = {}


def exercise(
    id: str, *hints: str, takes: Literal["function", "value"] = "function", seconds: float = 20
) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    """Decorator: make `check(id, answer)` know a judge. A class to be judged is a "value"."""

    def add(judge: Callable[[Any], str]) -> Callable[[Any], str]:
        EXERCISES[id] = Exercise(id, hints, takes, seconds, judge)
        return judge

    return add


def check(id: str, answer: Any = None, *, seconds: float | None = None) -> Feedback:
    """Judge `answer`, a function or a value, and return the Feedback; as a cell's last line it is shown.

    Leaves torch's, numpy's and Python's random state as it was. `seconds` replaces the exercise's deadline;
    deadline.py says what can be stopped and what cannot. Raises ValueError for an unknown id and lets
    KeyboardInterrupt through, nothing else.
    """
    known = _find(id)
    notebook = sys._getframe(1).f_globals  # frames with these globals are the learner's own lines
    limit = known.seconds if seconds is None else seconds
    try:
        with _own_random_state():
            message = deadline.call(lambda: known.judge(_received(known, answer)), limit)
        return Feedback(id, "right", message)
    except Wrong as wrong:
        return Feedback(id, "wrong", str(wrong), known.hints)
    except NotYet:
        return Feedback(id, "not yet", FILL_IN, known.hints)
    except deadline.TimeUp as late:
        stack = traceback.walk_stack(late.frame) if late.frame is not None else ()
        message = f"No answer after {limit:g} s. Is there a loop that never ends?" + _own_line(stack, notebook)
        if not late.stopped:
            message += (
                "\nIt could not be stopped: it is inside one long call, or catches every exception. It goes on in the "
                "background; restart the kernel if it does not end."
            )
        return Feedback(id, "wrong", message, known.hints)
    except (Exception, SystemExit) as error:
        steps = list(traceback.walk_tb(error.__traceback__))[::-1]
        where = _own_line(steps, notebook)
        if isinstance(error, NotImplementedError) and steps[0][0].f_globals is notebook:  # torch raises it as well
            return Feedback(id, "not yet", FILL_IN, known.hints)
        if isinstance(error, TypeError) and "ellipsis" in str(error):
            return Feedback(id, "not yet", f"There is still a `...` to fill in.{where}", known.hints)
        text = "".join(traceback.format_exception_only(error)).strip()[:600]
        begin = "Your code raised" if where else "The check could not make sense of your answer:"
        return Feedback(id, "wrong", f"{begin} {text}{where}", known.hints)


def own_or_twin(id: str, answer: Callable[..., Any], twin: Callable[..., Any]) -> Callable[..., Any]:
    """`answer` where its check says right, else `twin`, the library's, so that the next cells run; prints which.

    Raises ValueError for an unknown id.
    """
    state = "not yet" if answer is twin else check(id, answer).state  # a second call finds the twin under that name
    if state == "right":
        print(f"{id}: yours is right, and it runs from here on.")
        return answer
    print(f"{id}: {state}, so the library's twin runs from here on. Solve it, then run both cells again.")
    return twin


def _find(id: str) -> Exercise:
    number = str(id).partition(".")[0]
    module = f"{__package__}.nb{number}"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    if id not in EXERCISES:
        there = sorted(name for name in EXERCISES if name.startswith(f"{number}.")) or ["none"]
        raise ValueError(
            f"no exercise {id!r}: notebook {number!r} has {', '.join(there)}. Call check(id, answer)."
        ) from None
    return EXERCISES[id]


def _received(known: Exercise, answer: Any) -> Any:
    """The answer as its judge gets it: never a stub, and a function that never quietly returns None."""
    if answer is None or answer is ...:
        raise NotYet
    if known.takes == "value":
        return answer
    if not callable(answer):
        raise Wrong(
            f"A function is expected here, and this is a {type(answer).__name__}. "
            "Pass the function by its name, without calling it."
        )
    if _does_nothing(answer):
        raise NotYet

    @functools.wraps(answer)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        result = answer(*args, **kwargs)
        if result is ...:
            raise NotYet
        if result is None:
            raise Wrong("Your function returned None. Does it end with `return`?")
        return result

    return guarded


def _does_nothing(function: Callable[..., Any]) -> bool:
    code = getattr(function, "__code__", None)
    if code is None or not {instruction.opname for instruction in dis.get_instructions(code)} <= IDLE:
        return False
    return set(code.co_consts) <= {None, ..., function.__doc__}  # and not `return 3`


def _own_line(steps: Iterable[tuple[FrameType, int]], notebook: dict[str, Any]) -> str:
    """The learner's line in the first of these steps that is in the notebook, or ''."""
    for frame, number in steps:
        if frame.f_globals is notebook:
            return f"\n  line {number}: {linecache.getline(frame.f_code.co_filename, number).strip()}"
    return ""


@contextlib.contextmanager
def _own_random_state() -> Iterator[None]:
    """Fixed seeds inside, so that a check repeats; outside, nothing has happened."""
    cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(cuda):
            torch.default_generator.manual_seed(0)  # torch.manual_seed would also reach for the GPU
            np.random.seed(0)
            random.seed(0)
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
