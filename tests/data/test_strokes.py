"""Views of written digits: what each leaves, and what it leaves to chance."""

import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from infogan_lib import data
from infogan_lib.core import views
from infogan_lib.data import blur
from infogan_lib.measure.metrics import spearman
from infogan_lib.measure.readers import moments


@pytest.fixture(scope="module")
def digits():
    return data.mnist("tune").batch(slice(0, 400))


def test_blur_is_torchvisions_away_from_the_edges(digits):
    ours, theirs = blur(digits, 2.0), gaussian_blur(digits + 1, [9, 9], [2.0, 2.0]) - 1
    assert torch.allclose(ours[:, :, 4:-4, 4:-4], theirs[:, :, 4:-4, 4:-4], atol=1e-5)
    assert ours.min() >= -1 and ours.max() <= 1
    black = torch.full((1, 2, 9, 12), -1.0)
    assert torch.allclose(blur(black), black)


def test_what_a_view_leaves_to_chance_is_lost_in_it_and_the_rest_is_kept(digits):
    # Of the same blurred digits, so that the blur's own change of thickness does not count.
    before = moments(blur(digits))
    after = {
        name: moments(views.get(name).draw(digits, {}, torch.Generator().manual_seed(0))[0])
        for name in ("any-build", "any-lean")
    }
    kept = {(name, kind): spearman(before[kind], found[kind]) for name, found in after.items() for kind in before}
    assert kept["any-build", "slant"] > 0.9 and kept["any-build", "thickness"] < 0.6
    assert kept["any-lean", "thickness"] > 0.9 and kept["any-lean", "slant"] < 0.8


@pytest.mark.parametrize("name", ["blurred", "any-build", "any-lean"])
def test_the_centre_is_the_blur(name, digits):
    assert views.get(name).centre is blur
    assert views.get("nudged").centre is None


def test_the_same_seed_draws_the_same_views(digits):
    for name in ("nudged", "any-build", "any-lean"):
        first, again, other = (
            views.get(name).draw(digits[:9], {}, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)
        )
        assert torch.equal(first, again) and not torch.allclose(first, other)
