"""The checks of notebook 06: right answers, stubs, and what people write instead."""

import math

import numpy as np
import pytest
import torch
import torch.distributions as D
import torch.nn.functional as F

from infogan_lib.course.exercises import EXERCISES, check

# -- Reference solutions ---------------------------------------------------------------------------


def best_sigma(residuals):
    return residuals.square().mean().sqrt()


def gaussian_log_q(raw, c, floor=0.1):
    return D.Normal(raw[:, 0], floor + F.softplus(raw[:, 1])).log_prob(c)


class Switch:
    width = q_width = 1

    def __init__(self, p=0.5):
        self.p = p

    @property
    def entropy(self):
        return -self.p * math.log(self.p) - (1 - self.p) * math.log(1 - self.p)

    def encode(self, values):
        return 2 * values[:, None] - 1

    def posterior(self, raw):
        return D.Bernoulli(logits=raw[:, 0])


REFERENCE = {"06.1": 0.0, "06.2": "b", "06.3": best_sigma, "06.4": gaussian_log_q, "06.5": Switch}


# -- Typical mistakes ------------------------------------------------------------------------------


def gaussian(sigma=lambda s, floor: floor + F.softplus(s), after=lambda log_q, sigma: log_q, columns=(0, 1)):
    """A function like gaussian_log_q with one thing changed."""

    def answer(raw, c, floor):
        width = sigma(raw[:, columns[1]], floor)
        return after(D.Normal(raw[:, columns[0]], width, validate_args=False).log_prob(c), width)

    return answer


def as_columns(raw, c, floor):
    mean, s = raw.split(1, dim=1)
    return D.Normal(mean, floor + F.softplus(s)).log_prob(c)


def by_hand(raw, c, floor, width=lambda s, floor: floor + F.softplus(s)):
    sigma = width(raw[:, 1], floor)
    return -((c - raw[:, 0]) ** 2) / (2 * sigma**2) - sigma.log() - math.log(2 * math.pi) / 2


def switch(**changed):
    """The reference class with some of its members replaced."""
    return type("Switch", (Switch,), changed)


def entropy(f):
    return switch(entropy=property(lambda self: f(self.p)))


def encode(f):
    return switch(encode=lambda self, values: f(values))


def posterior(f):
    return switch(posterior=lambda self, raw: f(raw))


CONSTANT = math.log(2 * math.pi) / 2

WRONG = [
    ("06.1", 0.8, "right for half of these"),
    ("06.1", -0.8, "as good as 0.8, and as bad"),
    ("06.1", 0.4, "costs ((0.8 - m)^2"),
    ("06.1", 1.6, "beyond 1"),
    ("06.1", "zero", "A number is expected"),
    ("06.2", "a", "Information is never negative"),
    ("06.2", "c", "no ceiling"),
    ("06.2", "d", "assumed exact"),
    ("06.2", "e", "Choose one of"),
    ("06.3", lambda r: r.std(), "removed the mean"),
    ("06.3", lambda r: r.square().mean(), "Its root is missing"),
    ("06.3", lambda r: r.abs().mean(), "mean absolute residual"),
    ("06.3", lambda r: r.mean(), "opposite sign cancel"),
    ("06.3", lambda r: r.mean().abs(), "size of the mean residual"),
    ("06.3", lambda r: r.square().sum().sqrt(), "mean belongs under the root"),
    ("06.3", lambda r: r.square().sqrt(), "one sigma for each image"),
    ("06.3", lambda r: r.abs().max(), "worst error"),
    ("06.4", gaussian(after=lambda log_q, sigma: -log_q), "the loss"),
    ("06.4", gaussian(after=lambda log_q, sigma: log_q.exp()), "This is the density"),
    ("06.4", gaussian(after=lambda log_q, sigma: log_q + CONSTANT), "The constant"),
    ("06.4", gaussian(after=lambda log_q, sigma: log_q + sigma.log()), "The term -ln(sigma)"),
    ("06.4", gaussian(after=lambda log_q, sigma: log_q + sigma.log() + CONSTANT), "only the squared error"),
    ("06.4", gaussian(after=lambda log_q, sigma: log_q + math.log(2)), "H(c) = ln 2 is added"),
    ("06.4", gaussian(after=lambda log_q, sigma: log_q.detach()), "no gradient flows"),
    ("06.4", gaussian(after=lambda log_q, sigma: log_q.mean()), "has shape ()"),
    ("06.4", gaussian(lambda s, floor: F.softplus(s)), "floor is left out"),
    ("06.4", gaussian(lambda s, floor: F.softplus(s).clamp(min=floor)), "cut sigma off"),
    ("06.4", gaussian(lambda s, floor: s.exp()), "sigma = exp(s)"),
    ("06.4", gaussian(lambda s, floor: floor + s.exp()), "exp grows much faster"),
    ("06.4", gaussian(lambda s, floor: F.softplus(floor + s)), "inside the softplus"),
    ("06.4", gaussian(lambda s, floor: (floor + F.softplus(s)).sqrt()), "for the variance"),
    ("06.4", gaussian(lambda s, floor: (floor + F.softplus(s)) ** 2), "got its square"),
    ("06.4", gaussian(columns=(1, 0)), "swapped"),
    ("06.4", as_columns, "(N, N)"),
    ("06.4", lambda raw, c, floor: D.Normal(raw[:, 0], floor + F.softplus(raw[:, 1])), "This is the distribution"),
    ("06.5", entropy(lambda p: math.log(2)), "fair coin. With p = 0.2"),
    ("06.5", entropy(lambda p: -p * math.log(p)), "'yes' alone"),
    ("06.5", entropy(lambda p: -math.log(p)), "surprise of one 'yes'"),
    ("06.5", entropy(lambda p: -p * math.log2(p) - (1 - p) * math.log2(1 - p)), "in bits"),
    ("06.5", encode(lambda v: 2 * v - 1), "shape (N,)"),
    ("06.5", encode(lambda v: v[:, None]), "1 and 0"),
    ("06.5", encode(lambda v: 1 - 2 * v[:, None]), "Yes and no are swapped"),
    ("06.5", encode(lambda v: F.one_hot(v.long(), 2).float()), "one-hot"),
    ("06.5", posterior(lambda raw: D.Bernoulli(raw[:, 0])), "takes `raw` for probabilities"),
    ("06.5", posterior(lambda raw: D.Bernoulli(logits=torch.sigmoid(raw[:, 0]))), "sigmoid is applied twice"),
    ("06.5", posterior(lambda raw: D.Bernoulli(logits=-raw[:, 0])), "sign is turned"),
    ("06.5", posterior(lambda raw: D.Bernoulli(logits=raw)), "batch of shape (5, 1)"),
    ("06.5", posterior(lambda raw: torch.sigmoid(raw[:, 0])), "is a tensor"),
    ("06.5", posterior(lambda raw: 0.5), "`torch.distributions` object"),
    ("06.5", Switch(), "class `Switch` itself"),
]


def test_other_right_ways():
    assert check("06.1", torch.tensor(0.0)).state == check("06.1", 0).state == "right"
    assert check("06.3", lambda r: float(np.sqrt((r.numpy() ** 2).mean()))).state == "right"
    assert check("06.3", lambda r: math.sqrt(sum(x * x for x in r.tolist()) / len(r))).state == "right"
    assert check("06.4", by_hand).state == "right"
    assert check("06.4", lambda raw, c, floor: by_hand(raw, c, floor, lambda s, f: f + (1 + s.exp()).log())).state == (
        "right"
    )
    method = switch(entropy=lambda self: Switch.entropy.fget(self))
    assert check("06.5", method).state == "right"
    assert check("06.5", posterior(lambda raw: D.Bernoulli(probs=raw.squeeze(1).sigmoid()))).state == "right"


def stub_dots(*args):
    """The docstring of a stub."""
    ...


class SwitchStub:
    def __init__(self, p=0.5):
        self.p = p

    @property
    def entropy(self): ...

    def encode(self, values): ...

    def posterior(self, raw): ...


STUBS = [(id, stub) for id in REFERENCE for stub in (..., None)]
STUBS += [("06.3", stub_dots), ("06.4", stub_dots), ("06.5", SwitchStub)]
# Half done is not wrong: the rest reads "not yet".
STUBS += [("06.5", type("Switch", (SwitchStub,), {"entropy": Switch.entropy}))]


@pytest.mark.parametrize(("id", "stub"), STUBS)
def test_stub_reads_not_yet(id, stub):
    feedback = check(id, stub)
    assert feedback.state == "not yet", feedback


def test_five_exercises_with_hints_and_a_plainer_one():
    check("06.1")
    ours = [known for id, known in EXERCISES.items() if id.startswith("06.")]
    assert len(ours) == 5 and all(len(known.hints) == 2 for known in ours)
