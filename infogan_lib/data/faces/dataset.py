"""Sets of rendered faces: made once for the same arguments, and kept."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from infogan_lib.data import files
from infogan_lib.data.faces import factors
from infogan_lib.data.images import Images, sha256

SPLITS = {"train": (20_000, 1), "tune": (10_000, 2), "test": (10_000, 3)}  # (number of faces, seed)


def face_split(split: str = "train") -> Images:
    """Rendered faces in splits that are used as those of MNIST are. Raises ValueError for another split."""
    if split not in SPLITS:
        raise ValueError(f"face_split: unknown split {split!r}; choose one of {', '.join(SPLITS)}.")
    return face_set(*SPLITS[split])


def face_set(
    n: int, seed: int = 0, size: int = 32, free: Iterable[str] = (), cache: str | Path | None = None
) -> Images:
    """n rendered faces, grey, size x size (32 or 64), with their `factors`; `factors.TABLE` says what each one means.

    The same arguments give the same bytes. `free` lets "skin" and "background" vary. The name says renderer,
    size, number and seed, so that the manifest of a model trained on them does too. The first call renders (about
    1,500 images of 32 x 32 a second) and keeps the result in the folder `cache` (default: infogan_lib in
    $XDG_CACHE_HOME or ~/.cache); a damaged file there is made again, a folder that cannot be written is no error.
    Raises ValueError as `factors.sample` and `factors.render` do. `factors` says why no real faces ship.
    """
    free = sorted(set(free))
    renderer = factors.fingerprint()
    about = {"renderer": renderer, "n": n, "seed": seed, "size": size, "free": free}
    name = "-".join(["faces", str(size), renderer[:8], f"n{n}", f"seed{seed}", *free])
    path = _cache(cache) / f"{name}.safetensors"
    try:
        tensors, manifest = files.load_tensors(path)
        images, causes = tensors["images"], {k: tensors[k] for k in factors.FACTORS}
        if manifest == about | {"sha256": sha256(images, causes)}:
            return Images(images, None, name, causes)
    except (files.FileError, OSError, KeyError):
        pass  # not there yet, or damaged: made anew
    images, causes = factors.make(n, seed, size, free)
    with contextlib.suppress(files.FileError, OSError):  # a full or read-only disk costs time, and nothing else
        files.save_tensors(path, {"images": images, **causes}, about | {"sha256": sha256(images, causes)})
    return Images(images, None, name, causes)


def _cache(folder: str | Path | None) -> Path:
    """Where rendered images are kept."""
    if folder is not None:
        return files.expand(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")) / "infogan_lib"
