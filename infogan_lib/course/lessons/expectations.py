"""What you expect of each code, written down before the training, and held against what was found.

    seal({"kind": ("digit", 0.6), "c1": ("slant", 0.4)}, "runs/a/expected.json")

An expectation is a code's name, what it should find, and the least score at which you would call it found.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from infogan_lib.data import files

Expected = Mapping[str, tuple[str, float]]


def seal(expected: Expected, path: str | Path) -> str:
    """Write an expectation to `path`, once, and return its fingerprint: 8 hexadecimal digits of its SHA-256.

    The same expectation may be sealed again; another one is refused, since it comes after the fact.
    Raises ValueError where an expectation is not (text, score between 0 and 1), FileError for a second one.
    """
    if not expected:
        raise ValueError("seal: nothing is expected; give {code: (what it finds, least score)}.")
    for name, entry in expected.items():
        what, least = entry if isinstance(entry, (tuple, list)) and len(entry) == 2 else ("", None)
        if not isinstance(what, str) or not what.strip():
            raise ValueError(f"seal: expected {name}: (what it finds, least score), got {entry!r}.")
        if isinstance(least, bool) or not isinstance(least, (int, float)) or not 0 < least < 1:
            raise ValueError(f"seal: the least score of {name} lies between 0 and 1, got {least!r}.")
    text = json.dumps({name: list(entry) for name, entry in expected.items()}, indent=1, sort_keys=True)
    path = Path(path)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise files.FileError(f"{path} holds another expectation already. Seal the new one elsewhere, for a new run.")
    files.write_bytes(path, text.encode())
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def unseal(path: str | Path) -> dict[str, tuple[str, float]]:
    """The expectation in a file that `seal` wrote. Raises FileError for any other file."""
    try:
        return {name: (what, float(least)) for name, (what, least) in json.loads(Path(path).read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise files.FileError(f"{path} holds no sealed expectation ({error}). Seal one before you train.") from error


def compare(expected: Expected, found: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str, str, str]]:
    """Rows (code, expected, found, verdict): `found` is {code: {what: score}}, all of which may be shown.

    "held" if the score of what was expected reaches the least score, by its absolute value; "failed" if not; and
    "not measured" where nobody measured it, which is not the same.
    """
    rows = []
    for name, (what, least) in expected.items():
        scores = found.get(name, {})
        best = ", ".join(f"{k} {v:.2f}" for k, v in sorted(scores.items(), key=lambda item: -abs(item[1])))
        verdict = "not measured"
        if what in scores:
            verdict = "held" if abs(scores[what]) >= least else "failed"
        rows.append((name, f"{what}, at least {least:.2f}", best, verdict))
    return rows
