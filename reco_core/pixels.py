"""Between the resolution of the images and that of the network (Section 3.2 and the published experiments)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from reco_core import IGNORE_INDEX


def enlarge(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of logits (B, C, h, w) to (B, C, *size), corners aligned (published experiments)."""
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=True)


def reduce_labels(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Nearest-neighbour reduction of labels (B, H, W) to the representation's size (B, h, w) (published experiments).

    Corners are not aligned, unlike in `enlarge`: at a crop of 321 the two drift apart by up to 3 pixels.
    """
    return F.interpolate(labels[:, None].float(), size=tuple(size), mode="nearest")[:, 0].long()


@torch.no_grad()
def label_confidence(logits: Tensor, labels: Tensor) -> Tensor:
    """The probability that the network gives each pixel's own label: the y_q of Eq. 4, without gradient.

    Args:
        logits: (B, C, h, w).
        labels: (B, h, w) int64, true labels or pseudo-labels, 255 = none.

    Returns:
        (B, h, w) float32; meaningless where the label is 255.
    """
    index = labels.masked_fill(labels == IGNORE_INDEX, 0)
    return logits.float().softmax(dim=1).gather(1, index[:, None])[:, 0]
