"""What the tests of faults share: trials, a script that can be killed in the middle of a write, and small disks."""

import contextlib
import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch

from infogan_lib import Training
from infogan_lib.data import files

HERE = Path(__file__).parent
UNIX = pytest.mark.skipif(os.name == "nt", reason="the signals are Unix's")


def trials(name, few=3, many=20):
    """Seeds: `few` in the suite, `many` others in `make soak`."""
    soak = [pytest.param(seed, marks=pytest.mark.soak) for seed in range(few, few + many)]
    return pytest.mark.parametrize(name, [*range(few), *soak])


def counts(name, few=3, many=20):
    """How often within one test: `few` times in the suite, `many` times in `make soak`."""
    return pytest.mark.parametrize(name, [few, pytest.param(many, marks=pytest.mark.soak)])


# tiny.py as a program. Its write number argv[4] stops half way and stays there until it is killed: the calls
# counted are fsync, of which only half the bytes are left, and the rename.
SCRIPT = """
import os, runpy, sys, time
folder, mode, stop = sys.argv[1], sys.argv[2], int(sys.argv[3])
count = 0
def counted(call):
    def wait(*args):
        global count
        count += 1
        if count == stop:
            if call is fsync:
                os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
            print("writing", flush=True)
            time.sleep(60)
        return call(*args)
    return wait
fsync = os.fsync
os.fsync, os.replace = counted(fsync), counted(os.replace)
sys.path.insert(0, TESTS)
sys.argv = ["tiny.py", folder, mode]
runpy.run_path(os.path.join(TESTS, "tiny.py"), run_name="__main__")
""".replace("TESTS", repr(str(HERE)))


def start(folder, stop=0):
    """The training of tiny.py in a process of its own: a new run, or the one that `folder` holds."""
    mode = "resume" if (folder / "manifest.json").exists() else "new"
    command = [sys.executable, "-c", SCRIPT, str(folder), mode, str(stop)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def new(folder=None, **kwargs):
    """The same training here."""
    return Training(tiny.build(), tiny.images(), tiny.RECIPE, seed=7, folder=folder, **kwargs)


def check_whole(folder):
    """The run in `folder` ended, in the bits of an undisturbed one, and its log has each step once."""
    undisturbed = new()
    list(undisturbed)
    expected = undisturbed.model.state_dict()
    tensors, manifest = files.load_tensors(folder / "checkpoint.safetensors")
    found = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    assert manifest["step"] == tiny.RECIPE.steps
    assert found.keys() == expected.keys() and all(torch.equal(found[k], expected[k]) for k in expected)
    with (folder / "log.csv").open(newline="") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == list(range(1, tiny.RECIPE.steps + 1))
    assert parts(folder) == []


def parts(folder):
    """What writes that did not end have left."""
    return sorted(path.name for path in folder.glob(".*.part"))


@contextlib.contextmanager
def disk(folder, size="4m"):
    """A file system of its own at `folder`, in memory; skips the test where none may be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs Linux and root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def ordinary_user():
    """Somebody whom permissions bind, also where root runs the tests."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def read_only(folder, fill):
    """`folder`, made and filled by `fill(folder)`, in which nobody may write any more: root included, or skipped."""
    if os.name != "nt" and os.geteuid() == 0:  # no permission binds root
        with disk(folder, "64m"):
            fill(folder)
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
            yield folder
        return
    folder.mkdir()
    fill(folder)
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield folder
    finally:
        for path in paths:
            path.chmod(0o755)
