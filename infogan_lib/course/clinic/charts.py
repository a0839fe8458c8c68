"""What can be seen of a training from outside: curves, gradients, samples. Built in notebook 11.

A chart names no fault. Its L_I is computed by the patient itself, so a fault in that shows as well.
"""

import copy
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from matplotlib.axes import Axes
from PIL import Image
from torch import Tensor

from infogan_lib.core.bound import calibration
from infogan_lib.course.clinic.patient import Patient, digits
from infogan_lib.data.threads import one_thread
from infogan_lib.show import plots

EVERY, PROBE, ROWS = 25, 256, 6


@dataclass(frozen=True)
class Chart:
    """Measured every `EVERY` steps: `curves` {name: numbers}, against `steps`. Measured at the end: the others.

    curves     digit, c1 (L_I in nats, train mode, 256 fresh fakes), sigma (of c1), loss_d, loss_g, and the norms
               grad_g and grad_q of the gradient that the information term gives G and Q; 0 where it gives none
    images     (ROWS * 10, 1, 8, 8): a row a noise vector, a column a state of the digit code
    scores     (256, 2): of fresh fakes, c1 and D's logit
    diversity  how far pixels vary over z at a fixed code: a mean standard deviation
    neighbours how far an image changes when others are made in the same batch: mean absolute change of a pixel
    brightness mean pixel of the samples; the data's is `data_brightness()`
    spread     standard deviation after G's first norm, which should make it 1
    """

    name: str
    steps: list[int]
    curves: dict[str, list[float]]
    images: Tensor
    scores: Tensor
    diversity: float
    neighbours: float
    brightness: float
    spread: float
    lines: dict[str, dict[str, float]] = field(repr=False)

    def __getitem__(self, curve: str) -> list[float]:
        return self.curves[curve]

    def end(self, curve: str) -> float:
        """The mean of the last four readings of a curve: a single one is noisy."""
        return sum(self.curves[curve][-4:]) / len(self.curves[curve][-4:])

    @property
    def slope(self) -> float:
        """The correlation of D's logit with c1: a code is no evidence of being real, so it should be small."""
        return torch.corrcoef(self.scores.T)[0, 1].item()

    def picture(self) -> plots.Picture:
        """All of it on one sheet."""
        return _sheet(self)


def examine(patient: Patient, name: str = "patient") -> Chart:
    """Train a patient to the end of its recipe and write down what is seen. Looking changes nothing in the training."""
    curves: dict[str, list[float]] = {k: [] for k in ("digit", "c1", "sigma", "loss_d", "loss_g", "grad_g", "grad_q")}
    steps: list[int] = []
    with one_thread():  # for so small a network a second one is no help
        while patient.steps < patient.recipe.steps:
            losses = patient.step()
            if patient.steps % EVERY == 0 or patient.steps == 1:
                steps.append(patient.steps)
                seen = _look(patient) | {"loss_d": float(losses[0]), "loss_g": float(losses[1])}
                for curve, value in seen.items():
                    curves[curve].append(value)
        lines = {code.name: calibration(code).lines for code in Patient.spec.codes}
        return Chart(name, steps, curves, lines=lines, **_samples(patient))


def _look(patient: Patient) -> dict[str, float]:
    """Readings on 256 fakes, in train mode. Batch norm's statistics and the patient's generator are put back."""
    model, random, state = patient.model, patient.random.get_state(), copy.deepcopy(patient.model.state_dict())
    latent = patient.spec.sample(PROBE, torch.Generator().manual_seed(1))
    fake = model.generator(latent.input)
    posterior = patient.read(fake)
    found = {name: value.mean().item() for name, value in patient.nats(posterior, latent).items()}
    found["sigma"] = posterior["c1"].stddev.mean().item()
    assert model.q_head is not None
    found["grad_g"] = norm(patient.g_info(fake, latent), model.generator.parameters())
    found["grad_q"] = norm(patient.d_info(fake, latent), model.q_head.parameters())
    model.load_state_dict(state)
    patient.random.set_state(random)
    return found


def norm(value: Tensor, weights: Iterable[Tensor]) -> float:
    """The norm of the gradient of a scalar with respect to all `weights`; 0.0 where it has none."""
    if not value.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(value, list(weights), retain_graph=True, allow_unused=True)
    return float(sum(g.square().sum() for g in gradients if g is not None)) ** 0.5


@torch.no_grad()
def _samples(patient: Patient) -> dict[str, Any]:
    """What a chart measures at the end, by the names of its fields. Batch norm's statistics are put back."""
    model, random, state = patient.model, torch.Generator().manual_seed(2), copy.deepcopy(patient.model.state_dict())
    noise = patient.spec.noise.sample(24, random)
    images = patient.generate(patient.spec.sweep("digit", noise))
    alone = patient.generate(patient.spec.sweep("digit", noise[:1]))  # the first ten again, without the others
    fresh = patient.spec.sample(PROBE, random)
    found = {
        "images": images[: ROWS * 10],
        "scores": torch.stack([fresh["c1"], patient.score(model.generator(fresh.input))], 1),
        "diversity": images.view(24, 10, -1).std(0).mean().item(),
        "neighbours": (alone - images[:10]).abs().mean().item(),
        "brightness": images.mean().item(),
        "spread": model.generator[:2](fresh.input).std(0).mean().item(),  # type: ignore[index]
    }
    model.load_state_dict(state)
    return found


def data_brightness() -> float:
    """The mean pixel of the data: about -0.39."""
    return digits().batch(slice(None)).mean().item()


class _Sheet(plots.Picture):
    """A Picture in 64 colours: a dozen of them in one notebook would be three times as large in full colour."""

    def png(self, dpi: int = 100) -> bytes:
        full = Image.open(io.BytesIO(super().png(dpi))).convert("RGB")
        buffer = io.BytesIO()
        full.quantize(64, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        return buffer.getvalue()


def _sheet(chart: Chart) -> plots.Picture:
    last = {name: values[-1] for name, values in chart.curves.items()}
    alt = (
        f"Chart of {chart.name}. L_I of digit goes from {chart['digit'][0]:.2f} to {last['digit']:.2f} nats, of c1 "
        f"from {chart['c1'][0]:.2f} to {last['c1']:.2f}; sigma ends at {last['sigma']:.2f}. The term's gradient is "
        f"{last['grad_g']:.2f} in G and {last['grad_q']:.2f} in Q at the end, the loss {last['loss_d']:.2f} for D and "
        f"{last['loss_g']:.2f} for G. D's logit and c1 have correlation {chart.slope:.2f}. {_numbers(chart)}."
    )
    picture = _Sheet(figsize=(11, 4.1), alt=alt)
    picture.suptitle(chart.name, fontsize=11)
    left, right = picture.subfigures(1, 2, squeeze=False, width_ratios=(6.5, 3.3))[0]
    (digit, c1, sigma), (gradients, losses, scores) = left.subplots(2, 3)
    for axes, code, shown in ((digit, "digit", (-0.4, 2.4)), (c1, "c1", (-0.5, 1.3))):
        _lines(axes, chart, {code: code}, f"L_I of {code}, nats", shown)
        for label, value in chart.lines[code].items():
            axes.axhline(value, color="0.45", linewidth=1, linestyle=":")
            axes.text(chart.steps[-1], value, label, fontsize=7, ha="right", va="bottom", color="0.3")
    _lines(sigma, chart, {"sigma": "sigma"}, "sigma of c1", (0, 0.9))
    _lines(gradients, chart, {"grad_g": "in G", "grad_q": "in Q"}, "gradient of the term", (0, 6))
    _lines(losses, chart, {"loss_d": "of D", "loss_g": "of G"}, "losses", (-3, 2))
    scores.plot(*chart.scores.T, ".", color=plots.LINES[0][0], markersize=3)
    _tidy(scores, f"D's logit against c1: correlation {chart.slope:.2f}")
    sheet = right.subplots()
    sheet.imshow(plots.tile(chart.images, 10), interpolation="nearest")
    sheet.set(xticks=[], yticks=[])
    sheet.set_xlabel(_numbers(chart).replace(", ", "\n"), fontsize=9, loc="left")
    sheet.set_title("samples: a column a state, a row a z", fontsize=8)
    return picture


def _numbers(chart: Chart) -> str:
    return (
        f"Diversity {chart.diversity:.2f}, change with neighbours {chart.neighbours:.2f}, brightness "
        f"{chart.brightness:.2f} (data {data_brightness():.2f}), spread after a norm {chart.spread:.2f}"
    )


def _lines(axes: Axes, chart: Chart, names: dict[str, str], title: str, shown: tuple[float, float]) -> None:
    """Curves {name: label}. The axis shows the usual range, and grows where a curve leaves it."""
    for (name, label), (colour, style) in zip(names.items(), plots.LINES):
        axes.plot(chart.steps, chart[name], label=label, color=colour, linestyle=style, linewidth=1.6)
    values = [value for name in names for value in chart[name]]
    axes.set_ylim(min(shown[0], 1.05 * min(values)), max(shown[1], 1.05 * max(values)))
    if len(names) > 1:
        axes.legend(frameon=False, fontsize=7)
    _tidy(axes, title)


def _tidy(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
