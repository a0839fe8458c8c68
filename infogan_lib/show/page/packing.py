"""A model as a page carries it: its layers as a list, and its weights gzipped, the large ones in int8 with one scale
an output channel."""

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from infogan_lib.core import views
from infogan_lib.core.codes import Uniform
from infogan_lib.core.latent import LatentSpec, Noise
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.networks import NETWORKS, Sigmoid11
from infogan_lib.data import strokes
from infogan_lib.training import weights

Layer = dict[str, Any]
UP = nn.ConvTranspose2d
# Smaller weights stay in float16, as in the file: they are a few hundredths of it, and rounding them to int8, G's first
# layer above all, would change the pictures most. `benchmarks/page.py` prints what is left.
FINE = 40_000


def known() -> dict[str, Any]:
    """What a page must know to run a file that is dropped on it: the layers of each network, the blur of each view.

    Networks and views that a page cannot run are left out.
    """
    networks = {}
    for name in NETWORKS:
        try:
            networks[name] = layers(InfoGAN(name, LatentSpec(Noise(1), [Uniform("c1")])))
        except ValueError:
            continue
    return {"networks": networks, "views": {name: blur for name in views.VIEWS if (blur := _blur(name)) is not None}}


def layers(model: InfoGAN) -> dict[str, Any]:
    """The layers of G and of Q: `network.js` runs them. Raises ValueError for a layer that a page does not know."""
    q: list[Layer] = []
    if model.q_head is not None:
        trunk = model.trunk if model.q_trunk is None else model.q_trunk
        q = [*_layers("trunk" if model.q_trunk is None else "q_trunk", trunk), *_layers("q_head", model.q_head)]
    return {"image": list(model.image_shape), "generator": list(_layers("generator", model.generator)), "q": q}


def _layers(prefix: str, sequence: nn.Module) -> Iterator[Layer]:
    if not isinstance(sequence, nn.Sequential):
        raise ValueError(f"a page cannot run the layer {sequence}; it knows those of the library's own networks")
    for i, module in enumerate(sequence):  # `named_children` would leave out a layer that comes twice
        yield {**_operation(module), "key": f"{prefix}.{i}"}


def _operation(module: nn.Module) -> Layer:
    match module:
        case nn.Linear():
            return {"op": "linear"}
        case nn.Conv2d() | nn.ConvTranspose2d() if (module.kernel_size, module.stride, module.padding) == (
            (4, 4),
            (2, 2),
            (1, 1),
        ):
            return {"op": "up" if isinstance(module, UP) else "down"}
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return {"op": "norm"}
        case nn.ReLU():
            return {"op": "leaky", "slope": 0}
        case nn.LeakyReLU():
            return {"op": "leaky", "slope": module.negative_slope}
        case nn.Tanh():
            return {"op": "tanh", "slope": 1}
        case Sigmoid11():
            return {"op": "tanh", "slope": 0.5}
        case nn.Flatten():
            return {"op": "flatten"}
        case nn.Unflatten():
            return {"op": "unflatten", "shape": list(module.unflattened_size)}
    raise ValueError(f"a page cannot run the layer {module}; it knows those of the library's own networks")


def _blur(view: str) -> float | None:
    """Pixels of blur that Q is shown in this view, 0 for the image itself, None for any other centre."""
    centre = views.get(view).centre
    return 0.0 if centre is None else strokes.BLUR if centre is strokes.blur else None


def packed(model: InfoGAN, reads: bool = True) -> bytes:
    """G, and Q if `reads`, as a gzipped safetensors file. Raises ValueError for a model that a page cannot run."""
    if unknown := [view for view in model.spec.views if _blur(view) is None]:
        raise ValueError(f"a page cannot show Q the view {unknown[0]!r}: it knows images as they are, and blurred ones")
    plan = layers(model)
    wanted = [layer for part in ("generator", "q") if reads or part == "generator" for layer in plan[part]]
    kinds = {layer["key"]: layer["op"] for layer in wanted}
    tensors = {}
    for name, tensor in model.state_dict().items():
        key, _, last = name.rpartition(".")
        if (key not in kinds and not (reads and name.startswith("statistics."))) or last == "num_batches_tracked":
            continue
        if last == "weight" and kinds.get(key) in ("linear", "up", "down") and tensor.numel() >= FINE:
            tensors[name], tensors[f"{name}.scale"] = quantised(tensor, 1 if kinds[key] == "up" else 0)
        else:
            tensors[name] = tensor.half()
    content = safetensors.torch.save(tensors, {"manifest": json.dumps(_manifest(model))})
    return gzip.compress(content, 9, mtime=0)


def quantised(weight: Tensor, channel: int) -> tuple[Tensor, Tensor]:
    """(int8 weights, float32 scales): weight is nearly their product; a scale for each index of axis `channel`."""
    others = [axis for axis in range(weight.ndim) if axis != channel]
    scale = (weight.abs().amax(others, keepdim=True) / 127).clamp(min=1e-12)
    return (weight / scale).round().to(torch.int8), scale


def _manifest(model: InfoGAN) -> Mapping[str, Any]:
    """What its own file says of the model, as far as a page uses it."""
    kept: dict[str, Any] = {key: model.manifest[key] for key in ("seed", "step", "data") if key in model.manifest}
    scores = model.manifest.get("scores") or {}
    if "matching" in scores:
        kept["scores"] = {key: scores[key] for key in ("code", "matching")}
    description = {"format": weights.FORMAT, "network": model.network, "q_on": model.q_on, "spec": model.spec.to_json()}
    return {**kept, **description}
