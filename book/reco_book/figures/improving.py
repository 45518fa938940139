"""The picture of the first page: what a network says while it learns."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from torch import Tensor

from reco_core.analysis.plots import class_legend, new_figure, show_image, show_labels


def improving(
    images: Sequence[Tensor],
    truths: Sequence[Tensor],
    snapshots: Mapping[int, Sequence[Tensor]],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> Figure:
    """What one network says of the same images as it learns, one row an image, with the share of right pixels.

    Args:
        images, truths: (3, H, W) in [0, 1] and (H, W).
        snapshots: training step -> a prediction (H, W) of each image.
        classes, palette: names and colours.
    """
    columns = 2 + len(snapshots)
    figure = new_figure(1.55 * columns, 1.72 * len(images) + 0.75)
    grid = figure.subplots(len(images), columns, squeeze=False)
    for row, (image, truth) in enumerate(zip(images, truths, strict=True)):
        show_image(grid[row, 0], image, "image" if row == 0 else "")
        for axes, (step, outputs) in zip(grid[row, 1:-1], snapshots.items(), strict=True):
            show_labels(axes, outputs[row], palette, f"step {step:,}" if row == 0 else "")
            right = (outputs[row] == truth)[truth != 255].float().mean().item()
            axes.set_xlabel(f"{100 * right:.0f} % right", fontsize=8)
        show_labels(grid[row, -1], truth, palette, "truth" if row == 0 else "")
    class_legend(figure, classes, palette, columns=8)
    return figure
