"""One data folder for a room, and a container for a learner: that they work, not how fast."""

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import faults
import pytest
from jupyter_client.manager import start_new_kernel

from infogan_lib.course import results
from infogan_lib.data import ROOT as DATA

ROOT = Path(__file__).resolve().parent.parent
CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8")

LEARNER = """
import torch
from infogan_lib import Training, data
from infogan_lib.training import presets, weights
from infogan_lib.show.widgets import LatentExplorer
torch.set_num_threads(1)
root = {folder!r}
explorer = LatentExplorer(weights.load(root + "/weights/mnist.safetensors"))
explorer.set(digit=3, c1=1.5)
preset = presets.load("mnist")
run = Training(preset.build(), data.mnist("train", root), preset.recipe, seed={seed}, folder={run!r})
for report, _ in zip(run, range(3)): pass
run.save()
try: open(root + "/new", "w")
except OSError: print("done", report.step)
"""


def test_two_kernels_share_a_data_folder_that_nobody_may_write(tmp_path):
    def fill(folder):
        shutil.copytree(DATA / "MNIST" / "raw", folder / "MNIST" / "raw", ignore=lambda _, names: [
            name for name in names if not name.endswith(".gz")])  # fmt: skip
        (folder / "weights").mkdir()
        shutil.copy(DATA / "weights" / "mnist.safetensors", folder / "weights")

    said = {}

    def learn(client, seed, folder):
        code = LEARNER.format(folder=str(folder), seed=seed, run=str(tmp_path / f"run-{seed}"))
        said[seed] = ""

        def hear(message):
            said[seed] += message["content"].get("text", "") + "".join(message["content"].get("traceback", []))

        client.execute_interactive(code, timeout=200, output_hook=hear)

    with faults.read_only(tmp_path / "data", fill) as folder:
        kernels = [start_new_kernel(kernel_name="python3") for _ in range(2)]
        try:
            learners = [
                threading.Thread(target=learn, args=(client, i, folder)) for i, (_, client) in enumerate(kernels)
            ]
            for learner in learners:
                learner.start()
            for learner in learners:
                learner.join()
        finally:
            for manager, client in kernels:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
    assert {seed: text.strip() for seed, text in said.items()} == {0: "done 3", 1: "done 3"}
    assert all((tmp_path / f"run-{seed}" / "checkpoint.safetensors").exists() for seed in (0, 1))


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


def test_the_administrators_page_has_the_measured_figures():
    page = (ROOT / "ADMIN.md").read_text(encoding="utf-8")
    table = page.split("<!-- /classroom -->")[0].split("equal to data/results/classroom.csv -->\n")[1]
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    measured = {row["what"]: row for row in results.read("classroom")}
    assert len(shown) == len(measured) >= 5
    for what, processes, memory, seconds in shown:
        row = measured[what.split(" (")[0]]
        figures = (row["processes"], row["peak_pss_mib"], row["cpu_seconds"])
        assert (processes, memory.replace(",", ""), seconds) == figures
