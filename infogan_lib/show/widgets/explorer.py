"""LatentExplorer: turn the knobs of one generator, or of two under the same controls, and see what Q reads."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

import numpy as np

from infogan_lib.core.model import InfoGAN
from infogan_lib.show.widgets import render
from infogan_lib.show.widgets.callbacks import Message
from infogan_lib.show.widgets.controls import Choice, Control, Toolbar, bar, control
from infogan_lib.show.widgets.knobs import LAYOUTS, Knob, knobs
from infogan_lib.show.widgets.panel import Panel
from infogan_lib.show.widgets.readings import Labels, state_names
from infogan_lib.show.widgets.stage import Look, Stage


class LatentExplorer(Panel):
    """Sliders, buttons and dials made from a model's `LatentSpec`, its image, and Q's reading of that image.

        explorer = LatentExplorer(weights.load("mnist"))
        explorer                                   # the last line of a cell shows it
        explorer.set(digit=3, c1=1.2)              # the same from code
        explorer.picture                           # the uint8 pixels now shown

    model           any InfoGAN; with `codes=[]` its knobs are some of the noise's numbers z_i
    beside          a second model under the same controls: the same noise, and the same codes or fewer
    view            "one" image, "rows" (one for each noise vector, a code going across), or a two-code "grid"
    across, down    the codes that do so; by default the first, and the next
    rows            noise vectors in view="rows"
    noise_seed      where the noise comes from: the same seed, the same noise
    noise_sliders   which z_i get a slider as well; without codes the first five
    labels          {"c1": "slant"} names a code, {"digit": ["four", ...]} its categories
    captions        a title for each model
    folder          where PNG and GIF files are saved

    Every knob is in `controls`, by name; all else that can be pressed in `tools`. Drawing takes one torch thread
    and the explorer's lock, so callbacks may run on any thread, beside a training of another model.
    Raises TypeError for what is no InfoGAN, KeyError for an unknown code, and ValueError for two models that
    cannot share controls, an unknown view, or nothing to turn; RuntimeError once closed.
    """

    def __init__(
        self,
        model: InfoGAN,
        *,
        beside: InfoGAN | None = None,
        view: str = "one",
        across: str | None = None,
        down: str | None = None,
        rows: int = 5,
        noise_seed: int = 0,
        noise_sliders: Sequence[int] | None = None,
        labels: Labels | None = None,
        captions: Sequence[str] = (),
        folder: str | Path = ".",
    ) -> None:
        models = _checked(model, beside)
        if view not in LAYOUTS:
            raise ValueError(f"LatentExplorer: unknown view {view!r}; choose one of {', '.join(LAYOUTS)}.")
        if rows < 1 or noise_seed < 0:
            raise ValueError(f"LatentExplorer: needs rows >= 1 and noise_seed >= 0, got {rows} and {noise_seed}.")
        self._knobs = knobs(model.spec, noise_sliders)
        if not self._knobs:
            raise ValueError("LatentExplorer: nothing to turn; this model has neither codes nor noise sliders.")
        labels = labels or {}
        for code in model.spec.codes:
            if code.discrete:
                state_names(code, labels)  # raises what it raises before there is a widget
        x = 0 if across is None else self._known(across)
        y = min(int(x == 0), len(self._knobs) - 1) if down is None else self._known(down)
        moving = next((i for i, knob in enumerate(self._knobs) if knob.continuous), 0)
        self._stage = Stage(models, self._knobs, rows, labels, captions)
        self.controls: dict[str, Control] = {knob.name: control(knob, labels) for knob in self._knobs}
        self.tools = Toolbar([c.label for c in self.controls.values()], view, x, y, moving, noise_seed)
        self.message = Message()
        self._folder, self._beginning = Path(folder), (self.values, noise_seed)
        self._lock, self._held = threading.RLock(), 0
        self._sides = x, y
        self._connect()
        self._draw()
        screens = bar(*self._stage.screens)
        super().__init__([bar(*self.controls.values()), self.tools.above, screens, self.tools.below, self.message])

    # -- from code -------------------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, float]:
        """{name: value} of every knob, as set now."""
        return {name: c.value for name, c in self.controls.items()}

    def set(self, **values: float) -> None:
        """Turn knobs by name, all or none of them, and draw once.

        Raises KeyError for an unknown name, ValueError or TypeError for a value the code or its slider does not have.
        """
        self.check_open()
        checked = {name: self._knobs[self._known(name)].check(value) for name, value in values.items()}
        with self._quietly():
            for name, value in checked.items():
                self._turn(name, value)

    @property
    def picture(self) -> np.ndarray:
        """uint8 (H, W, C): what is shown, two models side by side."""
        with self._lock:
            return render.beside(self._stage.pictures)

    @property
    def reading(self) -> str:
        """Q's reading as HTML; of two models, one after the other."""
        return "".join(screen.reading for screen in self._stage.screens)

    @property
    def model(self) -> InfoGAN:
        """The first model. Setting it draws the new one and leaves the controls alone, on whichever thread; a closed
        explorer takes none, so that a training may go on which sets its snapshots here.

        Raises ValueError if its spec is another.
        """
        self.check_open()
        return self._stage.models[0]

    @model.setter
    def model(self, model: InfoGAN) -> None:
        with self._lock:
            if self.closed:
                return
            if not model.spec.alike(self.model.spec):
                raise ValueError(f"explorer.model: expected {self.model.spec}, got {model.spec}.")
            self._stage.models[0] = model
            self._draw()

    def save_png(self) -> Path:
        """Save the picture, enlarged, under a name that is not taken; the line below the controls says where."""
        return self._keep(render.png(render.for_file(self.picture)), "png")

    def save_gif(self) -> Path:
        """Save one round of playing, enlarged, under a name that is not taken."""
        self.check_open()
        knob, values, look = self._chosen(self.tools.played), self.values, self._look
        path = knob.there_and_back(values[knob.name], 16)
        with self._lock:  # one model throughout, though a training may set another meanwhile
            frames = [self._stage.render({**values, knob.name: v}, look)[0] for v in path]
        return self._keep(render.gif([render.for_file(render.beside(frame)) for frame in frames]), "gif")

    def _close(self) -> None:
        with self._lock:
            super()._close()
            self._stage.models.clear()

    # -- what the controls do --------------------------------------------------------------------------

    def _draw(self) -> None:
        with self._lock:
            if self._held:
                return
            look = self._look
            self._stage.show(self.values, look)
            self.tools.across.layout.display = "none" if look.layout == "one" else ""
            self.tools.down.layout.display = "" if look.layout == "grid" else "none"
            if self.message.failed:
                self.message.value = ""

    @property
    def _look(self) -> Look:
        t = self.tools
        return Look(LAYOUTS[t.view.value], self._chosen(t.across), self._chosen(t.down), t.seed.value)

    def _connect(self) -> None:
        t, guarded = self.tools, self.message.guarded
        for c in self.controls.values():
            c.observe(guarded(self._moved), "value")
        for c in (t.view, t.seed):
            c.observe(guarded(self._draw), "value")
        for c in (t.across, t.down):
            c.observe(guarded(self._choose_side), "value")
        t.played.observe(guarded(self._begin_playing), "value")
        t.player.observe(guarded(self._begin_playing), "playing")
        t.player.observe(guarded(self._step), "value")
        t.play.on_click(guarded(self._play_or_stop))
        t.new_noise.on_click(guarded(self._next_noise))
        t.reset.on_click(guarded(self._reset))
        t.save_png.on_click(guarded(self.save_png))
        t.save_gif.on_click(guarded(self.save_gif))

    def _moved(self) -> None:
        if self.tools.hold.value or self._held:
            self._draw()
        else:
            self._next_noise()

    def _next_noise(self) -> None:
        self.tools.seed.value = (self.tools.seed.value + 1) % self.tools.seed.max

    def _reset(self) -> None:
        values, seed = self._beginning
        self.tools.player.playing = False
        with self._quietly():
            self.tools.hold.value, self.tools.seed.value = True, seed
            for name, value in values.items():
                self._turn(name, value)

    def _choose_side(self) -> None:
        """One code cannot go both ways: choosing the one that goes the other way swaps the two."""
        across, down = self.tools.across, self.tools.down
        with self._quietly():
            if across.value == down.value:
                down.value, across.value = self._sides
            self._sides = across.value, down.value

    def _play_or_stop(self) -> None:
        self.tools.player.playing = not self.tools.player.playing

    def _begin_playing(self) -> None:
        """The path starts where the code is, so that nothing jumps."""
        knob, player = self._chosen(self.tools.played), self.tools.player
        self._path = knob.there_and_back(self.values[knob.name])
        self.tools.play.description = "■ stop" if player.playing else "▶ play"
        with player.hold_trait_notifications():
            player.value, player.max = 0, len(self._path) - 1

    def _step(self) -> None:
        if self.tools.player.playing:
            self._turn(self._chosen(self.tools.played).name, self._path[self.tools.player.value])

    def _turn(self, name: str, value: float) -> None:
        self.controls[name].value = type(self.controls[name].value)(value)

    def _keep(self, content: bytes, suffix: str) -> Path:
        path = render.keep(content, self._folder, "latent", suffix)
        self.message.value = (
            f'<span role="status">Saved as {escape(str(path))}; {render.link(content, path.name)}</span>'
        )
        return path

    # -- helpers ---------------------------------------------------------------------------------------

    def _known(self, name: str) -> int:
        names = [knob.name for knob in self._knobs]
        if name not in names:
            raise KeyError(f"unknown code {name!r}; this explorer has {', '.join(names)}")
        return names.index(name)

    def _chosen(self, menu: Choice) -> Knob:
        return self._knobs[menu.value]

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Many changes, one drawing at the end."""
        with self._lock:
            self._held += 1
            try:
                yield
            finally:
                self._held -= 1
            self._draw()


def _checked(model: InfoGAN, beside: InfoGAN | None) -> list[InfoGAN]:
    models = [model] if beside is None else [model, beside]
    for one in models:
        if not isinstance(one, InfoGAN):
            raise TypeError(f"LatentExplorer: expected an infogan_lib.InfoGAN, got {type(one).__name__}.")
    if beside is not None:
        ours, theirs = model.spec, beside.spec
        known = [code.without_view for code in ours.codes]
        if ours.noise != theirs.noise or any(code.without_view not in known for code in theirs.codes):
            raise ValueError(
                "LatentExplorer: both models must take the same noise, and `beside` no other codes than the first; "
                f"got {ours} and {theirs}."
            )
    return models
