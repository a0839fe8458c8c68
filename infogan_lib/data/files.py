"""Tensors and JSON on disk, without pickle: safetensors files that are whole or not there at all.

A file holds named tensors and one JSON manifest in its header. It is written beside its place and
moved there in one step, so a kill or a full disk leaves the old file as it was.
"""

import contextlib
import errno
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2] / "data"  # the course's data: MNIST, weights, results
LONG = 300  # characters of somebody's file that a message quotes, at most
ANOTHER = " It was saved by another network or version."
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class FileError(Exception):
    """A file could not be written, or is not what it should be; the message says what to do."""


def expand(path: str | Path) -> Path:
    """The path that is meant: ~ is the home folder, as in a shell."""
    return Path(os.path.expanduser(path))


def brief(value: object) -> str:
    """`value` as one short line for a message: a hostile file may hold a name of ten megabytes."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONG else f"{text[:LONG]}... ({len(text):,} characters)"


def write_bytes(path: str | Path, content: bytes) -> None:
    """Replace `path` by `content` in one step. Raises FileError and leaves the old file if that fails."""
    path = expand(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise FileError(cannot_write(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> str:
    """What to tell whoever cannot write `path`: why, whether the old file is still there, what to do."""
    kept = "The file that was there is unchanged. " if os.path.exists(path) else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "Free some space and try again." if full else "Choose a folder you may write to."
    return f"cannot write {path}: {error.strerror}. {kept}{remedy}"


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> None:
    """Write named tensors and a JSON manifest to one safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"manifest": json.dumps(manifest, allow_nan=False)}
    write_bytes(path, safetensors.torch.save(plain, header))


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, manifest) of a file written by `save_tensors`, on the CPU. Raises FileError otherwise."""
    path = readable(path)
    try:
        with safe_open(path, framework="pt") as file:
            manifest = json.loads((file.metadata() or {})["manifest"])
            if not isinstance(manifest, dict):
                raise ValueError("the manifest is no JSON object")
            # Copies: the file's own memory would keep it mapped, and Windows replaces no mapped file.
            return {name: file.get_tensor(name).clone() for name in file.keys()}, manifest
    except (SafetensorError, OSError) as error:
        raise FileError(
            f"{path} is truncated or no safetensors file ({brief(error)}). Get a fresh copy of it."
        ) from error
    except (KeyError, ValueError, RecursionError) as error:
        raise FileError(
            f"{path} is a safetensors file, but not one of this library's: it carries no readable manifest "
            f"({brief(error)}). Get a fresh copy of it."
        ) from error


def readable(path: str | Path) -> Path:
    """The path of a file that can be opened. Raises FileError that says why it cannot."""
    path = expand(path)
    try:
        if stat.S_ISDIR(mode := os.stat(path).st_mode):
            raise FileError(f"{path} is a folder. Give a file, such as {path / 'weights.safetensors'}.")
        if not stat.S_ISREG(mode):
            raise FileError(f"{path} is no ordinary file. Check the path.")
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        raise FileError(f"{path} does not exist. Check the path.") from None
    except OSError as error:
        raise FileError(f"{path} cannot be opened ({error.strerror}). Check the path, and who may read it.") from error
    return path


def load_state(module: torch.nn.Module, tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Copy `tensors` into `module`, all of them and into every entry. Raises FileError, the module untouched."""
    check_state(module, tensors, source)
    module.load_state_dict(dict(tensors))


def check_state(module: torch.nn.Module, tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Raises FileError unless `tensors` are what `module` holds: names, shapes, kinds of number, all finite.

    The module may live on the device "meta", where it takes no memory.
    """
    wanted = module.state_dict()
    missing, foreign = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or foreign:
        raise FileError(
            f"{source} does not fit this network: {len(missing)} tensors missing {brief(missing[:3])}, "
            f"{len(foreign)} unknown {brief(foreign[:3])}.{ANOTHER}"
        )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            found, expected = tuple(tensor.shape), tuple(wanted[name].shape)
            raise FileError(f"{source}: tensor {name!r} has shape {found}, expected {expected}.{ANOTHER}")
        allowed = FLOATS if wanted[name].is_floating_point() else (wanted[name].dtype,)
        if tensor.dtype not in allowed:
            raise FileError(f"{source}: tensor {name!r} is {tensor.dtype}, expected {wanted[name].dtype}.{ANOTHER}")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FileError(f"{source}: tensor {name!r} holds NaN or infinite values. Get a fresh copy of it.")
