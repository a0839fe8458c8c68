"""What is checked before a run begins and before its weights are kept; and what to do where they went wrong."""

from collections.abc import Mapping

import torch
from torch import Tensor

from infogan_lib.core import views
from infogan_lib.core.bound import weight_of
from infogan_lib.core.codes import Categorical
from infogan_lib.core.latent import LatentSpec
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import Recipe
from infogan_lib.data.images import Images
from infogan_lib.training.checkpoint import RunFolder, TrainingError
from infogan_lib.training.distributed import Processes

HALF = torch.finfo(torch.float16).max  # weights beyond it cannot be saved


def fit(model: InfoGAN, images: Images, recipe: Recipe, seed: int, processes: Processes) -> None:
    """Raise ValueError unless these can make a run together."""
    processes.share(recipe.batch)
    if isinstance(seed, bool) or not isinstance(seed, int) or not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed must be a whole number of at most 64 bits, got {seed!r}")
    if images.shape != model.image_shape:
        raise ValueError(f"the model makes images {model.image_shape}, the data are {images.shape}")
    if (n := len(images)) < recipe.batch:
        raise ValueError(f"{n} images are fewer than one batch of {recipe.batch}: add some, or --set batch={n}")
    if recipe.real_view not in views.VIEWS:
        raise ValueError(f"recipe: real_view is one of {', '.join(views.VIEWS)}, got {recipe.real_view!r}")
    if unknown := sorted(recipe.enter.keys() - set(model.spec.names)):
        raise ValueError(f"recipe: {unknown[0]!r} enters, but the codes are {model.spec.names}")
    for field in ("lambda_g", "lambda_q", "real_weight"):
        weight = getattr(recipe, field)
        if isinstance(weight, Mapping) and set(weight) != set(model.spec.names):
            raise ValueError(
                f"recipe: {field} names {sorted(weight)}, the codes are {model.spec.names}: name each once"
            )


def diverged(tensors: Mapping[str, Tensor]) -> str:
    """What is wrong with the tensors of `checkpoint.pack`, in words; "" where all are sound.

    Nothing may be NaN or infinite. Weights must also fit half precision, in which they are saved at the end: no network
    here comes near that by learning.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            weight = name.startswith(("model.", "averaged."))
            largest = tensor.abs().max().item()  # NaN if there is one
            if not largest <= (HALF if weight else torch.finfo(tensor.dtype).max):
                return f"{'the weights' if weight else 'the moments of Adam'} diverged ({name} reached {largest:.3g})"
    return ""


def asks_of_real(recipe: Recipe, spec: LatentSpec) -> bool:
    """Whether the consistency loss of this recipe says anything of a code: its first part is about categorical ones."""
    asked = [weight_of(recipe.real_weight, code.name) for code in spec.codes if isinstance(code, Categorical)]
    return any(asked) or recipe.real_apart > 0


def whole(in_step: bool, folder: RunFolder | None) -> None:
    """Raise TrainingError for a run that is inside a step, or broke there."""
    if in_step:
        where = "resume it from its last checkpoint" if folder is not None else "begin it anew"
        raise TrainingError(f"the run broke in the middle of a step; {where} instead")


def advice(recipe: Recipe, folder: RunFolder | None) -> str:
    """What is left of a run that diverged, and what to do about it, with rates half as large."""
    if folder is None:
        return "No checkpoint was kept. Start again with lower learning rates or lambda, or a larger sigma_floor."
    lower: dict[str, object] = {name: round(getattr(recipe, name) / 2, 9) for name in ("lr_g", "lr_d", "lr_q")}
    lower |= {"precision": "float32"} if recipe.precision in ("bfloat16", "float16") else {}
    options = " ".join(f"--set {name}={value}" for name, value in lower.items())
    arguments = ", ".join(f"{name}={value!r}" for name, value in lower.items())
    kept = f"The last good checkpoint is {folder.checkpoint}" if folder.checkpoint.exists() else "It has no checkpoint"
    return (
        f"{kept}. Go on from there with lower learning rates, such as --resume {options}, or "
        f"Training.resume(folder, images, {arguments}); or begin anew with a lower lambda or a larger sigma_floor."
    )
