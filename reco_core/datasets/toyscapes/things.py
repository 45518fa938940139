"""The things on a street of toyscapes. Siblings of the class tree share colours and parts and differ in shape."""

from typing import NamedTuple

import numpy as np

from reco_core.datasets.toyscapes.canvas import Brush, Canvas, Colour, Paint
from reco_core.datasets.toyscapes.styles import Light, draw_style, rgb
from reco_core.datasets.toyscapes.tree import CLASSES

LABEL = {name: index for index, name in enumerate(CLASSES)}
RUBBER = np.array([36.0, 34.0, 38.0])
CHROME = np.array([176.0, 178.0, 182.0])
BARK = np.array([92.0, 72.0, 56.0])


class Stand(NamedTuple):
    """Where a thing stands and what it is drawn with."""

    canvas: Canvas
    rng: np.random.Generator
    light: Light
    y: float
    """Of the ground under it, units."""
    x: float
    """Of its middle, units."""
    scale: float
    """Size there against the size at the bottom edge: all lengths of a thing are units at the bottom edge."""

    def at(self, up: float, right: float) -> tuple[float, float]:
        """A point of the thing, (y, x) on the canvas."""
        return self.y - up * self.scale, self.x + right * self.scale

    def box(self, low: float, high: float, left: float, right: float, paint: Paint, label: int) -> None:
        """An upright rectangle; heights above the ground, sides from the middle."""
        left, right = min(left, right), max(left, right)
        top, begin = self.at(high, left)
        bottom, end = self.at(low, right)
        self.canvas.rectangle(top, bottom, begin, end, paint, label)

    def disc(self, up: float, right: float, radius: float, paint: Paint, label: int, flat: float = 1) -> None:
        """A disc, or an ellipse `flat` times as high as it is wide."""
        self.canvas.ellipse(*self.at(up, right), radius * self.scale * flat, radius * self.scale, paint, label)

    def shape(self, corners: list[tuple[float, float]], paint: Paint, label: int) -> None:
        """A convex polygon of (up, right)."""
        self.canvas.polygon([self.at(*corner) for corner in corners], paint, label)

    def material(self, name: str, place: float | None = None) -> Brush:
        """A new style of a class, fixed to the thing."""
        style = draw_style(self.rng, name, self.canvas.noise, place)
        return style.brush(self.y, self.x, self.scale)

    def glass(self) -> Colour:
        """Windows mirror the sky."""
        return 0.35 * self.light.zenith + np.array([34.0, 42.0, 52.0])

    def lamp(self, colour: tuple[float, float, float]) -> Colour:
        """A lamp keeps its colour, whatever the light."""
        return np.minimum(np.array(colour) / self.light.gain, 400)

    def shadow(self, reach: float, depth: float) -> None:
        """Of the thing, on the ground."""
        self.canvas.shadow(self.y, self.x, depth * self.scale, reach * self.scale)

    def wheel(self, right: float, radius: float, label: int) -> None:
        """A tyre and its hub."""
        self.disc(radius, right, radius, RUBBER, label)
        self.disc(radius, right, 0.45 * radius, CHROME, label)


def shaded(brush: Brush, factor: float) -> Brush:
    """The same paint, brighter or darker."""
    return lambda y, x: factor * brush(y, x)


def car(stand: Stand) -> None:
    """A low body with a narrower cabin: from the side, or from behind."""
    paint, label, glass = stand.material("car"), LABEL["car"], stand.glass()
    if stand.rng.random() < 0.6:
        side = 1 if stand.rng.random() < 0.5 else -1
        roof, slope = stand.rng.uniform(11.5, 14.5), stand.rng.uniform(0.5, 5)
        stand.shadow(15, 2.5)
        stand.shape([(6.5, -11 * side), (roof, (slope - 9) * side), (roof, 4 * side), (6.5, 9 * side)], paint, label)
        stand.shape(
            [(6.8, -9.2 * side), (roof - 1.4, (slope - 8) * side), (roof - 1.4, -2 * side), (6.8, -2 * side)],
            glass, label,
        )  # fmt: skip
        stand.shape(
            [(6.8, -0.8 * side), (roof - 1.4, -0.8 * side), (roof - 1.4, 3.2 * side), (6.8, 6.8 * side)], glass, label
        )
        stand.box(2.2, 7, -13, 13, paint, label)
        stand.box(2.2, 3.2, -13, 13, RUBBER + 24, label)
        stand.box(4.6, 6.2, 11.6 * side, 13 * side, stand.lamp((255, 236, 170)), label)
        stand.box(4.6, 6.2, -13 * side, -11.8 * side, stand.lamp((214, 40, 36)), label)
        for right in (-7.8, 7.8):
            stand.wheel(right, 2.9, label)
    else:
        half, roof = stand.rng.uniform(8.5, 10), stand.rng.uniform(12.5, 15.5)
        stand.shadow(half + 3, 3)
        for right in (-half + 2, half - 2):
            stand.box(0, 3.5, right - 1.4, right + 1.4, RUBBER, label)
        stand.shape([(8, -half + 0.4), (roof, -half + 2.6), (roof, half - 2.6), (8, half - 0.4)], paint, label)
        stand.shape(
            [(8.6, -half + 2), (roof - 1.4, -half + 3.6), (roof - 1.4, half - 3.6), (8.6, half - 2)], glass, label
        )
        stand.box(2.4, 8.2, -half, half, paint, label)
        stand.box(2.4, 3.8, -half, half, RUBBER + 30, label)
        stand.box(4.2, 5.8, -2.2, 2.2, np.array([232.0, 230.0, 214.0]), label)
        for right in (-half + 1.5, half - 1.5):
            stand.box(5.2, 7.4, right - 1.5, right + 1.5, stand.lamp((224, 38, 34)), label)


def truck(stand: Stand) -> None:
    """A tall box and a cab: from the side, or from behind."""
    paint, box, label = stand.material("truck"), stand.material("truck"), LABEL["truck"]
    high = stand.rng.uniform(15.5, 20.5)
    if stand.rng.random() < 0.65:
        side = 1 if stand.rng.random() < 0.5 else -1
        stand.shadow(18, 3)
        stand.box(2.6, 9, -15 * side, 7 * side, RUBBER + 22, label)
        stand.box(4.2, high, -16 * side, 5.5 * side, box, label)
        stand.box(high - 1.2, high, -16 * side, 5.5 * side, CHROME, label)
        stand.shape(
            [(3, 6.6 * side), (15, 6.6 * side), (15, 12.2 * side), (9.2, 15.5 * side), (3, 15.5 * side)], paint, label
        )
        stand.shape([(9.4, 9 * side), (13.6, 9 * side), (13.6, 11.8 * side), (9.4, 14.2 * side)], stand.glass(), label)
        stand.box(4.2, 6, 14.2 * side, 15.5 * side, stand.lamp((255, 236, 170)), label)
        for right in (-11.5, -5, 10.8):
            stand.wheel(right * side, 3.1, label)
    else:
        half = stand.rng.uniform(9.0, 10.5)
        stand.shadow(half + 3, 3)
        for right in (-half + 2.4, half - 2.4):
            stand.box(0, 4, right - 1.8, right + 1.8, RUBBER, label)
        stand.box(3, high, -half, half, box, label)
        stand.box(high - 1.4, high, -half, half, CHROME, label)
        stand.box(5.5, high - 2.2, -0.4, 0.4, RUBBER + 40, label)
        stand.box(2.6, 4.6, -half, half, paint, label)
        for right in (-half + 1.4, half - 1.4):
            stand.box(2.8, 4.8, right - 1.2, right + 1.2, stand.lamp((224, 38, 34)), label)


SKIN: tuple[tuple[float, float, float], ...] = ((0.06, 0.30, 0.92), (0.07, 0.45, 0.74), (0.06, 0.55, 0.42))
HAIR: tuple[tuple[float, float, float], ...] = ((0.07, 0.50, 0.18), (0.06, 0.60, 0.40), (0.11, 0.45, 0.78))


def _tone(rng: np.random.Generator, tones: tuple[tuple[float, float, float], ...]) -> Colour:
    first = rgb(*tones[rng.integers(len(tones))])
    return first + rng.random() * 0.5 * (rgb(*tones[rng.integers(len(tones))]) - first)


def person(stand: Stand) -> None:
    """Head, coat or shirt, legs or skirt; some carry an umbrella."""
    rng, label = stand.rng, LABEL["person"]
    stand = stand._replace(scale=1.3 * stand.scale)
    shirt, legs, skin = stand.material("person"), stand.material("person"), _tone(rng, SKIN)
    stride, long = rng.uniform(1.0, 2.4), rng.uniform(7, 10.5)
    stand.shadow(5.5, 1.8)
    for side in (-1, 1):
        stand.shape([(0.6, side * stride - 1.1), (0.6, side * stride + 1.1), (11, 2.4), (11, -2.4)], legs, label)
        stand.box(0, 1, side * stride - 1.3, side * stride + 1.5, RUBBER, label)
    if rng.random() < 0.35:
        stand.shape([(5.5, -4), (5.5, 4), (12, 2.1), (12, -2.1)], legs, label)
    for side in (-1, 1):
        stand.shape([(9.3, side * 3.7), (9.5, side * 4.9), (16, side * 3.2), (16.6, side * 1.8)], shirt, label)
        stand.disc(9.2, side * 4.3, 0.9, skin, label)
    stand.shape([(long, -2.9), (long, 2.9), (16.6, 2.6), (16.6, -2.6)], shaded(shirt, 1.08), label)
    stand.disc(19, 0, 2.5, _tone(rng, HAIR), label, flat=1.15)
    stand.disc(18.5, 0.4 if rng.random() < 0.5 else -0.4, 2.0, skin, label)
    if rng.random() < 0.2:
        _umbrella(stand, stand.material("person"), label)


def _umbrella(stand: Stand, cloth: Paint, label: int) -> None:
    stand.box(9, 23, 3.9, 4.6, RUBBER + 40, label)
    top, left = stand.at(28, -4.5)
    bottom, right = stand.at(22, 11.5)

    def dome(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        down, beside = (y - bottom) / (bottom - top), (x - (left + right) / 2) / (right - left) * 2
        return down * down + beside * beside <= 1

    stand.canvas.fill((top, bottom, left, right), dome, cloth, label)


def tree(stand: Stand, season: float) -> None:
    """A trunk under a crown: round, tall or conical."""
    rng, label = stand.rng, LABEL["tree"]
    leaf = stand.material("tree", season + rng.uniform(-0.12, 0.12))
    kind, tall = rng.random(), rng.uniform(0.85, 1.2)
    stand.shadow(9, 2.4)
    stand.box(0, 16 * tall, -1.5, 1.5, BARK * rng.uniform(0.8, 1.4), label)
    if kind < 0.25:
        for level in range(3):
            low, half = (8 + 7 * level) * tall, 9.5 - 2.3 * level
            tier = shaded(leaf, 0.84 + 0.1 * level)
            stand.shape([(low, -half), (low, half), (low + 12 * tall, 0)], tier, label)
        return
    spread = rng.uniform(7.5, 10) if kind < 0.75 else rng.uniform(5, 6.5)
    high = 10 if kind < 0.75 else 13
    clumps = sorted((24 + rng.uniform(-0.4, 0.4) * high, rng.uniform(-0.5, 0.5) * spread) for _ in range(6))
    for number, (up, right) in enumerate(clumps):
        stand.disc(
            up * tall, right, 0.66 * spread, shaded(leaf, 0.8 + 0.06 * number), label, 0.85 * high * tall / spread
        )


def bush(stand: Stand, season: float) -> None:
    """A clipped hedge in a row or a ball: broad, low, without a trunk."""
    rng, label = stand.rng, LABEL["hedge"]
    leaf = stand.material("hedge", season + rng.uniform(-0.12, 0.12))
    half, high = rng.uniform(9, 14), rng.uniform(10, 15)
    stand.shadow(half + 2, 2.5)
    if rng.random() < 0.5:
        stand.box(0, high - 2.5, -half, half, shaded(leaf, 0.85), label)
        stand.box(high - 2.5, high, -half + 0.8, half - 0.8, shaded(leaf, 1.06), label)
    else:
        for right, light in ((-0.6, 0.86), (0.6, 0.92), (0, 1.02)):
            stand.disc(0.45 * high, right * half, 0.5 * half, shaded(leaf, light), label, flat=1.1 * high / half)
