"""From the built wheel, with no clone in sight: preflight runs on foreign code, and the rest says what it needs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = Path(__file__).parent / "foreign"
# The installed packages of the course look as if they were not there.
WITHOUT = """
import sys
from importlib.machinery import PathFinder
class Without:
    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in {absent} else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without()
"""
ABSENT = {"matplotlib", "scipy", "sklearn", "ipywidgets", "IPython", "anywidget", "filelock", "safetensors"}
ABSENT |= {"torchvision", "PIL", "tqdm", "traitlets", "packaging"}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder with the unpacked wheel and, in place of the course's packages, nothing."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "infogan_lib", folder / "infogan_lib", ignore=shutil.ignore_patterns("__pycache__"))
    build = "import setuptools.build_meta as b; print(b.build_wheel('dist'))"
    subprocess.run([sys.executable, "-c", build], cwd=folder, check=True, capture_output=True)
    target = folder / "site"
    with zipfile.ZipFile(next((folder / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(target)
    shutil.rmtree(folder / "infogan_lib")
    (target / "sitecustomize.py").write_text(WITHOUT.format(absent=ABSENT), encoding="utf-8")
    return target


def python(elsewhere, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(elsewhere), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=elsewhere.parent, env=environment, capture_output=True, text=True
    )


def test_preflight_runs_on_a_foreign_script(elsewhere):
    done = python(elsewhere, "-m", "infogan_lib", "preflight", f"{FOREIGN / 'sliced.py'}:check")
    assert done.returncode == 0 and done.stdout.startswith("preflight: 0 faults"), done.stdout + done.stderr


def test_codes_bound_and_networks_come_with_it(elsewhere):
    code = """
import infogan_lib
from infogan_lib import Categorical, InfoGAN, LatentSpec, Noise, lower_bound
spec = LatentSpec(Noise(8), [Categorical("digit", 10)])
model, latent = InfoGAN("mlp", spec), spec.sample(4)
nats = lower_bound(spec, model.read(model.generate(latent)), latent)
print(infogan_lib.__file__, nats["digit"].shape)
"""
    done = python(elsewhere, "-c", code)
    assert done.returncode == 0, done.stderr
    assert str(elsewhere) in done.stdout and "torch.Size([4])" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("-m", "infogan_lib", "train", "mnist", "--out", "a"), ("-c", "from infogan_lib import Training"),
     ("-c", "import infogan_lib.show.widgets")],
)  # fmt: skip
def test_what_needs_the_course_says_so_in_a_line(elsewhere, arguments):
    done = python(elsewhere, *arguments)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and "install infogan-lib[course], and clone the repository" in last, done.stderr
