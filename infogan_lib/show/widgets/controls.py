"""Controls a code can be turned with, and the screen it is seen on: anywidgets that JupyterLab and voila both show.

Each control has a `value`, named as the code takes it: a category, 0 or 1, a number, an angle in radians.
"""

from __future__ import annotations

import math
from pathlib import Path

import anywidget
import traitlets

from infogan_lib.core.codes import Circular
from infogan_lib.show.widgets.knobs import Knob
from infogan_lib.show.widgets.readings import Labels, state_names

HERE = Path(__file__).parent
MANY = 10  # states up to here are buttons, above it a menu


class Control(anywidget.AnyWidget):
    """What all controls share: a label and the look."""

    _css = HERE / "controls.css"
    label = traitlets.Unicode().tag(sync=True)


class Slider(Control):
    """A number between `ends`; `zone` is the range that training drew from, shaded, or ()."""

    _esm = HERE / "slider.js"
    value = traitlets.Float().tag(sync=True)
    ends = traitlets.List([-2.0, 2.0]).tag(sync=True)
    zone: traitlets.List = traitlets.List([]).tag(sync=True)
    step = traitlets.Float(0.05).tag(sync=True)


class Choice(Control):
    """One of `options`, by index: buttons that work as a radio group, or a menu."""

    _esm = HERE / "choice.js"
    value = traitlets.Int().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    menu = traitlets.Bool().tag(sync=True)


class Dial(Control):
    """An angle in radians, -pi to pi."""

    _esm = HERE / "dial.js"
    value = traitlets.Float(min=-math.pi, max=math.pi).tag(sync=True)


class Screen(anywidget.AnyWidget):
    """A picture `width` pixels wide with alt text, labels along its sides, and Q's reading as HTML beside it.

    `across` and `down` label the columns and rows, `chosen` = [column, row] says which of them are set.
    """

    _esm = HERE / "screen.js"
    _css = HERE / "controls.css"
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    width = traitlets.Int(280).tag(sync=True)
    across = traitlets.List(traitlets.Unicode()).tag(sync=True)
    down = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chosen = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    reading = traitlets.Unicode().tag(sync=True)


def control(knob: Knob, labels: Labels | None = None) -> Slider | Choice | Dial:
    """The control of one knob, at its default; `labels` as in `readings.reading`."""
    label = (labels or {}).get(knob.name, knob.name)
    name = label if isinstance(label, str) else knob.name
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
    states = state_names(knob.code)
    if not isinstance(label, str):
        if len(label) != len(states):
            raise ValueError(f"labels: code {knob.name!r} has {len(states)} states, got {len(label)} names for them.")
        states = [str(state) for state in label]
    return Choice(label=name, options=states, value=int(knob.default), menu=len(states) > MANY)
