"""Measured tables: `data/results/NAME.csv`, one row a run, each with the command, commit and seed that made it.

Notebooks and README read their numbers from here, so that none is typed by hand.
"""

import csv
import html
import io
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import filelock

from infogan_lib.data.files import ROOT, write_bytes

FOLDER = ROOT / "results"


def read(name: str, **where: Any) -> list[dict[str, str]]:
    """The rows of a table whose columns equal `where`. Raises FileNotFoundError if there is no such table."""
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if all(row[k] == str(v) for k, v in where.items())]


def put(name: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
    """Add rows, each in place of an old one that agrees with it in all `keys`: the same run, made again.

    Raises ValueError if the columns are not the table's.
    """
    path = FOLDER / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = [{k: str(v) for k, v in row.items()} for row in rows]
    with filelock.FileLock(FOLDER / ".lock"):  # two runs may finish at once
        old = read(name) if path.exists() else []
        if old and list(old[0]) != list(new[0]):
            raise ValueError(f"{path.name} has the columns {list(old[0])}, the new rows {list(new[0])}")
        again = {tuple(row[k] for k in keys) for row in new}
        kept = [row for row in old if tuple(row[k] for k in keys) not in again]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(new[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept + new)
        write_bytes(path, text.getvalue().encode())


def column(rows: Sequence[Mapping[str, str]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Some values as "median (minimum to maximum)"; a single one as itself."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})" if len(values) > 1 else middle


def commit() -> str:
    """The commit that ran, with a + where library or benchmarks differ from it; "unknown" outside git."""
    try:
        git, code = ["git", "-C", str(ROOT.parent)], ["infogan_lib", "benchmarks"]
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *code], check=False).returncode
        return name.strip() + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header, shown by a notebook as a table."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __repr__(self) -> str:
        cells = [[str(c) for c in row] for row in (self.header, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)

    def _repr_html_(self) -> str:
        head, *body = [_html(self.header, "th"), *(_html(row, "td") for row in self.rows)]
        return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"


def _html(row: Sequence[Any], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row) + "</tr>"
