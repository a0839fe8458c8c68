"""The page: what `page.html`, the modules and the style sheets beside it hold, and the models, in one text."""

import base64
import contextlib
import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from infogan_lib import data
from infogan_lib.core.model import InfoGAN
from infogan_lib.data.mnist import DataError
from infogan_lib.show.page.bundle import bundle, variable
from infogan_lib.show.page.packing import known, packed

HERE = Path(__file__).parent
PLANE = HERE / "plane"  # the part "Watch it learn": a module of its own
EXAMPLES = 3  # handwritten digits of each kind


def html(models: Mapping[str, InfoGAN], notebooks: str = "notebooks") -> str:
    """The page that shows `models` under their names; the first one is shown first.

    A model whose G was trained with lambda_G = 0 is the control of the first other one with the same noise and codes,
    and shown beside it. `notebooks` is where the links to the course lead: an address, or a folder beside the page.
    Raises ValueError where there is no model, or one that a page cannot run.
    """
    if not models:
        raise ValueError("page: give at least one model.")
    controls = control_of(models)
    beside = {of: name for name, of in controls.items()}
    shown = [{"name": name, "control": beside.get(name), "alone": name in controls} for name in models]
    files = {name: packed(model, reads=name not in controls) for name, model in models.items()}
    plane = next((path for path in PLANE.glob("*.js") if "export function mount" in path.read_text("utf-8")), None)
    styles = [HERE / "page.css", *sorted(PLANE.glob("*.css"))]
    facts = {"models": shown, "known": known(), "examples": examples(), "notebooks": notebooks.rstrip("/")}
    parts = {
        "STYLE": "\n".join(path.read_text(encoding="utf-8") for path in styles),
        "FACTS": _json(facts),
        "MODELS": "\n".join(
            f'<script type="application/gzip" data-model="{escape(name)}">{base64.b64encode(file).decode()}</script>'
            for name, file in files.items()
        ),
        "WORKER": bundle(HERE / "worker.js"),
        "PLANE": f"{bundle(plane)}\nwindow.plane = {variable(plane)};" if plane else "",
        "PAGE": bundle(HERE / "page.js"),
    }
    frame = (HERE / "page.html").read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda found: parts[found[1]], frame)


def control_of(models: Mapping[str, InfoGAN]) -> dict[str, str]:
    """{a control: the model whose control it is}."""
    found: dict[str, str] = {}
    for name, model in models.items():
        others = (o for o, other in models.items() if not _is_control(other) and other.spec.alike(model.spec))
        if _is_control(model) and (other := next((o for o in others if o not in found.values()), None)):
            found[name] = other
    return found


def _is_control(model: InfoGAN) -> bool:
    weight = (model.manifest.get("recipe") or {}).get("lambda_g")
    return bool(model.spec.codes) and (weight == 0 or (isinstance(weight, dict) and not any(weight.values())))


def examples() -> list[str]:
    """Handwritten digits to start a drawing from, EXAMPLES of each kind, in base64; none where MNIST is missing."""
    with contextlib.suppress(DataError):
        digits = data.mnist("tune")
        assert digits.labels is not None
        places = [(digits.labels == n).nonzero()[:EXAMPLES, 0].tolist() for n in range(10)]
        return [base64.b64encode(digits.images[i].numpy().tobytes()).decode() for group in places for i in group]
    return []


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
