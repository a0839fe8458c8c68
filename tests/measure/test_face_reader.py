"""The reader of faces, and that what it reads could not be read off one pixel."""

import copy

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier

from infogan_lib import data
from infogan_lib.course import results
from infogan_lib.data import Images, faces, files
from infogan_lib.data.files import FileError
from infogan_lib.measure import face_reader
from infogan_lib.measure.disturb import degrade
from infogan_lib.measure.face_reader import DISCRETE, READ, face_attributes
from infogan_lib.training import weights

IDENTITY = ("nose", "eyes", "jaw")


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    return data.face_set(900, seed=700_001, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def reader():
    return face_reader.face_reader()


def test_the_shipped_reader_reads_every_factor_of_faces_it_never_saw(reader, held_out):
    scores = reader.score(held_out)
    assert list(scores) == [f.name for f in READ] == [*faces.SCORED, *IDENTITY]
    assert scores["glasses"] > 0.995 and scores["hair"] > 0.995
    assert min(scores[name] for name in ("azimuth", "elevation", "light", "width")) > 0.95
    assert scores["smile"] > 0.9 and min(scores[name] for name in IDENTITY) > 0.5


def test_it_bears_blur_noise_and_a_shift(reader, held_out):
    scores = reader.score(held_out, moved=0)
    assert scores["glasses"] > 0.99 and scores["hair"] > 0.99
    assert min(scores[name] for name in ("azimuth", "elevation", "light", "width")) > 0.9 and scores["smile"] > 0.75


def test_scores_are_r_squared_and_accuracy(reader, held_out):
    images = Images(held_out.images[:200], None, "200", {k: v[:200] for k, v in held_out.factors.items()})
    read, scores = reader.read(images.batch(slice(None))), reader.score(images)
    truth = images.factors["azimuth"]
    r2 = 1 - ((read["azimuth"] - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    assert scores["azimuth"] == pytest.approx(r2.item(), abs=1e-5)
    assert scores["hair"] == pytest.approx(np.mean(read["hair"].numpy() == images.factors["hair"].numpy()))
    assert (read["azimuth"] - truth).abs().median() < 5  # degrees
    assert read["hair"].dtype == torch.int64 and read["smile"].dtype == torch.float32
    seen = face_attributes(reader)(images.batch(slice(None)))
    assert list(seen) == list(faces.SCORED)
    assert seen["glasses"].shape == (200, 2) and torch.equal(seen["hair"].argmax(1), read["hair"])
    assert torch.allclose(seen["hair"].sum(1), torch.ones(200))
    assert torch.allclose(60 * seen["azimuth"], read["azimuth"], atol=1e-4)  # degrees: from -60 to 60
    double = face_attributes(copy.deepcopy(reader).double())(images.batch(slice(None)))
    assert double["azimuth"].dtype == torch.float64, "images go where the reader is, and become its kind of number"
    assert reader.features(images.batch(slice(0, 7))).shape == (7, 96)


def test_no_pixel_decides_a_factor(reader, held_out):
    """The best pixel, chosen on half of the faces, scored on the other half, stays far below the reader."""
    pixels = held_out.images.flatten(1).numpy().astype("float32")
    fit, rest = slice(0, 450), slice(450, 900)
    scores = reader.score(held_out)
    for name in faces.SCORED:
        truth = held_out.factors[name].numpy()
        if faces.FACTORS[name].discrete:
            leaves = 1 + len(faces.FACTORS[name].states)  # one cut more than the states need
            every = range(0, 1024, 3)  # neighbours show the same
            trees = {
                i: DecisionTreeClassifier(max_leaf_nodes=leaves).fit(pixels[fit, i, None], truth[fit]) for i in every
            }
            best = max(every, key=lambda i: trees[i].score(pixels[fit, i, None], truth[fit]))
            assert trees[best].score(pixels[rest, best, None], truth[rest]) < 0.8 < scores[name] - 0.15, name
        else:
            loose = pixels + np.random.default_rng(0).normal(size=pixels.shape)  # some pixels never vary
            r = np.corrcoef(loose[fit].T, truth[fit])[-1, :-1]
            best = np.abs(r).argmax()
            found = np.corrcoef(pixels[rest, best], truth[rest])[0, 1] ** 2
            assert found < 0.75 < scores[name] - 0.1, name


def test_the_shipped_file_is_small_half_precision_and_says_how_it_was_made(reader):
    assert face_reader.PATH.stat().st_size <= 0.7e6
    tensors, manifest = files.load_tensors(face_reader.PATH)
    assert {t.dtype for t in tensors.values() if t.is_floating_point()} == {torch.float16}
    assert manifest["renderer"] == faces.FINGERPRINT, "the reader was trained on other faces"
    assert manifest["steps"] == face_reader.STEPS and reader.manifest == manifest
    assert manifest["remake"] == "python benchmarks/readers.py faces"
    assert not reader.training and not any(p.requires_grad for p in reader.parameters())
    table = {row["factor"]: row for row in results.read("faces_reader")}
    assert {k: round(v, 4) for k, v in manifest["scores"].items()} == {
        k: float(r["held_out"]) for k, r in table.items()
    }


def test_a_few_steps_beat_chance_and_a_seed_fixes_them(held_out, monkeypatch):
    monkeypatch.setattr(face_reader, "BATCH", 48)
    before = torch.random.get_rng_state()
    scores = face_reader.train_face_reader(held_out, seed=3, steps=40).score(held_out)
    assert scores["hair"] > 0.7 and scores["light"] > 0.7
    one, two = (face_reader.train_face_reader(held_out, seed=3, steps=2).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert torch.equal(before, torch.random.get_rng_state())
    with pytest.raises(ValueError):
        face_reader.train_face_reader(held_out, steps=0)
    with pytest.raises(ValueError, match="no factors"):
        face_reader.train_face_reader(Images(held_out.images))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda p: p.unlink(), r"does not exist. `python benchmarks/readers.py faces` makes"),
        (lambda p: p.write_bytes(p.read_bytes()[:-100]), "truncated"),
        (lambda p: files.save_tensors(p, {"a": torch.zeros(1)}, {"format": "infogan-weights-1"}), "expected infogan-f"),
        (lambda p: files.save_tensors(p, {"a": torch.zeros(1)}, {"format": face_reader.FORMAT}), "does not fit"),
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, damage, says):
    path = tmp_path / "r.safetensors"
    path.write_bytes(face_reader.PATH.read_bytes())
    damage(path)
    with pytest.raises(FileError, match=says):
        face_reader.face_reader(path)


def test_wrong_images_are_refused(reader):
    with pytest.raises(TypeError, match="to_float"):
        reader.read(torch.zeros(2, 1, 32, 32, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"\(N, 1, 32, 32\), got \(2, 1, 28, 28\)"):
        reader.read(torch.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError):
        reader.score(Images(torch.zeros(2, 1, 32, 32, dtype=torch.uint8)))


def test_disturbances_are_small_differ_and_repeat(held_out):
    images = held_out.batch(slice(0, 300))
    once, again = (degrade(images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(once, again) and once.shape == images.shape
    change = (once - images).square().mean((1, 2, 3)).sqrt()
    others = (images.flip(0) - images).square().mean((1, 2, 3)).sqrt()
    assert change.max() < others.median() and change.quantile(0.1) < 0.06 < change.quantile(0.9)
    flat = torch.zeros(300, 1, 32, 32)  # nothing to blur or to move: the noise alone
    noise = degrade(flat, torch.Generator().manual_seed(5)).std((1, 2, 3))
    assert noise.max() < 0.16 and noise.median() > 0.01


def test_on_generated_faces_it_agrees_with_the_eye_as_its_docstring_says(reader):
    """data/results/faces_by_eye.csv: what the eye saw in 100 samples; an empty field where it could not tell."""
    model, rows = weights.load("dcgan-faces"), results.read("faces_by_eye")
    noise = model.spec.noise.sample(200, torch.Generator().manual_seed(4242))[:100]
    read = reader.read(model.generate(model.spec.encode(noise)))
    said = {name: [(int(row[name]), int(v)) for row, v in zip(rows, read[name]) if row[name]] for name in DISCRETE}
    agreed = {name: (sum(eye == v for eye, v in pairs), len(pairs)) for name, pairs in said.items()}
    assert agreed == {"glasses": (69, 86), "hair": (91, 95)}
    assert {(eye, v) for eye, v in said["glasses"] if eye != v} == {(1, 0)}  # it sees none that the eye does not
