"""Figures of partial labels: Fig. 4 (how much is labelled) and Fig. 6 (where two methods differ)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import ndimage
from torch import Tensor

from reco_book.figures.style import COLOURS, maps_beside_images
from reco_core import IGNORE_INDEX
from reco_core.analysis.plots import Palette, class_legend, colour_labels, hide_axes, new_figure, rgb


def labels_over(axes: Axes, image: Tensor, labels: Tensor, palette: Palette) -> None:
    """Labels in full colour over a pale, grey image; what has no label stays grey. Single pixels get a ring."""
    grey = 0.55 + 0.45 * image.mean(dim=0, keepdim=True).expand(3, -1, -1).permute(1, 2, 0).numpy()
    known = (labels != IGNORE_INDEX).numpy()
    axes.imshow(np.where(known[..., None], colour_labels(labels, palette) / 255, grey), interpolation="nearest")
    hide_axes(axes)
    for value in np.unique(labels[labels != IGNORE_INDEX]):
        rows, columns = np.nonzero((labels == value).numpy())
        if len(rows) == 1:
            ring = {"markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.8}
            axes.plot(columns, rows, "o", color=rgb(palette[value]), **ring)


def shares_of_labels(
    image: Tensor,
    labels: Mapping[str, Tensor],
    classes: Sequence[str],
    palette: Palette,
    zoom: tuple[int, int, int],
) -> Figure:
    """One image with more and more labels (Fig. 4), each above an enlarged window.

    Args:
        image: (3, H, W) in [0, 1].
        labels: title -> (H, W).
        classes, palette: names and colours.
        zoom: top, left and side of the window, pixels.
    """
    top, left, side = zoom
    figure = new_figure(2.0 * len(labels), 4.9)
    grid = figure.subplots(2, len(labels), squeeze=False)
    window = (slice(top, top + side), slice(left, left + side))
    for column, (title, shown) in enumerate(labels.items()):
        labels_over(grid[0, column], image, shown, palette)
        grid[0, column].set_title(title)
        frame = {"fill": False, "edgecolor": COLOURS["ink"], "linewidth": 1.2}
        grid[0, column].add_patch(Rectangle((left - 0.5, top - 0.5), side, side, **frame))
        labels_over(grid[1, column], image[(slice(None), *window)], shown[window], palette)
    class_legend(figure, classes, palette, columns=6)
    return figure


def differing_regions(
    truth: Tensor, first: Tensor, second: Tensor, count: int = 2
) -> list[tuple[int, int, int, int, bool]]:
    """The largest connected regions where exactly one of two predictions is right.

    Args:
        truth, first, second: (H, W).
        count: most regions for each of the two.

    Returns:
        top, left, height, width, and whether it is the second that is right.
    """
    valid = (truth != IGNORE_INDEX).numpy()
    right = [((prediction == truth).numpy()) & valid for prediction in (first, second)]
    boxes = []
    for second_right in (True, False):
        only = right[second_right] & ~right[not second_right]
        parts, number = ndimage.label(only)
        sizes = ndimage.sum_labels(only, parts, range(1, number + 1))
        for place in np.argsort(-np.atleast_1d(sizes))[:count] if number else []:
            rows, columns = ndimage.find_objects(parts)[place]
            size = rows.stop - rows.start, columns.stop - columns.start
            boxes.append((rows.start, columns.start, *size, second_right))
    return boxes


def marked_predictions(
    images: Sequence[Tensor],
    truths: Sequence[Tensor],
    predictions: Mapping[str, Sequence[Tensor]],
    classes: Sequence[str],
    palette: Palette,
) -> Figure:
    """Image, truth and two methods (Fig. 6); the largest regions where one alone is right are marked by computation.

    Args:
        images, truths: (3, H, W) and (H, W) each.
        predictions: two methods -> (H, W) each; solid boxes: the second is right, dashed boxes: the first.
        classes, palette: names and colours.
    """
    figure, grid = maps_beside_images(images, {"truth": truths, **predictions}, classes, palette, columns=6)
    for panels, truth, *pair in zip(grid[:, 1:], truths, *predictions.values(), strict=True):
        for top, left, height, width, second_right in differing_regions(truth, *pair):
            look = {"fill": False, "edgecolor": "white", "linewidth": 1.6, "linestyle": "-" if second_right else "--"}
            for axes in panels:
                axes.add_patch(Rectangle((left - 1.5, top - 1.5), width + 2, height + 2, **look))
    return figure
