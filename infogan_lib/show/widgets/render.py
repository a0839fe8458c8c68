"""What the widgets show, as functions: latents to pixels, pixels to PNG and GIF, and those to files. No widget here.

Pixels are uint8 arrays (H, W, C). Q's posterior as HTML is `readings.reading`.
"""

import base64
import io
import itertools
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from infogan_lib.core.latent import Latent
from infogan_lib.core.model import InfoGAN
from infogan_lib.data import files
from infogan_lib.data.images import to_uint8
from infogan_lib.data.threads import one_thread
from infogan_lib.show import plots
from infogan_lib.show.widgets.knobs import Knob, Layout, encode, trained
from infogan_lib.show.widgets.readings import Labels, reading

FRAME = (201, 92, 0)  # around the image that stands for the values set: the colour of "set" in `readings`


def pixels(model: InfoGAN, latent: Latent) -> np.ndarray:
    """uint8 images (N, H, W, C) of N latents: eval mode, one thread."""
    with one_thread():
        return _as_bytes(model.generate(latent))


def _as_bytes(images: Tensor) -> np.ndarray:
    return to_uint8(images).permute(0, 2, 3, 1).cpu().numpy()


def scene(
    model: InfoGAN, turned: Sequence[Knob], shown: Layout, across: Knob, down: Knob, labels: Labels | None = None
) -> tuple[np.ndarray, str]:
    """A layout of a model: the picture, and as HTML what Q reads in its image at exactly the values set."""
    with one_thread():
        latent = encode(model.spec, turned, shown.noise, shown.values)
        images = model.generate(latent)
        chosen = slice(shown.index, shown.index + 1)
        html = reading(model.spec, model.read(images[chosen]), 0, latent.rows(chosen), labels)
        tiles = _as_bytes(images)
    if not shown.across:
        return tiles[0], html
    return sheet(tiles, shown.columns, trained(shown, across, down), shown.index), html


def sheet(images: np.ndarray, columns: int, tinted: Sequence[int] = (), framed: int | None = None) -> np.ndarray:
    """uint8 images (N, H, W, C) as one RGB picture, row by row.

    The gaps around the images `tinted` have the colour of the trained range; image `framed` has a frame.
    """
    whole = plots.tile(torch.from_numpy(images).permute(0, 3, 1, 2), columns)
    _, h, w, _ = images.shape
    pad = plots.PAD
    gaps = [(i, plots.TINT) for i in tinted]
    if framed is not None:
        gaps.append((framed, FRAME))
    for i, colour in gaps:
        y, x = i // columns * (h + pad), i % columns * (w + pad)
        whole[y : y + h + 2 * pad, x : x + w + 2 * pad] = colour
        whole[y + pad : y + pad + h, x + pad : x + pad + w] = images[i]
    return whole


def beside(pictures: Sequence[np.ndarray], gap: int = 8) -> np.ndarray:
    """Pictures (H, W, C) in a row with white between them; one alone stays as it is."""
    if len(pictures) == 1:
        return pictures[0]
    height = max(picture.shape[0] for picture in pictures)
    parts = []
    for picture in pictures:
        below = height - picture.shape[0]
        colour = np.broadcast_to(picture, (*picture.shape[:2], 3))
        parts.append(np.pad(colour, ((0, below), (0, gap), (0, 0)), constant_values=255))
    return np.concatenate(parts, axis=1)[:, :-gap]


def enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    """Each pixel as a square of `factor` pixels; nothing is blurred."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def _pil(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)


def png(picture: np.ndarray) -> bytes:
    """A uint8 picture (H, W), (H, W, 1) or (H, W, 3) as PNG, compressed lightly: speed counts here."""
    buffer = io.BytesIO()
    _pil(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def gif(frames: Sequence[np.ndarray], ms: int = 100) -> bytes:
    """Pictures of one size as an endless GIF, `ms` milliseconds each. Raises ValueError without a frame."""
    if not frames:
        raise ValueError("gif: no frames; give at least one picture.")
    first, *rest = (_pil(frame) for frame in frames)
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=ms, loop=0)
    return buffer.getvalue()


def width_on_page(picture: np.ndarray, many: bool, models: int = 1) -> int:
    """Pixels on the page: a whole multiple of the picture's own where there is room, so that its pixels stay square."""
    h, w = picture.shape[:2]
    width, height = (640, 460) if many else (280, 280) if models == 1 else (224, 224)
    factor = min(width / w, height / h)
    return round(w * (int(factor) if factor >= 2 else max(1.0, int(2 * factor) / 2)))


def for_file(picture: np.ndarray) -> np.ndarray:
    """Enlarged to about 560 pixels or more: a file is opened where nothing enlarges it."""
    return enlarge(picture, max(1, round(560 / picture.shape[1])))


def keep(content: bytes, folder: str | Path, stem: str, suffix: str) -> Path:
    """Write `content` to the first free of stem-001.suffix, stem-002.suffix, ... and return that path.

    Nothing is ever overwritten, and no half of a file is left. Raises OSError where the folder cannot be written.
    """
    folder = files.expand(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        path = folder / f"{stem}-{number:03d}.{suffix}"
        try:
            file = path.open("xb")
        except FileExistsError:
            continue
        try:
            with file:  # what a full disk refuses may show as late as when the file is closed
                file.write(content)
        except BaseException:
            path.unlink()
            raise
        break
    return path


def link(content: bytes, name: str) -> str:
    """HTML of a link that downloads `content`: it also works where the kernel's folder is out of reach."""
    data = base64.b64encode(content).decode()
    kind = name.rsplit(".")[-1]
    return f'<a download="{escape(name)}" href="data:image/{kind};base64,{data}">download {escape(name)}</a>'
