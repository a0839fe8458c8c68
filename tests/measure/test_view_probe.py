import pytest
import torch

from infogan_lib.core import views
from infogan_lib.data import Images, to_uint8
from infogan_lib.measure import view_probe


@pytest.fixture(scope="module")
def squares():
    """A bright square somewhere on black, whose brightness and place are the factors."""
    generator = torch.Generator().manual_seed(0)
    place = torch.randint(2, (600,), generator=generator)
    light = 0.3 + 0.7 * torch.rand(600, generator=generator)
    pixels = torch.zeros(600, 1, 10, 10)
    for i, left in enumerate(place.tolist()):
        pixels[i, 0, 3:7, 1 + 4 * left : 5 + 4 * left] = light[i]
    return Images(to_uint8(2 * pixels - 1), place, "squares", factors={"light": light})


def test_a_reader_finds_what_a_view_leaves_and_not_what_it_takes(squares, monkeypatch):
    def as_bright(images, values, generator):
        return torch.where(images > -1, torch.rand(len(images), 1, 1, 1, generator=generator), images), values

    def mirrored(images, values, generator):
        flip = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
        return torch.where(flip, images.flip(3), images), values

    monkeypatch.setitem(views.VIEWS, "as-bright", views.View(as_bright))
    monkeypatch.setitem(views.VIEWS, "mirrored", views.View(mirrored))
    table = view_probe.view_table(squares, ["plain", "as-bright", "mirrored"])
    assert table["plain"]["label"] == 1 and table["plain"]["light"] > 0.9
    assert table["as-bright"]["label"] == 1 and table["as-bright"]["light"] < 0.1
    assert table["mirrored"]["label"] < 0.2 and table["mirrored"]["light"] > 0.9


def test_factors_are_labels_and_what_the_ink_shows(squares):
    plain = Images(squares.images, squares.labels, "plain")
    assert list(view_probe.visible_factors(plain, 5)) == ["label", "slant", "thickness", "width"]
    found = view_probe.visible_factors(plain, 50)
    assert {len(v) for v in found.values()} == {50}
    assert all(abs(found[kind][found["label"] == 1].mean()) < 1e-5 for kind in ("slant", "thickness", "width"))
    colour = Images(squares.images.expand(-1, 3, -1, -1), None, "colour")
    assert list(view_probe.visible_factors(colour)) == ["brightness"]
    assert list(view_probe.visible_factors(squares)) == ["label", "light"]


def test_too_few_images_and_unknown_views_are_refused(squares):
    with pytest.raises(ValueError, match="30 or more"):
        view_probe.view_table(Images(squares.images[:29], squares.labels[:29], "few"), ["plain"])
    with pytest.raises(ValueError, match="unknown view 'cats'"):
        view_probe.view_table(squares, ["cats"])
