"""The commands behind the tables run end to end, for function only."""

import argparse
import csv
import importlib
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import consistency
import dcgan
import experiment
import mnist
import pytest
import readers
import torch

from infogan_lib import Training, data
from infogan_lib.course import results
from infogan_lib.measure import face_reader
from infogan_lib.measure import readers as digit_readers
from infogan_lib.training import presets, weights

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path, monkeypatch, few_fakes, small):
    monkeypatch.setattr(data, "mnist", small)
    for script in (mnist, consistency):
        for name, preset in script.VARIANTS.items():
            monkeypatch.setitem(script.VARIANTS, name, replace(preset, data=small))
    monkeypatch.setattr(mnist, "FAKES", 300)
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    return tmp_path


@pytest.mark.parametrize("variant", ["whole", "cluster", "plain-separate"])
def test_a_variant_is_trained_and_gets_its_row(folders, run, variant):
    run(consistency, variant, "--seeds", 100, "--score", "tune", "--steps", 2, "--runs", folders / "runs")
    (row,) = results.read("consistency_tuning", variant=variant)
    assert row["seed"] == "100" and 0 < float(row["code_accuracy"]) < 1
    assert row["command"] == f"python benchmarks/consistency.py {variant} --seeds 100 --score tune --steps 2"
    assert sum(map(int, row["confusion"].split())) == 500


def test_a_finished_run_is_not_trained_again(folders):
    args = argparse.Namespace(runs=folders / "runs", steps=2)
    lessons = []

    def learn(preset, seed, folder):
        lessons.append(preset.recipe.steps)
        return preset.build(), {"step": 2, "recipe": preset.recipe.to_json()}

    first, again = (experiment.trained(args, mnist.VIEWS, "views", 0, learn) for _ in range(2))
    assert lessons == [2] and first.manifest == again.manifest
    assert {"variant", "seconds", "threads", "step"} <= first.manifest.keys()


def test_a_run_of_another_recipe_is_not_taken_for_this_one(folders):
    args = argparse.Namespace(runs=folders / "runs", steps=2)
    experiment.trained(args, mnist.VIEWS, "views", 0)
    with pytest.raises(ValueError, match="another recipe"):
        experiment.trained(args, mnist.VARIANTS["infogan"], "views", 0)


def test_a_stopped_run_goes_on_to_the_same_bits(folders):
    preset = replace(presets.load("mnist"), data=data.mnist)
    preset = replace(preset, recipe=replace(preset.recipe, steps=2, batch=16))
    whole, _ = experiment.train(preset, 0, folders / "whole")
    stopped = Training(preset.build(), data.mnist("train"), preset.recipe, seed=0, folder=folders / "stopped")
    next(stopped)
    stopped.save()
    stopped.close()
    again, manifest = experiment.train(preset, 0, folders / "stopped")
    assert manifest["step"] == 2
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values()))


def test_a_dcgan_gets_its_row_and_ships_only_when_whole(folders, monkeypatch, run, small):
    monkeypatch.setattr(dcgan, "N", 300)
    preset = replace(presets.load("dcgan-mnist"), data=small)
    monkeypatch.setitem(presets.PRESETS, "dcgan-mnist", preset)
    command = (dcgan, "dcgan-mnist", "--runs", folders / "runs")
    run(*command, "--steps", 2)
    (row,) = results.read("dcgan_samples", preset="dcgan-mnist")
    assert row["seed"] == "0" and row["steps"] == "2" and row["command"].endswith("--seeds 0 --steps 2")
    assert float(row["frechet"]) > float(row["frechet_real"]) > 0  # two steps make no digits
    assert not (folders / "weights").exists()
    monkeypatch.setitem(presets.PRESETS, "dcgan-mnist", replace(preset, recipe=replace(preset.recipe, steps=2)))
    run(*command)
    shipped = weights.load(folders / "weights" / "dcgan-mnist.safetensors")
    assert shipped.spec.codes == () and shipped.manifest["scores"]["frechet"] == float(row["frechet"])


def test_test_digits_are_not_touched_while_tuning(run, capsys):
    for arguments in (("--seeds", 100, "--score", "test"), ("--seeds", 0, "--score", "tune")):
        with pytest.raises(SystemExit):
            run(mnist, "infogan", *arguments)
        assert "seeds below 100 are scored on test" in capsys.readouterr().err


def test_the_digit_reader_that_is_written_is_the_one_that_loads(folders, monkeypatch, capsys):
    monkeypatch.setattr(digit_readers, "mnist", data.mnist)
    readers.digits(folders / "r.safetensors", seed=1, steps=2)
    assert capsys.readouterr().out.startswith("r.safetensors: ")
    loaded = digit_readers.digit_reader(folders / "r.safetensors")
    assert loaded.manifest["test_accuracy"] == loaded.accuracy(data.mnist("test"))
    assert loaded.manifest["remake"] == digit_readers.REMAKE and loaded.manifest["steps"] == 2


def test_the_face_reader_that_is_written_is_the_one_that_loads(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(face_reader, "TRAIN", (64, 1))
    monkeypatch.setattr(face_reader, "HELD_OUT", (64, 2))
    readers.face_causes(tmp_path / "r.safetensors", seed=1, steps=2)
    assert capsys.readouterr().out.startswith("r.safetensors: ")
    loaded = face_reader.face_reader(tmp_path / "r.safetensors")
    assert loaded.manifest["scores"] == pytest.approx(loaded.score(data.face_set(64, 2)), abs=1e-5)
    rows = results.read("faces_reader")
    assert [row["factor"] for row in rows] == [f.name for f in face_reader.READ]
    assert {row["seed"] for row in rows} == {"1"}


class Parsed(Exception):
    """The arguments were understood; the work is not begun."""


def named_in_tables():
    for path in (ROOT / "data" / "results").glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            yield from {row["command"] for row in csv.DictReader(file) if "command" in row}


def named_in_pages():
    pages = [ROOT / "README.md", ROOT / "ADMIN.md", ROOT / "Makefile", *(ROOT / "notebooks").glob("*.ipynb")]
    for page in pages:
        text = page.read_text(encoding="utf-8").replace("$(PY)", "python")
        yield from re.findall(r"python benchmarks/[^`<\x22\n\\]+", text)
    yield from (digit_readers.REMAKE, face_reader.REMAKE)


def test_every_command_that_is_named_is_understood(monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def parse_only(parser):
        parse(parser)
        raise Parsed

    commands = sorted({*named_in_tables(), *named_in_pages()})
    assert len(commands) > 100  # most in tables
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    for command in commands:
        _, script, *arguments = shlex.split(command)
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        with pytest.raises(Parsed):
            importlib.import_module(Path(script).stem).main()
