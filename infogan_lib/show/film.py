"""A recorded film of InfoGAN and its control while they train, for a page without a kernel (notebook 07).

`benchmarks/film.py` records it into data/films.
"""

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image

from infogan_lib.data.files import ROOT, FileError
from infogan_lib.show import plots
from infogan_lib.show.moving import Moving

FOLDER = ROOT / "films"
WORDS = (
    "A column is one state of the digit code, a row one draw of the noise and the amounts, the same on both sides. "
    "Where the code tells the digit, a column holds one digit; where it tells nothing, all columns are alike. Below, "
    "L_I of each code in nats, over steps on a cube-root scale: most is settled early. The averaged generators."
)
ABOUT = ("G is paid for L_I of its codes", "the same, but lambda is 0 for G")


def film(name: str = "mnist") -> Moving:
    """The film in data/films/NAME.json. Raises FileError where there is none, or where the file is damaged."""
    path = FOLDER / f"{name}.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        for one, about in zip(data["films"], ABOUT, strict=True):
            one["about"] = about
        data["words"] = WORDS
        return Moving("film", data, _still(data), _alt(data))
    except FileNotFoundError:
        raise FileError(f"no film {name!r} in {FOLDER}; `python benchmarks/film.py` records it.") from None
    except (ValueError, KeyError, OSError) as error:
        raise FileError(f"{path} is no film ({error!r}). Restore it with git, or record it again.") from error


def pictures(data: dict[str, Any], film: int) -> np.ndarray:
    """(moments, H, W) uint8: what a film shows at each of its moments."""
    with Image.open(io.BytesIO(base64.b64decode(data["films"][film]["sprite"]))) as strip:
        return np.array(strip.convert("L")).reshape(-1, *data["size"])


def _chosen(data: dict[str, Any]) -> list[int]:
    """The first moment, the middle one and the last."""
    return [0, len(data["steps"]) // 2, len(data["steps"]) - 1]


def _nats(data: dict[str, Any], film: int, moment: int) -> float:
    return data["films"][film]["nats"]["digit"][data["points"].index(data["steps"][moment])]


def _still(data: dict[str, Any]) -> bytes:
    """A PNG: a row a film, a column a moment."""
    moments = _chosen(data)
    picture = plots.Picture(figsize=(8.8, 4.0))
    for row, axes in enumerate(picture.subplots(len(data["films"]), len(moments))):
        for place, moment in zip(axes, moments, strict=True):
            place.imshow(pictures(data, row)[moment], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            place.set(xticks=[], yticks=[])
            told = f"step {data['steps'][moment]:,}: L_I = {_nats(data, row, moment):.2f} nats"
            place.set_title(told, fontsize=9)
        axes[0].set_ylabel(data["films"][row]["name"], fontsize=10)
    with Image.open(io.BytesIO(picture.png())) as whole:
        file = io.BytesIO()
        whole.convert("L").quantize(8).save(file, "png", optimize=True)
    return file.getvalue()


def _alt(data: dict[str, Any]) -> str:
    moments = _chosen(data)
    steps = ", ".join(f"{data['steps'][moment]:,}" for moment in moments)
    nats = "; ".join(
        f"{film['name']} {', '.join(f'{_nats(data, i, moment):.2f}' for moment in moments)}"
        for i, film in enumerate(data["films"])
    )
    return (
        f"Samples of InfoGAN and of its control at steps {steps} of a training, a column for each state of the digit "
        f"code, a row for each draw of the noise. L_I of the digit code, of {data['most']['digit']:.2f} nats: {nats}."
    )
