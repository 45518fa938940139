"""The street of a scene: its ground plane, and surfaces that stand upright on it.

World lengths are units at the bottom edge: what stands at nearness 1 is drawn as large as it is, at nearness 0.5 half
as large and, along the street, twice as far away. `across` counts from the middle of the street, `up` from the ground.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reco_core.datasets.toyscapes.canvas import EXTENT, Canvas, Colour
from reco_core.datasets.toyscapes.styles import Light, Style, draw_style

FOCAL = 34.0
"""Distance at which nearness is 1: distance = FOCAL / nearness."""
FARTHEST, NEAREST = 0.21, 1.25
"""Nearness between which the rows of houses stand; the street ends at a row across it."""


@dataclass(frozen=True)
class Street:
    """The ground plane, and who draws."""

    canvas: Canvas
    rng: np.random.Generator
    light: Light
    horizon: float
    vanish: float
    """x of the vanishing point."""
    road: float
    """Half the road's width."""
    walk: float
    """The pavement's width, from the road to the houses."""
    season: float
    """Where on foliage's path the scene's plants are."""

    def ground(self, near: float) -> float:
        """y of the ground; near: 0 at the horizon, 1 at the bottom edge."""
        return self.horizon + near * (EXTENT - self.horizon)

    def style(self, name: str) -> Style:
        """A new style of a class."""
        return draw_style(self.rng, name, self.canvas.noise)

    def hazy(self, colours: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Blend colours (h, w, 3) towards the horizon's; near broadcasts to (h, w)."""
        share = np.clip(0.34 - 0.8 * near, 0, 0.3) * np.ones(colours.shape[:2])
        return colours + share[..., None] * (self.light.horizon / self.light.gain - colours)


Surface = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From up (h, w), distance (1, w) and nearness (1, w) to colours (h, w, 3) and which pixels (h, w) belong to it."""


def upright(
    street: Street, side: int, across: float, begin: float, end: float, high: float, surface: Surface, label: int
) -> None:
    """A surface that stands along the street, `across` from its middle, between two distances, up to `high`."""
    canvas = street.canvas
    edges = [street.vanish + side * across * FOCAL / distance for distance in (begin, end)]
    tops = [street.ground(FOCAL / distance) - high * FOCAL / distance for distance in (begin, end)]
    bottom = max(street.ground(FOCAL / distance) for distance in (begin, end))
    rows, columns = canvas.window(min(tops), bottom, min(edges), max(edges))
    y, x = canvas.centres[rows][:, None], canvas.centres[columns][None]
    if not y.size or not x.size:
        return
    near = (x - street.vanish) * side / across
    up = (street.horizon - y) / near + (EXTENT - street.horizon)
    colours, inside = surface(up, FOCAL / near, near)
    inside = inside & (up >= 0)
    colours = street.hazy(colours, near)
    canvas.image[rows, columns][inside] = colours[inside]
    canvas.label[rows, columns][inside] = label


def end_face(
    street: Street, side: int, across: float, wide: float, begin: float, high: float, paint: Colour | Style, label: int
) -> None:
    """The face that an upright thing turns to the camera."""
    near = FOCAL / begin
    y, x = street.ground(near), street.vanish + side * across * near
    left, right = sorted((x, x + side * wide * near))
    brush = paint.brush(y, x, near) if isinstance(paint, Style) else paint
    street.canvas.rectangle(y - high * near, y, left, right, brush, label)
