"""The repository's own promises: one set of packages in three files, nothing of any one machine, a true `make` help."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

tomllib = pytest.importorskip("tomllib", reason="tomllib is in Python from 3.11 on")

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch"}
MODULE_NAMES = {"ipython": "IPython", "pillow": "PIL", "scikit-learn": "sklearn"}


def declared(*extras: str) -> dict[str, SpecifierSet]:
    """Package -> range, from pyproject.toml."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {canonicalize_name(one.name): one.specifier for one in map(Requirement, lines)}


def locked() -> dict[str, Version]:
    """Package -> exact version, from requirements.lock."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): Version(version) for name, version in pins}


def conda() -> dict[str, SpecifierSet]:
    """Package -> range, from environment.yml; a single = of conda's is pip's == with .* allowed after it."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pairs = (re.fullmatch(r"([\w-]+)(.*)", line).groups() for line in listed if isinstance(line, str))
    return {CONDA_NAMES.get(name, name): SpecifierSet(re.sub(r"^=(?!=)(.+)", r"==\1.*", spec)) for name, spec in pairs}


def files() -> list[Path]:
    """What git tracks or would add; outside a git checkout there is nothing to ask."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_every_declared_package_is_pinned_inside_its_range() -> None:
    pins = locked()
    for name, allowed in declared("course", "test", "browser").items():
        assert name in pins, f"{name} is in pyproject.toml but not in requirements.lock"
        assert pins[name] in allowed, f"{name}: the lock has {pins[name]}, pyproject.toml asks for {allowed}"


def test_torch_and_torchvision_are_the_pinned_pair() -> None:
    assert (str(locked()["torch"]), str(locked()["torchvision"])) == ("2.14.1", "0.29.1")


def test_lock_forces_no_package_that_only_some_platforms_have() -> None:
    assert [name for name in locked() if re.match(r"nvidia-|cuda-|triton|pywin|appnope|colorama", name)] == []


def test_conda_names_the_same_packages_with_the_same_ranges() -> None:
    ours, theirs = declared("course", "test"), conda()
    assert theirs.keys() - ours.keys() == {"python", "pip"} and ours.keys() <= theirs.keys()
    pins = locked()
    for name, allowed in ours.items():
        lowest = [spec.version for spec in allowed], [spec.version.removesuffix(".*") for spec in theirs[name]]
        assert lowest[0] == lowest[1], f"{name}: pyproject.toml has {allowed}, environment.yml {theirs[name]}"
        assert pins[name] in theirs[name], f"{name}: the lock has {pins[name]}, environment.yml {theirs[name]}"
    assert Version("3.11.0") in theirs["python"] and Version("3.11.0") in SpecifierSet(PROJECT["requires-python"])


def test_every_import_of_the_library_is_declared() -> None:
    modules = (
        {MODULE_NAMES.get(name, name) for name in declared("course")} | set(sys.stdlib_module_names) | {"infogan_lib"}
    )
    for path in (ROOT / "infogan_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module or "")
            for name in names:
                assert name.split(".")[0] in modules, f"{path.name} imports {name}, which pyproject.toml does not name"


def test_infogan_in_one_file_stays_short_and_needs_torch_and_torchvision_alone() -> None:
    text = (ROOT / "infogan.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    nodes = list(ast.walk(ast.parse(text)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= {"torch", "torchvision", *sys.stdlib_module_names}


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    # Put together here, so that this file does not hold them either.
    hosts = ["pypi" + ".org", "python" + "hosted.org", "download.py" + "torch.org", "conda." + "anaconda.org",
             "registry." + "npmjs.org"]  # fmt: skip
    places = [re.escape(f"/{folder}/") for folder in ("ro" + "ot", "wo" + "rk")]
    places.append(r"/home/\w+/")
    forbidden = re.compile("|".join([*map(re.escape, hosts), *(rf"(?<![\w.]){place}" for place in places)]))
    for path in files():
        if path.suffix in {".gz", ".png", ".safetensors"}:
            continue
        found = forbidden.search(path.read_text(encoding="utf-8", errors="ignore"))
        assert not found, f"{path.relative_to(ROOT)} names {found.group()}"


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.M).group(1).split())
    try:
        listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("make is not installed")
    assert {line.split()[1] for line in listed.stdout.splitlines()} == phony
    assert {"lab", "test", "lint", "weights", "soak"} <= phony <= set(re.findall(r"^([a-z-]+):", text, re.M))


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
