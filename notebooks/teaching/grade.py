"""Grade what came back: `python notebooks/teaching/grade.py 05 assignments/submitted --out grades.csv`.

Looks for SUBMITTED/NAME/05/05_variational_bound.ipynb, runs each with the course's own checks and writes one row a
learner: right, wrong, empty, error or missing for each exercise, and for those in words `to read` or empty.

This executes what learners wrote, with your rights. Run it where nothing can be lost: in a container or under an
account of its own, without network. A learner who sets out to cheat can also fool a check that runs in their process.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from assign import EMPTY, path_of, source
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

STATES = {"right": "right", "wrong": "wrong", "not yet": "empty"}


def exercise_of(cell: NotebookNode) -> tuple[str, str]:
    """("check", "05.1") for the cell that checks 05.1, ("words", "05.5") for an answer in words, otherwise ("", "")."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    found = re.fullmatch(r"(check|words)-(\d\d)-(\d+)", name)
    return (found[1], f"{found[2]}.{found[3]}") if found else ("", "")


def grade(submitted: NotebookNode, assignment: NotebookNode, seconds: float = 120) -> dict[str, str]:
    """Exercise id -> its state. The checks that run are the assignment's own, whatever stands in their place.

    `seconds` is the limit of one cell; a kernel that dies or runs over it leaves the rest as `error`.
    """
    checks = {
        id: cell.source.splitlines()[0]
        for cell in assignment.cells
        for kind, id in [exercise_of(cell)]
        if kind == "check"
    }
    states = {id: "missing" for cell in assignment.cells for kind, id in [exercise_of(cell)] if kind}
    book = nbformat.from_dict(submitted)
    for cell in book.cells:
        kind, id = exercise_of(cell)
        if cell.cell_type == "code":
            cell.outputs = []
            if kind == "check" and id in checks:
                cell.source = f"from infogan_lib.course.exercises import check\n\n{checks[id]}"
        elif kind == "words" and id in states:
            states[id] = "to read" if cell.source.replace(EMPTY, "").strip() else "empty"
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(book, timeout=seconds, allow_errors=True, kernel_name="python3", resources=where)
        try:
            client.execute()
        except (CellTimeoutError, DeadKernelError) as error:
            print(f"  stopped: {type(error).__name__}", file=sys.stderr)
    for cell in book.cells:
        kind, id = exercise_of(cell)
        if kind == "check" and id in checks:
            results = [out.data.get("text/plain", "") for out in cell.outputs if out.output_type == "execute_result"]
            said = re.match(rf"exercise {re.escape(id)}: (right|wrong|not yet)", results[-1] if results else "")
            states[id] = STATES[said[1]] if said else "error"
    return states


def grade_all(number: str, submitted: Path, out: Path) -> list[dict[str, str]]:
    """Grade every learner's folder and write the table. Raises ValueError if there is no learner's folder."""
    assignment, name = source(number), path_of(number).name
    learners = sorted(folder for folder in submitted.glob("*") if folder.is_dir())
    if not learners:
        raise ValueError(f"No folders in {submitted}. Expected {submitted}/NAME/{number}/{name}, one NAME a learner.")
    exercises = [id for cell in assignment.cells for kind, id in [exercise_of(cell)] if kind]
    rows = []
    for folder in learners:
        print(folder.name, file=sys.stderr)
        try:
            states = grade(nbformat.read(folder / number / name, as_version=4), assignment)
        except FileNotFoundError:
            states = dict.fromkeys(exercises, "missing")
        except Exception as error:  # one unreadable file must not cost the others their grade
            print(f"  not graded: {error}", file=sys.stderr)
            states = dict.fromkeys(exercises, "error")
        rows.append({"learner": folder.name, **states, "right": str(list(states.values()).count("right"))})
    with out.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["learner", *exercises, "right"])
        table.writeheader()
        table.writerows(rows)
    return rows


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
