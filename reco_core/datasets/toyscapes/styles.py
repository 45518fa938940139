"""What things of a class can look like: a continuous path of colours a family, a texture, and the light of the day.

Siblings of the class tree have one family: the same path, textures and strengths, so nothing but shape and parts tells
them apart. A style is a random point of the path, not one of a few samples, so that no handful of scenes shows all of
them. Families differ in hue or in how much of it they have.
"""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reco_core.datasets.toyscapes.canvas import Colour, Noise, fraction

Hsv = tuple[float, float, float]
"""Hue, saturation, value: 0 to 1. Hues beyond 1 or below 0 go on round the circle."""

MASONRY: tuple[Hsv, ...] = (
    (-0.04, 0.50, 0.48), (0.01, 0.56, 0.62), (0.05, 0.54, 0.76), (0.08, 0.46, 0.88), (0.10, 0.30, 0.94),
    (0.12, 0.08, 0.92), (0.40, 0.04, 0.80), (0.56, 0.20, 0.78), (0.60, 0.34, 0.70), (0.66, 0.26, 0.50),
    (0.76, 0.16, 0.52), (0.92, 0.24, 0.78),
)  # fmt: skip
"""Oxblood and red brick, terracotta, apricot, cream, limestone, marble, pale and deep blue, slate, mauve, rose."""
PAVING: tuple[Hsv, ...] = (
    (0.60, 0.10, 0.30), (0.62, 0.12, 0.42), (0.70, 0.09, 0.52), (0.84, 0.08, 0.50), (1.02, 0.10, 0.48),
    (1.07, 0.13, 0.56), (1.10, 0.12, 0.64), (1.13, 0.06, 0.66), (1.36, 0.06, 0.44), (1.50, 0.07, 0.34),
)  # fmt: skip
"""Wet asphalt, blue, violet and mauve greys, clay, sand, concrete, mossy cobbles, basalt: all of them pale."""
FOLIAGE: tuple[Hsv, ...] = (
    (0.19, 0.50, 0.84), (0.20, 0.58, 0.76), (0.22, 0.62, 0.66), (0.25, 0.60, 0.56), (0.29, 0.56, 0.46),
    (0.40, 0.44, 0.40), (0.36, 0.50, 0.32), (0.28, 0.52, 0.34), (0.22, 0.60, 0.50), (0.19, 0.66, 0.62),
    (0.17, 0.70, 0.72), (0.155, 0.76, 0.84),
)  # fmt: skip
"""The course of a year: spring, early and late summer, deep green, spruce, yew, olive, the first yellow of autumn."""
PAINT: tuple[Hsv, ...] = (
    (0.00, 0.74, 0.70), (0.05, 0.70, 0.86), (0.13, 0.62, 0.92), (0.22, 0.28, 0.84), (0.38, 0.46, 0.54),
    (0.50, 0.46, 0.68), (0.57, 0.52, 0.80), (0.63, 0.62, 0.50), (0.75, 0.34, 0.46), (0.95, 0.34, 0.80),
    (1.10, 0.06, 0.94), (1.62, 0.34, 0.34),
)  # fmt: skip
"""Red, orange, yellow, lime, green, teal, sky blue, navy, plum, rose, white, midnight blue."""
CLOTH: tuple[Hsv, ...] = (
    (0.98, 0.62, 0.62), (1.06, 0.56, 0.72), (1.13, 0.56, 0.84), (1.30, 0.34, 0.50), (1.48, 0.42, 0.58),
    (1.58, 0.50, 0.66), (1.66, 0.52, 0.40), (1.80, 0.36, 0.46), (1.92, 0.40, 0.78), (2.10, 0.08, 0.90),
    (2.60, 0.14, 0.26),
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """Where the styles of a class and of its sibling come from."""

    path: tuple[Hsv, ...]
    textures: tuple[str, ...]
    strength: float
    """Greatest share of the accent in the texture."""


_BUILT = Family(MASONRY, ("bricks", "waves", "plain"), 0.55)
_PAVED = Family(PAVING, ("bricks", "waves", "blotches"), 0.55)
_GROWN = Family(FOLIAGE, ("blotches", "dots"), 0.9)
_PAINTED = Family(PAINT, ("plain", "waves", "dots"), 0.6)
FAMILIES = {
    "building": _BUILT, "wall": _BUILT, "road": _PAVED, "pavement": _PAVED, "tree": _GROWN, "hedge": _GROWN,
    "car": _PAINTED, "truck": _PAINTED, "person": Family(CLOTH, ("plain", "waves", "dots"), 0.7),
}  # fmt: skip


def rgb(hue: float, saturation: float, value: float) -> Colour:
    """A colour of the HSV cone, (3,) 0 to 255; saturation and value are held between 0 and 1."""
    saturation, value = min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))


def along(path: tuple[Hsv, ...], place: float) -> Hsv:
    """A point of a path; place: 0 at its first point, 1 at its last."""
    position = min(max(place, 0.0), 1.0) * (len(path) - 1)
    first = min(int(position), len(path) - 2)
    pairs = zip(path[first], path[first + 1], strict=True)
    hue, saturation, value = (one + (position - first) * (other - one) for one, other in pairs)
    return hue, saturation, value


@dataclass(frozen=True)
class Style:
    """One material: a colour, and an accent that a texture blends in."""

    colour: Colour
    accent: Colour
    texture: str
    frequency: float
    """Waves, rows or blotches a unit."""
    direction: tuple[float, float]
    """Across the waves: y and x of a vector of length 1."""
    phase: tuple[float, float]
    strength: float
    noise: Noise

    def weights(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Share of the accent at points, 0 to 1, before `strength`; y and x broadcast against each other."""
        y, x = y * self.frequency + self.phase[0], x * self.frequency + self.phase[1]
        if self.texture == "waves":
            wave = fraction(y * self.direction[0] + x * self.direction[1])
            return 4 * wave * (1 - wave)
        if self.texture == "bricks":
            shifted = fraction(x / 2 + 0.5 * (np.floor(y) % 2))
            return ((fraction(y) < 0.22) | (shifted < 0.12)) * 1.0
        if self.texture == "dots":
            down, right = fraction(y) - 0.5, fraction(x + 0.5 * (np.floor(y) % 2)) - 0.5
            return (down * down + right * right < 0.09) * 1.0
        if self.texture == "blotches":
            return 0.5 + 0.35 * self.noise(y, x) + 0.15 * self.noise(2.7 * y, 2.7 * x)
        return np.zeros(np.broadcast_shapes(y.shape, x.shape))

    def at(self, y: np.ndarray, x: np.ndarray, fade: np.ndarray | float = 1.0) -> np.ndarray:
        """Colours (h, w, 3) of the material at points of its own surface, units; fade: the texture's, 0 to 1."""
        share = (self.weights(y, x) * self.strength * fade)[..., None]
        return self.colour + share * (self.accent - self.colour)

    def brush(self, y: float, x: float, scale: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """The paint of a thing that stands at (y, x), units, and is drawn `scale` times as large as it is near by."""
        return lambda rows, columns: self.at((rows - y) / scale, (columns - x) / scale)


def draw_style(rng: np.random.Generator, name: str, noise: Noise, place: float | None = None) -> Style:
    """A style of a class.

    Args:
        rng: draws it.
        name: of the class.
        noise: of the scene's canvas.
        place: on the family's path, 0 to 1; None: anywhere.
    """
    family = FAMILIES[name]
    hue, saturation, value = along(family.path, rng.random() if place is None else place)
    hue += rng.uniform(-0.02, 0.02)
    saturation, value = saturation * rng.uniform(0.7, 1.25), value * rng.uniform(0.82, 1.1)
    colour = rgb(hue, saturation, value)
    other = along(family.path, rng.random())
    tone = rng.uniform(0.55, 0.85) if rng.random() < 0.5 else rng.uniform(1.15, 1.4)
    accent = 0.75 * tone * colour + 0.25 * rgb(*other)
    down, right = rng.uniform(-1, 1, 2)
    length = max(float(np.sqrt(down * down + right * right)), 0.01)
    return Style(
        colour, np.minimum(accent, 255), family.textures[rng.integers(len(family.textures))], rng.uniform(0.12, 0.42),
        (down / length, right / length), tuple(rng.uniform(0, 32, 2)), family.strength * rng.uniform(0.2, 1), noise,
    )  # fmt: skip


@dataclass(frozen=True)
class Light:
    """The time of day: the sky's colours, the light's colour, and whether windows and lamps are lit."""

    zenith: Colour
    horizon: Colour
    cloud: Colour
    gain: np.ndarray
    """(3,) factor of each channel of all that is not sky."""
    lamps: float
    """Chance that a window is lit."""


DAY = (
    ((0.64, 0.46, 0.62), (0.04, 0.36, 0.98), (0.95, 0.24, 0.96), (0.98, 0.86, 0.84), 0.25),
    ((0.57, 0.36, 0.88), (0.12, 0.14, 0.99), (0.08, 0.08, 1.00), (1.08, 1.02, 0.92), 0.03),
    ((0.57, 0.52, 0.86), (0.54, 0.22, 0.98), (0.55, 0.02, 1.00), (1.06, 1.05, 1.02), 0.0),
    ((0.58, 0.16, 0.72), (0.58, 0.05, 0.90), (0.60, 0.03, 0.97), (0.90, 0.93, 0.97), 0.04),
    ((0.58, 0.48, 0.84), (0.50, 0.16, 0.97), (0.10, 0.03, 1.00), (1.04, 1.03, 0.98), 0.01),
    ((0.52, 0.32, 0.80), (0.11, 0.50, 0.99), (0.07, 0.34, 1.00), (1.12, 0.98, 0.78), 0.06),
    ((0.70, 0.50, 0.52), (-0.03, 0.50, 0.92), (-0.06, 0.42, 0.88), (0.88, 0.76, 0.86), 0.35),
    ((0.66, 0.68, 0.26), (0.60, 0.48, 0.56), (0.64, 0.36, 0.44), (0.56, 0.60, 0.80), 0.6),
)
"""Dawn, morning, noon, overcast, afternoon, golden hour, dusk, night: zenith, horizon and cloud in HSV, gain, lamps."""


def draw_light(rng: np.random.Generator) -> Light:
    """Light of a random time between dawn and night."""
    place = rng.random() * (len(DAY) - 1)
    first = min(int(place), len(DAY) - 2)
    share = place - first
    before, after = DAY[first], DAY[first + 1]
    colours = []
    for one, other in zip(before[:3], after[:3], strict=True):
        hues = rgb(*one), rgb(*other)
        colours.append((hues[0] + share * (hues[1] - hues[0])) * rng.uniform(0.94, 1.04, 3))
    gain = np.array(before[3]) + share * (np.array(after[3]) - np.array(before[3]))
    lamps = before[4] + share * (after[4] - before[4])
    zenith, horizon, cloud = colours
    return Light(zenith, horizon, cloud, gain * rng.uniform(0.86, 1.1) * rng.uniform(0.96, 1.04, 3), lamps)
