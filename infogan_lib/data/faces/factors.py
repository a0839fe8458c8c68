"""Faces whose every cause is known: a table of factors, a renderer, and a hash that says which faces these are.

    sample(1000, seed=0)          # causes: {name: (N,)}, exactly balanced
    render(setting(3, azimuth=torch.tensor([-40.0, 0.0, 40.0]), glasses=1))    # one cause moved, no grain
    make(1000, seed=0)            # uint8 pictures and their causes; `face_set` keeps them on disk

Why rendered faces, and not photographs. The people in the usual sets of faces were not asked. CelebA is made of
photographs of 10,177 celebrities, found on the web; its authors do not own them and allow research without
commerce only, so that no course under an open licence can pass them on. Its forty attributes are opinions
("attractive", "young"), its people are mostly light-skinned and on display, and what a model learns from that it
repeats. Nor could a claim be tested on it: nobody knows the angle of the light. Here each cause is a number. What
is lost is variety: these are drawings of one family of heads, and nothing found on them is about real people.

To use CelebA yourself, get it from its authors (mmlab.ie.cuhk.edu.hk/projects/CelebA.html), read their terms, and call
`data.from_torchvision("celeba")`. Before you show what a model made of it, think of the people in it.
"""

import functools
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from infogan_lib.data.faces.render import portrait
from infogan_lib.data.threads import one_thread

SIZES = (32, 64)
GRAIN = 0.012  # standard deviation of the film grain, of the range from black to white: 3 of 255
BATCH = 48  # pictures drawn at once: what fits into a core's cache. The pictures do not depend on it.
# Of renderer and table, frozen before the first model was trained on them. A model's manifest carries it.
FINGERPRINT = "0b92c6a0fcd69bad"


@dataclass(frozen=True)
class Factor:
    """One cause. `kind` is continuous (uniform from low to high), binary or categorical (each of `states` as often),
    or nuisance: continuous, and not asked for by any score. A `fixed` one stands at `default` unless set free."""

    name: str
    kind: str
    about: str
    low: float = 0.0
    high: float = 1.0
    default: float = 0.0
    states: tuple[str, ...] = ()
    fixed: bool = False

    @property
    def discrete(self) -> bool:
        return bool(self.states)


TABLE = (
    Factor("azimuth", "continuous", "degrees the head is turned to the right of the picture", -60, 60),
    Factor("elevation", "continuous", "degrees the head looks up", -20, 20),
    Factor("light", "continuous", "degrees the lamp stands to the right of the camera", -70, 70),
    Factor("width", "continuous", "of the head, relative to its height", 0.82, 1.18, 1.0),
    Factor("glasses", "binary", "dark frames", states=("no", "yes")),
    Factor("hair", "categorical", "its length", default=1, high=2, states=("none", "short", "long")),
    Factor("smile", "continuous", "-1 corners down, 0 straight, 1 a grin that shows teeth", -1, 1),
    Factor("nose", "nuisance", "identity: size of the nose", 0.8, 1.25, 1.0),
    Factor("eyes", "nuisance", "identity: distance between the eyes", 0.88, 1.12, 1.0),
    Factor("jaw", "nuisance", "identity: width of the lower face", 0.88, 1.12, 1.0),
    Factor("skin", "nuisance", "brightness of the skin", 0.5, 0.95, 0.8, fixed=True),
    Factor("background", "nuisance", "brightness of the background", 0.2, 0.8, 0.5, fixed=True),
)
FACTORS = {factor.name: factor for factor in TABLE}
SCORED = tuple(f.name for f in TABLE if f.kind != "nuisance")


def sample(n: int, seed: int, free: Iterable[str] = ()) -> dict[str, Tensor]:
    """Causes of n faces, {name: (n,)}: float32, or int64 for a discrete factor. The same for the same seed.

    Each state of a discrete factor, and each pair of states, comes equally often, to 1; each n-th part of a
    continuous factor's range holds one value. All are shuffled independently of one another. The factors
    named in `free` vary too: "skin", "background". Raises ValueError for another name or for n < 1.
    """
    if n < 1:
        raise ValueError(f"faces: n must be at least 1, got {n}.")
    free = set(free)
    fixed = {f.name for f in TABLE if f.fixed}
    if not free <= fixed:
        raise ValueError(f"faces: only {', '.join(sorted(fixed))} can be set free, got {', '.join(sorted(free))}.")
    generator = torch.Generator().manual_seed(seed)
    causes: dict[str, Tensor] = {}
    pairs = torch.randperm(n, generator=generator)  # modulo 2 and modulo 3 it takes all six pairs in turn
    for factor in TABLE:
        if factor.discrete:
            causes[factor.name] = pairs % len(factor.states)
            continue
        # Drawn also where it is not used, so that setting one factor free leaves the others as they were.
        place = torch.randperm(n, generator=generator) + torch.rand(n, generator=generator)
        value = factor.low + (factor.high - factor.low) * (place / n).clamp(max=1)
        causes[factor.name] = value if not factor.fixed or factor.name in free else torch.full((n,), factor.default)
    return causes


def setting(n: int = 1, **values: Tensor | float) -> dict[str, Tensor]:
    """Causes of n faces that stand at their defaults but for `values`, each a number or (n,)."""
    if unknown := sorted(values.keys() - FACTORS.keys()):
        raise ValueError(f"faces: there is no factor {', '.join(unknown)}; the factors are {', '.join(FACTORS)}.")
    kinds = {f.name: torch.int64 if f.discrete else torch.float32 for f in TABLE}
    return {f.name: torch.as_tensor(values.get(f.name, f.default)).to(kinds[f.name]).expand(n) for f in TABLE}


def render(causes: Mapping[str, Tensor], size: int = 32) -> Tensor:
    """{name: (N,)}, all the factors -> pictures (N, 1, size, size), float in [-1, 1], without grain.

    A picture depends on its own row only, to the bit. Raises ValueError for a factor that is missing, of another
    length or out of its range, and for a size that is not in SIZES.
    """
    pictures = torch.empty(_check(causes, size), 1, size, size)
    with one_thread():
        # Heads with the same hair and glasses are made of the same parts, and so drawn together.
        for hair, glasses in itertools.product(range(3), range(2)):
            alike = ((causes["hair"] == hair) & (causes["glasses"] == glasses)).nonzero()[:, 0]
            for rows in alike.split(BATCH) if len(alike) else ():
                some = {name: values[rows] for name, values in causes.items()}
                pictures[rows, 0] = 2 * portrait(some, hair, bool(glasses), size) - 1
    return pictures


def make(n: int, seed: int, size: int = 32, free: Iterable[str] = ()) -> tuple[Tensor, dict[str, Tensor]]:
    """Faces with film grain, uint8 (n, 1, size, size), and their causes. The same bytes for the same seed."""
    causes = sample(n, seed, free)
    generator = torch.Generator().manual_seed(seed + 1_000_003)  # not the stream that the causes came from
    pictures = torch.empty(n, 1, size, size, dtype=torch.uint8)
    with one_thread():
        for rows in torch.arange(n).split(8 * BATCH):
            clean = render({name: values[rows] for name, values in causes.items()}, size)
            pictures[rows] = film(clean, generator)
    return pictures, causes


def film(pictures: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Rendered pictures (N, 1, H, W), float in [-1, 1] -> uint8 with grain of standard deviation GRAIN."""
    # The difference of two uniform numbers, sqrt(6) standard deviations wide on each side: no logarithm is needed.
    draws = torch.rand(len(pictures), 2, *pictures.shape[1:], generator=generator)
    noise = (draws[:, 0] - draws[:, 1]) * (GRAIN * 6**0.5)
    return ((pictures + 1) * 127.5 + noise * 255).round().clamp(0, 255).to(torch.uint8)


@functools.cache
def fingerprint() -> str:
    """16 hex digits of a SHA-256 over the table and the bytes of 48 probe faces; FINGERPRINT is what it is here.

    The renderer is made of operations whose results IEEE 754 fixes (see `shapes`), so that other processors
    are expected to give the same bytes; where one does not, its faces are others, and the hash says so.
    """
    digest = hashlib.sha256(json.dumps([asdict(f) for f in TABLE] + [GRAIN]).encode())
    for n, size, free in ((36, 32, ()), (12, 64, ("skin", "background"))):
        digest.update(make(n, 0, size, free)[0].numpy().tobytes())
    return digest.hexdigest()[:16]


def _check(causes: Mapping[str, Any], size: int) -> int:
    if size not in SIZES:
        raise ValueError(f"faces: a picture is {' or '.join(f'{s} x {s}' for s in SIZES)}, got size {size}.")
    if causes.keys() != FACTORS.keys():
        odd = sorted(causes.keys() ^ FACTORS.keys())
        raise ValueError(f"faces: missing or unknown factors {odd}; faces.setting(n, ...) fills in the others.")
    n = len(causes["azimuth"])
    for f in TABLE:
        values = causes[f.name]
        if values.shape != (n,):
            raise ValueError(f"faces: {f.name} has shape {tuple(values.shape)}, azimuth ({n},).")
        slack = 1e-5 * (f.high - f.low)  # of float32
        if n and not (f.low - slack <= values.min() and values.max() <= f.high + slack):
            raise ValueError(f"faces: {f.name} lies outside {f.low:g} to {f.high:g}.")
    return n
