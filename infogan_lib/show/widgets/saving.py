"""Pictures kept as files: beside the notebook under a name that is free, and as a link to download."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path


def keep(content: bytes, folder: str | Path, stem: str, suffix: str) -> Path:
    """Write `content` to the first free of stem-001.suffix, stem-002.suffix, ... and return that path.

    Nothing is ever overwritten, and no half of a file is left. Raises OSError where the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = folder / f"{stem}-{number:03d}.{suffix}"
        try:
            file = path.open("xb")
        except FileExistsError:
            number += 1
            continue
        try:
            with file:  # what a full disk refuses may show as late as when the file is closed
                file.write(content)
        except BaseException:
            path.unlink()
            raise
        return path


def link(content: bytes, name: str) -> str:
    """HTML of a link that downloads `content`: it also works where the kernel's folder is out of reach."""
    data = base64.b64encode(content).decode()
    kind = name.rsplit(".")[-1]
    return f'<a download="{escape(name)}" href="data:image/{kind};base64,{data}">download {escape(name)}</a>'
