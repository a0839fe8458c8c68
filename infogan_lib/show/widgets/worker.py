"""A training in a thread of its own. Every order reaches it between two steps, never within one.

No widget here: `monitor` has the buttons. States: "running", "paused", and the three ends "finished",
"stopped" and "failed".
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from infogan_lib.data.threads import one_thread
from infogan_lib.training.checkpoint import TrainingError

Call = tuple[Callable[[], Any], Future[Any]]  # asked for by another thread, and where its answer goes
ENDS = ("finished", "stopped", "failed")
PATIENCE = 0.2  # seconds between two looks for Ctrl-C while the main thread waits


def check_startable(run: Any) -> None:
    """Raises TrainingError where `run` is finished, broken or closed, TypeError where it is no run at all."""
    if not (hasattr(run, "__next__") and hasattr(run, "model")):
        raise TypeError(f"expected a Training, or another iterator of reports with a .model, got {type(run).__name__}.")
    if hasattr(run, "__len__") and not len(run):
        raise TrainingError("this run is finished; Training.resume(folder, images, steps=...) trains it further.")
    if getattr(run, "in_step", False):
        raise TrainingError("this run is in the middle of a step: another loop drives it, or an error broke it there.")
    if _closed(run):
        raise TrainingError(f"this run was closed; go on with Training.resume({str(run.folder.path)!r}, images).")


def _closed(run: Any) -> bool:
    """Whether the run has let go of its folder, which another may hold now."""
    folder = getattr(run, "folder", None)
    return folder is not None and folder.closed


class Worker(threading.Thread):
    """Iterates `run` under one torch thread, from the first order on. A paused or stopped run with a folder is saved.

    `after_step(report)` is called between steps and `at_rest(state)` before the run pauses or ends, both in this
    thread; what they raise ends the run. Of all workers in a process only one runs: starting or resuming one pauses
    the others, for two trainings on a few cores slow each other down far more than twofold. The thread is a daemon:
    whoever owns it calls `stop` before the interpreter exits. A run that somebody else closes is stopped as well.
    """

    def __init__(self, run: Iterator[Any], after_step: Callable[[Any], None], at_rest: Callable[[str], None]) -> None:
        super().__init__(name="infogan-training", daemon=True)
        self.training: Any = run
        self.error: BaseException | None = None
        self.last_step = int(getattr(run, "step", 0))
        self._after_step, self._at_rest = after_step, at_rest
        self._changed = threading.Condition()
        self._state, self._allowed, self._stopping, self._closing = "paused", 0.0, False, True
        self._calls: list[Call] = []

    @property
    def state(self) -> str:
        return self._state

    # -- orders, from any thread; each returns once the worker has obeyed ---------------------------

    def go_on(self, steps: float = math.inf) -> None:
        """Take so many steps and pause again; a finite number is waited for."""
        for other in threading.enumerate():
            if isinstance(other, Worker) and other is not self:
                other.pause()
        with self._changed:
            if self._state in ENDS:
                return
            self._allowed, self._state = steps, "running"
            self._changed.notify_all()
        if math.isfinite(steps):
            self.wait()

    def pause(self) -> None:
        """Returns once no step is under way and the run is saved."""
        with self._changed:
            self._allowed = 0
            self._changed.notify_all()
        self.wait()

    def stop(self, close: bool = True) -> None:
        """Pause for good: the run is saved and closed, and the thread has ended. `close=False` leaves the run open."""
        with self._changed:
            self._stopping, self._closing = True, close
            self._changed.notify_all()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()

    def wait(self, step: float = math.inf, timeout: float = math.inf) -> bool:
        """Wait until nothing runs any more or `step` is reached; False where `timeout` seconds were not enough."""
        if threading.current_thread() is self:
            return True
        end = time.monotonic() + timeout
        with self._changed:
            while self._state == "running" and self.last_step < step and (left := end - time.monotonic()) > 0:
                self._changed.wait(min(PATIENCE, left))
            return self._state != "running" or self.last_step >= step

    def between_steps(self, function: Callable[[], Any]) -> Any:
        """What `function()` returns when called where no step is under way."""
        if threading.current_thread() is self:
            return function()
        with self._changed:
            if self._state in ENDS:
                return function()
            future: Future[Any] = Future()
            self._calls.append((function, future))
            self._changed.notify_all()
        return future.result()

    # -- the thread ---------------------------------------------------------------------------------

    def run(self) -> None:
        end = "failed"
        with one_thread():
            try:
                end = self._train()
            except BaseException as error:
                self.error = error
            for last_duty in (self._close, self._at_rest):  # each is done, whatever happens to the other
                try:
                    last_duty(end)
                except Exception as error:
                    end, self.error = "failed", self.error or error
        self._set(end)

    def _train(self) -> str:
        while self._ordered() and not _closed(self.training):
            try:
                report = next(self.training)
            except StopIteration:
                return "finished"
            self.last_step = report.step
            self._after_step(report)
            if hasattr(self.training, "__len__") and not len(self.training):
                return "finished"
            with self._changed:
                self._changed.notify_all()
        return "stopped"

    def _ordered(self) -> bool:
        """Wait for an order: True to take a step, False to stop."""
        while True:
            with self._changed:
                while self._state == "paused" and not self._stopping and not self._calls:
                    self._changed.wait()
                calls, self._calls = self._calls, []
                stopping, pausing = self._stopping, self._state == "running" and not self._allowed
                if not calls and not stopping and self._allowed:
                    self._allowed -= 1
                    return True
            _answer(calls)
            if stopping:
                return False
            if pausing:
                self._save()
                self._at_rest("paused")
                self._set("paused")

    def _set(self, state: str) -> None:
        with self._changed:
            if state == "paused" and self._allowed:
                return  # ordered on meanwhile
            self._state = state
            calls, self._calls = self._calls, []
            self._changed.notify_all()
        _answer(calls)

    def _save(self) -> None:
        """Save the run if it has a folder, still its own, and is not within a step."""
        run = self.training
        if getattr(run, "folder", None) is not None and not (_closed(run) or getattr(run, "in_step", False)):
            run.save()

    def _close(self, end: str) -> None:
        """Save, and let go of the folder. A finished Training has saved itself."""
        try:
            if end != "finished":
                self._save()
        finally:
            if hasattr(self.training, "close") and (self._closing or end != "stopped"):
                self.training.close()


def _answer(calls: list[Call]) -> None:
    for function, future in calls:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)
