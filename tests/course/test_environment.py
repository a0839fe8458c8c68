"""The report of `python -m infogan_lib check`: right on this tree, and each fault named with its remedy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infogan_lib.course import environment
from infogan_lib.course.environment import GIB, Check, check_device, check_files, check_packages, check_space

FINE = [Check("packages", True, "stands for the check that takes seconds")]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the data that a test may damage."""
    shutil.copytree(environment.ROOT / "data" / "MNIST" / "raw", tmp_path / "data" / "MNIST" / "raw")
    return tmp_path


def fault(lines: list[Check] | Check) -> Check:
    """The one line that is not OK; it has to say what mends it."""
    (line,) = [line for line in (lines if isinstance(lines, list) else [lines]) if not line.ok]
    assert line.mend and str(line) == f"[FAIL] {line.name}: {line.detail}. {line.mend}"
    return line


def run(*arguments: str, first: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A Python of its own, which looks for modules in the folder `first` before it takes what is installed."""
    env = {**os.environ, **({"PYTHONPATH": str(first)} if first else {})}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, cwd=environment.ROOT)


def test_this_tree_is_ready_and_the_packages_are_not_loaded_to_see_it() -> None:
    """They would stay in memory. One run of the whole command, in a Python of its own."""
    code = (
        "import runpy, sys; sys.argv[1:] = ['check']\n"
        "try: runpy.run_module('infogan_lib', run_name='__main__')\n"
        "except SystemExit as ended: print(ended.code, 'sklearn' in sys.modules)"
    )
    *lines, end = run("-c", code).stdout.splitlines()
    names = ("python", "packages", "device", "data", "weights", "memory", "disk")
    assert [line.partition(":")[0] for line in lines] == [f"[OK] {name}" for name in names]
    assert end == "0 False"


def test_old_python() -> None:
    line = fault(environment.check_python((3, 9, 18)))
    assert (line.name, line.detail) == ("python", "3.9.18") and "3.11" in line.mend


def test_missing_package() -> None:
    line = fault(check_packages(["numpy", "no-such-package-here>=1"]))
    assert (line.name, line.detail) == ("no-such-package-here", "is not installed") and "make install" in line.mend


def test_package_out_of_range() -> None:
    line = fault(check_packages(["numpy<1"]))
    assert line.name == "numpy" and "<1 is needed" in line.detail


def test_packages_of_other_extras_are_not_asked_for() -> None:
    assert check_packages(["numpy", 'no-such-package-here; extra == "test"'])[0].ok


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
    line = fault(check_packages(["numpy", "safetensors"]))
    assert line.name == "safetensors" and said in line.detail


def test_a_python_that_ends_badly_after_all_was_imported_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "safetensors.py").write_text("import atexit, os; atexit.register(os._exit, 3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert check_packages(["numpy", "safetensors"])[0].ok


def test_a_broken_torch_is_reported_and_not_loaded(tmp_path: Path) -> None:
    """By the command, in a Python that has not imported it: the rest of the report is printed all the same."""
    (tmp_path / "torch.py").write_text("import os; os.abort()")
    done = run("-m", "infogan_lib", "check", first=tmp_path)
    assert done.returncode == 1 and "[FAIL] torch: " in done.stdout and "] memory: " in done.stdout


def test_a_torch_that_raises_is_reported_without_a_traceback(tmp_path: Path) -> None:
    """It stands for a machine without torch. Two packages stand for all, which take seconds."""
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    code = "from infogan_lib.course import environment as e; found = e.check_packages(['numpy', 'torch'])\n"
    done = run("-c", code + "e.check_packages = lambda: found; raise SystemExit(e.main())", first=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert all(line in done.stdout for line in ("[OK] python: ", "[FAIL] torch: ", "] memory: ", "] disk: "))


def test_where_the_list_of_packages_cannot_be_read_the_rest_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise environment.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.requires", missing)
    assert "infogan-lib" in fault(check_packages()).detail
    monkeypatch.setattr(environment, "check_packages", lambda: FINE)
    monkeypatch.setitem(sys.modules, "torch", None)  # what it says of packages may be wrong, or unknown
    faults = [line.name for line in environment.checks() if not line.ok]
    assert faults[0] == "device" and set(faults) & {"weights", "data and weights"}


def test_a_device_that_does_not_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*size: int, device: str) -> None:
        raise RuntimeError("the driver is too old")

    monkeypatch.setattr("torch.ones", broken)
    line = fault(check_device())
    assert line.name == "device" and "the driver is too old" in line.detail and "device='cpu'" in line.mend


def test_truncated_data(tree: Path) -> None:
    path = tree / "data" / "MNIST" / "raw" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:1000])
    line = fault(check_files(tree))
    assert line.name == "data" and f"{path.name} is truncated" in line.detail and "git checkout" in line.mend


def test_altered_and_missing_data_have_a_line_each(tree: Path) -> None:
    raw = tree / "data" / "MNIST" / "raw"
    path = raw / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(bytes(len(path.read_bytes())))
    (raw / "train-labels-idx1-ubyte.gz").unlink()
    missing, altered = [line for line in check_files(tree) if not line.ok]
    assert "is missing" in missing.detail and "was altered" in altered.detail


def test_unreadable_weights(tree: Path) -> None:
    (tree / "data" / "weights").mkdir()
    (tree / "data" / "weights" / "mnist.safetensors").write_bytes(b"no tensors")
    line = fault(check_files(tree))
    assert line.name == "weights" and "mnist.safetensors" in line.detail and "git checkout" in line.mend


def test_low_memory_and_low_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "check_packages", lambda: FINE)
    monkeypatch.setattr(environment, "free_memory", lambda: GIB // 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda root: shutil._ntuple_diskusage(GIB, GIB, 0))
    memory, disk = [line for line in environment.checks() if not line.ok]
    assert (memory.name, memory.detail) == ("memory", "0.5 GiB free") and "2 GiB" in memory.mend
    assert (disk.name, disk.detail) == ("disk", "0.0 GiB free") and "runs/" in disk.mend


def test_memory_that_is_not_known_is_no_fault() -> None:
    assert check_space("memory", None, 2, "").ok


def test_main_prints_every_line_and_returns_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "checks", lambda: [Check("a", True, "good")])
    assert environment.main() == 0
    monkeypatch.setattr(environment, "checks", lambda: [Check("a", True, "good"), Check("b", False, "bad", "mend b")])
    assert environment.main() == 1
    assert capsys.readouterr().out == "[OK] a: good\n[OK] a: good\n[FAIL] b: bad. mend b\n"
