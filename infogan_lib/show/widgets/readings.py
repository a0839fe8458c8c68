"""Q's posterior of one image as HTML: bars, axes and compasses, of a size that never changes.

Colours come from JupyterLab's theme, with fallbacks for other pages, and never stand alone: a shape or a
word says the same.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

from torch.distributions import Distribution

from infogan_lib.core.codes import Bernoulli, Categorical, Circular, Code
from infogan_lib.core.latent import Latent, LatentSpec

Labels = Mapping[str, str | Sequence[str]]  # {code: its shown name}, or {code: a name for each category}

WIDTH, ROW, AXIS, ROUND = 250, 15, 46, 88  # pixels: the panel, a bar, an axis, a compass
INK = "var(--jp-ui-font-color1, #222)"
FAINT = "var(--jp-border-color1, #bbb)"
BAR = "var(--jp-brand-color1, #1976d2)"
ZONE = "rgba(42, 159, 122, 0.28)"
SET = "var(--jp-warn-color0, #b35900)"


def reading(
    spec: LatentSpec,
    posterior: Mapping[str, Distribution],
    index: int = 0,
    latent: Latent | None = None,
    labels: Labels | None = None,
) -> str:
    """HTML of what Q says of image `index`: a block for each code, of a size that never changes.

    A categorical or yes/no code has a bar for each state; a continuous one an axis twice as wide as the trained
    range, which is shaded, with Q's mean and one sigma each way; a circular one a compass, its needle as long as
    the angle is certain. Where `latent` is given, the value that was set is marked. `labels` gives a code a name
    to show ({"c1": "slant"}), or a name to each of its categories ({"digit": ["a 4", ...]}).
    """
    if not spec.codes:
        return _panel("This model has no codes, so there is no Q to read them.", "")
    blocks = []
    for code in spec.codes:
        value = None if latent is None else float(latent[code.name][index])
        blocks.append(_block(code, posterior[code.name], index, value, labels or {}))
    return _panel("".join(svg for svg, _ in blocks), "Q reads " + "; ".join(words for _, words in blocks) + ".")


def _panel(body: str, words: str) -> str:
    style = f"width:{WIDTH}px;font:11px var(--jp-ui-font-family, sans-serif);color:{INK}"
    role = f' role="img" aria-label="{escape(words)}"' if words else ""
    return f'<div class="infogan-reading" style="{style}"{role}>{body}</div>'


def _block(code: Code, q: Distribution, index: int, value: float | None, labels: Labels) -> tuple[str, str]:
    """(SVG, the same in words) of one code."""
    name = shown_name(code.name, labels)
    if isinstance(code, (Categorical, Bernoulli)):
        p = float(q.mean[index]) if isinstance(code, Bernoulli) else 0.0
        probs = [1 - p, p] if isinstance(code, Bernoulli) else q.probs[index].tolist()  # type: ignore[attr-defined]
        set_to = None if value is None else round(value)
        return _bars(name, _numbers(code, probs), state_names(code, labels), set_to)
    if isinstance(code, Circular):
        angle, length = _numbers(code, [float(q.mean[index]), 1 - float(q.variance[index])])
        return _compass(name, angle, length, float(q.concentration[index]), value)  # type: ignore[attr-defined]
    mean, sigma = _numbers(code, [float(q.mean[index]), float(q.stddev[index])])
    ends = code.sweep(2, beyond=True).tolist()
    return _axis(name, mean, sigma, (ends[0], ends[1]), code.trained_range or (ends[0], ends[1]), value)


def shown_name(name: str, labels: Labels) -> str:
    """The name that a code or a number of the noise is shown under."""
    label = labels.get(name, name)
    return label if isinstance(label, str) else name


def state_names(code: Code, labels: Labels) -> list[str]:
    """The states of a categorical or a yes/no code as they are shown; raises ValueError for too many or few labels."""
    names = ["no", "yes"] if isinstance(code, Bernoulli) else [str(int(v)) for v in code.sweep()]
    label = labels.get(code.name, "")
    if isinstance(label, str):
        return names
    if len(label) != len(names):
        raise ValueError(f"labels: code {code.name!r} has {len(names)} states, got {len(label)} names for them.")
    return [str(state) for state in label]


def _numbers(code: Code, values: list[float]) -> list[float]:
    if not all(map(math.isfinite, values)):
        raise ValueError(f"code {code.name!r}: Q's answer is not a number; this model's weights are broken.")
    return values


def _svg(height: float, body: str) -> str:
    return f'<svg width="{WIDTH}" height="{height:g}" style="display:block" fill="{INK}" font-size="11">{body}</svg>'


def _title(name: str, rest: str = "") -> str:
    name = name if len(name) <= 12 else name[:11] + "…"
    return f'<text x="0" y="12"><tspan font-weight="600">{escape(name)}</tspan> {rest}</text>'


def _bars(name: str, probs: list[float], states: list[str], value: int | None) -> tuple[str, str]:
    left = 14 + min(110, 6.5 * max(map(len, states)))  # where bars begin
    full = WIDTH - left - 76  # what 100 % is
    parts = [_title(name)]
    for i, (state, p) in enumerate(zip(states, probs, strict=True)):
        y = 18 + ROW * i
        parts.append(
            f'<text x="{left - 5:g}" y="{y + 11}" text-anchor="end">{escape(state)}</text>'
            f'<rect x="{left:g}" y="{y + 2}" width="{full:g}" height="{ROW - 4}" fill="{FAINT}" opacity=".35"/>'
            f'<rect x="{left:g}" y="{y + 2}" width="{full * p:.1f}" height="{ROW - 4}" fill="{BAR}"/>'
            f'<text x="{left + full + 38:g}" y="{y + 11}" text-anchor="end">{100 * p:.0f} %</text>'
        )
        if i == value:
            x = left + full + 43
            parts.append(f'<path d="M{x:g} {y + 7.5}l7 -4v8z" fill="{SET}"/>')
            parts.append(f'<text x="{x + 10:g}" y="{y + 11}" fill="{SET}">set</text>')
    likely = sorted(range(len(probs)), key=lambda i: -probs[i])
    said = ", ".join(
        f"{states[i]} with {100 * probs[i]:.0f} %" for i in likely[:3] if probs[i] >= 0.05 or i == likely[0]
    )
    words = f"{name}: {said}" + ("" if value is None else f", set to {states[value]}")
    return _svg(22 + ROW * len(probs), "".join(parts)), words


def _axis(
    name: str, mean: float, sigma: float, ends: tuple[float, float], zone: tuple[float, float], value: float | None
) -> tuple[str, str]:
    def x(v: float) -> float:
        share = (min(max(v, ends[0]), ends[1]) - ends[0]) / (ends[1] - ends[0])
        return 14 + (WIDTH - 28) * share

    low, high = x(mean - sigma), x(mean + sigma)
    said = f"mean {mean:.2f}, σ {sigma:.2f}"
    parts = [
        _title(name, escape(said)),
        f'<rect x="{x(zone[0]):.1f}" y="18" width="{x(zone[1]) - x(zone[0]):.1f}" height="18" fill="{ZONE}"/>',
        f'<path d="M14 31H{WIDTH - 14}" stroke="{FAINT}" stroke-width="1.5"/>',
        f'<rect x="{low:.1f}" y="28" width="{max(high - low, 1):.1f}" height="6" rx="3" fill="{BAR}" opacity=".55"/>',
        f'<circle cx="{x(mean):.1f}" cy="31" r="4.5" fill="{BAR}" stroke="var(--jp-layout-color1, #fff)"/>',
    ]
    for v in sorted({*ends, *zone, (ends[0] + ends[1]) / 2}):
        parts.append(f'<text x="{x(v):.1f}" y="{AXIS - 1}" font-size="9" text-anchor="middle">{v:g}</text>')
    if value is not None:
        parts.append(f'<path d="M{x(value):.1f} 27l-4.5 -9h9z" fill="{SET}"/>')
        parts.append(f'<text x="{WIDTH}" y="12" text-anchor="end" fill="{SET}">▼ set {value:.2f}</text>')
    words = f"{name}: mean {mean:.2f}, standard deviation {sigma:.2f}"
    return _svg(AXIS + 4, "".join(parts)), words + ("" if value is None else f", set to {value:.2f}")


def _compass(name: str, angle: float, length: float, concentration: float, value: float | None) -> tuple[str, str]:
    """Angles run anticlockwise from the right, as in mathematics. The arc on the rim is one circular sigma each way."""
    cx, cy, r = WIDTH / 2, 18 + ROUND / 2 - 6, ROUND / 2 - 12

    def at(a: float, radius: float) -> str:
        return f"{cx + radius * math.cos(a):.1f} {cy - radius * math.sin(a):.1f}"

    spread = min(math.sqrt(-2 * math.log(min(max(length, 1e-6), 1))), math.pi - 1e-3)
    large = int(spread > math.pi / 2)
    degrees = f"{math.degrees(angle):.0f}°"
    parts = [
        _title(name, f"{degrees}, κ {concentration:.1f}"),
        f'<circle cx="{cx:g}" cy="{cy:g}" r="{r:g}" fill="none" stroke="{FAINT}" stroke-width="1.5"/>',
        f'<path d="M{at(angle - spread, r)}A{r:g} {r:g} 0 {large} 0 {at(angle + spread, r)}" fill="none" '
        f'stroke="{BAR}" stroke-width="5" opacity=".55"/>',
        f'<path d="M{cx:g} {cy:g}L{at(angle, r * length)}" stroke="{BAR}" stroke-width="3" stroke-linecap="round"/>',
        f'<circle cx="{cx:g}" cy="{cy:g}" r="3" fill="{BAR}"/>',
    ]
    words = f"{name}: {math.degrees(angle):.0f} degrees with concentration {concentration:.1f}"
    if value is not None:
        wide = 0.12
        corners = f"M{at(value, r + 1)}L{at(value - wide, r + 11)}L{at(value + wide, r + 11)}z"
        parts.append(f'<path d="{corners}" fill="{SET}"/>')
        said = f"{math.degrees(value):.0f}"
        parts.append(f'<text x="{WIDTH}" y="12" text-anchor="end" fill="{SET}">▼ set {said}°</text>')
        words += f", set to {said} degrees"
    return _svg(18 + ROUND, "".join(parts)), words
