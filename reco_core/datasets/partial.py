"""Partial labels, full data set (Section 4.2, Fig. 4): a few pixels of each class in every image.

Each class of an image starts from one random pixel, which a 5 x 5 square dilates until it covers the share asked for.
The pixel depends on the seed and the image's name alone, so that a larger share contains the smaller ones.
"""

from typing import Any

import torch
from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import SegmentationDataset
from reco_core.seeding import stream_generator

SHARES = {"1px": 0.0, "1%": 0.01, "5%": 0.05, "25%": 0.25}
"""Names of Table 3's columns -> share of each class's pixels."""


def partial_label(label: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Keep so many pixels of each class and ignore the others.

    The region grows over the class's boundary and is cut back to the class at the end (published experiments), so that
    the last dilation may exceed the share; by no more than one dilation.

    Args:
        label: (H, W) int64, 255 = ignore.
        share: of the class's pixels; 0 keeps a single pixel.
        generator: draws the first pixels.

    Returns:
        (H, W) int64: the label where it is kept, 255 elsewhere.

    Raises:
        ValueError: a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
    kept = torch.full_like(label, IGNORE_INDEX)
    for value in torch.unique(label).tolist():
        if value == IGNORE_INDEX:
            continue
        rows, columns = (label == value).nonzero().unbind(1)
        first = torch.randint(len(rows), (), generator=generator)
        # k dilations of one pixel by a 5 x 5 square are a square that reaches 2 k pixels to every side.
        reach = torch.maximum((rows - rows[first]).abs(), (columns - columns[first]).abs())
        dilations = (reach + 1) // 2
        covered = torch.bincount(dilations).cumsum(0)
        enough = int((covered < share * len(rows)).sum())
        chosen = dilations <= enough if share > 0 else reach == 0
        kept[rows[chosen], columns[chosen]] = value
    return kept


class PartialLabels(SegmentationDataset):
    """A data set whose labels are partial; the same pixels each time.

    Args:
        data: a data set with full labels.
        share: a name of `SHARES`.
        seed: of the run.
    """

    def __init__(self, data: Any, share: str, seed: int) -> None:
        self.data, self.share, self.seed = data, SHARES[share], seed
        self.name, self.split, self.names = data.name, data.split, data.names
        self.classes, self.palette = data.classes, data.palette

    def has_label(self, index: int) -> bool:
        """Whether image `index` has a mask."""
        return self.data.has_label(index)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, label = self.data[index]
        generator = stream_generator(self.seed, "partial labels", self.names[index])
        return image, partial_label(label, self.share, generator)


def fill_with_predictions(logits: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Where there is no label, the student's own prediction if it is sure enough (published experiments).

    Args:
        logits: (B, C, h, w).
        labels: (B, h, w) int64, 255 = none.
        threshold: least confidence of a prediction (delta_s).
    """
    confidence, predicted = logits.detach().float().softmax(dim=1).max(dim=1)
    return torch.where((labels == IGNORE_INDEX) & (confidence >= threshold), predicted, labels)
