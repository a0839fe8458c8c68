"""What cannot be trained is refused before anything is written, and what went wrong is not kept as good."""

import json
from dataclasses import replace

import pytest
import tiny
import torch

from infogan_lib import Categorical, LatentSpec, Noise, Training, Uniform
from infogan_lib.cli import main
from infogan_lib.data import Images, files
from infogan_lib.training.checkpoint import TrainingError


def train(folder=None, seed=7, model=None, **changes):
    return Training(model or tiny.build(), tiny.images(), replace(tiny.RECIPE, **changes), seed=seed, folder=folder)


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


# -- before a run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        "beta1=1.0",
        'lambda_g={"digit":"1"}',
        'lambda_g={"x":"x","c1":1}',
        "lr_g=-0.001",
        "lr_g=NaN",
        "enter=5",
        'enter={"digit":"soon"}',
        'enter={"kind":5}',
        "real_view=nowhere",
        "batch=60000",
        "steps=1000000000000000000000000000000",
        "device=cpu",
    ],
)
def test_a_setting_that_cannot_be_used_leaves_the_folder_free(tmp_path, wrong):
    with pytest.raises(SystemExit) as stop:
        main(["train", "mnist", "--out", str(tmp_path / "r"), "--set", wrong])
    assert str(stop.value).startswith("error: ") and wrong.split("=")[0] in str(stop.value)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"device": "abacus"},
        {"seed": 2**64},
        {"seed": 1.5},
        {"seed": None},
        {"recipe": replace(tiny.RECIPE, lambda_q={"kind": 1.0})},
        {"recipe": replace(tiny.RECIPE, real_view="nowhere")},
        {"images": Images(torch.zeros(64, 1, 28, 28, dtype=torch.uint8))},
        {"images": Images(torch.zeros(14, 1, 8, 8, dtype=torch.uint8))},
    ],
)
def test_a_first_try_that_fails_leaves_the_folder_free_and_the_model_alone(tmp_path, wrong):
    model = train().model
    before = state(model)
    arguments = {"images": tiny.images(), "recipe": tiny.RECIPE, "folder": tmp_path / "r", **wrong}
    with pytest.raises(ValueError, match=r"."):
        Training(model, **arguments)
    assert not (tmp_path / "r").exists() and same(before, state(model))
    train(tmp_path / "r", model=model)


def test_a_folder_that_holds_a_run_costs_the_model_nothing(tmp_path):
    train(tmp_path).close()
    run = train()
    next(run)
    before = state(run.model)
    with pytest.raises(TrainingError, match="already holds a run"):
        train(tmp_path, model=run.model)
    assert same(before, state(run.model))


def test_too_few_images_say_which_batch_would_do():
    with pytest.raises(ValueError, match=r"14 images are fewer than one batch of 16.*--set batch=14"):
        Training(tiny.build(), tiny.images(14), tiny.RECIPE)


def test_nothing_is_asked_of_real_images_beforehand_where_nothing_weighs(bars):
    """No step of Adam, no statistics, no data and no random numbers."""
    amounts = tiny.build(spec=LatentSpec(Noise(4), [Uniform("c1"), Categorical("kind", 3)]))
    for model, weight in ((tiny.build(), 0.0), (amounts, {"c1": 1.0, "kind": 0.0})):
        run = Training(model, bars, replace(tiny.RECIPE, real_weight=weight, real_before=3), seed=0)
        before, drawn = state(run.model), run.generator.get_state()
        run._before_the_game()
        assert same(before, state(run.model)) and torch.equal(drawn, run.generator.get_state()) and not run._cursor


# -- before a checkpoint ----------------------------------------------------------------------------------------------


def spoil(run, part, value):
    """One number of the model, of the average, or of Adam's moments set to `value`."""
    if part == "moments":
        tensor = next(iter(run.g_optimiser.state.values()))["exp_avg_sq"]
    else:
        tensor = getattr(run, part).generator[0].weight
    with torch.no_grad():
        tensor.view(-1)[0] = value


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("model", float("inf")),
        ("averaged", float("nan")),
        ("moments", float("inf")),
        ("averaged", 1e6),  # finite, but half precision ends at 65504
        ("model", -1e6),
    ],
)
def test_a_checkpoint_never_holds_what_diverged(tmp_path, part, value):
    run = train(tmp_path)
    for _ in zip(range(7), run):
        pass
    good = (tmp_path / "checkpoint.safetensors").read_bytes()
    spoil(run, part, value)
    with pytest.raises(TrainingError, match=r"step 7.*diverged.*last good checkpoint.*--resume --set lr_g=0\.001"):
        run.save()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == good and run.folder.closed
    assert Training.resume(tmp_path, tiny.images()).step == 5


def test_a_run_without_a_folder_says_before_its_end_that_it_diverged():
    run = train(checkpoint_every=10)
    for _ in zip(range(11), run):
        pass
    spoil(run, "model", 1e6)
    with pytest.raises(TrainingError, match=r"step 20: the weights diverged.*No checkpoint.*Start again"):
        list(run)


def test_a_rate_that_throws_the_weights_away_is_found_at_the_first_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match="It has no checkpoint"):
        list(train(tmp_path, lr_g=1e39, checkpoint_every=1))
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_the_advice_can_be_followed(tmp_path, capsys):
    """A run that diverged goes on from its last good checkpoint with what the message says, and ends well."""
    images, folder = tiny.images(), tmp_path / "r"
    for _ in zip(range(12), train(folder)):
        pass
    with pytest.raises(TrainingError, match="diverged") as stop:
        list(Training.resume(folder, images, lr_g=1e30))
    advised = str(stop.value).split("Training.resume(folder, images, ")[1].split(")")[0]
    run = Training.resume(folder, images, **eval(f"dict({advised})"))
    assert run.step == 10 and run.recipe.lr_g == 5e29  # half: once more that, and the rates of old
    run.close()
    run = Training.resume(folder, images, lr_g=1e-3)
    list(run)
    assert run.step == tiny.RECIPE.steps
    assert [change["step"] for change in json.loads((folder / "manifest.json").read_text())["changes"]] == [10, 10, 10]


# -- a step that broke ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("player", ["d_optimiser", "g_optimiser"])
def test_a_run_that_broke_within_a_step_says_so_and_does_not_go_on(tmp_path, player):
    run = train(tmp_path)
    for _ in zip(range(6), run):
        pass
    getattr(run, player).step = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        next(run)
    before = state(run.model)
    for _ in range(2):
        with pytest.raises(TrainingError, match="middle of a step; resume it from its last checkpoint"):
            next(run)
    assert same(before, state(run.model))
    run.close()
    list(Training.resume(tmp_path, tiny.images()))
    whole = train()
    list(whole)
    tensors, _ = files.load_tensors(tmp_path / "checkpoint.safetensors")
    assert same(state(whole.model), {k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
