import csv
import shutil
import subprocess

import pytest

from infogan_lib.course import results


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    return tmp_path / "results"


def test_rows_are_added_under_one_header_and_filtered(folder):
    results.put("t", [{"seed": 0, "variant": "a", "score": 0.5}], ["seed"])
    results.put("t", [{"seed": 1, "variant": "b", "score": 0.75}], ["seed"])
    assert len((folder / "t.csv").read_text().splitlines()) == 3
    assert results.read("t", variant="b", seed=1) == [{"seed": "1", "variant": "b", "score": "0.75"}]
    assert results.column(results.read("t"), "score") == [0.5, 0.75]


def test_other_columns_are_refused_and_nothing_is_written(folder):
    results.put("t", [{"seed": 0}], ["seed"])
    with pytest.raises(ValueError, match="columns"):
        results.put("t", [{"seed": 1, "score": 2}], ["seed"])
    assert list(csv.reader((folder / "t.csv").open())) == [["seed"], ["0"]]


def test_a_run_made_again_replaces_its_row():
    results.put("t", [{"seed": s, "variant": v, "score": 0} for v in "ab" for s in (0, 1)], ["seed", "variant"])
    results.put("t", [{"seed": 1, "variant": "a", "score": 9}], ["seed", "variant"])
    assert results.column(results.read("t", variant="a"), "score") == [0, 9]
    assert results.column(results.read("t", variant="b"), "score") == [0, 0]


def test_spread_is_median_and_ends():
    assert results.spread([3, 1, 2]) == "2.0 (1.0 to 3.0)"
    assert results.spread([0.125, 0.125], 2) == "0.12 (0.12 to 0.12)"
    assert results.spread([0.5], 2) == "0.50"


def test_a_table_reads_as_text_and_as_html():
    table = results.Table(["name", "x"], [["<b>", 1]])
    assert repr(table) == "name  x\n<b>   1"
    assert "<td>&lt;b&gt;</td><td>1</td>" in table._repr_html_()


def test_the_commit_has_a_plus_where_library_or_benchmarks_differ_from_it(tmp_path, monkeypatch):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    monkeypatch.setattr(results, "ROOT", tmp_path / "data")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert results.commit() == "unknown"
    for place in ("infogan_lib/course", "benchmarks", "notebooks"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "file.py").write_text("committed")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    name = results.commit()
    assert len(name) >= 7 and not name.endswith("+")
    for place, ending in (("notebooks", ""), ("infogan_lib/course", "+"), ("benchmarks", "+")):
        (tmp_path / place / "file.py").write_text("changed")
        assert results.commit() == name + ending, place
        (tmp_path / place / "file.py").write_text("committed")
