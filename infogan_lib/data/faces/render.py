"""A head drawn from its causes: ellipsoids for skull, jaw, nose, ears, neck and hair; features painted on the skin.

`portrait` takes numbers and returns pictures; what the numbers mean, and their ranges, is said in `factors`.
The head's own frame: x to the right of the picture when the head looks at us, y up, z out of the face. A length
of 1 is about half the head's height.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from infogan_lib.data.faces.shapes import AMBIENT, Canvas, Ellipsoid, Hit, Plane, column, join, mix, soft, turn

LAMP, CAMERA = 0.60, 0.50  # light from the lamp, and from the camera
LAMP_HEIGHT = math.radians(28)
HAIR, SHIRT, FRAME = 0.14, 0.27, 0.05  # brightness in full light, of 1
LENS = 0.8  # of the light behind it, what glass lets through
HAIR_NONE, HAIR_SHORT, HAIR_LONG = range(3)


class Head:
    """The head's frame in each picture: how it is turned, how wide it is, how it is lit. `factors`: {name: (N,)}."""

    def __init__(self, factors: Mapping[str, Tensor]) -> None:
        self.rotation = turn(factors["azimuth"], factors["elevation"])
        self.upright = turn(factors["azimuth"], torch.zeros_like(factors["elevation"]))  # bust and long hair
        self.width, self.jaw, self.nose, self.gap = (factors[k].double() for k in ("width", "jaw", "nose", "eyes"))
        side = torch.deg2rad(factors["light"].double())
        level, up = LAMP * math.cos(LAMP_HEIGHT), torch.full_like(side, LAMP * math.sin(LAMP_HEIGHT))
        self.light = torch.stack([level * side.sin(), up, level * side.cos() + CAMERA], -1)
        self._axes = [[column(self.rotation[:, i, k]) for i in range(3)] for k in range(3)]

    def part(
        self, x: float, y: float, z: float, *radii: Tensor | float, tilt: float = 0, upright: bool = False
    ) -> Ellipsoid:
        """An ellipsoid in the head's frame; `x` and the first radius are those of a head of width 1.

        An upright one turns with the head, but does not nod.
        """
        frame = self.upright if upright else self.rotation
        return Ellipsoid(frame, self.light, (x * self.width, y, z), (radii[0] * self.width, *radii[1:]), tilt)

    def along(self, axis: int, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Coordinate `axis` in the head's frame of points on rays, (N, H, W); x is divided by the head's width."""
        rx, ry, rz = self._axes[axis]
        value = (rx * x + ry * y) + rz * z
        return value * column(1 / self.width) if axis == 0 else value


def portrait(factors: Mapping[str, Tensor], hair: int, glasses: bool, size: int) -> Tensor:
    """{name: (N,)} for heads that share hair and glasses -> brightness (N, size, size), 0 to 1."""
    canvas, head = Canvas(factors["background"], size), Head(factors)
    skin = column(factors["skin"])
    canvas.add(head.part(0, -1.64, -0.30, 1.02, 0.56, 0.5, upright=True), SHIRT)
    canvas.add(head.part(0, -1.0, -0.24, 0.32, 0.75, 0.34, upright=True), skin, shade=0.65)
    draw_face(canvas, head, skin, column(factors["smile"]))
    for side in (-1, 1):
        canvas.add(head.part(side * 0.63, -0.03, -0.06, 0.075, 0.18, 0.12), skin * 0.92)
    if hair != HAIR_NONE:
        draw_hair(canvas, head, hair)
    if glasses:
        draw_glasses(canvas, head)
    return canvas.picture()


def draw_face(canvas: Canvas, head: Head, skin: Tensor, smile: Tensor) -> None:
    """Skull, face and nose, flowing into one another, with the features painted on."""
    skull = head.part(0, 0.17, -0.08, 0.64, 0.69, 0.71)
    face = head.part(0, -0.30, 0.06, 0.53 * head.jaw, 0.70, 0.60)
    slim = head.nose / head.width  # a wide head does not widen the nose
    bridge = head.part(0, -0.20, 0.51, 0.115 * slim, 0.27, 0.26 * head.nose, tilt=-0.36)
    tip = head.part(0, -0.365, 0.53, 0.165 * slim, 0.10, 0.26 * head.nose)
    window = canvas.window(skull, face, bridge, tip)
    x, y = canvas.rays(window)
    hit = join(skull.hit(x, y), face.hit(x, y), 0.25)
    for part in (bridge, tip):  # on the few rays that may meet it
        rows, columns = (slice(i.start - o.start, i.stop - o.start) for i, o in zip(canvas.window(part), window))
        met, z, light = (t[:, rows, columns] for t in hit)
        joined = join((met, z, light), part.hit(x[..., columns], y[:, rows]), 0.06)
        for old, new in zip((met, z, light), joined):
            old.copy_(new)
    met, z, light = hit
    tone = paint(head.along(0, x, y, z), head.along(1, x, y, z), head, smile)
    front = soft(head.along(2, x, y, z) - 0.12, 0.1)
    canvas.put(window, met, z, light + AMBIENT, skin * (1 + (tone - 1) * front))


def paint(u: Tensor, v: Tensor, head: Head, smile: Tensor) -> Tensor:
    """The skin's brightness at head coordinates u (across), v (up): 1 is bare skin. Left and right are alike."""
    out, away, up = u * u, u.abs() - column(0.235 * head.gap), v - 0.03  # away, up: from the middle of an eye
    far, high = away * away, up * up
    joy, gloom = smile.clamp(min=0), smile.clamp(max=0)
    tone = 1 - 0.26 * soft(1 - (far * 15 + high * 35), 1.2)  # the socket
    eye = 1 - (far * 52 + high * (155 + 110 * joy))  # narrowed by a smile
    tone = mix(tone, 1.12, soft(eye, 0.4))
    tone = mix(tone, 0.08, soft(1 - (far + high) * 200, 0.5) * soft(eye, 0.25))  # the iris
    tone = mix(tone, 0.15, soft(0.028 - (up - 0.078 + far * 2.2).abs(), 0.033) * soft(0.16 - away.abs(), 0.05))  # lid
    arch = (away - 0.03) * (away - 0.03) * 1.6 - away * (gloom * 0.3)
    tone = mix(tone, 0.22, soft(0.038 - (v - 0.235 + arch).abs(), 0.038) * soft(0.19 - (away - 0.01).abs(), 0.05))
    low = v + 0.47
    tone = tone * (1 - 0.4 * soft(1 - (out * 36 + low * low * 330), 1.0))  # the nose's own shadow
    # The mouth: its corners rise with a smile, and it opens on the teeth.
    wide = 0.24 + 0.05 * joy
    along = out * (1 / (wide * wide))
    opened = (0.055 * joy) * (1 - along)  # half of the opening
    off = (v + 0.655 + 0.04 * smile - (0.135 * joy + 0.09 * gloom) * along + opened).abs() - opened
    within = soft(1 - along, 0.16)
    tone = mix(tone, 0.62, soft(0.075 - off, 0.055) * within * 0.8)
    tone = mix(tone, 0.14, soft(0.028 - off, 0.04) * within)
    return mix(tone, 1.15, soft(-0.012 - off, 0.04) * within * (joy * 4).clamp(max=1))


def draw_hair(canvas: Canvas, head: Head, hair: int) -> None:
    """A cap down to the hairline; long hair adds a fall behind the head and a lock on either side, which hang down."""
    cap = head.part(0, 0.22, -0.12, 0.70, 0.77, 0.78)
    window = canvas.window(cap)
    x, y = canvas.rays(window)
    met, z, light = cap.hit(x, y)
    u, v, w = (head.along(axis, x, y, z) for axis in range(3))
    if hair == HAIR_LONG:  # parted in the middle
        line = torch.maximum(v - 0.3 * w + 0.9 * u.abs() - 0.62, v - 0.72 * w - 0.16)
    else:  # swept to one side, with sideburns
        line = torch.maximum(v - 0.62 * w + 0.25 * u - 0.13, torch.minimum(0.10 - w, v + 0.12))
    canvas.put(window, met * soft(line, 0.05), z, shine(light, u), HAIR)
    if hair == HAIR_LONG:
        fall = head.part(0, -0.35, -0.42, 0.80, 0.98, 0.42, upright=True)
        locks = [head.part(side * 0.62, -0.42, -0.12, 0.20, 0.84, 0.30, upright=True) for side in (-1, 1)]
        window = canvas.window(fall, *locks)
        x, y = canvas.rays(window)
        hit: Hit = fall.hit(x, y)
        for lock in locks:
            hit = join(hit, lock.hit(x, y), 0.2)
        met, z, light = hit
        canvas.put(window, met, z, shine(light, head.along(0, x, y, z)), HAIR)


def shine(light: Tensor, u: Tensor) -> Tensor:
    """Light on hair: strands side by side along u, and a gloss where the light is full."""
    wave = 3.2 * u + 0.25
    strand = (wave - wave.floor() - 0.5).abs()
    return (light + AMBIENT + 3.0 * (light - 0.55).clamp(min=0)) * (0.7 + 1.2 * strand)


def draw_glasses(canvas: Canvas, head: Head) -> None:
    """For each eye a rim in a plane of its own, swept back from the bridge, and an arm from its corner to the ear."""
    window = canvas.window(head.part(0, 0.03, 0.3, 0.9, 0.4, 0.6))  # holds them
    x, y = canvas.rays(window)
    depth, albedo = canvas.depth[:, window[0], window[1]], canvas.albedo[:, window[0], window[1]]
    ones = torch.ones_like(head.width)
    across, ahead = head.rotation[:, :, 0] / head.width[:, None], head.rotation[:, :, 2]
    for side in (-1, 1):
        z = Plane(ahead + (0.22 * side) * across, 0.70 * ones).depth(x, y)
        u, v = head.along(0, x, y, z) * side, head.along(1, x, y, z)
        a, b = (u - column(0.25 * head.gap)) * (1 / 0.235), (v - 0.02) * (1 / 0.175)
        inner = 1 - (a * a * (a * a) + b * b * (b * b))  # 1 in the middle of the lens, 0 at the rim's outer edge
        rim = soft(inner, 0.6) * soft(0.75 - inner, 0.35)
        bridge = soft(0.035 - (v - 0.06).abs(), 0.033) * soft(0.06 - u, 0.03)
        seen = (u > 0) & (z > depth)
        albedo.mul_(1 - (1 - LENS) * (soft(inner, 0.5) * seen))
        albedo.copy_(mix(albedo, FRAME, torch.maximum(rim, bridge) * seen))
        # The arm goes from the rim's corner (0.485 out, 0.593 ahead) to above the ear (0.68 out).
        z = Plane(side * across + 0.30 * ahead, 0.663 * ones).depth(x, y)
        v, w = head.along(1, x, y, z), head.along(2, x, y, z)
        seen = (w < 0.6) & (w > -0.08) & (z > depth)
        albedo.copy_(mix(albedo, FRAME, soft(0.042 - (v - 0.07).abs(), 0.038) * seen))
