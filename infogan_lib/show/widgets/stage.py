"""The stage: one screen a model, all showing the same latents. The explorer turns, the stage draws."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from infogan_lib.core.model import InfoGAN
from infogan_lib.show.widgets import render
from infogan_lib.show.widgets.controls import Screen
from infogan_lib.show.widgets.knobs import Knob, Layout, layout
from infogan_lib.show.widgets.readings import Labels, shown_name


class Look(NamedTuple):
    """Which layout, the knobs along its sides, and the seed of its noise."""

    layout: str
    across: Knob
    down: Knob
    seed: int


class Stage:
    """`models` beside each other; `rows` noise vectors in the layout "rows". `screens` are the widgets to show."""

    def __init__(
        self, models: list[InfoGAN], turned: Sequence[Knob], rows: int, labels: Labels, captions: Sequence[str]
    ) -> None:
        self.models, self.turned, self.rows, self.labels = models, turned, rows, labels
        titles = list(captions) or (["A", "B"] if len(models) > 1 else [""])
        if len(titles) != len(models):
            raise ValueError(f"captions: expected {len(models)}, one a model, got {len(titles)}.")
        self.screens = [Screen(caption=title) for title in titles]
        self.pictures: list[np.ndarray] = []

    def render(self, values: Mapping[str, float], look: Look) -> tuple[list[np.ndarray], list[str], Layout]:
        """Each model's picture and Q's reading, and the layout they share. Nothing is shown."""
        noise = self.models[0].spec.noise.sample(self.rows, torch.Generator().manual_seed(look.seed))
        shown = layout(look.layout, values, noise, look.across, look.down)
        scenes = [render.scene(model, self.turned, shown, look.across, look.down, self.labels) for model in self.models]
        return [picture for picture, _ in scenes], [html for _, html in scenes], shown

    def show(self, values: Mapping[str, float], look: Look) -> None:
        """Draw, and send each screen its picture and reading in one message, so that they change together."""
        self.pictures, readings, shown = self.render(values, look)
        alt = self._alt(values, look)
        for screen, picture, html in zip(self.screens, self.pictures, readings):
            with screen.hold_sync():
                screen.png, screen.reading, screen.alt = render.png(picture), html, alt
                screen.width = render.width_on_page(picture, look.layout != "one", len(self.models))
                screen.across = [look.across.text(v, self.labels) for v in shown.across]
                screen.down = [look.down.text(v, self.labels) for v in shown.down]
                screen.chosen = list(shown.chosen)

    def _alt(self, values: Mapping[str, float], look: Look) -> str:
        said = ", ".join(f"{self._name(knob)} {knob.text(values[knob.name], self.labels)}" for knob in self.turned)
        if look.layout == "one":
            return f"Generated image with {said}."
        rows = f"{self._name(look.down)} going down" if look.layout == "grid" else f"{self.rows} rows of other noise"
        return f"Generated images, {self._name(look.across)} going across, {rows}; the framed one has {said}."

    def _name(self, knob: Knob) -> str:
        return shown_name(knob.name, self.labels)
