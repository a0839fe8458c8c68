"""What a `TrainingMonitor` shows of a training: curves, samples, speed. It starts and stops nothing."""

import copy
import time
from typing import Any

import anywidget
import ipywidgets
import torch
import traitlets

from infogan_lib.core.codes import Categorical
from infogan_lib.core.latent import LatentSpec
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import Report
from infogan_lib.show.widgets import render
from infogan_lib.show.widgets.controls import Screen
from infogan_lib.show.widgets.history import History, panels
from infogan_lib.show.widgets.panel import page
from infogan_lib.training.reports import fetch

WINDOW = 20.0  # seconds over which the speed is measured
WIDTH = 480  # pixels of the samples on the page, at most


class Curves(anywidget.AnyWidget):
    """Panels of curves as SVG, a line of status, and two lines for screen readers: what changed, what failed."""

    _esm = page("monitor.js")
    _css = page("monitor.css")
    panels: Any = traitlets.List().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)


class Dashboard(ipywidgets.VBox):
    """Curves over `spec`, and `rows` rows of samples, each row one noise vector drawn with `seed`: always the same
    latents, so that the pictures can be compared. They show the categorical code from end to end, or the first code.
    """

    def __init__(self, spec: LatentSpec, rows: int, seed: int) -> None:
        self.spec, self.rows = spec, rows
        generator = torch.Generator().manual_seed(seed)
        if spec.codes:
            code = next((c for c in spec.codes if isinstance(c, Categorical)), spec.codes[0])
            self._latent = spec.sweep(code.name, spec.noise.sample(rows, generator))
            self._what = f"code {code.name!r} from end to end, a row for each noise vector"
        else:
            self._latent, self._what = spec.sample(10 * rows, generator), "noise alone"
        self.curves, self.samples = Curves(), Screen()
        self.samples.layout.display = "none"
        self.reset(0, None)
        super().__init__([self.curves, self.samples])

    def reset(self, step: int, total: int | None) -> None:
        """Forget what was measured: a run begins at `step`, and has `total` steps if that is known."""
        self.history, self.step, self.total = History(), step, total
        self.pause_clock()

    def pause_clock(self) -> None:
        """Measure the speed from here on."""
        self._times: list[tuple[float, int]] = [(time.monotonic(), self.step)]

    def add(self, reports: list[Report]) -> None:
        """Note reports; all of their numbers come from the device in one transfer."""
        if reports:
            self.history.add(fetch(reports))
            self.step = reports[-1].step
            now = time.monotonic()
            self._times = [t for t in self._times if now - t[0] < WINDOW] + [(now, self.step)]

    def show(self, state: str, error: BaseException | None) -> None:
        """Draw the curves and the status."""
        with self.curves.hold_sync():
            self.curves.panels = panels(self.spec, self.history)
            self.curves.status = self.status
            # Announced when it changes, so it must not count the steps of a run that goes on.
            self.curves.said = {"waiting": "", "running": state}.get(state, f"{state} at step {self.step}")
            self.curves.error = "" if error is None else f"{type(error).__name__}: {error}"

    def sample(self, model: InfoGAN) -> None:
        """Draw the samples."""
        columns = len(self._latent) // self.rows
        sheet = render.sheet(render.pixels(model, self._latent), columns)
        with self.samples.hold_sync():
            self.samples.width = round(max(1, int(2 * WIDTH / sheet.shape[1]) / 2) * sheet.shape[1])
            self.samples.caption = f"samples: {self._what}"
            self.samples.alt = f"Generated images at step {self.step}, {self.rows} rows of {columns}: {self._what}."
            self.samples.png = render.png(sheet)
        self.samples.layout.display = None

    @property
    def status(self) -> str:
        """Such as "step 120 of 1600 · 9.8 steps/s · about 2 min 31 s left"."""
        parts = [f"step {self.step}" + (f" of {self.total}" if self.total else "")]
        (then, first), (now, last) = self._times[0], self._times[-1]
        if last > first and now > then:  # a coarse clock may show two steps at one time
            speed = (last - first) / (now - then)
            parts.append(f"{speed:.1f} steps/s")
            if self.total and self.total > last:
                parts.append(f"about {_clock((self.total - last) / speed)} left")
        return " · ".join(parts)


def model_of(source: Any) -> Any:
    """The model to look at of a run: the averaged one where it keeps one; what is no run is returned as it is."""
    return getattr(source, "averaged", None) or getattr(source, "model", source)


def copied(model: InfoGAN) -> InfoGAN:
    """A copy in eval mode, which no training touches."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def total_steps(run: Any) -> int | None:
    recipe = getattr(run, "recipe", None)
    return None if recipe is None else int(recipe.steps)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes / 60:.1f} h"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
