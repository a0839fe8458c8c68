"""Run a function for at most so many seconds, on any system, inside Jupyter or out of it.

The function runs in a worker thread. When its time is up, `Stopped` is raised in that thread through
`PyThreadState_SetAsyncExc`, which needs no signals and so works on Windows too. The caller waits in
short steps, so that Ctrl-C (the kernel's stop button) gets through and stops the worker as well.

What it cannot do. Python delivers the exception between two bytecodes. A loop written in Python is
stopped at once, whatever torch operations it holds. One long call into C (`time.sleep(3600)`, a huge
matrix product) is left running: the caller goes on after a short grace, and the worker ends as soon as
that call returns. A C loop that never lets go of the interpreter (`sum(itertools.count())`,
`10 ** 10 ** 9`) holds up every thread, this one too, and only a restart of the kernel helps. Debuggers
and `input()` do not work in the worker.
"""

import contextvars
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

POLL = 0.1  # on Windows a lock cannot be interrupted: the wait between two looks at Ctrl-C
GRACE = 2.0  # how long a worker that was told to stop is waited for

T = TypeVar("T")


class Stopped(SystemExit):
    """Raised in the worker. A SystemExit, because code that catches `Exception` lets it pass, and a
    thread that dies of one prints nothing."""


class TimeUp(Exception):
    """`frame` is where the worker was; `stopped` says whether it has ended."""

    def __init__(self, frame: FrameType | None, stopped: bool) -> None:
        super().__init__()
        self.frame, self.stopped = frame, stopped


def call(function: Callable[[], T], seconds: float) -> T:
    """`function()`: its result, or its exception raised here. TimeUp after `seconds`."""
    done = threading.Event()
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.extend((function(), None))
        except BaseException as error:  # handed to the caller, KeyboardInterrupt and SystemExit included
            outcome.extend((None, error))
        finally:
            done.set()

    # Jupyter keeps in a context variable which cell the prints of a thread belong to.
    context = contextvars.copy_context()
    worker = threading.Thread(target=context.run, args=(work,), daemon=True, name="exercise")
    worker.start()
    deadline = time.monotonic() + seconds
    try:
        while not done.wait(max(0.0, min(POLL, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                frame = sys._current_frames().get(worker.ident or 0)
                raise TimeUp(frame, _stop(worker, done))
    except KeyboardInterrupt:
        _stop(worker, done)
        raise
    value, error = outcome
    if error is not None:
        raise error
    return value


def _stop(worker: threading.Thread, done: threading.Event) -> bool:
    """Raise Stopped in the worker, again if it was caught, and say whether the worker has ended."""
    until = time.monotonic() + GRACE
    while not done.is_set() and time.monotonic() < until:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(Stopped))
        done.wait(GRACE / 8)
    return done.is_set()
