import gc
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import ipywidgets
import pytest
import tiny
import torch

from infogan_lib import Circular, InfoGAN, LatentSpec, Noise, Training, Uniform
from infogan_lib.data import files
from infogan_lib.show.widgets import callbacks
from infogan_lib.show.widgets.history import History, panels
from infogan_lib.show.widgets.monitor import TrainingMonitor
from infogan_lib.training import presets
from infogan_lib.training.checkpoint import TrainingError

LONG = replace(tiny.RECIPE, steps=100_000, checkpoint_every=100_000)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    ipywidgets.Widget.close_all()
    assert workers() == []


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "infogan-training"]


def training(recipe=LONG, seed=7, folder=None):
    return Training(tiny.build(), tiny.images(), recipe, seed=seed, folder=folder)


def weights(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def saved_step(folder):
    return files.load_tensors(folder / "checkpoint.safetensors")[1]["step"]


def after(steps):
    """The weights of a plain loop after so many steps."""
    run = training()
    for _ in range(steps):
        next(run)
    return weights(run.model)


# -- what was measured -------------------------------------------------------------------------------


def test_a_history_is_bounded_and_its_points_are_means():
    history = History(limit=8)
    history.add({"step": i, "a": float(i * i)} for i in range(1, 65))
    x, y = history.curve("a")
    assert history.stride == 16 and x == [8.5, 24.5, 40.5, 56.5]
    assert y == [sum(i * i for i in range(b, b + 16)) / 16 for b in (1, 17, 33, 49)]
    assert history.last == {"step": 64, "a": 4096.0} and history.curve("b") == ([], [])
    for i in range(65, 5000):
        history.add([{"step": i, "a": 0.0, "late": 1.0}])
        assert len(history.curve("a")[0]) < 8
    with pytest.raises(ValueError, match="even"):
        History(limit=7)


def test_panels_say_the_last_values_and_mark_floor_and_ceiling():
    spec = presets.load("mnist").spec
    history = History()
    row = {"loss_d": 1.25, "loss_g": 0.5, "nats/digit": 2.1, "nats/c1": 0.3, "nats/c2": 0.4, "sigma/c1": 0.6}
    history.add([{"step": 1, **row}, {"step": 2, **row, "nats/digit": 2.2}])
    nats, losses, sigma = panels(spec, history)
    least = spec["c1"].sigma_floor
    floor = math.log(2) - math.log(least * math.sqrt(2 * math.pi))  # H(c1) and an exact mean at the least sigma
    constant = math.log(2) - math.log(math.sqrt(1 / 3 * 2 * math.pi)) - 0.5  # the best Q that reads nothing
    assert {line["label"]: line["y"] for line in nats["lines"]} == pytest.approx(
        {
            "digit: nothing read 0.00": 0,
            "digit: at most 2.30": math.log(10),
            f"c1, c2: nothing read {constant:.2f}": constant,
            f"c1, c2: at most {floor:.2f}": floor,
        },
        abs=0.005,
    )
    assert "At step 2: digit 2.20; c1 0.30; c2 0.40" in nats["alt"]
    assert nats["range"][0] < constant and nats["range"][1] > math.log(10)
    assert losses["alt"].endswith("At step 2: D 1.25; G 0.50.") and losses["lines"] == []
    assert [c["name"] for c in sigma["curves"]] == ["c1"]


def test_a_plain_gan_has_losses_alone_and_nothing_breaks_json():
    history = History()
    history.add([{"step": 1, "loss_d": float("nan"), "loss_g": 1.0}, {"step": 2, "loss_d": 2.0, "loss_g": math.inf}])
    (losses,) = panels(LatentSpec(Noise(3)), history)
    json.dumps(losses, allow_nan=False)
    assert [c["y"] for c in losses["curves"]] == [[None, 2.0], [1.0, None]]
    assert "G not a number" in losses["alt"]
    json.dumps(panels(tiny.SPEC, History()), allow_nan=False)


def test_an_awful_start_does_not_squeeze_the_curve():
    history = History()
    history.add([{"step": 1, "nats/kind": -40.0, "nats/c1": -90.0}, {"step": 2, "nats/kind": 1.0, "nats/c1": 0.5}])
    assert panels(tiny.SPEC, history)[0]["range"][0] > -1.5


# -- one's own loop ----------------------------------------------------------------------------------


def test_update_draws_what_the_run_reported():
    run = training(tiny.RECIPE)
    monitor = TrainingMonitor(run, every=1e-9)
    reports = []
    for report in run:
        monitor.update(report)
        reports.append(report)
    nats = monitor.curves.panels[0]["curves"][0]
    assert nats["x"] == list(range(1, 41))
    assert nats["y"] == pytest.approx([float(r.nats["kind"]) for r in reports])
    assert monitor.curves.status.startswith("step 40 of 40 · ") and "steps/s" in monitor.curves.status
    assert monitor.bar.layout.display == "none" and monitor.state == "waiting"
    assert f"kind {float(reports[-1].nats['kind']):.2f}" in monitor.curves.panels[0]["alt"]


def test_a_clock_that_stands_still_gives_no_speed(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    run = training(tiny.RECIPE)
    monitor = TrainingMonitor(run, every=1e-9)
    for report in run:
        monitor.dashboard.add([report])
    assert monitor.dashboard.status == "step 40 of 40"


def test_update_draws_seldom_and_at_the_end():
    run = training(tiny.RECIPE)
    monitor, drawn = TrainingMonitor(run, every=3600), []
    monitor.curves.observe(lambda change: drawn.append(change.new), "status")
    for report in run:
        monitor.update(report)
    assert len(drawn) == 1 and drawn[0].startswith("step 40 of 40")


def test_samples_show_the_averaged_model_at_the_same_latents():
    run = training(tiny.RECIPE)
    monitor = TrainingMonitor(run, rows=3, every=3600)
    first = monitor.dashboard.samples.png
    list(map(monitor.update, run))
    last = monitor.dashboard.samples.png
    assert first != last and "step 40, 3 rows of 3" in monitor.dashboard.samples.alt
    assert TrainingMonitor(run.averaged, rows=3).dashboard.samples.png == last
    assert TrainingMonitor(run, rows=3, seed=1).dashboard.samples.png != last


def test_redrawing_a_run_under_way_is_done_between_its_steps(monkeypatch):
    drawn_by, draw = [], TrainingMonitor._draw

    def noted(self, state):
        drawn_by.append((threading.current_thread(), self.run.in_step))
        draw(self, state)

    monkeypatch.setattr(TrainingMonitor, "_draw", noted)
    run = training()
    monitor = TrainingMonitor(run, every=3600)
    monitor.start()
    try:
        monitor.wait(step=3)
        del drawn_by[:]
        monitor.redraw()
        assert drawn_by == [(monitor._worker, False)]
    finally:
        monitor.stop()


def test_a_monitor_of_a_spec_or_of_a_plain_gan():
    monitor = TrainingMonitor(tiny.SPEC)
    run = training(tiny.RECIPE)
    list(map(monitor.update, run))
    monitor.redraw()
    assert "At step 40" in monitor.curves.panels[0]["alt"] and monitor.dashboard.samples.layout.display == "none"
    assert all(button.disabled for button in monitor.buttons.values())
    with pytest.raises(TrainingError, match="no model"):
        monitor.snapshot()
    with pytest.raises(TrainingError, match="no run"):
        monitor.start()
    plain = Training(tiny.build(spec=LatentSpec(Noise(4))), tiny.images(), replace(tiny.RECIPE, real_weight=0), seed=1)
    monitor = TrainingMonitor(plain)
    list(map(monitor.update, plain))
    assert [p["title"] for p in monitor.curves.panels] == ["losses"]
    circular = LatentSpec(Noise(4), [Circular("turn"), Uniform("c1")])
    monitor = TrainingMonitor(Training(tiny.build(spec=circular), tiny.images(), tiny.RECIPE, seed=1))
    monitor.start()
    assert monitor.wait() and "turn" in monitor.curves.panels[2]["alt"]


def test_other_sources_are_refused():
    for bad in (3, "runs/a", [1]):
        with pytest.raises(TypeError, match="Training, a model or a LatentSpec"):
            TrainingMonitor(bad)
    for every, rows in ((0, 2), (1, 0)):
        with pytest.raises(ValueError, match="positive"):
            TrainingMonitor(tiny.SPEC, every=every, rows=rows)


# -- a run in a thread -------------------------------------------------------------------------------


def test_a_run_in_the_thread_ends_in_the_bits_of_a_plain_loop():
    monitor = TrainingMonitor(training(tiny.RECIPE), every=1e-9)
    monitor.on_snapshot(lambda model: None)
    monitor.start()
    assert monitor.wait() and monitor.state == "finished" and workers() == []
    plain = training(tiny.RECIPE)
    list(plain)
    assert same(weights(monitor.run.model), weights(plain.model))
    assert monitor.curves.said == "finished at step 40" and all(b.disabled for b in monitor.buttons.values())


def test_buttons_start_pause_step_and_stop():
    monitor = TrainingMonitor(training())
    press = {name: button.click for name, button in monitor.buttons.items()}

    def enabled():
        return {name for name, b in monitor.buttons.items() if not b.disabled}

    assert enabled() == {"Start", "Step"}
    press["Start"]()
    assert enabled() == {"Pause", "Stop"} and monitor.wait(step=20)
    press["Pause"]()
    held = monitor.run.step
    assert enabled() == {"Start", "Step", "Stop"} and monitor.curves.said == f"paused at step {held}"
    time.sleep(0.2)
    assert monitor.run.step == held >= 20
    for i in (1, 2, 3):
        press["Step"]()
        assert monitor.run.step == held + i and monitor.state == "paused"
        assert f"At step {held + i}:" in monitor.curves.panels[0]["alt"]
    press["Start"]()
    assert monitor.wait(step=held + 10) and monitor.state == "running"
    press["Stop"]()
    assert monitor.state == "stopped" and workers() == [] and enabled() == set()
    assert same(weights(monitor.run.model), after(monitor.run.step))


def test_the_first_order_may_be_a_step():
    monitor = TrainingMonitor(training())
    monitor.step()
    monitor.step()
    assert monitor.run.step == 2 and monitor.state == "paused"


def test_wait_gives_up_after_its_timeout():
    monitor = TrainingMonitor(training())
    with pytest.raises(TrainingError, match="nothing to wait for"):
        monitor.wait()
    monitor.start()
    assert not monitor.wait(timeout=0.05) and not monitor.wait(timeout=0) and monitor.state == "running"
    assert monitor.wait(step=monitor.run.step)


def test_the_worker_has_one_thread_and_this_thread_keeps_its_own():
    seen = []
    torch.set_num_threads(2)
    try:
        monitor = TrainingMonitor(training())
        monitor.on_snapshot(lambda _: seen.append((threading.current_thread().name, torch.get_num_threads())))
        monitor.step()
        assert torch.get_num_threads() == 2 and set(seen) == {("infogan-training", 1)}
    finally:
        torch.set_num_threads(1)


def test_a_paused_or_stopped_run_is_on_disk_and_can_be_resumed_here(tmp_path):
    monitor = TrainingMonitor(training(folder=tmp_path))
    monitor.start()
    monitor.wait(step=11)
    monitor.pause()
    assert saved_step(tmp_path) == monitor.run.step
    monitor.step()
    monitor.stop()
    assert saved_step(tmp_path) == monitor.run.step
    with pytest.raises(TrainingError, match=r"closed.*Training\.resume"):
        TrainingMonitor(monitor.run).start()
    resumed = Training.resume(tmp_path, tiny.images())
    assert same(weights(resumed.model), weights(monitor.run.model))
    again = TrainingMonitor(resumed)
    again.start()
    again.wait(step=resumed.step + 5)
    again.stop()
    assert same(weights(resumed.model), after(resumed.step))


def test_a_run_with_a_folder_obeys_any_thread(tmp_path):
    monitor = TrainingMonitor(training(folder=tmp_path))
    for order in (monitor.start, monitor.pause, monitor.step, monitor.stop):
        caller = threading.Thread(target=order)
        caller.start()
        caller.join()
    assert monitor.state == "stopped" and monitor.curves.error == ""
    assert Training.resume(tmp_path, tiny.images()).step == monitor.run.step >= 1


def test_what_cannot_be_started_says_why():
    monitor = TrainingMonitor(training())
    monitor.start()
    with pytest.raises(TrainingError, match="training already"):
        monitor.start()
    with pytest.raises(TrainingError, match="training already"):
        monitor.step()
    monitor.pause()
    with pytest.raises(TrainingError, match="another run"):
        monitor.start(training())
    monitor.stop()
    done = training(tiny.RECIPE)
    list(done)
    with pytest.raises(TrainingError, match="finished"):
        TrainingMonitor(done).start()
    broken = training()
    broken._step = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        next(broken)
    with pytest.raises(TrainingError, match="middle of a step"):
        TrainingMonitor(broken).start()
    with pytest.raises(TypeError, match="iterator of reports"):
        TrainingMonitor(tiny.SPEC).start([1, 2])
    other = Training(tiny.build(spec=LatentSpec(Noise(4), [Uniform("c1")])), tiny.images(), LONG)
    with pytest.raises(ValueError, match="this monitor is for"):
        TrainingMonitor(tiny.SPEC).start(other)


def test_a_stopped_run_without_a_folder_goes_on_and_another_begins_anew():
    monitor = TrainingMonitor(training())
    monitor.start()
    monitor.wait(step=5)
    monitor.stop()
    held = monitor.run.step
    monitor.step()
    assert monitor.run.step == held + 1 and "At step" in monitor.curves.panels[0]["alt"]
    monitor.stop()
    fresh = training(tiny.RECIPE, seed=8)
    monitor.start(fresh)
    monitor.wait()
    assert monitor.curves.status.startswith("step 40 of 40") and len(monitor.dashboard.history.curve("loss_d")[0]) == 40


def test_starting_one_training_pauses_the_other():
    first, second = TrainingMonitor(training()), TrainingMonitor(training(seed=8))
    first.start()
    first.wait(step=3)
    second.start()
    assert (first.state, second.state) == ("paused", "running")
    first.start()
    assert (first.state, second.state) == ("running", "paused")


def test_an_error_in_the_run_is_shown_raised_and_leaves_no_thread(tmp_path):
    run = training(replace(LONG, checkpoint_every=5), folder=tmp_path)
    monitor = TrainingMonitor(run)
    monitor.start()
    monitor.wait(step=20)
    monitor.snapshot()
    monitor._worker.between_steps(lambda: run.model.q_head[-1].weight.data.fill_(float("nan")))
    with pytest.raises(TrainingError, match="not finite"):
        monitor.wait()
    assert monitor.state == "failed" and workers() == []
    assert monitor.curves.error.startswith("TrainingError: step") and monitor.curves.said.startswith("failed at step")
    assert (
        Training.resume(tmp_path, tiny.images()).step % 5 == 0
    )  # the last good checkpoint, and nobody holds the folder


def test_an_error_in_a_hook_loses_no_step(tmp_path):
    run = training(folder=tmp_path)
    monitor = TrainingMonitor(run)
    monitor.on_snapshot(lambda model: 1 / 0)
    monitor.start()
    with pytest.raises(ZeroDivisionError):
        monitor.wait()
    assert "ZeroDivisionError" in monitor.curves.error
    assert Training.resume(tmp_path, tiny.images()).step == run.step >= 1


def test_a_button_that_cannot_act_says_so_in_the_widget():
    done = training(tiny.RECIPE)
    list(done)
    monitor = TrainingMonitor(done)
    monitor.buttons["Start"].click()
    assert "TrainingError: this run is finished" in monitor.curves.error


# -- snapshots ---------------------------------------------------------------------------------------


def test_a_snapshot_is_a_copy_of_the_average_and_training_never_touches_it():
    monitor = TrainingMonitor(training())
    monitor.start()
    monitor.wait(step=5)
    snapshot = monitor.snapshot()
    before = weights(snapshot)
    assert isinstance(snapshot, InfoGAN) and not snapshot.training
    assert not any(p.requires_grad for p in snapshot.parameters())
    monitor.wait(step=monitor.run.step + 20)
    with torch.no_grad():
        monitor.snapshot().generator[0].weight.fill_(9.0)  # nor does a snapshot touch the training
    monitor.stop()
    assert same(weights(snapshot), before)
    assert same(weights(monitor.run.model), after(monitor.run.step))
    assert same(weights(monitor.snapshot()), weights(monitor.run.averaged))


def test_snapshots_feed_an_explorer_while_training_runs():
    from infogan_lib.show.widgets.explorer import LatentExplorer

    monitor = TrainingMonitor(training(), every=0.01)
    explorer = LatentExplorer(monitor.snapshot())
    monitor.on_snapshot(lambda model: setattr(explorer, "model", model))
    pictures = [explorer.picture.tobytes()]
    monitor.start()
    for _ in range(3):
        monitor.wait(step=monitor.run.step + 50)
        pictures.append(explorer.picture.tobytes())
    monitor.pause()
    explorer.set(c1=1.5)
    assert len(set(pictures)) > 1
    assert same(weights(explorer.model), weights(monitor.snapshot()))


# -- however it ends, nothing is lost --------------------------------------------------------------------------


START = """
import sys, time
sys.path.insert(0, {tests!r})
import tiny, torch
from dataclasses import replace
from functools import partial
from infogan_lib import Training
from infogan_lib.show.widgets.monitor import TrainingMonitor
torch.set_num_threads(1)
"""
TRAIN = """
recipe = replace(tiny.RECIPE, steps=100_000, checkpoint_every=7)
monitor = TrainingMonitor(Training(tiny.build(), tiny.images(), recipe, seed=7, folder={folder!r}))
monitor.start()
monitor.wait(step=30)
print("running", flush=True)
"""
# Forks once for each line of input: torch is imported once, and each child runs the line and ends as any script does.
FORKS = """
import os
for line in sys.stdin:
    if not (child := os.fork()):
        exec(eval(line))
        break
    print(child, flush=True)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
TESTS = str(Path(tiny.__file__).parent)
ENDINGS = {
    "the end of the script": ("", None, 0),
    "Ctrl-C": ("time.sleep(60)", signal.SIGINT, -signal.SIGINT),
    "Ctrl-C in wait, caught": (
        "try: monitor.wait()\nexcept KeyboardInterrupt: print(monitor.state, monitor.run.step, flush=True)",
        signal.SIGINT,
        0,
    ),
    "terminated": ("time.sleep(60)", signal.SIGTERM, -signal.SIGTERM),
}


@pytest.fixture(scope="module")
def forks():
    command = [sys.executable, "-c", START.format(tests=TESTS) + FORKS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


@pytest.mark.skipif(os.name == "nt", reason="the signals are Unix's")
@pytest.mark.parametrize("ending", ENDINGS)
def test_however_a_process_ends_its_run_is_whole(tmp_path, forks, ending):
    last_line, signal_sent, code = ENDINGS[ending]
    print(repr(TRAIN.format(folder=str(tmp_path)) + last_line), file=forks.stdin, flush=True)
    child, running = int(forks.stdout.readline()), forks.stdout.readline()
    assert running == "running\n"
    if signal_sent:
        time.sleep(0.1)
        os.kill(child, signal_sent)
    out = []
    while (line := forks.stdout.readline()) and not line.startswith("ended"):
        out.append(line)
    assert line == f"ended {code}\n"
    step = saved_step(tmp_path)
    assert step >= 28
    if ending == "Ctrl-C in wait, caught":
        assert out == [f"paused {step}\n"]
    if ending == "terminated":
        assert step % 7 == 0
    else:
        assert not list(tmp_path.glob(".*.part"))
    resumed = Training.resume(tmp_path, tiny.images())
    assert resumed.step == step and same(weights(resumed.model), after(step))
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(1, step + 1))


class Shell:
    """What `on_interrupt` asks of an IPython shell, of its events and of its kernel."""

    def __init__(self):
        self.events = self.kernel = self
        self.callbacks, self.saved_sigint_handler = [], signal.SIG_IGN

    def register(self, event, callback):
        if event == "post_run_cell":
            self.callbacks.append(callback)


def test_many_monitors_wait_for_interrupts_with_one_handler_a_shell(monkeypatch):
    shell = Shell()
    monkeypatch.setattr(callbacks, "get_ipython", lambda: shell)
    for _ in range(5):
        TrainingMonitor(tiny.SPEC).close()
    handler = shell.saved_sigint_handler
    monitors = [TrainingMonitor(training(seed=seed)) for seed in (1, 2)]
    assert len(shell.callbacks) == 1 and shell.saved_sigint_handler == handler != signal.SIG_IGN
    gc.collect()
    assert set(shell.infogan_cells.interrupted) == set(monitors)
    for error, state in ((None, "running"), (ValueError(), "running"), (KeyboardInterrupt(), "paused")):
        monitors[1].start()
        shell.callbacks[0](SimpleNamespace(error_in_exec=error))
        assert monitors[1].state == state
        monitors[1].pause()
    monitors[0].start()
    handler(signal.SIGINT, None)  # between two cells
    assert monitors[0].wait(timeout=20) and monitors[0].state == "paused"


@pytest.fixture
def kernel():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    if manager.is_alive():
        manager.shutdown_kernel(now=True)


def ask(client, code, begun=None, cell=None):
    """What a cell prints, or the name of its error. `begun` is called at its first output. `cell` is the notebook's
    name of the cell, as JupyterLab sends it.
    """
    said = []

    def output(message):
        said.append(message["content"].get("text", ""))
        if begun is not None and len(said) == 1:
            begun()

    named = partial(client.session.msg, metadata=None if cell is None else {"cellId": cell})
    with mock.patch.object(client.session, "msg", named):
        reply = client.execute_interactive(code, timeout=60, output_hook=output)["content"]
    return reply["ename"] if reply["status"] == "error" else "".join(said).strip()


@pytest.mark.skipif(os.name == "nt", reason="interrupts are signals on Unix")
def test_interrupting_or_shutting_down_a_kernel(tmp_path, kernel):
    manager, client = kernel
    script = START.format(tests=TESTS) + TRAIN.format(folder=str(tmp_path))
    assert ask(client, script) == "running"

    def interrupt():
        time.sleep(0.1)  # for the line after the print to begin
        manager.interrupt_kernel()

    def interrupt_within(line):
        return ask(client, f"print('begun', flush=True)\n{line}", interrupt)

    # A cell that waits for the run, another one, none.
    for way in (lambda: interrupt_within("monitor.wait()"), lambda: interrupt_within("time.sleep(60)"), interrupt):
        assert ask(client, "print(monitor.state)") == "running"
        assert way() in ("KeyboardInterrupt", None)
        deadline = time.monotonic() + 20
        while ask(client, "print(monitor.state)") == "running" and time.monotonic() < deadline:
            pass
        state, step = ask(client, "print(monitor.state, monitor.run.step)").split()
        assert state == "paused"
        assert saved_step(tmp_path) == int(step)
        ask(client, "monitor.start()")
    manager.shutdown_kernel(now=False)
    step = saved_step(tmp_path)
    resumed = Training.resume(tmp_path, tiny.images())
    assert resumed.step == step and same(weights(resumed.model), after(step))
    assert not list(tmp_path.glob(".*.part"))


COUNT = "from ipywidgets.widgets.widget import _instances; print(len(_instances))"
SHOW = "monitor = TrainingMonitor(run)\nmonitor.start()\nmonitor.wait(step=run.step + 3)\nmonitor"


def test_a_cell_run_again_and_a_kernel_restarted(tmp_path, kernel):
    manager, client = kernel
    recipe = "replace(tiny.RECIPE, steps=100_000)"
    make = f"run = Training(tiny.build(), tiny.images(), {recipe}, seed=7, folder={str(tmp_path)!r})"
    assert ask(client, START.format(tests=TESTS) + make, cell="a") == ""
    ask(client, SHOW, cell="b")
    once = int(ask(client, COUNT))
    for _ in range(3):
        ask(client, SHOW, cell="b")
    assert int(ask(client, COUNT)) == once  # the page has one of them, and so has the memory
    assert ask(client, "print(monitor.state)") == "running"
    ask(client, "other = TrainingMonitor(run)", cell="c")
    assert int(ask(client, COUNT)) == 2 * once
    assert ask(client, "print(other.state)", cell="b") == "running"  # cell b is another one now; the run goes on
    assert int(ask(client, COUNT)) == once
    ask(client, "other.pause()")
    step = saved_step(tmp_path)
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    assert ask(client, START.format(tests=TESTS) + make, cell="a") == "TrainingError"  # it holds a run; nothing is lost
    resume = f"run = Training.resume({str(tmp_path)!r}, tiny.images())\nprint(run.step)"
    assert ask(client, resume, cell="a") == str(step)
    ask(client, SHOW, cell="b")
    assert ask(client, "print(monitor.state)") == "running"
