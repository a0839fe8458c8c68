"""What learners hand in: where it lies, and what there is in it, whatever has become of its cells on the way.

Nothing is run here. What was not as it should be is said in `notes`, one sentence each.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assign import CHECK, EMPTY
from nbformat import NotebookNode

# Folders that operating systems, archives and Jupyter make, beside those that begin with a dot or a dollar sign.
SYSTEM = ("__macosx", "__pycache__", "system volume information", "lost+found", "@eadir", "#recycle")
MARK = re.compile(r"(check|words|answer|helper|setup)-(?:(\d\d[a-z]?)-(\d+)(?:-\d+)?|\d+)")


@dataclass
class Cell:
    """`kind` is "check", "words", "answer", "helper" or "setup" where the assignment made the cell, or ""; `id` is the
    exercise's, as "05.1", or "". `code` says whether the notebook holds it as a code cell.
    """

    kind: str
    id: str
    code: bool
    text: str


def exercise_of(cell: Mapping[str, Any]) -> tuple[str, str]:
    """("check", "05.1") for the cell that checks 05.1, ("words", "05.5") for an answer in words, ...; else ("", "").

    nbgrader's mark says it, else the cell's own id, else the call of `check` in a code cell.
    """
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    marks = [nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None, cell.get("id")]
    for mark in marks:
        if isinstance(mark, str) and (found := MARK.fullmatch(mark)):
            return found[1], f"{found[2]}.{found[3]}" if found[2] else ""
    called = CHECK.search(_text(cell.get("source"))) if cell.get("cell_type") == "code" else None
    return ("check", called[1]) if called else ("", "")


def read(path: Path) -> list[Cell]:
    """The cells of a notebook. One that is damaged costs no other. Raises ValueError for what is no notebook at all."""
    try:
        book = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} cannot be read as a notebook: {error}") from error
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list):
        raise ValueError(f"{path.name} is no notebook of format 4: it has no list of cells")
    return [cell_of(cell) for cell in cells if isinstance(cell, dict)]


def cell_of(cell: Mapping[str, Any]) -> Cell:
    return Cell(*exercise_of(cell), cell.get("cell_type") == "code", _text(cell.get("source")))


def _text(source: Any) -> str:
    lines = source if isinstance(source, list) else [source]
    # Half of a surrogate pair cannot be sent to a kernel.
    return "".join(line for line in lines if isinstance(line, str)).encode("utf-8", "replace").decode()


# -- where it lies --------------------------------------------------------------------------------


def learners(submitted: Path) -> tuple[list[Path], list[str]]:
    """The learners' folders, and what else lies there and is not graded. Raises ValueError if there is no folder."""
    found, left = [], []
    for path in sorted(submitted.iterdir()) if submitted.is_dir() else []:
        (left if _of_the_system(path.name) or not path.is_dir() else found).append(path)
    # A hidden file is nobody's answer.
    notes = [f"left out, no learner's folder: {p.name}" for p in left if p.is_dir() or not p.name.startswith(".")]
    return found, notes


def find(folder: Path, number: str, name: str) -> tuple[Path | None, list[str]]:
    """A learner's notebook: FOLDER/NUMBER/NAME; else what is named like it, else what has its cells; the newest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _hidden(path.relative_to(folder))]
    books = [path for path in files if path.suffix.lower() == ".ipynb"]
    stem = Path(name).stem.lower()
    ways = (
        [path for path in books if path == folder / number / name],
        [path for path in books if path.stem.lower().startswith(stem)],
        [path for path in books if _has_exercises(path, number)],
    )
    if not any(ways):
        there = ", ".join(str(path.relative_to(folder)) for path in files[:5]) or "nothing"
        return None, [f"there is no notebook with exercises of {number}; there is: {there}"]
    *others, chosen = sorted(next(filter(None, ways)), key=lambda path: (path.stat().st_mtime, path.name))
    others += [path for path in ways[1] if path != chosen and path not in others]
    notes = [] if ways[0] else [f"graded: {chosen.relative_to(folder)}"]
    return chosen, notes + [f"not looked at: {path.relative_to(folder)}" for path in others]


def _of_the_system(name: str) -> bool:
    return name.startswith((".", "$")) or name.lower() in SYSTEM


def _hidden(path: Path) -> bool:
    return any(map(_of_the_system, path.parts))


def _has_exercises(path: Path, number: str) -> bool:
    try:
        return any(cell.id.startswith(f"{number}.") for cell in read(path))
    except ValueError:
        return False


# -- what is to be run ----------------------------------------------------------------------------


@dataclass
class Step:
    """Code to run, and the exercise that loses by it if it cannot be run; the one it checks, or ""."""

    code: str
    id: str = ""
    checks: str = ""


def states(cells: list[Cell], assignment: NotebookNode) -> tuple[dict[str, str], list[str]]:
    """Exercise id -> "missing", "to read" or "empty", and for those with a check "error", until it was run."""
    found, notes = {}, []
    for asked in map(cell_of, assignment.cells):
        id = asked.id
        own = [cell for cell in cells if cell.id == id and cell.kind in (asked.kind, "answer")]
        if asked.kind == "check":
            found[id] = "error" if own else "missing"
            if own:
                notes += _marks(id, own)
        elif asked.kind == "words":
            if not own and (own := _below(id, cells)) and not own[0].text.strip():
                notes.append(f"{id}: no cell is marked as its answer, and the one below its text is empty")
            written = "".join(cell.text for cell in own).replace(EMPTY, "").strip()
            found[id] = "to read" if written else "empty" if own else "missing"
            if any(cell.code for cell in own):
                notes.append(f"{id}: the answer in words stands in a code cell, which was not run")
        if found.get(id) == "missing" and asked.kind in ("check", "words"):
            notes.append(f"{id}: none of its cells is there")
    return found, notes


def _marks(id: str, own: list[Cell]) -> Iterator[str]:
    """What became of the cells of an exercise with a check."""
    answers, checks = ([cell.code for cell in own if cell.kind == kind] for kind in ("answer", "check"))
    if not answers:
        yield f"{id}: no cell is marked as its answer"
    elif not all(answers):
        yield f"{id}: the answer stands in a text cell; it was run as code"
    if not checks:
        yield f"{id}: the cell with the check is gone; its check was run behind the answer"
    elif not all(checks):
        yield f"{id}: the cell with the check is a text cell; its check was run all the same"


def _below(id: str, cells: list[Cell]) -> list[Cell]:
    """The cell below the text of an exercise, if the assignment's mark of it is lost."""
    for above, cell in itertools.pairwise(cells):
        if re.search(rf"^### Exercise {re.escape(id)}\b", above.text, re.M) and not cell.kind:
            return [] if cell.text.lstrip().startswith("#") else [cell]
    return []


def plan(cells: list[Cell], assignment: NotebookNode) -> tuple[list[Step], list[str]]:
    """What to run of a notebook, in its order. A learner's call of `check` never is: the assignment's own comes
    after the last cell of its exercise, and the cells that were given come before the first, if they are not there.
    """
    given = [cell_of(cell) for cell in assignment.cells]
    checks = {cell.id: cell.text.splitlines()[0] for cell in given if cell.kind == "check"}
    places = {id: [i for i, c in enumerate(cells) if c.id == id and c.kind in ("answer", "check")] for id in checks}
    before, after, notes = {}, {}, []
    for id, own in places.items():
        if own:
            before.setdefault(own[0], []).append(id)
            after.setdefault(own[-1], []).append(id)
    start = min(before, default=len(cells))
    steps = []
    for cell in given:
        if cell.kind == "setup" and not _there(cell, cells[:start]):
            steps.append(Step(cell.text))
            notes.append("the cell that sets up was changed, moved or deleted; it was run first, as handed out")
    for i, cell in enumerate(cells):
        for id in before.get(i, []):
            for helper in given:
                if helper.kind == "helper" and helper.id == id and not _there(helper, cells[:i]):
                    steps.append(Step(helper.text, id))
                    notes.append(f"{id}: a given cell was changed, moved or deleted; it was run as handed out")
        if cell.kind != "words" and (cell.code or cell.kind == "answer"):
            steps.append(Step(CHECK.sub("", cell.text), cell.id))
        for id in after.get(i, []):
            steps.append(Step(f"from infogan_lib.course.exercises import check\n\n{checks[id]}", id, checks=id))
    return steps, notes


def _there(given: Cell, cells: list[Cell]) -> bool:
    return any(cell.code and cell.text.strip() == given.text.strip() for cell in cells)
