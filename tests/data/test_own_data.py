"""Pictures of one's own: the preset, and the command line."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise, Training, Uniform, data
from infogan_lib.cli import main
from infogan_lib.data import Images, own
from infogan_lib.data.files import FileError
from infogan_lib.measure import report
from infogan_lib.training import presets, weights

CODES = [Categorical("kind", 3), Uniform("c1", sigma_floor=0.3)]


def run(*arguments):
    main([str(a) for a in arguments])


def noise_images(shape, n=80):
    generator = torch.Generator().manual_seed(0)
    return Images(torch.randint(256, (n, *shape), dtype=torch.uint8, generator=generator))


@pytest.fixture(scope="module")
def leaves(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "leaves"
    folder.mkdir()
    for i in range(150):
        pixels = np.random.default_rng(i).integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder / "list.txt").write_text("oak, beech")
    return folder


@pytest.mark.parametrize("shape", [(c, s, s) for c in (1, 3) for s in (16, 28, 32)])
def test_every_size_and_colour_trains(shape):
    images = noise_images(shape)
    preset = presets.own(images, CODES, steps=2)
    reports = list(Training(preset.build(), images, preset.recipe, seed=0, device="cpu"))
    assert len(reports) == 2 and all(torch.isfinite(v).all() for v in reports[-1].values().values())


def test_no_network_for_a_shape_is_said():
    with pytest.raises(ValueError, match="size=16, 28 or 32"):
        presets.own(noise_images((1, 20, 20)), CODES)


def test_help_from_moved_copies_is_asked_for():
    images = noise_images((1, 16, 16))
    assert [presets.own(images, CODES, moved_is_same=m).recipe.real_weight for m in (False, True)] == [0, 1]


def test_own_at_28_is_the_network_of_mnist():
    spec = LatentSpec(Noise(4), CODES)
    mine, theirs = InfoGAN("own-28-grey", spec), InfoGAN("mnist", spec)
    assert repr(mine.generator) == repr(theirs.generator) and repr(mine.trunk) == repr(theirs.trunk)


def test_train_from_a_folder(leaves, tmp_path, capsys):
    options = ["--size", 16, "--channels", 3, "--device", "cpu"]
    codes = ["--codes", "kind=cat4, c1=uniform, way=circular, g=gaussian, b=bernoulli"]
    run("train", f"folder:{leaves}", *options, *codes, "--steps", 2, "--out", tmp_path / "a")
    printed = capsys.readouterr().out
    assert "leaves, split 'train'" in printed and "list.txt" in printed and "cropped" in printed
    model = weights.load(tmp_path / "a" / "weights.safetensors")
    assert model.image_shape == (3, 16, 16) and model.spec.names == ["kind", "c1", "way", "g", "b"]
    assert (model.spec["kind"].k, model.spec["c1"].sigma_floor) == (4, 0.3)
    run("train", f"folder:{leaves}", *options, "--steps", 3, "--resume", "--out", tmp_path / "a")
    assert weights.load(tmp_path / "a" / "weights.safetensors").manifest["step"] == 3
    run("sweep", tmp_path / "a" / "weights.safetensors", "--out", tmp_path / "sweep.png", "--rows", 2)
    assert Image.open(tmp_path / "sweep.png").format == "PNG"


def test_a_run_is_not_resumed_on_other_pictures(leaves, tmp_path):
    options = ["--size", 16, "--channels", 1, "--device", "cpu", "--out", tmp_path / "a"]
    run("train", f"folder:{leaves}", *options, "--codes", "kind=cat4", "--steps", 1)
    (leaves / "0.png").rename(leaves / "z.png")  # the same picture, but another order of all
    try:
        with pytest.raises(SystemExit, match="these images are"):
            run("train", f"folder:{leaves}", *options, "--steps", 2, "--resume")
    finally:
        (leaves / "z.png").rename(leaves / "0.png")


def test_a_run_is_resumed_on_the_same_pictures_in_a_renamed_folder(leaves, tmp_path):
    shutil.copytree(leaves, tmp_path / "first")
    options = ["--size", 16, "--channels", 1, "--device", "cpu", "--out", tmp_path / "a"]
    run("train", f"folder:{tmp_path / 'first'}", *options, "--codes", "kind=cat4", "--steps", 1)
    (tmp_path / "first").rename(tmp_path / "second")
    for steps in (2, 3):
        run("train", f"folder:{tmp_path / 'second'}", *options, "--steps", steps, "--resume")
    assert weights.load(tmp_path / "a" / "weights.safetensors").manifest["step"] == 3


def test_a_file_name_that_no_terminal_can_print_is_printed_as_well_as_can_be(tmp_path):
    place = tmp_path / "leaves"
    place.mkdir()
    for i in range(100):
        Image.new("L", (16, 16), i).save(place / f"{i}.png")
    try:
        (place / os.fsdecode(b"caf\xe9.txt")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    command = [sys.executable, "-m", "infogan_lib", "train", f"folder:{place}", "--size", "16", "--channels", "1"]
    command += ["--codes", "kind=cat3", "--set", "batch=8", "--steps", "1", "--device", "cpu", "--out", tmp_path / "a"]
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(command, capture_output=True, env=strict)
    assert done.returncode == 0 and rb"caf\udce9.txt" in done.stdout, done.stderr[-500:]


def test_evaluate_scores_pictures_that_were_held_back(tmp_path, capsys):
    """Bright and dark pictures, and a model that has learnt nothing: the figures are those of `report.evaluate`."""
    folder, answers = tmp_path / "leaves", tmp_path / "answers.csv"
    folder.mkdir()
    for i in range(200):
        Image.new("L", (16, 16), 100 * (i % 2) + i % 100).save(folder / f"{i}.png")
    answers.write_text("".join(f"{i}.png,{'bright' if i % 2 else 'dark'}\n" for i in range(200)))
    model = InfoGAN("own-16-grey", LatentSpec(Noise(4), CODES))
    path = weights.save(model, tmp_path / "m.safetensors")
    run("evaluate", path, "--folder", folder, "--labels", answers, "--json")
    result = json.loads(capsys.readouterr().out)
    fit, test, _ = own.held_back(weights.load(path), folder, answers)
    assert test.labels.unique().tolist() == [0, 1] and len(fit) + len(test) < 100
    # bright is 0 and dark is 1, in alphabetical order
    assert all(label == (image.max() < 100) for image, label in zip(test.images, test.labels.tolist()))
    assert np.sum(result["confusion"]) == len(test) and result["code"] == "kind"
    assert result["code_accuracy"] == pytest.approx(
        report.evaluate(weights.load(path), fit, test, 100)["code_accuracy"]
    )
    assert (result["fitted_on"], result["scored_on"]) == (fit.name, test.name)


def test_scored_pictures_are_counted_and_what_was_left_out_is_said(tmp_path, capsys):
    folder, answers = tmp_path / "leaves", tmp_path / "answers.csv"
    folder.mkdir()
    for i in range(200):
        Image.new("L", (16, 16), 100 * (i % 2) + i % 100).save(folder / f"{i}.png")
    lines = [f"{i}.png;{'bright' if i % 2 else 'dark'}" for i in range(0, 200, 1)]
    answers.write_text("\n".join(["picture;kind", *lines, lines[0], "x.png;dark", "nobody.png;"]), encoding="utf-8-sig")
    path = weights.save(InfoGAN("own-16-grey", LatentSpec(Noise(4), CODES)), tmp_path / "m.safetensors")
    run("evaluate", path, "--folder", folder, "--labels", answers)
    printed = capsys.readouterr().out
    fit, test, _ = own.held_back(weights.load(path), folder, answers)
    assert f"({len(fit)} images)" in printed and f"({len(test)} images)" in printed and len(fit) != len(test)
    assert "labels of 200 pictures" in printed and "names that no usable picture has: 1, such as 'x.png'" in printed
    assert "names without a label: 1" in printed and "repeated lines: 1" in printed


@pytest.mark.parametrize("rows", [1, 2, "one class"])
def test_too_few_labels_for_a_score_are_refused(tmp_path, rows):
    folder, answers = tmp_path / "leaves", tmp_path / "answers.csv"
    folder.mkdir()
    for i in range(100):
        Image.new("L", (16, 16), i).save(folder / f"{i}.png")
    names = [data.folder(folder, size=16, channels=1, split=split)[1].used for split in ("tune", "test")]
    labelled = {1: names[0][:1], 2: names[0][:2]}.get(rows, names[0] + names[1])
    answers.write_text("".join(f"{n},{'oak' if rows == 'one class' else i}\n" for i, n in enumerate(labelled)))
    path = weights.save(InfoGAN("own-16-grey", LatentSpec(Noise(4), CODES)), tmp_path / "m.safetensors")
    with pytest.raises(SystemExit, match="two classes or more in each of the splits"):
        run("evaluate", path, "--folder", folder, "--labels", answers)


@pytest.mark.parametrize(
    ("content", "says"),
    [("a.png,oak\nb.png", "NAME,LABEL"), ("z.png,oak", "labels none"), ("", "labels none"), (None, "cannot be read")],
)
def test_a_wrong_file_of_labels_is_named(tmp_path, content, says):
    if content is not None:
        (tmp_path / "answers.csv").write_text(content)
    with pytest.raises(FileError, match=says):
        own.labels(tmp_path / "answers.csv", ["a.png", "c.png"])


def test_only_labelled_pictures_count(tmp_path):
    (tmp_path / "answers.csv").write_text("c.png, oak\na.png,beech\nx.png,yew\n\n")
    places, known, classes = own.labels(tmp_path / "answers.csv", ["a.png", "b.png", "c.png"])
    assert (places.tolist(), known.tolist(), classes) == ([0, 2], [0, 1], ["beech", "oak"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["folder:{leaves}"], "--size 16, 28 or 32"),
        (["folder:{leaves}", "--size", "16", "--channels", "1"], "--codes"),
        (["folder:", "--size", "16", "--channels", "1", "--codes", "k=cat3"], "the path of the folder is empty"),
        (["folder:{leaves}x", "--size", "16", "--channels", "1", "--codes", "k=cat3"], "not there"),
        (["mnist", "--codes", "k=cat3"], "is for folder:PATH"),
    ],
)
def test_mistakes_give_one_line(leaves, tmp_path, arguments, says):
    with pytest.raises(SystemExit) as stop:
        run("train", *(a.replace("{leaves}", str(leaves)) for a in arguments), "--out", tmp_path / "a")
    assert str(stop.value).startswith("error: ") and says in str(stop.value) and "\n" not in str(stop.value)


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        ("kind", "NAME=KIND"),
        ("kind=cat", "catK"),
        ("kind=dog3", "catK"),
        ("k=cat1", "k >= 2"),
        ("a b=cat3", "identifier"),
    ],
)
def test_a_wrong_code_is_named(capsys, codes, says):
    with pytest.raises(SystemExit):
        run("train", "folder:x", "--codes", codes, "--out", "x")
    assert says in capsys.readouterr().err
