"""The teacher's kit: an assignment hides its answers, and grading tells a right, a wrong and an empty one apart."""

import csv
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "notebooks" / "teaching"))
import assign
import grade
import handin
import slides

from infogan_lib.course import progress

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = [progress.number(path) for path in progress.course(ROOT / "notebooks" / "solutions")]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_is_assigned_once_and_no_answer_with_it(number):
    whole = assign.source(number)
    handed_out = assign.release(whole)
    nbformat.validate(handed_out)
    text = (ROOT / "notebooks" / assign.path_of(number).name).read_text(encoding="utf-8")
    exercises = re.findall(rf"### Exercise ({progress.EXERCISE})", text)
    asked = [handin.exercise_of(cell) for cell in handed_out.cells]
    assert [id for kind, id in asked if kind in ("check", "words")] == exercises
    for before, after in zip(whole.cells, handed_out.cells):
        assert "SOLUTION" not in after.source and "HIDDEN" not in after.source and "<details>" not in after.source
        for _, region in assign.REGION.findall(before.source):
            assert region.strip() not in after.source


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_handed_out_is_empty(number):
    names, states = {}, []
    for cell in assign.release(assign.source(number)).cells:
        kind, _ = handin.exercise_of(cell)
        if kind == "check":
            states.append(eval(cell.source, names).state)
        elif cell.cell_type == "code":
            exec(cell.source, names)
    assert set(states) == {"not yet"}


def test_a_number_without_solutions_is_named():
    with pytest.raises(ValueError, match="one of 00, 01"):
        assign.source("99")


@pytest.fixture(scope="module")
def grades(tmp_path_factory):
    """Learners of notebook 05: one right, one wrong, one who did nothing, one who tampered, one absent, and
    one who handed in what is no notebook.
    """
    folder = tmp_path_factory.mktemp("class")
    assign.main(["05", "--out", str(folder)])
    name = assign.path_of("05").name
    right = nbformat.read(folder / "source" / "05" / name, as_version=4)
    empty = nbformat.read(folder / "release" / "05" / name, as_version=4)
    wrong, tampered = nbformat.from_dict(right), nbformat.from_dict(empty)
    for cell in wrong.cells:
        cell.source = cell.source.replace('"stays"', '"rises"').replace("math.log(2) -", "math.log(2) +")
        if cell.id == "answer-05-1":
            cell.source = "def bound_from_logits(logits, codes):\n    return F.cross_entropy(logits, codes)"
        if cell.id == "answer-05-3":
            cell.source = "1 / 0"
        if cell.id == "words-05-5":
            cell.source = "At most ln 10."
    for cell in tampered.cells:
        if cell.id.startswith("check"):
            cell.source = 'print("exercise 05.1: right")'
    tampered.cells = [cell for cell in tampered.cells if cell.id != "check-05-4"]
    for learner, book in {"ann": right, "bob": wrong, "cyd": empty, "dan": tampered}.items():
        path = folder / "submitted" / learner / "05" / name
        path.parent.mkdir(parents=True)
        nbformat.write(book, path)
    (folder / "submitted" / "eve").mkdir()
    (folder / "submitted" / "gus" / "05").mkdir(parents=True)
    (folder / "submitted" / "gus" / "05" / name).write_text("{")
    for system in (".ipynb_checkpoints", "__MACOSX", "$RECYCLE.BIN"):
        shutil.copytree(folder / "submitted" / "ann", folder / "submitted" / system)
    grade.main(["05", str(folder / "submitted"), "--out", str(folder / "grades.csv")])
    with (folder / "grades.csv").open(encoding="utf-8") as file:
        return {row.pop("learner"): row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("learner", "row", "said"),
    [
        ("ann", ["right", "right", "right", "right", "empty", "4"], ""),
        ("bob", ["wrong", "wrong", "error", "wrong", "to read", "0"], "05.3: ZeroDivisionError: division by zero"),
        ("cyd", ["empty", "empty", "empty", "empty", "empty", "0"], ""),
        ("dan", ["empty", "empty", "empty", "empty", "empty", "0"], "05.4: the cell with the check is gone"),
        ("eve", ["missing"] * 5 + ["0"], "there is no notebook with exercises of 05; there is: nothing"),
        ("gus", ["error"] * 5 + ["0"], "05_variational_bound.ipynb cannot be read as a notebook"),
    ],
)
def test_grades(grades, learner, row, said):
    notes = grades[learner]["notes"]
    assert list(grades[learner].values()) == [*row, notes] and (said in notes if said else not notes)


def test_folders_of_operating_systems_are_no_learners(grades):
    assert list(grades) == ["ann", "bob", "cyd", "dan", "eve", "gus"]


def test_grading_nobody_says_where_it_looked(tmp_path):
    with pytest.raises(ValueError, match=r"No folders in .*Expected .*NAME/05/05_variational_bound.ipynb"):
        grade.grade_all("05", tmp_path, tmp_path / "grades.csv")


def test_slides_are_one_file_with_every_picture_inside(tmp_path):
    page = tmp_path / "slides.html"
    slides.main([str(page)])
    html = page.read_text(encoding="utf-8")
    asked = (ROOT / "notebooks" / "teaching" / "slides.md").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]{30})[^"]*" alt="([^"]+)"', html)
    assert len(pictures) == asked.count(".ipynb)") == html.count("<img ") > 0
    assert all(source.startswith("data:image/png;base64,") and len(alt) > 20 for source, alt in pictures)
    assert html.count("<section") == asked.count("\n---\n") + 1
    assert not re.search(r"(src|href)=.https?:|@import|url\(", html)


def test_a_picture_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"07_infogan.ipynb has no picture .*'A cat'"):
        slides.picture("../07_infogan.ipynb", "A cat")


GUIDE = (ROOT / "notebooks" / "teaching" / "GUIDE.md").read_text(encoding="utf-8")
SLIDES = (ROOT / "notebooks" / "teaching" / "slides.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", NUMBERS)
def test_the_guide_has_the_notebooks_minutes_and_sections(number):
    cells = nbformat.read(ROOT / "notebooks" / assign.path_of(number).name, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    reading = re.search(r"\*\*Reading\*\*\s+(\d+) minutes", text)[1]
    exercises = sum(map(int, re.findall(r"^### Exercise .*?(\d+) minutes", text, re.M)))
    block = re.search(rf"^\*\*\[{number} (.+?)\]\(\.\./{number}_.+?(?=^\*\*\[|^## )", GUIDE, re.M | re.S)
    assert f"{reading} + {exercises}" in block[0]
    assert block[1] in cells[0].source
    sections = set(re.findall(r"^## (\d+)\.", text, re.M))
    named = {n for ab in re.findall(r"sections? (\d+)(?: (?:and|to) (\d+))?", block[0]) for n in ab if n}
    assert named <= sections and len(named) > 0
    for part in ("*Board:*", "*Stumble:*", "*Ask:*", "*Skip:*"):
        assert part in block[0]


def test_every_exercise_that_guide_and_slides_name_is_there():
    there = {
        found
        for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")
        for found in re.findall(rf"### Exercise ({progress.EXERCISE})", path.read_text(encoding="utf-8"))
    }
    named = re.findall(r"\b([01]\d\.\d{1,2})\b(?! ?%)", GUIDE + SLIDES)
    assert len(named) > 30 and set(named) <= there


def test_the_lesson_takes_ninety_minutes_and_shows_every_slide():
    rows = re.findall(r"^\| (\d+) to (\d+) \| ([\d, to]+) \|", GUIDE, re.M)
    assert [int(start) for start, _, _ in rows] == [0, *(int(end) for _, end, _ in rows[:-1])]
    assert rows[-1][1] == "90"
    ends = [[int(n) for n in re.findall(r"\d+", shown)] for _, _, shown in rows]
    assert [numbers[0] for numbers in ends] == [1, *(numbers[-1] + 1 for numbers in ends[:-1])]
    assert ends[-1][-1] == SLIDES.count("\n---\n") + 1
    for start, end, _ in rows[1:]:
        assert re.search(rf"> {start} to {end} min", SLIDES), f"no note begins minute {start}"
