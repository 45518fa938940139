"""toyscapes: procedurally drawn street scenes with a planted class tree; no download, the same bytes everywhere.

A teaching instrument, not a benchmark. Sixteen classes, named after those of Cityscapes, inherit their appearance down
`CLASS_TREE`: siblings share colours and textures and differ in shape and parts, as a truck and a bus do. So the true
answer to "which classes are alike?" is known. Class shares are long-tailed, light and colours change with every scene.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reco_core.datasets.base import SegmentationDataset, Size
from reco_core.datasets.toyscapes.scene import draw_scene
from reco_core.datasets.toyscapes.tree import CLASSES, PALETTE
from reco_core.errors import InputError

SIDE = 128
"""Height and width of a scene, pixels."""
SPLITS = {"train": (0, 500), "val": (1, 100), "test": (2, 200)}
"""Split -> (its number in the seed, number of scenes)."""


def render(seed: int, split: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Scene `index` of a split: image (128, 128, 3) uint8 and label (128, 128) uint8."""
    sequence = np.random.SeedSequence([seed, SPLITS[split][0], index])
    return draw_scene(np.random.default_rng(sequence), SIDE)


class ToyScapes(SegmentationDataset):
    """Scenes drawn when they are asked for.

    Args:
        root: unused; the other data sets have one.
        split: train (500 scenes), val (100) or test (200).
        size: resize to (H, W); None keeps 128 x 128.
        length: number of scenes, if fewer or more are wanted; scene i stays the same.
        seed: of the whole world of scenes.
    """

    name, classes, palette = "toyscapes", CLASSES, PALETTE

    def __init__(
        self,
        root: str | Path | None = None,
        split: str = "train",
        size: Size | None = None,
        length: int | None = None,
        seed: int = 0,
    ) -> None:
        if split not in SPLITS:
            raise InputError(f"toyscapes has no split {split!r}; it has {', '.join(SPLITS)}")
        if length is not None and length < 1:
            raise InputError(f"toyscapes: length {length} is not a number of scenes; ask for 1 or more")
        self.split, self.size, self.seed = split, size, seed
        self.names = [f"{split}{index:05d}" for index in range(length or SPLITS[split][1])]

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (3, H, W) uint8 and label (H, W) int64."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        image, label = render(self.seed, self.split, index)
        return self.resized(torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(label).long())
