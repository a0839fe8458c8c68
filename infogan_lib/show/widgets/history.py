"""What a run has measured so far, in bounded memory, and the panels of curves that `monitor` draws of it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from infogan_lib.core.bound import calibration
from infogan_lib.core.latent import LatentSpec


class History:
    """Named curves of fewer than `limit` points. Each point is the mean of `stride` steps; where a curve would
    grow longer, neighbours are merged and the stride doubles.
    """

    def __init__(self, limit: int = 200) -> None:
        if limit < 2 or limit % 2:
            raise ValueError(f"History: limit must be an even number of points, got {limit!r}.")
        self.limit, self.stride = limit, 1
        self.last: dict[str, float] = {}
        self._points: dict[str, list[tuple[float, float]]] = {}
        self._open: list[Mapping[str, float]] = []  # rows of a point that is not full yet

    def add(self, rows: Iterable[Mapping[str, float]]) -> None:
        """Rows such as {"step": 3, "loss_d": 1.2, ...}, in order; a name may begin later than the others."""
        for row in rows:
            self.last = {**self.last, **row}
            self._open.append(row)
            if len(self._open) == self.stride:
                self._close()

    def curve(self, name: str) -> tuple[list[float], list[float]]:
        """(steps, values) of one name; ([], []) where it was never measured."""
        points = self._points.get(name, [])
        return [x for x, _ in points], [y for _, y in points]

    def _close(self) -> None:
        names = {name for row in self._open for name in row if name != "step"}
        for name in names:
            inside = [(row["step"], row[name]) for row in self._open if name in row]
            self._points.setdefault(name, []).append(_mean(inside))
        self._open = []
        if max(map(len, self._points.values()), default=0) >= self.limit:
            self.stride *= 2
            self._points = {k: [_mean(v[i : i + 2]) for i in range(0, len(v), 2)] for k, v in self._points.items()}


def _mean(points: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def panels(spec: LatentSpec, history: History) -> list[dict[str, Any]]:
    """What `monitor.js` draws: L_I of each code between its floor and its ceiling, the losses, Q's sigma.

    Each panel is plain JSON: title, alt text, curves {name, x, y, last}, labelled horizontal lines {label, y},
    and the range of y. A spec without codes has the losses alone.
    """
    nats = {code.name: f"nats/{code.name}" for code in spec.codes}
    sigma = {code.name: f"sigma/{code.name}" for code in spec.codes if not code.discrete}
    losses = {"D": "loss_d", "G": "loss_g", "Q on real images": "loss_real"}
    marks = _marks(spec)
    parts = [
        _panel("L_I of each code, nats", nats, history, marks, (-1.0, max([0.5, *(y for _, y in marks)]) * 1.06)),
        _panel("losses", losses, history, [], None),
        _panel("σ that Q states", sigma, history, [], None),
    ]
    return [part for part in parts if part["curves"]]


def _marks(spec: LatentSpec) -> list[tuple[str, float]]:
    """Labelled heights for L_I: what a Q reads that knows nothing, and the most it can read."""
    names: dict[tuple[str, float], list[str]] = {}
    for code in spec.codes:
        meter = calibration(code)
        names.setdefault(("nothing read", round(meter.nothing, 2)), []).append(code.name)
        names.setdefault(("at most", round(meter.perfect, 2)), []).append(code.name)
    return [(f"{', '.join(codes)}: {what} {y:.2f}", y) for (what, y), codes in names.items()]


def _panel(
    title: str,
    names: Mapping[str, str],
    history: History,
    lines: list[tuple[str, float]],
    clip: tuple[float, float] | None,
) -> dict[str, Any]:
    """`clip` holds y inside a range; without it, y spans the curves."""
    curves, values = [], []
    for label, name in names.items():
        x, y = history.curve(name)
        if x:
            kept = [v if math.isfinite(v) else None for v in y]  # JSON has no NaN; the line is broken there
            curves.append({"name": label, "x": x, "y": kept, "last": _said(history.last[name])})
            values += [v for v in kept if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if clip is not None:
        low, high = max(clip[0], min([low, *(y for _, y in lines)])), clip[1]
    gap = 0.05 * (high - low) or 0.5
    words = [f"{c['name']} {c['last']}" for c in curves] + [label for label, _ in lines]
    return {
        "title": title,
        "alt": f"{title}, against the step. At step {history.last.get('step', 0):.0f}: {'; '.join(words)}.",
        "curves": curves,
        "lines": [{"label": label, "y": y} for label, y in lines],
        "range": [low - gap, high + gap],
    }


def _said(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "not a number"
