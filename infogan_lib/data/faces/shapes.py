"""A camera and ellipsoids before it, batched over pictures: where each ray meets one, and how bright it is there.

The camera looks along -z, without perspective; x is right, y up. A ray at (x, y) meets (p - c)^T M (p - c) = 1 where
a quadratic in z has a root, so a surface costs some twenty additions and products a ray and no search.

Everything that is done to a ray is an addition, a product, a quotient, a square root or a comparison, one at a time:
IEEE 754 fixes their results, so that the bytes do not depend on threads, batch size or vector width.
Sines are taken once a picture, in double precision, and then rounded.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Window = tuple[slice, slice]  # the rows and columns of rays that a surface may cover
Hit = tuple[Tensor, Tensor, Tensor]  # is a surface met, at which z, and how bright it is there; (N, H, W) each

HALF, MIDDLE = 1.14, -0.06  # half the picture's side, and the height that its middle shows
RAYS = 2  # by RAYS rays to a pixel
NOTHING = -9.0  # the depth of a ray that has met nothing yet
AMBIENT, DARKEST = 0.10, 0.10  # light that comes from everywhere, and the least there is


def turn(azimuth: Tensor, elevation: Tensor) -> Tensor:
    """(N,) degrees each -> rotations (N, 3, 3), float64: first about y, then about x.

    Column k is the head's axis k as the camera sees it. A positive azimuth looks to the right of the picture,
    a positive elevation up.
    """
    azimuth, elevation = (torch.deg2rad(v.double()) for v in (azimuth, elevation))
    sa, ca, se, ce = azimuth.sin(), azimuth.cos(), elevation.sin(), elevation.cos()
    rows = [ca, 0 * ca, sa, -se * sa, ce, se * ca, -ce * sa, -se, ce * ca]
    return torch.stack(rows, -1).view(-1, 3, 3)


def column(value: Tensor) -> Tensor:
    """(N,) -> (N, 1, 1) float32: one number a picture, to be combined with its rays."""
    return value.float().view(-1, 1, 1)


def soft(distance: Tensor, width: float) -> Tensor:
    """0 where `distance` is well below 0, 1 well above, linear over a strip of that width about 0."""
    return (distance * (1 / width) + 0.5).clamp(0, 1)


def mix(a: Tensor, b: Tensor | float, share: Tensor) -> Tensor:
    """a where share is 0, b where it is 1."""
    return a + share * (b - a)


class Plane:
    """z of the plane {p: normal . p = height} on the rays; `normal` (N, 3) in camera coordinates, height (N,)."""

    def __init__(self, normal: Tensor, height: Tensor) -> None:
        nx, ny, nz = normal.unbind(-1)
        nz = torch.where(nz.abs() < 1e-3, torch.full_like(nz, 1e-3), nz)  # seen from its edge, it is a thin line
        self.at, self.x, self.y = column(height / nz), column(nx / nz), column(ny / nz)

    def depth(self, x: Tensor, y: Tensor) -> Tensor:
        return self.at - self.x * x - self.y * y


class Ellipsoid:
    """N ellipsoids, one a picture. `centre` and `radii` are three numbers or (N,) each, in the frame `rotation`.

    `tilt` turns it about the frame's x axis, in radians. `light` (N, 3) is what its brightness is the product
    of, with the unit normal: a direction times a strength.
    """

    def __init__(
        self,
        rotation: Tensor,
        light: Tensor,
        centre: Sequence[Tensor | float],
        radii: Sequence[Tensor | float],
        tilt: float = 0.0,
    ) -> None:
        c, r = (_vectors(values, len(rotation)) for values in (centre, radii))
        x, y, z = rotation.unbind(-1)
        cos, sin = math.cos(tilt), math.sin(tilt)
        axes = torch.stack([x, cos * y + sin * z, cos * z - sin * y], -1)
        thin, long = axes / r[:, None], axes * r[:, None]
        m = sum(thin[:, :, None, k] * thin[:, None, :, k] for k in range(3))  # (N, 3, 3)
        assert isinstance(m, Tensor)
        middle = x * c[:, :1] + y * c[:, 1:2] + z * c[:, 2:]
        reach = (long[..., 0] * long[..., 0] + long[..., 1] * long[..., 1] + long[..., 2] * long[..., 2]).sqrt()
        self.low, self.high = (middle - reach).amin(0).tolist(), (middle + reach).amax(0).tolist()
        self.middle = [column(v) for v in middle.unbind(-1)]
        # m / m_zz splits into (z + p x + q y)^2 + a x^2 + 2 b x y + c y^2.
        zz = m[:, 2, 2]
        p, q = m[:, 0, 2] / zz, m[:, 1, 2] / zz
        a, b, d = m[:, 0, 0] / zz - p * p, m[:, 0, 1] / zz - p * q, m[:, 1, 1] / zz - q * q
        self.p, self.q, self.a, self.b, self.d = (column(v) for v in (p, q, a, b, d))
        self.size, self.shear, self.squash = column(1 / zz), column(b / a), column(d - b * (b / a))
        lx, ly, lz = light.unbind(-1)
        self.lit = [column(p * lx + q * ly + lz), column(a * lx + b * ly), column(b * lx + d * ly)]

    def window(self, xs: Tensor, ys: Tensor) -> Window:
        """The rays (xs from left to right, ys from top to bottom) inside its bounds in any picture, and one more."""
        left, right = int((xs < self.low[0]).sum()) - 1, int((xs <= self.high[0]).sum()) + 1
        top, bottom = int((ys > self.high[1]).sum()) - 1, int((ys >= self.low[1]).sum()) + 1
        return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))

    def hit(self, x: Tensor, y: Tensor) -> Hit:
        """Rays at x (1, 1, W), y (1, H, 1) -> what they meet."""
        x, y = x - self.middle[0], y - self.middle[1]
        across = x + self.shear * y
        below = (self.size - self.squash * (y * y)) - self.a * (across * across)
        rise = below.clamp(min=0).sqrt()
        z = (self.middle[2] - self.p * x) - self.q * y + rise
        nx = rise * self.p + (self.a * x + self.b * y)
        ny = rise * self.q + (self.b * x + self.d * y)
        length = (nx * nx + ny * ny + rise * rise).clamp(min=1e-12).sqrt()
        bright = rise * self.lit[0] + (self.lit[1] * x + self.lit[2] * y)
        return below > 0, z, bright / length


def _vectors(values: Sequence[Tensor | float], n: int) -> Tensor:
    """Three numbers or (N,) tensors -> (N, 3) float64."""
    return torch.stack([torch.as_tensor(v, dtype=torch.float64).expand(n) for v in values], -1)


def around(windows: Sequence[Window]) -> Window:
    """The smallest window that holds some."""
    rows, columns = (slice(min(w[k].start for w in windows), max(w[k].stop for w in windows)) for k in (0, 1))
    return rows, columns


def join(a: Hit, b: Hit, roundness: float) -> Hit:
    """Two surfaces as one, with the crease between them filled where their depths differ by less than `roundness`."""
    (met_a, z_a, light_a), (met_b, z_b, light_b) = a, b
    both = met_a & met_b
    # The share of b: a stays as it was, to the bit, where b is not met, so that no window shows.
    share = torch.where(both, soft(z_b - z_a, 2 * roundness), met_b.float())
    fill = both * (share * (1 - share)) * roundness
    return met_a | met_b, mix(z_a, z_b, share) + fill, mix(light_a, light_b, share)


class Canvas:
    """What each ray of N pictures has met so far: the nearest depth, the light there, and the surface's own brightness.

    Three tensors (N, M, M), M = RAYS * size.
    """

    def __init__(self, background: Tensor, size: int) -> None:
        m = RAYS * size
        steps = (torch.arange(m, dtype=torch.float64) + 0.5) * (2 * HALF / m)
        self.xs, self.ys = (steps - HALF).float(), (MIDDLE + HALF - steps).float()
        self.depth = torch.full((len(background), m, m), NOTHING)
        self.light = torch.ones_like(self.depth)
        self.albedo = torch.zeros_like(self.depth) + column(background)

    def rays(self, window: Window) -> tuple[Tensor, Tensor]:
        """x (1, 1, W) and y (1, H, 1) of the rays in a window."""
        return self.xs[window[1]].view(1, 1, -1), self.ys[window[0]].view(1, -1, 1)

    def window(self, *shapes: Ellipsoid) -> Window:
        """The rays that may meet one of some shapes."""
        return around([shape.window(self.xs, self.ys) for shape in shapes])

    def put(self, window: Window, met: Tensor, z: Tensor, light: Tensor, albedo: Tensor | float) -> None:
        """Draw a surface where it is nearer than what is there and its share `met` (0 to 1, or a mask) is above 0.

        Where the share is below 1, what is behind shows through.
        """
        depth, old_light, old_albedo = (t[:, window[0], window[1]] for t in (self.depth, self.light, self.albedo))
        share = met * (z > depth)
        depth.copy_(torch.where(share > 0, z, depth))
        old_light.copy_(mix(old_light, light, share))
        old_albedo.copy_(mix(old_albedo, albedo, share))

    def add(self, shape: Ellipsoid, albedo: Tensor | float, shade: float = 1.0) -> None:
        """Draw an ellipsoid; `shade` is the share of light that reaches it."""
        window = self.window(shape)
        met, z, light = shape.hit(*self.rays(window))
        self.put(window, met, z, (light + AMBIENT) * shade, albedo)

    def picture(self) -> Tensor:
        """(N, size, size), brightness 0 to 1: the mean of each pixel's rays."""
        full = (self.light.clamp(min=DARKEST) * self.albedo).clamp(0, 1)
        parts = [full[:, i::RAYS, j::RAYS] for i in range(RAYS) for j in range(RAYS)]
        total = parts[0]
        for part in parts[1:]:  # one after the other: a sum over an axis may be taken in another order elsewhere
            total = total + part
        return total * (1 / RAYS**2)
