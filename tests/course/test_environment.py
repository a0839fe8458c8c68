"""The report of `python -m infogan_lib check`: right on this tree, and each fault named with its remedy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infogan_lib.course import environment
from infogan_lib.course.environment import GIB, Check, checks


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the data that a test may damage."""
    shutil.copytree(environment.ROOT / "data" / "MNIST" / "raw", tmp_path / "data" / "MNIST" / "raw")
    return tmp_path


def report(**faults: object) -> list[Check]:
    """The checks on a machine with memory and disk to spare, but for `faults`."""
    return checks(**{"memory": lambda: 8 * GIB, "disk": lambda root: 8 * GIB, **faults})


def failed(**faults: object) -> list[Check]:
    """The lines that say FAIL; each has to say what mends it."""
    lines = [line for line in report(**faults) if not line.ok]
    assert all(line.mend and str(line).startswith("[FAIL]") and line.mend in str(line) for line in lines)
    return lines


def test_this_tree_is_ready() -> None:
    lines = report()
    assert [str(line) for line in lines if not line.ok] == []
    assert [line.name for line in lines] == ["python", "packages", "device", "data", "weights", "memory", "disk"]
    assert all(str(line).startswith("[OK] ") for line in lines)


def test_old_python() -> None:
    (line,) = failed(python=(3, 9, 18))
    assert (line.name, line.detail) == ("python", "3.9.18") and "3.11" in line.mend


def test_missing_package() -> None:
    (line,) = failed(wanted=["torch>=2.4", "no-such-package-here>=1"])
    assert (line.name, line.detail) == ("no-such-package-here", "is not installed") and "make install" in line.mend


def test_package_out_of_range() -> None:
    (line,) = failed(wanted=["numpy<1"])
    assert line.name == "numpy" and "<1 is needed" in line.detail


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("raise OSError('a shared library is missing')", "cannot be imported (a shared library is missing)"),
        ("import os; os.abort()", "cannot be imported (it ended Python with exit status -6)"),
        ("import sys; sys.exit(0)", "cannot be imported (it ended Python with exit status 0)"),
    ],
)
def test_broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str) -> None:
    (tmp_path / "safetensors.py").write_text(content)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (line,) = failed(wanted=["numpy", "safetensors"])
    assert line.name == "safetensors" and said in line.detail


def test_a_python_that_ends_badly_after_all_was_imported_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "safetensors.py").write_text("import atexit, os; atexit.register(os._exit, 3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert failed(wanted=["numpy", "safetensors"]) == []


def test_a_broken_torch_is_reported_and_not_loaded(tmp_path: Path) -> None:
    """By the command, in a Python that has not imported it: the rest of the report is printed all the same."""
    (tmp_path / "torch.py").write_text("import os; os.abort()")
    command = [sys.executable, "-m", "infogan_lib", "check"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=environment.ROOT)
    assert done.returncode == 1 and "[FAIL] torch: " in done.stdout and "] memory: " in done.stdout


def test_the_packages_are_not_imported_here() -> None:
    """They would stay in memory."""
    code = "import sys; from infogan_lib import environment as e; e.check_packages(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_packages_of_other_extras_are_not_asked_for() -> None:
    assert failed(wanted=["numpy", 'no-such-package-here; extra == "test"']) == []


def test_a_device_that_does_not_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*size: int, device: str) -> None:
        raise RuntimeError("the driver is too old")

    monkeypatch.setattr("torch.ones", broken)
    (line,) = failed()
    assert line.name == "device" and "the driver is too old" in line.detail and "device='cpu'" in line.mend


def test_truncated_data(tree: Path) -> None:
    path = tree / "data" / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:1000])
    (line,) = failed(root=tree)
    assert line.name == "data" and f"{path.name} is truncated" in line.detail and "git checkout" in line.mend


def test_altered_and_missing_data_have_a_line_each(tree: Path) -> None:
    raw = tree / "data" / "MNIST" / "raw"
    path = raw / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(bytes(len(path.read_bytes())))
    (raw / "train-labels-idx1-ubyte.gz").unlink()
    missing, altered = failed(root=tree)
    assert "is missing" in missing.detail and "was altered" in altered.detail


def test_unreadable_weights(tree: Path) -> None:
    (tree / "data" / "weights").mkdir()
    (tree / "data" / "weights" / "mnist.safetensors").write_bytes(b"no tensors")
    (line,) = failed(root=tree)
    assert line.name == "weights" and "mnist.safetensors" in line.detail and "git checkout" in line.mend


def test_low_memory_and_low_disk() -> None:
    memory, disk = failed(memory=lambda: GIB // 2, disk=lambda root: 0)
    assert (memory.name, memory.detail) == ("memory", "0.5 GiB free")
    assert (disk.name, disk.detail) == ("disk", "0.0 GiB free")


def test_memory_that_cannot_be_told_is_no_fault() -> None:
    assert failed(memory=lambda: None) == []


def test_main_prints_every_line_and_returns_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "checks", lambda: [Check("a", True, "good")])
    assert environment.main() == 0
    monkeypatch.setattr(environment, "checks", lambda: [Check("a", True, "good"), Check("b", False, "bad", "mend b")])
    assert environment.main() == 1
    assert capsys.readouterr().out == "[OK] a: good\n[OK] a: good\n[FAIL] b: bad. mend b\n"


def test_check_runs_and_fails_where_torch_is_missing(tmp_path):
    """A module of that name that cannot be imported stands in for a machine without torch."""
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    command = [sys.executable, "-m", "infogan_lib", "check"]
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "[FAIL] torch" in result.stdout and "[OK] python" in result.stdout
