"""The ward of notebook 11: patients by name, what each diagnosis would look like, and a patient's code, folded away."""

from __future__ import annotations

import html
import inspect
import re
from dataclasses import dataclass

from infogan_lib.course.clinic.charts import Chart, examine
from infogan_lib.course.clinic.faults import (
    Detached,
    EpsilonNorm,
    HalfRange,
    HalfSeeded,
    NoFloor,
    NormalEntropy,
    OneHotEntropy,
    Rebuilt,
    Resampled,
    SharedColumn,
    SoftmaxTwice,
    TooMuchLambda,
    TrainMode,
    WrongSign,
)
from infogan_lib.course.clinic.patient import Patient

WARD: dict[str, type[Patient]] = {
    "Ada": OneHotEntropy,
    "Ben": NormalEntropy,
    "Cleo": SoftmaxTwice,
    "Dov": Rebuilt,
    "Eva": Resampled,
    "Finn": Detached,
    "Gus": WrongSign,
    "Hana": SharedColumn,
    "Ida": NoFloor,
    "Jon": HalfRange,
    "Kim": TooMuchLambda,
    "Lea": TrainMode,
    "Max": EpsilonNorm,
    "Nia": HalfSeeded,
}

# diagnosis: (the fault, what its chart would show)
DIAGNOSES: dict[str, tuple[type[Patient], str]] = {
    "entropy of the one-hot code": (
        OneHotEntropy,
        "the digit's curve would keep its shape and lie 2.30 nats too low, from -2.3 up to 0, with c1 in health",
    ),
    "entropy of another prior": (
        NormalEntropy,
        "c1 would start above 0, where a Q that knows nothing cannot be, and keep its shape",
    ),
    "softmax twice": (
        SoftmaxTwice,
        "the digit's curve could not pass 0.84, however sure Q is, and c1 would be well",
    ),
    "term rebuilt from numbers": (
        Rebuilt,
        "the term would ask for no gradient at all, and both curves would lie flat",
    ),
    "codes drawn again": (
        Resampled,
        "both curves would lie flat although the term's gradient does reach G",
    ),
    "fake detached for G": (
        Detached,
        "the term would ask for a gradient of which the fake gets none, and both curves would lie flat",
    ),
    "sign of the term": (
        WrongSign,
        "both curves would fall to what a Q reads that knows nothing, and diversity would rise",
    ),
    "D reads a code": (
        SharedColumn,
        "D's logit would lean on c1, and L_I of c1 would be held back while digit is well",
    ),
    "sigma without a floor": (
        NoFloor,
        "sigma would fall below 0.3, where it has its floor in health, and the gradients would grow",
    ),
    "range of the data": (
        HalfRange,
        "the brightness of the samples would be far from that of the data, with every curve in health",
    ),
    "lambda too large": (
        TooMuchLambda,
        "the loss of G would be tens of nats below zero, and diversity about half",
    ),
    "sampled in train mode": (
        TrainMode,
        "the change with neighbours would not be 0, and all else would be well",
    ),
    "eps instead of momentum": (
        EpsilonNorm,
        "the spread after a norm would be well below 1",
    ),
    "a draw without the seed": (
        HalfSeeded,
        "two runs with one seed would differ, each of them in health",
    ),
}


def admit(name: str, seed: int = 0) -> Chart:
    """Train the patient of that name, about 3 seconds, and make a chart. Raises ValueError for a name not in `WARD`."""
    return examine(_called(name)(seed), name)


@dataclass(frozen=True)
class Opened:
    """A patient's code, folded away until it is asked for."""

    name: str

    def __repr__(self) -> str:
        return f"{self.name} is {self._fault.__name__}: {self._why}\n\n{self._code}"

    def _repr_html_(self) -> str:
        code, why = html.escape(self._code), html.escape(self._why)
        return (
            f"<details><summary>Open {self.name}, after your diagnosis</summary><p>{why}</p><pre>{code}</pre></details>"
        )

    @property
    def _fault(self) -> type[Patient]:
        return _called(self.name)

    @property
    def _code(self) -> str:
        return re.sub(r"  # type: ignore.*", "", inspect.getsource(self._fault))

    @property
    def _why(self) -> str:
        return inspect.getdoc(self._fault) or ""


def open_up(name: str) -> Opened:
    """What was wrong with a patient: its code and why. Raises ValueError for a name not in `WARD`."""
    _called(name)
    return Opened(name)


def _called(name: str) -> type[Patient]:
    if name not in WARD:
        raise ValueError(f"no patient {name!r}; the ward has {', '.join(WARD)}.")
    return WARD[name]
