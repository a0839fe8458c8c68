"""Every fault of the ward shows its symptom; the healthy training shows none, and is that of `steps`."""

import functools
import math
from dataclasses import replace

import pytest
import torch

from infogan_lib.core import steps
from infogan_lib.core.bound import calibration
from infogan_lib.course import results
from infogan_lib.course.clinic.charts import data_brightness, examine
from infogan_lib.course.clinic.patient import RECIPE, SPEC, Patient, digits
from infogan_lib.course.clinic.ward import DIAGNOSES, WARD, admit, open_up

STEPS = 240
FLAT = ("Dov", "Eva", "Finn", "Gus")


@functools.cache
def chart(name, seed=0, number=STEPS):
    kind = WARD.get(name, Patient)
    return examine(type(name, (kind,), {"recipe": replace(kind.recipe, steps=number)})(seed), name)


@pytest.fixture
def healthy():
    return chart("healthy")


def begun(name, number=5):
    """A patient after a few steps, a latent and the fake made of it."""
    patient = WARD.get(name, Patient)(seed=1)
    for _ in range(number):
        patient.step()
    latent = patient.latent()
    return patient, latent, patient.model.generator(latent.input)


# -- The healthy training --------------------------------------------------------------------------


def test_the_losses_are_those_of_steps():
    patient, latent, fake = begun("healthy")
    real = patient.real()
    assert torch.allclose(
        patient.d_loss(real, fake, latent), steps.d_loss(patient.model, RECIPE, real, fake, latent)[0]
    )
    assert torch.allclose(patient.g_loss(fake, latent), steps.g_loss(patient.model, RECIPE, fake, latent)[0])


def test_the_healthy_chart(healthy):
    assert -0.3 < healthy["digit"][0] < 0.3 and 1.6 < healthy.end("digit") < math.log(10)
    assert 0.5 < healthy.end("c1") < calibration(SPEC["c1"]).perfect
    assert min(healthy["sigma"]) > 0.3 and min(healthy["grad_g"]) > 0 and min(healthy["grad_q"]) > 0
    assert abs(healthy.brightness - data_brightness()) < 0.1 and abs(healthy.spread - 1) < 0.1
    assert healthy.neighbours == pytest.approx(0, abs=1e-5) and healthy.diversity > 0.15


def test_looking_changes_nothing():
    ours, theirs = Patient(seed=2), type("Short", (Patient,), {"recipe": replace(RECIPE, steps=30)})(seed=2)
    examine(theirs)
    for _ in range(30):
        ours.step()
    before, after = ours.model.state_dict(), theirs.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_digits():
    images = digits()
    assert images.images.shape == (1797, 1, 8, 8) and images.labels.bincount().min() > 170
    floats = images.batch(slice(None))
    assert floats.min() == -1 and floats.max() == 1


# -- The meter -------------------------------------------------------------------------------------


def test_one_hot_entropy_reads_never_above_zero_and_trains_as_in_health(healthy):
    ada = chart("Ada")
    assert max(ada["digit"]) < 0 and ada["digit"][0] == pytest.approx(-math.log(10), abs=0.3)
    assert [a + math.log(10) for a in ada["digit"]] == pytest.approx(healthy["digit"], abs=1e-4)
    assert torch.equal(ada.images, healthy.images)


def test_the_entropy_of_a_normal_reads_information_before_any_is_there(healthy):
    ben, nothing = chart("Ben"), calibration(SPEC["c1"]).nothing
    assert ben["c1"][0] > 0.05 > nothing and healthy["c1"][0] < nothing
    excess = math.log(2 * math.pi * math.e) / 2 - math.log(2)
    assert [b - excess for b in ben["c1"]] == pytest.approx(healthy["c1"], abs=1e-4)


def test_softmax_twice_caps_the_curve_at_0841(healthy):
    cleo = chart("Cleo")
    assert min(cleo["digit"][-2:]) > 0.4 and max(cleo["digit"][-2:]) < 0.8415 < healthy["digit"][-1]
    sure = torch.distributions.Categorical(logits=1000 * torch.eye(10)).probs
    best = math.log(10) + torch.distributions.Categorical(logits=sure).log_prob(torch.arange(10)).mean()
    assert best == pytest.approx(0.841, abs=1e-3)


# -- Flat ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FLAT)
def test_the_digit_is_not_read(name, healthy):
    number = 400 if name == "Gus" else STEPS
    assert chart(name, 0, number)["digit"][-1] < 0.2 and healthy["digit"][-1] > 1.8
    assert chart(name, 0, number).diversity > 1.4 * healthy.diversity


def test_a_rebuilt_term_has_no_gradient_and_a_detached_one_none_in_g():
    for name, asks in (("Dov", False), ("Finn", True)):
        patient, latent, fake = begun(name)
        info = patient.g_info(fake, latent)
        assert info.requires_grad is asks
        if asks:
            on_fake, on_q = torch.autograd.grad(info, [fake, patient.model.q_head[-1].weight], allow_unused=True)
            assert on_fake is None and on_q.any()


def test_the_two_have_the_same_chart_and_the_value_of_the_healthy_term():
    dov, finn = chart("Dov"), chart("Finn")
    assert dov.curves == finn.curves and torch.equal(dov.images, finn.images)
    assert set(dov["grad_g"]) == {0.0} and min(dov["grad_q"]) > 0
    for name in ("Dov", "Finn"):
        patient, latent, fake = begun(name)
        assert torch.allclose(patient.g_info(fake, latent), Patient.g_info(patient, fake, latent))


def test_codes_drawn_again_leave_a_gradient_without_news():
    assert min(chart("Eva")["grad_g"]) > 0
    patient, latent, fake = begun("Eva")
    posterior = patient.read(fake)
    assert not torch.equal(patient.nats(posterior, latent)["digit"], patient.nats(posterior, latent)["digit"])


def test_the_sign_makes_the_curve_fall():
    gus = chart("Gus", 0, 400)
    assert max(gus["digit"]) > 1.5 and gus.end("digit") < 0.1 and gus.end("c1") < 0
    assert gus["grad_g"][-1] > 0


# -- D, Q and a code -------------------------------------------------------------------------------


def test_d_reads_the_column_of_a_code(healthy):
    hana = chart("Hana")
    assert hana.slope > 0.25 > healthy.slope and hana.end("c1") < healthy.end("c1") - 0.3
    assert hana.end("digit") > 1.5
    patient, _, fake = begun("Hana")
    assert torch.equal(patient.score(fake), patient.read(fake)["c1"].mean)


def test_sigma_without_a_floor(healthy):
    ida = chart("Ida")
    assert min(ida["sigma"]) < 0.27 and max(ida["grad_g"]) > 1.3 * max(healthy["grad_g"])
    assert ida["digit"][4] < healthy["digit"][4]
    raw, zero = torch.tensor([[0.0, -15.0]]), torch.zeros(1)  # an exact mean, and a sigma as small as it may be
    floored, free = (spec["c1"].entropy + spec["c1"].posterior(raw).log_prob(zero) for spec in (SPEC, WARD["Ida"].spec))
    assert free > 10 and floored < calibration(SPEC["c1"]).perfect + 1e-3


# -- The pictures ----------------------------------------------------------------------------------


def test_the_range_shows_in_the_brightness_alone(healthy):
    jon = chart("Jon")
    assert jon.brightness > data_brightness() + 0.4 and jon.end("digit") > 1.5
    assert WARD["Jon"]().real().min() >= 0 > Patient().real().min()


def test_too_much_lambda_reads_well_and_varies_little(healthy):
    kim = chart("Kim")
    assert kim.diversity < 0.8 * healthy.diversity and kim.end("digit") > 1.8
    assert kim["loss_g"][-1] < -20 < healthy["loss_g"][-1]


def test_train_mode_depends_on_the_neighbours(healthy):
    assert chart("Lea").neighbours > 0.05
    patient, latent, _ = begun("Lea")
    alone, all_of_them = patient.generate(latent.rows(slice(0, 8))), patient.generate(latent)[:8]
    assert (alone - all_of_them).abs().max() > 0.05
    mended = [Patient.generate(patient, latent.rows(slice(0, 8))), Patient.generate(patient, latent)[:8]]
    assert torch.allclose(*mended, atol=1e-5)


def test_eps_leaves_the_spread_small(healthy):
    assert chart("Max").spread < 0.8 < healthy.spread
    layer = WARD["Max"]().model.generator[1]
    assert (layer.eps, layer.momentum) == (0.8, 0.1)


def test_half_a_seed_does_not_repeat():
    def weights(kind):
        patient = kind(seed=0)
        for _ in range(3):
            patient.step()
        return patient.model.generator[0].weight

    assert torch.equal(weights(Patient), weights(Patient))
    assert not torch.equal(weights(WARD["Nia"]), weights(WARD["Nia"]))


# -- The ward --------------------------------------------------------------------------------------


def test_each_patient_has_one_diagnosis_and_a_name_that_gives_nothing_away():
    assert len(WARD) == len(DIAGNOSES) == 14 and {fault for fault, _ in DIAGNOSES.values()} == set(WARD.values())
    for name, fault in WARD.items():
        overridden = [attribute for attribute in vars(fault) if not attribute.startswith("__")]
        assert len(overridden) == 1, "one fault, in one place"
        opened = open_up(name)
        assert f"class {fault.__name__}" in repr(opened) and opened._repr_html_().startswith("<details>")
        assert fault.__name__ not in opened._repr_html_().split("</summary>")[0]


def test_without_its_fault_a_patient_is_the_healthy_training():
    def step(kind):
        patient = kind(seed=3)
        return [float(loss) for loss in patient.step()]

    for fault in WARD.values():
        (attribute,) = [attribute for attribute in vars(fault) if not attribute.startswith("__")]
        mended = type("Mended", (fault,), {attribute: getattr(Patient, attribute)})
        assert step(mended) == step(Patient)


def test_a_picture_of_the_chart_tells_its_numbers(healthy):
    picture = healthy.picture()
    assert f"{healthy['digit'][-1]:.2f}" in picture.alt and f"{healthy.diversity:.2f}" in picture.alt
    assert picture.png().startswith(b"\x89PNG")


@pytest.mark.parametrize("function", [admit, open_up])
def test_an_unknown_patient_is_told_the_names(function):
    with pytest.raises(ValueError, match="Ada, Ben"):
        function("Zoe")


def test_the_symptoms_are_larger_than_what_seeds_differ_by():
    """By the table of `notebooks.py clinic` in benchmarks: over five seeds no sick patient passes for a healthy one."""

    def readings(patient, name):
        found = results.column(results.read("clinic_seeds", patient=patient), name)
        assert len(found) == 5
        return found

    healthy = {name: readings("healthy", name) for name in ("nats_digit", "sigma", "slope", "diversity", "brightness")}
    assert max(readings("Cleo", "nats_digit")) < 0.841 < min(healthy["nats_digit"])
    for flat in ("Dov", "Eva", "Finn", "Gus"):
        assert max(readings(flat, "nats_digit")) < 0.1
    assert min(readings("Hana", "slope")) > max(map(abs, healthy["slope"]))
    assert max(readings("Ida", "sigma")) < min(healthy["sigma"])
    assert max(readings("Kim", "diversity")) < min(healthy["diversity"])
    assert min(readings("Jon", "brightness")) > max(healthy["brightness"])
    assert min(readings("Lea", "neighbours")) > 0.1 > max(readings("healthy", "neighbours"))
    assert max(readings("Max", "spread")) < 0.8 < min(readings("healthy", "spread"))
