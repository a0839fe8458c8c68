"""The explorer's own controls: view, play, noise, reset, save. What they do is the explorer's business."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets

from infogan_lib.show.widgets.controls import Choice
from infogan_lib.show.widgets.knobs import VIEWS


class Toolbar:
    """Widgets by name; `names` are the knobs as shown, `across`, `down` and `played` index them."""

    def __init__(self, names: Sequence[str], view: str, across: int, down: int, played: int, seed: int) -> None:
        self.view = Choice(label="view", options=list(VIEWS), value=VIEWS.index(view))
        self.across, self.down, self.played = (
            Choice(label=label, options=list(names), value=i, menu=True)
            for label, i in (("across", across), ("down", down), ("code", played))
        )
        # Play keeps the time in the browser, without a thread; its own buttons have no names, so it stays hidden.
        self.player = ipywidgets.Play(interval=100, repeat=True, layout={"display": "none"})
        self.play = _button("▶ play", "Sweep the chosen code back and forth, or stop")
        self.seed = ipywidgets.BoundedIntText(seed, 0, 2**31 - 1, description="noise seed", layout={"width": "170px"})
        self.new_noise = _button("new noise", "Draw other noise: the next seed")
        self.hold = ipywidgets.Checkbox(True, description="hold the noise", indent=False, layout={"width": "125px"})
        self.hold.tooltip = "When not held, every move draws other noise"
        self.reset = _button("reset", "All controls back to where they began")
        self.save_png = _button("save PNG", "Keep this picture as a file")
        self.save_gif = _button("save GIF", "Keep one round of playing as a file")

    @property
    def above(self) -> ipywidgets.HBox:
        return bar(self.view, self.across, self.down)

    @property
    def below(self) -> ipywidgets.HBox:
        noise = (self.seed, self.new_noise, self.hold)
        return bar(self.play, self.played, self.player, *noise, self.reset, self.save_png, self.save_gif)


def bar(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Widgets in a row that wraps on a narrow page."""
    return ipywidgets.HBox(children).add_class("infogan-bar")


def _button(label: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=label, tooltip=tooltip, layout={"width": "auto"})
