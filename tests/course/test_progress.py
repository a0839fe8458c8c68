"""What a learner has done is read from saved answers; a fresh copy never costs the learner a line."""

import json
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from infogan_lib.cli import main
from infogan_lib.course import progress
from infogan_lib.course.exercises.checker import Feedback, check

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = "### Exercise 00.1 · predict · easy · 2 minutes\n\n### Exercise 00.2 · explain · easy · 2 minutes"


def notebook(path: Path, *answers: Feedback | None, headings: str = HEADINGS) -> Path:
    """A notebook with a cell `check("00.1", answer)` for each answer; None is a cell that was not run."""
    cells = [nbformat.v4.new_markdown_cell(headings)]
    for answer in answers:
        cell = nbformat.v4.new_code_cell('check("00.1", answer)')
        if answer:
            data = {"text/html": answer._repr_html_(), "text/plain": repr(answer)}
            cell.outputs.append(nbformat.v4.new_output("execute_result", data))
        cells.append(cell)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def feedback(state: str) -> Feedback:
    return Feedback("00.1", state, "why")


@pytest.mark.parametrize("state", ["right", "wrong", "not yet"])
def test_the_state_is_that_of_the_saved_answer(tmp_path: Path, state: str) -> None:
    found = progress.read(notebook(tmp_path / "00_a.ipynb", feedback(state)))
    assert found == progress.Progress("00_a", {"00.1": state, "00.2": "no check"})


def test_a_true_answer_of_check_is_read(tmp_path: Path) -> None:
    answered = progress.read(notebook(tmp_path / "00_a.ipynb", check("00.1", "B"))).states["00.1"]
    assert answered == check("00.1", "B").state == "right"


def test_a_cell_that_was_not_run_or_not_saved_is_said_to_be_so(tmp_path: Path) -> None:
    found = progress.read(notebook(tmp_path / "00_a.ipynb", None))
    assert found.states["00.1"] == "not run" and "not run: all" in progress.table([found])


def test_of_several_answers_the_best_counts(tmp_path: Path) -> None:
    path = notebook(tmp_path / "00_a.ipynb", feedback("wrong"), feedback("right"), feedback("not yet"), None)
    assert progress.read(path).states["00.1"] == "right"


def test_the_shipped_notebooks_are_unsolved_and_their_solutions_solved() -> None:
    for path in progress.course(ROOT / "notebooks"):
        shipped, solved = progress.read(path), progress.read(path.parent / "solutions" / path.name)
        assert set(shipped.states.values()) <= {"not yet", "no check"} and len(shipped.states) >= 3, path.name
        assert set(solved.states.values()) <= {"right", "no check"}, path.name
        assert shipped.of("not yet") == solved.of("right"), path.name


def test_a_broken_notebook_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    notebook(tmp_path / "00_a.ipynb", feedback("right"))
    for name, text in {"01_b": '{"cells": [', "02_c": "[]", "03_d": '{"cells": [{"cell_type": "code"}]}'}.items():
        (tmp_path / f"{name}.ipynb").write_text(text, encoding="utf-8")
    main(["progress", "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert "1 of 1" in lines[1]
    assert all("no whole notebook" in line and f"NB=0{i}" in line for i, line in enumerate(lines[2:5], start=1))
    assert "Not in this folder: 04, 05" in lines[5]


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    notebook(tmp_path / "00_a.ipynb", feedback("wrong"))
    notebook(tmp_path / "00_a.mine-1.ipynb", feedback("right"))
    main(["progress", "--folder", str(tmp_path), "--json"])
    wanted = {"notebook": "00_a", "exercises": {"00.1": "wrong", "00.2": "no check"}, "fault": ""}
    assert json.loads(capsys.readouterr().out) == [wanted]


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_notebooks_is_an_error(tmp_path: Path, there: bool) -> None:
    folder = tmp_path if there else tmp_path / "nowhere"
    with pytest.raises(ValueError, match="no notebook such as" if there else "is no folder"):
        progress.course(folder)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A git repository with one notebook, committed."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    (tmp_path / "notebooks").mkdir()
    notebook(tmp_path / "notebooks" / "05_bound.ipynb")
    shutil.copy(ROOT / ".gitignore", tmp_path)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    return tmp_path


def test_reset_gives_the_committed_copy_and_keeps_every_version(clone: Path) -> None:
    path = clone / "notebooks" / "05_bound.ipynb"
    fresh = path.read_bytes()
    for k, mine in enumerate([b"first version", b"second version"], start=1):
        path.write_bytes(mine)
        assert progress.reset("5", clone) == (path, path.with_name(f"05_bound.mine-{k}.ipynb"))
        assert path.read_bytes() == fresh
    path.with_name("05_bound.mine-1.ipynb").unlink()  # a free number is not used again
    path.write_bytes(b"third version")
    progress.reset("05", clone)
    kept = {other.name: other.read_bytes() for other in path.parent.glob("*.mine-*")}
    assert kept == {"05_bound.mine-2.ipynb": b"second version", "05_bound.mine-3.ipynb": b"third version"}
    status = subprocess.run(["git", "-C", str(clone), "status", "--porcelain"], capture_output=True, check=True)
    assert status.stdout == b"" and progress.course(path.parent) == [path]


def test_reset_keeps_nothing_where_nothing_was_changed_or_left(clone: Path) -> None:
    path = clone / "notebooks" / "05_bound.ipynb"
    fresh = path.read_bytes()
    assert progress.reset("05", clone) == (path, None)
    path.unlink()
    assert progress.reset("05", clone) == (path, None) and path.read_bytes() == fresh


@pytest.mark.parametrize(("number", "says"), [("", "no notebook was named"), ("99", "no notebook '99'"), ("x", "'x'")])
def test_reset_names_the_notebooks_there_are(clone: Path, number: str, says: str) -> None:
    with pytest.raises(ValueError, match=rf"{says}.*choose one of 05, as in make reset NB=05"):
        progress.reset(number, clone)


def test_reset_needs_a_clone_and_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ValueError, match="in your clone"):
        progress.reset("05", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="Install git"):
        progress.reset("05", tmp_path)


def test_make_test_leaves_kept_copies_out(clone: Path) -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    shutil.copy(ROOT / "Makefile", clone)
    shutil.copy(clone / "notebooks" / "05_bound.ipynb", clone / "notebooks" / "05_bound.mine-1.ipynb")
    command = ["make", "-s", "-f", "Makefile", "--eval", "shown: ; @echo $(NOTEBOOKS)", "shown"]
    shown = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["notebooks/05_bound.ipynb"]
