"""One street scene of toyscapes: sky, ground and two rows of houses in perspective, then things from far to near."""

from collections.abc import Callable

import numpy as np

from reco_core.datasets.toyscapes import things
from reco_core.datasets.toyscapes.canvas import EXTENT, Canvas, fraction
from reco_core.datasets.toyscapes.row import draw_row
from reco_core.datasets.toyscapes.street import FARTHEST, FOCAL, Street
from reco_core.datasets.toyscapes.styles import draw_light, draw_style
from reco_core.datasets.toyscapes.things import LABEL, Stand


def draw_scene(
    rng: np.random.Generator, grain: np.random.Generator, resolution: int = EXTENT
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scene: image (resolution, resolution, 3) uint8 and label (resolution, resolution) uint8.

    Args:
        rng: decides the scene; what it draws does not depend on the resolution.
        grain: draws the noise of the pixels.
        resolution: height and width, pixels.
    """
    canvas = Canvas(resolution, rng)
    street = Street(
        canvas, rng, draw_light(rng), horizon=rng.uniform(22, 31), vanish=rng.uniform(20, 44),
        road=rng.uniform(19, 29), walk=rng.uniform(9, 18), season=rng.random(),
    )  # fmt: skip
    _sky(street)
    _ground(street)
    _far_side(street)
    for side in (-1, 1):
        draw_row(street, side)
    for near, draw in sorted(_things(street), key=lambda thing: thing[0]):
        draw(near)
    return canvas.finish(street.light.gain, LABEL["sky"], grain), canvas.label


def _sky(street: Street) -> None:
    """From zenith to horizon, with soft clouds and perhaps the sun or the moon."""
    light, rng, noise = street.light, street.rng, street.canvas.noise
    cover, stretch = rng.uniform(-0.5, 0.5), rng.uniform(2.5, 4.5)
    start, sun = rng.uniform(0, 32, 2), (rng.uniform(2, 18), rng.uniform(4, 60), rng.uniform(1.6, 3))
    shines = rng.random() < 0.4

    def paint(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        fall = np.clip(y / street.horizon, 0, 1)
        colours = light.zenith + (fall * np.ones(x.shape))[..., None] * (light.horizon - light.zenith)
        if shines:
            glow = (y - sun[0]) * (y - sun[0]) + (x - sun[1]) * (x - sun[1])
            glow = np.clip(sun[2] * sun[2] / np.maximum(glow, 0.01), 0, 1)
            colours = colours + glow[..., None] * (np.array([255.0, 246.0, 214.0]) - colours)
        rows, columns = start[0] + y / 5, start[1] + x / (5 * stretch)
        cloud = noise(rows, columns) + 0.5 * noise(2.3 * rows, 2.3 * columns) + 0.25 * noise(5 * rows, 5 * columns)
        return colours + (np.clip(1.6 * (cloud - cover), 0, 0.85))[..., None] * (light.cloud - colours)

    street.canvas.rectangle(0, EXTENT, 0, EXTENT, paint, LABEL["sky"])


def _far_side(street: Street) -> None:
    """The row that closes the street: houses and trees, seen from the front, pale with haze."""
    rng, canvas, base = street.rng, street.canvas, street.ground(FARTHEST)
    haze = np.full((1, 1), FARTHEST)
    left = -rng.uniform(0, 8)
    while left < EXTENT:
        width, tall, kind = rng.uniform(11, 20), rng.uniform(6, 13), rng.random()
        if kind < 0.72:
            _far_house(street, base - tall, base, left, left + width)
        elif kind < 0.86:
            leaf = draw_style(rng, "tree", canvas.noise, street.season + rng.uniform(-0.1, 0.1))
            colour = street.hazy(leaf.colour[None, None], haze)[0, 0]
            canvas.rectangle(base - 4, base, left + width / 2 - 0.7, left + width / 2 + 0.7, things.BARK, LABEL["tree"])
            for right, up, light in ((-0.2, 0.5, 0.86), (0.2, 0.55, 0.93), (0, 0.75, 1.02)):
                y, x = base - up * tall, left + (0.5 + right) * width
                canvas.ellipse(y, x, 0.34 * tall, 0.32 * width, light * colour, LABEL["tree"])
        left += width


def _far_house(street: Street, top: float, base: float, left: float, right: float) -> None:
    style, label = street.style("building"), LABEL["building"]
    pane = 0.5 * style.colour + 0.2 * street.light.zenith
    bay = (right - left) / np.floor((right - left) / 3.2)
    haze = np.full((1, 1), FARTHEST)

    def front(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        window = (fraction((y - top) / 4 + 0.25) > 0.5) & (np.abs(fraction((x - left) / bay) - 0.5) < 0.25)
        return street.hazy(np.where(window[..., None], pane, style.colour), haze)

    middle, roof = (left + right) / 2, street.rng.uniform(1.5, 4)
    colour = street.hazy(0.7 * style.colour[None, None] + np.array([16.0, 0, 0]), haze)[0, 0]
    street.canvas.polygon([(top, left), (top - roof, middle), (top, right)], colour, label)
    street.canvas.rectangle(top, base, left, right, front, label)


def _ground(street: Street) -> None:
    """Pavement up to the horizon, the road on it, kerbs and markings."""
    rng, canvas = street.rng, street.canvas
    road, walk = street.style("road"), street.style("pavement")
    marking = np.array([236.0, 232.0, 216.0]) if rng.random() < 0.7 else np.array([240.0, 206.0, 96.0])
    dashed, edged, crossing = rng.random() < 0.75, rng.random() < 0.35, rng.random() < 0.35
    phase, zebra, bars = rng.random(), FOCAL / rng.uniform(0.35, 0.8), rng.uniform(4, 6)

    def place(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        near = np.maximum((y - street.horizon) / (EXTENT - street.horizon), 0.01)
        return near, FOCAL / near, (x - street.vanish) / near

    def paved(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        near, far, across = place(y, x)
        colours = walk.at(far, across, np.clip(1.6 * near - 0.2, 0, 1))
        kerb = np.abs(across) < street.road + 1.5
        return street.hazy(np.where(kerb[..., None], 0.6 * colours + 80, colours), near)

    def driven(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        near, far, across = place(y, x)
        colours = road.at(far, across, np.clip(1.6 * near - 0.2, 0, 1))
        gutter = np.abs(across) > street.road - 1.2
        colours = np.where(gutter[..., None], 0.85 * colours, colours)
        painted = np.zeros(across.shape, dtype=bool)
        if dashed:
            painted |= (np.abs(across) < 0.9) & (fraction(far / 26 + phase) < 0.5)
        if edged:
            painted |= np.abs(np.abs(across) - street.road + 3.5) < 0.8
        if crossing:
            painted |= (far > zebra) & (far < zebra + 12) & (fraction(across / bars) < 0.5) & ~gutter
        return street.hazy(np.where(painted[..., None], 0.25 * colours + 0.75 * marking, colours), near)

    def on_road(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.abs(place(y, x)[2]) < street.road

    below = (street.horizon, EXTENT, 0, EXTENT)
    canvas.fill(below, None, paved, LABEL["pavement"])
    canvas.fill(below, on_road, driven, LABEL["road"])


Thing = tuple[float, Callable[[float], None]]


def _things(street: Street) -> list[Thing]:
    """What stands on the street: how near, and how to draw it."""
    rng = street.rng
    found: list[Thing] = []

    def at(place: float, draw: Callable[..., None]) -> Callable[[float], None]:
        return lambda near: draw(_stand(street, near, place))

    def add(chance: float, most: int, nearest: float, across: Callable[[], float], draw: Callable[..., None]) -> None:
        for _ in range(most):
            if rng.random() < chance:
                near, place = rng.uniform(0.5, nearest), across()
                found.append((near, at(place, draw)))

    def beside() -> float:
        return (-1 if rng.random() < 0.5 else 1) * (street.road + rng.uniform(0.15, 0.85) * street.walk)

    def on_road() -> float:
        return rng.uniform(-0.75, 0.75) * street.road

    add(0.3, 3, 0.85, beside, lambda stand: things.tree(stand, street.season))
    add(0.3, 2, 0.95, beside, lambda stand: things.bush(stand, street.season))
    add(0.6, 2, 0.97, on_road, things.car)
    add(0.42, 2, 0.92, on_road, things.truck)
    add(0.42, 3, 0.92, beside, things.person)
    add(0.25, 1, 0.85, on_road, things.person)
    return found


def _stand(street: Street, near: float, across: float) -> Stand:
    x = street.vanish + across * near
    return Stand(street.canvas, street.rng, street.light, street.ground(near), x, near)
