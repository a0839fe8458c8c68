"""Models on disk: half-precision safetensors with a manifest that rebuilds the network. Never pickle.

`data/weights/NAME.safetensors` ships with the course; `make weights` makes those files again.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from infogan_lib.core.latent import LatentSpec
from infogan_lib.core.model import InfoGAN
from infogan_lib.data import files
from infogan_lib.data.files import ROOT, FileError
from infogan_lib.training import devices
from infogan_lib.training.checkpoint import updated

FORMAT = "infogan-weights-1"
FOLDER = ROOT / "weights"


def save(model: InfoGAN, path: str | Path, manifest: Mapping[str, Any] | None = None) -> Path:
    """Write the model's weights as float16, atomically; of a run, save `run.averaged`.

    `manifest` is plain JSON to keep beside the network's own description: recipe, seed, versions, scores.
    Raises FileError when a weight does not fit float16 or the file cannot be written.
    """
    tensors = {}
    for name, tensor in model.state_dict().items():
        tensors[name] = tensor.half() if tensor.is_floating_point() else tensor
        if not torch.isfinite(tensors[name]).all():
            raise FileError(f"weights: {name} holds values that float16 cannot (NaN, infinite or above 65504).")
    description = {"format": FORMAT, "network": model.network, "q_on": model.q_on, "spec": model.spec.to_json()}
    path = files.expand(path)
    files.save_tensors(path, tensors, {**(manifest or {}), **description})
    return path


def load(source: str | Path, device: str | torch.device = "cpu") -> InfoGAN:
    """The model in a file, or the shipped model of that name; float32, in eval mode. `model.manifest` is its JSON.

    `device` may be "auto". A training of what is loaded goes on from these weights: `Training(load("mnist"), ...)`.
    Raises FileError for a file that is missing, truncated, foreign, or does not fit its own manifest, and ValueError
    for a device that is not there.
    """
    path, place = find(source), devices.pick_device(device) if isinstance(device, str) else device
    tensors, manifest = files.load_tensors(path)
    if manifest.get("format") != FORMAT:
        what = "a training checkpoint; use Training.resume" if "cursor" in manifest else "another format"
        raise FileError(f"{path}: expected {FORMAT}, found {files.brief(repr(manifest.get('format')))} ({what}).")
    try:
        manifest = updated(manifest)
        description = manifest["network"], LatentSpec.from_json(manifest["spec"]), manifest["q_on"]
        with torch.device("meta"):  # a manifest may claim a network larger than the memory
            shapes = _Shapes(*description)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise FileError(
            f"{path}: its manifest describes no network of this library ({files.brief(error)}). "
            "Get a fresh copy of it, or register a network or view of your own before you load it."
        ) from error
    files.check_state(shapes, tensors, path)
    model = InfoGAN(*description)
    files.load_state(model, tensors, path)
    model.manifest = manifest
    model.origin = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    model.origin |= {key: manifest[key] for key in ("data", "seed", "step", "origin") if key in manifest}
    return model.to(place).eval().requires_grad_(False)


class _Shapes(InfoGAN):
    """A network of which the shapes alone are wanted: nobody draws its weights."""

    def initialise(self, seed: int) -> None: ...


def find(source: str | Path) -> Path:
    """A path as it is; a bare name such as "mnist" is looked up among the shipped weights. Raises FileError."""
    path = files.expand(source)
    if not isinstance(source, str) or path.name != source or path.suffix or path.is_file():
        return path
    shipped = FOLDER / f"{source}.safetensors"
    if not shipped.is_file() and not path.exists():
        if not FOLDER.is_dir():
            raise FileError(
                f"no file {source}; the shipped weights are in a clone of the repository, this is a copy alone."
            )
        # The readers and the judge, which have a _ in their names, are no models to generate with.
        names = ", ".join(sorted(file.stem for file in FOLDER.glob("*.safetensors") if "_" not in file.stem))
        raise FileError(f"no model {source!r} ships. Choose one of {names}, or give the path of a .safetensors file.")
    return shipped if shipped.is_file() else path
