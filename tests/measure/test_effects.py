"""Effect sizes of a generator in closed form: an image of a few pixels, each a known function of the latent."""

import math

import pytest
import torch

from infogan_lib import Bernoulli, Categorical, Circular, LatentSpec, Noise, Uniform, data
from infogan_lib.data import faces
from infogan_lib.measure.effects import effect_map, shift
from infogan_lib.measure.face_reader import face_attributes, face_reader
from infogan_lib.measure.readers import digit_attributes, digit_reader
from infogan_lib.show.plots import effect_maps

SPEC = LatentSpec(Noise(3), [Categorical("kind", 4), Uniform("c", low=0.0, high=10.0), Bernoulli("b")])


class Closed:
    """Pixels that are known functions of z and c; `read` gives them names."""

    def __init__(self, spec=SPEC):
        self.spec = spec

    def generate(self, latent):
        z = latent.noise
        pixels = [z[:, 0], z[:, 0] + z[:, 1], z[:, 0] * z[:, 1].sign(), torch.zeros(len(z))]
        if self.spec is SPEC:
            pixels += [latent["c"], latent["b"], *torch.nn.functional.one_hot(latent["kind"], 4).T.float()]
        return torch.stack(pixels, 1)[:, None, None]


def read(images):
    x = images.flatten(1)
    named = {"alone": x[:, 0], "sum": x[:, 1], "fickle": x[:, 2], "still": x[:, 3]}
    if x.shape[1] > 4:
        named |= {"amount": x[:, 4], "yes": torch.stack([1 - x[:, 5], x[:, 5]], 1), "state": x[:, 6:10]}
    return named


@pytest.fixture(scope="module")
def found():
    return effect_map(Closed(), read, n=4000)


def cell(found, matrix, row, column):
    return getattr(found, matrix)[found.inputs.index(row), found.attributes.index(column)].item()


def test_every_input_and_every_attribute_has_its_place(found):
    assert found.inputs == ("z0", "z1", "z2", "kind", "c", "b")
    assert found.attributes == ("alone", "sum", "fickle", "still", "amount", "yes", "state")
    assert found.size.shape == found.signed.shape == found.error.shape == (6, 7)


@pytest.mark.parametrize(
    ("row", "column", "size", "signed"),
    [
        ("z0", "alone", 4, 4),  # from -2 to 2, of a standard deviation of 1
        ("z0", "sum", 4 / math.sqrt(2), 4 / math.sqrt(2)),
        ("z1", "sum", 4 / math.sqrt(2), 4 / math.sqrt(2)),
        ("z0", "fickle", 4, 0),  # up for half of the images, down for the others
        ("z0", "still", 0, 0),
        ("c", "amount", math.sqrt(12), math.sqrt(12)),  # 10, of a uniform's 10 / sqrt 12
        ("b", "yes", 2, 2),  # 1, of a coin's 1/2
        ("kind", "state", math.sqrt(2 / 0.75), math.sqrt(2 / 0.75)),  # sqrt 2 apart; four variances of 3/16
    ],
)
def test_effects_are_those_of_the_closed_form(found, row, column, size, signed):
    assert cell(found, "size", row, column) == pytest.approx(size, abs=0.1)
    assert cell(found, "signed", row, column) == pytest.approx(signed, abs=0.1)


def test_what_an_input_does_not_touch_is_zero(found):
    for row, touched in {"z2": (), "kind": ("state",), "c": ("amount",), "b": ("yes",)}.items():
        for column in set(found.attributes) - set(touched):
            assert cell(found, "size", row, column) == cell(found, "error", row, column) == 0


def test_moved_counts_what_exceeds_half_a_standard_deviation(found):
    assert found.moved().tolist() == [3, 2, 0, 1, 1, 1]
    assert found.moved(3).tolist() == [2, 0, 0, 0, 1, 0]


def test_the_sign_is_that_of_the_direction():
    model = Closed(LatentSpec(Noise(3), []))
    down = torch.tensor([-1.0, 0.0, 0.0])
    found = effect_map(model, read, {"down": down}, n=50)
    assert found.inputs == ("down",) and cell(found, "signed", "down", "alone") < -3
    axis = effect_map(model, read, ["z0"], n=50)
    assert torch.allclose(found.size, axis.size) and torch.allclose(found.signed[:, :2], -axis.signed[:, :2])


def test_a_direction_is_measured_as_the_sum_of_its_parts():
    d = torch.tensor([1.0, 1.0, 0.0]) / math.sqrt(2)
    found = effect_map(Closed(LatentSpec(Noise(3), [])), read, {"both": d}, n=4000)
    assert cell(found, "size", "both", "sum") == pytest.approx(4, abs=0.1)  # all of its spread lies along d
    assert cell(found, "size", "both", "alone") == pytest.approx(4 / math.sqrt(2), abs=0.1)


def test_the_error_is_the_spread_of_the_mean_over_draws():
    class Wavy(Closed):
        def generate(self, latent):
            return (latent.noise[:, 0] * latent.noise[:, 1].abs())[:, None, None, None]

    model, wave = Wavy(LatentSpec(Noise(2), [])), lambda images: {"wave": images.flatten()}
    runs = [effect_map(model, wave, ["z0"], n=400, seed=seed) for seed in range(60)]
    across = torch.stack([r.size[0, 0] for r in runs]).std()
    stated = torch.stack([r.error[0, 0] for r in runs]).mean()
    # The unit is estimated from the same images, so that the two agree roughly and not to the digit.
    assert 0.5 < across / stated < 2


def test_uniform_noise_stays_in_its_range_and_an_angle_goes_to_the_other_side():
    class Seen(Closed):
        def generate(self, latent):
            seen.append(latent)
            return super().generate(latent)

    seen = []
    effect_map(Seen(LatentSpec(Noise(2, "uniform"), [Circular("turn")])), read, n=20)
    assert all(latent.noise.abs().max() <= 1 for latent in seen)
    ends = [latent["turn"][0].item() for latent in seen[-2:]]
    assert ends[1] - ends[0] == pytest.approx(math.pi, abs=1e-5)


def test_a_shift_is_in_standard_deviations_and_yes_or_no_is_one_column():
    natural, low, high = torch.tensor([0.0, 2.0, 4.0]), torch.tensor([1.0, 1.0]), torch.tensor([2.0, -3.0])
    assert torch.allclose(shift(low, high, natural)[:, 0], torch.tensor([0.5, -2.0]).double())
    sure = torch.eye(2)  # one image said no, the other yes
    assert torch.allclose(shift(sure, sure.flip(0), sure), torch.tensor([[1.0], [-1.0]]).double() * math.sqrt(2))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"inputs": ["z9"]}, "z9"), ({"n": 1}, "at least 2")],
)
def test_refusals(arguments, says):
    with pytest.raises(ValueError, match=says):
        effect_map(Closed(), read, **arguments)


def test_a_reader_that_answers_in_another_shape_is_refused():
    with pytest.raises(ValueError, match="odd"):
        effect_map(Closed(), lambda images: {"odd": images}, n=4)


def cause(f):
    return Categorical(f.name, len(f.states)) if f.discrete else Uniform(f.name, low=f.low, high=f.high)


class Rendered:
    """The renderer as a generator whose codes are the causes themselves: a map that must be a diagonal."""

    spec = LatentSpec(Noise(0), [cause(faces.FACTORS[name]) for name in faces.SCORED])

    def generate(self, latent):
        return faces.render(faces.setting(len(latent), **latent.values))


def test_the_map_of_true_causes_is_a_diagonal():
    found = effect_map(Rendered(), face_attributes(face_reader()), n=60)
    assert found.inputs == found.attributes == faces.SCORED
    own = found.size.diagonal()
    assert own.min() > 1.5 and (found.size - own.diag()).max() < 0.5
    assert found.moved().tolist() == [1] * 7


def test_digits_are_read_as_probabilities_and_amounts():
    found = digit_attributes(digit_reader())(data.mnist("tune").batch(slice(0, 9)))
    assert list(found) == ["digit", "slant", "thickness", "width"] and found["digit"].shape == (9, 10)


def test_the_picture_says_what_it_shows(found):
    picture = effect_maps({"closed form": found}, title="what moves")
    assert picture.alt.startswith("what moves") and "moves 0 to 3 of 7" in picture.alt
    assert picture.png()[:4] == b"\x89PNG"
