"""What each finding means, the line to write instead, and the notebook that explains it: the text of `words.txt`."""

from importlib.resources import files
from typing import NamedTuple


class Words(NamedTuple):
    title: str
    means: str
    write: str
    notebook: str


def _read(text: str) -> dict[str, Words]:
    """Blocks of a name and indented lines: the title, `means` (lines further in go on), `write` and `read`."""
    words = {}
    for block in text.split("\n\n")[1:]:
        name, title, *rest = block.strip("\n").split("\n")
        parts = {"means": "", "write": "", "read": ""}
        for line in rest:
            if line.startswith("    "):
                parts["means"] += " " + line.strip()
            else:
                key, _, parts_of = line.strip().partition(" ")
                parts[key] = parts_of
        words[name] = Words(title.strip(), parts["means"], parts["write"], parts["read"])
    return words


WORDS = _read((files(__package__) / "words.txt").read_text(encoding="utf-8"))
