"""Callbacks that show their errors, keep no dead object alive, and run when the kernel is interrupted between cells."""

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
    shell: Any = get_ipython()
    if shell is None:
        return
    if not hasattr(shell, "infogan_interrupts"):  # one a shell, however many monitors a notebook makes
        shell.infogan_interrupts = _Interrupts(shell)
    shell.infogan_interrupts.add(method)


class _Interrupts:
    """The methods to call when one shell is interrupted, one an object."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.methods: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self.before: Any = None  # the kernel's own handler of SIGINT between cells
        shell.events.register("post_run_cell", self.after_cell)

    def add(self, method: Any) -> None:
        self.methods[method.__self__] = method.__func__
        # ipykernel ignores SIGINT between cells. This is the handler that it puts back when the cell ends.
        kernel: Any = getattr(self.shell, "kernel", None)
        handler = getattr(kernel, "saved_sigint_handler", None)
        if self.before is None and handler is not None and threading.current_thread() is threading.main_thread():
            self.before, kernel.saved_sigint_handler = handler, self.between_cells

    def call(self) -> None:
        for owner, function in list(self.methods.items()):
            function(owner)

    def after_cell(self, result: Any) -> None:
        if isinstance(result.error_in_exec, KeyboardInterrupt):
            self.call()

    def between_cells(self, number: int, frame: Any) -> None:
        # A signal handler must not wait for locks that the code it cut into may hold.
        threading.Thread(target=self.call, daemon=True).start()
        if callable(self.before):
            self.before(number, frame)
