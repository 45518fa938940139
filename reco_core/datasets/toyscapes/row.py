"""What stands along the street of toyscapes, in perspective: houses, woods, walls and hedges.

A wall is built of what a house is built of, and has coping and piers instead of windows and a roof; a hedge grows what
a wood grows, and is clipped where the wood is ragged.
"""

from dataclasses import dataclass, replace

import numpy as np

from reco_core.datasets.toyscapes.canvas import Colour, fraction
from reco_core.datasets.toyscapes.street import FARTHEST, FOCAL, NEAREST, Street, end_face, upright
from reco_core.datasets.toyscapes.styles import Style, draw_style, rgb
from reco_core.datasets.toyscapes.things import BARK, LABEL


def draw_row(street: Street, side: int) -> None:
    """One side of the street from far to near: mostly houses or mostly trees, some behind a wall or a hedge; gaps."""
    rng = street.rng
    houses = 0.88 if rng.random() < 0.75 else 0.12
    distance, plots = FOCAL / NEAREST - rng.uniform(0, 20), []
    while distance < FOCAL / FARTHEST:
        length = rng.uniform(36, 80)
        plots.append((max(distance, 12.0), distance + length, rng.random(), rng.random()))
        distance += length
    across = street.road + street.walk
    for begin, end, back, front in reversed(plots):
        if end < 14:
            continue
        if back < houses:
            _house(street, side, across, begin, end)
        elif back < 0.92:
            _wood(street, side, across, begin, end)
        if front < 0.37:
            _wall(street, side, across - 1, begin, end)
        elif front < 0.7:
            _hedge(street, side, across - 5, begin, end)


@dataclass(frozen=True)
class House:
    """What a house is built of."""

    style: Style
    storey: float
    """Height of a storey; the other lengths and `bay`, from window to window, are in the same units."""
    bay: float
    storeys: int
    roof: float
    tiles: Colour
    trim: Colour
    door: Colour
    tall: float
    """A window's height, as a share of the storey."""
    wide: float
    """A window's width, as a share of the bay."""
    awning: bool

    @property
    def high(self) -> float:
        """Of the front, up to the roof."""
        return self.storey * self.storeys + 2


def _draw_house(street: Street) -> House:
    rng, style = street.rng, street.style("building")
    storey, bay, storeys, roof = rng.uniform(16, 22), rng.uniform(9, 15), int(rng.integers(1, 5)), rng.uniform(3, 9)
    tiles = rgb(rng.uniform(-0.03, 0.08), rng.uniform(0.25, 0.6), rng.uniform(0.35, 0.6))
    if rng.random() < 0.4:
        tiles = rgb(0.62, 0.15, rng.uniform(0.3, 0.5))
    trim = np.minimum(style.colour * 1.06 + 12, 255) if rng.random() < 0.7 else style.colour * 0.85
    door, tall, wide = rgb(rng.random(), 0.5, 0.45), rng.uniform(0.42, 0.58), rng.uniform(0.4, 0.6)
    return House(style, storey, bay, storeys, roof, tiles, trim, door, tall, wide, awning=rng.random() < 0.3)


def _house(street: Street, side: int, across: float, begin: float, end: float) -> None:
    """A front along the street, and the gable towards the camera."""
    house = _draw_house(street)
    if FOCAL / begin < 1.4:
        _gable(street, house, side, across, begin)

    def front(up: np.ndarray, far: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _front(street, house, up, far - begin, far, near), up < house.high + house.roof

    upright(street, side, across, begin, end, house.high + house.roof, front, LABEL["building"])


def _panes(street: Street) -> tuple[Colour, Colour]:
    """Colours of a dark window, which mirrors the sky, and of a lit one."""
    glass = 0.4 * street.light.zenith + np.array([30.0, 38.0, 50.0])
    return glass, np.minimum(np.array([255.0, 214.0, 128.0]) / street.light.gain, 380)


def _front(
    street: Street, house: House, up: np.ndarray, along: np.ndarray, far: np.ndarray, near: np.ndarray
) -> np.ndarray:
    """Colours (h, w, 3) of a front: windows that mirror the street, doors, perhaps an awning, a cornice, a roof."""
    glass, lit = _panes(street)
    table = street.canvas.noise.table
    floor, bay = np.floor(up / house.storey), np.floor(along / house.bay)
    rise, aside = fraction(up / house.storey), np.abs(fraction(along / house.bay) - 0.5)
    middle, below_roof = np.abs(rise - 0.55), floor < house.storeys
    frame = (middle < house.tall / 2 + 0.07) & (aside < house.wide / 2 + 0.09) & below_roof
    pane = (middle < house.tall / 2) & (aside < house.wide / 2) & below_roof
    shines = table[(floor % 32).astype(int), (bay % 32).astype(int)] * 0.5 + 0.5 < street.light.lamps
    entrance = (floor == 0) & (bay % 3 == 1) & (rise < 0.8) & (aside < 0.3)
    cloth = np.where((fraction(along / 4) < 0.5)[..., None], house.door * 1.3 + 40, 242.0)

    colours = house.style.at(up, far, np.clip(1.8 * near - 0.2, 0, 1))
    colours = np.where(frame[..., None], house.trim, colours)
    mirrored = 0.45 * np.where(shines[..., None], lit, glass) + 0.55 * house.style.colour
    colours = np.where(pane[..., None], mirrored, colours)
    colours = np.where(entrance[..., None], house.door, colours)
    if house.awning:
        colours = np.where(((np.abs(rise - 0.86) < 0.14) & (floor == 0))[..., None], cloth, colours)
    colours = np.where((up < 2)[..., None], 0.75 * colours, colours)
    colours = np.where((np.abs(up - house.high + 1) < 1)[..., None], house.trim, colours)
    rows = 0.9 + 0.2 * (fraction(up / 1.6) < 0.5)
    return np.where((up > house.high)[..., None], house.tiles * rows[..., None], colours)


def _gable(street: Street, house: House, side: int, across: float, begin: float) -> None:
    """The end of a house, in the shade, with or without windows."""
    rng, canvas, label, near = street.rng, street.canvas, LABEL["building"], FOCAL / begin
    glass, lit = _panes(street)
    shaded = replace(house.style, colour=0.84 * house.style.colour)
    end_face(street, side, across, 60, begin, house.high, shaded, label)
    y, x = street.ground(near), street.vanish + side * across * near
    for floor in range(house.storeys if rng.random() < 0.7 else 0):
        for bay in range(4):
            middle, foot = x + side * (8 + 13 * bay) * near, y - (floor + 0.3) * house.storey * near
            box = foot - house.tall * house.storey * near, foot, middle - 2.6 * near, middle + 2.6 * near
            canvas.rectangle(box[0] - near, box[1] + near, box[2] - near, box[3] + near, 0.84 * house.trim, label)
            pane = lit if rng.random() < street.light.lamps else 0.8 * glass
            canvas.rectangle(*box, 0.45 * pane + 0.5 * house.style.colour, label)
    outline = [(0, 0.0), (house.roof, 12.0), (house.roof, 60.0), (0, 60.0)]
    corners = [(y - (house.high + up) * near, x + side * right * near) for up, right in outline]
    canvas.polygon(corners, 0.8 * house.tiles, label)


def _wood(street: Street, side: int, across: float, begin: float, end: float) -> None:
    """Trees in a row, grown together: a ragged top, trunks below."""
    rng, noise, label = street.rng, street.canvas.noise, LABEL["tree"]
    style = draw_style(rng, "tree", noise, street.season + rng.uniform(-0.12, 0.12))
    tall, start, trunks = rng.uniform(24, 44), rng.uniform(0, 32), rng.uniform(8, 12)

    def front(up: np.ndarray, far: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        crown = tall + 8 * noise(np.array([[start]]), far / 12) + 2 * noise(np.array([[start + 5]]), far / 4)
        shade = np.clip(0.62 + 0.4 * up / tall + 0.18 * noise(up / 5, far / 5 + start), 0.4, 1.15)
        colours = style.at(up, far, np.clip(1.8 * near - 0.1, 0, 1)) * shade[..., None]
        stem = (up < 9) & (fraction(far / trunks) < 0.2)
        shadowed = np.where((up < 9)[..., None], 0.8 * colours, colours)
        return np.where(stem[..., None], BARK, shadowed), up < crown

    upright(street, side, across, begin, end, 1.3 * tall, front, label)


def _wall(street: Street, side: int, across: float, begin: float, end: float) -> None:
    """A garden wall with coping and piers."""
    rng, style, label = street.rng, street.style("wall"), LABEL["wall"]
    high, piers = rng.uniform(20, 38), rng.uniform(14, 24)

    def front(up: np.ndarray, far: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        colours = style.at(up, far, np.clip(1.8 * near - 0.1, 0, 1))
        pier = fraction((far - begin) / piers) < 0.16
        colours = np.where(pier[..., None], 0.85 * colours, colours)
        coping = up > high - 1.8
        return np.where(coping[..., None], np.minimum(0.8 * style.colour + 56, 255), colours), up < high + 1.5 * pier

    upright(street, side, across, begin, end, high + 2, front, label)
    end_face(street, side, across, 3.5, begin, high, replace(style, colour=0.86 * style.colour), label)


def _hedge(street: Street, side: int, across: float, begin: float, end: float) -> None:
    """A clipped hedge, darker towards the ground."""
    rng, noise, label = street.rng, street.canvas.noise, LABEL["hedge"]
    style = draw_style(rng, "hedge", noise, street.season + rng.uniform(-0.15, 0.15))
    high, start = rng.uniform(12, 24), rng.uniform(0, 32)

    def front(up: np.ndarray, far: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shade = np.clip(0.66 + 0.4 * up / high, 0.6, 1.1)
        colours = style.at(up, far, np.clip(1.8 * near - 0.1, 0, 1)) * shade[..., None]
        return colours, up < high + 1.6 * noise(np.array([[start]]), far / 1.5)

    end_face(street, side, across, 6, begin, high, replace(style, colour=0.85 * style.colour), label)
    upright(street, side, across, begin, end, high + 1, front, label)
