"""Figures of the chapter on a reader's own network and images: predictions laid over the images."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from reco_book.figures.style import share_right
from reco_core.analysis.inference import overlay
from reco_core.analysis.plots import Palette, class_legend, new_figure, show_image


def overlays(
    images: Sequence[Tensor],
    truths: Sequence[Tensor],
    predictions: Sequence[Tensor],
    classes: Sequence[str],
    palette: Palette,
    opacity: float = 0.55,
) -> Figure:
    """Images, and laid over them the truth and the prediction in the classes' colours, one column an image.

    Below each prediction stands the share of its labelled pixels that are right.

    Args:
        images: (3, H, W) in [0, 1].
        truths, predictions: (H, W) class indices.
        classes, palette: names and colours.
        opacity: of the colours.
    """
    height, width = images[0].shape[-2:]
    figure = new_figure(2.3 * len(images), 6.9 * height / width + 1.1)
    grid = figure.subplots(3, len(images), squeeze=False)
    for column, (image, truth, predicted) in enumerate(zip(images, truths, predictions, strict=True)):
        show_image(grid[0, column], image)
        for row, labels in ((1, truth), (2, predicted)):
            show_image(grid[row, column], overlay(image, labels, palette, opacity))
        share_right(grid[2, column], predicted, truth)
    for axes, name in zip(grid[:, 0], ("image", "truth", "prediction"), strict=True):
        axes.set_ylabel(name)
    class_legend(figure, classes, palette, columns=min(7, len(classes)))
    return figure
