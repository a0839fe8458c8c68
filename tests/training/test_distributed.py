import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import team
import tiny
import torch
import torch.distributed as dist
from torch import nn

from infogan_lib import Training
from infogan_lib.data import files
from infogan_lib.training import weights
from infogan_lib.training.checkpoint import RunFolder
from infogan_lib.training.devices import pick_device
from infogan_lib.training.distributed import Onlooker, Processes

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="torchrun and its signals are tested on Unix"),
    pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo"),
]

SCRIPT = Path(team.__file__)
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def torchrun(*arguments, check=True):
    command = [*TORCHRUN, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert not check or done.returncode == 0, done.stderr
    return done


def checkpoint(folder):
    return files.load_tensors(folder / "checkpoint.safetensors")


def assert_close(one, several):
    """Weights, averages and Adam's moments up to rounding (which a sum of gradients instead of their mean would
    show in the moments alone); the order of the data and the random numbers exactly."""
    assert one.keys() == several.keys()
    for name, tensor in one.items():
        exact = not tensor.is_floating_point()
        torch.testing.assert_close(several[name], tensor, **({"rtol": 0, "atol": 0} if exact else TOLERANCE), msg=name)


TOLERANCE = {"rtol": 1e-4, "atol": 2e-6}  # twelve steps end within 3e-7; float32 sums in another order


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The same twelve steps by two processes, and by one; the two also hold `team.check_...`, each an assertion."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    done = torchrun(SCRIPT, "check", two, 12)
    said = [f"{rank} {step}" for rank in (0, 1) for step in (*range(1, 13), "checked")]
    assert sorted(done.stdout.splitlines()) == sorted(said)
    list(team.start(one))
    return one, two


def test_two_processes_train_as_one_with_the_same_global_batch(pair):
    one, two = map(checkpoint, pair)
    assert one[1] == two[1]
    assert_close(one[0], two[0])


def test_one_process_writes_the_log_of_all(pair):
    one, two = (list(csv.DictReader((folder / "log.csv").open())) for folder in pair)
    assert [row["step"] for row in two] == [str(step) for step in range(1, 13)]
    for a, b in zip(one, two):
        for name in a.keys() - {"loss_real"}:
            assert float(b[name]) == pytest.approx(float(a[name]), rel=1e-4, abs=1e-6), name


def test_a_run_goes_on_with_another_number_of_processes(pair, tmp_path):
    whole = team.start(tmp_path / "whole", replace(team.RECIPE, steps=16))
    list(whole)
    eight = team.start(tmp_path / "eight", replace(team.RECIPE, steps=8))
    list(eight)
    torchrun(SCRIPT, "train", tmp_path / "eight", 12)  # one, then two
    assert_close(checkpoint(pair[0])[0], checkpoint(tmp_path / "eight")[0])
    list(team.resume(tmp_path / "eight", 16))  # and one again
    assert_close(checkpoint(tmp_path / "whole")[0], checkpoint(tmp_path / "eight")[0])


def endless(folder, until, **recipe):
    """A run of two processes that has written the file `until`, and the process of each rank."""
    settings = [f"{name}={value}" for name, value in recipe.items()]
    command = [*TORCHRUN, str(SCRIPT), "train", str(folder), "1000000", *settings]
    agent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (folder / until).exists() and time.monotonic() < deadline:
        assert agent.poll() is None, agent.stderr.read()
        time.sleep(0.1)
    workers = psutil.Process(agent.pid).children()
    return agent, {int(w.environ()["RANK"]): w for w in workers if "RANK" in w.environ()}


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_worker_ends_the_run_and_its_checkpoint_stays(rank, tmp_path):
    agent, workers = endless(tmp_path, "checkpoint.safetensors")  # the log is there a moment earlier
    workers[rank].kill()
    agent.communicate(timeout=90)
    assert agent.returncode != 0
    psutil.wait_procs(workers.values(), timeout=10)
    assert not any(worker.is_running() for worker in workers.values())
    step = checkpoint(tmp_path)[1]["step"]
    assert step >= 4 and step % 4 == 0
    run = team.resume(tmp_path, step + 2)
    assert [report.step for report in run] == [step + 1, step + 2]


def test_ctrl_c_stops_all_at_one_step_and_saves(tmp_path):
    agent, workers = endless(tmp_path, "log.csv", checkpoint_every=1000000)
    assert not (tmp_path / "checkpoint.safetensors").exists()
    agent.send_signal(signal.SIGINT)
    agent.communicate(timeout=90)
    assert agent.returncode != 0 and not any(worker.is_running() for worker in workers.values())
    step = checkpoint(tmp_path)[1]["step"]
    assert step > 0 and step % 50 == 0
    assert [int(row["step"]) for row in csv.DictReader((tmp_path / "log.csv").open())] == list(range(1, step + 1))


def test_the_command_line_trains_with_two_processes(tmp_path):
    arguments = ["--steps", 2, "--set", "batch=8", "--device", "cpu", "--seed", 3]
    done = torchrun("-m", "infogan_lib", "train", "mnist", "--out", tmp_path, *arguments)
    assert done.stdout.count("2 steps on cpu") == 1 and len(done.stdout.splitlines()) == 1
    model = weights.load(tmp_path / "weights.safetensors")
    assert model.manifest["recipe"]["batch"] == 8 and model.manifest["step"] == 2


def test_a_batch_that_does_not_divide_is_one_clear_error(tmp_path):
    arguments = ["--set", "batch=9", "--device", "cpu", "--out", tmp_path / "a"]
    done = torchrun("-m", "infogan_lib", "train", "mnist", *arguments, check=False)
    assert done.returncode != 0 and not (tmp_path / "a").exists()
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [
        "error: a batch of 9 does not divide into 2 equal shares of at least 2; "
        "set batch to a multiple of 2 (--set batch=10)"
    ]


def test_shares_cover_the_batch_once():
    rows = torch.arange(12)
    for size in (1, 2, 3, 6):
        assert torch.cat([rows[Processes(rank, size).share(12)] for rank in range(size)]).equal(rows)
    assert Processes().share(1) == slice(0, 1)
    with pytest.raises(ValueError, match="--set batch=24"):
        Processes(0, 12).share(12)
    with pytest.raises(ValueError):
        Processes(0, 5).share(16)


def test_one_process_exchanges_nothing():
    alone = Processes.current()
    assert alone == Processes() and alone.first and alone.any(True) and not alone.any(False)
    tensor = torch.tensor([1.0, 2.0])
    alone.mean_([tensor])
    assert tensor.tolist() == [1.0, 2.0]


def test_an_onlooker_reads_and_neither_locks_nor_writes(tmp_path):
    run = Training(tiny.build(), tiny.images(), replace(tiny.RECIPE, steps=5), folder=tmp_path, device="cpu")
    list(run)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    folder = Processes(rank=1, size=2).folder(tmp_path)
    assert isinstance(folder, Onlooker) and not folder.closed
    tensors, manifest = folder.load()
    assert manifest["step"] == 5
    folder.begin({})
    folder.save(tensors, {"step": 6})
    folder.append(["step"], [{"step": 6}])
    folder.trim(0)
    folder.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    RunFolder(tmp_path).close()  # and the lock was free


def test_batch_norm_is_synchronised_on_cuda_alone(monkeypatch):
    monkeypatch.setattr(dist, "broadcast", lambda tensor, src: None)
    for device, kind in (("cpu", nn.BatchNorm1d), ("cuda", nn.SyncBatchNorm)):
        model = tiny.build()
        keys, before = model.state_dict().keys(), model.generate(model.spec.sample(4, torch.Generator().manual_seed(0)))
        Processes(0, 2).prepare(model, torch.device(device))
        norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        assert norms and all(type(norm) is kind for norm in norms)
        assert model.state_dict().keys() == keys
        assert model.generate(model.spec.sample(4, torch.Generator().manual_seed(0))).equal(before)


def test_each_process_has_its_own_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("cuda") == torch.device("cuda")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    for rank, name in (("0", "auto"), ("1", "cuda")):
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert pick_device(name) == torch.device("cuda", int(rank))
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="start at most 2"):
        pick_device("auto")
    assert pick_device("cpu") == torch.device("cpu")
