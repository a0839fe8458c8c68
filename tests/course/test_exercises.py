"""The checker and the checks: what a learner is told, and that nothing they write brings it down."""

import _thread
import math
import random
import threading
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from infogan_lib.core.bound import lower_bound
from infogan_lib.course.exercises import blocks
from infogan_lib.course.exercises.checker import EXERCISES, Feedback, Wrong, check, exercise

# -- Notebooks 07 and 07b: reference solutions --------------------------------------------------------------


def info_term(spec, posterior, latent, weight):
    total = torch.zeros(())
    for code in spec.codes:
        nats = code.entropy + posterior[code.name].log_prob(latent[code.name])
        total = total + weight[code.name] * nats.mean()
    return total


def info_gradient_norm(model, latent):
    _, posterior = model.discriminate(model.generator(latent.input))
    nats = sum(v.mean() for v in lower_bound(model.spec, posterior, latent).values())
    grads = torch.autograd.grad(nats, list(model.generator.parameters()), allow_unused=True)
    return math.sqrt(sum(float(g.square().sum()) for g in grads if g is not None))


def confusion(nats, k):
    return k * math.exp(-nats)


REFERENCE = {"07.1": info_term, "07b.1": info_gradient_norm, "07.4": 0.1, "07b.2": confusion}


# -- Notebooks 07 and 07b: what people write instead --------------------------------------------------------


def term(nats, outside=lambda total: total):
    """A function like info_term with another formula for one code."""

    def answer(spec, posterior, latent, weight):
        return outside(sum(nats(c, posterior[c.name], latent[c.name], weight[c.name]) for c in spec.codes))

    return answer


def right_nats(code, q, c, w):
    return w * (code.entropy + q.log_prob(c)).mean()


def softmax_twice(code, q, c, w):
    again = torch.distributions.Categorical(logits=q.probs) if hasattr(q, "probs") else q
    return w * (code.entropy + again.log_prob(c)).mean()


def first_code_only(spec, posterior, latent, weight):
    for code in spec.codes:
        return right_nats(code, posterior[code.name], latent[code.name], weight[code.name])


def digit_forgotten(spec, posterior, latent, weight):
    return sum(
        right_nats(c, posterior[c.name], latent[c.name], weight[c.name]) for c in spec.codes if c.name != "digit"
    )


def fixed_names(spec, posterior, latent, weight):
    return sum(right_nats(spec[n], posterior[n], latent[n], weight[n]) for n in ("digit", "c1", "c2"))


def no_return(spec, posterior, latent, weight):
    info_term(spec, posterior, latent, weight)


def norm_of(parameters, loss=None, finish=lambda squares: math.sqrt(sum(squares)), fakes=None):
    """A function like info_gradient_norm, by backward() and .grad, with one thing changed."""

    def answer(model, latent):
        model.zero_grad()
        images = fakes(model, latent) if fakes else model.generator(latent.input)
        scores, posterior = model.discriminate(images)
        nats = sum(v.mean() for v in lower_bound(model.spec, posterior, latent).values())
        (loss(nats, scores) if loss else nats).backward()
        return finish([0.0 if p.grad is None else float(p.grad.square().sum()) for p in parameters(model)])

    return answer


def of_g(model):
    return list(model.generator.parameters())


def accumulating(model, latent):
    _, posterior = model.discriminate(model.generator(latent.input))
    sum(v.mean() for v in lower_bound(model.spec, posterior, latent).values()).backward()
    return math.sqrt(sum(float(p.grad.square().sum()) for p in model.generator.parameters()))


def no_none(model, latent):
    model.zero_grad()
    return accumulating(model, latent)


def stepping(model, latent):
    norm = info_gradient_norm(model, latent)
    with torch.no_grad():
        model.d_head.weight += 0.1
    return norm


def generate(model, latent):
    return model.generate(latent)


WRONG = [
    ("07.1", term(right_nats, lambda t: -t), "sign turned"),
    ("07.1", term(lambda c, q, x, w: w * q.log_prob(x).mean()), "entropy H(c) is left out"),
    ("07.1", term(lambda c, q, x, w: -w * q.log_prob(x).mean()), "cross-entropy"),
    ("07.1", term(lambda c, q, x, w: w * (c.entropy + q.log_prob(x)).sum()), "added over the 16 samples"),
    ("07.1", term(lambda c, q, x, w: w * (c.entropy + q.log_prob(x))), "one value for each of the 16 samples"),
    ("07.1", term(lambda c, q, x, w: w * (q.entropy() + q.log_prob(x)).mean()), "the prior's"),
    ("07.1", term(lambda c, q, x, w: (c.entropy + q.log_prob(x)).mean()), "weights are left out"),
    ("07.1", term(lambda c, q, x, w: c.entropy + w * q.log_prob(x).mean()), "log Q alone"),
    ("07.1", term(right_nats, lambda t: t / 3), "mean over codes"),
    ("07.1", term(softmax_twice), "softmax was applied twice"),
    ("07.1", term(right_nats, lambda t: torch.tensor(float(t.detach()))), "no gradient flows"),
    ("07.1", term(right_nats, lambda t: t.item()), "carries no gradient"),
    ("07.1", digit_forgotten, "'digit' is missing"),
    ("07.1", first_code_only, "Only the code 'digit'"),
    ("07.1", fixed_names, "its names are fixed"),
    ("07.1", no_return, "end with `return`"),
    ("07.1", 2.3, "A function is expected"),
    ("07b.1", norm_of(of_g, fakes=generate), "No gradient reaches G"),
    ("07b.1", norm_of(lambda m: m.trunk.parameters()), "trunk's parameters"),
    ("07b.1", norm_of(lambda m: m.parameters()), "all parameters"),
    ("07b.1", norm_of(lambda m: of_g(m)[-2:]), "last layer"),
    ("07b.1", norm_of(lambda m: of_g(m)[:1]), "first parameter"),
    ("07b.1", norm_of(of_g, finish=lambda s: sum(map(math.sqrt, s))), "added up norms"),
    ("07b.1", norm_of(of_g, finish=sum), "squared norm"),
    ("07b.1", norm_of(of_g, loss=lambda nats, scores: F.softplus(-scores).mean()), "gradient of G's adversarial"),
    ("07b.1", norm_of(of_g, loss=lambda nats, scores: F.softplus(-scores).mean() - nats), "is in it as well"),
    ("07b.1", accumulating, "2 times as much"),
    ("07b.1", no_none, "count a gradient that is None as 0"),
    ("07b.1", stepping, "weights have changed"),
    ("07b.1", lambda model, latent: True, "A number is expected"),
    ("07.4", -1.0, "wrong with confidence"),
    ("07.4", 1.2, "would stay open"),
    ("07.4", 2.3, "is what InfoGAN reaches"),
    ("07.4", 3.32, "ceiling in bits"),
    ("07.4", 5, "never exceeds"),
    ("07.4", "low", "A number is expected"),
    ("07.4", math.nan, "finite"),
    ("07b.2", lambda nats, k: math.exp(nats), "groups that Q tells apart"),
    ("07b.2", lambda nats, k: k * 2**-nats, "powers of 2"),
    ("07b.2", lambda nats, k: math.log(k) - nats, "entropy that is left"),
    ("07b.2", lambda nats, k: k * math.exp(nats), "grows with L_I"),
    ("07b.2", lambda nats, k: k - math.exp(nats), "divides"),
    ("07b.2", lambda nats, k: "two", "a number is expected"),
]


@pytest.mark.parametrize("id", REFERENCE)
def test_reference_is_right_and_has_no_hint(id):
    feedback = check(id, REFERENCE[id])
    assert feedback.state == "right", feedback
    assert repr(feedback).startswith(f"exercise {id}: right\n")
    assert "<details>" not in feedback._repr_html_()


def test_other_right_ways():
    assert check("07.1", term(right_nats)).state == "right"
    assert check("07b.1", norm_of(of_g)).state == "right"
    assert check("07b.1", lambda model, latent: torch.tensor(info_gradient_norm(model, latent))).state == "right"
    assert check("07.4", torch.tensor(0.0)).state == check("07.4", np.float32(0.5)).state == "right"
    assert check("07b.2", lambda nats, k: k / torch.tensor(nats).exp()).state == "right"


@pytest.mark.parametrize(("id", "answer", "says"), WRONG, ids=[f"{id} {says}" for id, _, says in WRONG])
def test_typical_mistake_is_named(id, answer, says):
    feedback = check(id, answer)
    assert feedback.state == "wrong" and says in feedback.message, feedback
    assert feedback._repr_html_().count("<details>") == 2  # both hints, folded


def test_each_mistake_has_its_own_words():
    by_id: dict[str, set[str]] = {}
    for id, answer, _ in WRONG:
        by_id.setdefault(id, set()).add(check(id, answer).message.replace("number is", "NUMBER is"))
    for id in REFERENCE:
        assert len(by_id[id]) == sum(1 for other, _, _ in WRONG if other == id)


# -- Unattempted -----------------------------------------------------------------------------------


def stub_dots(*args):
    """The docstring of a stub."""
    ...


def stub_raises(*args):
    raise NotImplementedError


def stub_blank(*args):
    entropy = ...
    return entropy + 1


STUBS = [stub_dots, stub_raises, stub_blank, lambda *args: ..., ..., None]


@pytest.mark.parametrize(
    ("id", "stub"), [(id, s) for id in REFERENCE for s in STUBS if id != "07.4" or not callable(s)]
)
def test_stub_reads_not_yet(id, stub):
    feedback = check(id, stub)
    assert feedback.state == "not yet"
    assert repr(feedback).startswith(f"exercise {id}: not yet")
    assert f"<details><summary>hint</summary>{feedback.hints[0][:9]}" in feedback._repr_html_()


def test_every_exercise_has_hints():
    check("07.1")
    assert all(known.hints for known in EXERCISES.values())


def test_unknown_id_is_one_clear_error():
    with pytest.raises(ValueError, match=r"no exercise '07\.9': notebook '07' has 07\.1, 07\.2, 07\.3, 07\.4, 07\.5\."):
        check("07.9", confusion)
    for id in ("99.1", "", "..os", confusion):
        with pytest.raises(ValueError, match="no exercise"):
            check(id, confusion)


# -- What a learner's code may do ------------------------------------------------------------------


def test_exception_becomes_feedback_with_its_line():
    def broken(nats, k):
        part = k - k
        return nats / part  # here

    feedback = check("07b.2", broken)
    assert feedback.state == "wrong"
    assert "Your code raised ZeroDivisionError" in feedback.message
    line = broken.__code__.co_firstlineno + 2
    assert f"line {line}: return nats / part  # here" in feedback.message


def test_exception_inside_a_library_names_the_learners_line():
    feedback = check("07.1", lambda spec, posterior, latent, weight: spec["digits"].entropy)
    assert "no code 'digits'" in feedback.message and 'spec["digits"].entropy' in feedback.message


@pytest.mark.parametrize("error", [SystemExit(1), AssertionError(), RecursionError("deep"), StopIteration(3)])
def test_any_exception_is_feedback(error):
    def answer(nats, k):
        raise error

    feedback = check("07b.2", answer)
    assert feedback.state == "wrong" and type(error).__name__ in feedback.message


def test_not_implemented_by_torch_is_no_stub():
    feedback = check("07b.2", lambda nats, k: torch.distributions.VonMises(torch.tensor(0.0), 1.0).entropy())
    assert feedback.state == "wrong" and "NotImplementedError" in feedback.message


def test_values_that_misbehave_are_feedback():
    class Odd:
        def __float__(self):
            raise RuntimeError("no")

        def __str__(self):
            raise RuntimeError("no text either")

    for id in REFERENCE:
        assert check(id, Odd()).state == "wrong"
    assert check("07b.2", lambda nats, k: Odd()).state == "wrong"
    assert check("07b.2", lambda: 1).state == "wrong"


def test_html_of_a_learner_is_escaped():
    def attack(nats, k):
        raise ValueError("<script>alert(1)</script> `<b>`")

    shown = check("07b.2", attack)._repr_html_()
    assert "<script>" not in shown and "<b>`" not in shown and "<code><b>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<img" not in check("07.4", "<img src=x>")._repr_html_()


def test_random_state_is_left_alone_and_checks_repeat():
    drawn = []

    def noisy(nats, k):
        torch.manual_seed(5), np.random.seed(5), random.seed(5)
        return k * math.exp(-nats)

    def draws(nats, k):
        drawn.append((float(torch.rand(())), np.random.rand(), random.random()))
        return k * math.exp(-nats)

    def looping(nats, k):
        while True:
            torch.rand(3)

    before = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())
    for id, answer in [
        *REFERENCE.items(),
        ("07b.2", noisy),
        ("07b.2", draws),
        ("07b.2", draws),
        ("07b.2", stub_raises),
    ]:
        check(id, answer)
    check("07b.2", looping, seconds=0.1)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())
    assert drawn[: len(drawn) // 2] == drawn[len(drawn) // 2 :]


def test_prints_are_kept(capsys):
    def talking(nats, k):
        print("k is", k)
        return k * math.exp(-nats)

    assert check("07b.2", talking).state == "right"
    assert "k is 10" in capsys.readouterr().out


def test_gradients_are_on_whatever_the_caller_does():
    with torch.no_grad():
        assert check("07b.1", info_gradient_norm).state == "right"


# -- Deadlines -------------------------------------------------------------------------------------


def plain_loop(nats, k):
    while True:
        pass


def torch_loop(nats, k):
    x = torch.ones(8, 8, requires_grad=True)
    while True:
        (x @ x).sum().backward()


def stubborn_loop(nats, k):
    while True:
        try:
            while True:
                pass
        except Exception:
            pass


def bare_except_loop(nats, k):
    caught = 0
    while caught < 2:
        try:
            while True:
                pass
        except:  # noqa: E722
            caught += 1
    return 1.0


@pytest.mark.parametrize("loop", [plain_loop, torch_loop, stubborn_loop, bare_except_loop])
def test_endless_loop_is_stopped(loop):
    begun = time.monotonic()
    feedback = check("07b.2", loop, seconds=0.2)
    assert time.monotonic() - begun < 3
    assert feedback.state == "wrong" and "loop that never ends" in feedback.message and "\n  line " in feedback.message
    assert not any(thread.name == "exercise" for thread in threading.enumerate() if thread.is_alive())
    assert check("07b.2", confusion).state == "right"


def test_one_long_call_is_left_behind():
    feedback = check("07b.2", lambda nats, k: time.sleep(3), seconds=0.1)
    assert "inside one long call" in feedback.message and "time.sleep(3)" in feedback.message
    assert check("07b.2", confusion).state == "right"


def test_ctrl_c_passes_through_and_stops_the_learners_code():
    ticks = [0]

    def counting(nats, k):
        while True:
            ticks[0] += 1

    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        check("07b.2", counting, seconds=30)
    seen = ticks[0]
    time.sleep(0.05)
    assert ticks[0] == seen > 0

    def raising(nats, k):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("07b.2", raising)


# -- Building blocks -------------------------------------------------------------------------------


def says(block, *args, **kwargs):
    with pytest.raises(Wrong) as wrong:
        block(*args, **kwargs)
    return str(wrong.value)


def test_compare_says_what_differs():
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
    blocks.compare(x.double(), x)
    blocks.compare(x.numpy(), x)
    blocks.compare(torch.tensor(3), 3.0)
    assert "negative" in says(blocks.compare, -x, x)
    assert "twice" in says(blocks.compare, 2 * x, x)
    assert "bits" in says(blocks.compare, x / math.log(2), x)
    assert "added over the 6 samples" in says(blocks.compare, x.sum(), x.mean(), n=6)
    assert "mean over the 6 samples" in says(blocks.compare, x.mean(), x.sum(), n=6)
    assert "transposed" in says(blocks.compare, x.T, x)
    assert "shape (6,); (2, 3)" in says(blocks.compare, x.flatten(), x)
    assert "same 0.5 everywhere" in says(blocks.compare, x + 0.5, x)
    assert "whole numbers" in says(blocks.compare, x.long(), x + 0.25)
    assert "NaN" in says(blocks.compare, x.log() * 0 / 0, x)
    assert "is 9 where 2 is expected" in says(blocks.compare, torch.tensor([1.0, 9, 3]), torch.tensor([1.0, 2, 3]))
    assert "is a list; a tensor" in says(blocks.compare, [1.0], x)
    assert says(blocks.compare, x + 1, x, [(x, "not this"), (x + 1, "plus one")]) == "plus one"


def test_faults_are_not_asked_for_when_the_answer_is_right():
    def never():
        raise AssertionError
        yield

    blocks.compare(1.0, 1.0, never())


def test_moments_of_a_sampler():
    g = torch.Generator().manual_seed(0)
    for seed in range(20):
        g.manual_seed(seed)
        blocks.moments(2 * torch.rand(2000, generator=g) - 1, 0, 3**-0.5)
        blocks.moments(3 + 2 * torch.randn(50, 40, generator=g), 3, 2)
    assert "; 0.000 is expected" in says(blocks.moments, torch.rand(2000, generator=g), 0, 3**-0.5)
    assert "variance" in says(blocks.moments, 4 * torch.randn(2000, generator=g), 0, 2)
    assert "right mean, but standard deviation" in says(blocks.moments, torch.randn(2000, generator=g), 0, 2)
    assert "the same number" in says(blocks.moments, torch.full((2000,), 0.0), 0, 1)
    assert "more are needed" in says(blocks.moments, torch.randn(3), 0, 1)


def test_gradient_that_is_wrong_though_the_value_is_right():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    want = x.square().sum()
    blocks.gradient((x * x).sum(), want, x)
    assert "half" in says(blocks.gradient, (x * x.detach()).sum(), want, x)
    assert "no gradient" in says(blocks.gradient, want.detach(), want, x)


def test_choice():
    options = {"rises": "", "falls": "It is maximised."}
    assert blocks.choice("rises", options) == "rises"
    assert says(blocks.choice, "falls", options) == "It is maximised."
    assert "Choose one of 'rises', 'falls'" in says(blocks.choice, "stays", options)


def test_a_check_may_judge_a_class():
    @exercise("00.test", "a hint", takes="value")
    def judge(answer):
        if blocks.attempted(answer().value()) != 3:
            raise Wrong("value() should be 3")
        return "It is."

    try:
        assert check("00.test", type("A", (), {"value": lambda self: ...})).state == "not yet"
        assert check("00.test", type("A", (), {"value": lambda self: 2})).state == "wrong"
        assert check("00.test", type("A", (), {"value": lambda self: 3})).state == "right"
    finally:
        del EXERCISES["00.test"]


def test_markup():
    shown = Feedback("1.1", "wrong", "Use `a < b`.\n  line 3: x = `y`", ("first", "second", "third", "fourth"))
    page = shown._repr_html_()
    assert "Use <code>a &lt; b</code>.<br><code>line 3: x = `y`</code>" in page
    assert page.count("<details>") == 4
