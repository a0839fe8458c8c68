"""The benchmarks of speed and memory run and count what they say they count; nothing here is timed."""

import json
import os
import sys
import urllib.request
from dataclasses import replace
from itertools import count
from pathlib import Path

import memory
import pytest
import speed
import textbook
import torch
from speed import Figures
from textbook import FORMS, WEIGHT, Pictures, Textbook, batches
from torch.distributions import Categorical

from infogan_lib.core import steps
from infogan_lib.core.bound import lower_bound
from infogan_lib.course import results
from infogan_lib.data import Images, faces, to_float
from infogan_lib.training import presets

ROOT = Path(__file__).resolve().parents[2]
PROC = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from Linux's /proc")


def digits(n=512):
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % 10
    return Images(torch.randint(256, (n, 1, 28, 28), generator=random, dtype=torch.uint8), labels, "noise")


@pytest.fixture
def answer(run, capsys):
    """What a benchmark prints as JSON: {figure: value}."""

    def figures(script, *arguments):
        run(script, *arguments, "--json")
        found = json.loads(capsys.readouterr().out)
        assert {"cores", "threads", "torch", "seconds"} <= found["about"].keys()
        return {row["figure"]: row["value"] for row in found["figures"]}

    return figures


# -- the yardstick -----------------------------------------------------------------------------------


def same_weights(model, textbook):
    """Give the textbook's fully connected form the weights of the preset's model; its sigma is made a constant."""
    ours = [*model.generator, *model.trunk, *model.q_head[:3], model.d_head]
    theirs = [*textbook.generator, *textbook.trunk, *textbook.q_hidden, textbook.d_head[0]]
    pairs = [[layer for layer in side if list(layer.parameters())] for side in (ours, theirs)]
    for mine, other in zip(*pairs, strict=True):
        other.load_state_dict(mine.state_dict())
    rows = {"q_digit": slice(0, 10), "q_mean": [10, 12], "q_log_variance": [11, 13]}
    with torch.no_grad():
        model.q_head[3].weight[[11, 13]] = 0
        for name, index in rows.items():
            head = getattr(textbook, name)
            head.weight.copy_(model.q_head[3].weight[index])
            head.bias.copy_(model.q_head[3].bias[index])
        raw = torch.zeros(1, model.spec.q_width)
        textbook.q_log_variance.bias.fill_(2 * model.spec.posterior(raw)["c1"].stddev.log().item())


def test_the_papers_preset_has_the_losses_and_gradients_of_the_fully_connected_yardstick():
    """On one batch, from the same weights: D's loss, then G's and each code's term after D's own step of Adam."""
    preset = presets.load("mnist-paper")
    model, textbook = preset.build().train(), Textbook("fc")
    same_weights(model, textbook)
    batch, latent = digits().batch(slice(0, 128)), preset.spec.sample(128, torch.Generator().manual_seed(1))
    theirs = textbook.step((batch + 1) / 2, latent)

    recipe = replace(preset.recipe, lambda_q=0.0)  # in the yardstick D's step is D's alone
    fake = model.generator(latent.input)
    loss_d, _ = steps.d_loss(model, recipe, batch, fake, latent)
    d = [*model.trunk.parameters(), *model.d_head.parameters()]
    optimiser = torch.optim.Adam(d, lr=recipe.lr_d, betas=(recipe.beta1, recipe.beta2))
    loss_d.backward()
    optimiser.step()
    loss, parts = steps.g_loss(model, recipe, fake, latent)
    gradients = torch.autograd.grad(loss, list(model.generator.parameters()))

    assert theirs["loss_d"] == pytest.approx(loss_d.item(), abs=1e-5)
    assert theirs["loss_g"] == pytest.approx(parts["loss_g"].item(), abs=1e-4)
    entropies = {code.name: code.entropy for code in preset.spec.codes}
    assert theirs["loss_digit"] == pytest.approx(entropies["digit"] - parts["nats"]["digit"].item(), abs=1e-4)
    both = sum(entropies[name] - parts["nats"][name].item() for name in ("c1", "c2"))
    assert theirs["loss_codes"] == pytest.approx(both, abs=1e-4)
    assert {name: preset.recipe.lambda_g[name] for name in ("c1", "c2")} == {"c1": WEIGHT, "c2": WEIGHT}
    for mine, other in zip(gradients, textbook.generator.parameters(), strict=True):
        torch.testing.assert_close(mine, other.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_a_yardstick_learns_from_pictures_and_can_be_measured(form):
    images = digits()
    model, source = Textbook(form, seed=3), batches(images, seed=3)
    before = [p.clone() for p in model.parameters()]
    losses = model.step(next(source))
    assert all(torch.isfinite(torch.tensor(list(losses.values()))))
    assert all((p != q).any() for p, q in zip(model.parameters(), before, strict=True))
    running = {k: v.clone() for k, v in model.state_dict().items()}
    latent = model.spec.sample(20, torch.Generator().manual_seed(0))
    fakes = model.generate(latent)
    assert fakes.shape == (20, 1, 28, 28) and fakes.abs().max() <= 1
    posterior = model.read(fakes)
    assert {k: v.shape for k, v in lower_bound(model.spec, posterior, latent).items()} == {
        name: (20,) for name in ("digit", "c1", "c2")
    }
    assert all(torch.equal(v, running[k]) for k, v in model.state_dict().items() if "tracked" not in k)


def test_a_yardsticks_pictures_are_the_data():
    images = digits(130)
    pictures = Pictures(images)
    assert len(pictures) == 130
    torch.testing.assert_close(2 * pictures[7] - 1, to_float(images.images[7]))
    first, again = (next(batches(images, seed)) for seed in (0, 0))
    assert first.shape == (128, 1, 28, 28) and torch.equal(first, again)


# -- step ---------------------------------------------------------------------------------------------


def test_the_required_work_is_that_of_the_layers():
    """Multiply-adds of the paper's table by hand: kernel x kernel x inputs x outputs x places, one image."""
    d = 16 * 64 * 14**2 + 16 * 64 * 128 * 7**2 + 6272 * 1024 + 1024 + 1024 * 128 + 128 * 14
    g = 74 * 1024 + 1024 * 6272 + 16 * 128 * 64 * 7**2 + 16 * 64 * 14**2
    assert speed.required(presets.load("mnist-paper").build(), 32, 8) == 2 * 32 * (8 * d + 3 * g)


def test_all_take_their_turns():
    called = []
    taken = speed.take_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, rounds=2, steps=3)
    assert "".join(called) == "aaabbb" + 2 * "aaabbb" and [len(taken[name]) for name in "ab"] == [2, 2]


def test_step_reports_ratios_and_where_the_time_goes(monkeypatch, answer):
    """With small batches and small products: the figures' names and relations are tested, not their size."""
    peak = speed.peak
    monkeypatch.setattr(speed, "peak", lambda: peak(128, 2))
    monkeypatch.setattr(speed.data, "mnist", lambda split: digits())
    for script in (textbook, speed):
        monkeypatch.setattr(script, "BATCH", 8)
    for name in speed.PRESETS:
        preset = presets.load(name)
        small = replace(preset, recipe=replace(preset.recipe, batch=8))
        monkeypatch.setitem(presets.PRESETS, name, small)
    found = answer(speed, "step", "--rounds", 1, "--steps", 1, "--keep")
    for name in speed.PRESETS:
        ratio = found[f"fc over {name}"]
        assert ratio == pytest.approx(found["a step: fc"] / found[f"a step: {name}"], rel=0.2)
        shares = [value for figure, value in found.items() if figure.startswith(f"where the time of {name} goes")]
        assert sum(shares) == pytest.approx(100, abs=0.1)
        assert found[f"where the time of {name} goes: convolutions"] > 1
    (row,) = results.read("speed", figure="conv over mnist-paper")
    assert row["target"] == "6" and float(row["value"]) > 0
    assert row["command"] == "python benchmarks/speed.py step --rounds 1 --steps 1 --keep --json"


# -- time-to-code --------------------------------------------------------------------------------------


class Learner:
    """Knows nothing until it has taken `grown` steps; then it reads the label that each image wears in a corner."""

    def __init__(self, grown, last):
        self.steps, self.grown, self.last, self.spec = 0, grown, last, presets.load("mnist").spec

    def step(self):
        if self.steps == self.last:
            return False
        self.steps += 1
        return True

    def generate(self, latent):
        images = torch.zeros(len(latent), 1, 28, 28)
        images[:, 0, 0, 0] = latent["digit"].float()
        return images

    def read(self, images):
        right = torch.nn.functional.one_hot(images[:, 0, 0, 0].round().long(), 10)
        wide = torch.distributions.Normal(torch.zeros(len(images)), 1.0)
        digit = Categorical(logits=20.0 * right if self.steps >= self.grown else 0.0 * right)
        return {"digit": digit, "c1": wide, "c2": wide}


@pytest.fixture
def track(monkeypatch):
    """A race on a clock that ticks once a look at it, with tuning digits that wear their label."""
    ticks = count()
    monkeypatch.setattr(speed.time, "perf_counter", lambda: float(next(ticks)))
    tune = digits(200)
    monkeypatch.setattr(speed.data, "mnist", lambda split: Marked(tune.images, tune.labels, "marked"))

    def run(grown, cap, last=1000):
        learner = Learner(grown, last)
        monkeypatch.setattr(speed, "contestant", lambda name, seed: (learner, learner.step))
        return speed.race("mnist", 0, every=2.0, cap=cap)

    return run


class Marked(Images):
    def batch(self, index):
        images = super().batch(index)
        images[:, 0, 0, 0] = self.labels[index].float()
        return images


def test_a_race_keeps_the_first_second_of_each_line(track):
    row = track(grown=7, cap=20.0)
    assert {key: row[key] for key in row if key.startswith("seconds_")} == {
        f"seconds_{line}": 8.0 for line in ("80", "90", "95", "97", "nats")
    }
    assert row["steps"] == 20 and row["seconds"] == 20.0 and row["accuracy"] == 100.0


def test_a_line_that_is_not_reached_stays_blank(track):
    row = track(grown=1000, cap=9.0)
    assert {row[key] for key in row if key.startswith("seconds_")} == {""}
    assert row["steps"] == 9 and row["accuracy"] == 10.0  # every state alike: one digit in ten is right by chance


def test_a_race_ends_with_the_recipe_and_is_measured_there(track):
    row = track(grown=5, cap=100.0, last=5)
    assert row["steps"] == 5 and row["accuracy"] == 100.0 and row["seconds_80"] == row["seconds"] == 6.0


def test_the_medians_count_a_missing_time_as_later_than_all():
    rows = [
        {"contestant": "conv", "seed": seed, "seconds_80": time, "seconds_90": ""}
        for seed, time in enumerate((300, "", 500))
    ]
    results.put("time_to_code", rows, ["contestant", "seed"])
    assert speed.summary() == {
        "conv": {
            "seeds": 3,
            "seconds_80": {"median": 500.0, "reached": 2},
            "seconds_90": {"median": None, "reached": 0},
        }
    }


def test_the_medians_can_be_asked_for_alone(run, capsys):
    results.put("time_to_code", [{"contestant": "mnist", "seed": 0, "seconds_80": 20.0}], ["contestant", "seed"])
    run(speed, "time-to-code", "--json")
    assert json.loads(capsys.readouterr().out) == speed.summary()
    with pytest.raises(SystemExit):
        run(speed, "time-to-code", "mnits")
    assert "'mnits'" in capsys.readouterr().err


def test_a_race_gets_its_row(track, run, monkeypatch):
    learner = Learner(grown=1, last=2)
    monkeypatch.setattr(speed, "contestant", lambda name, seed: (learner, learner.step))
    run(speed, "time-to-code", "fc", "--seeds", 1, "--every", 2)
    (row,) = results.read("time_to_code")
    assert row["steps"] == "2"
    assert row["command"] == "python benchmarks/speed.py time-to-code fc --seeds 1 --every 2 --cap 600"


@pytest.mark.parametrize("name", ["mnist", "conv"])
def test_a_contestant_trains(monkeypatch, name):
    monkeypatch.setattr(speed.data, "mnist", lambda split: digits())
    model, one = speed.contestant(name, 100)
    assert one() is True and set(model.read(digits(10).batch(slice(None)))) == {"digit", "c1", "c2"}


# -- memory, startup, renderer, the report -------------------------------------------------------------


@PROC
def test_the_peak_is_the_most_that_a_kernel_ever_held():
    empty, full = memory.peak("pass"), memory.peak("x = bytearray(300 * 10**6)", "del x")
    assert full - empty == pytest.approx(300, rel=0.1) and empty > 20


@pytest.mark.soak
@PROC
def test_a_training_holds_its_images_once(answer):
    options = ("--steps", 1, "--notebooks", "explorer", "--presets", "mnist", "--images", 20_000, 400_000)
    found = answer(memory, "peaks", *options)
    assert found["all of notebook explorer"] > found["a kernel with torch and nothing else"] > 50
    assert 600 < found["growth, for each image of 784 bytes"] < 2000


def test_memory_of_notebooks_trainings_and_more_images(monkeypatch, answer):
    """The trainings run here, not in kernels of their own, and a peak is the number of images that were trained on."""
    ran = []

    def peak(*cells):
        names = {}
        for cell in cells:
            if "Training(" in cell:
                exec(cell, names)
        ran.append(cells)
        return len(names["images"]) * 784e-6 if "images" in names else 100.0

    monkeypatch.setattr(memory, "peak", peak)
    options = ("--steps", 1, "--notebooks", "explorer", "--presets", "mnist", "--images", 200, 1000)
    found = answer(memory, "peaks", *options)
    assert found["growth, for each image of 784 bytes"] == pytest.approx(784, rel=1e-3)
    assert found["a training of mnist"] == pytest.approx(50_000 * 784e-6, abs=1e-3)
    assert found["all of notebook explorer"] == 100 and any("LatentExplorer(" in cell for cell in ran[2])


@PROC
def test_a_room_of_learners_gets_its_rows(monkeypatch, run):
    monkeypatch.setattr(memory, "KNOBS", "")
    monkeypatch.setattr(memory, "MONITOR", "x = bytearray(200 * 10**6)")
    run(memory, "classroom", "kernels")
    idle, knobs, training = (row for row in results.read("classroom"))
    assert float(training["peak_pss_mib"]) - float(knobs["peak_pss_mib"]) == pytest.approx(200e6 / 2**20, rel=0.2)
    assert idle["what"] == "an idle kernel" and float(training["cpu_seconds"]) > 0
    assert idle["command"] == "python benchmarks/memory.py classroom kernels"


def test_what_imports_are_timed_can_be_imported():
    for line in speed.LINES.values():
        exec(line, {})


def test_imports_are_timed_in_a_python_of_their_own(monkeypatch, answer):
    monkeypatch.setattr(speed, "LINES", {"waiting": "time.sleep(0.2)"})
    monkeypatch.setattr(speed, "lab", lambda: 1.5)
    found = answer(speed, "startup", "--times", 1)
    assert 0.2 <= found["import beyond torch's: waiting"] < 1
    assert found.get("make lab, all installed", 1.5) == 1.5


LAB = """#!{python}
import http.server, time
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
time.sleep(0.3)
print("Or copy this address: http://127.0.0.1:%d/" % server.server_port, flush=True)
server.serve_forever()
"""


@pytest.mark.skipif(os.name == "nt", reason="make lab is a program of that name")
def test_the_wait_for_the_lab_ends_with_its_page_and_so_does_the_lab(tmp_path, monkeypatch):
    """Here `make` is a server that answers after 0.3 s."""
    make = tmp_path / "make"
    make.write_text(LAB.format(python=sys.executable))
    make.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    addresses, answered = [], speed._answered
    monkeypatch.setattr(
        speed, "_answered", lambda address, until: addresses.append(address) or answered(address, until)
    )
    assert 0.3 <= speed.lab() < 20
    with pytest.raises(OSError):
        urllib.request.urlopen(addresses[0], timeout=5)
    make.write_text("#!/bin/sh\necho nothing is installed")
    with pytest.raises(RuntimeError, match="nothing is installed"):
        speed.lab()


def test_the_renderer_is_timed(answer):
    found = answer(speed, "renderer", "--n", 16, "--repeats", 2)
    small, large = (found[f"faces, {size} x {size}"] for size in faces.SIZES)
    assert found["faces, 64 x 64 over 32 x 32"] == pytest.approx(large / small, rel=0.01)
    assert found["faces, read back over rendered"] > 0 < found["faces, 32 x 32, read back"]


def test_a_report_can_be_read_as_it_comes(capsys):
    figures = Figures()
    assert figures.put("speed", 12.34567, "times", "6", "a note") == 12.34567
    figures.finish()
    printed = capsys.readouterr().out
    assert "12.3" in printed and "target 6" in printed and "a note" in printed
    assert figures == [{"figure": "speed", "value": 12.346, "unit": "times", "target": "6", "note": "a note"}]
