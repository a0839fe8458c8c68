import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import torch

from infogan_lib import cli
from infogan_lib.cli import main
from infogan_lib.course import environment
from infogan_lib.data import Images, files, own
from infogan_lib.data.faces import dataset
from infogan_lib.measure import code_maps, disturb, metrics, report
from infogan_lib.training import presets, weights


def run(*arguments):
    main([str(a) for a in arguments])


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """The first 600 digits of MNIST to score on, and 200 fakes for L_I."""
    digits, nats = own.mnist, metrics.measure_nats

    def few_digits(split):
        whole = digits(split)
        return Images(whole.images[:600], whole.labels[:600], whole.name)

    monkeypatch.setattr(own, "mnist", few_digits)
    monkeypatch.setattr(metrics, "measure_nats", lambda model, n, seed=0: nats(model, min(n, 200), seed))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a"
    run("train", "mnist", "--seed", 3, "--out", folder, "--steps", 4, "--device", "cpu")
    return folder


def test_train_leaves_a_run_and_its_weights(trained, capsys):
    assert {p.name for p in trained.iterdir()} >= {
        "manifest.json",
        "log.csv",
        "checkpoint.safetensors",
        "weights.safetensors",
    }
    manifest = weights.load(trained / "weights.safetensors").manifest
    assert (manifest["seed"], manifest["step"], manifest["data"]) == (3, 4, "mnist-train")
    assert manifest["recipe"] == presets.load("mnist").recipe.to_json() | {"steps": 4}
    assert len((trained / "log.csv").read_text().splitlines()) == 5


def test_resume_with_more_steps_equals_one_long_run(trained, tmp_path):
    run("train", "mnist", "--seed", 3, "--out", tmp_path / "part", "--steps", 2, "--device", "cpu")
    run("train", "mnist", "--out", tmp_path / "part", "--steps", 4, "--resume", "--device", "cpu")
    whole, part = (files.load_tensors(f / "checkpoint.safetensors")[0] for f in (trained, tmp_path / "part"))
    assert whole.keys() == part.keys() and all(torch.equal(whole[k], part[k]) for k in whole)


def test_settings_change_the_recipe_and_the_network(tmp_path):
    changed = ["--q-on", "trunk", "--set", "lambda_g=0", "--set", "batch=32"]
    run("train", "mnist", "--out", tmp_path / "b", "--steps", 1, *changed)
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert (manifest["q_on"], manifest["recipe"]["lambda_g"], manifest["recipe"]["batch"]) == ("trunk", 0, 32)


def test_evaluate_prints_json(trained, capsys):
    run("evaluate", trained / "weights.safetensors", "--json")
    result = json.loads(capsys.readouterr().out)
    assert 0 <= result["code_accuracy"] <= result["majority_accuracy"] <= 1
    assert set(result["lower_bound_nats"]) == {"digit", "c1", "c2"}
    assert (result["fitted_on"], result["scored_on"]) == ("mnist-tune", "mnist-test")


def test_evaluate_pairs_codes_of_faces_with_their_causes(monkeypatch, capsys):
    monkeypatch.setitem(dataset.SPLITS, "tune", (500, 2))
    monkeypatch.setitem(dataset.SPLITS, "test", (500, 3))
    run("evaluate", "faces", "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["agreement"]["elevation"] > 0.9 and result["codes"]["hair"] == "k3"
    run("evaluate", "faces")
    assert "elevation    c3" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run("evaluate", "faces", "--all")


def test_evaluate_a_plain_gan_of_faces(monkeypatch, capsys):
    """It has no codes to pair."""
    for split, seed in (("tune", 2), ("test", 3)):
        monkeypatch.setitem(dataset.SPLITS, split, (50, seed))
    run("evaluate", "dcgan-faces", "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["agreement"] == result["codes"] == result["lower_bound_nats"] == {}


@pytest.mark.parametrize("data", ["fashion-train", "folder-leaves-28x28x1-train-0123abcd"])
def test_a_model_of_other_pictures_is_not_scored_on_mnist(tmp_path, data):
    path = weights.save(presets.load("mnist").build(), tmp_path / "w.safetensors", {"data": data})
    with pytest.raises(SystemExit, match=f"trained on '{data}'.*--folder and --labels"):
        run("evaluate", path)


def test_evaluate_prints_a_table(trained, capsys):
    run("evaluate", trained / "weights.safetensors")
    printed = capsys.readouterr().out
    assert "Hungarian" in printed and "H(c) = 2.303" in printed


@pytest.fixture
def light(monkeypatch):
    """`--all` by a protocol of a second; the command's own is code_maps.FULL."""
    few = code_maps.Protocol(bins=5, n=400, test=200, trees="forest", votes=50, test_votes=50, batch=16)
    monkeypatch.setattr(report, "all_scores", partial(report.all_scores, protocol=few))
    monkeypatch.setattr(disturb, "visibility", partial(disturb.visibility, n=50))


def test_evaluate_all_adds_scores_in_both_directions(light, capsys):
    run("evaluate", "mnist", "--all", "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["disentanglement"].keys() == {"real", "fakes"}
    for scores in result["disentanglement"].values():
        assert set(scores["factors"]) == {"label", "slant", "thickness", "width"} and not scores["left_out"]
        assert scores["protocol"]["bins"] == 5 and set(scores["information"]) == {"digit", "c1", "c2"}
        assert scores["factors"]["label"]["informativeness"] > 0.8
    assert [point["strength"] for point in result["visibility"]["shift"]] == [0, 1, 2, 3]
    assert 0 < result["frechet_floor"] < result["frechet"]
    cli.show_all(result)
    printed = capsys.readouterr().out
    assert "factor_vae" in printed and "bins 5, n 400" in printed and "blur" in printed and "left out: none" in printed


def test_evaluate_all_leaves_out_what_the_fakes_never_vary(trained, light, capsys):
    run("evaluate", trained / "weights.safetensors", "--all", "--json")  # after four steps every fake is a blur
    fakes = json.loads(capsys.readouterr().out)["disentanglement"]["fakes"]
    assert "label" in fakes["left_out"] and "label" not in fakes["factors"]


def test_the_command_takes_the_published_protocol_and_ten_thousand_fakes():
    assert inspect.signature(report.evaluate).parameters["n"].default == 10_000
    assert inspect.signature(report.all_scores).parameters["protocol"].default == code_maps.Protocol()


def test_sweep_writes_a_picture(trained, tmp_path, capsys):
    run("sweep", trained / "weights.safetensors", "--out", tmp_path / "deep" / "sweep.png", "--rows", 2)
    assert (tmp_path / "deep" / "sweep.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("asked", "written"), [("sw1", "sw1.png"), ("sw.pdf", "sw.pdf"), (".sw", ".sw.png")])
def test_sweep_names_the_file_that_it_wrote(trained, tmp_path, capsys, asked, written):
    run("sweep", trained / "weights.safetensors", "--out", tmp_path / asked, "--rows", 1)
    assert capsys.readouterr().out == f"{tmp_path / written} written\n"
    assert [path.name for path in tmp_path.iterdir()] == [written]


def test_a_kind_of_picture_that_cannot_be_written_leaves_nothing(trained, tmp_path):
    with pytest.raises(SystemExit, match="'xyz' is not supported"):
        run("sweep", trained / "weights.safetensors", "--out", tmp_path / "deep" / "sw.xyz", "--rows", 1)
    assert not list(tmp_path.iterdir())


def test_evaluate_of_a_run_folder_names_the_file_in_it(trained):
    with pytest.raises(SystemExit, match=rf"{trained} is a folder\..*{trained / 'weights.safetensors'}"):
        run("evaluate", trained)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "mnits", "--out", "x"], "unknown preset"),
        (["evaluate", "nowhere.safetensors"], "does not exist"),
        (["train", "mnist", "--out", "{tmp}/none", "--resume"], "no run"),
        (["train", "mnist", "--out", "{tmp}/c", "--set", "speed=9"], "unknown field 'speed'"),
        (["train", "mnist", "--out", "{tmp}/c", "--set", 'lambda_g={"digit": 1}'], "name each once"),
        (["train", "mnist", "--out", "{tmp}/c", "--device", "abacus"], "not available"),
        (["train", "mnist", "--out", "{tmp}/c", "--set", "steps=1e3"], "steps must be a whole number, got 1000.0"),
        (["train", "mnist", "--out", "{tmp}/c", "--set", "lr_g=fast"], "got 'fast'"),
        (["train", "mnist", "--out", "{tmp}/c", "--set", "compile=1"], "compile must be true or false"),
        (["train", "mnist", "--out", "{tmp}/none", "--resume", "--seed", "7"], "are for a new run"),
        (["sweep", "mnist", "--out", "/dev/null/x.png"], "cannot write /dev/null/x.png"),
        (["sweep", "mnist", "--out", "{tmp}/x.png", "--device", "abacus"], "not available"),
        (["evaluate", "mnist", "--device", "abacus"], "not available"),
    ],
)
def test_mistakes_give_one_line(arguments, says, tmp_path):
    with pytest.raises(SystemExit) as stop:
        run(*(a.replace("{tmp}", str(tmp_path)) for a in arguments))
    assert str(stop.value).startswith("error: ") and says in str(stop.value)
    assert "\n" not in str(stop.value)


def test_a_folder_that_holds_a_run_is_refused(trained):
    with pytest.raises(SystemExit, match="already holds a run"):
        run("train", "mnist", "--out", trained, "--steps", 1)


@pytest.mark.skipif(os.name == "nt", reason="the signal is Unix's")
def test_ctrl_c_saves_and_says_how_to_resume(tmp_path, capsys):
    folder, ended = tmp_path / "r", threading.Event()

    def press():
        while not (folder / "log.csv").exists():  # written after 50 steps
            if ended.wait(0.05):
                return
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        with pytest.raises(SystemExit) as stop:
            run("train", "mnist", "--out", folder, "--set", "batch=8", "--device", "cpu")
    finally:
        ended.set()
        presser.join()
    printed = capsys.readouterr().err
    step = files.load_tensors(folder / "checkpoint.safetensors")[1]["step"]
    assert stop.value.code == 130 and step >= 50 and f"Stopped after step {step}, saved." in printed
    assert printed.endswith(f"train mnist --out {folder} --resume --device cpu\n")


def test_ctrl_c_ends_the_command_with_its_own_status_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "infogan_lib", "train", "mnist", "--out", tmp_path / "r", "--set", "batch=8"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "r" / "log.csv").exists() and time.monotonic() < deadline:  # after 50 steps
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume" in printed and "Traceback" not in printed


def test_check_reports(monkeypatch, capsys):
    monkeypatch.setattr(environment, "check_packages", list)  # it starts a Python; tests/course has a test of it
    with pytest.raises(SystemExit) as stop:
        run("check")
    printed = capsys.readouterr().out
    assert stop.value.code == (1 if "[FAIL]" in printed else 0) and "[OK] data" in printed
