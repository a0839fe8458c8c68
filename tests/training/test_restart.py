"""A run goes on with other rates, weights of L_I, precision or end, and its manifest says since which step."""

import gc
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from infogan_lib import Training
from infogan_lib.cli import main
from infogan_lib.core.recipe import Recipe
from infogan_lib.training.checkpoint import TrainingError
from infogan_lib.training.restart import MAY_CHANGE

FROZEN = Path(__file__).resolve().parents[1] / "frozen"
NEW = {"lr_g": 1e-4, "lr_d": 2e-4, "lr_q": 3e-4, "lambda_g": 0.5, "lambda_q": {"kind": 2.0, "c1": 0.0}, "steps": 50}


@pytest.fixture
def folder(tmp_path):
    """A run stopped at its checkpoint of step 10."""
    run = Training(tiny.build(), tiny.images(), tiny.RECIPE, seed=7, folder=tmp_path / "r", device="cpu")
    for _ in zip(range(10), run):
        pass
    run.close()
    return tmp_path / "r"


def resume(folder, **changes):
    return Training.resume(folder, tiny.images(), device="cpu", **changes)


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def weights(run):
    return list(run.model.state_dict().values())


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


def test_changes_hold_from_the_checkpoint_on_as_if_made_by_hand(folder):
    by_hand = Training(tiny.build(), tiny.images(), tiny.RECIPE, seed=7, device="cpu")
    for _ in zip(range(10), by_hand):
        pass
    by_hand.recipe = replace(tiny.RECIPE, **NEW)
    (g,) = by_hand.g_optimiser.param_groups
    d, q = by_hand.d_optimiser.param_groups
    g["lr"], d["lr"], q["lr"] = NEW["lr_g"], NEW["lr_d"], NEW["lr_q"]
    resumed = resume(folder, **NEW)
    assert len(resumed) == len(by_hand) == 40
    list(by_hand), list(resumed)
    assert same(by_hand, resumed)


def test_the_manifest_says_what_changed_and_since_when(folder):
    resume(folder, lr_g=1e-4, steps=40).close()  # 40 is the end that it had
    assert manifest(folder)["changes"] == [{"step": 10, "lr_g": 1e-4}]
    assert manifest(folder)["recipe"]["lr_g"] == 1e-4
    run = resume(folder, precision="bfloat16", lambda_g={"kind": 1.0, "c1": 0.1})  # killed before its first checkpoint
    next(run)
    run.close()
    run = resume(folder)
    assert run.recipe == replace(tiny.RECIPE, lr_g=1e-4, precision="bfloat16", lambda_g={"kind": 1.0, "c1": 0.1})
    list(run)
    assert resume(folder, steps=41).changes == [
        {"step": 10, "lr_g": 1e-4},
        {"step": 10, "precision": "bfloat16", "lambda_g": {"kind": 1.0, "c1": 0.1}},
        {"step": 40, "steps": 41},
    ]


def test_a_resume_that_changes_nothing_writes_nothing(folder):
    before = content(folder)
    resume(folder, lr_g=tiny.RECIPE.lr_g, steps=None).close()
    assert content(folder) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch": 8}, "batch cannot change in the middle of a run"),
        ({"lamda_g": 1.0}, "lamda_g cannot change"),
        ({"lr_g": -1.0}, "lr_g"),
        ({"lr_g": "fast"}, "lr_g"),
        ({"precision": "float8"}, "precision is one of"),
        ({"lambda_g": {"kind": 1.0}}, "name each once"),
        ({"steps": 9}, "at step 10"),
    ],
)
def test_a_change_that_cannot_be_made_costs_nothing(folder, change, says):
    before = content(folder)
    with pytest.raises(ValueError, match=says):
        resume(folder, **change)
    assert content(folder) == before
    assert resume(folder).step == 10  # nobody holds it


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "tf32"])
def test_a_run_goes_on_in_another_precision_and_back(folder, precision):
    for step, now in ((12, precision), (14, "float32")):
        run = resume(folder, precision=now, checkpoint_every=1)
        for _ in zip(range(2), run):
            pass
        assert run.step == step and run.recipe.precision == now and run._scaler.is_enabled() == (now == "float16")
        run.close()


def test_where_the_checkpoint_is_gone_the_changes_hold_from_the_start(folder):
    resume(folder, lr_g=1e-4).close()
    (folder / "checkpoint.safetensors").unlink()
    run = resume(folder)
    assert run.step == 0 and run.changes == [{"step": 0, "lr_g": 1e-4}]
    whole = Training(tiny.build(), tiny.images(), replace(tiny.RECIPE, lr_g=1e-4), seed=7, device="cpu")
    list(run), list(whole)
    assert same(run, whole)


def test_an_old_run_takes_changes_and_keeps_the_end_its_checkpoint_has(tmp_path):
    folder = Path(shutil.copytree(FROZEN / "no_view", tmp_path / "run"))
    assert "changes" not in manifest(folder)
    run = resume(folder, steps=15)
    list(run)
    run = resume(folder, lr_g=1e-5)
    assert run.step == 15 and len(run) == 0 and run.g_optimiser.param_groups[0]["lr"] == 1e-5


@pytest.mark.parametrize("junk", [5, ["x"], [{"lr_g": 1}], [{"step": "soon"}], "steps"])
def test_a_manifest_whose_changes_are_junk_is_refused(folder, junk):
    (folder / "manifest.json").write_text(json.dumps({**manifest(folder), "changes": junk}))
    with pytest.raises(TrainingError, match="manifest"):
        resume(folder)


def test_what_may_change_are_fields_of_the_recipe():
    assert set(MAY_CHANGE) < set(Recipe().to_json())


# -- who holds a folder -----------------------------------------------------------------------------------------------


def test_a_cell_run_again_is_told_of_the_run_in_this_process(tmp_path):
    run = Training(tiny.build(), tiny.images(), tiny.RECIPE, folder=tmp_path)
    list(zip(range(6), run))
    for again in (
        lambda: resume(tmp_path),
        lambda: Training(tiny.build(), tiny.images(), tiny.RECIPE, folder=tmp_path),
    ):
        with pytest.raises(TrainingError, match=r"earlier Training in this process still holds.*close\(\)"):
            again()
    run.close()
    assert resume(tmp_path).step == 5


def test_a_run_that_nobody_can_reach_lets_go(tmp_path):
    run = Training(tiny.build(), tiny.images(), tiny.RECIPE, folder=tmp_path)
    list(zip(range(6), run))
    run.itself = run  # a circle, as a widget makes
    gc.disable()
    try:
        del run
        assert resume(tmp_path).step == 5
    finally:
        gc.enable()


# -- on the command line ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a"
    main(["train", "mnist", "--out", str(folder), "--steps", "2", "--device", "cpu", "--set", "batch=8"])
    return folder


def test_settings_change_a_resumed_run(digits, tmp_path):
    folder = Path(shutil.copytree(digits, tmp_path / "r"))
    given = ["--set", "lr_g=0.0001", "--set", "precision=bfloat16", "--steps", "3"]
    main(["train", "mnist", "--out", str(folder), "--resume", "--device", "cpu", *given])
    assert manifest(folder)["changes"] == [{"step": 2, "lr_g": 0.0001, "precision": "bfloat16", "steps": 3}]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mnist-paper"], "'mnist-paper' with these options"),
        (["mnist-gallery"], "'mnist-wide'"),
        (["dcgan-mnist"], "Resume it under the name"),
        (["mnist", "--set", "batch=16"], "batch cannot change"),
        (["mnist", "--set", "lr_g=null"], "lr_g must be"),
        (["mnist", "--set", "device=cpu"], "unknown field 'device'"),
        (["mnist", "--from", "mnist"], "are for a new run"),
        (["mnist", "--q-on", "trunk"], "are for a new run"),
    ],
)
def test_a_resume_that_does_not_go_with_the_run_is_refused(digits, arguments, says):
    before = content(digits)
    with pytest.raises(SystemExit) as stop:
        main(["train", *arguments, "--out", str(digits), "--resume", "--device", "cpu"])
    assert str(stop.value).startswith("error: ") and says in str(stop.value)
    assert content(digits) == before


def test_a_resume_with_other_codes_is_refused(tmp_path):
    pictures, out = tmp_path / "pictures", str(tmp_path / "r")
    pictures.mkdir()
    for i in range(90):
        Image.fromarray(np.full((16, 16), i, np.uint8)).save(pictures / f"{i}.png")
    command = ["train", f"folder:{pictures}", "--out", out, "--size", "16", "--channels", "1", "--device", "cpu"]
    main([*command, "--codes", "kind=cat3", "--steps", "1", "--set", "batch=4"])
    with pytest.raises(SystemExit, match="with the codes, that it was begun with"):
        main([*command, "--codes", "kind=cat7", "--resume"])
    main([*command, "--codes", "kind=cat3", "--resume", "--steps", "2"])
    main([*command, "--resume", "--steps", "3"])
    main(
        [
            *command[:3],
            str(tmp_path / "fine"),
            *command[4:],
            "--from",
            f"{out}/weights.safetensors",
            "--steps",
            "1",
            "--set",
            "batch=4",
        ]
    )
    assert manifest(tmp_path / "fine")["origin"]["step"] == 3
