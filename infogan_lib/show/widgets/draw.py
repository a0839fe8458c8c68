"""DrawAndRead: draw a digit, see which codes Q reads in it, and have G draw it again at those codes."""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import torch
import traitlets
from torch import Tensor
from torch.distributions import Distribution

from infogan_lib import data
from infogan_lib.core.codes import Categorical, Code
from infogan_lib.core.model import InfoGAN
from infogan_lib.data.images import Images, to_float, to_uint8
from infogan_lib.data.threads import one_thread
from infogan_lib.show.widgets import render
from infogan_lib.show.widgets.callbacks import Message, button
from infogan_lib.show.widgets.controls import Control, Screen, bar, control
from infogan_lib.show.widgets.knobs import knobs
from infogan_lib.show.widgets.panel import Panel, page
from infogan_lib.show.widgets.readings import reading
from infogan_lib.show.widgets.strokes import BRUSH, SIZE, picture, to_mnist

COLUMNS = 4  # of G's images
HINT = "Draw a digit in the black square, or load an example."


class Canvas(anywidget.AnyWidget):
    """A square of 28 x 28 units to draw in. `strokes` are lists of points [x, y]; `base` is a picture under them,
    784 grey levels or []; `summary` is said below, and to screen readers once the hand rests.
    """

    _esm = page("draw.js")
    _css = page("draw.css")
    strokes: Any = traitlets.List().tag(sync=True, echo_update=False)
    base: Any = traitlets.List().tag(sync=True)
    brush = traitlets.Float(BRUSH).tag(sync=True)
    summary = traitlets.Unicode(HINT).tag(sync=True)


class DrawAndRead(Panel):
    """Draw with mouse, finger, pen or arrow keys; the drawing is normalised as MNIST was, and Q reads it.

        draw = DrawAndRead(weights.load("mnist"))
        draw                                        # the last line of a cell shows it
        draw.set_image(digits.images[0])            # a picture instead of a drawing
        draw.image, draw.posterior                  # what Q was shown, and what it says; None while nothing is drawn

    model       an InfoGAN with codes, for 28 x 28 grey images
    digits      the digit that each category of the first categorical code was matched to, to say "code 4 (reads as
                digit 9)"; by default the matching in the model's own manifest, if it came from a file that has one
    copies      how often G draws it again, each time from other noise
    noise_seed  where the noise comes from

    The sliders start at the means that Q read. Raises TypeError for what is no InfoGAN, ValueError for a model
    without codes or for other images, and for `digits` of another length than the code's k; RuntimeError once closed.
    """

    def __init__(
        self, model: InfoGAN, *, digits: Sequence[int] | None = None, copies: int = 8, noise_seed: int = 0
    ) -> None:
        _check(model)
        self.model, self._copies, self._seed = model, copies, noise_seed
        self._digits = _digits(model, digits)
        self._lock, self._held = threading.RLock(), False
        self._examples: Images | None = None
        self._asked: dict[int, int] = {}
        self.image: Tensor | None = None
        self.posterior: dict[str, Distribution] | None = None
        self._read: dict[str, float] = {}  # the value of each code that Q thinks likeliest

        self.canvas = Canvas()
        self.seen = Screen(caption="as Q sees it", width=5 * SIZE)
        self.redrawn = Screen(caption="G draws it again: same codes, other noise")
        turned = [knob for knob in knobs(model.spec) if knob.code is not None and not knob.code.discrete]
        self._ends = {knob.name: knob.ends for knob in turned}
        self.controls: dict[str, Control] = {knob.name: control(knob, {}) for knob in turned}
        self.message = Message()
        guarded = self.message.guarded
        self.new_noise = button("new noise", "Draw it again from other noise", guarded(self._next_noise))
        self.back = button("back to Q", "Sliders back to the means that Q read", guarded(self._follow))
        self.examples = [
            button(str(n), f"Load a handwritten {n}; again for another one", guarded(partial(self.example, n)))
            for n in range(10)
        ]
        self.canvas.observe(guarded(self._look), ["strokes", "base"])
        for c in self.controls.values():
            c.observe(guarded(self._turn), "value")
        self._look()
        left = [self.canvas, ipywidgets.Label("or load a handwritten"), bar(*self.examples)]
        right = [*self.controls.values(), bar(self.new_noise, self.back), self.redrawn]
        self.add_class("infogan-draw-and-read")
        super().__init__([bar(_column(*left), self.seen, _column(*right)), self.message])

    @property
    def reading(self) -> str:
        """What Q says of the drawing, as HTML; "" while nothing is drawn."""
        return self.seen.reading

    def set_image(self, image: Tensor) -> None:
        """Show Q a picture in place of a drawing: one grey image, uint8 or float in [-1, 1], bright on dark.

        28 x 28 pixels are taken as they are, other sizes as `to_mnist` makes them. Raises ValueError otherwise.
        """
        self.check_open()
        pixels = torch.as_tensor(image)
        floats = to_float(pixels) if pixels.dtype == torch.uint8 else pixels.float()
        if floats.numel() != SIZE * SIZE or floats.shape[-2:] != (SIZE, SIZE):
            floats = to_mnist(floats)
        elif not floats.isfinite().all() or floats.abs().max() > 1 + 1e-3:
            raise ValueError(
                "set_image: expected floats in [-1, 1], or uint8; data.to_float makes the one of the other."
            )
        with self.canvas.hold_trait_notifications():
            self.canvas.strokes, self.canvas.base = [], to_uint8(floats).flatten().tolist()

    def example(self, digit: int) -> None:
        """Load a handwritten digit of the tuning split; asked again, the next one.

        Raises ValueError for what is no digit, and DataError where MNIST is missing.
        """
        if digit not in range(10):
            raise ValueError(f"example: expected a digit 0 to 9, got {digit!r}.")
        self._examples = self._examples or data.mnist("tune")
        assert self._examples.labels is not None
        places = (self._examples.labels == digit).nonzero()[:, 0]
        asked = self._asked.get(digit, 0)
        self._asked[digit] = asked + 1
        self.set_image(self._examples.images[places[asked % len(places)]])

    def _close(self) -> None:
        with self._lock:
            super()._close()
            del self.model
            self._examples = None

    # -- callbacks -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """A new drawing: normalise, read, show, and let the sliders follow."""
        with self._lock:
            self.image = picture(self.canvas.strokes, self.canvas.base)
            if self.image is None:
                self.posterior, self._read = None, {}
                nothing = np.zeros((self._copies, SIZE, SIZE, 1), np.uint8)
                self._show(nothing[0], "", "Nothing is drawn yet.", HINT)
                self._show_redrawn(nothing, "No images yet.")
                return
            with one_thread():
                self.posterior = self.model.read(self.image)
            q = self.posterior
            self._read = {c.name: _likeliest(c, q[c.name]) for c in self.model.spec.codes}
            html = reading(self.model.spec, q, labels=self._labels())
            pixels = to_uint8(self.image[0]).permute(1, 2, 0).numpy()
            self._show(pixels, html, "Your drawing, 28 by 28 pixels, fitted and centred as MNIST is.", self._summary())
            self._follow()

    def _show(self, pixels: np.ndarray, html: str, alt: str, summary: str) -> None:
        self.canvas.summary = summary
        self.message.value = ""
        with self.seen.hold_sync():
            self.seen.png, self.seen.reading, self.seen.alt = render.png(pixels), html, alt

    def _follow(self) -> None:
        """Set the sliders to what Q read, within their ends, and draw once."""
        with self._lock:
            self._held = True
            try:
                for name in self._read.keys() & self.controls.keys():
                    low, high = self._ends[name]
                    self.controls[name].value = min(max(self._read[name], low), high)
            finally:
                self._held = False
            self._turn()

    def _turn(self) -> None:
        """G draws at the category Q read and where the sliders stand."""
        with self._lock:
            if self._held or self.image is None:
                return
            spec, values = self.model.spec, {**self._read, **{n: c.value for n, c in self.controls.items()}}
            noise = spec.noise.sample(self._copies, torch.Generator().manual_seed(self._seed))
            said = ", ".join(f"{name} {value:.2f}".removesuffix(".00") for name, value in values.items())
            pixels = render.pixels(self.model, spec.encode(noise, **values))
            self._show_redrawn(pixels, f"{self._copies} generated images with {said}, each from other noise.")

    def _show_redrawn(self, images: np.ndarray, alt: str) -> None:
        sheet = render.sheet(images, COLUMNS)
        with self.redrawn.hold_sync():
            self.redrawn.png, self.redrawn.alt, self.redrawn.width = render.png(sheet), alt, 3 * sheet.shape[1]

    def _next_noise(self) -> None:
        self._seed += 1
        self._turn()

    # -- words ---------------------------------------------------------------------------------------

    def _summary(self) -> str:
        """What Q reads, in one line."""
        assert self.posterior is not None
        said = []
        for code in self.model.spec.codes:
            q, value = self.posterior[code.name], self._read[code.name]
            if isinstance(code, Categorical):
                meant = f" (reads as digit {self._digits[code.name][int(value)]})" if code.name in self._digits else ""
                share = 100 * float(q.probs[0].max())  # type: ignore[attr-defined]
                said.append(f"{code.name}: code {int(value)}{meant}, {share:.0f} % sure")
        return "Q reads " + "; ".join(said) + "." if said else "Q reads:"

    def _labels(self) -> dict[str, list[str]]:
        return {name: [f"{i} (digit {d})" for i, d in enumerate(digits)] for name, digits in self._digits.items()}


def _likeliest(code: Code, q: Distribution) -> float:
    return float((q.mode if code.discrete else q.mean)[0])


def _check(model: Any) -> None:
    if not isinstance(model, InfoGAN):
        raise TypeError(f"DrawAndRead: expected an infogan_lib.InfoGAN, got {type(model).__name__}.")
    if not model.spec.codes:
        raise ValueError("DrawAndRead: this model has no codes, so it has no Q to read a drawing.")
    if model.image_shape != (1, SIZE, SIZE):
        raise ValueError(f"DrawAndRead: it draws 28 x 28 grey images, this model's are {model.image_shape}.")


def _digits(model: InfoGAN, digits: Sequence[int] | None) -> dict[str, list[int]]:
    """{code: the digit of each category}, or {} where nobody knows."""
    code = next((c for c in model.spec.codes if isinstance(c, Categorical)), None)
    found = _matching(model.manifest.get("scores")) if digits is None else digits
    if code is None or found is None:
        return {}
    if len(found) != code.k:
        raise ValueError(f"DrawAndRead: digits needs one digit for each of the {code.k} categories, got {len(found)}.")
    return {code.name: [int(d) for d in found]}


def _matching(scores: Any) -> list[int] | None:
    """The matching in a manifest, which may be anybody's file and hold anything."""
    found = scores.get("matching") if isinstance(scores, dict) else None
    return found if isinstance(found, list) and all(isinstance(d, int) for d in found) else None


def _column(*children: ipywidgets.Widget) -> ipywidgets.VBox:
    return ipywidgets.VBox(children).add_class("infogan-column")
