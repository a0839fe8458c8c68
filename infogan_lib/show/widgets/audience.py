"""The monitors of one run: they show the same, and the buttons of each order the one thread that drives it."""

import contextlib
import weakref
from typing import Any, Protocol

from infogan_lib.core.recipe import Report
from infogan_lib.show.widgets.callbacks import weakly
from infogan_lib.show.widgets.worker import Worker


class Watcher(Protocol):
    """What an audience asks of a monitor."""

    def update(self, report: Report) -> None: ...
    def _begin(self) -> None: ...
    def _draw(self, state: str) -> None: ...


class Audience:
    """The open monitors of a run, and its worker once one of them has started it.

    Monitors hold their audience and the run knows it weakly: nothing here keeps a run. The worker stops when the
    last monitor has left, and when the interpreter exits.
    """

    def __init__(self) -> None:
        self.watchers: tuple[Watcher, ...] = ()
        self.worker: Worker | None = None
        self._end: Any = None

    @classmethod
    def of(cls, run: Any) -> "Audience":
        """The audience that a run has already, or a new one."""
        found = getattr(run, "_audience", lambda: None)()
        if found is None:
            found = cls()
            with contextlib.suppress(AttributeError):  # an iterator that takes no attributes has an audience for each
                run._audience = weakref.ref(found)
        return found

    def hire(self, run: Any) -> Worker:
        """A worker for `run`, paused."""
        if self._end is not None:
            self._end.detach()
        self.worker = worker = Worker(run, weakly(self.update), weakly(self.draw))
        self._end = weakref.finalize(self, worker.stop)
        worker.start()
        return worker

    def leave(self, watcher: Watcher, close: bool) -> None:
        """With the last one the worker stops, and closes its run or leaves it to whoever has it."""
        if self.worker is not None and self.watchers == (watcher,):
            self.worker.stop(close=close)
        self.watchers = tuple(other for other in self.watchers if other is not watcher)

    def update(self, report: Report) -> None:
        for watcher in self.watchers:
            watcher.update(report)

    def begin(self) -> None:
        for watcher in self.watchers:
            watcher._begin()

    def draw(self, state: str) -> None:
        for watcher in self.watchers:
            watcher._draw(state)
