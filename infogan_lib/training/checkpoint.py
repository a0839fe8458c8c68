"""The folder of one run: manifest.json, log.csv, checkpoint.safetensors and a lock; and what a checkpoint holds."""

import csv
import errno
import gc
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
from torch import Tensor
from torch.optim import Optimizer

from infogan_lib.core.model import InfoGAN
from infogan_lib.data import files
from infogan_lib.data.images import Images

STROKES = {0.0: "moved", 0.7: "nudged"}  # how far a view thickens or thins strokes: its name
IDENTITY = ("network", "q_on", "spec", "seed", "data")  # what a run and its checkpoint agree on


class TrainingError(Exception):
    """The run stopped, or cannot start; the message says why and what to do."""


class RunFolder:
    """Opened by one process at a time. The lock is the system's: it goes when its process does, however that dies.

    Raises TrainingError if another process holds the folder or it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = files.expand(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _lock_of(self.path)
            if self._lock.is_locked:
                raise TrainingError(
                    f"an earlier Training in this process still holds {path}: call its close(), or restart the kernel. "
                    f"Then Training.resume({str(path)!r}, images) goes on with it; a new run needs another folder."
                )
            self._lock.acquire(timeout=0)
            self.closed = False  # whether this run has let go of the folder: another may have it by then
        except filelock.Timeout:
            raise TrainingError(
                f"another process is training in {path}, a notebook's kernel perhaps; wait for it, end it, or choose "
                "another folder"
            ) from None
        except OSError as error:
            raise TrainingError(f"cannot write in {path}: {error.strerror}; choose another folder") from error
        except NotImplementedError as error:
            raise TrainingError(f"the file system of {path} has no locks; choose a folder on a local disk") from error
        for left in (self.checkpoint, self.log, self.path / "manifest.json"):  # by a writer that was killed
            for part in self.path.glob(f".{left.name}.*.part"):
                part.unlink(missing_ok=True)

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def log(self) -> Path:
        return self.path / "log.csv"

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest of a new run. Raises TrainingError if the folder already holds one."""
        try:
            if (self.path / "manifest.json").exists():
                raise TrainingError(
                    f"{self.path} already holds a run. Go on with it (Training.resume, or --resume) "
                    "or choose another folder."
                )
            self.describe(manifest)
        except (files.FileError, TrainingError):
            self.close()
            raise

    def describe(self, manifest: Mapping[str, Any]) -> None:
        """Write manifest.json, atomically. Raises FileError."""
        files.write_bytes(self.path / "manifest.json", json.dumps(manifest, indent=2).encode())

    @staticmethod
    def read_manifest(path: str | Path) -> dict[str, Any]:
        """Raises TrainingError if there is no run, or its manifest is not JSON."""
        file = files.expand(path) / "manifest.json"
        try:
            return updated(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise TrainingError(f"there is no run in {path}: it has no manifest.json") from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise TrainingError(
                f"{file} cannot be read: {files.brief(error)}. Put a good copy of it there, or train in another folder."
            ) from error

    def save(self, tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> None:
        files.save_tensors(self.checkpoint, tensors, manifest)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The checkpoint, or None if the run was stopped before its first.

        Raises FileError for a damaged one and TrainingError for that of another run.
        """
        if not self.checkpoint.exists():
            return None
        tensors, found = files.load_tensors(self.checkpoint)
        if not {"step", "cursor", "recipe"} <= found.keys():
            raise files.FileError(f"{self.checkpoint} is no checkpoint of a training. Put this run's own there.")
        found = updated(found)
        expected = self.read_manifest(self.path)
        if other := [name for name in IDENTITY if found.get(name) != expected.get(name)]:
            raise TrainingError(
                f"{self.checkpoint} belongs to another run: its {' and '.join(other)} differ from manifest.json. "
                "Put this run's own checkpoint there, or delete it and the run starts from its first step."
            )
        return tensors, found

    def append(self, columns: Sequence[str], rows: Sequence[Mapping[str, float]]) -> None:
        """Add rows to the log, all or none; a value that a row lacks stays empty. Raises FileError."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not self.log.exists() or self.log.stat().st_size == 0:  # empty: killed between making it and writing
            writer.writerow(columns)
        writer.writerows([f"{row[c]:.6g}" if c in row else "" for c in columns] for row in rows)
        try:
            with self.log.open("ab", buffering=0) as file:
                size, content = file.tell(), text.getvalue().encode()
                if file.write(content) < len(content):  # the disk is full
                    file.truncate(size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise files.FileError(files.cannot_write(self.log, error)) from error

    def trim(self, step: int) -> None:
        """Drop the log's rows from after `step`: a resumed run makes them again."""
        if not self.log.exists():
            return
        kept = io.StringIO(newline="")
        with self.log.open(newline="") as file:
            rows = [row for row in csv.reader(file) if row]
            # A row cut short is from after the checkpoint, too: of step 41 only the 4 may be left.
            whole = (r for r in rows if len(r) == len(rows[0]))
            csv.writer(kept).writerows(r for r in whole if not r[0].isdigit() or int(r[0]) <= step)
        files.write_bytes(self.log, kept.getvalue().encode())

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._lock.release()


def same_images(manifest: Mapping[str, Any], images: Images, folder: str | Path) -> Images:
    """`images`, under the name that the run has for them. Raises TrainingError unless it was trained on these.

    Their bytes decide, whatever they are called now. Older manifests say the name alone.
    """
    name, known = manifest["data"], manifest.get("data_sha256")
    if images.name != name if known is None else images.checksum != known:
        raise TrainingError(
            f"the run in {folder} was trained on {name!r}; these images are {images.name!r}, not the same in the "
            "same order. Give those it began with (pictures under their old file names), or begin a new run."
        )
    return replace(images, name=name)


def _lock_of(path: Path) -> filelock.BaseFileLock:
    """The lock of a folder, one object in a process; a run that nobody can reach any more lets go of it first.

    Not thread-local: a run made in a cell may be trained, and closed, in a widget's thread.
    """
    name = path.resolve() / ".lock"
    if filelock.FileLock(name, thread_local=False, is_singleton=True).is_locked:
        gc.collect()
    return filelock.FileLock(name, thread_local=False, is_singleton=True)


def pack(model: InfoGAN, averaged: InfoGAN, d_optimiser: Optimizer, g_optimiser: Optimizer) -> dict[str, Tensor]:
    """The tensors of a checkpoint: model.NAME, averaged.NAME, and Adam's moments as d.NUMBER.NAME and g.NUMBER.NAME."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"averaged.{name}": tensor for name, tensor in averaged.state_dict().items()}
    for player, optimiser in (("d", d_optimiser), ("g", g_optimiser)):
        for number, moments in optimiser.state_dict()["state"].items():
            tensors |= {f"{player}.{number}.{name}": tensor for name, tensor in moments.items()}
    return tensors


def unpack(
    tensors: Mapping[str, Tensor],
    source: Path,
    model: InfoGAN,
    averaged: InfoGAN,
    d_optimiser: Optimizer,
    g_optimiser: Optimizer,
) -> None:
    """Put what `pack` took back in its place. Raises FileError where the weights are another network's."""
    files.load_state(model, _part(tensors, "model"), source)
    files.load_state(averaged, _part(tensors, "averaged"), source)
    for player, optimiser in (("d", d_optimiser), ("g", g_optimiser)):
        whole = optimiser.state_dict()
        for key, tensor in _part(tensors, player).items():
            number, name = key.split(".")
            whole["state"].setdefault(int(number), {})[name] = tensor
        optimiser.load_state_dict(whole)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors called PREFIX.NAME, by NAME. Older files have the average inside the model: model.average.NAME."""
    named = {key.replace("model.average.", "averaged.", 1): tensor for key, tensor in tensors.items()}
    return {key.removeprefix(f"{prefix}."): tensor for key, tensor in named.items() if key.startswith(f"{prefix}.")}


def updated(manifest: Any) -> dict[str, Any]:
    """A manifest as this version writes it: older recipes have `copies`, the view of all codes, and `real_stroke`.

    Raises KeyError or TypeError for what is no manifest. A stroke that no view has is left for `Recipe` to refuse.
    """
    manifest = dict(manifest)
    recipe = dict(manifest.get("recipe") or {})
    view, stroke = recipe.pop("copies", ""), recipe.pop("real_stroke", None)
    if view:
        recipe["real_view"] = f"{view}-strong"
        spec = manifest["spec"]
        manifest["spec"] = {**spec, "codes": [{**code, "view": view} for code in spec["codes"]]}
    elif stroke in STROKES:
        recipe["real_view"] = STROKES[stroke]
    elif stroke is not None:
        recipe["real_stroke"] = stroke
    return {**manifest, "recipe": recipe} if recipe else manifest
