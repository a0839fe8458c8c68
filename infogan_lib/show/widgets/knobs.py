"""What can be turned, and which latents a layout shows, as pure functions. No widget here.

A knob is a code of the spec, or one number z_i of its noise under the name "z0", "z1", ...
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infogan_lib.core.codes import Circular, Code, finite
from infogan_lib.core.latent import Latent, LatentSpec
from infogan_lib.show.widgets.readings import Labels, state_names

LAYOUTS = ("one", "rows", "grid")
STEPS = 10  # points of a continuous knob along a side of a layout


@dataclass(frozen=True)
class Knob:
    """`ends` are those of its slider, `zone` what training saw of it (() where that means nothing)."""

    name: str
    code: Code | None  # None: the noise's number `index`
    index: int
    ends: tuple[float, float]
    zone: tuple[float, float] | tuple[()]
    default: float = 0.0

    @property
    def continuous(self) -> bool:
        return self.code is None or self.code.trained_range is not None

    def points(self, steps: int = STEPS) -> list[float]:
        """Its values from end to end."""
        if self.code is None:
            return torch.linspace(*self.ends, steps).tolist()
        points = self.code.sweep(steps, beyond=True).tolist()
        # In single precision -pi lies a hair beyond -pi.
        return [max(v, -math.pi) for v in points] if isinstance(self.code, Circular) else points

    def there_and_back(self, start: float, steps: int = 24) -> list[float]:
        """One round of playing from near `start`: to both ends and back, or once round where there are no ends."""
        points = self.points(steps)
        path = points + points[-2:0:-1] if self.continuous else points
        first = self.nearest(start, path)
        return path[first:] + path[:first]

    def nearest(self, value: float, points: Sequence[float]) -> int:
        """Which of `points` is nearest to a value; angles meet at the ends."""
        circular = isinstance(self.code, Circular)
        return min(
            range(len(points)), key=lambda i: 1 - math.cos(points[i] - value) if circular else abs(points[i] - value)
        )

    def check(self, value: float) -> float:
        """The value as a plain number. Raises ValueError or TypeError for one that the knob does not have."""
        tensor = torch.as_tensor(value)
        if tensor.numel() != 1:
            raise ValueError(f"{self.name}: expected one number, got shape {tuple(tensor.shape)}.")
        finite(tensor, self.name) if self.code is None else self.code.check(tensor)
        number = float(value)
        if isinstance(self.code, Circular):
            return math.remainder(number, 2 * math.pi)
        if self.continuous and not self.ends[0] - 1e-6 <= number <= self.ends[1] + 1e-6:
            raise ValueError(f"{self.name}: its slider goes from {self.ends[0]:g} to {self.ends[1]:g}, got {number:g}.")
        return number

    def text(self, value: float, labels: Labels) -> str:
        """A value as a short label."""
        if self.continuous:
            return f"{value:.1f}"
        if isinstance(self.code, Circular):
            return f"{math.degrees(value):.0f}°"
        assert self.code is not None
        return state_names(self.code, labels)[int(value)]


def knobs(spec: LatentSpec, noise_sliders: Sequence[int] | None = None) -> list[Knob]:
    """A knob for each code, then for the chosen z_i: by default none, or the first five if there are no codes.

    A continuous code's slider reaches twice as far as training did; a z_i's goes from -3 to 3. Raises ValueError
    for a z_i that the noise does not have, or whose name a code has taken.
    """
    if noise_sliders is None:
        noise_sliders = () if spec.codes else range(min(5, spec.noise.size))
    made = []
    for code in spec.codes:
        points = code.sweep(2, beyond=True).tolist()
        ends = (-math.pi, math.pi) if isinstance(code, Circular) else (points[0], points[-1])
        made.append(Knob(code.name, code, -1, ends, code.trained_range or (), code.default))
    for i in noise_sliders:
        if not 0 <= i < spec.noise.size:
            raise ValueError(f"noise_sliders: there is no z_{i}; the noise has numbers 0 to {spec.noise.size - 1}.")
        if f"z{i}" in [knob.name for knob in made]:
            raise ValueError(f"noise_sliders: z{i} is there twice, or is the name of a code; rename or drop one.")
        made.append(Knob(f"z{i}", None, i, (-3.0, 3.0), (-2.0, 2.0) if spec.noise.kind == "normal" else (-1.0, 1.0)))
    return made


def encode(spec: LatentSpec, turned: Sequence[Knob], noise: Tensor, values: Mapping[str, float | Tensor]) -> Latent:
    """Latents of chosen knobs: `noise` (N, size), each value a number or (N,). `spec` may lack some of the codes."""
    noise = noise.clone()
    for knob in turned:
        if knob.code is None:
            noise[:, knob.index] = torch.as_tensor(values[knob.name], dtype=noise.dtype)
    return spec.encode(noise, **{name: values[name] for name in spec.names})


@dataclass(frozen=True)
class Layout:
    """The latents shown, row by row, and where the one that has exactly the values set stands (`chosen`)."""

    noise: Tensor
    values: dict[str, float | Tensor]
    columns: int
    chosen: tuple[int, int]  # column, row
    across: list[float]
    down: list[float]

    @property
    def index(self) -> int:
        return self.chosen[1] * self.columns + self.chosen[0]


def layout(name: str, values: Mapping[str, float], noise: Tensor, across: Knob, down: Knob) -> Layout:
    """The layout of that name, for `noise` (R, size).

    "one": the values set. "rows": a row for each noise vector, `across` going from end to end. "grid": `across` and
    `down` both going, the first noise vector. On a side, the point nearest to the value set is that value.
    """
    if name == "one":
        return Layout(noise[:1], dict(values), 1, (0, 0), [], [])
    x, column = _through(across, values[across.name])
    if name == "rows":
        rows = noise
        spread: dict[str, float | Tensor] = {**values, across.name: torch.tensor(x).repeat(len(rows))}
        return Layout(rows.repeat_interleave(len(x), 0), spread, len(x), (column, 0), x, [])
    if across == down:
        raise ValueError(f"grid: {across.name!r} cannot go across and down at once; choose two codes.")
    y, row = _through(down, values[down.name])
    spread = {
        **values,
        across.name: torch.tensor(x).repeat(len(y)),
        down.name: torch.tensor(y).repeat_interleave(len(x)),
    }
    return Layout(noise[:1].expand(len(x) * len(y), -1), spread, len(x), (column, row), x, y)


def _through(knob: Knob, value: float) -> tuple[list[float], int]:
    """The points of a side, the nearest moved onto `value`, and which that is."""
    points = knob.points()
    i = knob.nearest(value, points)
    points[i] = value
    return points, i


def trained(shown: Layout, across: Knob, down: Knob) -> list[int]:
    """Which of the latents, by index, lie where training drew from; none if neither side leaves it."""
    columns = _inside(across, shown.across)
    rows = _inside(down, shown.down) if shown.down else [True] * (len(shown.noise) // shown.columns)
    if all(columns) and all(rows):
        return []
    return [i for i, (row, column) in enumerate(itertools.product(rows, columns)) if row and column]


def _inside(knob: Knob, points: Sequence[float]) -> list[bool]:
    return [not knob.zone or knob.zone[0] - 1e-6 <= v <= knob.zone[1] + 1e-6 for v in points]
