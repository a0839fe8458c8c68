"""Callbacks that show their errors, keep no dead object alive, and run when the kernel is interrupted between cells
or a cell is run again.
"""

import threading
import weakref
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
from IPython import get_ipython


def guarded(act: Callable[[], Any], show: Callable[[str], None]) -> Callable[..., None]:
    """A callback that calls `act()`, and hands `show` one line of what that raises: nobody reads the kernel's log."""

    def callback(*_: Any) -> None:
        try:
            act()
        except Exception as error:
            show(f"{type(error).__name__}: {error}")

    return callback


class Message(ipywidgets.HTML):
    """The line below a widget: what was saved and where, or what failed."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("infogan-message")

    def guarded(self, act: Callable[[], Any]) -> Callable[..., None]:
        """A callback whose error is shown here."""
        return guarded(act, self.fail)

    def fail(self, line: str) -> None:
        self.value = f'<div role="alert" class="error">{escape(line)}</div>'

    @property
    def failed(self) -> bool:
        return 'role="alert"' in self.value


def button(
    label: str, tooltip: str, press: Callable[..., None] | None = None, width: str = "auto"
) -> ipywidgets.Button:
    """A button; `press`, a guarded callback, is called when it is pressed."""
    made = ipywidgets.Button(description=label, tooltip=tooltip, layout={"width": width})
    if press is not None:
        made.on_click(press)
    return made


def weakly(method: Callable[..., None]) -> Callable[..., None]:
    """A bound method for as long as its object lives; nothing happens afterwards."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> None:
        if (alive := reference()) is not None:
            alive(*args)

    return call


def on_interrupt(method: Any) -> None:
    """Call a bound method, for as long as its object lives, whenever the IPython kernel is interrupted: while any cell
    runs, and while none does.

    Call this from a cell. Outside IPython nothing is done: there, Ctrl-C is a KeyboardInterrupt in the main thread, as
    always.
    """
    if (cells := _cells()) is not None:
        cells.add_interrupted(method)


def on_rerun(method: Any) -> None:
    """Call a bound method, if its object still lives, before the notebook's cell that now runs is run again.

    Outside a notebook, or where its front end does not name the cells, nothing is done.
    """
    cells = _cells()
    if cells is not None and (cell := cells.running()) is not None:
        cells.rerun.setdefault(cell, Methods())[method.__self__] = method.__func__


Methods = weakref.WeakKeyDictionary[Any, Any]  # {object: one function of its class}


def _call(methods: Methods) -> None:
    for owner, function in list(methods.items()):
        function(owner)


def _cells() -> "_Cells | None":
    """One a shell, however many widgets a notebook makes."""
    shell: Any = get_ipython()
    if shell is None:
        return None
    if not hasattr(shell, "infogan_cells"):
        shell.infogan_cells = _Cells(shell)
    return shell.infogan_cells


class _Cells:
    """What to call when the cells of one shell are interrupted, and when they are run again."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.interrupted: Methods = Methods()
        self.rerun: dict[str, Methods] = {}  # by cell
        self.before: Any = None  # the kernel's own handler of SIGINT between cells
        shell.events.register("pre_run_cell", self.before_cell)
        shell.events.register("post_run_cell", self.after_cell)

    def running(self) -> str | None:
        """The notebook's name of the cell that runs; None where there is none."""
        request: dict[str, Any] = getattr(self.shell, "get_parent", dict)()
        return request.get("metadata", {}).get("cellId")

    def add_interrupted(self, method: Any) -> None:
        self.interrupted[method.__self__] = method.__func__
        # ipykernel ignores SIGINT between cells. This is the handler that it puts back when the cell ends.
        kernel: Any = getattr(self.shell, "kernel", None)
        handler = getattr(kernel, "saved_sigint_handler", None)
        if self.before is None and handler is not None and threading.current_thread() is threading.main_thread():
            self.before, kernel.saved_sigint_handler = handler, self.between_cells

    def before_cell(self, _: Any) -> None:
        _call(self.rerun.pop(self.running() or "", Methods()))

    def after_cell(self, result: Any) -> None:
        if isinstance(result.error_in_exec, KeyboardInterrupt):
            _call(self.interrupted)

    def between_cells(self, number: int, frame: Any) -> None:
        # A signal handler must not wait for locks that the code it cut into may hold.
        threading.Thread(target=_call, args=[self.interrupted], daemon=True).start()
        if callable(self.before):
            self.before(number, frame)
