"""The face renderer: its geometry, its factors, the bytes it gives, and the set that `face_set` keeps."""

import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
import torch
from scipy.spatial.transform import Rotation
from torch import nn

from infogan_lib import Training, data
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.networks import NETWORKS, Parts, register
from infogan_lib.data import Images, faces
from infogan_lib.data.faces import FACTORS, TABLE, factors
from infogan_lib.data.faces.render import Head, draw_face
from infogan_lib.data.faces.shapes import Canvas, Ellipsoid, Plane, turn
from infogan_lib.data.images import sha256

NUISANCES = tuple(f.name for f in TABLE if f.kind == "nuisance")
LIGHT = torch.tensor([[0.3, 0.5, 0.8]], dtype=torch.float64)


# Geometry


def test_a_turned_head_looks_right_and_up():
    azimuth, elevation = torch.tensor([0.0, 35.0, -50.0, 60.0]), torch.tensor([0.0, 0.0, 20.0, -15.0])
    found = turn(azimuth, elevation)
    # Right-handed axes: to look up is to turn by a negative angle about x.
    wanted = Rotation.from_euler("yx", np.stack([azimuth, -elevation], 1), degrees=True).as_matrix()
    assert np.allclose(found, wanted)
    looks = found[:, :, 2]
    assert looks[1, 0] > 0.5 and looks[2, 0] < -0.5 and looks[2, 1] > 0.2 and looks[3, 1] < -0.1


@pytest.mark.parametrize("tilt", [0.0, 0.7])
def test_rays_meet_an_ellipsoid_where_its_equation_holds_and_first_from_the_front(tilt):
    rotation = turn(torch.tensor([40.0]), torch.tensor([-15.0]))
    centre, radii = np.array([0.2, -0.1, 0.3]), np.array([0.7, 0.3, 0.5])
    shape = Ellipsoid(rotation, LIGHT, centre.tolist(), radii.tolist(), tilt)
    canvas = Canvas(torch.tensor([0.5]), 32)
    met, z, bright = (t[0].numpy() for t in shape.hit(*canvas.rays((slice(None), slice(None)))))
    # The same surface, written as the image of a ball: p = R T S q + R c, |q| = 1.
    axes = rotation[0].numpy() @ Rotation.from_euler("x", tilt).as_matrix()
    inverse = np.linalg.inv(axes * radii)
    x, y = np.meshgrid(canvas.xs.numpy(), canvas.ys.numpy())
    point = np.stack([x, y, z], -1) - rotation[0].numpy() @ centre
    ball = point @ inverse.T
    assert np.allclose(np.linalg.norm(ball, axis=-1)[met], 1, atol=1e-4)
    normal = ball @ inverse
    assert (normal[met][:, 2] > -1e-5).all()  # the side that faces the camera
    cosine = normal @ LIGHT[0].numpy() / np.linalg.norm(normal, axis=-1)
    assert np.allclose(bright[met], cosine[met], atol=1e-3)
    # Rays that miss: the line's nearest approach to the ball's centre is beyond 1.
    direction = inverse[:, 2] / np.linalg.norm(inverse[:, 2])
    nearest = np.linalg.norm(np.cross(ball, direction), axis=-1)
    assert ((nearest < 1) == met)[np.abs(nearest - 1) > 1e-3].all()
    assert met.sum() > 200
    rows, columns = shape.window(canvas.xs, canvas.ys)
    outside = np.ones_like(met)
    outside[rows, columns] = False
    assert not (met & outside).any() and outside.mean() > 0.3


def test_a_plane_is_where_its_equation_holds():
    normal = torch.tensor([[0.2, -0.4, 0.9], [0.9, 0.1, -0.3]], dtype=torch.float64)
    x, y = torch.linspace(-1, 1, 5).view(1, 1, -1), torch.linspace(-1, 1, 7).view(1, -1, 1)
    z = Plane(normal, torch.tensor([0.5, -0.2], dtype=torch.float64)).depth(x, y)
    for i, height in enumerate((0.5, -0.2)):
        there = normal[i, 0] * x[0] + normal[i, 1] * y[0] + normal[i, 2] * z[i]
        assert torch.allclose(there.float(), torch.tensor(height), atol=1e-6)


def test_what_is_nearer_hides_what_is_behind_in_either_order():
    here = torch.eye(3, dtype=torch.float64)[None]
    near, far = (Ellipsoid(here, LIGHT, (0, 0, z), (0.3, 0.3, 0.3)) for z in (0.5, -0.5))
    pictures = []
    for order in ((near, 0.9), (far, 0.1)), ((far, 0.1), (near, 0.9)):
        canvas = Canvas(torch.tensor([0.5]), 32)
        for shape, albedo in order:
            canvas.add(shape, albedo)
        pictures.append(canvas.picture())
    alone = Canvas(torch.tensor([0.5]), 32)
    alone.add(near, 0.9)
    assert torch.allclose(*pictures, atol=1e-6) and torch.allclose(pictures[0], alone.picture(), atol=1e-6)


# What the factors do


def random_settings(n, **held):
    return {
        **faces.sample(n, 77),
        **{k: torch.full((n,), v, dtype=faces.sample(1, 0)[k].dtype) for k, v in held.items()},
    }


@pytest.mark.parametrize("glasses", [0, 1])
def test_a_head_and_its_mirror_image(glasses):
    causes = random_settings(40, hair=0, glasses=glasses)  # hair falls to one side
    mirrored = {k: -v if k in ("azimuth", "light") else v for k, v in causes.items()}
    difference = (faces.render(causes) - faces.render(mirrored).flip(-1)).abs()
    assert difference.mean() < 1e-4 and (difference > 0.02).float().mean() < 1e-3


def test_the_light_moves_the_shading_and_not_the_head():
    outlines = []
    for light in (-70.0, 0.0, 70.0):
        dark, bright = (faces.render(random_settings(30, light=light, background=b)) for b in (0.2, 0.8))
        outlines.append((dark - bright).abs() < 1e-5)
    assert torch.equal(outlines[0], outlines[1]) and torch.equal(outlines[1], outlines[2])
    left, right = (faces.render(random_settings(30, light=s * 70.0, azimuth=0.0)) for s in (-1, 1))
    head = outlines[0]
    half = torch.arange(32) < 16
    assert ((left - right) * head)[..., half].mean() > 0.05 and ((left - right) * head)[..., ~half].mean() < -0.05


def test_head_width_widens_the_outline_and_leaves_its_height():
    extents = []
    for width in (0.82, 1.0, 1.18):
        dark, bright = (faces.render(random_settings(30, width=width, hair=0, background=b)) for b in (0.2, 0.8))
        head = ((dark - bright).abs() < 1e-5)[:, 0, :26]  # without the shoulders
        extents.append((head.any(1).sum(1).float().mean(), head.any(2).sum(1).float().mean()))
    wide, tall = torch.tensor(extents).T
    assert (wide.diff() > 1.5).all() and (tall.diff().abs() < 0.5).all()


def test_the_eyes_rise_with_the_elevation_and_go_with_the_azimuth():
    def eyes(**held):  # of a bald head, what is darker than the skin around it in the upper half of the face
        pictures = faces.render(faces.setting(1, hair=0, **held))[0, 0, 8:20]
        ink = (0.0 - pictures[:, 6:26]).clamp(min=0)
        rows, columns = torch.arange(ink.shape[0]).float(), torch.arange(ink.shape[1]).float()
        return (ink.sum(1) * rows).sum() / ink.sum(), (ink.sum(0) * columns).sum() / ink.sum()

    heights = torch.stack([eyes(elevation=e)[0] for e in (-20.0, 0.0, 20.0)])
    places = torch.stack([eyes(azimuth=a)[1] for a in (-30.0, 0.0, 30.0)])
    assert (heights.diff() < -1).all() and (places.diff() > 1.5).all()


@pytest.mark.parametrize("azimuth", [-60.0, 60.0])
def test_a_turned_head_hides_its_far_ear(azimuth):
    causes = faces.setting(1, azimuth=azimuth)
    covered = []
    for side in (-1, 1):
        canvas, head = Canvas(causes["background"], 32), Head(causes)
        draw_face(canvas, head, torch.tensor(0.8), torch.tensor(0.0))
        before = canvas.depth.clone()
        canvas.add(head.part(side * 0.63, -0.03, -0.06, 0.075, 0.18, 0.12), 0.8)
        covered.append(int((canvas.depth != before).sum()))
    left, right = covered
    assert (left > 40 and right == 0) if azimuth > 0 else (right > 40 and left == 0)


def sweep(name, settings=60):
    """(K, settings, pixels) renders in units of the grain: one factor over its range or states, the others drawn."""
    f = FACTORS[name]
    values = range(len(f.states)) if f.discrete else np.linspace(f.low, f.high, 5)
    whole = [faces.render({**random_settings(settings), **random_settings(settings, **{name: v})}) for v in values]
    return torch.stack(whole).flatten(2) / 2 / faces.GRAIN


@pytest.mark.parametrize("name", FACTORS)
def test_every_factor_moves_the_picture_far_beyond_grain_whatever_the_others_are(name):
    """Distances in standard deviations of the grain, which is what an ideal observer tells two pictures apart by:
    it errs once in 10^9 at 12."""
    renders = sweep(name)
    distance = torch.cdist(renders.transpose(0, 1), renders.transpose(0, 1))  # (settings, K, K)
    ends = distance[:, 0, -1]
    assert ends.min() > (30 if name in (*NUISANCES[:3], "smile") else 100)
    assert min(distance[:, i, j].min() for i, j in itertools.combinations(range(len(renders)), 2)) > 6
    mean = distance.mean(0)
    assert (mean[0].diff() > 0).all() and (mean[-1].diff() < 0).all()  # the further, the more, from either end
    # At a single setting, a picture cannot differ more and more once features have passed their own width.
    share = (distance[:, 0].diff(dim=1) > 0).all(1).float().mean()
    assert share > (0.6 if name in ("azimuth", "elevation", "light") else 0.95)


@pytest.mark.parametrize("name", [f.name for f in TABLE if not f.discrete])
def test_small_changes_grow_at_nearly_every_setting(name):
    f, n = FACTORS[name], 60
    base = random_settings(n)
    steps = [0.0, 0.05, 0.1, 0.2] if name != "smile" else [0.0, 0.1, 0.2, 0.4]
    values = [f.low + (0.3 + step) * (f.high - f.low) for step in steps]
    renders = torch.stack([faces.render({**base, name: torch.full((n,), v)}) for v in values]).flatten(2)
    assert ((renders - renders[0]).norm(dim=2).diff(dim=0) > 0).all(0).float().mean() > 0.9


def test_64_pixels_show_the_same_faces_as_32():
    causes = faces.sample(30, 1)
    small, large = faces.render(causes), faces.render(causes, 64)
    halved = nn.functional.avg_pool2d(large, 2)
    assert large.shape == (30, 1, 64, 64) and (small - halved).abs().mean() < 0.02


# Sampling


def test_base_rates_are_exact():
    causes = faces.sample(600, 3)
    assert torch.bincount(causes["glasses"] * 3 + causes["hair"]).tolist() == [100] * 6
    for f in TABLE:
        if f.discrete:
            assert causes[f.name].dtype == torch.int64
        elif f.fixed:
            assert (causes[f.name] == f.default).all()
        else:  # each 600th of the range holds one value
            place = (causes[f.name].double() - f.low) / (f.high - f.low) * 600
            assert (place.sort().values - torch.arange(600) - 0.5).abs().max() < 0.51


@pytest.mark.parametrize("n", [1, 2, 7, 10, 601])
def test_base_rates_are_as_equal_as_n_allows(n):
    causes = faces.sample(n, 3)
    for counts in (
        torch.bincount(causes["glasses"], minlength=2),
        torch.bincount(causes["hair"], minlength=3),
        torch.bincount(causes["glasses"] * 3 + causes["hair"], minlength=6),
    ):
        assert counts.sum() == n and counts.max() - counts.min() <= 1


def test_factors_are_drawn_independently_of_one_another():
    causes = faces.sample(5000, 8, free=["skin", "background"])
    r = np.corrcoef(np.stack([causes[name].double() for name in FACTORS]))
    assert np.abs(r - np.eye(len(r))).max() < 4 / 5000**0.5


def test_setting_one_factor_free_leaves_the_others():
    held, free = faces.sample(50, 2), faces.sample(50, 2, free=["background"])
    changed = {name for name in FACTORS if not torch.equal(held[name], free[name])}
    assert changed == {"background"} and free["background"].std() > 0.1
    assert any(not torch.equal(held[k], v) for k, v in faces.sample(50, 3).items())


def test_wrong_requests_are_one_clear_error():
    with pytest.raises(ValueError, match="only background, skin can be set free, got azimuth"):
        faces.sample(5, 0, free=["azimuth"])
    with pytest.raises(ValueError, match="at least 1"):
        faces.sample(0, 0)
    with pytest.raises(ValueError, match="no factor beard"):
        faces.setting(2, beard=1)
    with pytest.raises(ValueError, match="azimuth lies outside -60 to 60"):
        faces.render(faces.setting(2, azimuth=61.0))
    with pytest.raises(ValueError, match="hair lies outside"):
        faces.render(faces.setting(2, hair=3))
    with pytest.raises(ValueError, match=r"32 x 32 or 64 x 64, got size 28"):
        faces.render(faces.setting(2), 28)
    with pytest.raises(ValueError, match=r"missing or unknown factors \['smile'\]"):
        faces.render({k: v for k, v in faces.setting(2).items() if k != "smile"})
    with pytest.raises(ValueError, match=r"smile has shape \(3,\)"):
        faces.render({**faces.setting(2), "smile": torch.zeros(3)})


# The same bytes


def test_the_renderer_is_the_frozen_one():
    """Models are trained and scored on these faces. A change here makes other faces: freeze them anew, on purpose."""
    assert faces.fingerprint() == faces.FINGERPRINT


PRINT = """
import torch
from infogan_lib.data import faces
from infogan_lib.data.images import sha256
print(torch.backends.cpu.get_cpu_capability(), sha256(*faces.make(150, 4)))
"""


def test_one_thread_two_threads_and_other_instructions_give_the_same_bytes():
    before, found = torch.get_num_threads(), set()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.add(sha256(*faces.make(150, 4)))
    finally:
        torch.set_num_threads(before)
    env = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run([sys.executable, "-c", PRINT], env=env, capture_output=True, text=True, check=True)
    capability, printed = done.stdout.split()
    assert capability == "DEFAULT" and found == {printed}


def test_a_picture_depends_on_its_own_row_only(monkeypatch):
    causes = faces.sample(70, 5)
    whole = faces.render(causes)
    rows = torch.tensor([69, 3, 40])
    assert torch.equal(faces.render({k: v[rows] for k, v in causes.items()}), whole[rows])
    made = faces.make(70, 5)[0]
    monkeypatch.setattr(factors, "BATCH", 5)
    assert torch.equal(faces.render(causes), whole) and torch.equal(faces.make(70, 5)[0], made)


def test_rendering_leaves_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        faces.render(faces.setting(2))
        with pytest.raises(ValueError):
            faces.render(faces.setting(2, azimuth=90.0))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_grain_is_small_and_has_no_mean():
    clean = faces.render(faces.setting(200))
    grain = faces.film(clean, torch.Generator().manual_seed(0)).float() / 255 - (clean + 1) / 2
    assert abs(grain.std() - faces.GRAIN) < 0.05 * faces.GRAIN and grain.mean().abs() < 1e-4
    rows = grain.flatten(1)
    assert torch.corrcoef(rows[:2])[0, 1].abs() < 0.15  # drawn anew in every picture


# The set


def test_the_set_is_uint8_with_its_factors_and_the_renderer_in_its_name(tmp_path):
    images = data.face_set(60, seed=1, cache=tmp_path)
    assert images.images.dtype == torch.uint8 and images.shape == (1, 32, 32) and images.labels is None
    assert list(images.factors) == list(FACTORS) and all(v.shape == (60,) for v in images.factors.values())
    assert faces.FINGERPRINT[:8] in images.name
    changes = ({"seed": 2}, {"n": 61}, {"size": 64}, {"free": ["skin"]})
    others = [data.face_set(**{"n": 60, "seed": 1, "cache": tmp_path} | change) for change in changes]
    assert len({images.name, *(o.name for o in others)}) == 5 and others[2].shape == (1, 64, 64)
    clean = (faces.render(images.factors) + 1) * 127.5
    assert (images.images.float() - clean).abs().max() <= 255 * faces.GRAIN * 6**0.5 + 1
    with pytest.raises(ValueError, match=r"60 images but 'smile' of shape \(3,\)"):
        Images(images.images, None, "x", {"smile": torch.zeros(3)})
    assert images.to("cpu").factors is images.factors


def test_the_second_call_reads_the_cache(tmp_path, monkeypatch):
    first = data.face_set(40, 3, cache=tmp_path)
    monkeypatch.setattr(factors, "make", None)
    again = data.face_set(40, 3, cache=tmp_path)
    assert torch.equal(first.images, again.images) and first.name == again.name
    assert list(first.factors) == list(again.factors)
    assert all(torch.equal(first.factors[k], again.factors[k]) for k in first.factors)


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-7], lambda b: b"", lambda b: b[:-2000] + bytes([b[-2000] ^ 1]) + b[-1999:], lambda b: b"{}" + b],
)
def test_a_broken_cache_file_is_made_again(tmp_path, damage):
    first = data.face_set(40, 3, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    again = data.face_set(40, 3, cache=tmp_path)
    assert torch.equal(first.images, again.images)
    assert all(torch.equal(first.factors[k], again.factors[k]) for k in FACTORS)
    assert path.read_bytes() == whole and list(tmp_path.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("mine")
    assert len(data.face_set(5, 0, cache=in_the_way / "below")) == 5
    assert in_the_way.read_text() == "mine" and list(tmp_path.iterdir()) == [in_the_way]


def test_the_cache_stands_where_the_user_keeps_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images = data.face_set(5, 0)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.safetensors")] == [
        os.path.join("infogan_lib", f"{images.name}.safetensors")
    ]


def test_the_manifest_of_a_model_trained_on_faces_names_the_renderer(tmp_path):
    if "tiny-32" not in NETWORKS:

        @register("tiny-32")
        def network(spec):
            layers = [nn.Linear(spec.width, 1024), nn.Tanh(), nn.Unflatten(1, (1, 32, 32))]
            return Parts(
                nn.Sequential(*layers), lambda: nn.Sequential(nn.Flatten(), nn.Linear(1024, 8)), 8, 8, (1, 32, 32)
            )

    run = Training(InfoGAN("tiny-32", tiny.SPEC), data.face_set(40, 0, cache=tmp_path), tiny.RECIPE, seed=0)
    assert faces.FINGERPRINT[:8] in json.dumps(run.manifest())


# Pictures and tables
