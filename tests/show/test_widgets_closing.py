"""A widget that is closed is gone: from the page, from memory, from the folder of its run. Two monitors, one run."""

import gc
import threading
import weakref
from dataclasses import replace

import ipywidgets
import pytest
import tiny
import torch
from ipywidgets.widgets.widget import _instances as opened

from infogan_lib import Training
from infogan_lib.show.widgets import DrawAndRead, LatentExplorer, TrainingMonitor
from infogan_lib.training import weights
from infogan_lib.training.checkpoint import TrainingError

LONG = replace(tiny.RECIPE, steps=100_000, checkpoint_every=100_000)


@pytest.fixture(autouse=True)
def nothing_is_left():
    ipywidgets.Widget.close_all()
    yield
    ipywidgets.Widget.close_all()
    assert workers() == []


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "infogan-training"]


def training(folder=None, recipe=LONG, seed=7):
    return Training(tiny.build(), tiny.images(), recipe, seed=seed, folder=folder)


def explorer():
    return LatentExplorer(tiny.build())


def pad():
    widget = DrawAndRead(weights.load("mnist"))
    widget.set_image(one())
    return widget


def one():
    drawn = torch.zeros(28, 28, dtype=torch.uint8)
    drawn[4:24, 13:15] = 255
    return drawn


def own_loop():
    run = training()
    widget = TrainingMonitor(run)
    widget.on_snapshot(lambda model: None)
    for _ in range(3):
        widget.update(next(run))
    return widget


def in_a_thread():
    widget = TrainingMonitor(training())
    widget.start()
    widget.wait(step=3)
    return widget


MAKERS = {f.__name__: f for f in (explorer, pad, own_loop, in_a_thread)}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_closed_widget_leaves_no_comm_open_and_frees_its_model(make):
    widget = make()
    model, comms = weakref.ref(widget.model), [one.comm for one in opened.values()]
    assert len(comms) > 20
    widget.close()
    assert not opened and workers() == []
    assert all(comm._closed for comm in comms)
    del comms
    gc.collect()
    assert model() is None  # though the widget itself is held, as IPython does of all that a cell shows
    widget.close()
    reference = weakref.ref(widget)
    del widget
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_ipywidgets_closing_all_one_by_one_is_the_same(make):
    widget = make()
    model = weakref.ref(widget.model)
    ipywidgets.Widget.close_all()
    gc.collect()
    assert model() is None and workers() == [] and not opened


def test_a_widget_that_cannot_be_made_leaves_nothing():
    for wrong, error in (
        ({"captions": ["one", "two"]}, ValueError),
        ({"across": "c9"}, KeyError),
        ({"down": "c9"}, KeyError),
        ({"view": "cube"}, ValueError),
        ({"labels": {"kind": ["one name of three"]}}, ValueError),
    ):
        with pytest.raises(error):
            LatentExplorer(tiny.build(), **wrong)
        assert not opened, wrong
    with pytest.raises(ValueError, match="digits"):
        DrawAndRead(weights.load("mnist"), digits=[1, 2])
    with pytest.raises(TypeError):
        TrainingMonitor(3)
    assert not opened


def test_a_closed_widget_says_so():
    shown, drawn, watched = explorer(), pad(), TrainingMonitor(training())
    for widget in (shown, drawn, watched):
        widget.close()
    for act in (
        lambda: shown.set(c1=0.5),
        lambda: shown.model,
        shown.save_gif,
        lambda: drawn.set_image(one()),
        watched.start,
        watched.step,
    ):
        with pytest.raises(RuntimeError, match="is closed; make another"):
            act()
    watched.pause()
    watched.stop()
    assert watched.state == "closed" and workers() == []


def test_closing_what_a_training_shows_its_snapshots_in_does_not_end_the_training():
    monitor, shown = TrainingMonitor(training(), every=1e-9), explorer()
    monitor.on_snapshot(lambda model: setattr(shown, "model", model))
    monitor.start()
    monitor.wait(step=3)
    shown.close()
    monitor.wait(step=monitor.run.step + 20)
    assert monitor.state == "running" and monitor.curves.error == ""


def test_closing_a_monitor_in_ones_own_loop_does_not_end_the_loop():
    run = training(recipe=tiny.RECIPE)
    monitor = TrainingMonitor(run, every=1e-9)
    for report in run:
        monitor.update(report)
        if report.step == 3:
            monitor.close()
    assert run.step == 40


# -- the folder of a run ----------------------------------------------------------------------------------


def monitored(folder):
    """A run in a folder and its monitor, three steps after the start."""
    run = training(folder)
    monitor = TrainingMonitor(run)
    monitor.start()
    monitor.wait(step=3)
    return run, monitor


def test_close_saves_the_run_and_frees_its_folder(tmp_path):
    run, monitor = monitored(tmp_path)
    monitor.close()
    assert Training.resume(tmp_path, tiny.images()).step == run.step


def test_a_closed_monitor_that_was_never_started_holds_no_folder(tmp_path):
    monitor = TrainingMonitor(training(tmp_path))
    monitor.close()
    gc.collect()
    Training.resume(tmp_path, tiny.images())
    assert monitor.state == "closed"


def test_a_replaced_monitor_pauses_and_saves_and_the_next_one_goes_on_with_the_run(tmp_path):
    run, first = monitored(tmp_path)
    first.replaced()
    held = run.step
    assert first.state == "closed" and workers() == [] and not run.folder.closed
    second = TrainingMonitor(run)
    assert second.state == "waiting" and not second.buttons["Start"].disabled
    second.start()
    second.wait(step=held + 3)
    second.replaced()
    step = run.step
    del run
    gc.collect()
    assert Training.resume(tmp_path, tiny.images()).step == step  # who lets go of the run lets go of its folder


def test_a_run_that_another_closes_is_stopped_and_writes_nothing_more(tmp_path):
    run = training(tmp_path, replace(LONG, checkpoint_every=1))
    monitor, paused = TrainingMonitor(run), TrainingMonitor(training(tmp_path / "other"))
    paused.step()
    paused.run.close()
    with pytest.raises(TrainingError, match=r"closed.*Training\.resume"):
        paused.start()
    monitor.start()
    monitor.wait(step=3)
    run.close()
    monitor.wait()
    assert monitor.state == "stopped" and monitor.curves.error == ""
    resumed = Training.resume(tmp_path, tiny.images())
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"closed.*Training\.resume"):
        TrainingMonitor(run).start()  # though the folder is open again, for another run
    monitor.close()
    paused.close()
    run.close()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before and not resumed.folder.closed
    with pytest.raises(TrainingError, match=r"training in|holds"):
        Training.resume(tmp_path, tiny.images())
    resumed.close()


def test_a_monitor_keeps_none_of_the_runs_it_showed_before():
    monitor = TrainingMonitor(tiny.SPEC)
    before = []
    for seed in range(3):
        run = training(recipe=replace(tiny.RECIPE, steps=2), seed=seed)
        monitor.start(run)
        monitor.wait()
        before.append(weakref.ref(run))
        del run
    gc.collect()
    assert [run() is None for run in before] == [True, True, False]


# -- two monitors of one run ------------------------------------------------------------------------------


@pytest.fixture
def two():
    run = training()
    return TrainingMonitor(run, every=1e-9), TrainingMonitor(run, every=1e-9)


def enabled(monitor):
    return {name for name, button in monitor.buttons.items() if not button.disabled}


def test_two_monitors_of_one_run_show_the_same_and_order_the_same_thread(two):
    first, second = two
    first.start()
    second.wait(step=5)
    assert len(workers()) == 1 and first.state == second.state == "running"
    assert enabled(first) == enabled(second) == {"Pause", "Stop"}
    with pytest.raises(TrainingError, match="training already"):
        second.start()
    second.pause()
    assert first.state == second.state == "paused" and enabled(first) == enabled(second) == {"Start", "Step", "Stop"}
    first.step()
    second.step()
    assert first.curves.panels == second.curves.panels and first.curves.said == second.curves.said
    assert first.dashboard.samples.png == second.dashboard.samples.png
    second.start()
    first.stop()
    assert first.state == second.state == "stopped" and workers() == []
    second.step()
    assert first.state == second.state == "paused"


def test_closing_one_of_two_monitors_leaves_the_run_to_the_other(two):
    first, second = two
    first.start()
    first.wait(step=3)
    first.close()
    assert second.wait(step=second.run.step + 5) and second.state == "running"
    second.close()
    assert workers() == []


def test_a_monitor_made_while_its_run_is_trained_shows_it_from_there(two):
    first, _ = two
    first.start()
    first.wait(step=5)
    late = TrainingMonitor(first.run)
    assert late.state == "running" and enabled(late) == {"Pause", "Stop"}
    late.pause()
    assert late.curves.said == first.curves.said == f"paused at step {first.run.step}"
    first.run._step = lambda: 1 / 0
    late.start()
    with pytest.raises(ZeroDivisionError):
        late.wait()
    assert "ZeroDivisionError" in first.curves.error and "ZeroDivisionError" in late.curves.error
    assert first.state == late.state == "failed"


def test_a_run_that_takes_no_attributes_can_be_watched():
    class Run:
        __slots__ = ("model", "reports")

        def __init__(self):
            inner = training(recipe=tiny.RECIPE)
            self.model, self.reports = inner.model, inner

        def __next__(self):
            return next(self.reports)

    monitor = TrainingMonitor(Run())
    monitor.start()
    assert monitor.wait() and monitor.state == "finished"
