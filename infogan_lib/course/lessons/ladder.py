"""Recorded sweeps of trained models that are not shipped: the rungs of notebook 07's ladder, one picture each.

A picture holds, from the top, ROWS rows of the digit code, its columns in the order of the digits that the codes are
matched to, and for each amount a row for each of DIGITS, from -2 to 2. They are recorded by
`python benchmarks/mnist.py ladder`.
"""

import io

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from infogan_lib.core.codes import Code
from infogan_lib.core.model import InfoGAN
from infogan_lib.course import results
from infogan_lib.data.files import write_bytes
from infogan_lib.data.images import to_float, to_uint8
from infogan_lib.training import presets

FOLDER = results.FOLDER / "ladder"
ROWS, DIGITS, POINTS, SIDE = 3, (0, 4, 7), 9, 28
AMOUNTS = ("c1", "c2")
Panel = tuple[Code, Tensor, Tensor]  # of `plots.sweeps`


def sweeps(model: InfoGAN, matching: Tensor) -> list[Panel]:
    """The panels of a model: its digit code, `c1`, `c2`. `matching`, (10,), has the digit of each code."""
    noise = model.spec.noise.sample(max(ROWS, len(DIGITS)), torch.Generator().manual_seed(0))
    order = matching.argsort()
    code, values, images = model.sweep("digit", noise[:ROWS])
    images = images.view(ROWS, 10, 1, SIDE, SIDE)[:, order].flatten(0, 1)
    rows = order[torch.tensor(DIGITS)]
    amounts = [model.sweep(name, noise[: len(DIGITS)], steps=POINTS, beyond=True, digit=rows) for name in AMOUNTS]
    return [(code, values, images), *amounts]


def record(name: str, panels: list[Panel], about: dict[str, str]) -> None:
    """Write the panels of one rung, and in the file's text how they were made."""
    sheet = np.zeros((SIDE * (ROWS + len(AMOUNTS) * len(DIGITS)), SIDE * 10), np.uint8)
    top = 0
    for _, values, images in panels:
        for row in to_uint8(images).view(-1, len(values), SIDE, SIDE):
            sheet[top : top + SIDE, : SIDE * len(values)] = row.permute(1, 0, 2).reshape(SIDE, -1).numpy()
            top += SIDE
    text, data = PngInfo(), io.BytesIO()
    for key, value in about.items():
        text.add_text(key, value)
    Image.fromarray(sheet).save(data, "png", optimize=True, pnginfo=text)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_bytes(FOLDER / f"{name}.png", data.getvalue())


def load(name: str) -> list[Panel]:
    """The panels of a recorded rung, for `plots.sweeps`. Raises FileNotFoundError for one that was not recorded."""
    sheet = torch.from_numpy(np.array(Image.open(FOLDER / f"{name}.png")))
    tiles = sheet.view(-1, SIDE, 10, SIDE).permute(0, 2, 1, 3)  # (rows, columns, SIDE, SIDE)
    spec, panels, top = presets.load("mnist").spec, [], 0
    for code in spec.codes:
        rows = ROWS if code.discrete else len(DIGITS)
        values = code.sweep(POINTS, beyond=True)
        images = tiles[top : top + rows, : len(values)].reshape(-1, 1, SIDE, SIDE)
        panels.append((code, values, to_float(images)))
        top += rows
    return panels
