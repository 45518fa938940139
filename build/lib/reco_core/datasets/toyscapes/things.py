"""The things on a street of toyscapes. Siblings of the class tree share colours and parts and differ in shape."""

from typing import Any, NamedTuple

import numpy as np

from reco_core.datasets.toyscapes.canvas import Canvas, Colour

GLASS = np.array([78, 92, 108], dtype=np.float32)
RUBBER = np.array([38, 36, 38], dtype=np.float32)
PAINTS = np.array(
    [(190, 188, 184), (120, 122, 126), (60, 62, 70), (150, 58, 52), (62, 84, 130), (168, 140, 72)], dtype=np.float32
)
"""Body colours that all vehicles share: the colour does not tell which vehicle it is."""
CLOTHES = np.array([(70, 72, 92), (128, 60, 58), (66, 92, 70), (150, 134, 108), (54, 50, 52)], dtype=np.float32)
SKIN = np.array([178, 138, 112], dtype=np.float32)
PLATES = np.array([(196, 52, 44), (52, 84, 168), (214, 178, 60)], dtype=np.float32)


class Tools(NamedTuple):
    """What is needed to draw a thing."""

    canvas: Canvas
    street: Any
    colours: dict[str, Colour]
    rng: np.random.Generator
    label: dict[str, int]

    def paint(self, paints: np.ndarray, name: str) -> Colour:
        """One of the paints, moved halfway towards the scene's colour of the class, jittered."""
        chosen = paints[self.rng.integers(len(paints))]
        return 0.65 * chosen + 0.35 * self.colours[name] + self.rng.integers(-10, 11, 3)


def tree(tools: Tools, near: float, x: float) -> None:
    """A trunk and a crown of some ellipses, all vegetation."""
    canvas, rng, label = tools.canvas, tools.rng, tools.label["vegetation"]
    unit, ground = tools.street.unit(near), tools.street.ground(near)
    canvas.rectangle(ground - 0.5 * unit, ground, x - 0.03 * unit, x + 0.03 * unit, np.array([84, 66, 50]), label)
    leaves = tools.colours["vegetation"] + rng.integers(-12, 13, 3)
    for _ in range(5):
        y, dx = ground - rng.uniform(0.5, 0.85) * unit, rng.uniform(-0.16, 0.16) * unit
        canvas.ellipse(y, x + dx, 0.17 * unit, 0.17 * unit, leaves + rng.integers(-8, 9), label, 10)


def pole(tools: Tools, near: float, x: float, sign: bool) -> None:
    """A thin pole; with a sign, a plate of another class on top of it."""
    canvas, rng = tools.canvas, tools.rng
    unit, ground = tools.street.unit(near), tools.street.ground(near)
    tall, half = rng.uniform(0.65, 0.95) * unit, 0.016 * unit
    canvas.rectangle(ground - tall, ground, x - half, x + half, tools.colours["pole"], tools.label["pole"])
    if sign:
        plate, size = tools.paint(PLATES, "traffic sign"), 0.085 * unit
        shape = canvas.ellipse if rng.random() < 0.5 else None
        y, label = ground - tall, tools.label["traffic sign"]
        if shape is not None:
            shape(y, x, size, size, plate, label)
            shape(y, x, 0.5 * size, 0.5 * size, plate + 70, label)
        else:
            canvas.rectangle(y - size, y + size, x - size, x + size, plate, label)
            canvas.rectangle(y - 0.3 * size, y + 0.3 * size, x - 0.7 * size, x + 0.7 * size, plate + 60, label)
    else:
        canvas.rectangle(
            ground - tall, ground - tall + 0.04 * unit, x, x + 0.14 * unit, tools.colours["pole"], tools.label["pole"]
        )


def _wheels(tools: Tools, at: list[float], ground: float, radius: float, label: int) -> None:
    for x in at:
        tools.canvas.ellipse(ground - radius, x, radius, radius, RUBBER, label)
        tools.canvas.ellipse(ground - radius, x, 0.4 * radius, 0.4 * radius, RUBBER + 90, label)


def car(tools: Tools, near: float, x: float) -> None:
    """Low body, a narrower cabin with two windows, two wheels."""
    canvas, unit, ground = tools.canvas, tools.street.unit(near), tools.street.ground(near)
    label, body, half = tools.label["car"], tools.paint(PAINTS, "car"), 0.29 * unit
    waist, roof = ground - 0.15 * unit, ground - 0.26 * unit
    canvas.trapezoid(roof, waist, (x - 0.5 * half, x + 0.45 * half), (x - 0.75 * half, x + 0.7 * half), body, label)
    for left, right in ((-0.5, -0.05), (0.05, 0.45)):
        canvas.rectangle(roof + 0.03 * unit, waist, x + left * half, x + right * half, GLASS, label, 6)
    canvas.rectangle(waist, ground - 0.04 * unit, x - half, x + half, body, label)
    _wheels(tools, [x - 0.6 * half, x + 0.6 * half], ground, 0.06 * unit, label)


def truck(tools: Tools, near: float, x: float) -> None:
    """A cab and, behind a gap, a taller box; three wheels."""
    canvas, unit, ground = tools.canvas, tools.street.unit(near), tools.street.ground(near)
    label, body, facing = tools.label["truck"], tools.paint(PAINTS, "truck"), 1 if tools.rng.random() < 0.5 else -1
    box = tools.paint(PAINTS, "truck")

    def block(begin: float, end: float, top: float, bottom: float, colour: Colour) -> None:
        left, right = sorted((x + facing * begin * unit, x + facing * end * unit))
        canvas.rectangle(ground - top * unit, ground - bottom * unit, left, right, colour, label)

    block(-0.42, 0.16, 0.42, 0.09, box)
    block(0.19, 0.4, 0.3, 0.06, body)
    block(0.28, 0.39, 0.27, 0.18, GLASS)
    block(-0.42, 0.4, 0.1, 0.06, RUBBER + 20)
    _wheels(tools, [x + facing * place * unit for place in (-0.3, -0.16, 0.29)], ground, 0.065 * unit, label)


def bus(tools: Tools, near: float, x: float) -> None:
    """One long box with a row of windows, two wheels."""
    canvas, unit, ground = tools.canvas, tools.street.unit(near), tools.street.ground(near)
    label, body, half = tools.label["bus"], tools.paint(PAINTS, "bus"), 0.45 * unit
    canvas.rectangle(ground - 0.4 * unit, ground - 0.05 * unit, x - half, x + half, body, label)
    for place in np.linspace(-0.9, 0.66, 6):
        left = x + place * half
        canvas.rectangle(ground - 0.35 * unit, ground - 0.22 * unit, left, left + 0.2 * half, GLASS, label, 6)
    _wheels(tools, [x - 0.6 * half, x + 0.6 * half], ground, 0.065 * unit, label)


def person(tools: Tools, near: float, x: float) -> None:
    """Two legs, a torso, a head."""
    canvas, unit, ground = tools.canvas, tools.street.unit(near), tools.street.ground(near)
    label = tools.label["person"]
    shirt, trousers = tools.paint(CLOTHES, "person"), tools.paint(CLOTHES, "person")
    stride = tools.rng.uniform(0.01, 0.05) * unit
    for side in (-1, 1):
        middle = x + side * stride
        canvas.rectangle(ground - 0.19 * unit, ground, middle - 0.02 * unit, middle + 0.02 * unit, trousers, label)
    canvas.rectangle(ground - 0.37 * unit, ground - 0.18 * unit, x - 0.055 * unit, x + 0.055 * unit, shirt, label)
    canvas.ellipse(ground - 0.41 * unit, x, 0.045 * unit, 0.04 * unit, SKIN, label)


def two_wheeler(tools: Tools, near: float, x: float, kind: str, ridden: bool) -> None:
    """Bicycle: two rings and a thin frame. Motorcycle: two discs and a solid body. Perhaps a rider on top."""
    canvas, unit, ground = tools.canvas, tools.street.unit(near), tools.street.ground(near)
    label, paint = tools.label[kind], tools.paint(PAINTS, kind)
    radius, base = 0.075 * unit, 0.12 * unit
    thin = max(0.018 * unit, 0.6)
    if kind == "bicycle":
        for side in (-1, 1):
            canvas.ring(ground - radius, x + side * base, radius, 1.6 * thin, RUBBER + 20, label)
        canvas.rectangle(ground - 2.1 * radius, ground - 2.1 * radius + thin, x - base, x + base, paint, label)
        canvas.trapezoid(
            ground - 2.1 * radius, ground - radius, (x - base, x - base + 2 * thin), (x, x + 2 * thin), paint, label
        )
        canvas.trapezoid(
            ground - 2.1 * radius, ground - radius, (x + base - 2 * thin, x + base), (x, x + 2 * thin), paint, label
        )
    else:
        for side in (-1, 1):
            canvas.ellipse(ground - radius, x + side * base, radius, radius, RUBBER, label)
        canvas.ellipse(ground - 1.5 * radius, x, 0.9 * radius, 1.2 * base, paint, label)
        canvas.rectangle(ground - 2.6 * radius, ground - 2 * radius, x + 0.7 * base, x + base, paint, label)
    if ridden:
        _rider(tools, x, ground - 2 * radius, unit)


def _rider(tools: Tools, x: float, seat: float, unit: float) -> None:
    """A leaning torso, a head and a leg, in clothes that persons wear too."""
    canvas, label = tools.canvas, tools.label["rider"]
    shirt, trousers = tools.paint(CLOTHES, "rider"), tools.paint(CLOTHES, "rider")
    lean = 0.07 * unit
    canvas.rectangle(seat, seat + 0.13 * unit, x - 0.025 * unit, x + 0.025 * unit, trousers, label)
    canvas.trapezoid(
        seat - 0.19 * unit, seat + 0.01 * unit, (x + lean - 0.05 * unit, x + lean + 0.05 * unit),
        (x - 0.055 * unit, x + 0.05 * unit), shirt, label,
    )  # fmt: skip
    canvas.ellipse(seat - 0.23 * unit, x + lean, 0.045 * unit, 0.04 * unit, SKIN, label)
