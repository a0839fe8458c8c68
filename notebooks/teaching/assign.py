"""Make an assignment of one notebook's exercises: `python notebooks/teaching/assign.py 05`.

The text comes from the notebook, the code from its solutions. Two notebooks are written, in nbgrader's folders and with
nbgrader's cell metadata, so that `grade.py` beside this file and nbgrader can both take over from here:

    assignments/source/05/05_variational_bound.ipynb     with solutions and hidden tests: for the teacher
    assignments/release/05/05_variational_bound.ipynb    with stubs, for the learners
"""

from __future__ import annotations

import argparse
import ast
import re
import textwrap
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from infogan_lib.course.progress import EXERCISE, NUMBER, course, number

NOTEBOOKS = Path(__file__).resolve().parent.parent
REGION = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION\n?", re.M | re.S)
HIDDEN = re.compile(r"\n### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.S)
CHECK = re.compile(rf'^check\("({EXERCISE})", (.+)\)$', re.M)
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
EMPTY = "*Your answer here.*"


def path_of(asked: str) -> Path:
    """The notebook with this number, such as "05". Raises ValueError if there is none with solutions."""
    paths = [path for path in NOTEBOOKS.glob(f"{asked}_*.ipynb") if (NOTEBOOKS / "solutions" / path.name).exists()]
    if NUMBER.fullmatch(asked) and len(paths) == 1:
        return paths[0]
    there = ", ".join(number(path) for path in course(NOTEBOOKS / "solutions"))
    raise ValueError(f"No notebook {asked!r} with solutions. Name one of {there}, as in: make assignment NB=05")


def texts(notebook: NotebookNode) -> dict[str, str]:
    """Exercise id -> its text in the notebook, without the folded model answer."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"^(?=#{2,3} |\*\*Quiz\*\*)", cell.source, flags=re.M):
                if heading := re.match(rf"### Exercise ({EXERCISE})", part):
                    part = re.sub(r"<details>.*?</details>", "", part, flags=re.S)
                    found[heading[1]] = re.sub(r"\[([^]]+)\]\([^)]*\.ipynb\)", r"\1", part).strip()
    return found


def answers(solutions: NotebookNode) -> tuple[list[str], dict[str, list[str]]]:
    """Set-up cells, and exercise id -> the cells up to its check. What comments on an answer is left out."""
    setup: list[str] = []
    found: dict[str, list[str]] = {}
    waiting: list[str] = []
    for cell in solutions.cells:
        if cell.cell_type == "markdown":
            setup, waiting = (setup or waiting), []
        else:
            waiting.append(cell.source)
            if (check := CHECK.search(cell.source)) and "### BEGIN SOLUTION" in cell.source:
                found.setdefault(check[1], waiting)
                waiting = []
    return setup, found


def check_of(code: str) -> re.Match[str]:
    """The call of `check` in a cell of `answers`: its whole line, the exercise's id, what is checked."""
    found = CHECK.search(code)
    assert found is not None  # `answers` keeps no cell without one
    return found


def open_names(code: str) -> str:
    """Give a name that the solution alone defines a `...` before it, so that the check finds a stub without it."""
    wanted = {node.id for node in ast.walk(ast.parse(check_of(code)[2])) if isinstance(node, ast.Name)}

    def opened(region: re.Match[str]) -> str:
        if region[1]:
            return region[0]
        stored = [
            n.id for n in ast.walk(ast.parse(region[2])) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        ]
        stored += [n.name for n in ast.parse(region[2]).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        return "".join(f"{name} = ...\n" for name in dict.fromkeys(stored) if name in wanted) + region[0]

    return REGION.sub(opened, code)


def graded(cell: NotebookNode, kind: str, id: str, *, grade: bool, solution: bool) -> NotebookNode:
    """The cell, named and marked for nbgrader."""
    cell.id = f"{kind}-{id.replace('.', '-')}"
    cell.metadata["nbgrader"] = {
        "grade_id": cell.id, "grade": grade, "solution": solution, "locked": not solution,
        "task": False, "schema_version": 3, **({"points": 1} if grade else {}),
    }  # fmt: skip
    return cell


def source(number: str) -> NotebookNode:
    """The assignment with its solutions, as a notebook. Raises ValueError for a number that has none."""
    path = path_of(number)
    setup, code = answers(nbformat.read(NOTEBOOKS / "solutions" / path.name, as_version=4))
    cells = [
        new_markdown_cell(
            f"# Exercises of notebook {number}\n\nReplace each `...`. The notebook `{path.name}` has all you need. "
            "Leave the cells that call `check` as they are.",
            id="title",
        )
    ]
    cells += [new_code_cell(text, id=f"setup-{i}") for i, text in enumerate(setup)]
    for id, text in texts(nbformat.read(path, as_version=4)).items():
        name = id.replace(".", "-")
        cells.append(new_markdown_cell(text, id=f"text-{name}"))
        if id not in code:
            cells.append(graded(new_markdown_cell(EMPTY), "words", id, grade=True, solution=True))
            continue
        *helpers, last = code[id]
        cells += [new_code_cell(helper, id=f"helper-{name}-{i}") for i, helper in enumerate(helpers)]
        check = check_of(last)
        answer = open_names(last)[: -len(last) + check.start()].strip()
        cells.append(graded(new_code_cell(answer), "answer", id, grade=False, solution=True))
        hidden = f'### BEGIN HIDDEN TESTS\nassert {check[0]}.state == "right"\n### END HIDDEN TESTS'
        cells.append(graded(new_code_cell(f"{check[0]}\n{hidden}"), "check", id, grade=True, solution=False))
    return new_notebook(cells=cells, metadata=KERNEL)


def stub(region: re.Match[str]) -> str:
    """What stands in place of a solution: the first lines of its methods if it is nothing but methods, or `...`."""
    indent, body = region[1], ast.parse(textwrap.dedent(region[2])).body
    if not indent:
        return ""  # open_names has left a `...`
    methods = [node for node in body if isinstance(node, ast.FunctionDef)]
    if len(methods) < len(body):
        return f"{indent}...\n"
    heads = []
    for method in methods:
        decorators = "".join(f"{indent}@{ast.unparse(one)}\n" for one in method.decorator_list)
        heads.append(f"{decorators}{indent}def {method.name}({ast.unparse(method.args)}): ...\n")
    return "\n".join(heads)


def release(assignment: NotebookNode) -> NotebookNode:
    """The assignment as learners get it: stubs in place of solutions, no hidden test."""
    out = nbformat.from_dict(assignment)
    for cell in out.cells:
        if cell.cell_type == "code":
            stubbed = REGION.sub(stub, cell.source)
            stubbed = re.sub(r"^@.*\n", "", stubbed, flags=re.M)  # a decorator is part of the answer
            cell.source = HIDDEN.sub("", stubbed).strip()
    return out


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", help="of the notebook, such as 05")
    parser.add_argument("--out", type=Path, default=NOTEBOOKS.parent / "assignments")
    asked = parser.parse_args(arguments)
    try:
        whole = source(asked.number)
    except ValueError as error:
        parser.error(str(error))
    for folder, notebook in (("source", whole), ("release", release(whole))):
        path = asked.out / folder / asked.number / path_of(asked.number).name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
