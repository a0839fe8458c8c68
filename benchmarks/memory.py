"""Memory: the peak of a notebook with sliders, of a training, and how it grows with the data set.

    python benchmarks/memory.py [--steps 60] [--images 100000 400000 800000] [--json] [--keep]

Each runs in a Jupyter kernel of its own, and the peak is the most that was ever resident (VmHWM, which Linux keeps
for every process): what `top` would have shown at the worst moment. A good part is PyTorch's own libraries, and a
CUDA build has twice those of a CPU build; so the first figures are of PyTorch alone, and of its first optimiser,
which loads the compiler. What a room of learners needs, where kernels share pages, is in benchmarks/classroom.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
from classroom import kernel
from figures import Figures, parser

MB = 10**6
NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
TORCH = "import torch"
ADAM = "torch.optim.Adam([torch.zeros(1, requires_grad=True)])"
SLIDERS = ("explorer", "00_start_here", "08_latent_sliders")
TRAINING = """
from infogan_lib import Training
from infogan_lib.training import presets
preset = presets.load({name!r})
run = Training(preset.build(), preset.data("train"), preset.recipe, seed=100, device="cpu")
for report, _ in zip(run, range({steps})): pass
"""
GROWTH = """
import torch
from infogan_lib import Training
from infogan_lib.training import presets
from infogan_lib.data import Images
preset = presets.load("mnist")
images = Images(torch.randint(256, ({images}, 1, 28, 28), dtype=torch.uint8))
run = Training(preset.build(), images, preset.recipe, seed=100, device="cpu")
for report, _ in zip(run, range({steps})): pass
"""


def peak(*cells: str) -> float:
    """The most memory that a kernel ever held while it ran the cells, in MB."""
    with kernel() as (process, run):
        for cell in cells:
            run(cell)
        status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / MB


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=60, help="training steps")
    options.add_argument("--notebooks", nargs="*", default=SLIDERS)
    options.add_argument("--presets", nargs="*", default=("mnist", "mnist-paper", "faces"))
    options.add_argument("--images", type=int, nargs="+", default=[100_000, 400_000, 800_000])
    args = options.parse_args()
    figures = Figures(args.json)
    figures.put("a kernel with torch and nothing else", peak(TORCH), "MB")
    figures.put("a kernel with torch and an optimiser", peak(TORCH, ADAM), "MB")
    for name in args.notebooks:
        cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4).cells
        value = peak(*(cell.source for cell in cells if cell.cell_type == "code"))
        figures.put(f"all of notebook {name}", value, "MB", "700 MB")
    for name in args.presets:
        figures.put(f"a training of {name}", peak(TRAINING.format(name=name, steps=args.steps)), "MB")
    peaks = [peak(GROWTH.format(images=n, steps=args.steps)) for n in args.images]
    for n, value in zip(args.images, peaks, strict=True):
        figures.put(f"a training of mnist on {n:,} images", value, "MB")
    if len(peaks) > 1:
        slope = np.polyfit(args.images, peaks, 1)[0] * MB
        figures.put("growth, for each image of 784 bytes", slope, "bytes", "", "and 8 of its place in the order")
    figures.finish(args.keep)


if __name__ == "__main__":
    main()
