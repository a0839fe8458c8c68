"""The tiny network trained by the processes that torchrun starts, for tests/training/test_distributed.py.

    torchrun --nproc-per-node 2 tests/team.py train FOLDER STEPS [FIELD=NUMBER ...]   a new run, or on with the old one
    torchrun --nproc-per-node 2 tests/team.py check FOLDER STEPS                      and then what both must agree on

Batch norms are frozen (mean 0, variance 1) where a run is compared with that of one process, so that what the
network makes of an image does not depend on the others of its share.
"""

import sys
from dataclasses import replace
from pathlib import Path

import tiny
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from infogan_lib import LatentSpec, Training
from infogan_lib.training import distributed

RECIPE = replace(tiny.RECIPE, real_weight=0.0, steps=12, checkpoint_every=4)


def start(folder=None, recipe=RECIPE):
    return frozen(Training(tiny.build(), tiny.images(), recipe, seed=7, folder=folder, device="cpu"))


def resume(folder, steps=None):
    return frozen(Training.resume(folder, tiny.images(), device="cpu", steps=steps))


def frozen(run):
    for module in run.model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    return run


def threads(name):
    """This process's threads whose name says so; none where the system has no /proc."""
    return [t for t in Path("/proc/self/task").glob("*/comm") if name in t.read_text()]


def gathered(tensor):
    """The tensor as each of the processes has it."""
    found = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(found, tensor.contiguous())
    return found


def check_gradients_are_those_of_ddp(team):
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    theirs = DistributedDataParallel(theirs)
    x = torch.randn(8, 5)[team.share(8)]
    for net in (ours, theirs):
        net(x).square().sum(1).mean().backward()
    team.mean_gradients(list(ours.parameters()))
    for a, b in zip(ours.parameters(), theirs.parameters()):
        torch.testing.assert_close(a.grad, b.grad)


def check_one_start(team):
    torch.manual_seed(team.rank)  # as a network with layers that `initialise` does not draw would differ
    net = nn.Linear(5, 3)
    a, b = gathered(net.weight.data)
    assert not torch.equal(a, b)
    team.prepare(net, torch.device("cpu"))
    a, b = gathered(net.weight.data)
    assert torch.equal(a, b)


def check_votes(team):
    assert team.any(team.rank == 1) and team.any(True) and not team.any(False)


def check_weights_and_random_numbers_stay_the_same():
    """Also with live batch norms and with views, of the codes and of real images, where N processes differ from one."""
    spec = LatentSpec(tiny.SPEC.noise, [replace(code, view="nudged") for code in tiny.SPEC.codes])
    run = Training(tiny.build(spec=spec), tiny.images(), replace(tiny.RECIPE, steps=12), seed=7, device="cpu")
    list(run)
    averages = [v for k, v in run.averaged.state_dict().items() if "running" not in k and "num_" not in k]
    for tensor in (*(p.data for p in run.model.parameters()), *averages, run.generator.get_state()):
        a, b = gathered(tensor)
        assert torch.equal(a, b)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.joined() as team:
        folder, steps, *changes = sys.argv[2:]
        settings = {name: int(value) for name, value in (change.split("=") for change in changes)}
        again = (Path(folder) / "manifest.json").exists()
        dist.barrier()  # all have looked before the first one begins a run there
        recipe = replace(RECIPE, steps=int(steps), **settings)
        for report in resume(folder, int(steps)) if again else start(folder, recipe):
            print(f"{team.rank} {report.step}\n", end="", flush=True)  # in one piece: both write to one pipe
        if sys.argv[1] == "check":
            check_gradients_are_those_of_ddp(team)
            check_one_start(team)
            check_votes(team)
            check_weights_and_random_numbers_stay_the_same()
            print(f"{team.rank} checked\n", end="", flush=True)
    assert not threads("gloo"), "a group that outlives its block may abort the process as it ends"
