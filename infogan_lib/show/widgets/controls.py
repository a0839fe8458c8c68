"""Controls a code can be turned with, the screen it is seen on, and the toolbar: JupyterLab and voila show them all.

Each control has a `value`, named as the code takes it: a category, 0 or 1, a number, an angle in radians.
"""

import math
from collections.abc import Sequence

import anywidget
import ipywidgets
import traitlets

from infogan_lib.core.codes import Circular
from infogan_lib.show.widgets.callbacks import button
from infogan_lib.show.widgets.knobs import LAYOUTS, Knob
from infogan_lib.show.widgets.panel import page
from infogan_lib.show.widgets.readings import Labels, shown_name, state_names

MANY = 10  # states up to here are buttons, above it a menu


class Control(anywidget.AnyWidget):
    """What all controls share: a label and the look."""

    _css = page("controls.css")
    label = traitlets.Unicode().tag(sync=True)


class Slider(Control):
    """A number between `ends`; `zone` is the range that training drew from, shaded, or ()."""

    _esm = page("slider.js")
    value = traitlets.Float().tag(sync=True)
    ends = traitlets.List([-2.0, 2.0]).tag(sync=True)
    zone: traitlets.List = traitlets.List([]).tag(sync=True)
    step = traitlets.Float(0.05).tag(sync=True)


class Choice(Control):
    """One of `options`, by index: buttons that work as a radio group, or a menu."""

    _esm = page("choice.js")
    value = traitlets.Int().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    menu = traitlets.Bool().tag(sync=True)


class Dial(Control):
    """An angle in radians, -pi to pi."""

    _esm = page("dial.js")
    value = traitlets.Float(min=-math.pi, max=math.pi).tag(sync=True)


class Screen(anywidget.AnyWidget):
    """A picture `width` pixels wide with alt text, labels along its sides, and Q's reading as HTML beside it.

    `across` and `down` label the columns and rows, `chosen` = [column, row] says which of them are set.
    """

    _esm = page("screen.js")
    _css = page("controls.css")
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    width = traitlets.Int(280).tag(sync=True)
    across = traitlets.List(traitlets.Unicode()).tag(sync=True)
    down = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chosen = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    reading = traitlets.Unicode().tag(sync=True)


def control(knob: Knob, labels: Labels) -> Slider | Choice | Dial:
    """The control of one knob, at its default; `labels` as in `readings.reading`."""
    name = shown_name(knob.name, labels)
    if knob.continuous:
        low, high = knob.ends
        return Slider(
            label=name,
            ends=[low, high],
            zone=list(knob.zone),
            value=knob.default,
            step=0.1 if knob.code is None else (high - low) / 80,
        )
    if isinstance(knob.code, Circular):
        return Dial(label=name, value=knob.default)
    assert knob.code is not None
    states = state_names(knob.code, labels)
    return Choice(label=name, options=states, value=int(knob.default), menu=len(states) > MANY)


class Toolbar:
    """The explorer's own controls: view, play, noise, reset, save. The explorer says what they do.

    `names` are the knobs as shown; `across`, `down` and `played` are places among them.
    """

    def __init__(self, names: Sequence[str], view: str, across: int, down: int, played: int, seed: int) -> None:
        self.view = Choice(label="view", options=list(LAYOUTS), value=LAYOUTS.index(view))
        self.across, self.down, self.played = (
            Choice(label=label, options=list(names), value=i, menu=True)
            for label, i in (("across", across), ("down", down), ("code", played))
        )
        # Play keeps the time in the browser, without a thread; its own buttons have no names, so it stays hidden.
        self.player = ipywidgets.Play(interval=100, repeat=True, layout={"display": "none"})
        self.play = button("▶ play", "Sweep the chosen code back and forth, or stop")
        self.seed = ipywidgets.BoundedIntText(seed, 0, 2**31 - 1, description="noise seed", layout={"width": "170px"})
        self.new_noise = button("new noise", "Draw other noise: the next seed")
        self.hold = ipywidgets.Checkbox(True, description="hold the noise", indent=False, layout={"width": "125px"})
        self.hold.tooltip = "When not held, every move draws other noise"
        self.reset = button("reset", "All controls back to where they began")
        self.save_png = button("save PNG", "Keep this picture as a file")
        self.save_gif = button("save GIF", "Keep one round of playing as a file")
        self.above = bar(self.view, self.across, self.down)
        noise = (self.seed, self.new_noise, self.hold)
        self.below = bar(self.play, self.played, self.player, *noise, self.reset, self.save_png, self.save_gif)


def bar(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Widgets in a row that wraps on a narrow page."""
    return ipywidgets.HBox(children).add_class("infogan-bar")
