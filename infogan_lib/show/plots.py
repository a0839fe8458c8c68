"""Pictures: each function takes numbers and images and returns a `Picture`; none computes, none shows.

A Picture is a matplotlib Figure that displays itself in a notebook and carries alt text for who cannot see it. No
pyplot: its hidden state is not safe in widget callbacks.
"""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from infogan_lib.core.codes import Code
from infogan_lib.data.images import to_uint8
from infogan_lib.measure.effects import CLEAR, Effects

PAD = 2  # pixels between tiles
TRAINED = "#2a7f62"  # the colour of "inside the trained range" in every figure
TINT = (126, 201, 173)  # the same, lighter
LINES = (  # colour never alone
    ("#1f5fa8", "-"),
    ("#c2571a", "--"),
    ("#6b4fa0", "-."),
    ("#3b3b3b", ":"),
    ("#2a7f62", (0, (6, 2, 1, 2, 1, 2))),  # a dash and two dots
)
POINTS = (  # the looks of up to three sets of points, apart in shape as well
    {"marker": "o", "color": "black", "markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.2},
    {"marker": ".", "color": "#0b3c5d", "markersize": 2.5, "alpha": 0.7},
    {"marker": "x", "color": "#8c1c13", "markersize": 6},
)


class Picture(Figure):
    """A Figure with `alt` text, shown by a notebook as a PNG."""

    def __init__(self, *args: Any, alt: str = "", **kwargs: Any) -> None:
        super().__init__(*args, layout="constrained", **kwargs)
        self.alt = alt

    def png(self, dpi: int = 100) -> bytes:
        """In 256 colours, which nobody can tell from the full range and which halve a notebook."""
        full, small = io.BytesIO(), io.BytesIO()
        self.savefig(full, format="png", dpi=dpi)
        picture = Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        picture.save(small, "png", optimize=True)
        return small.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def tile(images: Tensor, columns: int, tinted: Sequence[int] = ()) -> np.ndarray:
    """(N, C, H, W) images, float in [-1, 1] or uint8 -> one uint8 RGB picture, row by row, `columns` wide.

    Images stand in white gaps; around the columns `tinted` the gaps have the colour of the trained range.
    """
    images = images.detach().cpu()
    pixels = (images if images.dtype == torch.uint8 else to_uint8(images)).permute(0, 2, 3, 1).numpy()
    n, h, w, _ = pixels.shape
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (h + PAD) + PAD, columns * (w + PAD) + PAD, 3), 255, np.uint8)
    for j in tinted:
        sheet[:, j * (w + PAD) : (j + 1) * (w + PAD) + PAD] = TINT
    for i, image in enumerate(pixels):
        y, x = PAD + i // columns * (h + PAD), PAD + i % columns * (w + PAD)
        sheet[y : y + h, x : x + w] = image
    return sheet


def _show(axes: Axes, sheet: np.ndarray) -> None:
    axes.imshow(sheet, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def grid(images: Tensor, columns: int = 10, title: str = "", alt: str = "", labels: Sequence[str] = ()) -> Picture:
    """(N, C, H, W) images as a sheet, `columns` wide, with `labels` before its rows."""
    rows = math.ceil(len(images) / columns)
    named = f": {', '.join(labels)}" if labels else ""
    picture = Picture(
        figsize=(0.62 * columns + (0.9 if labels else 0.2), 0.62 * rows + (0.4 if title else 0.1)),
        alt=alt or f"{title or 'Images'}: {len(images)} images in {rows} rows of {columns}{named}.",
    )
    axes = picture.subplots()
    sheet = tile(images, columns)
    _show(axes, sheet)
    if labels:
        step = (sheet.shape[0] - PAD) / rows
        axes.set_yticks(PAD / 2 + step * (np.arange(rows) + 0.5), labels, fontsize=9)
        axes.tick_params(length=0)
    axes.set_title(title, fontsize=10)
    return picture


def sweeps(
    panels: Sequence[tuple[Code, Tensor, Tensor]], titles: Sequence[str] = (), alt: str = "", across: bool = False
) -> Picture:
    """One panel a code: `(code, values (S,), images (R*S, C, H, W))`, a row a noise vector, a column a value.

    Panels stand below one another or, `across`, side by side. The columns whose value lies in the code's trained range
    are marked by a bar and the word "trained".
    """
    titles = list(titles) or [f"code {code.name!r}" for code, _, _ in panels]
    rows = [len(images) // len(values) for _, values, images in panels]
    widths = [len(values) for _, values, _ in panels]
    if across:
        picture = Picture(figsize=(0.4 * sum(widths) + 0.3 * len(panels), 0.4 * max(rows) + 0.8))
        cells = picture.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
    else:
        picture = Picture(figsize=(0.62 * max(widths) + 0.4, sum(0.62 * r + 0.85 for r in rows)))
        cells = picture.subplots(len(panels), squeeze=False, height_ratios=[r + 0.8 for r in rows])[:, 0]
    texts = []
    for axes, (code, values, images), title, r in zip(cells, panels, titles, rows, strict=True):
        axes.set_anchor("N")
        trained = _trained_columns(code, values)
        sheet = tile(images, len(values), trained)
        _show(axes, sheet)
        step = (sheet.shape[1] - PAD) / len(values)
        centres = PAD / 2 + step * (np.arange(len(values)) + 0.5)
        labels = [f"{v:g}" if code.discrete else f"{v:.1f}" for v in values.tolist()]
        axes.set_xticks(centres, labels, fontsize=8)
        axes.tick_params(length=0)
        axes.set_title(title, fontsize=10, loc="left")
        texts.append(f"{title}: {r} rows of generated images, the code going from {labels[0]} to {labels[-1]}")
        if trained and code.trained_range is not None:
            _mark(axes, centres[trained[0]] - step / 2, centres[trained[-1]] + step / 2)
            texts[-1] += ", trained on {:g} to {:g}".format(*code.trained_range)
    picture.alt = alt or "; ".join(texts) + "."
    return picture


def _trained_columns(code: Code, values: Tensor) -> list[int]:
    if code.trained_range is None:
        return []
    low, high = code.trained_range
    slack = 1e-6 * (high - low)  # the ends of a range such as 0.1 to 0.7 are not exact in float32
    return [i for i, value in enumerate(values.tolist()) if low - slack <= value <= high + slack]


def _mark(axes: Axes, left: float, right: float) -> None:
    """A labelled bar above the trained columns."""
    axes.plot([left + 1, right - 1], [-5, -5], color=TRAINED, linewidth=3, solid_capstyle="butt", clip_on=False)
    axes.text((left + right) / 2, -8, "trained range", color=TRAINED, fontsize=8, ha="center", va="bottom")


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    ylabel: str,
    lines: Mapping[str, float] | None = None,
    title: str = "",
    xlabel: str = "step",
    alt: str = "",
) -> Picture:
    """{label: (x, y)} as curves, with labelled horizontal `lines` such as {"H(c) = ln 10": 2.3026}."""
    picture = Picture(figsize=(7, 3.6))
    axes = picture.subplots()
    for i, (label, (x, y)) in enumerate(series.items()):
        colour, style = LINES[i % len(LINES)]
        axes.plot(x, y, label=label, color=colour, linestyle=style, linewidth=1.8)
    for label, value in (lines or {}).items():
        axes.axhline(value, color="0.45", linewidth=1)
        # Outside the axes, where no curve can run into it.
        axes.annotate(label, (1.01, value), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    ends = [f"{k} goes from {y[0]:.2f} to {y[-1]:.2f}" for k, (_, y) in series.items() if len(y)]
    levels = [f"{k} at {v:.2f}" for k, v in (lines or {}).items()]
    picture.alt = alt or f"{title or ylabel} against {xlabel}: " + "; ".join(ends + levels) + "."
    return picture


def confusion(counts: Tensor, matching: Tensor, title: str = "", alt: str = "") -> Picture:
    """A confusion matrix (k, classes), rows in the order of their matched label, each row's share written in."""
    order = sorted(range(len(counts)), key=lambda i: (matching[i].item() < 0, matching[i].item(), i))
    rows = counts[order].double()
    share = (rows / rows.sum(1, keepdim=True).clamp(min=1)).numpy()
    picture = Picture(figsize=(0.42 * share.shape[1] + 1.6, 0.38 * len(share) + 1.2))
    axes = picture.subplots()
    axes.imshow(share, cmap="Greens", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(share):
        if value >= 0.005:
            colour = "white" if value > 0.6 else "0.2"
            axes.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_yticks(range(len(order)), [str(i) for i in order])
    axes.set_xticks(range(share.shape[1]))
    axes.set(xlabel="label of the image", ylabel="code Q reads", title=title)
    best = [f"code {i} is mostly {row.argmax()} ({100 * row.max():.0f} %)" for i, row in zip(order, share, strict=True)]
    picture.alt = alt or f"{title or 'Confusion matrix'}, in per cent of each row: {', '.join(best)}."
    return picture


def fields(
    panels: Sequence[tuple[Tensor, Mapping[str, Tensor]]],
    reach: float,
    titles: Sequence[str] = (),
    label: str = "D's probability of real",
    alt: str = "",
) -> Picture:
    """Probabilities over a square, with points: a panel is `(values (H, W) in [0, 1], {label: points (N, 2)})`.

    The square is [-reach, reach] both ways, its first row at the top. A dark line edged with white is where the
    value is 1/2. The first points are rings, the second dots, the third crosses.
    """
    titles = list(titles) or [""] * len(panels)
    picture = Picture(figsize=(2.45 * len(panels) + 0.9, 3.1))
    row = picture.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    where = {"extent": (-reach, reach, -reach, reach), "origin": "upper"}
    for axes, (values, points), title in zip(row, panels, titles, strict=True):
        image = axes.contourf(values, levels=np.linspace(0.2, 0.8, 13), cmap="PuOr", extend="both", **where)
        for colour, width in (("white", 2.2), ("black", 0.9)):
            axes.contour(values, levels=[0.5], colors=colour, linewidths=width, **where)
        for (name, xy), style in zip(points.items(), POINTS, strict=False):
            axes.plot(*xy.T, linestyle="none", label=name, **style)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal")
        axes.set_title(title, fontsize=9)
    picture.colorbar(image, ax=row, ticks=[0.2, 0.5, 0.8], label=label, shrink=0.8)
    handles, names = row[0].get_legend_handles_labels()
    picture.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    shown = ", ".join(names)
    picture.alt = alt or f"{label} over a square, with {shown}: " + "; ".join(t or "one panel" for t in titles) + "."
    return picture


def effect_maps(maps: Mapping[str, Effects], title: str = "", alt: str = "", threshold: float = CLEAR) -> Picture:
    """{title: effect sizes} as heat maps side by side, a row an input; sizes above `threshold` are written in bold."""
    tallest = max(len(found.inputs) for found in maps.values())
    widths = [len(found.attributes) for found in maps.values()]
    picture = Picture(figsize=(0.52 * sum(widths) + 0.75 * len(maps) + 0.9, 0.27 * tallest + 1.5))
    row = picture.subplots(1, len(maps), squeeze=False, width_ratios=widths)[0]
    texts = []
    for axes, (name, found) in zip(row, maps.items(), strict=True):
        image = axes.imshow(found.size.numpy(), cmap="Purples", vmin=0, vmax=2, aspect="auto")
        for (i, j), value in np.ndenumerate(found.size.numpy()):
            weight, colour = "normal", "0.35"
            if value > threshold:
                weight, colour = "bold", "white" if value > 1.1 else "black"
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=7, color=colour, fontweight=weight)
        axes.set_yticks(range(len(found.inputs)), found.inputs, fontsize=8)
        axes.set_xticks(range(len(found.attributes)), found.attributes, fontsize=8, rotation=45, ha="right")
        axes.set_title(name, fontsize=10)
        counts = found.moved(threshold).tolist()
        texts.append(f"{name}: an input moves {min(counts)} to {max(counts)} of {len(found.attributes)} attributes")
    picture.colorbar(image, ax=row, label="change, standard deviations", extend="max", shrink=0.6)
    picture.suptitle(title, fontsize=10)
    picture.alt = alt or f"{title or 'Effect sizes'}, more than {threshold:g} standard deviations: {'; '.join(texts)}."
    return picture
