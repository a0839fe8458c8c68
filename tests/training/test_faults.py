"""Whatever stops, disturbs or joins a training, nothing is lost: it ends in the bits of an undisturbed one."""

import random
import re
import signal
import time
from dataclasses import replace

import faults
import ipywidgets
import tiny
import torch

from infogan_lib import Training
from infogan_lib.show.widgets.explorer import LatentExplorer
from infogan_lib.show.widgets.monitor import TrainingMonitor


@faults.UNIX
@faults.counts("kills")
def test_killed_at_random_moments_and_in_the_middle_of_writes(tmp_path, kills):
    rng, folders, caught = random.Random(kills), [tmp_path / "0"], 0
    for i in range(kills):
        # Every second kill waits for a write: the calls 1 and 2 are a new run's manifest, or a resumed one's log.
        aimed = i % 2 == 0
        process = faults.start(folders[-1], stop=rng.randint(1, 6) if aimed else 0)
        moment = 10**6 if aimed else rng.randint(1, 8)
        for line, _ in zip(process.stdout, range(moment)):
            if line == "writing\n":
                break
        time.sleep(rng.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        assert process.communicate()[1] == ""
        caught += bool(faults.parts(folders[-1]))
        if process.returncode == 0:  # this run had fewer writes left
            folders.append(tmp_path / str(len(folders)))
    assert faults.start(folders[-1]).communicate()[1] == ""
    for folder in folders:
        faults.check_whole(folder)
    assert caught >= kills // 3, "too few kills came in the middle of a write to say anything"


@faults.UNIX
@faults.counts("presses")
def test_ctrl_c_twice_at_random_moments(tmp_path, presses):
    rng = random.Random(presses)
    for _ in range(presses):
        process = faults.start(tmp_path)
        for _ in zip(process.stdout, range(rng.randint(1, 4))):
            pass
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(rng.random() * 0.004)
        _, error = process.communicate(timeout=60)
        assert error == "" or error.splitlines()[-1].startswith("KeyboardInterrupt")
    assert faults.start(tmp_path).communicate()[1] == ""
    faults.check_whole(tmp_path)


@faults.counts("runs")
def test_of_runs_into_one_folder_one_trains_and_the_others_say_why_not(tmp_path, runs):
    processes = [faults.start(tmp_path) for _ in range(runs)]
    said = [process.communicate(timeout=200)[1] for process in processes]
    assert [process.returncode for process in processes].count(0) == 1
    reason = re.compile(r"TrainingError: .*(another process is training in|already holds a run)")
    assert all(reason.search(error.splitlines()[-1]) for error in said if error) and said.count("") == 1
    faults.check_whole(tmp_path)


@faults.trials("seed")
def test_a_clock_that_jumps_changes_no_result_and_breaks_no_forecast(tmp_path, monkeypatch, capsys, seed):
    rng, true = random.Random(seed), time.time
    jump = lambda: true() + rng.choice([-1, 1]) * 10 ** rng.uniform(0, 9.3)  # noqa: E731  up to 63 years
    monkeypatch.setattr(time, "time", jump)
    monkeypatch.setattr("tqdm.std.time", jump)
    run = faults.new(tmp_path, progress=True)
    monitor = TrainingMonitor(run, every=1e-9)
    for report in run:
        monitor.update(report)
        assert not re.search(r"inf|nan|-", monitor.dashboard.status)
    assert re.search(r"ends \d\d:\d\d$", run._bar.postfix)
    monitor.close()
    faults.check_whole(tmp_path)


@faults.trials("seed")
def test_a_thousand_slider_moves_while_training_leave_no_trace_in_it(tmp_path, seed):
    recipe = replace(tiny.RECIPE, steps=100_000, checkpoint_every=50)
    run, undisturbed = (Training(tiny.build(), tiny.images(), recipe, seed=seed, folder=f) for f in (tmp_path, None))
    monitor = TrainingMonitor(run, every=0.01)
    explorer = LatentExplorer(monitor.snapshot())
    monitor.on_snapshot(lambda model: setattr(explorer, "model", model))
    rng = random.Random(seed)
    monitor.start()
    for move in range(1000):
        if rng.random() < 0.5:
            explorer.controls["c1"].value = rng.uniform(-2, 2)
        else:
            explorer.controls["kind"].value = rng.randrange(3)
        assert explorer.message.value == "" and monitor.state == "running", move
    assert monitor.wait(step=run.step + 1)
    monitor.stop()
    assert monitor.curves.error == ""
    last = LatentExplorer(monitor.snapshot())
    last.set(**explorer.values)
    assert (explorer.picture == last.picture).all() and explorer.reading == last.reading
    ipywidgets.Widget.close_all()
    for _ in zip(range(run.step), undisturbed):
        pass
    expected, found = undisturbed.model.state_dict(), Training.resume(tmp_path, tiny.images()).model.state_dict()
    assert undisturbed.step == run.step and all(torch.equal(found[name], expected[name]) for name in expected)
