"""How a training step is judged: it is played on a small model, and what it moved is held against what faults move."""

import copy
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infogan_lib.core.bound import lower_bound, weighted
from infogan_lib.core.codes import Categorical, Uniform
from infogan_lib.core.latent import Latent, LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.course.exercises.blocks import number
from infogan_lib.course.exercises.checker import Wrong

RATE, STALE = 0.1, 0.05  # of the optimisers, and of the gradients that an earlier step has left
WEIGHT = {"digit": 0.7, "c1": 0.3}
OTHER = {"d": "g", "g": "d"}
PLAYER = {"d": "D and Q", "g": "G"}


@dataclass(frozen=True)
class Stage:
    """What a step gets: a model with batch norm in its trunk, two optimisers, real images, fakes and their codes."""

    model: InfoGAN
    optimisers: Mapping[str, torch.optim.Optimizer]
    real: Tensor
    latent: Latent

    def weights(self, player: str) -> Tensor:
        return torch.cat([p.detach().flatten() for p in _players(self.model)[player]])


@dataclass(frozen=True)
class Played:
    """What came of it: what the step returned, the weights of both players, and whether G's gradients changed."""

    returned: Any
    weights: dict[str, Tensor]
    reached_g: bool


@functools.cache
def _small() -> tuple[InfoGAN, Tensor, Latent]:
    """A model a few units wide, real images and a latent; drawn once, since each step is played on a copy."""
    g = torch.Generator().manual_seed(0)
    spec = LatentSpec(Noise(3), [Categorical("digit", 4), Uniform("c1")])
    model = InfoGAN("mnist", spec, q_on="trunk")
    layers = (nn.Linear(spec.width, 6), nn.Tanh(), nn.Linear(6, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    model.generator = nn.Sequential(*layers)
    model.trunk = nn.Sequential(nn.Flatten(), nn.Linear(784, 6), nn.BatchNorm1d(6), nn.Tanh())
    model.d_head, model.q_head = nn.Linear(6, 1), nn.Sequential(nn.Linear(6, spec.q_width))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=g) * (0.1 if 784 in p.shape else 0.6))
    return model.train(), torch.rand(12, 1, 28, 28, generator=g) - 0.3, spec.sample(12, g)


def stage() -> Stage:
    small, real, latent = _small()
    model = copy.deepcopy(small)
    for p in model.parameters():
        p.grad = torch.full_like(p, STALE)
    optimisers = {name: torch.optim.SGD(parameters, lr=RATE) for name, parameters in _players(model).items()}
    return Stage(model, optimisers, real.clone(), copy.deepcopy(latent))


def _players(model: InfoGAN) -> dict[str, list[nn.Parameter]]:
    assert model.q_head is not None
    d = [p for part in (model.trunk, model.d_head, model.q_head) for p in part.parameters()]
    return {"d": d, "g": list(model.generator.parameters())}


def play(step: Callable[..., Any], player: str, draws: int = 0, **fault: Any) -> Played:
    """The step of one player, on a stage of its own, with torch's default generator at `draws`."""
    s = stage()
    torch.default_generator.manual_seed(draws)
    fake = s.model.generator(s.latent.input)
    images = (s.real, fake) if player == "d" else (fake,)
    returned = step(s.model, s.optimisers, *images, s.latent, dict(WEIGHT), **fault)
    stale = all(p.grad is None or bool((p.grad == STALE).all()) for p in s.model.generator.parameters())
    return Played(returned, {name: s.weights(name) for name in OTHER}, not stale)


def reference_d(
    model: InfoGAN,
    optimisers: Any,
    real: Tensor,
    fake: Tensor,
    latent: Latent,
    weight: Any,
    *,
    term: float = 1,
    weighed: bool = True,
    on_real: float = 1,
    on_fake: float = 1,
    turned: bool = False,
    one_batch: bool = False,
    zero: bool = True,
    summed: bool = False,
) -> Tensor:
    """D's step, right or with a fault."""
    both, posterior = model.discriminate(torch.cat([real, fake.detach()]) if one_batch else fake.detach())
    score_fake, score_real = (both[len(real) :], both[: len(real)]) if one_batch else (both, model.score(real))
    if one_batch:
        posterior = {name: _rows(q, len(real)) for name, q in posterior.items()}
    sign = -1 if turned else 1
    losses = on_real * F.softplus(-sign * score_real) + on_fake * F.softplus(sign * score_fake)
    game = losses.sum() if summed else losses.mean()
    _descend(model, optimisers["d"], game, posterior, latent, weight if weighed else 1.0, term, zero)
    return game.detach()


def reference_g(
    model: InfoGAN,
    optimisers: Any,
    fake: Tensor,
    latent: Latent,
    weight: Any,
    *,
    term: float = 1,
    weighed: bool = True,
    game_weight: float = 1,
    loss: Callable[[Tensor], Tensor] = lambda score: F.softplus(-score),
    zero: bool = True,
) -> tuple[Tensor, Any]:
    """G's step, right or with a fault."""
    score, posterior = model.discriminate(fake)
    game = game_weight * loss(score).mean()
    _descend(model, optimisers["g"], game, posterior, latent, weight if weighed else 1.0, term, zero)
    return game.detach(), posterior


def _rows(q: Any, first: int) -> Any:
    if isinstance(q, torch.distributions.Categorical):
        return torch.distributions.Categorical(logits=q.logits[first:])
    return torch.distributions.Normal(q.loc[first:], q.scale[first:])


def _descend(
    model: InfoGAN, optimiser: Any, game: Tensor, posterior: Any, latent: Latent, weight: Any, term: float, zero: bool
) -> None:
    if zero:
        optimiser.zero_grad()
    (game - term * weighted(lower_bound(model.spec, posterior, latent), weight)).backward()
    optimiser.step()


BOTH: list[tuple[dict[str, Any], str]] = [
    (dict(term=-1), "The sign of the information term is turned: your loss adds it, so this step makes L_I smaller."),
    (
        dict(term=0),
        "This is the step of a plain GAN. The information term is missing, or it reaches nobody: were the fakes "
        "that Q read detached, or was the term made of numbers (`.item()`, `torch.tensor`)?",
    ),
    (dict(weighed=False), "The weights are left out: each code's L_I is multiplied by `weight[code.name]`."),
    (
        dict(zero=False),
        "The gradients of an earlier step are still in it: call the optimiser's `zero_grad()` before `backward()`.",
    ),
]
FAULTS: dict[str, list[tuple[dict[str, Any], str]]] = {
    "d": [
        *BOTH,
        (
            dict(turned=True),
            "Real and fake are exchanged: this step teaches D to call fakes real. A logit is high for real, and "
            "`softplus(-s)` is small where s is high.",
        ),
        (dict(on_fake=0), "D learns from the real images alone. It needs the fakes as well."),
        (dict(on_real=0), "D learns from the fakes alone. It needs the real images as well."),
        (dict(summed=True), "D's loss is a sum over the batch. Take the mean of each half, and add the two."),
        (dict(on_real=0.5, on_fake=0.5), "D's loss is halved. Add the mean over real images and the mean over fakes."),
        (
            dict(one_batch=True),
            "Real and fake went through D as one batch, so batch norm mixed their statistics. Call D twice.",
        ),
    ],
    "g": [
        *BOTH,
        (
            dict(loss=lambda score: F.softplus(score)),
            "G is taught to be called fake. Its loss is `softplus(-score)`, small where D takes a fake for real.",
        ),
        (
            dict(loss=lambda score: -F.softplus(score)),
            "This is the loss of the minimax game, -softplus(score): flat where D is sure, as notebook 01 shows. Use "
            "the non-saturating one, `softplus(-score)`.",
        ),
        (dict(game_weight=0), "Only the information term is in it. G also has to fool D."),
    ],
}
RANDOM = (
    "Your step gives another result each time it is called, so it draws something. The codes to be scored are those "
    "that made these fakes, `latent`. Fresh codes have nothing to do with the images, and L_I stays at 0 for ever."
)
STILL = {
    "d": "Nothing moved. Is `optimisers['d'].step()` there, after `backward()`? Is `zero_grad()` before `backward()`, "
    "not after it?",
    "g": "Nothing moved. No gradient reached G, or no step was taken. In G's step the fakes must not be detached; "
    "`zero_grad()` stands before `backward()`, and `optimisers['g'].step()` after it.",
}


def judge(answer: Callable[..., Any], player: str) -> None:
    """Raises `Wrong` unless the step of "d" or "g" moves what it should, as it should, and returns what was asked."""
    reference: Callable[..., Any] = reference_d if player == "d" else reference_g
    got, want, before = play(answer, player), play(reference, player), stage()
    other = OTHER[player]
    if not _same(got.weights[other], before.weights(other)):
        only = _same(got.weights[player], before.weights(player))
        raise Wrong(
            f"This step is for {PLAYER[player]}, and it moved {PLAYER[other]}{'' if only else ' as well'}. Step "
            f"`optimisers[{player!r}]`, and no other."
        )
    if _same(got.weights[player], before.weights(player)):
        raise Wrong(STILL[player])
    if not _same(got.weights[player], want.weights[player]):
        raise Wrong(_why(answer, got.weights[player], reference, player))
    if player == "d" and got.reached_g:
        raise Wrong(
            "D and Q moved as they should, but gradients went on into G: the fakes are not detached. G's own step "
            "would then find its graph used up. Give D `fake.detach()`."
        )
    _returned(got.returned, want.returned, player)


def _why(answer: Callable[..., Any], got: Tensor, reference: Callable[..., Any], player: str) -> str:
    if not _same(got, play(answer, player, draws=1).weights[player]):
        return RANDOM
    for fault, message in FAULTS[player]:
        if _same(got, play(reference, player, **fault).weights[player]):
            return message
    return (
        f"{PLAYER[player]} moved, but not down the loss that is asked for: the game's loss minus "
        "`info_term(model.spec, posterior, latent, weight)`, both of this batch."
    )


def _returned(got: Any, want: Any, player: str) -> None:
    if player == "g":
        if not (isinstance(got, tuple) and len(got) == 2 and isinstance(got[1], Mapping)):
            raise Wrong(
                "The step is right. It should return two things: G's loss, and the posterior that Q answered with."
            )
        got, want = got[0], want[0]
    if isinstance(got, Tensor) and got.requires_grad:
        raise Wrong("The step is right. Return the loss with `.detach()`, or every step's graph stays in memory.")
    if abs(number(got) - float(want)) > 1e-3:
        raise Wrong(
            f"The step is right, but it returns {number(got):.4g} where {float(want):.4g} is expected: the loss of the "
            "game alone, without the information term, so that it can be compared with a plain GAN's."
        )


def _same(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() <= 1e-5)
