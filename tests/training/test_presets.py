import pytest

from infogan_lib import LatentSpec, Recipe, data
from infogan_lib.data.faces.dataset import SPLITS
from infogan_lib.training import presets, weights


def test_both_mnist_presets_have_the_papers_latent():
    for name in ("mnist", "mnist-paper"):
        preset = presets.load(name)
        assert preset.spec.width == 74 and preset.spec.noise.size == 62
        assert [type(c).__name__ for c in preset.spec.codes] == ["Categorical", "Uniform", "Uniform"]


def test_mnist_paper_has_the_papers_rates():
    preset = presets.load("mnist-paper")
    recipe = preset.recipe
    assert (recipe.lr_d, recipe.lr_q, recipe.lr_g) == (2e-4, 2e-4, 1e-3)
    assert recipe.lambda_g["digit"] == recipe.lambda_q["digit"] == 1 and recipe.real_weight == 0
    assert preset.q_on == "trunk"


@pytest.mark.parametrize("name", ["mnist", "dcgan-mnist", "dcgan-faces", "faces"])
def test_a_preset_is_whole(name):
    preset = presets.load(name)
    model = preset.build()
    assert model.spec == preset.spec and model.q_on == preset.q_on
    assert preset.data("tune").shape == model.image_shape
    assert LatentSpec.from_json(preset.spec.to_json()) == preset.spec


def test_the_dcgans_have_no_codes():
    assert presets.load("dcgan-mnist").spec.codes == presets.load("dcgan-faces").spec.codes == ()


def test_no_face_is_in_two_splits():
    """Renders of different seeds; the reader's and the baselines' faces have seeds of their own."""
    seeds = [seed for _, seed in SPLITS.values()]
    assert len(set(seeds)) == 3 and max(seeds) < 500_000
    with pytest.raises(ValueError, match="train, tune, test"):
        data.face_split("validation")


@pytest.mark.parametrize("name", ["mnist", "faces", "dcgan-mnist", "dcgan-faces"])
def test_what_ships_has_the_spec_of_its_preset_views_included(name):
    shipped = weights.load(name)
    assert shipped.spec == presets.load(name).spec
    assert Recipe.from_json(shipped.manifest["recipe"]) == presets.load(name).recipe


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(ValueError, match="mnist-paper"):
        presets.load("imagenet")
