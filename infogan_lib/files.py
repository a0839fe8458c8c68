"""Tensors and JSON on disk, without pickle: safetensors files that are whole or not there at all.

A file holds named tensors and one JSON manifest in its header. It is written beside its place and
moved there in one step, so a kill or a full disk leaves the old file as it was.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor


class FileError(Exception):
    """A file could not be written, or is not what it should be; the message says what to do."""


def write_bytes(path: str | Path, content: bytes) -> None:
    """Replace `path` by `content` in one step. Raises FileError and leaves the old file if that fails."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = temporary.open("xb")
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}. Choose a folder you may write to.") from error
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        kept = "The file that was there is unchanged. " if path.exists() else ""
        raise FileError(f"cannot write {path}: {error.strerror}. {kept}Free some space and try again.") from error
    finally:
        temporary.unlink(missing_ok=True)


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> None:
    """Write named tensors and a JSON manifest to one safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"manifest": json.dumps(manifest, allow_nan=False)}
    write_bytes(path, safetensors.torch.save(plain, header))


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, manifest) of a file written by `save_tensors`, on the CPU. Raises FileError otherwise."""
    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist. Check the path; `python -m infogan_lib check` lists what ships.")
    try:
        with safe_open(path, framework="pt") as file:
            manifest = json.loads((file.metadata() or {})["manifest"])
            if not isinstance(manifest, dict):
                raise ValueError("the manifest is no JSON object")
            return {name: file.get_tensor(name) for name in file.keys()}, manifest
    except (SafetensorError, OSError) as error:
        raise FileError(f"{path} is truncated or no safetensors file ({error}). Get a fresh copy of it.") from error
    except (KeyError, ValueError) as error:
        raise FileError(
            f"{path} is a safetensors file, but not one of this library's: it carries no readable manifest ({error})."
        ) from error


def load_state(module: torch.nn.Module, tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Copy `tensors` into `module`, all of them and into every entry. Raises FileError, the module untouched."""
    wanted = module.state_dict()
    missing, foreign = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or foreign:
        raise FileError(
            f"{source} does not fit this network: {len(missing)} tensors missing {missing[:3]}, "
            f"{len(foreign)} unknown {foreign[:3]}. It was saved by another network or version."
        )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise FileError(
                f"{source}: tensor {name!r} has shape {tuple(tensor.shape)}, expected {tuple(wanted[name].shape)}."
            )
        if tensor.is_floating_point() != wanted[name].is_floating_point():
            raise FileError(f"{source}: tensor {name!r} is {tensor.dtype}, expected {wanted[name].dtype}.")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FileError(f"{source}: tensor {name!r} holds NaN or infinite values.")
    module.load_state_dict(dict(tensors))
