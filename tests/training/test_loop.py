import csv
import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch

from infogan_lib import Recipe, Training
from infogan_lib.data import Images, files
from infogan_lib.training.checkpoint import RunFolder, TrainingError
from infogan_lib.training.devices import pick_device

SCRIPT = Path(tiny.__file__)


def train(folder=None, seed=7, recipe=tiny.RECIPE, **kwargs):
    return Training(tiny.build(), tiny.images(), recipe, seed=seed, folder=folder, **kwargs)


def weights(run):
    return {k: v.clone() for k, v in run.model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_a_run_is_its_own_iterator_and_ends():
    run = train()
    assert iter(run) is run and len(run) == 40
    steps = [report.step for report in run]
    assert steps == list(range(1, 41)) and len(run) == 0
    with pytest.raises(StopIteration):
        next(run)


def test_a_report_holds_zero_dimensional_tensors():
    report = next(train())
    assert set(report.values()) == {
        "loss_d", "loss_g", "score_real", "score_fake", "nats/kind", "nats/c1", "sigma/c1",
    }  # fmt: skip
    assert all(v.ndim == 0 and not v.requires_grad for v in report.values().values())
    assert float(report.sigma["c1"]) > tiny.SPEC["c1"].sigma_floor


def test_the_seed_decides_everything():
    runs = [train(seed=s) for s in (7, 7, 8)]
    for run in runs:
        list(run)
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


def test_the_global_random_state_neither_matters_nor_changes():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = train()
    list(first)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second = train()
    list(second)
    assert same(weights(first), weights(second))


def test_every_image_is_seen_once_an_epoch():
    images = Images(torch.arange(64, dtype=torch.uint8).view(64, 1, 1, 1).expand(64, 1, 8, 8).contiguous())
    run = Training(tiny.build(), images, replace(tiny.RECIPE, batch=16), seed=0)
    epoch = torch.cat([run._next_batch() for _ in range(4)])[:, 0, 0, 0]
    assert epoch.unique().numel() == 64


def test_resume_goes_on_to_the_same_bits(tmp_path):
    whole = train()
    list(whole)
    part = train(tmp_path)
    for report in part:
        if report.step == 23:
            break
    part.save()
    part.close()
    resumed = Training.resume(tmp_path, tiny.images())
    assert resumed.step == 23
    assert [r.step for r in resumed] == list(range(24, 41))
    assert same(weights(whole), weights(resumed))


def test_the_log_has_one_row_a_step_also_after_a_resume(tmp_path):
    part = train(tmp_path)
    for _ in zip(range(22), part):
        pass
    part._flush()  # rows beyond the checkpoint of step 20 are in the log
    part.close()
    list(Training.resume(tmp_path, tiny.images()))
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [int(r["step"]) for r in rows] == list(range(1, 41))
    assert rows[0]["loss_real"] == "" and float(rows[-1]["loss_real"]) < 1
    whole = [r.values()["nats/kind"].item() for r in train()]
    assert [float(r["nats/kind"]) for r in rows] == pytest.approx(whole, rel=1e-4, abs=1e-6)


def test_a_run_stopped_before_its_first_checkpoint_starts_again(tmp_path):
    first = train(tmp_path)
    next(first)
    first.close()
    resumed = Training.resume(tmp_path, tiny.images())
    assert resumed.step == 0
    list(resumed)
    whole = train()
    list(whole)
    assert same(weights(whole), weights(resumed))


def test_a_new_end_holds_until_another_is_set(tmp_path):
    list(train(tmp_path))
    longer = Training.resume(tmp_path, tiny.images(), steps=60)
    assert len(longer) == 20
    next(longer)
    longer.save()
    longer.close()
    assert len(Training.resume(tmp_path, tiny.images())) == 19


def test_a_folder_with_a_run_is_refused_and_left_alone(tmp_path):
    list(train(tmp_path))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match="already holds a run"):
        train(tmp_path, seed=1)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_two_processes_cannot_hold_one_run(tmp_path):
    run = train(tmp_path)
    next(run)
    run.save()
    other = subprocess.run([sys.executable, SCRIPT, tmp_path, "resume"], capture_output=True, text=True)
    assert other.returncode != 0 and "another process is training" in other.stderr
    list(run)


def test_resuming_nothing_or_with_other_data_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no run"):
        Training.resume(tmp_path, tiny.images())
    list(train(tmp_path))
    other = Images(255 - tiny.images().images, None, "stripes")
    with pytest.raises(TrainingError, match=r"'bars'.*'stripes'"):
        Training.resume(tmp_path, other)
    with pytest.raises(TrainingError, match="these images are 'bars'"):  # the name is right, and nothing else
        Training.resume(tmp_path, tiny.images(40))
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(TrainingError, match="cannot be read"):
        Training.resume(tmp_path, tiny.images())


def left_at_step_7(folder):
    """A run that was saved there and let go."""
    run = train(folder)
    for _ in zip(range(7), run):
        pass
    run.save()
    run.close()


def test_images_are_known_by_their_bytes_whatever_they_are_called(tmp_path):
    left_at_step_7(tmp_path)
    renamed = Images(tiny.images().images, None, "rods")
    for steps in (9, 11):  # twice: what is saved in between goes by the first name
        list(Training.resume(tmp_path, renamed, steps=steps))
    manifests = RunFolder.read_manifest(tmp_path), files.load_tensors(tmp_path / "checkpoint.safetensors")[1]
    assert {manifest["data"] for manifest in manifests} == {"bars"}


def test_a_run_of_before_the_bytes_were_kept_goes_by_the_name_and_the_number(tmp_path):
    left_at_step_7(tmp_path)
    tensors, state = files.load_tensors(tmp_path / "checkpoint.safetensors")
    for manifest in (state, known := RunFolder.read_manifest(tmp_path)):
        del manifest["data_sha256"]
    files.save_tensors(tmp_path / "checkpoint.safetensors", tensors, state)
    (tmp_path / "manifest.json").write_text(json.dumps(known))
    with pytest.raises(TrainingError, match="these images are 'rods'"):
        Training.resume(tmp_path, Images(tiny.images().images, None, "rods"))
    with pytest.raises(TrainingError, match="of 200 images, not 40"):
        Training.resume(tmp_path, tiny.images(40))
    assert len(list(Training.resume(tmp_path, tiny.images(), steps=9))) == 2


def test_the_first_value_that_is_not_finite_stops_the_run(tmp_path):
    run = train(tmp_path, recipe=replace(tiny.RECIPE, steps=200))
    for report in run:
        if report.step == 32:
            with torch.no_grad():
                run.model.q_head[-1].weight.fill_(float("nan"))
            break
    good = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"nats/kind.*checkpoint\.safetensors"):
        list(run)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == good
    with pytest.raises(TrainingError, match="middle of a step"):
        run.save()


def test_ctrl_c_ends_the_step_saves_and_can_go_on(tmp_path):
    run = train(tmp_path)
    original = run._step

    def step():
        if run.step == 12:
            signal.raise_signal(signal.SIGINT)  # in the middle of step 13
        return original()

    run._step = step
    with pytest.raises(KeyboardInterrupt, match="after step 13, saved"):
        list(run)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    run.close()
    resumed = Training.resume(tmp_path, tiny.images())
    assert resumed.step == 13
    list(resumed)
    whole = train()
    list(whole)
    assert same(weights(whole), weights(resumed))


def test_a_second_ctrl_c_does_not_wait_and_nothing_torn_is_saved(tmp_path):
    run = train(tmp_path)
    for _ in zip(range(6), run):
        pass

    def step():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    run._step = step
    with pytest.raises(KeyboardInterrupt):
        next(run)
    with pytest.raises(TrainingError, match="middle of a step"):
        run.save()
    assert files.load_tensors(tmp_path / "checkpoint.safetensors")[1]["step"] == 5


def test_a_worker_thread_can_iterate():
    run, reports = train(), []
    worker = threading.Thread(target=lambda: reports.extend(run))
    worker.start()
    worker.join()
    assert len(reports) == 40


def test_a_run_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = train()
    list(run)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TrainingError, match="no folder"):
        run.save()


def test_what_does_not_fit_together_is_refused(bars):
    with pytest.raises(ValueError, match=r"\(1, 8, 8\)"):
        Training(tiny.build(), Images(torch.zeros(64, 1, 28, 28, dtype=torch.uint8)), tiny.RECIPE)
    with pytest.raises(ValueError, match=r"200 images are fewer than one batch of 500.*--set batch=200"):
        Training(tiny.build(), bars, Recipe(batch=500))
    with pytest.raises(ValueError, match="name each"):
        Training(tiny.build(), bars, Recipe(batch=16, lambda_g={"kind": 1.0}))


@pytest.mark.parametrize("change", [{"precision": "bfloat16"}, {"channels_last": True}, {"objective": "hinge"}])
def test_options_train(change):
    reports = list(train(recipe=replace(tiny.RECIPE, **change)))
    assert all(torch.isfinite(v) for v in reports[-1].values().values())


def test_channels_last_changes_the_layout_only():
    plain, last = (next(train(recipe=replace(tiny.RECIPE, channels_last=c))) for c in (False, True))
    for name, value in plain.values().items():
        assert value.item() == pytest.approx(last.values()[name].item(), abs=1e-5)


def test_pick_device():
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cuda", "mps", "cpu")
    with pytest.raises(ValueError, match="not available"):
        pick_device("tpu")
