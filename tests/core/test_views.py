"""Views: what is drawn, for which codes, and what is left as it was."""

import math
from dataclasses import replace

import pytest
import tiny
import torch

from infogan_lib import Categorical, Circular, Gaussian, LatentSpec, Noise, Training, Uniform, lower_bound
from infogan_lib.core import views

SPEC = LatentSpec(
    Noise(3), [Categorical("kind", 3, view="counted"), Uniform("c1"), Uniform("c2", view="counted"), Circular("way")]
)


@pytest.fixture
def drawn(monkeypatch):
    """How often the view "counted" was drawn."""
    calls = []

    def counted(images, values, generator):
        calls.append(images.dtype)
        return images + torch.rand(len(images), 1, 1, 1, generator=generator), {k: v + 1 for k, v in values.items()}

    monkeypatch.setitem(views.VIEWS, "counted", views.View(counted))
    return calls


def test_each_view_is_drawn_once_and_changes_the_codes_that_name_it(drawn):
    images, latent = torch.zeros(4, 1, 8, 8), SPEC.sample(4, torch.Generator().manual_seed(0))
    assert SPEC.views == {"counted": ["kind", "c2"], "plain": ["c1", "way"]}
    shown, target = views.look(SPEC, images, latent, torch.Generator().manual_seed(1))
    assert list(shown) == ["counted"] and len(drawn) == 1
    assert torch.equal(target["c2"], latent["c2"] + 1) and torch.equal(target["kind"], latent["kind"] + 1)
    assert torch.equal(target["c1"], latent["c1"]) and torch.equal(target.input, latent.input)
    again = views.look(SPEC, images, latent, torch.Generator().manual_seed(1))[0]
    assert torch.equal(again["counted"], shown["counted"])


def test_a_view_is_float32_where_the_training_is_not(drawn):
    images, latent = torch.zeros(4, 1, 8, 8, dtype=torch.bfloat16), SPEC.sample(4)
    with torch.autocast("cpu", torch.bfloat16):
        shown = views.look(SPEC, images, latent)[0]
    assert drawn == [torch.float32] and shown["counted"].dtype == torch.float32


def test_without_views_nothing_is_drawn_from_the_generator():
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    shown, _ = views.look(tiny.SPEC, torch.zeros(4, 1, 8, 8), tiny.SPEC.sample(4), generator)
    assert shown == {} and torch.equal(generator.get_state(), state)


@pytest.mark.parametrize(
    "name", ["plain", "moved", "nudged", "blurred", "any-build", "any-lean", "faces", "faces-strong"]
)
def test_every_view_keeps_shape_and_lets_a_gradient_through(name):
    images = torch.rand(6, 1, 16, 16, requires_grad=True)
    values = {"c1": torch.rand(6)}
    seen, target = views.get(name).draw(images, values, torch.Generator().manual_seed(0))
    assert seen.shape == images.shape and target.keys() == values.keys()
    seen.sum().backward()
    assert (images.grad.abs().sum((1, 2, 3)) > 0).all()


def test_a_spec_keeps_its_views_in_json_and_is_silent_about_plain_ones():
    spec = LatentSpec(Noise(2), [Uniform("c1", view="moved"), Uniform("c2")])
    described = spec.to_json()["codes"]
    assert described[0]["view"] == "moved" and "view" not in described[1]
    assert LatentSpec.from_json(spec.to_json()) == spec


def test_models_are_alike_whatever_their_views():
    plain = LatentSpec(Noise(2), [Uniform("c1"), Uniform("c2")])
    seen = LatentSpec(Noise(2), [Uniform("c1", view="moved"), Uniform("c2")])
    assert plain != seen and plain.alike(seen) and seen.alike(plain)
    assert not plain.alike(LatentSpec(Noise(3), plain.codes)) and not plain.alike(LatentSpec(Noise(2), plain.codes[:1]))


@pytest.mark.parametrize("view", ["", 5, None, [1]])
def test_a_view_is_a_name(view):
    with pytest.raises(ValueError, match="view"):
        Uniform("c1", view=view)
    described = LatentSpec(Noise(2), [Uniform("c1", view="moved")]).to_json()
    described["codes"][0]["view"] = view
    with pytest.raises(ValueError):
        LatentSpec.from_json(described)


def test_an_unknown_view_lists_the_known_ones_before_anything_is_written(bars, tmp_path):
    with pytest.raises(ValueError, match="plain"):
        views.get("cats")
    with pytest.raises(ValueError, match="cats"):
        tiny.build(spec=LatentSpec(Noise(4), [replace(code, view="cats") for code in tiny.SPEC.codes]))
    with pytest.raises(ValueError, match="cats"):
        Training(tiny.build(), bars, replace(tiny.RECIPE, real_view="cats"), folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_read_shows_q_the_centre_of_each_view_and_nothing_drawn(monkeypatch):
    def never(images, values, generator):
        raise AssertionError("read draws nothing")

    def dark(images):
        return images - 0.5

    monkeypatch.setitem(views.VIEWS, "dark", views.View(never, dark))
    monkeypatch.setitem(views.VIEWS, "dark-too", views.View(never, dark))
    codes = [Categorical("kind", 3, view="dark"), Uniform("c1"), Uniform("c2", view="dark-too")]
    spec = LatentSpec(Noise(4), codes)
    model = tiny.build(spec=spec)
    plain = tiny.build(spec=LatentSpec(Noise(4), [replace(code, view="plain") for code in codes]))
    plain.load_state_dict(model.state_dict(), strict=False)
    images = torch.rand(7, *model.image_shape) * 2 - 1
    seen, as_it_is, darker = model.read(images), plain.read(images), plain.read(images - 0.5)
    for code, right in zip(spec.codes, (darker, as_it_is, darker)):
        for value in ("logits",) if code.discrete else ("mean", "stddev"):
            assert torch.allclose(getattr(seen[code.name], value), getattr(right[code.name], value), atol=1e-5), (
                code.name
            )


def test_a_view_with_a_centre_has_running_statistics_of_its_own(monkeypatch):
    """A view ten times as bright must not move the statistics by which the images themselves are read."""
    monkeypatch.setitem(views.VIEWS, "bright", views.View(lambda x, values, _: (10 * x, values), lambda x: 10 * x))
    spec = LatentSpec(Noise(4), [Categorical("kind", 3), Uniform("c1", view="bright")])
    model, images = tiny.build("trunk", spec), torch.rand(64, 1, 8, 8)
    weights = [id(p) for p in model.parameters()]
    model.train()
    for _ in range(100):
        model.posterior(images)
        model.posterior(10 * images, "bright")["c1"].mean.sum().backward()
    assert [id(p) for p in model.parameters()] == weights and model.trunk[1].weight.grad.abs().max() > 0
    features = model.trunk[1](images.flatten(1)).detach()  # what goes into the batch norm, of the images themselves
    held = model.trunk[2].running_mean, model.statistics["bright"][0].running_mean
    assert torch.allclose(held[0], features.mean(0), atol=1e-3)
    assert (held[1] - held[0]).abs().max() > 5 * held[0].abs().max()
    # Read in eval mode, each code gets what it got in train mode, from the same images.
    trained, read = model.posterior(10 * images, "bright")["c1"], model.read(images)["c1"]
    assert torch.allclose(read.mean, trained.mean, atol=0.01)
    model.initialise(1)
    assert model.statistics["bright"][0].running_mean.abs().max() == 0


@pytest.mark.parametrize("times", [1.0, -1.0, 0.5])
def test_l_i_is_a_bound_where_a_view_keeps_the_volume_of_a_code_and_is_none_where_it_shrinks_it(times):
    """c ~ N(0, 1), x = c + noise, T(x) = a x, and Q is to read a c there: the best Q reaches I(c; x) - ln |a|."""
    code, spread, n = Gaussian("c"), 0.5, 200_000
    spec, generator = LatentSpec(Noise(1), [code]), torch.Generator().manual_seed(0)
    latent = spec.sample(n, generator)
    x = latent["c"] + spread * torch.randn(n, generator=generator)
    information = math.log(1 + spread**-2) / 2
    best = torch.distributions.Normal(times * x / (1 + spread**2), abs(times) * spread / math.sqrt(1 + spread**2))
    target = replace(latent, values={"c": times * latent["c"]})
    found = lower_bound(spec, {"c": best}, target, check=False)["c"].mean().item()
    assert found == pytest.approx(information - math.log(abs(times)), abs=0.01)
    assert (found < information + 0.01) == (abs(times) == 1)


def test_the_views_of_faces_move_or_mirror_a_code_and_so_keep_its_volume():
    images, n = torch.rand(64, 1, 32, 32) * 2 - 1, 64
    low, high = (
        views.get("faces").draw(
            images, {f"c{i}": torch.full((n,), v) for i in range(1, 6)}, torch.Generator().manual_seed(0)
        )
        for v in (-0.5, 0.5)
    )
    for code, value in high[1].items():
        assert torch.allclose((value - low[1][code]).abs(), torch.ones(n), atol=1e-5), code
