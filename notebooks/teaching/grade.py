"""Grade what came back: `python notebooks/teaching/grade.py 05 assignments/submitted --out grades.csv`.

Looks for SUBMITTED/NAME/05/05_variational_bound.ipynb, or what is left of that name, runs each with the course's own
checks and writes one row a learner: right, wrong, empty, error or missing for each exercise, for those in words
`to read` or empty, and in `notes` what was not as it was handed out.

This executes what learners wrote, with your rights. Run it where nothing can be lost: in a container or under an
account of its own, without network. A learner who sets out to cheat can also fool a check that runs in their process.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from assign import path_of, source
from handin import Cell, exercise_of, find, learners, plan, read, states
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

STATES = {"right": "right", "wrong": "wrong", "not yet": "empty"}
Runner = Callable[[list[str]], "tuple[list[str], str]"]


def run(codes: list[str], seconds: float = 120) -> tuple[list[str], str]:
    """What each cell gives back, as `_last` says, up to the first that ends the kernel or takes more than `seconds`;
    and what became of that one, or "".
    """
    book = new_notebook(cells=[new_code_cell(code) for code in codes])
    shown: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(book, timeout=seconds, allow_errors=True, kernel_name="python3", resources=where)
        with client.setup_kernel():
            for i, cell in enumerate(book.cells):
                try:
                    client.execute_cell(cell, i)
                except Exception as error:
                    return shown, type(error).__name__
                shown.append(_last(cell.outputs))
    return shown, ""


def _last(outputs: list[NotebookNode]) -> str:
    """What a cell gives back, or "failed: " and the error that ended it."""
    for out in reversed(outputs):
        if out.output_type == "error":
            return f"failed: {out.ename}: {out.evalue}"
        if out.output_type == "execute_result":
            return str(out.data.get("text/plain", ""))
    return ""


def grade(cells: list[Cell], assignment: NotebookNode, run: Runner = run) -> tuple[dict[str, str], list[str]]:
    """Exercise id -> its state, and what was not as handed out. The checks that run are the assignment's own, whatever
    stands in their place. A cell that ends the kernel or its time is left out, and the rest is run again without it.
    """
    found, notes = states(cells, assignment)
    steps, more = plan(cells, assignment)
    notes += more
    failed: dict[str, str] = {}  # exercise id -> its first error, or "" where that is said already
    while True:
        shown, broken = run([step.code for step in steps])
        if not broken:
            break
        step = steps.pop(len(shown))
        what = f"a cell ended by {broken}, and was left out: {step.code.strip().splitlines()[0][:60]}"
        notes.append(f"{step.id}: {what}" if step.id else what)
        failed[step.id] = ""
    for step, said in zip(steps, shown):
        if step.checks and (result := re.match(rf"exercise {re.escape(step.checks)}: (right|wrong|not yet)", said)):
            found[step.checks] = STATES[result[1]]
        elif said.startswith("failed: "):
            failed.setdefault(step.id, said.removeprefix("failed: ").splitlines()[0])
    notes += [f"{id}: {failed[id]}" for id, state in found.items() if state == "error" and failed.get(id)]
    return found, notes


def grade_all(number: str, submitted: Path, out: Path) -> list[dict[str, str]]:
    """Grade every learner's folder and write the table. Raises ValueError if there is no learner's folder, and if the
    table cannot be written.
    """
    assignment, name = source(number), path_of(number).name
    folders, notes = learners(submitted)
    if not folders:
        raise ValueError(f"No folders in {submitted}. Expected {submitted}/NAME/{number}/{name}, one NAME a learner.")
    try:
        out.open("a").close()  # before the work; what stands there now is kept until it is done
    except OSError as error:
        raise ValueError(f"Cannot write {out}: {error.strerror}. Name another file with --out.") from error
    for note in notes:
        print(note, file=sys.stderr)
    exercises = [id for cell in assignment.cells for kind, id in [exercise_of(cell)] if kind in ("check", "words")]
    rows = []
    for folder in folders:
        print(folder.name, file=sys.stderr)
        found, notes = grade_one(folder, number, name, assignment)
        for note in notes:
            print(f"  {note}", file=sys.stderr)
        right = str(list(found.values()).count("right"))
        rows.append({"learner": folder.name, **found, "right": right, "notes": "; ".join(notes)})
    # A folder's name may be no UTF-8.
    with out.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.DictWriter(file, ["learner", *exercises, "right", "notes"])
        table.writeheader()
        table.writerows(rows)
    return rows


def grade_one(folder: Path, number: str, name: str, assignment: NotebookNode) -> tuple[dict[str, str], list[str]]:
    """The states and the notes of one learner; whatever is wrong with one costs no other their grade."""
    nothing, notes = states([], assignment)[0], []
    try:
        path, notes = find(folder, number, name)
        if path is None:
            return nothing, notes
        found, more = grade(read(path), assignment)
        return found, notes + more
    except Exception as error:
        return dict.fromkeys(nothing, "error"), [*notes, f"not graded: {error}"]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", help="of the notebook, such as 05")
    parser.add_argument("submitted", type=Path, help="a folder with one folder a learner")
    parser.add_argument("--out", type=Path, default=Path("grades.csv"))
    asked = parser.parse_args(arguments)
    try:
        rows = grade_all(asked.number, asked.submitted, asked.out)
    except ValueError as error:
        parser.error(str(error))
    print(f"wrote {asked.out}: {len(rows)} learners")


if __name__ == "__main__":
    main()
