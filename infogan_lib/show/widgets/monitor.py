"""TrainingMonitor: watch a training, in one's own loop or with buttons around a run in a thread of its own."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets

from infogan_lib.core.latent import LatentSpec
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import Report
from infogan_lib.show.widgets.audience import Audience
from infogan_lib.show.widgets.callbacks import button, guarded, on_interrupt
from infogan_lib.show.widgets.dashboard import Curves, Dashboard, copied, model_of, total_steps
from infogan_lib.show.widgets.panel import Panel
from infogan_lib.show.widgets.worker import ENDS, Worker, check_startable
from infogan_lib.training.checkpoint import TrainingError

SHARE = 0.08  # of the time, at most, goes into drawing


class TrainingMonitor(Panel):
    """Live curves of L_I between its floor and its ceiling, of the losses and of sigma; samples; speed.

        monitor = TrainingMonitor(run)             # a cell's last line shows it
        for report in run: monitor.update(report)  # one's own loop, or:
        monitor.start()                            # the same iterator in a thread, with buttons

    source   a `Training`, or another iterator of reports with a `.model`; or a model, or only a spec (no samples).
             Of a run that keeps averaged weights, samples and snapshots show the model with those, `run.averaged`
    every    seconds between two drawings, at least; more where drawing would take over 8 % of the time
    rows     rows of samples, each one noise vector drawn with `seed`

    The thread takes one CPU thread. It ends with the run, with `stop`, with `close` and with the interpreter, always
    between two steps; interrupting the kernel pauses it. Two monitors of one run show and order the same thread;
    starting a monitor of another run pauses it.
    Raises TypeError for another source and ValueError for an `every` or `rows` that is not positive.
    """

    _audience: Audience

    def __init__(self, source: Any, *, every: float = 0.5, rows: int = 2, seed: int = 0) -> None:
        if not (every > 0 and rows > 0):
            raise ValueError(f"TrainingMonitor: every and rows must be positive, got {every!r} and {rows!r}.")
        self.run: Any = source if hasattr(source, "__next__") else None
        model = model_of(source)
        self.spec = getattr(model, "spec", model)
        if not isinstance(self.spec, LatentSpec):
            found = type(source).__name__
            raise TypeError(f"TrainingMonitor: expected a Training, a model or a LatentSpec, got {found}.")
        self.model: InfoGAN | None = model if isinstance(model, InfoGAN) else None
        self.every, self._due = every, 0.0
        self._pending: list[Report] = []
        self._hooks: list[Callable[[InfoGAN], None]] = []

        orders = {
            "Start": (self.start, "Train in the background, or go on"),
            "Pause": (self.pause, "Finish the step in hand, save, and wait"),
            "Step": (self.step, "Take one step and pause"),
            "Stop": (self.stop, "End this run; it is saved if it has a folder"),
        }
        self.buttons = {
            name: button(name, tip, guarded(order, self._fail), "90px") for name, (order, tip) in orders.items()
        }
        self.bar = ipywidgets.HBox(list(self.buttons.values())).add_class("infogan-bar")
        self.dashboard = Dashboard(self.spec, rows, seed)
        super().__init__([self.bar, self.dashboard])
        on_interrupt(self.pause)
        self._join()
        self.redraw()

    @property
    def curves(self) -> Curves:
        """The curves with their `panels`, `status` and `error`."""
        return self.dashboard.curves

    # -- one's own loop -----------------------------------------------------------------------------

    def update(self, report: Report) -> None:
        """Note a report. Cheap: its numbers stay on the device until the next drawing is due."""
        if self.closed:
            return
        if self._worker is None:
            self.bar.layout.display = "none"  # the loop is the caller's, so there is nothing to press
        self._pending.append(report)
        if time.monotonic() >= self._due or report.step == self.dashboard.total:
            self.redraw()

    def redraw(self) -> None:
        """Draw all that was reported so far, now; useful after a loop whose end this monitor does not know."""
        self._between_steps(lambda: self._draw(self.state))

    def on_snapshot(self, hook: Callable[[InfoGAN], None]) -> None:
        """Call `hook(model)` with a fresh copy of the averaged model at each drawing, in the thread of the training."""
        self._hooks.append(hook)

    def snapshot(self) -> InfoGAN:
        """A copy of the averaged model as it stands between two steps, in eval mode, free for any use.

        Raises TrainingError where there is no model yet.
        """
        model = self.model
        if model is None:
            raise TrainingError("there is no model yet: make the monitor of a run, or start one.")
        return self._between_steps(lambda: copied(model))

    # -- a run in a thread --------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """One of "waiting" (not started here), "running", "paused", "finished", "stopped", "failed" and "closed"."""
        return "closed" if self.closed else "waiting" if self._worker is None else self._worker.state

    @property
    def _worker(self) -> Worker | None:
        return self._audience.worker

    def start(self, run: Iterator[Report] | None = None) -> None:
        """Train `run`, or the run this monitor was made of, in a thread; or go on after a pause. Returns at once.

        Raises TrainingError if it is running already, if there is no run, or if it is finished, closed or
        broken; ValueError for a run over another spec, and RuntimeError once this monitor is closed.
        """
        self._order(math.inf, run)

    def step(self) -> None:
        """Take one step and pause; returns when it is taken. Raises as `start` does."""
        self._order(1, None)

    def pause(self) -> None:
        """Finish the step in hand, save if the run has a folder, and wait for `start`; returns when that is done."""
        if self._worker is not None:
            self._worker.pause()

    def stop(self) -> None:
        """End the run: it is saved if it has a folder, and closed, so that `Training.resume` can have it.

        No thread is left when this returns.
        """
        if self._worker is not None:
            self._worker.stop()

    def wait(self, step: int | None = None, timeout: float | None = None) -> bool:
        """Wait until the run pauses or ends, or has reached `step`. False where `timeout` seconds were not enough.

        Raises what the run raised, and TrainingError if nothing was started. Interrupting it pauses the run.
        """
        worker = self._worker
        if worker is None:
            raise TrainingError("nothing to wait for: start the run first.")
        try:
            done = worker.wait(math.inf if step is None else step, math.inf if timeout is None else timeout)
        except KeyboardInterrupt:
            worker.pause()
            raise
        if worker.error is not None:
            raise worker.error
        return done

    def close(self) -> None:
        """Take the widget off the page, and let go of the run; stop it, unless another monitor still shows it."""
        super().close()

    def replaced(self) -> None:
        """Its cell is run again: close, but leave the run open. Paused and saved, it is for the next monitor."""
        self._audience.leave(self, close=False)
        self.close()

    def _close(self) -> None:
        self._audience.leave(self, close=True)
        super()._close()
        self._audience = Audience()
        self.run = self.model = None
        self._hooks, self._pending = [], []

    def _between_steps(self, function: Callable[[], Any]) -> Any:
        return function() if self._worker is None else self._worker.between_steps(function)

    def _order(self, steps: float, run: Any) -> None:
        self.check_open()
        if self.state == "running":
            raise TrainingError("the run is training already; pause or stop it first.")
        if run is not None and run is not self.run:
            if self.state == "paused":
                raise TrainingError("this monitor holds another run, paused; stop it first.")
            self._turn_to(run)
        if self.run is None:
            raise TrainingError("this monitor knows no run; start(run) gives it one.")
        check_startable(self.run)
        worker = self._worker
        if worker is None or worker.state in ENDS:
            worker = self._audience.hire(self.run)
        self._audience.begin()
        worker.go_on(steps)

    def _turn_to(self, run: Any) -> None:
        """Watch another run."""
        check_startable(run)
        if not run.model.spec.alike(self.spec):
            raise ValueError(f"this monitor is for {self.spec}, the run's model has {run.model.spec}.")
        self._audience.leave(self, close=True)
        self.run, self.model = run, model_of(run)
        self._join()

    def _join(self) -> None:
        self.dashboard.reset(int(getattr(self.run, "step", 0)), total_steps(self.run))
        self._audience = Audience.of(self.run)
        self._audience.watchers += (self,)

    # -- showing ------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """The run goes on, ordered by this monitor or by another one of it."""
        self.dashboard.pause_clock()
        self.bar.layout.display = None
        self._due = 0.0
        self._show("running")

    def _draw(self, state: str) -> None:
        """Draw all there is; called where no step is under way."""
        begun = time.monotonic()
        self.dashboard.add(self._pending)
        self._pending = []
        if self.model is not None and state != "failed":  # what failed may be the drawing, or the model
            self.dashboard.sample(self.model)
            if self._hooks:
                copy = copied(self.model)
                for hook in self._hooks:
                    hook(copy)
        self._show(state)  # last: who reads "paused" finds everything drawn
        ended = time.monotonic()
        self._due = ended + max(self.every, (ended - begun) / SHARE)

    def _show(self, state: str) -> None:
        idle = state in ("waiting", "paused")
        useful = {"Start": idle, "Step": idle, "Pause": state == "running", "Stop": state in ("running", "paused")}
        for name, control in self.buttons.items():
            control.disabled = not useful[name] or self.run is None
        self.dashboard.show(state, None if self._worker is None else self._worker.error)

    def _fail(self, line: str) -> None:
        self.curves.error = line
