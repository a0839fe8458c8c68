"""The pure half of the widgets: which latents a layout shows, their pixels, and Q's reading as HTML."""

import io
import itertools
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from infogan_lib import Bernoulli, Categorical, Circular, Gaussian, LatentSpec, Noise, Uniform
from infogan_lib.data import to_uint8
from infogan_lib.data.threads import one_thread
from infogan_lib.show.widgets import knobs as k
from infogan_lib.show.widgets import readings, render

CODES = [Categorical("kind", 3), Uniform("c1"), Gaussian("age", mean=5, std=2), Circular("turn"), Bernoulli("glasses")]
SPEC = LatentSpec(Noise(4), CODES)
MODEL = tiny.build(spec=SPEC)
MODEL.initialise(3)
KNOBS = k.knobs(SPEC, noise_sliders=(1,))
VALUES = {knob.name: knob.default for knob in KNOBS}
NUMBER = {"kind": st.sampled_from([0, 1, 2]), "glasses": st.sampled_from([0, 1]), "turn": st.floats(-3.14, 3.14)}
EACH = st.fixed_dictionaries({n.name: NUMBER.get(n.name, st.floats(n.ends[0], n.ends[1])) for n in KNOBS})


def parts(html):
    """The reading as a tree, which only a well-formed one becomes."""
    return ET.fromstring(html)


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.?\d*", text)]


# -- knobs and layouts -------------------------------------------------------------------------------


def test_a_knob_for_each_code_and_the_chosen_noise():
    assert [knob.name for knob in KNOBS] == ["kind", "c1", "age", "turn", "glasses", "z1"]
    assert {knob.name: knob.ends for knob in KNOBS if knob.continuous} == {
        "c1": (-2, 2),
        "age": (-3, 13),
        "z1": (-3, 3),
    }
    assert {knob.name: knob.zone for knob in KNOBS if knob.zone} == {"c1": (-1, 1), "age": (1, 9), "z1": (-2, 2)}


def test_a_plain_gan_gets_its_first_numbers_of_noise():
    assert [knob.name for knob in k.knobs(LatentSpec(Noise(62)))] == ["z0", "z1", "z2", "z3", "z4"]
    assert [knob.name for knob in k.knobs(LatentSpec(Noise(2)))] == ["z0", "z1"]


@pytest.mark.parametrize("sliders", [(4,), (-1,), (1, 1)])
def test_noise_that_is_not_there_or_is_there_twice_is_refused(sliders):
    with pytest.raises(ValueError, match="noise_sliders"):
        k.knobs(SPEC, sliders)


def test_a_code_named_like_noise_is_not_hidden():
    with pytest.raises(ValueError, match="z0"):
        k.knobs(LatentSpec(Noise(4), [Uniform("z0")]), (0,))


@pytest.mark.parametrize(
    "name, value, error",
    [
        ("kind", 3, ValueError),
        ("kind", 0.5, ValueError),
        ("glasses", 2, ValueError),
        ("c1", 2.1, ValueError),
        ("c1", math.nan, ValueError),
        ("c1", [1.0, 2.0], ValueError),
        ("z1", 3.5, ValueError),
        ("z1", "high", TypeError),
    ],
)
def test_a_knob_refuses_what_it_does_not_have(name, value, error):
    with pytest.raises(error):
        next(knob for knob in KNOBS if knob.name == name).check(value)


def test_angles_come_back_into_one_turn():
    turn = KNOBS[3]
    assert turn.check(3 * math.pi / 2) == pytest.approx(-math.pi / 2)


@settings(deadline=None, max_examples=40)
@given(EACH, st.sampled_from(k.LAYOUTS), st.sampled_from(list(itertools.permutations(KNOBS, 2))))
def test_every_layout_holds_the_latent_that_was_set(values, view, sides):
    noise = SPEC.noise.sample(3, torch.Generator().manual_seed(0))
    shown = k.layout(view, values, noise, *sides)
    latent = k.encode(SPEC, KNOBS, shown.noise, shown.values)
    expected = noise[:1].clone()
    expected[0, 1] = values["z1"]
    codes = {name: value for name, value in values.items() if name != "z1"}
    assert torch.equal(latent.input[shown.index], SPEC.encode(expected, **codes).input[0])
    assert len(latent) % shown.columns == 0


def test_rows_vary_the_noise_down_and_one_code_across():
    noise = SPEC.noise.sample(3)
    shown = k.layout("rows", VALUES, noise, KNOBS[1], KNOBS[0])
    latent = k.encode(SPEC, KNOBS[:-1], shown.noise, shown.values)
    assert torch.equal(latent.noise, noise.repeat_interleave(10, 0))
    c1 = latent["c1"].view(3, 10)
    assert (c1 == c1[0]).all() and (c1[0].diff() > 0).all() and c1[0, [0, -1]].tolist() == [-2, 2]
    assert (latent["kind"] == 0).all()


def test_a_grid_varies_two_codes_and_keeps_the_noise():
    noise = SPEC.noise.sample(3)
    shown = k.layout("grid", VALUES, noise, KNOBS[0], KNOBS[1])
    latent = k.encode(SPEC, KNOBS[:-1], shown.noise, shown.values)
    assert torch.equal(latent.noise, noise[:1].expand(30, -1))
    assert latent["kind"].view(10, 3).unique(dim=0).tolist() == [[0, 1, 2]]
    assert (latent["c1"].view(10, 3)[:, 0].diff() > 0).all()
    with pytest.raises(ValueError, match="two codes"):
        k.layout("grid", VALUES, noise, KNOBS[0], KNOBS[0])


def test_what_training_saw_is_where_every_code_is_within_its_range():
    noise = SPEC.noise.sample(2)

    def seen(view, across, down):
        shown = k.layout(view, VALUES, noise, across, down)
        latent = k.encode(SPEC, KNOBS[:-1], shown.noise, shown.values)
        inside = (latent["c1"].abs() <= 1) & (latent["age"] >= 1) & (latent["age"] <= 9)
        return k.trained(shown, across, down), inside.nonzero()[:, 0].tolist()

    kind, c1, age, turn, *_ = KNOBS
    for view, across, down in [("rows", c1, kind), ("grid", c1, age), ("grid", kind, c1), ("grid", age, turn)]:
        ours, expected = seen(view, across, down)
        assert ours == expected != []
    assert seen("grid", kind, turn)[0] == []  # training saw all of it: nothing to tell apart


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_playing_visits_all_of_a_knob_and_closes(knob):
    start = knob.check(1)
    path = knob.there_and_back(start)
    assert set(path) == set(knob.points(24)) and all(knob.check(value) == pytest.approx(value) for value in path)
    if knob.continuous:  # no jump anywhere: not at the beginning, and not from the end to the beginning
        assert np.abs(np.diff([start, *path, path[0]])).max() < (knob.ends[1] - knob.ends[0]) / 10


# -- pixels ------------------------------------------------------------------------------------------


def test_render_gives_the_models_images_and_needs_one_thread():
    latent = SPEC.sample(5)
    seen = []
    hook = MODEL.generator.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        pixels = render.pixels(MODEL, latent)
        assert seen == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
        hook.remove()
    assert pixels.dtype == np.uint8 and pixels.shape == (5, 8, 8, 1)
    assert np.array_equal(pixels[:, :, :, 0], to_uint8(MODEL.generate(latent))[:, 0].numpy())


def test_the_thread_count_comes_back_after_an_error():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError), one_thread():
            raise RuntimeError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@settings(deadline=None, max_examples=20)
@given(EACH, st.sampled_from(k.LAYOUTS))
def test_a_scene_shows_the_image_of_the_values_set(values, view):
    noise = SPEC.noise.sample(2, torch.Generator().manual_seed(1))
    shown = k.layout(view, values, noise, KNOBS[1], KNOBS[0])
    picture, html = render.scene(MODEL, KNOBS, shown, KNOBS[1], KNOBS[0])
    one = k.layout("one", values, noise, KNOBS[1], KNOBS[0])
    alone = render.pixels(MODEL, k.encode(SPEC, KNOBS, one.noise, one.values))[0]
    x, y = shown.chosen
    tile = picture if view == "one" else picture[10 * y + 2 : 10 * y + 10, 10 * x + 2 : 10 * x + 10]
    # A batch of another size may round the last bit another way.
    assert np.abs(tile.astype(int) - alone.astype(int)).max() <= 1
    assert f"set to {np.float32(values['c1']):.2f}" in parts(html).get("aria-label")


def test_a_sheet_frames_one_image_and_leaves_all_pixels_alone():
    images = np.random.default_rng(0).integers(0, 255, (6, 5, 4, 1), dtype=np.uint8)
    plain, framed = render.sheet(images, 3), render.sheet(images, 3, framed=4)
    for i, image in enumerate(images):
        top, left = 2 + i // 3 * 7, 2 + i % 3 * 6
        assert (framed[top : top + 5, left : left + 4] == image).all()
    changed = (plain != framed).any(axis=2)
    assert changed.sum() == 9 * 8 - 5 * 4 and changed[7:16, 6:14].sum() == changed.sum()


def test_png_and_gif_keep_the_pixels():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4, 1) * 20
    colour = np.dstack([grey, grey, 255 - grey])
    assert (np.asarray(Image.open(io.BytesIO(render.png(grey)))) == grey[:, :, 0]).all()
    assert (np.asarray(Image.open(io.BytesIO(render.png(colour)))) == colour).all()
    film = Image.open(io.BytesIO(render.gif([grey, 255 - grey, grey], ms=80)))
    assert (film.n_frames, film.info["duration"], film.info["loop"]) == (3, 80, 0)
    film.seek(1)
    assert (np.asarray(film.convert("L")) == 255 - grey[:, :, 0]).all()
    with pytest.raises(ValueError, match="no frames"):
        render.gif([])


def test_enlarging_and_standing_side_by_side():
    a, b = np.zeros((2, 3, 1), np.uint8), np.full((4, 2, 3), 9, np.uint8)
    assert render.enlarge(b, 3).shape == (12, 6, 3)
    both = render.beside([a, b], gap=1)
    assert both.shape == (4, 6, 3) and (both[:2, :3] == 0).all() and (both[:, 4:] == 9).all()
    assert (both[2:, :3] == 255).all() and (both[:, 3] == 255).all()
    assert render.beside([a]) is a


@pytest.mark.parametrize(
    "shape, many",
    [*(((n, n), False) for n in (8, 28, 32, 64)), *((s, True) for s in [(302, 302), (152, 302), (32, 92)])],
)
def test_pictures_fit_the_page(shape, many):
    width = render.width_on_page(np.zeros((*shape, 3), np.uint8), many)
    assert shape[1] <= width <= (640 if many else 280) and width * shape[0] / shape[1] <= 460


# -- Q's reading -------------------------------------------------------------------------------------

RAW = torch.zeros(2, SPEC.q_width)


def read(raw=RAW, index=0, labels=None, **values):
    latent = SPEC.encode(torch.zeros(len(raw), 4), **values)
    return readings.reading(SPEC, SPEC.posterior(raw), index, latent, labels)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-60, 60), min_size=SPEC.q_width, max_size=SPEC.q_width), EACH)
def test_a_reading_is_well_formed_and_keeps_its_size(raw, values):
    values.pop("z1")
    tree = parts(read(torch.tensor([raw]), **values))
    heights = [svg.get("height") for svg in tree]
    assert heights == [svg.get("height") for svg in parts(read())]
    for shape in tree.iter():
        for name in ("x", "cx", "x2"):
            assert 0 <= float(shape.get(name, 0)) <= readings.WIDTH
        assert float(shape.get("x", 0)) + float(shape.get("width", "0").rstrip("px")) <= readings.WIDTH + 0.1


def test_bars_are_as_long_as_probabilities():
    raw = RAW.clone()
    raw[1, :3] = torch.tensor([0.5, 0.3, 0.2]).log()
    tree = parts(read(raw, 1, kind=2))
    full, *bars = [
        float(r.get("width")) for r in tree[0].iter("rect") if r.get("fill") in (readings.FAINT, readings.BAR)
    ]
    assert [bar / full for bar in bars[::2]] == pytest.approx([0.5, 0.3, 0.2], abs=0.01)
    text = [t.text for t in tree[0].iter("text")]
    assert text[1:] == ["0", "50 %", "1", "30 %", "2", "20 %", "set"]  # beside the state that was set
    assert "kind: 0 with 50 %, 1 with 30 %, 2 with 20 %, set to 2" in tree.get("aria-label")


def test_mean_sigma_and_the_value_set_stand_where_they_are():
    raw = RAW.clone()
    raw[0, 3:5] = torch.tensor([1.0, -20.0])  # mean 1, sigma at its floor of 0.1
    svg = parts(read(raw, c1=-2))[1]
    left, right = 14, readings.WIDTH - 14
    at = [left + (right - left) * share for share in (0, 0.25, 0.75, 1)]
    zone, band = list(svg.iter("rect"))
    assert float(svg.find("circle").get("cx")) == pytest.approx(at[2], abs=0.1)
    assert [float(zone.get("x")), float(zone.get("width"))] == pytest.approx([at[1], at[2] - at[1]], abs=0.1)
    assert float(band.get("width")) == pytest.approx((right - left) * 0.2 / 4, abs=0.2)
    triangle = next(path for path in svg.iter("path") if path.get("fill") == readings.SET)
    assert numbers(triangle.get("d"))[0] == pytest.approx(at[0], abs=0.1)


def test_the_needle_points_at_the_angle_and_shortens_when_unsure():
    def needle(length):
        raw = RAW.clone()
        raw[0, 7:9] = torch.tensor([0.0, length])  # a quarter turn: up
        path = next(p for p in parts(read(raw))[3].iter("path") if p.get("stroke-linecap"))
        x0, y0, x1, y1 = numbers(path.get("d"))
        return x1 - x0, y0 - y1

    (x, sure), (_, unsure) = needle(50.0), needle(0.5)
    assert abs(x) < 0.5 and sure > 3 * unsure > 0


def test_yes_and_no_are_named_and_a_code_may_be_given_names():
    raw = RAW.clone()
    raw[0, 9] = 2.0
    words = parts(read(raw, glasses=1, labels={"kind": ["cat", "dog", "cow"], "age": "years"})).get("aria-label")
    assert "glasses: yes with 88 %, no with 12 %, set to yes" in words
    assert "cat with 33 %" in words and "years: mean 5.00" in words


def test_names_given_by_a_user_stay_text():
    evil = '<script>alert("1")</script>'
    tree = parts(read(labels={"kind": [evil, "b", "c"], "c1": evil}))
    assert {element.tag for element in tree.iter()} <= {"div", "svg", "text", "tspan", "rect", "path", "circle"}
    assert evil in tree.get("aria-label")


def test_without_a_latent_nothing_is_marked_as_set():
    html = readings.reading(SPEC, SPEC.posterior(RAW))
    assert "set" not in "".join(parts(html).itertext()) and "set to" not in html


def test_a_broken_model_gets_one_clear_error():
    with pytest.raises(ValueError, match=r"'c1'.*not a number"):
        raw = RAW.clone()
        raw[0, 3] = math.nan
        read(raw)


def test_a_plain_gan_says_that_nothing_reads_it():
    assert "no codes" in readings.reading(LatentSpec(Noise(4)), {})
