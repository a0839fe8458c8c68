"""Pictures of what the factors of rendered faces do: one row a factor, the others held."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infogan_lib.data import faces
from infogan_lib.data.faces import FACTORS, SCORED, TABLE, Factor
from infogan_lib.data.images import to_uint8
from infogan_lib.show.plots import Picture, grid

# What a row shows while its factor moves: turned a little, and lit from one side, so that relief is seen.
STAND = {"azimuth": 15.0, "light": 30.0}
UNITS = {"azimuth": "°", "elevation": "°", "light": "°"}


def factor_sheet(columns: int = 9, size: int = 32) -> Picture:
    """The seven scored factors, each from one end of its range to the other; a discrete one in each of its states."""
    return _sheet([FACTORS[name] for name in SCORED], columns, size, "What each factor does")


def nuisance_sheet(columns: int = 9, size: int = 32) -> Picture:
    """What else varies: the three of identity, the two that are free on request, and the film grain of one face."""
    return _sheet([f for f in TABLE if f.kind == "nuisance"], columns, size, "What else varies", grain=True)


def _sheet(factors: Sequence[Factor], columns: int, size: int, title: str, grain: bool = False) -> Picture:
    rows = [_row(factor, columns, size) for factor in factors]
    texts = [f"{name} from {first} to {last}" for name, first, last, _ in rows]
    if grain:
        still = faces.render(faces.setting(columns, **STAND), size)
        rows.append(("grain", "", "drawn anew", faces.film(still, torch.Generator().manual_seed(0))))
        texts.append("grain drawn anew in each picture")
    alt = f"{title}: rows of one rendered face, one thing moved in each: {'; '.join(texts)}."
    picture = grid(torch.cat([images for *_, images in rows]), columns, title, alt)
    picture.set_figwidth(picture.get_figwidth() + 1.8)
    axes = picture.axes[0]
    width, height = axes.get_xlim()[1], axes.get_ylim()[0]  # the sheet's, in pixels
    for i, (name, first, last, _) in enumerate(rows):
        middle = (i + 0.5) * height / len(rows)
        axes.text(-6, middle, f"{name}\n{first}".strip(), ha="right", va="center", fontsize=8)
        axes.text(width + 6, middle, last, ha="left", va="center", fontsize=8)
    return picture


def _row(factor: Factor, columns: int, size: int) -> tuple[str, str, str, Tensor]:
    """(name, first value, last value, uint8 images (columns, 1, size, size)) of a factor moved on its own."""
    values = torch.linspace(factor.low, factor.high, columns)
    ends = [f"{v:g}{UNITS.get(factor.name, '')}" for v in (factor.low, factor.high)]
    if factor.discrete:
        values = (torch.arange(columns) * len(factor.states) // columns).float()
        ends = [factor.states[0], factor.states[-1]]
    held: dict[str, Tensor | float] = {**STAND, factor.name: values}
    images = faces.render(faces.setting(columns, **held), size)
    return factor.name, ends[0], ends[1], to_uint8(images)
