import math
import re
from functools import cache

import pytest
import tiny
import torch
import torch.nn.functional as F

from infogan_lib import Bernoulli, Categorical, Circular, Gaussian, InfoGAN, LatentSpec, Noise, data
from infogan_lib.measure import readers
from infogan_lib.show.widgets import render
from infogan_lib.show.widgets.draw import HINT, DrawAndRead
from infogan_lib.show.widgets.strokes import to_mnist
from infogan_lib.training import weights

SEVEN = [[[6.0, 7.0], [20.0, 6.0], [12.0, 24.0]]]
FOUR = [[[8.0, 4.0], [7.0, 14.0], [19.0, 14.0]], [[18.0, 4.0], [17.0, 25.0]]]


@cache
def tuning():
    return data.mnist("tune")


@cache
def shipped():
    return weights.load("mnist")


def moved(strokes, scale=1.0, x=0.0, y=0.0):
    return [[[scale * px + x, scale * py + y] for px, py in stroke] for stroke in strokes]


def skeleton(ink):
    """Zhang and Suen 1984: (H, W) booleans thinned to lines one pixel wide."""
    ink = ink.int()
    h, w = ink.shape
    while True:
        gone = 0
        for first in (True, False):
            padded = F.pad(ink, (1, 1, 1, 1))
            around = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
            p = [padded[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] for dy, dx in around]
            rises = sum(((p[i] == 0) & (p[(i + 1) % 8] == 1)).int() for i in range(8))
            n, e, s, west = p[0], p[2], p[4], p[6]
            open_sides = (n * e * s == 0) & (e * s * west == 0) if first else (n * e * west == 0) & (n * s * west == 0)
            remove = (ink == 1) & (sum(p) >= 2) & (sum(p) <= 6) & (rises == 1) & open_sides
            gone += int(remove.sum())
            ink = ink.masked_fill(remove, 0)
        if not gone:
            return ink


def traced(image):
    """A digit (1, 28, 28) drawn again: short strokes along its skeleton."""
    points = {tuple(p) for p in skeleton(image[0] > -0.3).nonzero().tolist()}
    strokes = []
    for r, c in points:
        strokes.append([[c + 0.5, r + 0.5]])
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
            if (r + dr, c + dc) in points:
                strokes.append([[c + 0.5, r + 0.5], [c + dc + 0.5, r + dr + 0.5]])
    return strokes


def brightness(images):
    return (images[:, 0] + 1) / 2


def centre_of_mass(ink):
    places = torch.arange(28) + 0.5
    return torch.stack([(ink.sum(1) * places).sum(1), (ink.sum(2) * places).sum(1)], 1) / ink.sum((1, 2))[:, None]


# -- the drawing as MNIST would hold it ------------------------------------------------------------


def test_a_digit_of_mnist_is_left_as_it_is():
    digits = tuning().batch(slice(0, 300))
    assert torch.equal(torch.cat([to_mnist(d) for d in digits]), digits)
    assert torch.equal(to_mnist(tuning().images[5]), digits[5:6])  # as bytes, too


@pytest.mark.parametrize(("scale", "x", "y"), [(1, 5, 0), (0.5, 0, 9), (3, -20, 7), (0.3, 100, -100)])
def test_where_and_how_large_it_was_drawn_does_not_matter(scale, x, y):
    assert torch.allclose(to_mnist(moved(FOUR, scale, x, y)), to_mnist(FOUR), atol=2e-3)


def test_pixels_may_stand_anywhere_in_a_larger_picture():
    digit = tuning().batch(slice(3, 4))[0, 0]
    for top, left in ((0, 0), (40, 7), (12, 60)):
        canvas = torch.full((100, 120), -1.0)
        canvas[top : top + 28, left : left + 28] = digit
        assert torch.equal(to_mnist(canvas)[0, 0], digit)


@cache
def redrawn():
    digits = tuning().batch(slice(0, 200))
    return digits, torch.cat([to_mnist(traced(d)) for d in digits])


def test_redrawn_digits_have_the_statistics_of_mnist():
    theirs, ours = map(brightness, redrawn())
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), rel=0.07)
    share = [float((ink > 0.5).float().mean()) for ink in (ours, theirs)]
    assert share[0] == pytest.approx(share[1], rel=0.07)
    assert torch.allclose(centre_of_mass(ours).mean(0), centre_of_mass(theirs).mean(0), atol=0.1)
    for ink in ours:
        rows, columns = [(ink > 0.5).any(axis).nonzero()[:, 0] for axis in (0, 1)]
        assert 19 <= max(int(v[-1] - v[0]) + 1 for v in (rows, columns)) <= 21


def test_redrawn_and_enlarged_digits_are_read_as_the_digits_they_are():
    digits, ours = redrawn()
    reader = readers.digit_reader()
    before = reader.read(digits)
    assert (reader.read(ours) == before).float().mean() >= 0.93  # 0.96 of 500 when this was written
    large = F.interpolate(digits, (280, 280), mode="bilinear")
    assert (reader.read(torch.cat([to_mnist(d) for d in large])) == before).float().mean() >= 0.97  # 0.99
    q = shipped()
    same = q.read(ours)["digit"].probs.argmax(1) == q.read(digits)["digit"].probs.argmax(1)
    assert same.float().mean() >= 0.91  # 0.95


def test_a_dot_stays_a_dot():
    for stroke in ([[3.0, 3.0]], [[3.0, 3.0], [3.3, 3.2]]):
        assert 0 < brightness(to_mnist([stroke])).sum() < 12


def test_no_ink_leaves_the_picture():
    """The heavy end of a drawing draws the centre of mass to it, and the light end must not fall off."""
    heavy = [[[0.0, 0.5 * i], [6.0, 0.5 * i]] for i in range(12)] + [[[3.0, 6.0], [3.0, 28.0]]]
    for strokes in (heavy, moved(heavy, -1, 28, 28)):
        ink = brightness(to_mnist(strokes))[0]
        rows = (ink.amax(1) > 0.5).nonzero()[:, 0]
        assert 18 <= int(rows[-1] - rows[0]) + 1 <= 20


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ([], "empty"),
        ([[]], "empty"),
        (torch.full((28, 28), -1.0), "empty"),
        ([[[float("nan"), 1.0]]], "NaN"),
        ([[1.0, 2.0]], r"points \[x, y\]"),
        (7, r"points \[x, y\]"),
        ([[["a", "b"]]], r"points \[x, y\]"),
        (torch.zeros(3, 28, 28), "one grey image"),
        (torch.full((28, 28), 3.0), r"\[-1, 1\]"),
        (torch.full((28, 28), float("nan")), r"\[-1, 1\]"),
    ],
)
def test_what_is_no_drawing_is_refused(drawing, message):
    with pytest.raises(ValueError, match=message):
        to_mnist(drawing)


# -- the widget -------------------------------------------------------------------------------------


def error_in(draw):
    return re.sub("<.*?>", "", draw.message.value)


def test_an_empty_canvas_gives_a_hint_and_no_error():
    draw = DrawAndRead(shipped())
    for _ in range(2):
        assert draw.image is None and draw.posterior is None and draw.reading == ""
        assert draw.canvas.summary == HINT and not error_in(draw) and draw.redrawn.alt == "No images yet."
        draw.new_noise.click()
        draw.back.click()
        draw.canvas.strokes = SEVEN
        draw.canvas.strokes = []


def test_a_stroke_is_normalised_and_read():
    draw = DrawAndRead(shipped())
    draw.canvas.strokes = SEVEN
    assert torch.equal(draw.image, to_mnist(SEVEN))
    q = shipped().read(to_mnist(SEVEN))
    assert torch.allclose(draw.posterior["digit"].probs, q["digit"].probs)
    code = int(q["digit"].probs.argmax())
    assert shipped().manifest["scores"]["matching"][code] == 7
    assert f"code {code} (reads as digit 7), {100 * float(q['digit'].probs.max()):.0f} % sure" in draw.canvas.summary
    assert f"mean {float(q['c1'].mean):.2f}" in draw.reading and f"{code} (digit 7)" in draw.reading


def test_digits_name_the_codes_and_without_them_there_is_no_name():
    draw = DrawAndRead(shipped(), digits=[10 + i for i in range(10)])
    draw.canvas.strokes = SEVEN
    code = shipped().manifest["scores"]["matching"].index(7)
    assert f"(reads as digit {10 + code})" in draw.canvas.summary
    unknown = DrawAndRead(InfoGAN("mnist", shipped().spec))
    unknown.canvas.strokes = SEVEN
    assert "code" in unknown.canvas.summary and "reads as" not in unknown.canvas.summary


@pytest.mark.parametrize("scores", ["97 %", [1, 2], {"matching": "3141592653"}, {"matching": [{}] * 10}, None])
def test_a_manifest_whose_scores_are_something_else_names_no_digit(scores):
    model = InfoGAN("mnist", shipped().spec)
    model.manifest = {"scores": scores}
    draw = DrawAndRead(model)
    draw.canvas.strokes = SEVEN
    assert "reads as" not in draw.canvas.summary


def test_each_example_is_read_as_its_digit():
    draw = DrawAndRead(shipped())
    right = 0
    for digit, button in enumerate(draw.examples):
        button.click()
        assert (
            tuning().labels[[torch.equal(i, draw.image[0]) for i in tuning().batch(slice(0, 100))].index(True)] == digit
        )
        right += f"reads as digit {digit})" in draw.canvas.summary
    assert right >= 9
    first = draw.image
    draw.examples[9].click()
    assert not torch.equal(draw.image, first)


def test_a_stroke_over_an_example_adds_to_it():
    draw = DrawAndRead(shipped())
    draw.example(0)
    alone = draw.image
    draw.canvas.strokes = [[[13.0, 13.0], [15.0, 15.0]]]
    more = brightness(draw.image) - brightness(alone)
    assert more.min() == 0 and more[0, 12:16, 12:16].sum() > 4
    draw.canvas.strokes = []
    assert torch.equal(draw.image, alone)
    draw.canvas.base = []
    assert draw.image is None


def test_set_image_takes_28_by_28_as_it_is_and_fits_the_rest():
    draw = DrawAndRead(shipped())
    fake = shipped().generate(shipped().spec.sample(1, torch.Generator().manual_seed(0)))
    draw.canvas.strokes = SEVEN
    draw.set_image(fake)
    assert draw.canvas.strokes == [] and torch.allclose(draw.image, fake, atol=1 / 255)
    large = F.interpolate(fake, (90, 90), mode="bilinear")
    draw.set_image(large)
    assert torch.allclose(draw.image, to_mnist(large), atol=1 / 255)
    for bad in (torch.zeros(3, 28, 28), torch.full((28, 28), 2.0), torch.full((28, 28), float("nan"))):
        with pytest.raises(ValueError):
            draw.set_image(bad)


def test_the_sliders_start_at_q_and_turn_g_alone():
    draw = DrawAndRead(shipped())
    draw.canvas.strokes = FOUR
    means = {name: float(draw.posterior[name].mean) for name in ("c1", "c2")}
    assert {n: c.value for n, c in draw.controls.items()} == pytest.approx(means, abs=1e-5)
    seen, at_q = draw.seen.png, draw.redrawn.png
    pictures = set()
    for value in torch.linspace(-2, 2, 9).tolist():
        draw.controls["c1"].value = value
        pictures.add(draw.redrawn.png)
    assert len(pictures) == 9 and draw.seen.png == seen
    draw.back.click()
    assert draw.redrawn.png == at_q
    draw.new_noise.click()
    assert draw.redrawn.png != at_q
    code = int(draw.posterior["digit"].probs.argmax())
    assert f"digit {code}, c1 {means['c1']:.2f}" in draw.redrawn.alt


def test_g_draws_at_the_code_that_q_read():
    draw, spec = DrawAndRead(shipped(), copies=3, noise_seed=5), shipped().spec
    draw.canvas.strokes = SEVEN
    q = shipped().read(to_mnist(SEVEN))
    noise = spec.noise.sample(3, torch.Generator().manual_seed(5))
    values = {"digit": q["digit"].mode, "c1": q["c1"].mean, "c2": q["c2"].mean}
    expected = shipped().generate(spec.encode(noise, **{k: v.item() for k, v in values.items()}))
    assert readers.digit_reader().read(expected).tolist() == [7, 7, 7]
    pixels = render.pixels(shipped(), spec.encode(noise, **{k: v.item() for k, v in values.items()}))
    assert draw.redrawn.png == render.png(render.sheet(pixels, 4))


def test_every_kind_of_code_is_read_and_turned():
    codes = [Categorical("kind", 12), Bernoulli("bold"), Circular("turn"), Gaussian("wide")]
    draw = DrawAndRead(InfoGAN("mnist", LatentSpec(Noise(5), codes)))
    draw.canvas.strokes = FOUR
    assert set(draw.controls) == {"turn", "wide"} and not error_in(draw)
    before = draw.redrawn.png
    for control, value in ((draw.controls["turn"], 3.0), (draw.controls["wide"], -4.0)):
        control.value = value
        assert not error_in(draw)
    assert draw.redrawn.png != before and "turn 3" in draw.redrawn.alt


@pytest.mark.parametrize("angle", [2.0, -2.0])
def test_the_dial_of_an_angle_goes_where_q_read_it(angle):
    model = InfoGAN("mnist", LatentSpec(Noise(5), [Circular("turn")]))
    with torch.no_grad():
        model.q_head[-1].weight.zero_()
        model.q_head[-1].bias.copy_(torch.tensor([math.cos(angle), math.sin(angle)]))
    draw = DrawAndRead(model)
    draw.canvas.strokes = FOUR
    assert draw.controls["turn"].value == pytest.approx(angle, abs=0.01)


def test_a_slider_stays_within_its_ends_where_q_reads_beyond_them():
    model = InfoGAN("mnist", shipped().spec)
    with torch.no_grad():
        model.q_head[-1].bias[10] = 9.0  # the mean of c1
    draw = DrawAndRead(model)
    draw.canvas.strokes = FOUR
    assert float(draw.posterior["c1"].mean) > 8 and draw.controls["c1"].value == 2


def test_an_error_in_a_callback_is_said_in_the_widget():
    model = InfoGAN("mnist", shipped().spec)
    draw = DrawAndRead(model)
    with torch.no_grad():
        model.q_head[-1].bias.fill_(float("nan"))
    draw.canvas.strokes = SEVEN
    assert error_in(draw).startswith("ValueError") and 'role="alert"' in draw.message.value
    with torch.no_grad():
        model.q_head[-1].bias.zero_()
    draw.canvas.strokes = FOUR
    assert not error_in(draw)


def test_callbacks_take_one_thread_and_give_the_others_back():
    draw = DrawAndRead(shipped())
    torch.set_num_threads(2)
    try:
        draw.canvas.strokes = SEVEN
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_models_and_digits_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="InfoGAN"):
        DrawAndRead("mnist")
    with pytest.raises(ValueError, match="no codes"):
        DrawAndRead(InfoGAN("mnist", LatentSpec(Noise(5))))
    with pytest.raises(ValueError, match="28 x 28"):
        DrawAndRead(tiny.build())
    with pytest.raises(ValueError, match="10 categories, got 3"):
        DrawAndRead(shipped(), digits=[1, 2, 3])
    with pytest.raises(ValueError, match="0 to 9"):
        DrawAndRead(shipped()).example(10)
