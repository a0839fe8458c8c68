"""What a run's folder says of how it goes on: its model, its recipe by now, and what of that may change."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from infogan_lib.core import views
from infogan_lib.core.latent import LatentSpec
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import Recipe
from infogan_lib.data import files
from infogan_lib.data.images import Images
from infogan_lib.training.checkpoint import RunFolder, TrainingError, same_images

Found = tuple[dict[str, Tensor], dict[str, Any]] | None  # what `RunFolder.load` found
MAY_CHANGE = ("steps", "lr_g", "lr_d", "lr_q", "lambda_g", "lambda_q", "precision", "checkpoint_every")


def rebuild(manifest: Mapping[str, Any], folder: str | Path, images: Images) -> tuple[InfoGAN, int, Images]:
    """The model of the run in `folder`, without its weights, its seed, and `images` under the name it has for them.

    Raises TrainingError where it was trained on other data or the manifest describes no run.
    """
    try:
        model = InfoGAN(manifest["network"], LatentSpec.from_json(manifest["spec"]), manifest["q_on"])
        views.get(Recipe.from_json(manifest["recipe"]).real_view)
        seed, images = int(manifest["seed"]), same_images(manifest, images, folder)
        [int(change["step"]) for change in manifest.get("changes", [])]
        dict(manifest.get("origin", {}))
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise TrainingError(
            f"the manifest in {folder} describes no run that can go on here: {files.brief(error)}. "
            "Register a network or view of your own before you resume; else put a good manifest there."
        ) from error
    return model, seed, images


def settle(
    place: RunFolder, manifest: Mapping[str, Any], found: Found, changes: Mapping[str, Any]
) -> tuple[Recipe, list[dict[str, Any]]]:
    """The recipe that the run goes on with, and all changes of it so far, each with its step.

    `changes` are fields of the recipe; those that are None are left out. Raises ValueError for what cannot change in
    the middle of a run and for a bad value; TrainingError where the first weights were another file's and are gone.
    """
    if found is None and manifest.get("origin"):
        raise TrainingError(
            f"{place.path} has no checkpoint, and its first weights were those of {manifest['origin'].get('file')!r}. "
            "Start again from that file, in another folder."
        )
    # Changes are written to the manifest as they are made, before any checkpoint has them. Older runs knew one alone,
    # a new end, and wrote it to the checkpoint.
    newest = found[1] if found is not None and not manifest.get("changes") else manifest
    with fitting(place):
        before, step = Recipe.from_json(newest["recipe"]), int(found[1]["step"]) if found is not None else 0
    changes = {name: value for name, value in changes.items() if value is not None}
    if fixed := [name for name in changes if name not in MAY_CHANGE]:
        raise ValueError(
            f"recipe: {fixed[0]} cannot change in the middle of a run; {', '.join(MAY_CHANGE)} can. "
            "A new run can start from this one's weights: --from WEIGHTS, or Training(weights.load(...), ...)."
        )
    now = replace(before, **changes)
    if "steps" in changes and now.steps < step:
        raise ValueError(f"recipe: this run is at step {step}; steps must be at least that, got {now.steps}")
    new = {name: getattr(now, name) for name in changes if getattr(now, name) != getattr(before, name)}
    # Where a checkpoint was put back or deleted, what changed later holds from there on.
    past = [{**change, "step": min(int(change["step"]), step)} for change in manifest.get("changes", [])]
    return now, [*past, *([{"step": step, **new}] if new else [])]


@contextmanager
def fitting(place: RunFolder) -> Iterator[None]:
    """Around what reads a checkpoint: what it lacks or has of another kind becomes one TrainingError."""
    try:
        yield
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise TrainingError(
            f"{place.checkpoint} does not fit this run: {files.brief(repr(error))}. "
            "Put this run's own checkpoint there, or delete it and the run starts from its first step."
        ) from error
