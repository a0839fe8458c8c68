"""Buttons that play the game on the ring one step at a time, with D's field redrawn after each press.

A thin view: `rings.Game` computes, `plots.fields` draws. Used in notebook 01.
"""

import base64
import html
import threading
from functools import partial
from typing import Any

import ipywidgets as widgets
from torch import Tensor

from infogan_lib.course.lessons import rings
from infogan_lib.course.lessons.rings import Game
from infogan_lib.show import plots

# button: (what it does, in words; steps of D, steps of G)
MOVES = {
    "D step": ("one step of D: it learns real from fake while G stands still", 1, 0),
    "G step": ("one step of G: it climbs D's field while D stands still", 0, 1),
    "10 steps": ("ten times: one step of D, then one of G", 10, 10),
    "100 steps": ("a hundred times: one step of D, then one of G", 100, 100),
}


def panel(game: Game) -> tuple[Tensor, dict[str, Tensor]]:
    """D's field now, the data's modes and 1,000 of G's points: a panel for `plots.fields` with reach `rings.REACH`."""
    grid = rings.grid()
    side = round(len(grid) ** 0.5)
    return game.field(grid).view(side, side), {"modes of the data": rings.centres(), "points of G": game.fakes()}


def picture(game: Game, title: str = "") -> plots.Picture:
    """The game now: one panel, whose alt text says what G covers."""
    now = game.report()
    which = f" (number {', '.join(map(str, now.covered))})" if now.covered else ""
    alt = (
        f"{title or 'The ring'}: D's probability of real over a square, and 1,000 points of G. "
        f"G covers {now.modes} of 8 modes{which}; {now.near:.0%} of its points lie near a mode."
    )
    return plots.fields([panel(game)], rings.REACH, [title], alt=alt)


class RingButtons(widgets.VBox):
    """A row of buttons over a picture of the game: a step of D, a step of G, many, and a new start.

    `Game(**how)` says which game: a seed, rates, an objective. Each press plays, then redraws; presses wait for
    one another. `png` has the bytes of the picture shown, and a screen reader finds its words.
    """

    def __init__(self, **how: Any) -> None:
        self._how, self._lock = how, threading.Lock()
        # An `Image` with a tooltip does not render in ipywidgets 8.1, and has no alt text; HTML has.
        self.status, self.screen, self.png = widgets.HTML(), widgets.HTML(), b""
        self.buttons: dict[str, widgets.Button] = {}
        for name, (tooltip, d, g) in MOVES.items():
            self.buttons[name] = widgets.Button(description=name, tooltip=tooltip)
            self.buttons[name].on_click(partial(self._play, d, g))
        self.buttons["reset"] = widgets.Button(description="reset", tooltip="the same game from its start")
        self.buttons["reset"].on_click(self._reset)
        super().__init__([widgets.HBox(list(self.buttons.values())), self.status, self.screen])
        self._reset()

    def _reset(self, _: object = None) -> None:
        with self._lock:
            self.game, self.steps_d, self.steps_g = Game(**self._how), 0, 0
            self._show()

    def _play(self, d: int, g: int, _: object = None) -> None:
        with self._lock:
            for i in range(max(d, g)):
                if i < d:
                    self.game.d_step()
                if i < g:
                    self.game.g_step()
            self.steps_d, self.steps_g = self.steps_d + d, self.steps_g + g
            self._show()

    def _show(self) -> None:
        drawn = picture(self.game, f"{self.steps_d} steps of D, {self.steps_g} of G")
        self.png = drawn.png()
        data = base64.b64encode(self.png).decode()
        self.screen.value = f'<img src="data:image/png;base64,{data}" alt="{html.escape(drawn.alt)}">'
        text = f"{self.steps_d} steps of D, {self.steps_g} of G: {self.game.report().modes} of 8 modes covered"
        self.status.value = f'<span role="status">{html.escape(text)}</span>'
