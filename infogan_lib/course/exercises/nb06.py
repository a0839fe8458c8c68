"""The checks of notebook 06, what Q outputs."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.distributions as D
import torch.nn.functional as F
from torch import Tensor

from infogan_lib.course.exercises.blocks import Faults, attempted, choice, compare, gradient, number
from infogan_lib.course.exercises.checker import Wrong, exercise


@exercise(
    "06.1",
    "The same image is made by 0.8 and by -0.8, half of the time each. What does an answer m cost on average?",
    "The average cost is (0.8 - m)^2 / 2 + (-0.8 - m)^2 / 2. Where is it smallest?",
    takes="value",
)
def squared_error_answer(answer: Any) -> str:
    guess = number(answer)
    cost = ((0.8 - guess) ** 2 + (-0.8 - guess) ** 2) / 2
    if abs(guess - 0.8) < 0.05:
        raise Wrong(
            f"0.8 is right for half of these images and 1.6 off for the other half, which -0.8 made. Its mean squared "
            f"error is {cost:.2f}; there is an answer that costs 0.64."
        )
    if abs(guess + 0.8) < 0.05:
        raise Wrong(
            f"-0.8 is as good as 0.8, and as bad: 1.6 off for half of these images, {cost:.2f} on average. There is an "
            "answer that costs 0.64."
        )
    if abs(guess) > 1:
        raise Wrong(f"No code lies beyond 1, so an answer of {guess:g} could always be bettered by moving inwards.")
    if abs(guess) > 0.05:
        raise Wrong(
            f"An answer of {guess:g} costs ((0.8 - m)^2 + (-0.8 - m)^2) / 2 = {cost:.3f} on average. Move m a little "
            "and see whether that falls."
        )
    return (
        "0, the mean of the two codes, at a cost of 0.64. Neither made this image, and 0 itself makes another one. "
        "Run on, and see whether a network agrees."
    )


@exercise(
    "06.2",
    "Compare two densities at the true code: the peak of a Gaussian with sigma = 1, and the prior on [-1, 1].",
    "The peak is 1 / sqrt(2 pi) = 0.399 and the prior is 0.5. What is ln(0.399 / 0.5)?",
    takes="value",
)
def perfect_mean(answer: Any) -> str:
    choice(
        answer,
        {
            "a": "Information is never negative, and here each image settles its code. L_I is a lower bound on the "
            "information: it may lie far below. What is it about this Q that keeps it there?",
            "b": "",
            "c": "ln 2 is the differential entropy of the code, and no ceiling: a smaller sigma reads far more, as "
            "section 5 shows. And a ceiling would not explain a value below 0.",
            "d": "The mean was assumed exact for every image, so (c - mean)^2 is 0 and costs nothing. What is left of "
            "log Q then?",
        },
    )
    return "Yes: ln(0.399 / 0.5) = -0.226. The model answer below says it in full."


@exercise(
    "06.3",
    "The mean loss is mean(r^2) / (2 sigma^2) + ln sigma + a constant. Its derivative for sigma is "
    "-mean(r^2) / sigma^3 + 1 / sigma.",
    "Set that to zero and multiply by sigma^3: sigma^2 = mean(r^2). Take the root.",
)
def best_sigma(answer: Callable[..., Any]) -> str:
    for seed, n, shift in ((0, 6, -0.5), (1, 40, 0.3), (2, 3, 0.0)):
        r = 0.4 * torch.randn(n, generator=torch.Generator().manual_seed(seed)) + shift
        compare(answer(r.clone()), r.square().mean().sqrt(), _sigma_faults(r), what="The sigma", n=n)
    return (
        "The root mean square of the residuals. A trained Q's sigma is a statement about its own error, so plot it "
        "beside L_I: a sigma that falls is a code being read."
    )


def _sigma_faults(r: Tensor) -> Faults:
    mean_removed = (
        "You removed the mean of the residuals, as a standard deviation does. A mean that is always off by 0.5 is "
        "wrong by 0.5, and sigma has to say so: the loss holds r^2 itself."
    )
    yield r.std(correction=0), mean_removed
    yield r.std(), mean_removed
    yield r.square().mean(), "This is sigma squared, the variance. Its root is missing."
    yield r.abs().mean(), "This is the mean absolute residual. The loss holds squares: it is the root of their mean."
    yield r.mean(), "This is the mean residual, where errors of opposite sign cancel. Square them first."
    yield r.mean().abs(), "This is the size of the mean residual. Square first, then take the mean, then the root."
    yield r.square().sum().sqrt(), "This is the root of the sum of squares; the mean belongs under the root."
    yield r.abs(), "This is one sigma for each image. Asked for is one that serves them all."
    yield r.abs().max(), "This covers the worst error. The loss is a mean over images; see where its derivative is 0."


@exercise(
    "06.4",
    "m is `raw[:, 0]`, s is `raw[:, 1]`, and the width is `floor + F.softplus(s)`.",
    "`D.Normal(mean, sigma).log_prob(c)`, or -(c - mean)^2 / (2 sigma^2) - ln(sigma) - ln(2 pi) / 2.",
)
def gaussian_log_q(answer: Callable[..., Any]) -> str:
    for seed, n, floor in ((0, 5, 0.1), (1, 9, 0.05)):
        g = torch.Generator().manual_seed(seed)
        raw = 1.5 * torch.randn(n, 2, generator=g)
        raw[0, 1] = -4  # where softplus(s) falls below the floor
        raw.requires_grad_()
        c = 2 * torch.rand(n, generator=g) - 1
        got = answer(raw, c, floor)
        if isinstance(got, D.Distribution):
            raise Wrong("This is the distribution. Ask it for the log-probability of the codes: `.log_prob(c)`.")
        want = D.Normal(raw[:, 0], floor + F.softplus(raw[:, 1])).log_prob(c)
        what = f"The log-probability, with a floor of {floor:g},"
        compare(got, want, _gaussian_faults(raw.detach(), c, floor), what=what, n=n)
        gradient(got.sum() if isinstance(got, Tensor) else got, want.sum(), raw, to="what Q outputs")
    return (
        "One number an image, in nats, and its gradient reaches both outputs: m is pulled to the code, and sigma to "
        "the size of the residual."
    )


def _gaussian_faults(raw: Tensor, c: Tensor, floor: float) -> Faults:
    m, s = raw.unbind(1)
    sigma = floor + F.softplus(s)

    def log_q(mean: Tensor, stddev: Tensor) -> Tensor:
        return D.Normal(mean, stddev).log_prob(c)

    want = log_q(m, sigma)
    constant = math.log(2 * math.pi) / 2
    yield -want, "This is -log Q, the loss. Asked for is log Q itself."
    yield want.exp(), "This is the density. Its logarithm is asked for."
    yield (
        want + constant,
        "The constant -ln(2 pi) / 2 is left out. The gradients are right without it, the nats are not.",
    )
    yield (
        want + sigma.log(),
        "The term -ln(sigma) is left out. Nothing then stops sigma from growing: a vague answer would cost nothing.",
    )
    yield (
        want + sigma.log() + constant,
        "This is only the squared error over 2 sigma^2. -ln(sigma) and -ln(2 pi) / 2 are missing.",
    )
    yield log_q(m, F.softplus(s)), "The floor is left out: sigma is floor + softplus(s)."
    yield (
        log_q(m, F.softplus(s).clamp(min=floor)),
        "You cut sigma off at the floor. Below it no gradient is left to bring it back; add the floor instead.",
    )
    yield log_q(m, s.exp()), "This is sigma = exp(s). Here it is floor + softplus(s), which grows gently."
    yield log_q(m, floor + s.exp()), "You used exp(s) where softplus(s) belongs; exp grows much faster."
    yield log_q(m, F.softplus(floor + s)), "The floor went inside the softplus, where it is none: add it outside."
    yield log_q(m, sigma.sqrt()), "You took floor + softplus(s) for the variance. It is sigma, the standard deviation."
    yield log_q(m, sigma.square()), "`D.Normal` takes the standard deviation, and got its square."
    yield log_q(s, floor + F.softplus(m)), "The two outputs are swapped: the mean is column 0, s is column 1."
    yield math.log(2) + want, "H(c) = ln 2 is added. That makes the nats of L_I; asked for is log Q alone."
    column = log_q(m[:, None], sigma[:, None])
    yield (
        column,
        "The mean has shape (N, 1) and the codes (N,), so each image was scored with each code: (N, N). Take the "
        "columns as `raw[:, 0]` and `raw[:, 1]`.",
    )


@exercise(
    "06.5",
    "The entropy is -p ln p - (1 - p) ln(1 - p). `encode` makes a column: `values[:, None]` has shape (N, 1). "
    "The posterior is a `D.Bernoulli`.",
    "`2 * values[:, None] - 1` encodes, and `D.Bernoulli(logits=raw[:, 0])` is Q(c|x).",
    takes="value",
)
def switch(answer: Any) -> str:
    if not isinstance(answer, type):
        raise Wrong("Pass the class `Switch` itself, not an object of it or a function.")
    values = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0])
    for p in (0.5, 0.2):
        code = answer(p)
        entropy = attempted(code.entropy() if callable(code.entropy) else code.entropy)
        want = -p * math.log(p) - (1 - p) * math.log(1 - p)
        compare(entropy, want, _entropy_faults(p), what=f"The entropy at p = {p:g}")
        compare(attempted(code.encode(values)), 2 * values[:, None] - 1, _encode_faults(values), what="The encoding")
        _judge_posterior(code, values)
    return (
        "With `sample` and `sweep` beside them, training, sweeps and L_I all work on such a code, and none of them "
        "needs to know what kind it is. The library's `Bernoulli` is the same."
    )


def _entropy_faults(p: float) -> Faults:
    yield math.log(2), "ln 2 is the entropy of a fair coin. With p = 0.2 there is less to know: 0.500 nats."
    yield -p * math.log(p), "This is the part of 'yes' alone. 'No' has its part: -(1 - p) ln(1 - p)."
    yield 1.0, "1 is the entropy of a fair coin in bits. Nats are asked for: natural logarithms."
    yield -math.log(p), "This is the surprise of one 'yes'. The entropy is the mean surprise, over yes and no."


def _encode_faults(values: Tensor) -> Faults:
    yield 2 * values - 1, "The encoding has shape (N,); G's input takes columns, (N, 1). Try `values[:, None]`."
    yield values[:, None], "This is 1 and 0; asked for is +1 and -1, centred on 0 as the noise is."
    yield 1 - 2 * values[:, None], "Yes and no are swapped: 1 becomes +1 and 0 becomes -1."
    yield F.one_hot(values.long(), 2), "This is one-hot, two columns. One column, +1 or -1, is enough for two states."


def _judge_posterior(code: Any, values: Tensor) -> None:
    g = torch.Generator().manual_seed(3)
    raw = 2 * torch.randn(len(values), 1, generator=g)
    try:
        q = attempted(code.posterior(raw.clone()))
    except ValueError as error:
        if "probs" not in str(error):
            raise
        raise Wrong(
            "`D.Bernoulli(raw)` takes `raw` for probabilities, and these are any real numbers. Name the argument: "
            "`D.Bernoulli(logits=...)`."
        ) from None
    if isinstance(q, Tensor):
        raise Wrong("The posterior is a tensor. Return a distribution, such as `D.Bernoulli(...)`, with `.log_prob`.")
    if not isinstance(q, D.Distribution):
        raise Wrong(f"The posterior is a {type(q).__name__}; a `torch.distributions` object is expected.")
    if q.batch_shape != values.shape:
        raise Wrong(
            f"The posterior speaks of a batch of shape {tuple(q.batch_shape)}; (N,), here ({len(values)},), is "
            "expected, or `.log_prob(values)` gives N x N numbers. Take the column `raw[:, 0]`."
        )
    logit = raw[:, 0]
    faults = [
        (D.Bernoulli(logits=-logit).log_prob(values), "The logit's sign is turned: a high logit must mean yes."),
        (
            D.Bernoulli(logits=torch.sigmoid(logit)).log_prob(values),
            "The probability went in where the logit belongs, so a sigmoid is applied twice. Use `logits=raw[:, 0]`.",
        ),
    ]
    compare(q.log_prob(values), D.Bernoulli(logits=logit).log_prob(values), faults, what="The posterior's log_prob")
