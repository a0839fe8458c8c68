"""G, D and Q together: what looking at a model changes, which is nothing, and what it refuses."""

import pytest
import tiny
import torch

from infogan_lib import InfoGAN, LatentSpec, Noise
from infogan_lib.core.model import PIECE
from infogan_lib.training import presets

SPEC = presets.load("mnist-paper").spec


def test_without_codes_there_is_no_q():
    model = tiny.build(spec=LatentSpec(Noise(6)))
    scores, posterior = model.discriminate(torch.zeros(4, 1, 8, 8))
    assert scores.shape == (4,) and posterior == {} and model.q_head is None
    assert model.read(torch.zeros(4, 1, 8, 8)) == {}


@pytest.mark.parametrize("q_on", ["trunk", "frozen", "separate"])
def test_looking_changes_nothing_and_does_not_depend_on_the_neighbours(q_on):
    model = tiny.build(q_on).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    latent = tiny.SPEC.sample(6, torch.Generator().manual_seed(0))
    together = model.generate(latent)
    alone = model.generate(tiny.SPEC.encode(latent.noise[:1], **{k: v[:1] for k, v in latent.values.items()}))
    assert torch.allclose(together[:1], alone, atol=1e-6)
    both, one = model.read(together)["kind"].logits[:1], model.read(together[:1])["kind"].logits
    assert torch.allclose(both, one, atol=1e-5)
    assert model.training and all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("q_on", ["frozen", "separate"])
def test_many_images_are_made_and_read_some_at_a_time(q_on):
    model, seen = tiny.build(q_on), []
    for part in (model.generator, model.trunk, model.q_trunk, model.q_head):
        if part is not None:
            part.register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    n = 2 * PIECE + 7
    latent = tiny.SPEC.sample(n, torch.Generator().manual_seed(0))
    images = model.generate(latent)
    posterior = model.read(images)
    assert max(seen) == PIECE and sum(seen) == 3 * n
    rows = slice(PIECE - 3, PIECE + 3)  # across a seam
    assert torch.allclose(images[rows], model.generate(latent.rows(rows)), atol=1e-6)
    again = model.read(images[rows])
    assert torch.allclose(posterior["kind"].logits[rows], again["kind"].logits, atol=1e-5)
    assert torch.allclose(posterior["c1"].mean[rows], again["c1"].mean, atol=1e-5)


def test_a_seed_decides_the_first_weights():
    model = tiny.build()
    draws = []
    for seed in (1, 1, 2):
        model.initialise(seed)
        draws.append(model.generator[0].weight.clone())
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    assert draws[0].std().item() == pytest.approx(0.02, rel=0.15)


def test_a_sweep_is_a_panel_of_rows_and_columns():
    code, values, images = tiny.build().sweep("c1", torch.zeros(2, 4), steps=5, beyond=True, kind=torch.tensor([0, 2]))
    assert code == tiny.SPEC["c1"] and values.tolist() == [-2, -1, 0, 1, 2] and images.shape == (10, 1, 8, 8)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="mnist-paper"):
        InfoGAN("resnet", SPEC)
    with pytest.raises(ValueError, match="separate"):
        InfoGAN("tiny", tiny.SPEC, "both")
    with pytest.raises(ValueError, match="expected images"):
        tiny.build().read(torch.zeros(3, 1, 28, 28))
    with pytest.raises(TypeError, match="to_float"):
        tiny.build().read(torch.zeros(3, 1, 8, 8, dtype=torch.uint8))
    bars = tiny.images()
    with pytest.raises(TypeError, match="to_float"):
        tiny.build().read(bars.images.float())


def test_nothing_that_a_disturbance_can_make_is_refused():
    """Noise of ten times the range, or no image at all."""
    generator = torch.Generator().manual_seed(0)
    tiny.build().read(10 * torch.randn(50, 1, 8, 8, generator=generator))
    assert len(tiny.build().read(torch.zeros(0, 1, 8, 8))["c1"].mean) == 0
