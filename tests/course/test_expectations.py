"""Expectations that are sealed before a training and held against what was found."""

import pytest

from infogan_lib.course.lessons import expectations
from infogan_lib.data.files import FileError

EXPECTED = {"kind": ("digit", 0.6), "c1": ("slant", 0.4)}


def test_an_expectation_is_sealed_once(tmp_path):
    first = expectations.seal(EXPECTED, tmp_path / "e.json")
    assert expectations.seal(EXPECTED, tmp_path / "e.json") == first
    with pytest.raises(FileError, match="another expectation already"):
        expectations.seal(EXPECTED | {"c1": ("slant", 0.3)}, tmp_path / "e.json")
    assert expectations.unseal(tmp_path / "e.json") == EXPECTED
    assert expectations.seal(EXPECTED | {"c1": ("slant", 0.3)}, tmp_path / "f.json") != first


@pytest.mark.parametrize(
    "wrong", [{}, {"kind": "digit"}, {"kind": ("", 0.5)}, {"kind": ("digit", 1.0)}, {"kind": ("digit", "much")}]
)
def test_what_is_no_expectation_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="seal:"):
        expectations.seal(wrong, tmp_path / "e.json")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_none_is_said(tmp_path):
    (tmp_path / "e.json").write_text("[1]")
    for name in ("e.json", "nowhere.json"):
        with pytest.raises(FileError, match="no sealed expectation"):
            expectations.unseal(tmp_path / name)


def test_held_failed_and_not_measured_are_three_things():
    found = {"kind": {"digit": 0.59}, "c1": {"width": 0.9, "slant": -0.41}}
    rows = expectations.compare(EXPECTED | {"c2": ("colour", 0.5)}, found)
    assert [row[0] for row in rows] == ["kind", "c1", "c2"]
    assert [row[3] for row in rows] == ["failed", "held", "not measured"]
    assert rows[1][2] == "width 0.90, slant -0.41"
