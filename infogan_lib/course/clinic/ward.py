"""The ward of notebook 11: patients by name, what each diagnosis would look like, and a patient's code, folded away."""

import html
import inspect
import re
from dataclasses import dataclass

from infogan_lib.course.clinic import faults
from infogan_lib.course.clinic.charts import Chart, examine
from infogan_lib.course.clinic.patient import Patient

# diagnosis: (the fault, what its chart would show)
DIAGNOSES: dict[str, tuple[type[Patient], str]] = {
    "entropy of the one-hot code": (
        faults.OneHotEntropy,
        "the digit's curve would keep its shape and lie 2.30 nats too low, from -2.3 up to 0, with c1 in health",
    ),
    "entropy of another prior": (
        faults.NormalEntropy,
        "c1 would start above 0, where a Q that knows nothing cannot be, and keep its shape",
    ),
    "softmax twice": (
        faults.SoftmaxTwice,
        "the digit's curve could not pass 0.84, however sure Q is, and c1 would be well",
    ),
    "term rebuilt from numbers": (
        faults.Rebuilt,
        "the term would ask for no gradient at all, and both curves would lie flat",
    ),
    "codes drawn again": (faults.Resampled, "both curves would lie flat although the term's gradient does reach G"),
    "fake detached for G": (
        faults.Detached,
        "the term would ask for a gradient of which the fake gets none, and both curves would lie flat",
    ),
    "sign of the term": (
        faults.WrongSign,
        "both curves would fall to what a Q reads that knows nothing, and diversity would rise",
    ),
    "D reads a code": (
        faults.SharedColumn,
        "D's logit would lean on c1, and L_I of c1 would be held back while digit is well",
    ),
    "sigma without a floor": (
        faults.NoFloor,
        "sigma would fall below 0.3, where it has its floor in health, and the gradients would grow",
    ),
    "range of the data": (
        faults.HalfRange,
        "the brightness of the samples would be far from that of the data, with every curve in health",
    ),
    "lambda too large": (
        faults.TooMuchLambda,
        "the loss of G would be tens of nats below zero, and diversity about half",
    ),
    "sampled in train mode": (
        faults.TrainMode,
        "the change with neighbours would not be 0, and all else would be well",
    ),
    "eps instead of momentum": (faults.EpsilonNorm, "the spread after a norm would be well below 1"),
    "a draw without the seed": (faults.HalfSeeded, "two runs with one seed would differ, each of them in health"),
}

NAMES = ("Ada", "Ben", "Cleo", "Dov", "Eva", "Finn", "Gus", "Hana", "Ida", "Jon", "Kim", "Lea", "Max", "Nia")
WARD = {name: fault for name, (fault, _) in zip(NAMES, DIAGNOSES.values(), strict=True)}


def admit(name: str, seed: int = 0) -> Chart:
    """Train the patient of that name, about 3 seconds, and make a chart. Raises ValueError for a name not in `WARD`."""
    return examine(_called(name)(seed), name)


@dataclass(frozen=True)
class Opened:
    """A patient's fault by name, why it is one, and its code: folded away in a notebook until it is asked for."""

    name: str
    fault: str
    why: str
    code: str

    def __repr__(self) -> str:
        return f"{self.name} is {self.fault}: {self.why}\n\n{self.code}"

    def _repr_html_(self) -> str:
        why, code = html.escape(self.why), html.escape(self.code)
        summary = f"<summary>Open {self.name}, after your diagnosis</summary>"
        return f"<details>{summary}<p>{why}</p><pre>{code}</pre></details>"


def open_up(name: str) -> Opened:
    """What was wrong with a patient: its code and why. Raises ValueError for a name not in `WARD`."""
    fault = _called(name)
    code = re.sub(r"  # type: ignore.*", "", inspect.getsource(fault))
    return Opened(name, fault.__name__, inspect.getdoc(fault) or "", code)


def _called(name: str) -> type[Patient]:
    if name not in WARD:
        raise ValueError(f"no patient {name!r}; the ward has {', '.join(WARD)}.")
    return WARD[name]
