"""One street scene of toyscapes: layout in perspective, then things from far to near, each hiding what is behind it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reco_core.datasets.toyscapes import things as things
from reco_core.datasets.toyscapes.canvas import Canvas, Colour
from reco_core.datasets.toyscapes.tree import CLASS_TREE, CLASSES, Tree

LABEL = {name: index for index, name in enumerate(CLASSES)}
BASE = {
    "road": (104, 103, 108), "sidewalk": (128, 122, 120), "terrain": (108, 118, 74), "building": (140, 116, 100),
    "wall": (146, 126, 112), "pole": (104, 104, 106), "traffic sign": (124, 118, 112), "vegetation": (72, 104, 54),
    "sky": (156, 188, 222), "person": (96, 84, 88), "rider": (98, 86, 92), "car": (118, 112, 116),
    "truck": (122, 116, 112), "bus": (126, 118, 108), "motorcycle": (84, 78, 82), "bicycle": (88, 82, 80),
}  # fmt: skip
"""Mean colours; a scene moves them, whole branches of the tree together."""


def scene_colours(rng: np.random.Generator) -> dict[str, Colour]:
    """Class colours of one scene: each node of the tree shifts all classes below it, less the deeper it is."""
    colours = {name: np.array(value, dtype=np.float32) for name, value in BASE.items()}

    def shift(node: Tree, strength: int) -> list[str]:
        below = [node] if isinstance(node, str) else [name for branch in node for name in shift(branch, strength - 4)]
        offset = rng.integers(-max(strength, 4), max(strength, 4) + 1, 3)
        for name in below:
            colours[name] += offset
        return below

    shift(CLASS_TREE, 14)
    return colours


@dataclass(frozen=True)
class Street:
    """The ground plane: where a thing at a given nearness stands, and how large it is."""

    side: int
    horizon: float
    vanish: float
    """x of the vanishing point."""
    road: float
    """Half the road's width at the bottom edge, pixels."""
    walk: float
    """The sidewalk's width at the bottom edge, pixels."""

    def ground(self, near: float) -> float:
        """y where a thing touches the ground; near: 0 at the horizon, 1 at the bottom edge."""
        return self.horizon + near * (self.side - self.horizon)

    def unit(self, near: float) -> float:
        """Pixels of one length unit (about four metres) there."""
        return near * self.side


def draw_scene(rng: np.random.Generator, side: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scene: image (side, side, 3) uint8 and label (side, side) uint8."""
    canvas, colours = Canvas(side, rng), scene_colours(rng)
    street = Street(
        side,
        horizon=side * rng.uniform(0.36, 0.5),
        vanish=side * rng.uniform(0.32, 0.68),
        road=side * rng.uniform(0.42, 0.62),
        walk=side * rng.uniform(0.14, 0.26),
    )
    _sky(canvas, street, colours, rng)
    _land(canvas, street, colours, rng)
    _skyline(canvas, street, colours, rng)
    _road(canvas, street, colours, rng)
    for near, draw in sorted(_things(canvas, street, colours, rng), key=lambda thing: thing[0]):
        draw(near)
    canvas.blotches(LABEL["vegetation"], 3, 16)
    canvas.blotches(LABEL["terrain"], 3, 12)
    canvas.blotches(LABEL["road"], 6, 5)
    canvas.blotches(LABEL["sidewalk"], 6, 5)
    canvas.blotches(LABEL["building"], 5, 6)
    canvas.blotches(LABEL["wall"], 5, 6)
    night = 0.55 if rng.random() < 0.12 else 1.0
    gain = night * rng.uniform(0.78, 1.12) * rng.uniform(0.92, 1.08, 3)
    return canvas.finish(gain, fade=rng.uniform(-0.15, 0.2), noise=int(rng.integers(4, 13))), canvas.label


def _sky(canvas: Canvas, street: Street, colours: dict[str, Colour], rng: np.random.Generator) -> None:
    canvas.rectangle(0, canvas.side, 0, canvas.side, colours["sky"], LABEL["sky"], grain=1)
    rise = np.linspace(-22, 14, canvas.side, dtype=np.float32)[:, None, None]
    canvas.image += rise * rng.uniform(0.4, 1.2)
    for _ in range(int(rng.integers(0, 4))):
        y, x = rng.uniform(0, street.horizon * 0.7), rng.uniform(0, canvas.side)
        for _ in range(4):
            dy, dx = rng.uniform(-3, 3), rng.uniform(-11, 11)
            canvas.ellipse(y + dy, x + dx, rng.uniform(2, 4), rng.uniform(5, 11), colours["sky"] + 26, None, 1)


def _skyline(canvas: Canvas, street: Street, colours: dict[str, Colour], rng: np.random.Generator) -> None:
    """Trees on the horizon, then a row of houses on either side, taller the nearer."""
    for _ in range(int(rng.integers(3, 8))):
        radius = rng.uniform(4, 10)
        canvas.ellipse(
            street.horizon,
            rng.uniform(0, canvas.side),
            radius,
            radius * 1.5,
            colours["vegetation"],
            LABEL["vegetation"],
        )
    for direction in (-1, 1):
        if rng.random() < 0.12:
            continue
        distance = rng.uniform(6, 20)
        end = street.vanish if direction < 0 else canvas.side - street.vanish
        while distance < end:
            width = rng.uniform(10, 16) + 0.25 * distance
            if rng.random() < 0.8:
                _house(canvas, street, colours, rng, direction, distance, width)
            distance += width + (rng.uniform(2, 9) if rng.random() < 0.35 else 0)


def _house(
    canvas: Canvas, street: Street, colours: dict[str, Colour], rng: np.random.Generator, direction: int,
    distance: float, width: float,
) -> None:  # fmt: skip
    near = street.vanish + direction * distance
    left, right = min(near, near + direction * width), max(near, near + direction * width)
    tall = (10 + 0.75 * distance) * rng.uniform(0.7, 1.3)
    top, bottom = street.horizon - tall, street.horizon + 0.22 * distance
    facade = colours["building"] + rng.integers(-26, 27, 3)
    canvas.rectangle(top, bottom, left, right, facade, LABEL["building"])
    canvas.rectangle(top, top + 2, left, right, facade - 26, LABEL["building"])
    step = max(5.0, width / 3.5)
    glass = np.array([86, 98, 112]) + rng.integers(-14, 60)
    for y in np.arange(top + 4, street.horizon - 2, step * 1.15):
        for x in np.arange(left + 2, right - 3, step):
            canvas.rectangle(y, y + step * 0.5, x, x + step * 0.45, glass, LABEL["building"], 6)


def _land(canvas: Canvas, street: Street, colours: dict[str, Colour], rng: np.random.Generator) -> None:
    """What lies beside the street: terrain or pavement, up to the horizon."""
    for left, right in ((0, street.vanish), (street.vanish, canvas.side)):
        name = "terrain" if rng.random() < 0.45 else "sidewalk"
        canvas.rectangle(street.horizon, canvas.side, left, right, colours[name], LABEL[name])


def _road(canvas: Canvas, street: Street, colours: dict[str, Colour], rng: np.random.Generator) -> None:
    """Sidewalks and the road, running to the vanishing point; sometimes a wall beside them."""
    side, vanish, top = canvas.side, street.vanish, street.horizon + 2
    for direction in (-1, 1):
        if rng.random() < 0.3:
            _wall(canvas, street, colours, rng, direction)
    for half, edge, name in ((street.road + street.walk, 4, "sidewalk"), (street.road, 3, "road")):
        edges = (vanish - edge, vanish + edge), (vanish - half, vanish + half)
        canvas.trapezoid(top, side, *edges, colours[name], LABEL[name])
    for near in (0.1, 0.17, 0.27, 0.42, 0.63, 0.9):
        y, length, width = street.ground(near), 9 * near + 1, 2.6 * near
        canvas.rectangle(y, y + length, vanish - width, vanish + width, colours["road"] + 70, LABEL["road"])


def _wall(canvas: Canvas, street: Street, colours: dict[str, Colour], rng: np.random.Generator, direction: int) -> None:
    """A low wall along the sidewalk's outer edge, column by column nearer and taller."""
    begin, end = sorted(rng.uniform(0.08, 0.62, 2))
    low = rng.uniform(0.14, 0.24)
    shade = colours["wall"] + rng.integers(-20, 21, 3)
    reach = street.road + street.walk
    for near in np.linspace(begin, end + 0.1, 40):
        x, y = street.vanish + direction * (4 + near * reach), street.ground(near)
        width = reach * (end + 0.1 - begin) / 40 + 1
        canvas.rectangle(y - low * street.unit(near) - 1, y, x, x + width, shade, LABEL["wall"])


Thing = tuple[float, Callable[[float], None]]


def _things(
    canvas: Canvas, street: Street, colours: dict[str, Colour], rng: np.random.Generator
) -> list[Thing]:  # fmt: skip
    """What stands on the street: how near, and how to draw it. Rare things are rare on purpose."""

    def beside(near: float, outer: float) -> float:
        direction = -1 if rng.random() < 0.5 else 1
        return street.vanish + direction * (4 + near * (street.road + outer * street.walk))

    def on_road(near: float) -> float:
        return street.vanish + rng.uniform(-0.75, 0.75) * (3 + near * street.road)

    def add(chance: float, most: int, nearest: float, draw: Callable[[float], None]) -> None:
        for _ in range(most):
            if rng.random() < chance:
                found.append((0.13 + nearest * rng.random() ** 1.4, draw))

    found: list[Thing] = []
    tools = things.Tools(canvas, street, colours, rng, LABEL)
    add(0.45, 4, 0.45, lambda near: things.tree(tools, near, beside(near, rng.uniform(0.9, 1.6))))
    add(0.5, 4, 0.5, lambda near: things.pole(tools, near, beside(near, 0.25), sign=rng.random() < 0.45))
    add(0.55, 4, 0.6, lambda near: things.car(tools, near, on_road(near)))
    add(0.24, 1, 0.5, lambda near: things.truck(tools, near, on_road(near)))
    add(0.2, 1, 0.5, lambda near: things.bus(tools, near, on_road(near)))
    add(0.35, 4, 0.6, lambda near: things.person(tools, near, beside(near, rng.uniform(0.2, 0.9))))
    add(0.3, 1, 0.55, lambda near: things.two_wheeler(tools, near, on_road(near), "bicycle", rng.random() < 0.75))
    add(0.2, 1, 0.55, lambda near: things.two_wheeler(tools, near, on_road(near), "motorcycle", rng.random() < 0.75))
    return found
