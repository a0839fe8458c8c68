"""Every page is fit to read, whoever wrote it: what it must have, and where its links lead. A fault names the cell."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infogan_lib.course import progress

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
COURSE = progress.course(NOTEBOOKS)
SOLUTIONS = progress.course(NOTEBOOKS / "solutions")
PAGES = [*COURSE, *SOLUTIONS, NOTEBOOKS / "explorer.ipynb"]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "data" / "README.md", *sorted(NOTEBOOKS.rglob("*.md"))]
KINDS = ("markdown", "code")
LIMIT = 1_500_000  # bytes of a notebook, outputs and all

LENGTHS = (6, 15, 30)  # lines of a code cell that are not blank: median, nine cells in ten, longest
# 04 imports from four places in one cell, 05 puts a number beside every line of its derivation: the middle cell of
# each is one line longer than the rule.
LONGER = {"04_mutual_information": (7, 15, 30), "05_variational_bound": (7, 15, 30)}

EXERCISE = re.compile(
    rf"Exercise {progress.EXERCISE} · (write|predict|explain|by hand) · (easy|medium|hard) · \d+ minutes"
)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def cells(path: Path, kind: str) -> list[tuple[int, dict[str, Any]]]:
    """(number in the notebook, cell) of the cells of one kind."""
    every = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(i, cell) for i, cell in enumerate(every) if cell["cell_type"] == kind]


def prose(path: Path) -> str:
    """The markdown of a page without fenced code, in which a # is no heading."""
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
    else:
        text = "\n\n".join("".join(cell["source"]) for _, cell in cells(path, "markdown"))
    return FENCE.sub("", text)


def headings(path: Path) -> list[tuple[int, str]]:
    """(level, text) in order."""
    return [(len(marks), text) for marks, text in re.findall(r"^(#+) +(.+)$", prose(path), re.MULTILINE)]


def every(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=[str(path.relative_to(ROOT)) for path in paths])


@every(PAGES)
def test_every_picture_has_alt_text(path: Path) -> None:
    """In the metadata, where plots.Picture puts it, and in words: a sentence, not a file name."""
    bare = []
    for i, cell in cells(path, "code"):
        for output in cell["outputs"]:
            data, metadata = output.get("data", {}), output.get("metadata", {})
            texts = [metadata.get(kind, {}).get("alt", "") for kind in data if kind.startswith("image/")]
            for tag in re.findall(r"<img\b[^>]*>", "".join(data.get("text/html", ""))):
                texts += re.findall(r'\balt="([^"]*)"', tag) or [""]
            bare += [f"cell {i}" for text in texts if len(text.split()) < 5]
    bare += [target for mark, text, target in LINK.findall(prose(path)) if mark and len(text.split()) < 5]
    assert not bare, f"no alt text: {bare}"


@every(PAGES)
def test_headings_go_down_one_step_at_a_time_below_one_title(path: Path) -> None:
    found = headings(path)
    levels = [level for level, _ in found]
    assert levels[0] == 1 and levels.count(1) == 1, f"one title, and first: {found[:3]}"
    jumps = [found[i + 1] for i in range(len(levels) - 1) if levels[i + 1] > levels[i] + 1]
    assert not jumps, f"a level is skipped before {jumps}"


@every(COURSE)
def test_a_notebook_opens_with_what_you_will_be_able_to_do_and_how_long_it_takes(path: Path) -> None:
    opening = prose(path).split("\n## ")[0]
    parts = re.split(r"^\*\*You will be able to\*\*", opening, flags=re.MULTILINE)
    assert len(parts) == 2, "no '**You will be able to**' before the first section"
    objectives = re.match(r"\s*((?:- .+\n(?:  .+\n)*)+)", parts[1])
    assert objectives and 3 <= len(re.findall(r"^- ", objectives[1], re.MULTILINE)) <= 5, "three to five objectives"
    assert "**Needs**" in opening
    assert re.search(r"\*\*Reading\*\* (about )?\d+ minutes", opening)
    assert re.search(r"\*\*Running\*\*\s+about\s+(\d+ seconds|a minute)\s+on\s+two\s+cores", opening)


@every(COURSE)
def test_every_exercise_says_its_kind_how_hard_it_is_and_its_minutes(path: Path) -> None:
    titles = [text for _, text in headings(path) if text.startswith("Exercise")]
    # 00 is the first quarter of an hour, 07b an appendix: three.
    assert len(titles) >= (3 if path.stem[:3] in ("00_", "07b") else 4)
    assert not [title for title in titles if not EXERCISE.fullmatch(title)]


@every(COURSE)
def test_a_notebook_closes_with_what_you_can_do_a_quiz_and_references(path: Path) -> None:
    text = prose(path)
    places = [
        re.search(pattern, text, re.MULTILINE)
        for pattern in (r"^## What you can now do$", r"^\*\*Quiz\*\*$", r"^(## References$|\*\*References\*\* )")
    ]
    assert all(places), "a closing part is missing: What you can now do, Quiz, References"
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts), "they come in this order"
    quiz, references = text[starts[1] : starts[2]], text[starts[2] :]
    assert quiz.count("<details>") == quiz.count("</details>") >= 3, "three questions with folded answers"
    assert re.search(r"\b(19|20)\d\d\b", references), "a work and its year"


@every(COURSE)
def test_a_notebook_ends_with_the_glossary(path: Path) -> None:
    assert "](GLOSSARY.md)" in prose(path).rsplit("References", 1)[-1]


@every(COURSE)
def test_code_cells_are_short(path: Path) -> None:
    lengths = sorted(
        sum(bool(line.strip()) for line in "".join(cell["source"]).splitlines()) for _, cell in cells(path, "code")
    )
    found = statistics.median(lengths), lengths[int(0.9 * len(lengths))], lengths[-1]
    allowed = LONGER.get(path.stem, LENGTHS)
    assert all(have <= may for have, may in zip(found, allowed)), f"median, p90, longest: {found}, allowed {allowed}"


@every(PAGES)
def test_a_page_ran_from_top_to_bottom_without_an_error(path: Path) -> None:
    code = [cell for _, cell in cells(path, "code")]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run it once, in order"
    outputs = [(i, output) for i, cell in cells(path, "code") for output in cell["outputs"]]
    assert not [i for i, output in outputs if output["output_type"] == "error"]
    assert not [(i, output["text"]) for i, output in outputs if output.get("name") == "stderr"]


@every([*PAGES, *DOCUMENTS])
def test_links_inside_the_repository_resolve(path: Path) -> None:
    broken = []
    for _, _, target in LINK.findall(CODE.sub("", prose(path))):
        name, _, section = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        page = path.parent / name if name else path
        if not page.exists() or (section and section not in anchors(page)):
            broken.append(target)
    assert not broken


def anchors(path: Path) -> set[str]:
    """The names under which GitHub (in small letters) and JupyterLab (as written) reach the headings of a page."""
    dashed = {re.sub(r"\s", "-", text) for _, text in headings(path)}
    return dashed | {re.sub(r"[^\w-]", "", name.lower()) for name in dashed}


@every(PAGES)
def test_a_page_is_light_enough_to_be_shown_by_a_browser(path: Path) -> None:
    assert path.stat().st_size < LIMIT


def glossary() -> list[tuple[str, list[str]]]:
    """(word, notebooks that build it) of each row below "Words"."""
    words = prose(NOTEBOOKS / "GLOSSARY.md").split("## Words")[1]
    rows = [row for row in words.splitlines() if row.startswith("| ") and not row.startswith("| word")]
    return [(row.split("|")[1].strip(), re.findall(r"\]\(([^)]+ipynb)\)", row)) for row in rows]


def plain(text: str) -> str:
    """Small letters, single spaces, no marks: `code_accuracy` and *code accuracy* read the same."""
    return re.sub(r"[\s_*`-]+", " ", text.lower().replace("é", "e")).strip()


def test_the_glossary_is_in_order_and_each_word_is_in_the_notebooks_it_names() -> None:
    words = [plain(word) for word, _ in glossary()]
    assert len(words) >= 50 and words == sorted(words)
    absent = []
    for word, names in glossary():
        assert names, word
        for name in names:
            found = [cell["source"] for kind in KINDS for _, cell in cells(NOTEBOOKS / name, kind)]
            page = plain("\n".join("".join(lines) for lines in found))
            absent += [f"{word}: {name}"] * (not any(plain(one) in page for one in word.split(",")))
    assert not absent


def test_spelling() -> None:
    """codespell knows common slips of the finger; a word it is wrong about goes into the list."""
    text = "\n".join(f"{path.name}: {line}" for path in (*PAGES, *DOCUMENTS) for line in prose(path).splitlines())
    speller = [sys.executable, "-m", "codespell_lib", "--ignore-words-list=sting", "-"]
    found = subprocess.run(speller, input=text, capture_output=True, text=True, encoding="utf-8")
    assert found.returncode == 0, found.stdout


def test_every_notebook_has_its_solutions() -> None:
    assert [path.name for path in COURSE] == [path.name for path in SOLUTIONS]


def exercises(path: Path) -> list[str]:
    return re.findall(rf"^#+ (?:Exercise )?({progress.EXERCISE})", prose(path), re.MULTILINE)


@every(COURSE)
def test_the_solutions_are_those_of_the_exercises_in_their_order(path: Path) -> None:
    assert exercises(NOTEBOOKS / "solutions" / path.name) == exercises(path)
