"""How good predictions are near boundaries (the paper's claim of sharper boundaries, Sections 1 and 4.1, measured).

Trimap IoU: mean IoU over the pixels that lie within some width of a boundary between two classes of the truth
(Kohli et al., 2009). Boundary IoU: each class's IoU between the inner rims of truth and prediction (Cheng et al.,
2021).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.ndimage import distance_transform_cdt
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.augment import enlarge
from reco_core.evaluation import Scores, confusion_matrix, outputs


def highest_around(values: Tensor, width: int) -> Tensor:
    """The highest value at most `width` rows and columns away, (B, H, W) -> (B, H, W): rows first, then columns."""
    size = 2 * width + 1
    rows = F.max_pool2d(values[:, None], (size, 1), stride=1, padding=(width, 0))
    return F.max_pool2d(rows, (1, size), stride=1, padding=(0, width))[:, 0]


def boundary_band(labels: Tensor, width: int) -> Tensor:
    """(B, H, W) bool: valid pixels with a pixel of another class at most `width` rows and columns away.

    Args:
        labels: (B, H, W) int64; the label 255 is no class and makes no boundary.
        width: pixels.
    """
    valid = labels != IGNORE_INDEX
    values = labels.float()
    highest = highest_around(values.masked_fill(~valid, -1.0), width)
    lowest = -highest_around((-values).masked_fill(~valid, -1e4), width)
    return (highest != lowest) & valid


def depth(region: Tensor) -> Tensor:
    """(B, H, W) bool -> int32: rows or columns, the larger, from each pixel of a region to the nearest outside.

    0 outside; -1 where an image has no outside, for the image's edge is no boundary.
    """
    return torch.from_numpy(np.stack([distance_transform_cdt(one, metric="chessboard") for one in region.numpy()]))


def inner_rim(depths: Tensor, width: int) -> Tensor:
    """Pixels of a region at most `width` rows and columns from its outside: (B, H, W) bool from its `depth`."""
    return (depths > 0) & (depths <= width)


def boundary_scores(
    network: nn.Module, data: Any, widths: Sequence[int] = (1, 2, 4, 8), device: torch.device | str = "cpu"
) -> dict[str, dict[int, float]]:
    """Trimap IoU, the IoU of the interior and Boundary IoU, mean over classes, for several widths.

    Returns:
        "trimap", "interior" and "boundary" -> width in pixels -> mean IoU; NaN where no class has such a pixel.
    """
    count = data.num_classes
    near, far = ({width: torch.zeros(count, count, dtype=torch.int64) for width in widths} for _ in range(2))
    overlap = {width: torch.zeros(2, count, dtype=torch.float64) for width in widths}
    for output, labels in outputs(network, data, batch_size=1, device=device):
        found, truth = enlarge(output.logits, labels.shape[-2:]).argmax(dim=1).cpu(), labels.cpu()
        for width in widths:
            band = boundary_band(truth, width)
            near[width] += confusion_matrix(truth[band], found[band], count)
            far[width] += confusion_matrix(truth[~band], found[~band], count)
        for width, parts in _rims(truth, found, count, widths).items():
            overlap[width] += parts
    rims = {width: parts[0] / parts[1] for width, parts in overlap.items()}
    return {
        "trimap": {width: Scores(pairs).miou for width, pairs in near.items()},
        "interior": {width: Scores(pairs).miou for width, pairs in far.items()},
        "boundary": {width: values.nanmean().item() for width, values in rims.items()},
    }


def _rims(truth: Tensor, found: Tensor, num_classes: int, widths: Sequence[int]) -> dict[int, Tensor]:
    """For each width (2, C): pixels in both rims, and in either, for each class of one image."""
    valid = truth != IGNORE_INDEX
    found = torch.where(valid, found, IGNORE_INDEX)
    result = {width: torch.zeros(2, num_classes, dtype=torch.float64) for width in widths}
    for value in torch.unique(torch.cat([truth[valid], found[valid]])).tolist():
        true, predicted = depth(truth == value), depth(found == value)  # once: the widths only cut them off
        for width in widths:
            true_rim, predicted_rim = inner_rim(true, width), inner_rim(predicted, width)
            both, either = true_rim & predicted_rim, true_rim | predicted_rim
            result[width][:, value] += torch.stack([both.sum(), either.sum()])
    return result
