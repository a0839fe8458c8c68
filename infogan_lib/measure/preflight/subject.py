"""What the user gave, made ready: one batch drawn, made into images and read; the weights of G, D and Q; the priors.

Which weights are whose is read off the graph of a batch, so that it does not matter what anything is called.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Distribution, OneHotCategorical
from torch.nn.modules import module as hooks

from infogan_lib.measure.preflight.keep import Keeper
from infogan_lib.measure.preflight.reading import shapes
from infogan_lib.measure.preflight.watch import Watch, leaves

Codes = dict[str, Tensor]
MANY = 1024  # latents drawn to see a prior


class Skip(Exception):
    """A check that cannot be made; its text says why."""


@dataclass
class Given:
    """The arguments of `preflight`."""

    generator: Callable[..., Any]
    discriminator: Callable[..., Any]
    q: Callable[..., Any]
    sample: Callable[[int], tuple[Any, Mapping[str, Tensor]]]
    read: Callable[[Any], Mapping[str, Distribution]] | None = None
    loss_d: Callable[..., Any] | None = None
    loss_g: Callable[..., Any] | None = None
    loss_info: Callable[..., Any] | None = None
    step: Callable[[], Any] | None = None
    optimisers: Sequence[torch.optim.Optimizer] | None = None
    real: Any = None
    generate: Callable[..., Any] | None = None
    bound: Callable[..., Any] | None = None
    rerun: Callable[[], Any] | None = None
    sweep: Mapping[str, tuple[float, float]] | None = None
    log: Mapping[str, Sequence[float]] | None = None
    trained: bool = False
    batch: int = 64

    def has(self, name: str) -> bool:
        return getattr(self, name) is not None and getattr(self, name) is not False


@dataclass(frozen=True)
class Prior:
    """How a code is drawn, as seen in 1,024 draws. `states` is 0 for a continuous code; `entropy` is in nats."""

    states: int
    low: float
    high: float
    std: float
    entropy: float | None
    family: str

    def __str__(self) -> str:
        return f"{self.states} states" if self.states else f"{self.family}, from {self.low:.2f} to {self.high:.2f}"


def tensors_in(structure: Any) -> list[Tensor]:
    """All tensors of a tensor, list, tuple or dictionary, in order."""
    if isinstance(structure, Tensor):
        return [structure]
    if isinstance(structure, Mapping):
        structure = list(structure.values())
    return [t for one in structure for t in tensors_in(one)] if isinstance(structure, (list, tuple)) else []


def rebuilt(structure: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed."""
    if isinstance(structure, Tensor):
        return change(structure)
    if isinstance(structure, Mapping):
        return {key: rebuilt(one, change) for key, one in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [rebuilt(one, change) for one in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return structure


def columns(structure: Any, n: int) -> Tensor:
    """The numbers of an input or an output of n rows, (n, all of them), in double precision."""
    parts = [t.detach().reshape(n, -1).double().cpu() for t in tensors_in(structure) if t.dim() and len(t) == n]
    return torch.cat(parts, 1) if parts else torch.zeros(n, 0, dtype=torch.float64)


def call(function: Any, given: Any) -> Any:
    """G of an input: a tuple is spread out over arguments, and a dictionary over named ones."""
    if isinstance(given, (tuple, list)):
        return function(*given)
    return function(**given) if isinstance(given, Mapping) else function(given)


def held_by(optimiser: torch.optim.Optimizer) -> set[int]:
    """The ids of an optimiser's weights."""
    return {id(w) for group in optimiser.param_groups for w in group["params"]}


def states(value: Tensor) -> Tensor | None:
    """The states (N,) that a code's values name, one-hot or as whole numbers; None for a continuous code."""
    flat = value.reshape(len(value), -1)
    if flat.shape[1] > 1 and bool(((flat == 0) | (flat == 1)).all()) and bool((flat.sum(1) == 1).all()):
        return flat.argmax(1)
    if flat.shape[1] == 1 and not value.is_floating_point():
        return flat[:, 0].long()
    return None


def nll(q: Distribution, value: Tensor) -> Tensor:
    """-log q of the code, (N,). Raises ValueError where shapes do not fit."""
    if isinstance(q, (Categorical, OneHotCategorical)):
        which = states(value)
        which = value.reshape(len(value), -1)[:, 0].long() if which is None else which
        if isinstance(q, OneHotCategorical):
            return -q.log_prob(nn.functional.one_hot(which, q.event_shape[0]).to(q.probs))
        return -q.log_prob(which.to(q.logits.device))
    shape = q.batch_shape + q.event_shape
    if value.numel() != math.prod(shape):
        raise ValueError(f"the code is {tuple(value.shape)}, and what Q says of it is {tuple(shape)}")
    like = q.mean
    return -q.log_prob(value.reshape(shape).to(like)).reshape(len(value), -1).sum(1)


@dataclass
class Subject:
    """One batch of what was given, and how to call it again on the same random numbers."""

    given: Given
    keep: Keeper
    watch: Watch
    latent: Any = None
    codes: Codes = field(default_factory=dict)
    fake: Tensor = field(default_factory=lambda: torch.empty(0))
    raw: Any = None
    posterior: Mapping[str, Distribution] = field(default_factory=dict)
    score: Tensor = field(default_factory=lambda: torch.empty(0))
    weights: dict[str, list[Tensor]] = field(default_factory=dict)  # of "G", "D", "Q"; and "own": Q's alone
    priors: dict[str, Prior] = field(default_factory=dict)
    where: dict[str, list[int]] = field(default_factory=dict)  # columns of the latent that hold a code
    shared: bool = False  # are two codes read off one output of Q?
    runs: dict[str, Any] = field(default_factory=dict)  # kept by `term.step_seen`
    terms: dict[tuple[str, ...], Any] = field(default_factory=dict)  # kept by `checks.wiring.term_of`
    first: nn.Module | None = None  # of G's modules the first that is called, and the last that answers
    last: nn.Module | None = None

    def prepare(self) -> None:
        """Draw, make, read. Raises ValueError where an argument is not as described, and whatever the code raises."""
        self.keep.rewind()
        many, values = self.draw(MANY)
        self._priors(many, values)
        self.keep.rewind()
        self.latent, self.codes = self.draw(self.size)
        started, ended = [], []
        handles = [
            hooks.register_module_forward_pre_hook(lambda module, _: started.append(module)),
            hooks.register_module_forward_hook(lambda module, *_: ended.append(module)),
        ]
        try:
            with self.watch.during("generator"):
                self.fake = self.make(self.latent)
        finally:
            for handle in handles:
                handle.remove()
        self.first, self.last = (started[0], ended[-1]) if started else (None, None)
        images = self.fake.detach()
        with self.watch.during("discriminator"):
            self.score = self.judge(images)
        with self.watch.during("q"):
            self.raw = self.given.q(images)
            self.posterior = self.say(self.raw)
        for name, value in self.codes.items():
            try:
                nll(self.posterior[name], value)
            except ValueError as error:
                raise ValueError(f"code {name!r}: {error}; change `sample` or `read` so that they agree") from None
        q = leaves(*(nll(self.posterior[name], value) for name, value in self.codes.items()))
        d = leaves(self.score)
        alone = [w for w in q if all(w is not other for other in d)]
        self.weights = {"G": leaves(self.fake), "D": d, "Q": q, "own": alone or q}
        self.keep.see(*self.weights["G"], *d, *q)

    @property
    def size(self) -> int:
        real = self.given.real
        return min(self.given.batch, len(real)) if isinstance(real, Tensor) else self.given.batch

    def draw(self, n: int) -> tuple[Any, Codes]:
        """n latents: the input of G and the codes in it, copied, since some code hands out the same memory twice."""
        drawn = self.given.sample(n)
        if not (isinstance(drawn, tuple) and len(drawn) == 2 and isinstance(drawn[1], Mapping) and drawn[1]):
            raise ValueError(f"sample: expected draw(n) -> (input of G, {{name: codes}}), got {shapes(drawn)}")
        latent, codes = drawn
        if not tensors_in(latent):
            raise ValueError(f"sample: the input of G holds no tensor, it is {type(latent).__name__}")
        for name, value in codes.items():
            if not isinstance(value, Tensor) or value.dim() == 0 or len(value) != n:
                raise ValueError(f"sample: draw({n}) should give {n} values of code {name!r}, gave {shapes(value)}")
        copied = {name: value.detach().clone() for name, value in codes.items()}
        return rebuilt(latent, lambda t: t.detach().clone()), copied

    def make(self, latent: Any) -> Tensor:
        """Images of latents, through the user's G."""
        images = call(self.given.generator, latent)
        if not isinstance(images, Tensor):
            raise ValueError(f"generator: expected images, got {shapes(images)}: pass a function that picks them")
        return images

    def judge(self, images: Tensor) -> Tensor:
        """D's score of images, (N,): the mean, where D gives several numbers of an image."""
        score = self.given.discriminator(images)
        if not isinstance(score, Tensor) or len(score) != len(images):
            raise ValueError(
                f"discriminator: expected one score an image, got {shapes(score)}: pass lambda x: D(x)[0], "
                "or whatever picks the score"
            )
        return score.reshape(len(score), -1).mean(1)

    def say(self, raw: Any) -> Mapping[str, Distribution]:
        """Q's output as {name: distribution}."""
        said = self.given.read(raw) if self.given.read else raw
        if not isinstance(said, Mapping) or not all(isinstance(one, Distribution) for one in said.values()):
            raise ValueError(
                f"q: its output is {shapes(said)}, not {{name: distribution}}; give read=lambda out: "
                "{'digit': logits(out), ...} with the helpers of infogan_lib.measure.preflight"
            )
        missing = [name for name in self.codes if name not in said]
        if missing:
            raise ValueError(f"read: no distribution for code {missing[0]!r}; it has {', '.join(map(repr, said))}")
        return said

    def said(self, images: Tensor) -> Mapping[str, Distribution]:
        """What Q says of images."""
        return self.say(self.given.q(images))

    def nlls(self, images: Tensor, codes: Codes) -> dict[str, Tensor]:
        """-log q, a mean over the batch, for each code."""
        said = self.said(images)
        return {name: nll(said[name], value).mean() for name, value in codes.items()}

    def reals(self) -> Tensor:
        """Real images, as many as the batch."""
        real = self.given.real(self.size) if callable(self.given.real) else self.given.real
        if not isinstance(real, Tensor) or len(real) < 2:
            raise ValueError(f"real: expected a batch of images, or a function of n that gives one, got {shapes(real)}")
        return real[: self.size]

    def codes_in(self, latent: Any) -> Codes:
        """The codes that an input of G holds, (n,) states or (n, m) numbers, read where `sample` puts them."""
        n = len(tensors_in(latent)[0])
        table, codes = columns(latent, n), {}
        if not all(self.where.values()) or table.shape[1] <= max(max(at) for at in self.where.values()):
            raise Skip("the codes cannot be found in the input of G")
        for name, at in self.where.items():
            k, values = self.priors[name].states, table[:, at]
            codes[name] = values if not k else values.argmax(1) if len(at) > 1 else values[:, 0].round().long()
        return codes

    def with_codes(self, latent: Any, names: list[str], of: Any) -> Any:
        """A latent whose codes of these names are those of another."""
        chosen = {column for name in names for column in self.where[name]}
        start, n = 0, len(tensors_in(latent)[0])
        others = iter(tensors_in(of))

        def change(one: Tensor) -> Tensor:
            nonlocal start
            other = next(others)
            flat, theirs = one.reshape(n, -1).clone(), other.reshape(n, -1)
            for j in range(flat.shape[1]):
                if start + j in chosen:
                    flat[:, j] = theirs[:, j]
            start += flat.shape[1]
            return flat.view_as(one)

        return rebuilt(latent, change)

    @contextmanager
    def eval_mode(self) -> Iterator[None]:
        """Every module in eval mode for a while."""
        modules = [(module, module.training) for module, *_ in self.keep.modules]
        for module, _ in modules:
            module.training = False
        try:
            yield
        finally:
            for module, training in modules:
                module.training = training

    def _priors(self, latent: Any, codes: Codes) -> None:
        table = columns(latent, MANY)
        for name, value in codes.items():
            which, flat = states(value), value.reshape(MANY, -1).double().cpu()
            if which is not None:
                k = flat.shape[1] if flat.shape[1] > 1 else int(which.max()) + 1
                share = torch.bincount(which.cpu(), minlength=k) / MANY
                even = bool((share - 1 / k).abs().max() < 5 / math.sqrt(MANY * k))
                entropy = math.log(k) if even else float(torch.special.entr(share).sum())
                self.priors[name] = Prior(k, 0, k - 1, 0, entropy, "even" if even else "uneven")
                wanted = nn.functional.one_hot(which.cpu(), k).double()
            else:
                self.priors[name], wanted = _continuous(flat), flat
            self.where[name] = _locate(table, wanted) or _locate(table, flat)


def _continuous(flat: Tensor) -> Prior:
    low, high, std = float(flat.min()), float(flat.max()), float(flat.std(0).mean())
    centred = (flat - flat.mean(0)) / flat.std(0).clamp_min(1e-12)
    kurtosis, m = float((centred**4).mean()), flat.shape[1]
    if kurtosis < 2.2:
        return Prior(0, low, high, std, m * math.log(max(high - low, 1e-12)), "even")
    if 2.5 < kurtosis < 3.8:
        return Prior(0, low, high, std, m * math.log(max(std, 1e-12) * math.sqrt(2 * math.pi * math.e)), "normal")
    return Prior(0, low, high, std, None, "neither even nor normal")


def _locate(table: Tensor, wanted: Tensor) -> list[int]:
    """The columns of a table that hold these, one after another where they can; [] where they are not all there."""
    width = wanted.shape[1]
    for start in range(table.shape[1] - width + 1):
        if torch.allclose(table[:, start : start + width], wanted, atol=1e-6):
            return list(range(start, start + width))
    found = [(table - wanted[:, j : j + 1]).abs().amax(0).lt(1e-6).nonzero().flatten().tolist() for j in range(width)]
    return [hits[0] for hits in found] if table.shape[1] and all(found) else []


def is_discrete(q: Distribution) -> bool:
    """Is this what Q says of states, rather than of a number?"""
    return isinstance(q, (Categorical, OneHotCategorical, Bernoulli))
