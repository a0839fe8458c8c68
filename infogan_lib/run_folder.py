"""The folder of one training run: manifest.json, log.csv, checkpoint.safetensors, and a lock on them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
from torch import Tensor

from infogan_lib import files


class TrainingError(Exception):
    """The run stopped, or cannot start; the message says why and what to do."""


class RunFolder:
    """Opened by one process at a time. The lock is the system's: it goes when its process does, however that dies.

    Raises TrainingError if another process holds the folder or it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # Not thread-local: a run made in a cell may be trained, and closed, in a widget's thread.
            self._lock = filelock.FileLock(self.path / ".lock", thread_local=False)
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise TrainingError(
                f"another process is training in {path}; wait for it or choose another folder"
            ) from None
        except OSError as error:
            raise TrainingError(f"cannot write in {path}: {error.strerror}; choose another folder") from error

    @property
    def closed(self) -> bool:
        """Whether this run has let go of the folder."""
        return not self._lock.is_locked

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def log(self) -> Path:
        return self.path / "log.csv"

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest of a new run. Raises TrainingError if the folder already holds one."""
        if (self.path / "manifest.json").exists():
            self.close()
            raise TrainingError(
                f"{self.path} already holds a run. Go on with it (Training.resume, or --resume) "
                "or choose another folder."
            )
        files.write_bytes(self.path / "manifest.json", json.dumps(manifest, indent=2).encode())

    @staticmethod
    def read_manifest(path: str | Path) -> dict[str, Any]:
        """Raises TrainingError if there is no run, or its manifest is not JSON."""
        try:
            return dict(json.loads((Path(path) / "manifest.json").read_text()))
        except FileNotFoundError:
            raise TrainingError(f"there is no run in {path}: it has no manifest.json") from None
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{Path(path) / 'manifest.json'} cannot be read: {error}") from error

    def save(self, tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> None:
        files.save_tensors(self.checkpoint, tensors, manifest)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The checkpoint, or None if the run was stopped before its first."""
        return files.load_tensors(self.checkpoint) if self.checkpoint.exists() else None

    def append(self, columns: Sequence[str], rows: Sequence[Mapping[str, float]]) -> None:
        """Add rows to the log; a value that a row lacks stays empty."""
        new = not self.log.exists()
        with self.log.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(columns)
            writer.writerows([f"{row[c]:.6g}" if c in row else "" for c in columns] for row in rows)

    def trim(self, step: int) -> None:
        """Drop the log's rows from after `step`: a resumed run makes them again."""
        if not self.log.exists():
            return
        kept = io.StringIO(newline="")
        with self.log.open(newline="") as file:
            rows = csv.reader(file)
            # A row cut short by a kill is from after the checkpoint too.
            csv.writer(kept).writerows(r for r in rows if r and (not r[0].isdigit() or int(r[0]) <= step))
        files.write_bytes(self.log, kept.getvalue().encode())

    def close(self) -> None:
        self._lock.release()
