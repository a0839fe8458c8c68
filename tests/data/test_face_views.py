"""Views of faces and what Q should read there, against the face reader, which knows nothing of them."""

import torch
from scipy.stats import spearmanr

from infogan_lib import data
from infogan_lib.data import faces
from infogan_lib.measure.face_reader import face_reader

FACES = data.face_set(600, 810_001)


def codes():
    """What ideal codes would be: the causes, from -1 to 1."""
    f = FACES.factors
    return {"c1": f["azimuth"] / 60, "c2": f["light"] / 70, "c3": f["elevation"] / 20, "c4": (f["width"] - 1) / 0.18}


def shown(seed=0, **how):
    return faces.face_view(FACES.batch(slice(None)), codes(), torch.Generator().manual_seed(seed), **how)


def rank(a, b):
    return spearmanr(a.numpy(), b.numpy()).statistic


def test_what_q_should_read_is_what_the_reader_sees_there():
    images, target = shown()
    before, after = (face_reader().read(i.clamp(-1, 1)) for i in (FACES.batch(slice(None)), images))  # white at most
    assert rank(target["c1"], after["azimuth"]) > 0.9 > 0.2 > abs(rank(codes()["c1"], after["azimuth"]))
    same_way = target["c1"] == codes()["c1"]
    for code, factor in {"c2": "light", "c3": "elevation", "c4": "width"}.items():
        said, seen = target[code] - codes()[code], after[factor] - before[factor]
        assert rank(said[same_way], seen[same_way]) > 0.3, factor


def test_a_view_keeps_glasses_and_hair():
    for strong, share in ((False, 0.8), (True, 0.65)):
        read = face_reader().read(shown(strong=strong)[0].clamp(-1, 1))
        for factor in ("glasses", "hair"):
            assert (read[factor] == FACES.factors[factor]).float().mean() > share, (factor, strong)


def test_half_are_mirrored_and_a_repeat_is_the_same():
    images, target = shown(3)
    assert 0.4 < (target["c1"] == -codes()["c1"]).float().mean() < 0.6
    again, _ = shown(3)
    assert torch.equal(images, again) and not torch.equal(images, shown(4)[0])
    assert images.shape == (600, 1, 32, 32) and images.isfinite().all()


def test_codes_that_are_not_there_are_left_out_and_the_given_ones_kept():
    given = {"k2": torch.tensor([0, 1])}
    _, target = faces.face_view(FACES.batch(slice(0, 2)), given, torch.Generator().manual_seed(0))
    assert set(target) == {"k2"} and torch.equal(target["k2"], given["k2"])


def test_a_gradient_passes_through_a_view():
    images = FACES.batch(slice(0, 4)).requires_grad_()
    faces.face_view(images, {}, torch.Generator().manual_seed(0))[0].sum().backward()
    assert (images.grad.abs().sum((1, 2, 3)) > 0).all()
