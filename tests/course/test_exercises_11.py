"""The checks of notebook 11: right answers, stubs, and what people write instead."""

import math

import pytest
import torch

from infogan_lib.course.clinic.ward import DIAGNOSES, WARD
from infogan_lib.course.exercises import EXERCISES, check
from infogan_lib.course.exercises.nb11 import CASES

# -- Reference solutions ---------------------------------------------------------------------------


def cap(k):
    return math.log(k) + 1 - math.log(math.e + k - 1)


def tell(info, fake):
    if not info.requires_grad:
        return "no gradient"
    (gradient,) = torch.autograd.grad(info, fake, allow_unused=True)
    return "not to G" if gradient is None else "to G"


def term(nats):
    return sum(value.mean() for value in nats.values())


@torch.no_grad()
def look(model, latent):
    model.eval()
    images = model.generator(latent.input)
    model.train()
    return images


CAUSE = {fault: cause for cause, (fault, _) in DIAGNOSES.items()}
RIGHT = {id: CAUSE[WARD[case[0]]] for id, case in CASES.items()}
REFERENCE = {**RIGHT, "11.4": cap, "11.5": tell, "11.9": term, "11.16": look, "11.19": "hardly any change"}


# -- Typical mistakes ------------------------------------------------------------------------------


@torch.no_grad()
def left_in_eval(model, latent):
    model.eval()
    return model.generator(latent.input)


def with_graph(model, latent):
    model.eval()
    images = model.generator(latent.input)
    model.train()
    return images


@torch.no_grad()
def in_train_mode(model, latent):
    return model.generator(latent.input)


@torch.no_grad()
def clears_statistics(model, latent):
    images = look(model, latent)
    for module in model.modules():
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()
    return images


WRONG = [
    *((id, cause, shows) for id in CASES for cause, (_, shows) in DIAGNOSES.items() if cause != RIGHT[id]),
    ("11.4", math.log, "That is H(c)"),
    ("11.4", lambda k: math.log(k) - cap(k), "cross-entropy"),
    ("11.4", lambda k: cap(k) - math.log(k), "still to be added"),
    ("11.4", lambda k: math.exp(cap(k)) / k, "largest probability"),
    ("11.4", lambda k: math.log(k) + 1 - math.log(math.e + k), "One state too many"),
    ("11.5", lambda info, fake: "to G", "torch.tensor"),
    ("11.5", lambda info, fake: "to G" if info.requires_grad else "no gradient", "detached fake"),
    ("11.5", lambda info, fake: "not to G" if info.requires_grad else "no gradient", "does reach the fake"),
    ("11.5", lambda info, fake: info.requires_grad, "answers one of"),
    ("11.9", lambda nats: torch.tensor([v.mean().item() for v in nats.values()]).sum(), "cut the graph"),
    ("11.9", lambda nats: sum(v.mean().item() for v in nats.values()), "carries no gradient"),
    ("11.9", lambda nats: -term(nats), "negative"),
    ("11.9", lambda nats: torch.cat(list(nats.values())).mean(), "one mean over all codes"),
    ("11.9", lambda nats: sum(v.sum() for v in nats.values()), "64 times"),
    ("11.16", in_train_mode, "images of train mode"),
    ("11.16", left_in_eval, "left in eval mode"),
    ("11.16", with_graph, "carry a graph"),
    ("11.16", clears_statistics, "changed by looking"),
    ("11.19", "five times as fast", "plain gradient descent"),
    ("11.19", "it diverges", "whatever the gradient's scale"),
]


def test_every_patient_has_a_check_and_every_diagnosis_a_patient():
    assert {name for name, *_ in CASES.values()} == WARD.keys()
    assert sorted(RIGHT.values()) == sorted(DIAGNOSES)


def test_other_right_ways():
    assert check("11.9", lambda nats: nats["digit"].mean() + nats["c1"].mean()).state == "right"
    assert check("11.9", lambda nats: torch.stack(list(nats.values())).mean(1).sum()).state == "right"
    assert check("11.16", lambda model, latent: model.generate(latent)).state == "right"
    assert check("11.4", lambda k: torch.tensor(cap(k))).state == "right"


def test_a_mend_is_told_what_it_did():
    assert "L_I of digit is" in check("11.9", term).message


@pytest.mark.parametrize("answer", ["", "softmax", 3])
def test_an_unknown_diagnosis_is_told_the_list(answer):
    feedback = check("11.1", answer)
    assert feedback.state == "wrong" and all(cause in feedback.message for cause in DIAGNOSES)


def test_nineteen_exercises_with_two_hints_each():
    check("11.1")
    ours = [known for id, known in EXERCISES.items() if id.startswith("11.")]
    assert len(ours) == 19 and all(len(known.hints) == 2 for known in ours)
