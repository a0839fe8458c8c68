"""What `python -m infogan_lib check` prints: is this machine ready for the course, and if not, what mends it?"""

from __future__ import annotations  # so that it runs, and reports, under a Python that is too old

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GIB = 2**30
INSTALL = (
    "Run `make install`, or `python -m pip install -c requirements.lock -e '.[course]'` in the repository's folder."
)
BROKEN = "cannot be imported"
MODULES = {"ipython": "IPython", "pillow": "PIL", "scikit-learn": "sklearn"}  # where the names differ
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


@dataclass(frozen=True)
class Check:
    """One line of the report; `mend` says what to do when `ok` is False."""

    name: str
    ok: bool
    detail: str
    mend: str = ""

    def __str__(self) -> str:
        return f"[OK] {self.name}: {self.detail}" if self.ok else f"[FAIL] {self.name}: {self.detail}. {self.mend}"


def check_python(version: tuple[int, ...]) -> Check:
    mend = "Install Python 3.11, which the course is tested with, or at least 3.10."
    return Check("python", version >= (3, 10), ".".join(map(str, version)), mend)


def check_packages(wanted: Iterable[str] | None = None) -> list[Check]:
    """One line if every package that the course requires imports at a version in its range, else one for each fault."""
    try:
        from packaging.requirements import Requirement

        lines = (importlib.metadata.requires("infogan-lib") or []) if wanted is None else wanted
    except ImportError as error:  # also where this library is not installed
        return [Check("packages", False, f"the list of packages cannot be read ({error})", INSTALL)]
    every = [Requirement(line) for line in lines]
    needed = [one for one in every if one.marker is None or one.marker.evaluate({"extra": "course"})]
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


def import_faults(modules: Sequence[str]) -> dict[str, str]:
    """{module: what went wrong} of those that a new Python cannot import.

    A new one, since all of them take some 200 MB that a notebook would not get back, and since a broken binary may end
    the Python that loads it; the modules after such a one are not tried.
    """
    done = subprocess.run([sys.executable, "-c", IMPORT, *modules], capture_output=True, text=True)
    tried = dict(json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("tried "))
    faults = {name: fault for name, fault in tried.items() if fault}
    if untried := [name for name in modules if name not in tried]:
        faults[untried[0]] = f"it ended Python with exit status {done.returncode}"
    return faults


def check_device() -> Check:
    """The device that training takes by default, tried with one product."""
    import torch

    device, name = "cpu", f"threads: {torch.get_num_threads()}"
    try:
        if torch.cuda.is_available():
            device, name = "cuda", torch.cuda.get_device_name()
        elif torch.backends.mps.is_available():
            device, name = "mps", "Apple GPU"
        torch.ones(2, 2, device=device).matmul(torch.ones(2, 2, device=device)).sum().item()
    except RuntimeError as error:
        mend = "Update its driver, or train with device='cpu', which is enough for the whole course."
        return Check("device", False, f"{device} is there but does not compute ({error})", mend)
    return Check("device", True, f"{device} ({name}), torch {torch.__version__}")


def check_files(root: Path) -> list[Check]:
    """The data against their checksums, and the shipped weights by reading them: a line each, or one for each fault."""
    from infogan_lib.data.files import load_tensors
    from infogan_lib.data.mnist import MNIST_FILES, check_file

    raw, weights = root / "data" / "MNIST" / "raw", root / "data" / "weights"
    report = []
    for name, folder, paths, read in (
        ("data", "data/MNIST", [raw / name for name in MNIST_FILES], check_file),
        ("weights", "data/weights", sorted(weights.glob("*.safetensors")), load_tensors),
    ):
        faults = []
        for path in paths:
            try:
                read(path)
            except Exception as error:  # its first sentence says what is wrong
                said, mend = str(error).partition(". ")[0], f"Restore it with `git checkout -- {folder}`."
                faults.append(Check(name, False, said, mend))
        whole = f"{len(paths)} files, whole" if paths else f"no files in {folder}"
        report += faults or [Check(name, True, whole)]
    return report


def free_memory() -> int | None:
    """Bytes that a new program may take; None where no file says it, as /proc/meminfo does on Linux."""
    file = Path("/proc/meminfo")
    found = re.search(r"MemAvailable: +(\d+) kB", file.read_text(encoding="ascii")) if file.exists() else None
    return 1024 * int(found[1]) if found else None


def check_space(name: str, free: int | None, needed: int, mend: str) -> Check:
    """Whether `free` bytes are the `needed` GiB; None, where they are not known, is no fault."""
    if free is None:
        return Check(name, True, f"not known on this system; {needed} GiB free are enough")
    return Check(name, free >= needed * GIB, f"{free / GIB:.1f} GiB free", f"{needed} GiB are needed. {mend}")


def checks(root: Path = ROOT) -> list[Check]:
    """Every line of the report."""
    report = [check_python(sys.version_info[:3]), *check_packages()]
    broken = {line.name for line in report if BROKEN in line.detail}
    if not broken & {"torch", "numpy", "safetensors"}:  # else loading them here might end this Python too
        for name, look in (("device", lambda: [check_device()]), ("data and weights", lambda: check_files(root))):
            try:
                report += look()
            except ImportError as error:
                report.append(Check(name, False, f"not checked ({error})", INSTALL))
    memory, disk = free_memory(), shutil.disk_usage(root).free
    report.append(check_space("memory", memory, 2, "Stop other programs or kernels."))  # a notebook with its kernel
    report.append(check_space("disk", disk, 1, "Folders in runs/ may go when you no longer need them."))
    return report


def main() -> int:
    """Print the report; 0 if every line is OK, else 1."""
    report = checks()
    print(*report, sep="\n")
    return 0 if all(check.ok for check in report) else 1
