"""The command line: `python -m infogan_lib train | evaluate | sweep | page | preflight | progress | reset | check`."""

import argparse
import contextlib
import io
import json
import math
import shlex
import sys
import time
from dataclasses import replace
from typing import Any

from infogan_lib.core.codes import Code
from infogan_lib.core.model import Q_ON, InfoGAN
from infogan_lib.core.recipe import Recipe
from infogan_lib.course import environment, progress
from infogan_lib.data import files, own
from infogan_lib.data.folder import folder
from infogan_lib.data.images import Images
from infogan_lib.data.mnist import DataError
from infogan_lib.measure import report
from infogan_lib.measure.preflight import run
from infogan_lib.show import page, sheets
from infogan_lib.training import distributed, presets, restart, weights
from infogan_lib.training.checkpoint import RunFolder, TrainingError
from infogan_lib.training.distributed import Processes
from infogan_lib.training.loop import Training


def train_command(args: argparse.Namespace) -> None:
    """Alone, or as one of the processes that torchrun started; then the first speaks, and writes, for all."""
    with distributed.joined() as team, contextlib.redirect_stdout(sys.stdout if team.first else None):
        train_with(args, team)


def train_with(args: argparse.Namespace, team: Processes) -> None:
    model = weights.load(args.start) if args.start else None
    preset, images = own_pictures(args, model) if args.preset.startswith(own.PREFIX) else named(args)
    changes = dict(args.set or []) | ({"steps": args.steps} if args.steps else {})
    Recipe.from_json(changes)
    if args.resume:
        if args.q_on or args.seed or args.start:
            raise ValueError("--q-on, --seed and --from are for a new run; --resume goes on as the run began")
        check_same(args, preset, images)
        run = Training.resume(args.out, images, device=args.device, progress=team.first, **changes)
    else:
        if model is not None and (args.q_on or args.codes):
            raise ValueError("--codes and --q-on are for a new model; that of --from has its own")
        recipe = Recipe.from_json(preset.recipe.to_json() | changes)
        model = model or replace(preset, q_on=args.q_on or preset.q_on).build()
        run = Training(model, images, recipe, seed=args.seed, folder=args.out, device=args.device, progress=team.first)
    begun, first = time.perf_counter(), run.step
    try:
        for _ in run:
            pass
    except KeyboardInterrupt:
        if run.step < run.recipe.steps and team.size == 1:  # several saved together, at the step where they stopped
            run.save()
        again = ["python", "-m", "infogan_lib", "train", args.preset, "--out", args.out, "--resume"]
        again += ["--size", str(args.size), "--channels", str(args.channels)] if args.size else []
        again += ["--device", args.device] if args.device != "auto" else []
        if team.first:
            saved = "saved" if team.size == 1 else "the last checkpoint is whole"
            print(f"\nStopped after step {run.step}, {saved}. Go on with: {shlex.join(again)}", file=sys.stderr)
        raise SystemExit(130) from None
    seconds = time.perf_counter() - begun
    manifest = {**run.manifest(), "step": run.step}
    path = files.expand(args.out) / "weights.safetensors"
    if team.first:
        weights.save(run.averaged, path, manifest)
    print(f"{run.step - first} steps on {run.device} in {seconds:.0f} s, {path} written")


def named(args: argparse.Namespace) -> tuple[presets.Preset, Images]:
    """A preset of the library, and the pictures it trains on."""
    preset = presets.load(args.preset)
    for option in ("codes", "size", "channels"):
        if getattr(args, option):
            raise ValueError(f"--{option} is for folder:PATH; the preset {args.preset!r} has its own")
    return preset, preset.data("train")


def check_same(args: argparse.Namespace, preset: presets.Preset, images: Images) -> None:
    """Raise ValueError where the run in --out has another network or other codes than the preset, or --codes."""
    manifest = RunFolder.read_manifest(args.out)
    model, *_ = restart.rebuild(manifest, args.out, images)
    codes_said = args.codes or not args.preset.startswith(own.PREFIX)
    same = model.network == preset.network and (model.spec == preset.spec or not codes_said)
    if not same and "origin" not in manifest:  # a run begun with --from has the network and the codes of that file
        raise ValueError(
            f"the run in {args.out} has the network {model.network!r} and the codes {list(model.spec.codes)}; "
            f"{args.preset!r} with these options has {preset.network!r} and {list(preset.spec.codes)}. Resume it under "
            "the name, and with the codes, that it was begun with"
        )


def own_pictures(args: argparse.Namespace, model: InfoGAN | None) -> tuple[presets.Preset, Images]:
    """The reader's own: `folder:PATH`, of which the training split is read, and what was skipped is printed.

    `model` is that of --from, whose codes stand for --codes.
    """
    if not (args.size and args.channels and (args.codes or args.resume or model)):
        raise ValueError(
            f"{own.PREFIX}PATH needs --size 16, 28 or 32, --channels 1 or 3, and "
            '--codes such as "kind=cat10, c1=uniform"'
        )
    path = args.preset.removeprefix(own.PREFIX)
    images, listing = folder(path, size=args.size, channels=args.channels, split="train")
    print(listing)
    return presets.own(images, model.spec.codes if model else args.codes or []), images


def evaluate_command(args: argparse.Namespace) -> None:
    model = weights.load(args.weights, args.device)
    if bool(args.folder) != bool(args.labels) or (args.folder and args.all):
        raise ValueError("evaluate: --folder and --labels go together, and without --all, which is about digits")
    factors: tuple[str, ...] = ()
    if args.folder:
        fit, test, answers = own.held_back(model, args.folder, args.labels)
        print(answers, file=sys.stderr if args.json else sys.stdout)
    else:
        images, factors = own.to_score(model)
        if factors and args.all:
            raise ValueError("evaluate: --all is about digits; of faces, benchmarks/faces.py has all scores")
        fit, test = images("tune"), images("test")
    result = report.evaluate(model, fit, test, factors=factors)
    if args.all:
        result |= report.all_scores(model, fit, test)
    if args.json:
        print(json.dumps(result))
        return
    if "code_accuracy" in result:
        fitted, scored = (f"{result[on]} ({len(s):,} images)" for on, s in (("fitted_on", fit), ("scored_on", test)))
        print(f"code {result['code']!r} matched to labels on {fitted}, scored on {scored}:")
        print(f"  one label a category (Hungarian)  {100 * result['code_accuracy']:.2f} %")
        print(f"  commonest label (majority)        {100 * result['majority_accuracy']:.2f} %")
        print(f"  normalised mutual information     {result['nmi']:.3f}")
    if "agreement" in result:
        print(f"codes paired with causes on {result['fitted_on']}, scored on {result['scored_on']}:")
        print("  |Spearman| of amounts, balanced accuracy of states")
        for factor, value in result["agreement"].items():
            print(f"  {factor:12s} {result['codes'][factor]:8s} {value:.3f}")
    print("lower bound L_I on 10,000 fakes, nats:")
    for name, nats in result["lower_bound_nats"].items():
        mean, error, entropy = nats["mean"], nats["standard_error"], model.spec[name].entropy
        print(f"  {name:12s} {mean:.3f} +- {error:.3f}   H(c) = {entropy:.3f}")
    if args.all:
        show_all(result)


def show_all(result: dict[str, Any]) -> None:
    if "disentanglement" in result:
        print("codes against label, slant, thickness and width:   Q on real digits   codes set, fakes read")
        real, fakes = (result["disentanglement"][k] for k in ("real", "fakes"))
        for name in (k for k, v in real.items() if isinstance(v, float)):
            print(f"  {name:48s} {real[name]:6.3f}             {fakes.get(name, math.nan):6.3f}")
        print("  protocol: " + ", ".join(f"{k} {v}" for k, v in real["protocol"].items()))
        print("  factors that the fakes never vary, left out: " + (", ".join(fakes["left_out"]) or "none"))
    print("L_I after a disturbance of the fakes, nats:")
    for kind, curve in result["visibility"].items():
        for point in curve:
            nats = "  ".join(f"{k} {v:.3f}" for k, v in point.items() if k != "strength")
            print(f"  {kind:6s} {point['strength']:<5g} {nats}")
    print(f"diversity at fixed codes {result['diversity']:.4f}")
    print(f"Frechet distance {result['frechet']:.3f}, of real digits to real digits {result['frechet_floor']:.3f}")


def sweep_command(args: argparse.Namespace) -> None:
    model = weights.load(args.weights, args.device)
    path, picture = files.expand(args.out), io.BytesIO()
    path = path if path.suffix else path.with_name(f"{path.name}.png")
    sheets.sweep_sheet(model, args.rows, args.seed).savefig(picture, format=path.suffix[1:], dpi=130)
    files.write_bytes(path, picture.getvalue())
    print(f"{path} written")


def page_command(args: argparse.Namespace) -> None:
    named = [(path.stem, path) for path in map(weights.find, args.weights)]
    if twice := [name for i, (name, _) in enumerate(named) if name in dict(named[:i])]:
        raise ValueError(f"page: two models are called {twice[0]!r}; rename one of the files")
    text = page.html({name: weights.load(path) for name, path in named}, args.notebooks).encode()
    path = files.expand(args.out)
    files.write_bytes(path, text)
    print(f"{path} written: {len(text) / 1e6:.1f} MB. Open it in a browser; it needs nothing else.")


def progress_command(args: argparse.Namespace) -> None:
    found = [progress.read(path) for path in progress.course(args.folder)]
    print(json.dumps([one.to_json() for one in found]) if args.json else progress.table(found))


def reset_command(args: argparse.Namespace) -> None:
    path, kept = progress.reset(args.number)
    print(f"{path} is as it shipped." + (f" Your version is kept as {kept}." if kept else " Nothing had to be kept."))
    print("If it is open in JupyterLab, choose File > Reload Notebook from Disk before you go on.")


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    if not value:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _codes(text: str) -> list[Code]:
    try:
        return own.codes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m infogan_lib", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    device = "auto, cpu, cuda or mps"
    one = commands.add_parser("train", help="train a preset into a run folder")
    one.set_defaults(run=train_command)
    one.add_argument("preset", help=f"{', '.join(presets.PRESETS)}, or {own.PREFIX}PATH for pictures of your own")
    one.add_argument("--out", required=True, help="the run folder, new unless --resume")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--steps", type=_count, help="instead of the preset's")
    one.add_argument("--resume", action="store_true", help="go on with the run in --out")
    start = "a .safetensors file, or the name of a shipped model: go on from its weights, in a new run"
    one.add_argument("--from", dest="start", metavar="WEIGHTS", help=start)
    one.add_argument("--codes", type=_codes, help='for folder:PATH, such as "kind=cat10, c1=uniform, c2=uniform"')
    one.add_argument("--size", type=int, choices=(16, 28, 32), help="for folder:PATH: pixels of a side")
    one.add_argument("--channels", type=int, choices=(1, 3), help="for folder:PATH: 1 is grey, 3 colour")
    one.add_argument("--device", default="auto", help=device)
    one.add_argument("--q-on", choices=Q_ON, help="what the information term trains besides G and the Q head")
    setting = f"change a field of the recipe, such as lambda_g=0; with --resume one of {', '.join(restart.MAY_CHANGE)}"
    one.add_argument("--set", type=_setting, action="append", metavar="NAME=VALUE", help=setting)

    one = commands.add_parser("evaluate", help="code accuracy on MNIST, on faces or on your pictures, and L_I in nats")
    one.set_defaults(run=evaluate_command)
    one.add_argument("weights", help="a .safetensors file, or the name of a shipped model")
    one.add_argument("--folder", help="score on the pictures in this folder that were held back, and not on MNIST")
    one.add_argument("--labels", help="their labels: a file with a line NAME,LABEL for each picture")
    one.add_argument("--device", default="cpu", help=device)
    one.add_argument("--json", action="store_true", help="print one JSON object")
    one.add_argument("--all", action="store_true", help="add MIG, DCI and others, L_I after a blur, diversity")

    one = commands.add_parser("sweep", help="a picture of every code from end to end")
    one.set_defaults(run=sweep_command)
    one.add_argument("weights", help="a .safetensors file, or the name of a shipped model")
    one.add_argument("--out", required=True, help="the picture to write, such as sweep.png")
    one.add_argument("--device", default="cpu", help=device)
    one.add_argument("--rows", type=_count, default=5)
    one.add_argument("--seed", type=int, default=0)

    one = commands.add_parser("page", help="models as one HTML file with knobs, for any browser and without a network")
    one.set_defaults(run=page_command)
    one.add_argument(
        "weights", nargs="+", help=".safetensors files or names of shipped models; the page opens with the first"
    )
    one.add_argument("--out", required=True, metavar="FILE.html", help="the page to write, such as infogan.html")
    one.add_argument("--notebooks", default="notebooks", help="where its links lead: an address, or a folder beside it")

    one = commands.add_parser("progress", help="which exercises are done in your saved notebooks; sends nothing")
    one.set_defaults(run=progress_command)
    one.add_argument("--folder", default="notebooks", help="where your notebooks are")
    one.add_argument("--json", action="store_true", help="print one JSON list")

    one = commands.add_parser("reset", help="a fresh copy of a notebook from git; your version is kept beside it")
    one.set_defaults(run=reset_command)
    one.add_argument("number", help="such as 05")

    one = commands.add_parser("preflight", help="what is wrong in an InfoGAN of your own? exit status 1 for a fault")
    one.set_defaults(run=lambda args: sys.exit(run.command([args.target])))
    one.add_argument("target", metavar="FILE.py:FUNCTION", help="returns a report, or the arguments of preflight()")

    one = commands.add_parser("check", help="is this machine ready? prints [OK] and [FAIL] lines")
    one.set_defaults(run=lambda _: sys.exit(environment.main()))
    return top


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a mistake ends in one line on stderr and exit status 1."""
    args = parser().parse_args(arguments)
    try:
        args.run(args)
    except (DataError, files.FileError, TrainingError, ValueError) as error:
        distributed.let_the_first_speak()
        sys.exit(f"error: {error}")
