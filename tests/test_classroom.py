"""One data folder for a class, and a container for a learner: that they work, not how fast."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faults
import pytest
from jupyter_client.manager import start_new_kernel

from infogan_lib.data import ROOT as DATA

ROOT = Path(__file__).resolve().parent.parent
CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8")

LEARNER = """
from dataclasses import replace
import torch
from infogan_lib import Training, data
from infogan_lib.training import presets, weights
from infogan_lib.show.widgets import LatentExplorer
torch.set_num_threads(1)
root = {folder!r}
explorer = LatentExplorer(weights.load(root + "/weights/mnist.safetensors"))
explorer.set(digit=3, c1=1.5)
preset = presets.load("mnist")
recipe = replace(preset.recipe, batch=16)
run = Training(preset.build(), data.mnist("test", root), recipe, seed={seed}, folder={run!r})
for report, _ in zip(run, range(3)): pass
run.save()
try: open(root + "/new", "w")
except OSError: print("done", report.step)
"""


def learn(folder, seed, run):
    """What a kernel says of LEARNER: its output, and a traceback if there is one."""
    said = []

    def hear(message):
        said.extend([message["content"].get("text", ""), *message["content"].get("traceback", [])])

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive(
            LEARNER.format(folder=str(folder), seed=seed, run=str(run)), timeout=200, output_hook=hear
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return "".join(said).strip()


def test_two_kernels_share_a_data_folder_that_nobody_may_write(tmp_path):
    def fill(folder):
        (folder / "weights").mkdir()
        (folder / "MNIST" / "raw").mkdir(parents=True)
        for packed in (DATA / "MNIST" / "raw").glob("t10k-*.gz"):
            shutil.copy(packed, folder / "MNIST" / "raw")
        shutil.copy(DATA / "weights" / "mnist.safetensors", folder / "weights")

    runs = [tmp_path / "run-0", tmp_path / "run-1"]
    with faults.read_only(tmp_path / "data", fill) as folder, ThreadPoolExecutor() as pool:
        assert list(pool.map(learn, [folder] * 2, range(2), runs)) == ["done 3"] * 2
    assert all((run / "checkpoint.safetensors").exists() for run in runs)


def test_what_the_container_file_copies_is_there_and_its_token_stays():
    copied = [word for line in re.findall(r"^COPY (?!<<)(.+)$", CONTAINER, re.M) for word in line.split()[:-1]]
    assert {"pyproject.toml", "requirements.lock", "infogan_lib", "data", "notebooks"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert (ROOT / "notebooks" / "00_start_here.ipynb").exists() and "notebooks/00_start_here.ipynb" in CONTAINER
    assert "token" not in re.sub(r"^#.*$", "", CONTAINER, flags=re.M) and "password" not in CONTAINER
    assert "-p 127.0.0.1:8888:8888" in CONTAINER


@pytest.mark.skipif(os.name == "nt", reason="a script for sh")
def test_the_containers_start_script_gives_notebooks_once_and_keeps_a_learners_own(tmp_path):
    script = re.search(r'^COPY <<"START" .*?\n(.*?)^START$', CONTAINER, re.M | re.S)[1]
    script = script.replace("/opt/infogan/notebooks", str(ROOT / "notebooks"))
    book = tmp_path / "notebooks" / "00_start_here.ipynb"
    for expected in ((ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8"), "mine"):
        out = subprocess.run(
            ["sh", "-c", script, "start-course", "pwd"], env=os.environ | {"HOME": str(tmp_path)},
            capture_output=True, text=True, check=True)  # fmt: skip
        assert out.stdout.strip() == str(tmp_path) and book.read_text(encoding="utf-8") == expected
        book.write_text("mine", encoding="utf-8")
