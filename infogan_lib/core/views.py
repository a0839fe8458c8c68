"""Views: what Q is allowed to see of an image when it reads a code.

A view T takes (images (N, C, H, W) in [-1, 1], {code: values (N,)}, a random generator) and returns the images that Q
is shown, and what Q should read there of each code. Where it leaves the values as they are, c -> x -> T(x) is a Markov
chain, so

    L_I on the view <= I(c; T(x)) <= I(c; x)

which is InfoGAN eq. 5 on T(x), and data processing. Where it changes them (a mirror turns c into -c), let r be what the
view drew: L_I <= I(c; T_r(x) | r) <= I(c; x) if, for each r, the change can be undone and keeps volumes. A view is
knowledge that we put in: which changes leave the meaning of a code alone. D always sees the images themselves.

A code names its view: `Uniform("c1", view="moved")`. A view of your own is one function, registered by name; it draws
on the CPU, and takes {} for the values of real images. It may have a centre: what T is where nothing is drawn, a blur
say, which `InfoGAN.read` applies. A file keeps the name only: to build a model, its views must be registered, as those
in `data.strokes` and `data.faces.views` are. Built in notebook 10.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from infogan_lib.core.codes import PLAIN
from infogan_lib.core.latent import Latent, LatentSpec

Values = Mapping[str, Tensor]  # {code: (N,)}
Seen = tuple[Tensor, dict[str, Tensor]]  # images (N, C, H, W), and what Q should read there
Draw = Callable[[Tensor, Values, torch.Generator | None], Seen]
Centre = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class View:
    """`draw` is T, drawn anew for each batch in training; `centre`, without chance, is what Q is shown afterwards."""

    draw: Draw
    centre: Centre | None = None  # the image itself


VIEWS: dict[str, View] = {}


def register(name: str, centre: Centre | None = None) -> Callable[[Draw], Draw]:
    """Decorator: let codes and recipes name a view."""

    def add(draw: Draw) -> Draw:
        VIEWS[name] = View(draw, centre)
        return draw

    return add


def get(name: str) -> View:
    """The view of that name; raises ValueError naming the ones there are."""
    try:
        return VIEWS[name]
    except KeyError:
        raise ValueError(f"unknown view {name!r}; choose one of {', '.join(VIEWS)}") from None


def look(
    spec: LatentSpec, images: Tensor, latent: Latent, generator: torch.Generator | None = None
) -> tuple[dict[str, Tensor], Latent]:
    """{view: its images}, for every view but the images themselves, and the latent with the values Q should read.

    Each view is drawn once, in the order of the codes that name it, in float32 also where the training is not.
    Raises ValueError for a view that is not registered.
    """
    shown, values = {}, dict(latent.values)
    for name, codes in spec.views.items():
        if name != PLAIN:
            with torch.autocast(images.device.type, enabled=False):
                shown[name], target = get(name).draw(images.float(), latent.values, generator)
            values |= {code: target[code] for code in codes}
    return shown, replace(latent, values=values)


@register(PLAIN)
def plain(images: Tensor, values: Values, generator: torch.Generator | None = None) -> Seen:
    """The images themselves."""
    return images, dict(values)


@register("moved")
def moved(images: Tensor, values: Values, generator: torch.Generator | None = None) -> Seen:
    """Each image turned, shifted, scaled and sheared a little: see `augment`. No code changes."""
    return augment(images, generator), dict(values)


def augment(
    images: Tensor, generator: torch.Generator | None = None, strength: float = 1.0, stroke: float = 0.0
) -> Tensor:
    """A random affine copy of each image, (N, C, H, W) -> the same shape: turned, shifted, scaled, sheared.

    `strength` scales every range below, which were chosen on tuning digits; `stroke`, from 0 to 1, is how far bright
    strokes on dark are thickened or thinned. The random numbers are drawn on the CPU.
    """
    n = len(images)
    u = (2 * torch.rand(n, 7, generator=generator) - 1) * strength
    angle, shear = 0.26 * u[:, 0], 0.4 * u[:, 1]  # radians (15 degrees), and x moved by 0.4 y
    scale_x, scale_y = (0.2 * u[:, 2]).exp(), (0.2 * u[:, 3]).exp()
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    warp = torch.stack([scale_x, scale_x * shear, torch.zeros(n), scale_y], 1).view(n, 2, 2)
    affine = torch.cat([turn @ warp, 0.14 * u[:, 4:6, None]], dim=2)  # shifts of up to 2 pixels of 28
    moved = warped(images, affine)
    if not stroke:
        return moved
    return restroke(moved, (stroke * u[:, 6]).view(n, 1, 1, 1).to(images.device, non_blocking=True))


def warped(images: Tensor, affine: Tensor) -> Tensor:
    """Images (N, C, H, W), each place looking where its row of `affine`, (N, 2, 3), says; outside all is -1, black."""
    grid = F.affine_grid(affine.to(images.device, non_blocking=True), list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # outside of what it is given, it reads 0


def restroke(images: Tensor, amount: Tensor) -> Tensor:
    """Bright strokes on dark, (N, C, H, W), a pixel thicker on each side (1) or thinner (-1): `amount` (N, 1, 1, 1)."""
    thick, thin = F.max_pool2d(images, 3, 1, 1), -F.max_pool2d(-images, 3, 1, 1)  # the local maximum and minimum
    return images + amount.clamp(min=0) * (thick - images) - amount.clamp(max=0) * (thin - images)
