import math
from dataclasses import replace

import pytest
import tiny
import torch

from infogan_lib import LatentSpec, Noise, Recipe, Training, Uniform
from infogan_lib.core import views
from infogan_lib.core.bound import weighted
from infogan_lib.core.objectives import dependence
from infogan_lib.core.steps import d_loss, g_loss

INFO_ONLY = Recipe(lambda_g=1.0, lambda_q=1.0)


def batch(model, n=12):
    latent = model.spec.sample(n, torch.Generator().manual_seed(0))
    return tiny.images().batch(slice(0, n)), latent, model.generator(latent.input)


def learners(model, with_info, without):
    """The parts of the model whose gradient the information term changes."""
    names, parameters = zip(*((n, p) for n, p in model.named_parameters()))
    grads = [
        torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True) for loss in (with_info, without)
    ]
    zero = torch.zeros(())
    change = [(zero if a is None else a) - (zero if b is None else b) for a, b in zip(*grads)]
    return {name.split(".")[0] for name, c in zip(names, change) if c.abs().max() > 1e-6}


@pytest.mark.parametrize(
    ("q_on", "expected"),
    [("trunk", {"trunk", "q_head"}), ("frozen", {"q_head"}), ("separate", {"q_trunk", "q_head"})],
)
def test_who_learns_from_the_information_term_in_ds_step(q_on, expected):
    model = tiny.build(q_on)
    real, latent, fake = batch(model)
    trunk_too = q_on != "frozen"  # as the training loop says it
    with_info, _ = d_loss(model, INFO_ONLY, real, fake, latent, train_trunk_by_q=trunk_too)
    without, _ = d_loss(model, replace(INFO_ONLY, lambda_q=0.0), real, fake, latent, train_trunk_by_q=trunk_too)
    assert learners(model, with_info, without) == expected


@pytest.mark.parametrize(("q_on", "trunk_learns"), [("trunk", True), ("frozen", False)])
def test_the_loop_lets_the_trunk_learn_from_q_or_not(q_on, trunk_learns, bars):
    """With D's own gradient taken away, only L_I is left to change the trunk."""
    model = tiny.build(q_on)
    run = Training(model, bars, replace(tiny.RECIPE, real_weight=0.0), seed=0)
    before = model.trunk[1].weight.detach().clone()
    gradients = []
    run.d_optimiser.step = lambda: gradients.append(model.trunk[1].weight.grad.clone())
    next(run)
    other = Training(tiny.build(q_on), bars, replace(tiny.RECIPE, real_weight=0.0, lambda_q=0.0), seed=0)
    other.d_optimiser.step = lambda: gradients.append(other.model.trunk[1].weight.grad.clone())
    next(other)
    assert torch.equal(before, model.trunk[1].weight)
    assert torch.allclose(gradients[0], gradients[1], atol=1e-7) != trunk_learns


@pytest.mark.parametrize("q_on", ["trunk", "frozen", "separate"])
def test_the_information_term_reaches_g_in_gs_step(q_on):
    model = tiny.build(q_on)
    _, latent, fake = batch(model)
    with_info, _ = g_loss(model, INFO_ONLY, fake, latent)
    without, _ = g_loss(model, replace(INFO_ONLY, lambda_g=0.0), fake, latent)
    assert "generator" in learners(model, with_info, without)


def test_lambda_zero_is_a_plain_gan_for_g():
    model = tiny.build()
    _, latent, fake = batch(model)
    control, parts = g_loss(model, replace(INFO_ONLY, lambda_g=0.0), fake, latent)
    assert torch.allclose(control, parts["loss_g"])


def test_the_weights_are_per_code_and_signed_as_eq_6():
    nats = {"kind": torch.tensor([1.0, 3.0]), "c1": torch.tensor([0.5, 0.5])}
    assert weighted(nats, 2.0).item() == pytest.approx(2 * 2 + 2 * 0.5)
    assert weighted(nats, {"kind": 1.0, "c1": 0.1}).item() == pytest.approx(2 + 0.05)
    assert weighted({}, 1.0) == 0.0
    model = tiny.build()
    _, latent, fake = batch(model)
    total, parts = g_loss(model, replace(INFO_ONLY, lambda_g={"kind": 1.0, "c1": 0.1}), fake, latent)
    expected = parts["loss_g"] - parts["nats"]["kind"] - 0.1 * parts["nats"]["c1"]
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_step_changes_d_and_q_or_g_never_both(bars):
    model = tiny.build()
    run = Training(model, bars, replace(tiny.RECIPE, real_weight=0.0), seed=0)
    seen = {}

    def snapshot():
        return {n: p.detach().clone() for n, p in model.named_parameters()}

    def watch(name, optimiser):
        original = optimiser.step

        def step():
            before = snapshot()
            original()
            after = snapshot()
            seen[name] = {n.split(".")[0] for n in after if not torch.equal(before[n], after[n])}

        optimiser.step = step

    watch("d", run.d_optimiser)
    watch("g", run.g_optimiser)
    next(run)
    assert seen == {"d": {"trunk", "d_head", "q_head"}, "g": {"generator"}}
    owned = [id(p) for o in (run.d_optimiser, run.g_optimiser) for g in o.param_groups for p in g["params"]]
    assert len(owned) == len(set(owned))
    assert all(p.requires_grad for n, p in model.named_parameters())


def trained(sign, seed):
    model, recipe = tiny.build(), replace(tiny.RECIPE, steps=150, lambda_g=sign, real_weight=0.0)
    reports = list(Training(model, tiny.images(), recipe, seed=seed))
    return sum(float(r.nats["kind"]) for r in reports[-20:]) / 20


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_l_i_rises_with_the_right_sign_and_not_with_the_wrong_one(seed):
    right, wrong = trained(+1.0, seed), trained(-1.0, seed)
    assert right > 0.8 * math.log(3)
    assert wrong < 0.1


def test_a_plain_gan_takes_the_same_step(bars):
    spec = LatentSpec(Noise(6))
    run = Training(tiny.build(spec=spec), bars, Recipe(steps=3, batch=16), seed=0)
    reports = list(run)
    assert len(reports) == 3 and reports[-1].nats == {} and torch.isfinite(reports[-1].loss_d)


@views.register("upside-down")
def upside_down(images, values, generator):
    """c1 changes sign."""
    return images.flip(2), {k: -v if k == "c1" else v for k, v in values.items()}


@views.register("shy")
def shy(images, values, generator):
    """All but nothing of the image is left."""
    return 0.01 * images, dict(values)


def seen(*named, **how):
    """A spec whose codes have these views, `kind` first."""
    codes = zip(tiny.SPEC.codes, named)
    return LatentSpec(tiny.SPEC.noise, [replace(code, view=view) for code, view in codes])


def test_q_reads_each_code_off_its_view_and_d_the_fakes():
    model = tiny.build(spec=seen("plain", "upside-down"))
    _, latent, fake = batch(model)
    shown, target = views.look(model.spec, fake, latent)
    assert list(shown) == ["upside-down"] and torch.equal(target["c1"], -latent["c1"])
    _, parts = g_loss(model, INFO_ONLY, fake, target, shown)
    plain = g_loss(tiny.build(), INFO_ONLY, fake, latent)[1]
    flipped = g_loss(tiny.build(), INFO_ONLY, fake.flip(2), target)[1]
    assert parts["loss_g"].item() == pytest.approx(plain["loss_g"].item(), abs=1e-5)
    assert parts["nats"]["kind"].item() == pytest.approx(plain["nats"]["kind"].item(), abs=1e-5)
    assert parts["nats"]["c1"].item() == pytest.approx(flipped["nats"]["c1"].item(), abs=1e-5)
    assert parts["nats"]["c1"].item() != pytest.approx(plain["nats"]["c1"].item(), abs=1e-5)


@pytest.mark.parametrize(
    ("named", "passes"),
    [
        (("plain", "plain"), 1),
        (("plain", "upside-down"), 2),
        (("upside-down", "upside-down"), 2),  # the fakes for D, their view for both codes
        (("shy", "upside-down"), 3),
    ],
)
def test_one_trunk_pass_for_each_distinct_view(named, passes):
    model = tiny.build("trunk", seen(*named))
    _, latent, fake = batch(model)
    counted = []
    model.trunk.register_forward_hook(lambda *_: counted.append(1))
    shown, target = views.look(model.spec, fake, latent)
    g_loss(model, INFO_ONLY, fake, target, shown)
    assert len(counted) == passes
    counted.clear()
    d_loss(model, INFO_ONLY, fake.detach(), fake, target, shown)
    assert len(counted) == passes + 1  # and the real images


def test_the_gradient_of_the_information_reaches_g_through_the_view():
    model = tiny.build(spec=seen("upside-down", "upside-down"))
    _, latent, fake = batch(model)
    shown, target = views.look(model.spec, fake, latent)
    with_info = g_loss(model, INFO_ONLY, fake, target, shown)[0]
    without = g_loss(model, replace(INFO_ONLY, lambda_g=0.0), fake, target, shown)[0]
    assert "generator" in learners(model, with_info, without)
    on_fake, on_view = torch.autograd.grad(without - with_info, [fake, shown["upside-down"]])
    assert torch.allclose(on_fake, on_view.flip(2), atol=1e-6)  # L_I has no other way to the fakes


def test_gs_gradient_ends_at_ds_step():
    model = tiny.build(spec=seen("upside-down", "plain"))
    real, latent, fake = batch(model)
    shown, target = views.look(model.spec, fake, latent)
    loss = d_loss(model, INFO_ONLY, real, fake, target, shown)[0]
    assert torch.autograd.grad(loss, [fake], allow_unused=True) == (None,)


def test_a_view_that_was_not_passed_is_named():
    model = tiny.build(spec=seen("plain", "upside-down"))
    _, latent, fake = batch(model)
    with pytest.raises(ValueError, match="upside-down"):
        g_loss(model, INFO_ONLY, fake, latent)


HELPED = replace(tiny.RECIPE, real_weight={"kind": 0.1, "c1": 0.0}, real_from=0, real_before=3, real_view="upside-down")


def test_the_consistency_loss_before_the_game_leaves_g_and_d_alone(bars):
    run = Training(tiny.build(), bars, HELPED, seed=0)
    before = {n: p.detach().clone() for n, p in run.model.named_parameters()}
    run._before_the_game()
    changed = {n.split(".")[0] for n, p in run.model.named_parameters() if not torch.equal(p, before[n])}
    assert changed == {"trunk", "q_head"}


def test_a_spec_of_amounts_asks_nothing_of_real_images(bars):
    """Only kinds are asked to agree there: no step beforehand, and a loss of 0 where the images are."""
    model = tiny.build(spec=LatentSpec(Noise(4), [Uniform("c1"), Uniform("c2")]))
    recipe = replace(tiny.RECIPE, real_weight=1.0, real_from=0, real_before=3, real_apart=1.0, steps=2)
    run = Training(model, bars, recipe, seed=0)
    before = [p.detach().clone() for p in run.model.q_head.parameters()]
    run._before_the_game()
    assert all(torch.equal(p, q) for p, q in zip(before, run.model.q_head.parameters(), strict=True))
    assert [float(report.loss_real) for report in run] == [0.0, 0.0]


def test_each_code_has_its_own_weight_of_consistency():
    model = tiny.build()
    real, latent, fake = batch(model)
    amounts = [
        d_loss(model, replace(HELPED, real_weight={"kind": w, "c1": 9.0}), real, fake, latent, None, real.flip(2))[1]
        for w in (0.0, 1.0, 2.0)
    ]
    none, once, twice = (float(parts["loss_real"]) for parts in amounts)
    assert none == 0 and twice == pytest.approx(2 * once, rel=1e-4) and once != 0


def test_a_run_with_views_resumes_to_the_same_bits(bars, tmp_path):
    spec, recipe = seen("nudged", "upside-down"), replace(HELPED, steps=10, checkpoint_every=5, enter={"c1": 4})
    whole = Training(tiny.build(spec=spec), bars, recipe, seed=1)
    losses = [float(report.loss_g) for report in whole]
    run = Training(tiny.build(spec=spec), bars, recipe, seed=1, folder=tmp_path / "run")
    for _ in range(5):
        next(run)
    run.close()
    rest = [float(report.loss_g) for report in Training.resume(tmp_path / "run", bars)]
    assert rest == losses[5:]


def test_codes_on_real_images_are_kept_apart_once_g_is_paid_for_them():
    model = tiny.build()
    real, latent, fake = batch(model)
    recipe = replace(tiny.RECIPE, real_weight=0.0, real_apart=2.0, real_from=0, real_apart_from=5, enter={"c1": 9})

    def amount(step):
        now = recipe.at(step, model.spec.names)
        return float(d_loss(model, now, real, fake, latent, None, real.flip(2))[1]["loss_real"])

    assert amount(4) == 0
    assert amount(8) == 0  # one code alone
    after = amount(9)
    posterior = model.posterior(real)
    assert after == pytest.approx(2 * dependence(model.spec, posterior).item(), rel=1e-4) and after > 0


def test_a_break_in_the_middle_of_a_step_leaves_nothing_frozen(bars):
    run = Training(tiny.build(), bars, tiny.RECIPE, seed=0)
    run.g_optimiser.step = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        next(run)
    assert all(p.requires_grad for p in run.model.parameters())
