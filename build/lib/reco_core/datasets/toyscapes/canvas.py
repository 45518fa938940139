"""A small canvas for toyscapes: shapes painted into an image and its label map at once, with NumPy alone.

Only additions, products and comparisons decide a pixel, so that a scene is the same bytes on every machine.
Coordinates are pixels, y downwards; a shape's part outside the canvas is cut off.
"""

import numpy as np

Colour = np.ndarray
"""(3,) float, 0 to 255."""


class Canvas:
    """An image (side, side, 3) float32 in 0..255 and its label map (side, side) uint8."""

    def __init__(self, side: int, rng: np.random.Generator) -> None:
        self.side, self.rng = side, rng
        self.image = np.zeros((side, side, 3), dtype=np.float32)
        self.label = np.zeros((side, side), dtype=np.uint8)

    def _window(self, top: float, bottom: float, left: float, right: float) -> tuple[slice, slice] | None:
        top, bottom, left, right = (int(np.floor(value + 0.5)) for value in (top, bottom, left, right))
        rows = slice(max(0, top), min(self.side, max(bottom, top + 1)))
        columns = slice(max(0, left), min(self.side, max(right, left + 1)))
        return None if rows.start >= rows.stop or columns.start >= columns.stop else (rows, columns)

    def _paint(
        self, window: tuple[slice, slice], mask: np.ndarray | None, colour: Colour, label: int | None, grain: float
    ) -> None:
        image, labels = self.image[window], self.label[window]
        paint: np.ndarray = np.broadcast_to(np.asarray(colour, dtype=np.float32), image.shape)
        if grain:
            paint = paint + grain * self.rng.integers(-8, 9, image.shape[:2])[..., None].astype(np.float32) / 8
        if mask is None:
            image[...] = paint
        else:
            image[mask] = paint[mask]
        if label is not None:
            if mask is None:
                labels[...] = label
            else:
                labels[mask] = label

    def rectangle(
        self, top: float, bottom: float, left: float, right: float, colour: Colour, label: int | None, grain: float = 3
    ) -> None:
        """An axis-parallel rectangle, at least one pixel wide and high; label None keeps the labels."""
        window = self._window(top, bottom, left, right)
        if window is not None:
            self._paint(window, None, colour, label, grain)

    def ellipse(
        self, y: float, x: float, radius_y: float, radius_x: float, colour: Colour, label: int | None, grain: float = 3
    ) -> None:
        """A filled ellipse around (y, x)."""
        window = self._window(y - radius_y, y + radius_y, x - radius_x, x + radius_x)
        if window is not None:
            rows = np.arange(window[0].start, window[0].stop)[:, None] + 0.5 - y
            columns = np.arange(window[1].start, window[1].stop)[None] + 0.5 - x
            inside = (rows / max(radius_y, 0.5)) ** 2 + (columns / max(radius_x, 0.5)) ** 2 <= 1
            self._paint(window, inside, colour, label, grain)

    def ring(self, y: float, x: float, radius: float, width: float, colour: Colour, label: int | None) -> None:
        """A circle's outline of the given width: a wheel without spokes."""
        window = self._window(y - radius, y + radius, x - radius, x + radius)
        if window is not None:
            rows = np.arange(window[0].start, window[0].stop)[:, None] + 0.5 - y
            columns = np.arange(window[1].start, window[1].stop)[None] + 0.5 - x
            distance = rows**2 + columns**2
            inside = (distance <= radius**2) & (distance >= max(radius - width, 0) ** 2)
            self._paint(window, inside, colour, label, 2)

    def trapezoid(
        self,
        top: float,
        bottom: float,
        edges_top: tuple[float, float],
        edges_bottom: tuple[float, float],
        colour: Colour,
        label: int | None,
        grain: float = 3,
    ) -> None:
        """The area between two straight edges, given by their x at the top and at the bottom."""
        left = min(edges_top[0], edges_bottom[0])
        right = max(edges_top[1], edges_bottom[1])
        window = self._window(top, bottom, left, right)
        if window is not None:
            share = (np.arange(window[0].start, window[0].stop)[:, None] + 0.5 - top) / max(bottom - top, 1)
            columns = np.arange(window[1].start, window[1].stop)[None] + 0.5
            from_left = edges_top[0] + share * (edges_bottom[0] - edges_top[0])
            to_right = edges_top[1] + share * (edges_bottom[1] - edges_top[1])
            self._paint(window, (columns >= from_left) & (columns <= to_right), colour, label, grain)

    def blotches(self, label: int, size: int, strength: float) -> None:
        """Shade the pixels of a label by coarse random blotches, `size` pixels wide."""
        cells = -(-self.side // size)
        coarse = self.rng.integers(-8, 9, (cells, cells)).astype(np.float32) * (strength / 8)
        shade = np.repeat(np.repeat(coarse, size, axis=0), size, axis=1)[: self.side, : self.side]
        self.image += np.where(self.label == label, shade, 0)[..., None]

    def finish(self, gain: np.ndarray, fade: float, noise: int) -> np.ndarray:
        """Light the scene and return (side, side, 3) uint8.

        Args:
            gain: (3,) factor of each channel, the light's colour.
            fade: brightness lost from the top of the image to its bottom, as a share.
            noise: greatest deviation of the sensor's noise.
        """
        slope = 1 - fade * np.arange(self.side, dtype=np.float32)[:, None, None] / self.side
        grain = self.rng.integers(-noise, noise + 1, self.image.shape).astype(np.float32)
        return np.clip(self.image * gain.astype(np.float32) * slope + grain + 0.5, 0, 255).astype(np.uint8)
