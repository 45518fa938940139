"""A canvas for toyscapes: shapes painted into an image and its label map at once, with NumPy alone.

A scene is `EXTENT` units wide and high, whatever its resolution: one unit is one pixel of a scene of 64 x 64. y grows
downwards. A pixel belongs to a shape if its centre does. Only sums, products, quotients, comparisons and square roots
decide a pixel, so that a scene is the same bytes on every machine.
"""

from collections.abc import Callable, Sequence

import numpy as np

EXTENT = 64
"""Height and width of a scene, units."""

Colour = np.ndarray
"""(3,) float, 0 to 255."""
Brush = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A function of y (h, 1) and x (1, w), units, that returns colours (h, w, 3)."""
Paint = Colour | Brush


def fraction(values: np.ndarray) -> np.ndarray:
    """What is left of numbers above the next lower whole number: 0 to 1."""
    return values - np.floor(values)


class Noise:
    """Smooth random blotches over the whole plane, from -1 to 1: a table of random numbers, interpolated, repeated."""

    def __init__(self, rng: np.random.Generator, side: int = 32) -> None:
        self.table = rng.uniform(-1, 1, (side, side))

    def __call__(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Noise at points whose coordinates broadcast against each other; blotches are about one unit wide."""
        side = len(self.table)
        row, column = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
        down, right = y - row, x - column
        down, right = down * down * (3 - 2 * down), right * right * (3 - 2 * right)
        above = self._lerp(row % side, column, right)
        return above + down * (self._lerp((row + 1) % side, column, right) - above)

    def _lerp(self, row: np.ndarray, column: np.ndarray, right: np.ndarray) -> np.ndarray:
        side = len(self.table)
        left = self.table[row, column % side]
        return left + right * (self.table[row, (column + 1) % side] - left)


class Canvas:
    """An image (resolution, resolution, 3) float32 in 0..255 and its label map (resolution, resolution) uint8.

    Args:
        resolution: height and width, pixels.
        rng: draws the table of `noise`; not one number more at a higher resolution.
    """

    def __init__(self, resolution: int, rng: np.random.Generator) -> None:
        self.resolution = resolution
        self.centres = (np.arange(resolution) + 0.5) * EXTENT / resolution
        self.noise = Noise(rng)
        self.image = np.zeros((resolution, resolution, 3), dtype=np.float32)
        self.label = np.zeros((resolution, resolution), dtype=np.uint8)

    def window(self, top: float, bottom: float, left: float, right: float) -> tuple[slice, slice]:
        """Rows and columns of the pixels whose centres lie in a box, given in units; perhaps none."""
        rows, columns = np.searchsorted(self.centres, (top, bottom)), np.searchsorted(self.centres, (left, right))
        return slice(*rows), slice(*columns)

    def fill(
        self,
        box: tuple[float, float, float, float],
        inside: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
        paint: Paint,
        label: int | None,
    ) -> None:
        """Paint the pixels of a box.

        Args:
            box: top, bottom, left, right, units.
            inside: function of y (h, 1) and x (1, w) that says which pixels (h, w); None: all.
            paint: of the shape.
            label: its class; None keeps the labels.
        """
        window = self.window(*box)
        y, x = self.centres[window[0]][:, None], self.centres[window[1]][None]
        if not y.size or not x.size:
            return
        where = slice(None) if inside is None else inside(y, x)
        colours = paint(y, x) if callable(paint) else paint
        image = self.image[window]
        image[where] = np.broadcast_to(colours, image.shape)[where]
        if label is not None:
            self.label[window][where] = label

    def rectangle(self, top: float, bottom: float, left: float, right: float, paint: Paint, label: int | None) -> None:
        """An axis-parallel rectangle; label None keeps the labels."""
        self.fill((top, bottom, left, right), None, paint, label)

    def ellipse(self, y: float, x: float, radius_y: float, radius_x: float, paint: Paint, label: int | None) -> None:
        """A filled ellipse around (y, x)."""

        def inside(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            down, right = (rows - y) / radius_y, (columns - x) / radius_x
            return down * down + right * right <= 1

        self.fill((y - radius_y, y + radius_y, x - radius_x, x + radius_x), inside, paint, label)

    def polygon(self, corners: Sequence[tuple[float, float]], paint: Paint, label: int | None) -> None:
        """A convex polygon with corners (y, x), in either sense of rotation."""
        ys, xs = zip(*corners, strict=True)

        def inside(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            sides = [
                (columns - x0) * (y1 - y0) - (rows - y0) * (x1 - x0)
                for (y0, x0), (y1, x1) in zip(corners, [*corners[1:], corners[0]], strict=True)
            ]
            return np.all([side >= 0 for side in sides], axis=0) | np.all([side <= 0 for side in sides], axis=0)

        self.fill((min(ys), max(ys), min(xs), max(xs)), inside, paint, label)

    def shadow(self, y: float, x: float, radius_y: float, radius_x: float, keep: float = 0.6) -> None:
        """Darken an ellipse, softly towards its edge, to `keep` of its brightness in the middle."""
        window = self.window(y - radius_y, y + radius_y, x - radius_x, x + radius_x)
        down = (self.centres[window[0]][:, None] - y) / radius_y
        right = (self.centres[window[1]][None] - x) / radius_x
        depth = np.maximum(0, 1 - down * down - right * right)
        self.image[window] *= (1 - (1 - keep) * np.minimum(1, 2 * depth))[..., None].astype(np.float32)

    def finish(self, gain: np.ndarray, unlit: int, grain: np.random.Generator, strength: float = 5) -> np.ndarray:
        """Light the scene and return (resolution, resolution, 3) uint8.

        Args:
            gain: (3,) factor of each channel, the light's colour.
            unlit: label that keeps its colours, the sky.
            grain: draws the sensor's noise, one number a pixel and channel.
            strength: greatest deviation of that noise.
        """
        lit = np.where((self.label == unlit)[..., None], np.float32(1), gain.astype(np.float32))
        noise = grain.random(self.image.shape, dtype=np.float32) - np.float32(0.5)
        return np.clip(self.image * lit + noise * np.float32(2 * strength) + np.float32(0.5), 0, 255).astype(np.uint8)
