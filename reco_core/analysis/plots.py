"""Pictures of images and labels, drawn with Matplotlib on white; class colours never change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from torch import Tensor

from reco_core.analysis import Linkage
from reco_core.analysis.relations import ClassRelations, grow
from reco_core.errors import InputError
from reco_core.files import atomic_write

Palette = Sequence[Sequence[int]]
"""The colour of each class, 0 to 255."""


def new_figure(width: float = 7.0, height: float = 3.5) -> Figure:
    """An empty figure of the given size, inches, drawn on white and laid out without overlaps."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save_figure(figure: Figure, path: Path, **options: Any) -> None:
    """Write a figure, whole or not at all, in the format that the name ends with.

    Raises:
        InputError: an ending that is no picture's, or a place that cannot be written to.
    """
    kind = Path(path).suffix[1:].lower()
    if kind not in figure.canvas.get_supported_filetypes():
        raise InputError(f"{path}: not a picture's name; let it end in .png, .svg or .pdf")
    atomic_write(path, lambda file: figure.savefig(file, format=kind, **options))


def hide_axes(axes: Axes) -> None:
    """Leave only the picture: images need no axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def rgb(colour: Sequence[int]) -> tuple[float, float, float]:
    """A palette's colour for Matplotlib."""
    return colour[0] / 255, colour[1] / 255, colour[2] / 255


def colour_labels(labels: Tensor, palette: Palette) -> np.ndarray:
    """(H, W) class indices -> (H, W, 3) uint8; 255 (ignore) is white."""
    table = np.full((256, 3), 255, dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    return table[np.asarray(labels, dtype=np.uint8)]


def show_image(axes: Axes, image: Tensor, title: str = "") -> None:
    """Draw an image (3, H, W) in [0, 1]."""
    show_pixels(axes, image.clamp(0, 1).permute(1, 2, 0).cpu().numpy(), title)


def show_labels(axes: Axes, labels: Tensor, palette: Palette, title: str = "") -> None:
    """Draw a label map (H, W) in the data set's colours."""
    show_pixels(axes, colour_labels(labels.cpu(), palette), title)


def show_pixels(axes: Axes, picture: np.ndarray, title: str = "", **options: Any) -> AxesImage:
    """Draw a picture (H, W, 3) or numbers (H, W), pixel by pixel, with Matplotlib's options for an image."""
    shown = axes.imshow(picture, interpolation="nearest", **options)
    axes.set_title(title)
    hide_axes(axes)
    return shown


def class_legend(
    figure: Figure,
    classes: Sequence[str],
    palette: Palette,
    columns: int = 7,
    ignored: bool = False,
    shown: Sequence[Tensor] | None = None,
) -> None:
    """A legend of class colours below the figure.

    Args:
        figure: to draw on.
        classes, palette: names and colours.
        columns: of the legend.
        ignored: white for the label 255 is named too.
        shown: label maps; classes that none of them shows are left out.
    """
    found = range(len(classes)) if shown is None else {int(index) for part in shown for index in part.unique()}
    entries = [
        Patch(facecolor=rgb(colour), edgecolor="#999999", label=name)
        for index, (name, colour) in enumerate(zip(classes, palette, strict=True))
        if index in found
    ]
    if ignored:
        entries.append(Patch(facecolor="white", edgecolor="#999999", label="ignored (255)"))
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, fontsize=8, handlelength=1.2)


def clustered_graph(
    relations: ClassRelations, where: str, method: Linkage = "average", distance: str = "cosine"
) -> Figure:
    """A relation graph as a heat map, its classes ordered by the tree that is grown from it (Fig. 8).

    Args:
        relations: of a network.
        where: "Z" or "R".
        method, distance: of `relations.grow`.
    """
    import seaborn  # takes seconds, and no other picture of the library needs it
    from matplotlib import pyplot

    tree, side = grow(relations.graphs[where], method, distance), 3.2 + 0.19 * len(relations.classes)
    grid = seaborn.clustermap(
        relations.graphs[where], row_linkage=tree, col_linkage=tree, cmap="cividis", vmax=1,
        xticklabels=relations.classes, yticklabels=relations.classes, figsize=(side, side), dendrogram_ratio=0.16,
        cbar_pos=(0.02, 0.86, 0.025, 0.11),
    )  # fmt: skip
    grid.ax_heatmap.tick_params(labelsize=9, length=0)
    if grid.ax_cbar is not None:
        grid.ax_cbar.set_ylabel(f"cosine at {where}", fontsize=8)
        grid.ax_cbar.tick_params(labelsize=8)
    pyplot.close(grid.figure)  # whoever called may draw it; nobody else will
    return grid.figure
