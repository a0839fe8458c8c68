import math
from dataclasses import replace

import pytest
import tiny
import torch

from infogan_lib import LatentSpec, Noise, Recipe, Training, Uniform
from infogan_lib.core.objectives import dependence
from infogan_lib.core.steps import d_loss, g_loss, weighted
from infogan_lib.data.faces import views as copies

INFO_ONLY = Recipe(lambda_g=1.0, lambda_q=1.0)


def batch(model, n=12):
    latent = model.spec.sample(n, torch.Generator().manual_seed(0))
    return tiny.images().batch(slice(0, n)), latent, model.generator(latent.input)


def learners(model, with_info, without):
    """The parts of the model whose gradient the information term changes."""
    names, parameters = zip(*((n, p) for n, p in model.named_parameters() if not n.startswith("average")))
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
    with_info, _ = d_loss(model, INFO_ONLY, real, fake, latent)
    without, _ = d_loss(model, replace(INFO_ONLY, lambda_q=0.0), real, fake, latent)
    assert learners(model, with_info, without) == expected


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
        return {n: p.detach().clone() for n, p in model.named_parameters() if not n.startswith("average")}

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
    assert all(p.requires_grad for n, p in model.named_parameters() if not n.startswith("average"))


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


@pytest.mark.parametrize(
    "change",
    [
        {"objective": "wgan"},
        {"steps": 0},
        {"batch": 1},
        {"precision": "float8"},
        {"ema": 1.0},
        {"checkpoint_every": 0},
        {"copies": "cats"},
    ],
)
def test_impossible_recipes_are_refused(change):
    with pytest.raises(ValueError):
        Recipe(**change)


def test_a_recipe_survives_json_and_names_an_unknown_field():
    recipe = Recipe(lambda_g={"digit": 1.0, "c1": 0.1})
    assert Recipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(ValueError, match="learning_rate"):
        Recipe.from_json({"learning_rate": 1})


def test_a_code_that_has_not_entered_weighs_nothing_for_either_player():
    recipe = Recipe(lambda_g={"kind": 1.0, "c1": 0.1}, lambda_q=2.0, enter={"c1": 5})
    early = recipe.at(4, ["kind", "c1"])
    assert early.lambda_g == {"kind": 1.0, "c1": 0.0} and early.lambda_q == {"kind": 2.0, "c1": 0.0}
    assert recipe.at(5, ["kind", "c1"]) == recipe
    with pytest.raises(ValueError, match="'c9' enters"):
        Training(tiny.build(), tiny.images(), replace(recipe, batch=16, enter={"c9": 1}))


def mirrored(images, values, generator, strong=False):
    """Turned upside down; c1 changes sign."""
    return images.flip(2), {k: -v if k == "c1" else v for k, v in values.items()}


@pytest.fixture
def copied(monkeypatch):
    monkeypatch.setitem(copies.COPIES, "tiny", mirrored)
    return replace(tiny.RECIPE, copies="tiny", real_weight={"kind": 0.1, "c1": 0.0}, real_from=0, real_before=3)


def test_q_reads_the_copies_and_d_the_fakes(copied):
    model = tiny.build()
    _, latent, fake = batch(model)
    copy, values = mirrored(fake, latent.values, None)
    told = replace(latent, values=values)
    _, parts = g_loss(model, copied, fake, told, copy)
    plain = g_loss(model, copied, fake, latent)[1]
    upside_down = g_loss(model, copied, fake.flip(2), told)[1]
    assert parts["loss_g"].item() == pytest.approx(plain["loss_g"].item(), abs=1e-5)
    for code in ("kind", "c1"):
        assert parts["nats"][code].item() == pytest.approx(upside_down["nats"][code].item(), abs=1e-5)
    assert parts["nats"]["c1"].item() != pytest.approx(plain["nats"]["c1"].item(), abs=1e-5)


def test_g_hears_q_through_the_copies(copied):
    model = tiny.build()
    _, latent, fake = batch(model)
    copy, values = mirrored(fake, latent.values, None)
    told = replace(latent, values=values)
    with_info = g_loss(model, replace(copied, lambda_g=1.0), fake, told, copy)[0]
    without = g_loss(model, replace(copied, lambda_g=0.0), fake, told, copy)[0]
    assert "generator" in learners(model, with_info, without)


def test_help_from_real_images_before_the_game_leaves_g_and_d_alone(bars, copied):
    run = Training(tiny.build(), bars, copied, seed=0)
    before = {n: p.detach().clone() for n, p in run.model.named_parameters() if not n.startswith("average")}
    run._before()
    changed = {
        n.split(".")[0] for n, p in run.model.named_parameters() if n in before and not torch.equal(p, before[n])
    }
    assert changed == {"trunk", "q_head"}


def test_a_spec_of_amounts_asks_nothing_of_real_images(bars):
    """Only kinds are asked to agree there: no step of the help, and a loss of 0 where the images are."""
    model = tiny.build(spec=LatentSpec(Noise(4), [Uniform("c1"), Uniform("c2")]))
    recipe = replace(tiny.RECIPE, real_weight=1.0, real_from=0, real_before=3, real_apart=1.0, steps=2)
    run = Training(model, bars, recipe, seed=0)
    before = [p.detach().clone() for p in run.model.q_head.parameters()]
    run._before()
    assert all(torch.equal(p, q) for p, q in zip(before, run.model.q_head.parameters(), strict=True))
    assert [float(report.loss_real) for report in run] == [0.0, 0.0]


def test_each_code_has_its_own_weight_of_help(copied):
    model = tiny.build()
    real, latent, fake = batch(model)
    amounts = [
        d_loss(model, replace(copied, real_weight={"kind": w, "c1": 9.0}), real, fake, latent, real.flip(2))[1]
        for w in (0.0, 1.0, 2.0)
    ]
    none, once, twice = (float(parts["loss_real"]) for parts in amounts)
    assert none == 0 and twice == pytest.approx(2 * once, rel=1e-4) and once != 0


def test_a_run_with_copies_resumes_to_the_same_bits(bars, copied, tmp_path):
    recipe = replace(copied, steps=10, checkpoint_every=5, enter={"c1": 4})
    whole = Training(tiny.build(), bars, recipe, seed=1)
    losses = [float(report.loss_g) for report in whole]
    run = Training(tiny.build(), bars, recipe, seed=1, folder=tmp_path / "run")
    for _ in range(5):
        next(run)
    run.close()
    rest = [float(report.loss_g) for report in Training.resume(tmp_path / "run", bars)]
    assert rest == losses[5:]


def test_codes_on_real_images_are_held_apart_once_g_hears_them():
    model = tiny.build()
    real, latent, fake = batch(model)
    recipe = replace(tiny.RECIPE, real_weight=0.0, real_apart=2.0, real_apart_from=5, enter={"c1": 9})
    amount = lambda r: float(d_loss(model, r, real, fake, latent, real.flip(2))[1]["loss_real"])  # noqa: E731
    assert amount(recipe.at(4, model.spec.names)) == 0
    assert amount(recipe.at(8, model.spec.names)) == 0  # one code alone
    after = amount(recipe.at(9, model.spec.names))
    posterior = model.discriminate(real)[1]
    assert after == pytest.approx(2 * dependence(model.spec, posterior).item(), rel=1e-4) and after > 0
