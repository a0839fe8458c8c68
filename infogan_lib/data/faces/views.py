"""Views of a face: what may happen to its picture, and what each change does to the codes.

A face in a mirror is turned the other way and lit from the other side; a wider picture shows a wider face; blurred, it
is the same one. None of this is a label: nobody has looked at an image. But it is knowledge about faces that we put in,
and it settles which code does what, since Q has to tell the codes from such views. Built in notebook 10.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from infogan_lib.core.views import Values, register
from infogan_lib.data.images import resample

ODD = ("c1", "c2")  # change sign in a mirror
# How much more Q is to read of a code where a change is at its largest, or of a stretch by its logarithm.
LIGHT_BY, NOD_BY, WIDE_BY = 0.75, 0.5, 5.5
LIGHT, STRETCH, SHIFT, NOD = 1.5, 0.15, 0.08, 0.1
OFTEN = {"mirror": 0.5, "stretch": 0.5, "nod": 0.5, "shift": 0.5, "light": 0.6, "blur": 0.5}


def face_view(
    images: Tensor, values: Values, generator: torch.Generator | None = None, *, strong: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """Views (N, 1, H, W) of face images in [-1, 1], and what Q should read there where `values` were the codes.

    Each change happens to some images (the share is in OFTEN), by a random amount:

        mirror    left and right change places: c1 and c2 change sign
        light     the middle brighter towards one side, as if a lamp had been moved there: c2 grows or falls
        nod       the middle moved up or down within its outline, as when a head nods: c3 grows or falls
        stretch   wider or narrower, and so is the face: c4 grows or falls
        shift, blur: no code changes

    `strong` makes all but the mirror happen to every image, and the shift and the stretch half as large again. Codes
    not among `values` are left out; continuous ones may leave their range, which the densities of Q allow. The random
    numbers are drawn on the CPU.
    """
    n, device = len(images), images.device
    happens = {
        name: torch.rand(n, generator=generator) < (1.0 if strong and name != "mirror" else often)
        for name, often in OFTEN.items()
    }

    def amount(name: str, largest: float = 1.0) -> Tensor:
        return largest * (2 * torch.rand(n, generator=generator) - 1) * happens[name]

    more = 1.5 if strong else 1.0
    mirror, narrow = 1 - 2 * happens["mirror"].float(), 1 + amount("stretch", more * STRETCH)
    light, nod, blur = amount("light"), amount("nod"), amount("blur").abs()
    shift = torch.stack([amount("shift", more * SHIFT), amount("shift", more * SHIFT)], 1)

    target = {name: v * mirror.to(device, non_blocking=True) if name in ODD else v for name, v in values.items()}
    moved_by = {"c2": LIGHT_BY * light, "c3": NOD_BY * nod, "c4": -WIDE_BY * narrow.log()}
    target |= {name: target[name] + by.to(device, non_blocking=True) for name, by in moved_by.items() if name in target}

    affine = torch.zeros(n, 2, 3)  # where in the image each place of the view looks
    affine[:, 0, 0], affine[:, 1, 1], affine[:, :, 2] = mirror * narrow, 1.0, shift
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in images.shape[-2:]), indexing="ij")
    middle = torch.exp(-(x.square() + y.square()) / (2 * 0.3**2))
    grid[..., 1] += NOD * nod[:, None, None] * middle
    moved = resample(images, grid.to(device, non_blocking=True))
    # It fades out before the edge: read off the background, the change would be found without a look at the face.
    ramp = LIGHT * x * torch.sigmoid(12 * (0.72 - torch.hypot(x, 0.85 * y)))
    lit = (moved + 1) * (light.view(n, 1, 1, 1) * ramp).exp().to(device, non_blocking=True) - 1
    return torch.lerp(lit, _blurred(lit), blur.view(n, 1, 1, 1).to(device, non_blocking=True)), target


def _blurred(images: Tensor) -> Tensor:
    kernel = torch.tensor([0.25, 0.5, 0.25]).to(images, non_blocking=True)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, (kernel[:, None] * kernel)[None, None])


register("faces")(face_view)
register("faces-strong")(partial(face_view, strong=True))  # for the consistency loss, on real faces
