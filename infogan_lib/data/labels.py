"""Labels of pictures in a file, as a person or a spreadsheet writes it: a line NAME,LABEL for each picture."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from infogan_lib.data.files import FileError, brief, expand

DELIMITERS = ",;\t"
REMEDY = "Give a text file in UTF-8 of lines NAME,LABEL."


@dataclass(frozen=True)
class Labels:
    """What a file says of pictures; printed, it is a line that says what was left out."""

    path: Path
    of: dict[str, str]  # {a picture's name, as `_key` has it: its label}
    unknown: list[str]  # names that no picture has
    empty: int  # names without a label
    repeated: int  # lines that say again what another said

    def __str__(self) -> str:
        parts = [f"{self.path.name}: labels of {len(self.of):,} pictures"]
        if self.unknown:
            parts.append(f"names that no usable picture has: {len(self.unknown):,}, such as {brief(self.unknown[0])!r}")
        parts += [f"names without a label: {self.empty:,}"] if self.empty else []
        parts += [f"repeated lines: {self.repeated:,}"] if self.repeated else []
        return "; ".join(parts)

    def select(self, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        """Which of the pictures `names` have a label: (their places (M,), labels (M,) int64, their classes in order).

        Raises FileError where none has.
        """
        labelled = {place: self.of[_key(name)] for place, name in enumerate(names) if _key(name) in self.of}
        if not labelled:
            such = f"; in the file they are as {brief(self.unknown[0])!r}" if self.unknown else ""
            raise FileError(
                f"{self.path} labels none of these {len(names)} pictures. "
                f"Names must be as in the listing: {', '.join(map(repr, names[:1]))}{such}."
            )
        classes = sorted(set(labelled.values()))
        return torch.tensor(list(labelled)), torch.tensor([classes.index(one) for one in labelled.values()]), classes


def read(path: str | Path, names: Iterable[str]) -> Labels:
    """The labels in a file, of pictures with these names: those of a folder's listing.

    Commas, semicolons or tabs part the fields, of which quotes may hold any; a first line of headings, blank lines and
    empty columns to the right do no harm. Accents match however they are encoded, and so do / and \\.
    Raises FileError where the file cannot be read, a line is another thing, or two lines contradict each other.
    """
    path, known = expand(path), {_key(name) for name in names}
    text = _text(path)
    if re.match(r"sep=.\r?\n", text):  # Excel's own line about the delimiter
        text = "\n" + text.partition("\n")[2]
    tables = [_table(text, delimiter) for delimiter in DELIMITERS]
    fits = [(not fault, sum(_key(row[0]) in known for row in rows), len(rows)) for rows, fault in tables]
    rows, fault = tables[fits.index(max(fits))]
    if fault:
        raise FileError(f"{path}, {fault}. {REMEDY}")
    suffixes = {PurePosixPath(name).suffix.lower() for name in known}
    if rows and _key(rows[0][0]) not in known and PurePosixPath(rows[0][0]).suffix.lower() not in suffixes:
        rows = rows[1:]  # headings
    found: dict[str, str] = {}
    unknown: dict[str, None] = {}
    given = [row for row in rows if row[1]]
    for name, label in given:
        if (first := found.setdefault(_key(name), label)) != label:
            raise FileError(
                f"{path} gives {brief(name)!r} two labels, {brief(first)!r} and {brief(label)!r}. Leave one."
            )
        if _key(name) not in known:
            unknown[name] = None
    of = {name: label for name, label in found.items() if name in known}
    return Labels(path, of, list(unknown), len(rows) - len(given), len(given) - len(found))


def _key(name: str) -> str:
    """What two spellings of one name have in common."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/")).removeprefix("./")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        # Spreadsheets mark UTF-8 and UTF-16 at the start of a file.
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path} cannot be read as UTF-8. Save it as text: 'CSV UTF-8' in a spreadsheet.") from error


def _table(text: str, delimiter: str) -> tuple[list[list[str]], str]:
    """The rows (name, label) of a text, and what is wrong with the first other row, or "" where none is."""
    rows: list[list[str]] = []
    fault = ""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            row = [field.strip() for field in row]
            while len(row) > 2 and not row[-1]:
                row.pop()
            if len(row) == 2 and row[0]:
                rows.append(row)
            elif any(row):
                fault = fault or f"line {reader.line_num}: expected NAME,LABEL, got {brief(delimiter.join(row))!r}"
    except csv.Error as error:
        fault = fault or f"line {reader.line_num}: {error}; is a quotation mark left open?"
    return rows, fault
