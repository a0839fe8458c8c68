"""Notebooks as they come back: whatever became of one cell costs its exercise at most, and is said in words."""

import copy
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "notebooks" / "teaching"))
import assign
import grade
import handin

NUMBER = "05"
NAME = assign.path_of(NUMBER).name
ASSIGNMENT = assign.source(NUMBER)
ALL_RIGHT = {"05.1": "right", "05.2": "right", "05.3": "right", "05.4": "right", "05.5": "to read"}


def solved():
    """The right answers, as plain JSON."""
    book = json.loads(json.dumps(ASSIGNMENT))
    cell(book, "words-05-5")["source"] = "At most ln 10."
    return book


def cell(book, id):
    return next(one for one in book["cells"] if one["id"] == id)


def here(codes):
    """What the cells show, run in this process: a kernel takes seconds to start."""
    names, shown = {}, []
    for code in codes:
        *lines, last = code.strip().split("\n") if code.strip() else [""]
        try:
            try:
                compile(last, "", "eval")
                exec("\n".join(lines), names)
                shown.append(repr(eval(last, names)))
            except SyntaxError:
                exec(code, names)
                shown.append("")
        except Exception as error:
            shown.append(f"failed: {type(error).__name__}: {error}")
    return shown, ""


def graded(book, tmp_path):
    path = tmp_path / NAME
    path.write_text(json.dumps(book), encoding="utf-8")
    return grade.grade(handin.read(path), ASSIGNMENT, here)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("handin")


# -- cells ------------------------------------------------------------------------------------------------


def test_what_is_as_it_was_handed_out_needs_no_word(folder):
    assert graded(solved(), folder) == (ALL_RIGHT, [])


def unmarked(one):
    one["metadata"], one["id"] = {}, "1a2b"


CASES = {
    "a check in a text cell": ("check-05-2", {"cell_type": "markdown"}, "right", "text cell"),
    "an answer in a text cell": ("answer-05-2", {"cell_type": "markdown"}, "right", "was run as code"),
    "an answer in a raw cell": ("answer-05-2", {"cell_type": "raw"}, "right", "was run as code"),
    "words in a code cell": ("words-05-5", {"cell_type": "code"}, "to read", "was not run"),
    "nbgrader: null": ("check-05-2", {"metadata": {"nbgrader": None}}, "right", ""),
    "metadata: null": ("answer-05-2", {"metadata": None}, "right", ""),
    "outputs: null": ("check-05-2", {"outputs": None}, "right", ""),
    "a check without marks": ("check-05-2", unmarked, "right", ""),
    "an answer without marks": ("answer-05-2", unmarked, "right", "no cell is marked"),
    "words without marks": ("words-05-5", unmarked, "to read", ""),
    "an answer deleted": ("answer-05-2", None, "error", "NameError"),
    "a check deleted": ("check-05-2", None, "right", "its check was run behind the answer"),
    "words deleted": ("words-05-5", None, "missing", "none of its cells"),
    "an answer that is no Python": ("answer-05-2", {"source": "def ("}, "error", "SyntaxError"),
    "an answer that is no text": ("answer-05-2", {"source": {"a": 1}}, "error", "NameError"),
    "half of a character": ("answer-05-2", {"source": "x = '\ud800'"}, "error", "NameError"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_cell_costs_no_more_than_its_exercise_and_is_said_in_words(folder, case):
    id, change, state, said = CASES[case]
    book = solved()
    if change is None:
        book["cells"].remove(cell(book, id))
    elif callable(change):
        change(cell(book, id))
    else:
        cell(book, id).update(change)
    states, notes = graded(book, folder)
    exercise = id.split("-", 1)[1].replace("-", ".")
    assert states == {**ALL_RIGHT, exercise: state}
    assert any(note.startswith(exercise) and said in note for note in notes) if said else not notes


@pytest.mark.parametrize("change", ["delete", "text", "break", "last"])
def test_the_cell_that_sets_up_may_be_anything(folder, change):
    book = solved()
    setup = cell(book, "setup-0")
    if change in ("delete", "last"):
        book["cells"].remove(setup)
    if change == "last":
        book["cells"].append(setup)
    if change == "text":
        setup["cell_type"] = "markdown"
    if change == "break":
        setup["source"] = "import no_such_thing"
    states, notes = graded(book, folder)
    assert states == ALL_RIGHT and "run first, as handed out" in " ".join(notes)


def test_a_given_cell_that_is_gone_is_run_before_its_exercise():
    whole = assign.source("04")
    cells = [c for c in map(handin.cell_of, whole.cells) if c.kind != "helper"]
    steps, notes = handin.plan(cells, whole)
    helper = next(c.source for c in whole.cells if c.id == "helper-04-4-0")
    place = [step.code for step in steps].index(helper)
    assert steps[place + 1].id == "04.4" and notes == [
        "04.4: a given cell was changed, moved or deleted; it was run as handed out"
    ]


def test_the_checks_that_run_are_the_assignments_own(folder):
    book = solved()
    cell(book, "answer-05-2")["source"] = ""
    for source in ('"exercise 05.2: right"', 'check = lambda *_: "exercise 05.2: right"\ncheck("05.2", 1)'):
        cell(book, "check-05-2")["source"] = source
        assert graded(book, folder)[0]["05.2"] not in ("right", "to read")


OTHER = ["code", "markdown", "raw", "heading", None, 3]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)
FIELDS = st.sampled_from(["cell_type", "metadata", "source", "id", "outputs", "execution_count", "attachments"])


@st.composite
def damage(draw):
    """(what was done, the book) where something happened to one marked cell."""
    book = solved()
    marked = [i for i, one in enumerate(book["cells"]) if handin.exercise_of(one)[1]]
    i = draw(st.sampled_from(marked))
    one = book["cells"][i]
    id = handin.exercise_of(one)[1]
    what = draw(st.sampled_from(["delete", "move", "twice", "type", "field", "drop", "replace"]))
    if what in ("delete", "move"):
        book["cells"].remove(one)
    if what == "move":
        book["cells"].insert(draw(st.integers(0, len(book["cells"]))), one)
    if what == "twice":
        book["cells"].insert(draw(st.integers(0, len(book["cells"]))), copy.deepcopy(one))
    if what == "type":
        one["cell_type"] = draw(st.sampled_from(OTHER))
    if what == "field":
        one[draw(FIELDS)] = draw(JSON)
    if what == "drop":
        del one[draw(st.sampled_from(sorted(one)))]
    if what == "replace":
        book["cells"][i] = draw(JSON)
    return id, what, book


@settings(max_examples=60, deadline=None)
@given(damage())
def test_whatever_becomes_of_one_cell_costs_no_other_exercise(folder, damaged):
    id, what, book = damaged
    states, notes = graded(book, folder)
    assert {**states, id: ""} == {**ALL_RIGHT, id: ""}, what
    assert states[id] in ("right", "wrong", "empty", "error", "missing", "to read")
    if what in ("delete", "replace"):
        assert any(note.startswith(id) for note in notes)


@settings(max_examples=100, deadline=None)
@given(JSON | st.dictionaries(st.sampled_from(["cells", "metadata", "nbformat"]), JSON))
def test_a_file_of_anything_is_read_or_refused_in_words(folder, content):
    path = folder / "any.ipynb"
    path.write_text(json.dumps(content))
    try:
        states, _ = handin.states(handin.read(path), ASSIGNMENT)
        assert set(states.values()) == {"missing"}
    except ValueError as error:
        assert "any.ipynb" in str(error)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_notebook_that_windows_saved_anew_is_read(folder, encoding):
    path = folder / NAME
    path.write_text(json.dumps(solved()), encoding=encoding)
    assert grade.grade(handin.read(path), ASSIGNMENT, here) == (ALL_RIGHT, [])


def test_a_cell_that_ends_the_kernel_or_its_time_costs_its_exercise():
    def endless(codes):
        stuck = next((i for i, code in enumerate(codes) if "while True" in code or "exit" in code), None)
        return here(codes) if stuck is None else (here(codes[:stuck])[0], "CellTimeoutError")

    book = solved()
    cell(book, "answer-05-1")["source"] = "while True: pass"
    cell(book, "answer-05-3")["source"] = "exit()"
    cells = [handin.cell_of(one) for one in book["cells"]]
    states, notes = grade.grade(cells, ASSIGNMENT, endless)
    assert states == {**ALL_RIGHT, "05.1": "error", "05.3": "error"}
    assert [note[:35] for note in notes] == [f"{id}: a cell ended by CellTimeoutErr"[:35] for id in ("05.1", "05.3")]


@pytest.mark.parametrize(
    ("code", "ended"), [("import os; os._exit(1)", "DeadKernelError"), ("while True: pass", "CellTimeoutError")]
)
def test_what_cells_give_back_up_to_one_that_ends_all(code, ended):
    shown, broken = grade.run(["1 + 1", "x = 1", "1 / 0", code, "2"], seconds=20 if "os" in code else 5)
    assert (shown, broken) == (["2", "", "failed: ZeroDivisionError: division by zero"], ended)


# -- files ------------------------------------------------------------------------------------------------


def put(path, book=None, age=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(solved() if book is None else book))
    os.utime(path, (10**9 - age, 10**9 - age))
    return path


@pytest.mark.parametrize(
    "where",
    [
        f"05/{NAME}",
        "05/05_variational_bound (1).ipynb",
        "05/05_variational_bound-Copy1.ipynb",
        "05_Variational_Bound.IPYNB",
        f"exercises/of 05/{NAME}",
        "mine.ipynb",
    ],
)
def test_a_notebook_is_found_by_its_name_or_by_its_cells(tmp_path, where):
    path = put(tmp_path / where)
    put(tmp_path / "05" / ".ipynb_checkpoints" / NAME)
    put(tmp_path / "__MACOSX" / "05" / NAME)
    put(tmp_path / "other.ipynb", {"cells": []})
    put(tmp_path / "broken.ipynb").write_text("{")
    found, notes = handin.find(tmp_path, NUMBER, NAME)
    assert found == path
    assert notes == ([] if where == f"05/{NAME}" else [f"graded: {where}"])


def test_of_several_the_newest_is_graded_and_the_others_are_named(tmp_path):
    for age, name in ((2, f"{Path(NAME).stem} (1).ipynb"), (1, f"{Path(NAME).stem} (2).ipynb")):
        put(tmp_path / name, age=age)
    assert handin.find(tmp_path, NUMBER, NAME) == (
        tmp_path / "05_variational_bound (2).ipynb",
        ["graded: 05_variational_bound (2).ipynb", "not looked at: 05_variational_bound (1).ipynb"],
    )
    right = put(tmp_path / NUMBER / NAME, age=9)
    path, notes = handin.find(tmp_path, NUMBER, NAME)
    assert path == right and len(notes) == 2 and all(note.startswith("not looked at: ") for note in notes)


def test_what_is_there_in_place_of_a_notebook_is_named(tmp_path):
    (tmp_path / "answers.pdf").write_bytes(b"")
    put(tmp_path / "06_gan.ipynb", {"cells": [{"cell_type": "code", "id": "check-06-1", "source": "1"}]})
    assert handin.find(tmp_path, NUMBER, NAME) == (
        None,
        ["there is no notebook with exercises of 05; there is: 06_gan.ipynb, answers.pdf"],
    )


@given(st.sampled_from([".ipynb_checkpoints", "__MACOSX", ".Trash-1000", "$RECYCLE.BIN", "System Volume Information"]))
def test_folders_that_nobody_handed_in_are_left_out_and_named(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("class")
    (folder / name).mkdir()
    (folder / "ann").mkdir()
    (folder / "bob.ipynb").write_text("{}")
    (folder / ".DS_Store").write_text("")
    found, notes = handin.learners(folder)
    assert found == [folder / "ann"]
    assert set(notes) == {f"left out, no learner's folder: {left}" for left in (name, "bob.ipynb")}


def test_a_table_that_cannot_be_written_is_known_before_the_work(tmp_path):
    (tmp_path / "in" / "ann").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"Cannot write .*--out"):
        grade.grade_all(NUMBER, tmp_path / "in", tmp_path / "no" / "grades.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf8_costs_nobody_the_table(tmp_path):
    os.mkdir(os.fsencode(tmp_path) + b"/J\xf6rg")
    (tmp_path / "ann").mkdir()
    rows = grade.grade_all(NUMBER, tmp_path, tmp_path / "grades.csv")
    assert len(rows) == 2 and "J\\udcf6rg" in (tmp_path / "grades.csv").read_text(encoding="utf-8")
