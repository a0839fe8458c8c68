"""The codes: InfoGAN's c_1..c_L (Chen et al. 2016, section 4), one class a kind.

Each code knows its prior P(c), its entropy H(c) in nats, how it is encoded for the generator, how
many numbers Q must output for it, and which distribution Q(c|x) those numbers describe. Nothing
else in the library knows these things. Built step by step in notebook 06.
"""

from __future__ import annotations

import keyword
import math
import unicodedata
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import torch
import torch.distributions as D
import torch.nn.functional as F
from torch import Tensor

# Identifiers like any other, but arguments of `LatentSpec.encode` and `sweep` already.
RESERVED = ("noise", "name", "steps", "beyond", "self", "__debug__")
PLAIN = "plain"  # the view that is the image itself


def finite(values: Any, what: str) -> Tensor:
    """A tensor of finite real numbers. Raises TypeError for complex or bool, ValueError for NaN or infinity."""
    tensor = torch.as_tensor(values)
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{what}: expected real numbers, got {tensor.dtype}.")
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{what}: got a value that is NaN or infinite; give finite numbers.")
    return tensor


@dataclass(frozen=True)
class Code:
    """One named part of the latent. Values are tensors of shape (N,).

    width      columns of the generator's input that carry the code
    q_width    numbers Q outputs for it (raw, unconstrained)
    discrete   whether 0 <= I(c;x) <= H(c) holds, so that H(c) is a ceiling for L_I
    view       what Q sees of an image when it reads this code, by name: see `views`
    default    what `LatentSpec.encode` gives the code where it is not named
    """

    name: str
    view: str = field(default=PLAIN, kw_only=True)
    width: ClassVar[int] = 1
    q_width: ClassVar[int] = 1
    discrete: ClassVar[bool] = False
    default: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        name = self.name if isinstance(self.name, str) else ""
        read = unicodedata.normalize("NFKC", name)  # what Python takes it for in `encode(noise=z, NAME=1)`
        if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED or read != name:
            raise ValueError(
                f"Code name {self.name!r} cannot be used: choose a Python identifier such as 'digit' "
                f"or 'c1', no keyword, and none of {', '.join(RESERVED)}."
            )
        if not isinstance(self.view, str) or not self.view:
            raise ValueError(f"Code {self.name!r}: view is the name of a view, got {self.view!r}.")

    @property
    def prior(self) -> D.Distribution:
        """P(c), as a torch distribution over single values."""
        raise NotImplementedError

    @property
    def entropy(self) -> float:
        """H(c) in nats; differential entropy for continuous codes."""
        return float(self.prior.entropy())

    def check(self, values: Any) -> Tensor:
        """`values` as a tensor the code can encode; raises ValueError or TypeError otherwise."""
        return finite(values, f"code {self.name!r}").float()

    def check_prior(self, values: Tensor) -> None:
        """Raise ValueError where the prior gives `values` no probability: L_I is not defined there."""

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n values from the prior, shape (n,), on the CPU."""
        raise NotImplementedError

    def encode(self, values: Tensor) -> Tensor:
        """(N,) values -> (N, width) columns of the generator's input, of order one."""
        raise NotImplementedError

    def posterior(self, raw: Tensor) -> D.Distribution:
        """(N, q_width) raw outputs of Q -> Q(c|x), a distribution of batch shape (N,)."""
        raise NotImplementedError

    def sweep(self, steps: int = 10, beyond: bool = False) -> Tensor:
        """Values that show the code from end to end; `beyond` leaves the trained range where one can."""
        raise NotImplementedError

    @property
    def trained_range(self) -> tuple[float, float] | None:
        """Where the prior puts its mass, for shading sweeps; None for discrete and circular codes."""
        return None

    @property
    def without_view(self) -> Code:
        """The same code, read off the image itself."""
        return replace(self, view=PLAIN)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the view is left out where it is the image itself."""
        described = {"kind": type(self).__name__, **asdict(self)}
        if self.view == PLAIN:
            del described["view"]
        return described


@dataclass(frozen=True)
class Categorical(Code):
    """K exclusive states, each with probability 1/K; H = ln K. Q outputs K logits."""

    k: int = 10
    discrete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 2:
            raise ValueError(f"Categorical({self.name!r}): needs an integer k >= 2 states, got {self.k!r}.")

    @property
    def width(self) -> int:  # type: ignore[override]
        return self.k

    @property
    def q_width(self) -> int:  # type: ignore[override]
        return self.k

    @property
    def prior(self) -> D.Distribution:
        return D.Categorical(logits=torch.zeros(self.k))

    @property
    def entropy(self) -> float:
        return math.log(self.k)

    def check(self, values: Any) -> Tensor:
        tensor = finite(values, f"code {self.name!r}")
        if tensor.numel() and not ((tensor == tensor.round()) & (tensor >= 0) & (tensor < self.k)).all():
            raise ValueError(f"code {self.name!r}: categories are whole numbers 0 to {self.k - 1}.")
        return tensor.long()

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return torch.randint(self.k, (n,), generator=generator)

    def encode(self, values: Tensor) -> Tensor:
        return F.one_hot(values, self.k).float()

    def posterior(self, raw: Tensor) -> D.Distribution:
        return D.Categorical(logits=raw, validate_args=False)

    def sweep(self, steps: int = 10, beyond: bool = False) -> Tensor:
        return torch.arange(self.k)


@dataclass(frozen=True)
class Bernoulli(Code):
    """Yes or no (1 or 0), yes with probability p; H <= ln 2. Encoded as +1 / -1. Q outputs one logit."""

    p: float = 0.5
    discrete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.p < 1:
            raise ValueError(f"Bernoulli({self.name!r}): p must lie strictly between 0 and 1, got {self.p!r}.")

    @property
    def prior(self) -> D.Distribution:
        return D.Bernoulli(torch.tensor(self.p))

    def check(self, values: Any) -> Tensor:
        tensor = finite(values, f"code {self.name!r}")
        if tensor.numel() and not ((tensor == 0) | (tensor == 1)).all():
            raise ValueError(f"code {self.name!r}: a Bernoulli code is 0 or 1.")
        return tensor.float()

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return (torch.rand(n, generator=generator) < self.p).float()

    def encode(self, values: Tensor) -> Tensor:
        return 2 * values[:, None] - 1

    def posterior(self, raw: Tensor) -> D.Distribution:
        return D.Bernoulli(logits=raw[:, 0], validate_args=False)

    def sweep(self, steps: int = 10, beyond: bool = False) -> Tensor:
        return torch.tensor([0.0, 1.0])


@dataclass(frozen=True)
class _NormalPosterior(Code):
    """A continuous code whose Q(c|x) is a Gaussian, in the code's own units.

    Q outputs two numbers (m, s): mean = centre + scale * m, stddev = scale * (sigma_floor + softplus(s)).
    The floor keeps -log q from falling without end once Q is nearly perfect. With `sigma` set, the
    stddev is that constant (in units of scale), Q outputs m alone, and -log q is half a squared error
    plus a constant: the official code's choice (sigma = 1), whose L_I of a uniform code is never positive.
    """

    sigma_floor: float = field(default=0.1, kw_only=True)
    sigma: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.sigma_floor > 0 and (self.sigma is None or self.sigma > 0)):
            raise ValueError(
                f"{type(self).__name__}({self.name!r}): sigma_floor and sigma must be positive, "
                f"got {self.sigma_floor!r} and {self.sigma!r}."
            )

    @property
    def centre(self) -> float:
        raise NotImplementedError

    @property
    def scale(self) -> float:
        raise NotImplementedError

    @property
    def q_width(self) -> int:  # type: ignore[override]
        return 2 if self.sigma is None else 1

    @property
    def default(self) -> float:  # type: ignore[override]
        return self.centre

    def encode(self, values: Tensor) -> Tensor:
        return ((values - self.centre) / self.scale)[:, None]

    def posterior(self, raw: Tensor) -> D.Distribution:
        mean = self.centre + self.scale * raw[:, 0]
        if self.sigma is None:
            stddev = self.scale * (self.sigma_floor + F.softplus(raw[:, 1]))
        else:
            stddev = torch.full_like(mean, self.scale * self.sigma)
        return D.Normal(mean, stddev, validate_args=False)

    def sweep(self, steps: int = 10, beyond: bool = False) -> Tensor:
        assert self.trained_range is not None
        low, high = self.trained_range
        reach = 2 if beyond else 1
        half = (high - low) / 2 * reach
        return torch.linspace(self.centre - half, self.centre + half, steps)


@dataclass(frozen=True)
class Uniform(_NormalPosterior):
    """Uniform on [low, high]; H = ln(high - low), which is no ceiling. Encoded on [-1, 1]."""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"Uniform({self.name!r}): needs finite low < high, got [{self.low!r}, {self.high!r}].")

    @property
    def centre(self) -> float:
        return (self.low + self.high) / 2

    @property
    def scale(self) -> float:
        return (self.high - self.low) / 2

    @property
    def prior(self) -> D.Distribution:
        return D.Uniform(self.low, self.high)

    @property
    def entropy(self) -> float:
        return math.log(self.high - self.low)

    def check_prior(self, values: Tensor) -> None:
        if not ((values >= self.low) & (values <= self.high)).all():
            raise ValueError(
                f"code {self.name!r}: a value lies outside [{self.low:g}, {self.high:g}], where its prior is 0 "
                "and L_I is not defined. Sweep there, but score only codes drawn with spec.sample()."
            )

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.low + (self.high - self.low) * torch.rand(n, generator=generator)

    @property
    def trained_range(self) -> tuple[float, float]:
        return (self.low, self.high)


@dataclass(frozen=True)
class Gaussian(_NormalPosterior):
    """Normal with the given mean and standard deviation; H = ln(std sqrt(2 pi e)). Encoded as a z-score."""

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.mean) and math.isfinite(self.std) and self.std > 0):
            raise ValueError(
                f"Gaussian({self.name!r}): needs a finite mean and a std > 0, got {self.mean!r} and {self.std!r}."
            )

    @property
    def centre(self) -> float:
        return self.mean

    @property
    def scale(self) -> float:
        return self.std

    @property
    def prior(self) -> D.Distribution:
        return D.Normal(self.mean, self.std)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.mean + self.std * torch.randn(n, generator=generator)

    @property
    def trained_range(self) -> tuple[float, float]:
        """Two standard deviations each way: 95 % of what training saw."""
        return (self.mean - 2 * self.std, self.mean + 2 * self.std)


class VonMises(D.VonMises):
    """torch's, which has no entropy, and whose variance is 1 - R: the circular variance, not radians squared."""

    @property
    def stddev(self) -> Tensor:
        """The circular standard deviation sqrt(-2 ln R), in radians."""
        return (-2 * torch.log1p(-self.variance)).sqrt()


@dataclass(frozen=True)
class Circular(Code):
    """An angle in radians, uniform on the circle; H = ln 2 pi. Encoded as (cos, sin).

    Q outputs a 2-vector v, the natural parameter of a von Mises: it points at the mean angle and its
    length is the concentration, squashed below 1 / sigma_floor^2 for the reason a Gaussian's sigma
    has a floor. v = 0 is the prior, to a thousandth of a nat.
    """

    sigma_floor: float = 0.1
    width: ClassVar[int] = 2
    q_width: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sigma_floor > 0:
            raise ValueError(f"Circular({self.name!r}): sigma_floor must be positive, got {self.sigma_floor!r}.")

    @property
    def prior(self) -> D.Distribution:
        return D.Uniform(-math.pi, math.pi)

    @property
    def entropy(self) -> float:
        return math.log(2 * math.pi)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return math.pi * (2 * torch.rand(n, generator=generator) - 1)

    def encode(self, values: Tensor) -> Tensor:
        return torch.stack([values.cos(), values.sin()], dim=1)

    def posterior(self, raw: Tensor) -> D.Distribution:
        # At v = 0 the angle has no gradient, and torch's Bessel function gives NaN. So all v are shifted by a
        # thousandth, and what then lies at 0 is put beside it.
        aside = torch.tensor([1e-3, 0.0], dtype=raw.dtype).to(raw.device, non_blocking=True)
        v = raw + aside
        v = torch.where(v.square().sum(1, keepdim=True) < 1e-7, aside, v)
        ceiling = self.sigma_floor**-2
        concentration = ceiling * torch.tanh(v.norm(dim=1) / ceiling)
        return VonMises(torch.atan2(v[:, 1], v[:, 0]), concentration, validate_args=False)

    def sweep(self, steps: int = 10, beyond: bool = False) -> Tensor:
        return torch.linspace(-math.pi, math.pi, steps + 1)[:-1]


KINDS: dict[str, type[Code]] = {c.__name__: c for c in (Categorical, Uniform, Gaussian, Bernoulli, Circular)}
