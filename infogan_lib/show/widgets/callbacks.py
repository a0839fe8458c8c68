"""Callbacks that hide no error, keep no dead object alive, and hear an interrupt that no cell waits for."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any


def guarded(act: Callable[..., Any], show: Callable[[str], None]) -> Callable[..., None]:
    """A callback whose exception is handed to `show` as one line: in the kernel's log nobody would see it."""

    def callback(*change: Any) -> None:
        try:
            act(*change)
        except Exception as error:
            show(f"{type(error).__name__}: {error}")

    return callback


def weakly(method: Callable[..., None]) -> Callable[..., None]:
    """A bound method for as long as its object lives; nothing happens afterwards."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        if (alive := reference()) is not None:
            alive(*args)

    return call


def on_interrupt(act: Callable[[], None]) -> None:
    """Call `act` whenever the IPython kernel is interrupted: while any cell runs, and while none does.

    Call this from a cell. Outside IPython nothing is done: there, Ctrl-C is a KeyboardInterrupt in the main
    thread, as always.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return

    def after_cell(result: Any) -> None:
        if isinstance(result.error_in_exec, KeyboardInterrupt):
            act()

    shell.events.register("post_run_cell", after_cell)

    kernel: Any = getattr(shell, "kernel", None)
    before = getattr(kernel, "saved_sigint_handler", None)
    if before is None or threading.current_thread() is not threading.main_thread():
        return

    def between_cells(number: int, frame: Any) -> None:
        # A signal handler must not wait for locks that the code it cut into may hold.
        threading.Thread(target=act, daemon=True).start()
        if callable(before):
            before(number, frame)

    # ipykernel ignores SIGINT between cells. This is the handler that it puts back when the cell ends.
    kernel.saved_sigint_handler = between_cells
