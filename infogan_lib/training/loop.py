"""Training as an iterator of reports: `for report in Training(model, images, recipe, seed=0): ...`

Each item is one D step and one G step, with the losses of `core.steps` (InfoGAN eq. 6; notebook 07).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm.auto import tqdm

from infogan_lib.core import views
from infogan_lib.core.latent import Latent
from infogan_lib.core.model import InfoGAN
from infogan_lib.core.recipe import Recipe, Report
from infogan_lib.core.steps import consistency_loss, d_loss, g_loss
from infogan_lib.data.images import Images
from infogan_lib.training import checkpoint, checks, devices, ema, restart
from infogan_lib.training.checkpoint import RunFolder, TrainingError
from infogan_lib.training.distributed import Processes
from infogan_lib.training.reports import columns, fetch

FLUSH_EVERY = 50  # steps between two reads of the losses, which live on the device


class Training:
    """A run: `iter(run) is run`, each item a `Report`, ending after `recipe.steps` steps.

    `model` is what learns, from weights drawn anew: those it has are lost. A model from `weights.load` stays as it is,
    and a copy goes on from its weights. `averaged`, a model too, has the running average of the weights: look at that
    one, and save it. `seed` decides everything that is random: first weights, data order, latents, views. The random
    numbers are drawn on the CPU, so that another device sees the same ones.

    With a `folder`, the run keeps a manifest, a CSV log and a checkpoint there, and a killed run goes on from it with
    `Training.resume(folder, images)`, on the same CPU to the same bits. Ctrl-C ends the step in hand, saves, and raises
    KeyboardInterrupt; iterating again goes on.

    Inside `distributed.joined()`, several processes share each batch of `recipe.batch` images, and the first
    alone writes. All must iterate, and save, together; Ctrl-C then waits for the next flush. A report is of
    this process's share, the log of all.

    Raises ValueError where model, images and recipe do not fit together, and TrainingError if the
    folder already holds a run, or as soon as it is seen that the run diverged.
    """

    def __init__(
        self,
        model: InfoGAN,
        images: Images,
        recipe: Recipe | None = None,
        *,
        seed: int = 0,
        folder: str | Path | None = None,
        device: str = "auto",
        progress: bool = False,
    ) -> None:
        recipe = recipe or Recipe()
        self.processes = Processes.current()
        checks.fit(model, images, recipe, seed, self.processes)
        self.images, self.recipe, self.seed, self.step = images, recipe, seed, 0
        self.device = devices.pick_device(device)
        self._data = self.images.to(self.device)
        self.changes: list[dict[str, Any]] = []  # of the recipe, each with its step
        self.origin = model.origin
        if self.origin:
            model = copy.deepcopy(model).requires_grad_(True)
            model.origin = {}
        memory = torch.channels_last if recipe.channels_last else torch.contiguous_format
        self.model = model.to(self.device, memory_format=memory).train()  # type: ignore[call-overload]
        self.folder: RunFolder | None = None
        if folder is not None:  # nothing is written, and no weight lost, before all else has been checked
            self.folder = self.processes.folder(folder)
            self.folder.begin(self.manifest())
        if not self.origin:
            model.initialise(seed)
        self.processes.prepare(self.model, self.device)
        self.averaged = ema.running_average(self.model)
        q = [p for part in (model.q_head, model.q_trunk) if part is not None for p in part.parameters()]
        d = [*model.trunk.parameters(), *model.d_head.parameters()]
        groups = [{"params": d, "lr": recipe.lr_d}, *([{"params": q, "lr": recipe.lr_q}] if q else [])]
        g = list(model.generator.parameters())
        self._d_and_q, self._g = d + q, g
        self.d_optimiser = devices.adam(groups, (recipe.beta1, recipe.beta2), self.device)
        self.g_optimiser = devices.adam([{"params": g, "lr": recipe.lr_g}], (recipe.beta1, recipe.beta2), self.device)
        self._scaler = devices.scaler(self.device, recipe.precision)
        if recipe.compile:
            devices.compile_parts((model.generator, model.trunk, model.q_trunk, model.q_head), self.device)
        self.generator = torch.Generator().manual_seed(seed)
        self._order, self._cursor = torch.empty(0, dtype=torch.int64), 0
        self._pending: list[Report] = []
        self._interrupted = False
        self.in_step = False  # inside a step, or broken there: not to be saved
        self._bar = tqdm(total=recipe.steps, unit="step", disable=not progress, dynamic_ncols=True)
        self._begun = (time.monotonic(), 0)
        if self.folder is not None and self.origin:
            self.save()  # the run must go on from here although the file it started from may be gone

    # -- one step ----------------------------------------------------------------------------------

    def _step(self) -> Report:
        """One D step and one G step. Who learns is decided here: by `q_on`, by the optimisers, by `_frozen`."""
        if self.step == 0:
            self._before_the_game()
        model, recipe = self.model, self.recipe.at(self.step, self.model.spec.names)
        real, latent, real_view = self._draw()

        trunk_too = model.q_on != "frozen"
        with self._autocast():
            fake = model.generator(latent.input)
            shown, target = views.look(model.spec, fake, latent, self.generator)
            loss, d_parts = d_loss(model, recipe, real, fake, target, shown, real_view, train_trunk_by_q=trunk_too)
        self._descend(loss, self.d_optimiser, self._d_and_q)

        # G alone learns now. Gradients reach it through D and Q, whose batch norms count these fakes once more.
        with _frozen(self._d_and_q):
            with self._autocast():
                loss, g_parts = g_loss(model, recipe, fake, target, shown)
            self._descend(loss, self.g_optimiser, self._g)
        self._scaler.update()

        self.step += 1
        ema.update(self.averaged, model, recipe.ema, self.step)
        return Report(self.step, **d_parts, **g_parts)

    def _before_the_game(self) -> None:
        """Q on real images alone, so that its answers mean something before G is paid for them."""
        recipe = replace(self.recipe, real_from=0).at(0, self.model.spec.names)
        if not checks.asks_of_real(recipe, self.model.spec):
            return
        mine = self.processes.share(recipe.batch)
        for _ in range(recipe.real_before):
            real = self._next_batch()
            real, real_view = real[mine], self._view_of(real)[mine]
            with self._autocast():
                loss = consistency_loss(self.model, recipe, self.model.posterior(real), real_view)
            if not loss.requires_grad:
                return  # no two codes to keep apart
            self._descend(loss, self.d_optimiser, self._d_and_q)
            self._scaler.update()

    def _descend(self, loss: Tensor, optimiser: Optimizer, parameters: Sequence[nn.Parameter]) -> None:
        optimiser.zero_grad()
        self._scaler.scale(loss).backward()
        self.processes.mean_gradients(parameters)
        self._scaler.step(optimiser)

    def _autocast(self) -> torch.autocast:
        return devices.autocast(self.device, self.recipe.precision)

    def _draw(self) -> tuple[Tensor, Latent, Tensor | None]:
        """Images, latents, and views of the images or None. All processes draw the whole batch and keep their share."""
        recipe, mine = self.recipe, self.processes.share(self.recipe.batch)
        real = self._next_batch()
        latent = self.model.spec.sample(recipe.batch, self.generator)
        use_real = recipe.uses_real and self.step >= recipe.real_from
        return real[mine], latent.rows(mine).to(self.device), self._view_of(real)[mine] if use_real else None

    def _view_of(self, real: Tensor) -> Tensor:
        """Views of real images, of which Q should say what it says of the images."""
        return views.get(self.recipe.real_view).draw(real, {}, self.generator)[0]

    def _next_batch(self) -> Tensor:
        """The next `batch` images of an order drawn anew each epoch; an epoch's odd rest is left out."""
        if self._cursor + self.recipe.batch > len(self._order):
            # Copied to the device once an epoch: a copy with each batch would make each step wait.
            self._order, self._cursor = torch.randperm(len(self._data), generator=self.generator).to(self.device), 0
        index = self._order[self._cursor : self._cursor + self.recipe.batch]
        self._cursor += self.recipe.batch
        batch = self._data.batch(index)
        return batch.contiguous(memory_format=torch.channels_last) if self.recipe.channels_last else batch

    # -- iterating ---------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Report]:
        return self

    def __len__(self) -> int:
        """Steps still to go."""
        return max(0, self.recipe.steps - self.step)

    def __next__(self) -> Report:
        if not len(self):
            self.close()
            raise StopIteration
        checks.whole(self.in_step, self.folder)
        with devices.finish_first() as pressed:
            self.in_step = True
            with devices.step(self.device, self.recipe.precision, self.recipe.compile):
                report = self._step()
            self.in_step = False
        self._pending.append(report)
        self._interrupted |= bool(pressed)
        keep = not len(self) or self.step % self.recipe.checkpoint_every == 0
        # Several processes must stop at the same step, so they tell each other of Ctrl-C, and only at a flush.
        if keep or self.step % FLUSH_EVERY == 0 or (self._interrupted and self.processes.size == 1):
            self._flush()
            stop, self._interrupted = self.processes.any(self._interrupted), False
            if keep or stop:
                self._keep()
            if stop:
                saved = "not on disk"
                if self.folder is not None:
                    saved = f"saved in {self.folder.path}; Training.resume goes on from there"
                raise KeyboardInterrupt(f"stopped after step {self.step}, {saved}")
        return report

    def _flush(self) -> None:
        """Read what the device has measured, stop on anything not finite, write the log."""
        rows = fetch(self._pending, self.processes.mean_)
        for row in rows:
            bad = [name for name, value in row.items() if not math.isfinite(value)]
            if bad:
                self._give_up(f"step {row['step']:.0f}: {', '.join(bad)} not finite")
        if self.folder is not None and rows:
            self.folder.append(columns(self.model.spec, self.recipe), rows)
        self._pending = []  # not before they are on disk: a full one leaves them for the next flush
        if not self._bar.disable and rows:
            self._show(rows[-1])

    def _give_up(self, why: str) -> NoReturn:
        """End a run that diverged; its last good checkpoint stays."""
        self.in_step = True
        self.close()
        raise TrainingError(f"{why}. {checks.advice(self.recipe, self.folder)}")

    def _show(self, row: Mapping[str, float]) -> None:
        """What the progress bar says: L_I of each code, and when the run will end."""
        start, first = self._begun
        left = (time.monotonic() - start) / max(1, self.step - first) * len(self)
        ends = "ends " + time.strftime("%H:%M", time.localtime(time.time() + left))
        nats = ", ".join(f"{k.removeprefix('nats/')} {v:.2f}" for k, v in row.items() if k.startswith("nats/"))
        self._bar.set_postfix_str(f"L_I {nats}; {ends}" if nats else ends, refresh=False)
        self._bar.update(self.step - self._bar.n)

    # -- keeping -----------------------------------------------------------------------------------

    def manifest(self) -> dict[str, Any]:
        """Plain JSON that says what this run is: enough to build its model again and to repeat it."""
        model = self.model
        return {
            "network": model.network,
            "q_on": model.q_on,
            "spec": model.spec.to_json(),
            "recipe": self.recipe.to_json(),
            "seed": self.seed,
            "data": self.images.name,
            "data_sha256": self.images.checksum,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            **{key: value for key, value in (("origin", self.origin), ("changes", self.changes)) if value},
        }

    def save(self) -> Path:
        """Write the checkpoint (weights, averages, optimisers, random state, data order), atomically.

        Raises TrainingError without a folder, after an exception in the middle of a step, and where the run diverged;
        FileError where the disk is full. The checkpoint that was there stays.
        """
        if self.folder is None:
            raise TrainingError("this run has no folder to save in; give Training one with folder='runs/a'")
        checks.whole(self.in_step, self.folder)
        self._flush()
        self._keep()
        return self.folder.checkpoint

    def _keep(self) -> None:
        """Check the weights and, where there is a folder, save them; the reports have been flushed."""
        tensors = checkpoint.pack(self.model, self.averaged, self.d_optimiser, self.g_optimiser)
        if wrong := checks.diverged(tensors):
            self._give_up(f"step {self.step}: {wrong}")
        if self.folder is not None:
            tensors |= {"order": self._order, "random": self.generator.get_state()}
            state = {"step": self.step, "cursor": self._cursor, "scaler": self._scaler.state_dict()}
            self.folder.save(tensors, {**self.manifest(), **state})

    @classmethod
    def resume(
        cls,
        folder: str | Path,
        images: Images,
        *,
        device: str = "auto",
        progress: bool = False,
        **changes: Any,
    ) -> Training:
        """Go on with the run in `folder` from its last checkpoint, or from its start if it has none.

        `changes` set rates, lambdas, the precision or a new end from here on: `resume("r", images, lr_g=1e-4)`; those
        that are None are left out. The manifest lists them with their step.
        Raises TrainingError where there is no run, and where its data, network or views differ; ValueError for a change
        that cannot be made.
        """
        manifest = RunFolder.read_manifest(folder)
        model, seed, images = restart.rebuild(manifest, folder, images)
        place = Processes.current().folder(folder)
        try:
            found = place.load()
            recipe, history = restart.settle(place, manifest, found, changes)
            run = cls(model, images, recipe, seed=seed, device=device, progress=progress)
            run.folder, run.origin, run.changes = place, manifest.get("origin", {}), history
            if found is not None:
                with restart.fitting(place):
                    run._restore(*found)
            place.trim(run.step)
            if history != manifest.get("changes", []):
                place.describe(run.manifest())
        except BaseException:
            place.close()
            raise
        run._begun = (time.monotonic(), run.step)
        run._bar.update(run.step)
        return run

    def _restore(self, tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> None:
        assert self.folder is not None
        source = self.folder.checkpoint
        checkpoint.unpack(tensors, source, self.model, self.averaged, self.d_optimiser, self.g_optimiser)
        if self._scaler.is_enabled() and manifest.get("scaler"):
            self._scaler.load_state_dict(manifest["scaler"])
        if len(tensors["order"]) not in (0, len(self.images)):  # an older run, of other images under the same name
            raise ValueError(f"it is of {len(tensors['order'])} images, not {len(self.images)}")
        self._order, self._cursor = tensors["order"].to(self.device), int(manifest["cursor"])
        self.step = int(manifest["step"])
        self.generator.set_state(tensors["random"])

    def close(self) -> None:
        """Let go of the folder and the progress bar. A finished run does it by itself."""
        self._bar.close()
        if self.folder is not None:
            self.folder.close()


@contextmanager
def _frozen(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """These do not learn inside the block; afterwards, whatever ended it, those learn that did before."""
    learning = [p for p in parameters if p.requires_grad]
    for p in learning:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in learning:
            p.requires_grad_(True)
