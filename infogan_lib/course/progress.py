"""A learner's notebooks: which exercises are done in them, and a fresh copy that keeps the old one.

Both read files on this machine alone and send nothing. What is done is read from the answers of `check` that a
notebook was saved with; nothing runs. A kept copy is called NAME.mine-1.ipynb, the next one
NAME.mine-2.ipynb; they are the learner's: git ignores them, and no test and no count looks at them.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infogan_lib.data.files import expand, write_bytes

NUMBER = re.compile(r"\d\d[a-z]?")
EXERCISE = r"\d\d[a-z]?\.\d+"  # 07.2, and 07b.1 of what goes with notebook 07
HEADING = re.compile(rf"^#+ Exercise ({EXERCISE})\b", re.MULTILINE)
ANSWER = re.compile(rf'data-exercise="({EXERCISE})" data-state="(right|wrong|not yet)"')
NOT_RUN, UNCHECKED = "not run", "no check"  # beside the three states of `check`
BEST_LAST = (UNCHECKED, NOT_RUN, "not yet", "wrong", "right")
MINE = ".mine-"


def number(path: Path) -> str:
    """Which notebook a file is: "07" or "07b", what stands before the first _."""
    return path.name.partition("_")[0]


@dataclass(frozen=True)
class Progress:
    """One notebook: exercise -> "right", "wrong", "not yet", "not run" or "no check"; or why it cannot be read."""

    notebook: str
    states: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    def of(self, state: str) -> list[str]:
        return [name for name, found in self.states.items() if found == state]

    def to_json(self) -> dict[str, Any]:
        return {"notebook": self.notebook, "exercises": self.states, "fault": self.fault}


def course(folder: str | Path) -> list[Path]:
    """The numbered notebooks in `folder`, in order, without kept copies. Raises ValueError where there is none."""
    folder = expand(folder)
    found = sorted(p for p in folder.glob("[0-9][0-9]*_*.ipynb") if NUMBER.fullmatch(number(p)) and MINE not in p.name)
    if not found:
        what = "holds no notebook such as 00_start_here.ipynb" if folder.is_dir() else "is no folder"
        raise ValueError(f"{folder} {what}. Name the folder of your notebooks: --folder PATH")
    return found


def read(path: str | Path) -> Progress:
    """What is done in one saved notebook. An exercise that was answered in several cells has its best answer."""
    path = Path(path)
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        written = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
        answers = [answer for cell in cells for answer in _answers(cell)]
    except OSError as error:
        return Progress(path.stem, fault=f"cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Progress(path.stem, fault=f"is no whole notebook. A fresh copy: make reset NB={number(path)}")
    exercises = [name for kind, text in written if kind == "markdown" for name in HEADING.findall(text)]
    code = "\n".join(text for kind, text in written if kind == "code")
    states = {name: NOT_RUN if re.search(rf"check\(\s*[\"']{name}[\"']", code) else UNCHECKED for name in exercises}
    for name, state in answers:
        states[name] = max(states.get(name, NOT_RUN), state, key=BEST_LAST.index)
    return Progress(path.stem, states)


def _answers(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(exercise, state) of every answer of `check` that is saved below a code cell."""
    for output in cell.get("outputs", []):
        yield from ANSWER.findall("".join(output.get("data", {}).get("text/html", "")))


def table(found: list[Progress]) -> str:
    """One line a notebook, and what the numbers mean below."""
    lines = [f"{'notebook':24s} {'right':>8s}   still open"]
    for one in found:
        checked = len(one.states) - len(one.of(UNCHECKED))
        score = "?" if one.fault else f"{len(one.of('right'))} of {checked}"
        opened = [_listed(one.of(state), state, checked) for state in ("wrong", "not yet", NOT_RUN) if one.of(state)]
        lines.append(f"{one.notebook:24s} {score:>8s}   {one.fault or '; '.join(opened) or 'nothing'}")
    here = {number(Path(one.notebook)) for one in found}
    absent = [number for number in _numbers() if number not in here]
    if absent:
        lines.append(f"Not in this folder: {', '.join(absent)}. One comes back with make reset NB={absent[0]}")
    unchecked = ", ".join(name for one in found for name in one.of(UNCHECKED))
    lines.append("Read from the files as last saved (Ctrl+S saves a notebook); nothing was run and nothing is sent.")
    if unchecked:
        lines.append(f"Not counted, since you compare these with a model answer yourself: {unchecked}.")
    return "\n".join(lines)


def _listed(exercises: list[str], state: str, checked: int) -> str:
    return f"{state}: {'all' if len(exercises) == checked else ', '.join(exercises)}"


def _numbers() -> list[str]:
    """The notebooks that have exercises: each has its module of checks."""
    return sorted(path.stem[2:] for path in (Path(__file__).parent / "exercises").glob("nb*.py"))


def reset(asked: str, root: str | Path = ".") -> tuple[Path, Path | None]:
    """Put the notebook of that number back as the last commit has it, and keep the learner's version beside it.

    Returns its path, and that of the kept copy: None if there was no notebook, or nothing was changed in it.
    Raises ValueError if there is no such notebook or no git, FileError if a file cannot be written.
    """
    listed = _git(root, "ls-tree", "--name-only", "HEAD", "notebooks/").decode().split()
    names = {number(Path(name)): name for name in listed}
    names = {key: name for key, name in names.items() if NUMBER.fullmatch(key)}
    if not names:
        raise ValueError("the last commit has no notebooks here. Run this in your clone of the course.")
    key = asked.zfill(3 if asked[-1:].isalpha() else 2)  # 7 is 07, and 7b is 07b
    if key not in names:
        fault = f"there is no notebook {asked!r}" if asked else "no notebook was named"
        raise ValueError(f"{fault}: choose one of {', '.join(names)}, as in make reset NB={next(iter(names))}")
    name = names[key]
    path, fresh = Path(root) / name, _git(root, "cat-file", "--filters", f"HEAD:./{name}")
    old = path.read_bytes() if path.exists() else fresh
    kept = None
    if old != fresh:
        kept = path.with_name(f"{path.stem}{MINE}{_last_kept(path) + 1}.ipynb")
        write_bytes(kept, old)
    write_bytes(path, fresh)
    return path, kept


def _last_kept(path: Path) -> int:
    ends = (other.stem.partition(MINE)[2] for other in path.parent.glob(f"{path.stem}{MINE}*.ipynb"))
    return max((int(end) for end in ends if end.isdigit()), default=0)


def _git(root: str | Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True)
    except FileNotFoundError:
        raise ValueError("git is not installed, and the fresh copy comes from it. Install git and try again.") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise ValueError(f"git has no fresh copy here ({said[0]}). Run this in your clone of the course.")
    return done.stdout
