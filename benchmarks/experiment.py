"""What the scripts of this folder share: their parsers, rows that say where they come from, runs trained once."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from infogan_lib import InfoGAN, Training
from infogan_lib.course import results
from infogan_lib.training import weights
from infogan_lib.training.presets import Preset

SEEDS = [0, 1, 2, 3, 4]  # the final ones; settings are chosen with seeds from 100 on
Command = Callable[[argparse.Namespace], None]
Trained = tuple[InfoGAN, dict[str, Any]]  # a model and its manifest


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser whose help is a script's docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def training_parser(doc: str) -> argparse.ArgumentParser:
    """The same with --seeds, --steps and --runs."""
    made = parser(doc)
    made.add_argument("--seeds", type=int, nargs="+")
    made.add_argument("--steps", type=int, help="training steps, if not those of the recipe")
    made.add_argument("--runs", type=Path, default=Path("runs"), help="the folder where trained models are kept")
    return made


def variant_arguments(doc: str, choices: Iterable[str]) -> argparse.Namespace:
    """What was asked of a script that trains variants: those of final seeds are scored on test, the others on tune."""
    made = training_parser(doc)
    made.add_argument("variant", choices=list(choices))
    made.add_argument("--score", choices=("tune", "test"), default="test", help="seeds below 100 only on test")
    args = made.parse_args()
    if any((seed < 100) != (args.score == "test") for seed in args.seeds or ()):
        made.error("seeds below 100 are scored on test, the others on tune")
    return args


def one_seed(args: argparse.Namespace, seed: int) -> str:
    """The options that make one row of `variant_arguments` again."""
    return f"{args.variant} --seeds {seed} --score {args.score}" + (f" --steps {args.steps}" if args.steps else "")


def run(doc: str, commands: Mapping[Command, Mapping[str, Any]]) -> None:
    """Run the command that was asked for, of some functions: each with the arguments it reads.

    An argument is given by its default (a list takes one value or more), or by the keywords of `add_argument`.
    """
    made = parser(doc)
    parts = made.add_subparsers(required=True)
    for command, arguments in commands.items():
        part = parts.add_parser(command.__name__.replace("_", "-"))
        part.set_defaults(command=command)
        for name, given in arguments.items():
            if isinstance(given, list):
                given = {"type": type(given[0]), "nargs": "+", "default": given}
            elif not isinstance(given, dict):
                given = {"type": type(given), "default": given}
            part.add_argument(name, **given)
    args = made.parse_args()
    args.command(args)


def origin(options: str | None = None) -> dict[str, str]:
    """The commit, and the command with these options, or as it was called."""
    command = f"python benchmarks/{Path(sys.argv[0]).name} {shlex.join(sys.argv[1:]) if options is None else options}"
    return {"command": command.strip(), "commit": results.commit()}


def put(table: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], options: str | None = None) -> None:
    """Add rows to a table of data/results, with the commit and the command that makes them again; print the last ones.

    `options` are those of that command, if not the ones this script was called with.
    """
    results.put(table, [{**row, **origin(options)} for row in rows], keys)
    for row in rows[-3:]:
        print(table, {name: value for name, value in row.items() if len(str(value)) < 40}, file=sys.stderr)


def train(preset: Preset, seed: int, folder: Path) -> Trained:
    """Play the game to its end, from where it was stopped if the folder has a part of it."""
    if (folder / "manifest.json").exists():
        game = Training.resume(folder, preset.data("train"))
    else:
        game = Training(preset.build(), preset.data("train"), preset.recipe, seed=seed, folder=folder)
    for _ in game:
        pass
    return game.averaged, {**game.manifest(), "step": game.step}


def run_folder(args: argparse.Namespace, preset: Preset, variant: str, seed: int) -> Path:
    return args.runs / "-".join(str(part) for part in (preset.name, variant, seed, args.steps) if part is not None)


def trained(
    args: argparse.Namespace,
    preset: Preset,
    variant: str,
    seed: int,
    learn: Callable[[Preset, int, Path], Trained] = train,
) -> InfoGAN:
    """The model of a run as its file has it, in half precision; trained now unless the run's folder has that file.

    Raises ValueError for a file that was trained by another recipe.
    """
    folder = run_folder(args, preset, variant, seed)
    path = folder / "weights.safetensors"
    preset = replace(preset, recipe=replace(preset.recipe, steps=args.steps or preset.recipe.steps))
    if not path.exists():
        begun = time.perf_counter()
        model, manifest = learn(preset, seed, folder)
        about = {"variant": variant, "seconds": round(time.perf_counter() - begun, 1)}
        weights.save(model, path, {**manifest, **about, "threads": torch.get_num_threads()})
    model = weights.load(path)
    if model.manifest.get("recipe") != preset.recipe.to_json() or model.spec != preset.spec:
        raise ValueError(f"{folder} holds the run of another recipe; remove it, or keep runs elsewhere (--runs)")
    return model


def ship(
    args: argparse.Namespace,
    variants: Mapping[str, Preset],
    files: Mapping[str, str],
    choose: Callable[[dict[int, InfoGAN]], tuple[int, list[dict[str, Any]]]],
    evaluate: Callable[[InfoGAN], dict[str, Any]],
    seeds: Sequence[int] = SEEDS,
) -> None:
    """Of the first variant in `files`, the seed that `choose` names, and the same seed of the others: to data/weights.

    `files` are {variant: name}; each file keeps the scores of what it holds.
    """
    first = next(iter(files))
    models = {seed: trained(args, variants[first], first, seed) for seed in args.seeds or seeds}
    seed, known = choose(models)
    print(*known, sep="\n")
    rule = {"rule": "best agreement with the other seeds, no labels", "candidates": known}
    for variant, name in files.items():
        model = trained(args, variants[variant], variant, seed)
        scores = evaluate(model)
        manifest = {**model.manifest, "scores": scores, "chosen_by": rule, "commit": results.commit()}
        weights.save(model, weights.FOLDER / f"{name}.safetensors", manifest)
        print(name, "seed", seed, {key: scores[key] for key in ("code_accuracy", "agreement") if key in scores})
