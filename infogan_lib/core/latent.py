"""The latent: which numbers a generator is fed. A `LatentSpec` is noise z plus named codes c.

A plain GAN is the spec without codes. The kinds of code are in `codes`; built in notebook 06.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.distributions as D
from torch import Tensor

from infogan_lib.core.codes import KINDS, Code, finite

MOST = 10_000  # numbers in a latent


@dataclass(frozen=True)
class Noise:
    """z: `size` numbers that Q does not read, standard normal or uniform on [-1, 1] (the official code's)."""

    size: int
    kind: str = "normal"

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 0:
            raise ValueError(f"Noise: size must be an integer >= 0, got {self.size!r}.")
        if self.kind not in ("normal", "uniform"):
            raise ValueError(f"Noise: kind is 'normal' or 'uniform', got {self.kind!r}.")

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, size), on the CPU."""
        if self.kind == "normal":
            return torch.randn(n, self.size, generator=generator)
        return 2 * torch.rand(n, self.size, generator=generator) - 1


@dataclass(frozen=True, eq=False)
class Latent:
    """A batch of latents: what G is fed (`input`, (N, width)), and the noise and code values it was made of."""

    input: Tensor
    noise: Tensor
    values: dict[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self.values[name]
        except KeyError:
            raise KeyError(f"no code {name!r} here; the codes are {list(self.values) or 'none'}") from None

    def __len__(self) -> int:
        return len(self.input)

    def rows(self, index: slice | Tensor) -> Latent:
        """Some of the latents, by index."""
        return Latent(self.input[index], self.noise[index], {k: v[index] for k, v in self.values.items()})

    def to(self, device: torch.device | str) -> Latent:
        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return Latent(move(self.input), move(self.noise), {k: move(v) for k, v in self.values.items()})


class LatentSpec:
    """Noise plus named codes. `codes=[]` is a plain GAN, everywhere.

        spec = LatentSpec(Noise(62), [Categorical("digit", 10), Uniform("c1"), Uniform("c2")])
        spec.width                                   # 74: columns of the generator's input
        spec.sample(128).input                       # (128, 74)
        spec.encode(noise=z, digit=3, c1=1.7)        # digit = 3 and c1 = 1.7 in all; c2 at its default, 0

    Raises ValueError for repeated or unusable names, for an empty latent and for one of more than MOST numbers.
    """

    def __init__(self, noise: Noise, codes: Sequence[Code] = ()) -> None:
        names = [code.name for code in codes]
        if len(set(names)) != len(names):
            raise ValueError(f"Code names must differ, got {names}.")
        self.noise, self.codes = noise, tuple(codes)
        self.width = noise.size + sum(code.width for code in codes)
        self.q_width = sum(code.q_width for code in codes)
        if self.width == 0:
            raise ValueError("A latent needs noise or codes; this one has neither.")
        if self.width > MOST:  # a damaged file may claim any number, and its network would fill the memory
            raise ValueError(f"A latent of {self.width} numbers is more than the {MOST:,} allowed; make it smaller.")

    @property
    def names(self) -> list[str]:
        return [code.name for code in self.codes]

    @property
    def views(self) -> dict[str, list[str]]:
        """{view: the names of the codes that Q reads off it}, in the order of the codes."""
        found: dict[str, list[str]] = {}
        for code in self.codes:
            found.setdefault(code.view, []).append(code.name)
        return found

    def __getitem__(self, name: str) -> Code:
        for code in self.codes:
            if code.name == name:
                return code
        raise KeyError(f"no code {name!r}; this spec has {self.names or 'none'}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatentSpec) and (self.noise, self.codes) == (other.noise, other.codes)

    def alike(self, other: LatentSpec) -> bool:
        """Whether the noise and the codes are the same, whatever views Q reads them off: one latent fits both."""
        ours, theirs = ([code.without_view for code in spec.codes] for spec in (self, other))
        return self.noise == other.noise and ours == theirs

    def __hash__(self) -> int:
        return hash((self.noise, self.codes))

    def __repr__(self) -> str:
        return f"LatentSpec({self.noise}, [{', '.join(map(str, self.codes))}])"

    def sample(self, n: int, generator: torch.Generator | None = None) -> Latent:
        """n latents from the prior, on the CPU: noise first, then each code in order."""
        noise = self.noise.sample(n, generator)
        return self._assemble(noise, {code.name: code.sample(n, generator) for code in self.codes})

    def encode(self, noise: Tensor, **values: Any) -> Latent:
        """Latents with chosen codes: `noise` is (N, noise.size), each value a number or an (N,) tensor.

        Codes not named take their default (0, or the middle of the range). Continuous values may lie
        outside the trained range. Raises KeyError for an unknown code, ValueError or TypeError for a
        value the code does not have, a wrong shape, or a number that is not finite.
        """
        noise = finite(noise, "noise").float()
        if noise.ndim != 2 or noise.shape[1] != self.noise.size:
            raise ValueError(f"noise: expected shape (N, {self.noise.size}), got {tuple(noise.shape)}.")
        if unknown := [name for name in values if name not in self.names]:
            raise KeyError(f"unknown code {unknown[0]!r}; this spec has {self.names or 'none'}")
        n, full = len(noise), {}
        for code in self.codes:
            column = code.check(values.get(code.name, code.default)).to(noise.device)
            if column.ndim > 1 or (column.ndim == 1 and len(column) != n):
                raise ValueError(
                    f"code {code.name!r}: expected one value or {n} (one for each row of noise), "
                    f"got shape {tuple(column.shape)}."
                )
            full[code.name] = column.expand(n)
        return self._assemble(noise, full)

    def sweep(self, name: str, noise: Tensor, steps: int = 10, beyond: bool = False, **values: Any) -> Latent:
        """One code from end to end for every row of `noise`: R x S latents, row by row (the paper's figure 2).

        The other codes are held at `values` (numbers, or (R,) tensors: one a row) or at their defaults.
        Raises ValueError where the swept code is among them, and as `encode` does.
        """
        points = self[name].sweep(steps, beyond)
        if name in values:
            raise ValueError(f"sweep: {name!r} is the code being swept; do not fix it as well.")
        rows, columns = len(noise), len(points)
        held = {}
        for key, value in values.items():
            tensor = torch.as_tensor(value)
            held[key] = tensor.repeat_interleave(columns) if tensor.ndim else tensor
        return self.encode(noise.repeat_interleave(columns, 0), **{name: points.repeat(rows)}, **held)

    def posterior(self, raw: Tensor) -> dict[str, D.Distribution]:
        """(N, q_width) raw outputs of Q -> {name: Q(c|x)}, factorised over codes (section 6 of the paper)."""
        if raw.ndim != 2 or raw.shape[1] != self.q_width:
            raise ValueError(f"Q's output: expected shape (N, {self.q_width}), got {tuple(raw.shape)}.")
        parts = raw.split([code.q_width for code in self.codes], dim=1)
        return {code.name: code.posterior(part) for code, part in zip(self.codes, parts, strict=True)}

    def _assemble(self, noise: Tensor, values: dict[str, Tensor]) -> Latent:
        columns = [noise, *(code.encode(values[code.name]) for code in self.codes)]
        return Latent(torch.cat(columns, dim=1), noise, values)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `LatentSpec.from_json` reads it back to an equal spec."""
        return {"noise": asdict(self.noise), "codes": [code.to_json() for code in self.codes]}

    @classmethod
    def from_json(cls, data: Any) -> LatentSpec:
        """Raises ValueError where `data` does not describe a spec."""
        try:
            codes = []
            for item in data["codes"]:
                fields = dict(item)
                codes.append(KINDS[fields.pop("kind")](**fields))
            return cls(Noise(**data["noise"]), codes)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a LatentSpec: {error!r} while reading {str(data)[:200]}") from None
