"""What `python -m infogan_lib check` prints: is this machine ready for the course, and if not, what mends it."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIB = 2**30
MEMORY_NEEDED, DISK_NEEDED = 2 * GIB, 1 * GIB  # for one notebook with its kernel, and for a few run folders
INSTALL = "Run `make install`, or `python -m pip install -c requirements.lock -e .` in the repository's folder."
BROKEN = "cannot be imported"
MODULES = {"ipython": "IPython", "pillow": "PIL", "scikit-learn": "sklearn"}  # where the names differ


@dataclass(frozen=True)
class Check:
    """One line of the report; `mend` says what to do when `ok` is False."""

    name: str
    ok: bool
    detail: str
    mend: str = ""

    def __str__(self) -> str:
        return f"[OK] {self.name}: {self.detail}" if self.ok else f"[FAIL] {self.name}: {self.detail}. {self.mend}"


def requirements(root: Path = ROOT) -> list[str]:
    """The packages and ranges the library declares: as installed, else as pyproject.toml says."""
    try:
        return importlib.metadata.requires("infogan-lib") or []
    except importlib.metadata.PackageNotFoundError:
        import tomllib  # from Python 3.11 on

        return list(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])


def check_python(version: tuple[int, ...]) -> Check:
    mend = "Install Python 3.11, which the course is tested with, or at least 3.10."
    return Check("python", version >= (3, 10), ".".join(map(str, version)), mend)


def check_packages(wanted: Iterable[str] | None = None) -> list[Check]:
    """One line if every package imports at a version in its range, else one for each that does not."""
    try:
        from packaging.requirements import Requirement

        needed = [Requirement(line) for line in (requirements() if wanted is None else wanted)]
    except (ImportError, OSError) as error:
        return [Check("packages", False, f"the list of packages cannot be read ({error})", INSTALL)]
    needed = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    broken = import_faults([MODULES.get(one.name, one.name) for one in needed])
    faults = []
    for one in needed:
        try:
            version = importlib.metadata.version(one.name)
        except importlib.metadata.PackageNotFoundError:
            faults.append(Check(one.name, False, "is not installed", INSTALL))
            continue
        if fault := broken.get(MODULES.get(one.name, one.name)):
            faults.append(Check(one.name, False, f"{version} {BROKEN} ({fault})", INSTALL))
        elif not one.specifier.contains(version, prereleases=True):
            faults.append(Check(one.name, False, f"{version} is installed, {one.specifier} is needed", INSTALL))
    return faults or [Check("packages", True, f"all {len(needed)} import, at versions in range")]


IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    fault = ""
    try:
        importlib.import_module(name)
    except Exception as error:  # a broken binary may raise anything
        fault = str(error) or type(error).__name__
    print("tried", json.dumps([name, fault]), flush=True)
"""


def import_faults(modules: Sequence[str]) -> dict[str, str]:
    """{module: what went wrong} of those that a new Python cannot import, in their order.

    A new one, since all of them together take some 200 MB that a notebook would not get back, and since a broken
    binary may end the Python that loads it. What comes after such a one was not tried.
    """
    done = subprocess.run([sys.executable, "-c", IMPORT, *modules], capture_output=True, text=True)
    tried = dict(json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("tried "))
    faults = {name: fault for name, fault in tried.items() if fault}
    if untried := [name for name in modules if name not in tried]:
        faults[untried[0]] = f"it ended Python with exit status {done.returncode}"
    return faults


def check_device() -> Check:
    """The device that training takes by default, tried with one product."""
    device = "cpu"
    try:
        import torch

        name = f"threads: {torch.get_num_threads()}"
        if torch.cuda.is_available():
            device, name = "cuda", torch.cuda.get_device_name()
        elif torch.backends.mps.is_available():
            device, name = "mps", "Apple GPU"
        torch.ones(2, 2, device=device).matmul(torch.ones(2, 2, device=device)).sum().item()
    except ImportError as error:
        return Check("device", False, f"torch cannot be imported ({error})", INSTALL)
    except RuntimeError as error:
        mend = "Update its driver, or train with device='cpu', which is enough for the whole course."
        return Check("device", False, f"{device} is there but does not compute ({error})", mend)
    return Check("device", True, f"{device} ({name}), torch {torch.__version__}")


def check_files(root: Path) -> list[Check]:
    """The data against their checksums, and the shipped weights by reading them."""
    try:
        from infogan_lib.data.files import load_tensors
        from infogan_lib.data.mnist import MNIST_FILES, check_file
    except ImportError as error:
        return [Check("data and weights", False, f"not checked ({error})", INSTALL)]
    mnist, weights = root / "data" / "MNIST", root / "data" / "weights"
    return [
        *_readable("data", mnist, [mnist / "raw" / name for name in MNIST_FILES], check_file),
        *_readable("weights", weights, sorted(weights.glob("*.safetensors")), load_tensors),
    ]


def _readable(name: str, folder: Path, paths: list[Path], read: Callable[[Path], object]) -> list[Check]:
    """One line if `read` takes every path, else one for each that it refuses."""
    faults = []
    for path in paths:
        try:
            read(path)
        except Exception as error:  # its first sentence says what is wrong
            mend = f"Restore it with `git checkout -- data/{folder.name}`."
            faults.append(Check(name, False, str(error).partition(". ")[0], mend))
    return faults or [Check(name, True, f"{len(paths)} files, whole" if paths else f"no files in data/{folder.name}")]


def free_memory() -> int | None:
    """Bytes a new program may take; None where the system does not say it in a file, as Linux does."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def check_memory(free: int | None) -> Check:
    if free is None:
        return Check("memory", True, f"not known on this system; {MEMORY_NEEDED / GIB:.0f} GiB free are enough")
    mend = f"Stop other programs or kernels until {MEMORY_NEEDED / GIB:.0f} GiB are free."
    return Check("memory", free >= MEMORY_NEEDED, f"{free / GIB:.1f} GiB free", mend)


def check_disk(free: int) -> Check:
    mend = f"Free {DISK_NEEDED / GIB:.0f} GiB; folders in runs/ may go when you no longer need them."
    return Check("disk", free >= DISK_NEEDED, f"{free / GIB:.1f} GiB free", mend)


def checks(
    root: Path = ROOT,
    python: tuple[int, ...] = sys.version_info[:3],
    wanted: Iterable[str] | None = None,
    memory: Callable[[], int | None] = free_memory,
    disk: Callable[[Path], int] = lambda root: shutil.disk_usage(root).free,
) -> list[Check]:
    """Every line of the report. The arguments stand for the machine, so that a test can break it."""
    packages, rest = check_packages(wanted), [check_memory(memory()), check_disk(disk(root))]
    if any(line.name in ("torch", "numpy", "safetensors") and BROKEN in line.detail for line in packages):
        return [check_python(python), *packages, *rest]  # what follows loads them here, and may end this Python too
    return [check_python(python), *packages, check_device(), *check_files(root), *rest]


def main() -> int:
    """Print the report; 0 if every line is OK, else 1."""
    report = checks()
    print(*report, sep="\n")
    return 0 if all(check.ok for check in report) else 1
