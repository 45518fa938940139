"""toyscapes: procedurally drawn street scenes with a planted class tree; no download, the same bytes everywhere.

A teaching instrument, not a benchmark. Ten classes, eight of them in pairs of siblings: a wall is built of what a
building is built of, a hedge grows what a tree grows, a truck wears a car's paint. Siblings differ in shape and parts;
colour and texture, drawn from one continuous range for every scene and every thing, do not. So a few
labelled scenes cannot show what all look like, and the true answer to "which classes are alike?" is `CLASS_TREE`.
"""

import functools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reco_core.datasets.base import SegmentationDataset, Size
from reco_core.datasets.toyscapes.scene import draw_scene
from reco_core.datasets.toyscapes.tree import CLASS_TREE, CLASSES, PALETTE, Tree
from reco_core.errors import InputError

__all__ = ["CLASSES", "CLASS_TREE", "PALETTE", "RESOLUTION", "SPLITS", "WORLD", "ToyScapes", "Tree", "render"]

RESOLUTION = 64
"""Height and width at which a scene is drawn unless asked otherwise, pixels."""
SPLITS = {"train": (0, 2000), "val": (1, 100), "test": (2, 1000)}
"""Split -> (its number in the seed, number of scenes)."""
WORLD = 1
"""Seed of the scenes; those of world 0 were looked at while the drawing was tuned, but for its last colours."""


def render(seed: int, split: str, index: int, resolution: int = RESOLUTION) -> tuple[np.ndarray, np.ndarray]:
    """Scene `index` of a split: image (resolution, resolution, 3) uint8 and label (resolution, resolution) uint8.

    The scene is the same at any resolution; only the sensor's grain is finer in a larger image.
    """
    scene, grain = np.random.SeedSequence([seed, SPLITS[split][0], index]).spawn(2)
    return draw_scene(np.random.default_rng(scene), np.random.default_rng(grain), resolution)


@functools.lru_cache(maxsize=4096)
def _kept(seed: int, split: str, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Drawn once a process: runs that follow each other share their scenes; those of `RESOLUTION` take 16 kB each."""
    return render(seed, split, index, resolution)


class ToyScapes(SegmentationDataset):
    """Scenes drawn when they are asked for.

    Args:
        root: unused; the other data sets have one.
        split: train (2,000 scenes), val (100) or test (1,000).
        size: resize to (H, W); None keeps what was drawn.
        length: number of scenes, if fewer or more are wanted; scene i stays the same.
        seed: of the whole world of scenes.
        resolution: height and width at which a scene is drawn, pixels.

    Raises:
        InputError: for an unknown split, or a length or resolution with which nothing can be drawn.
    """

    name, classes, palette = "toyscapes", CLASSES, PALETTE

    def __init__(
        self,
        root: str | Path | None = None,
        split: str = "train",
        size: Size | None = None,
        length: int | None = None,
        seed: int = WORLD,
        resolution: int = RESOLUTION,
    ) -> None:
        if split not in SPLITS:
            raise InputError(f"toyscapes has no split {split!r}; it has {', '.join(SPLITS)}")
        if length is not None and length < 1:
            raise InputError(f"toyscapes: length {length} is not a number of scenes; ask for 1 or more")
        if not 16 <= resolution <= 4096:
            raise InputError(f"toyscapes: resolution {resolution} cannot be drawn; ask for 16 to 4096 pixels")
        self.split, self.size, self.seed, self.resolution = split, size, seed, resolution
        self.names = [f"{split}{index:05d}" for index in range(length or SPLITS[split][1])]

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (3, H, W) uint8 and label (H, W) int64."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        draw = _kept if self.resolution <= RESOLUTION else render
        image, label = draw(self.seed, self.split, index, self.resolution)
        return self.resized(torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(label).long())
