"""Figures of the first chapter: masks, the planted tree, mean IoU, labelled splits, Table 1 (Section 4)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from scipy import ndimage
from torch import Tensor

from reco_book.dendrograms import height, leaves
from reco_book.figures.style import COLOURS, METHOD_COLOURS, draw_range, legend_below
from reco_book.paper import PaperTable
from reco_core.analysis.plots import Palette, hide_axes, new_figure, rgb, show_image, show_labels
from reco_core.datasets.base import SegmentationDataset
from reco_core.datasets.toyscapes import CLASS_TREE, Tree
from reco_core.methods import METHOD_NAMES


def ink_on(colour: Sequence[int]) -> str:
    """Black or white, whichever is easier to read on a colour."""
    return "black" if np.dot(colour, (0.299, 0.587, 0.114)) > 140 else "white"


def mask_window(image: Tensor, labels: Tensor, palette: Palette, window: tuple[int, int, int]) -> Figure:
    """A scene, its mask, and a small window of the mask as the array of class indices that it is.

    Args:
        image: (3, H, W) in [0, 1].
        labels: (H, W).
        palette: colour of each class.
        window: top, left and side of the square that is enlarged, pixels.
    """
    top, left, side = window
    figure = new_figure(8.4, 3.0)
    first, second, third = figure.subplots(1, 3)
    show_image(first, image, "image $x$")
    show_labels(second, labels, palette, "mask $y$")
    values = labels[top : top + side, left : left + side]
    show_labels(third, values, palette, f"its rows {top}–{top + side - 1}, columns {left}–{left + side - 1}")
    for axes in (first, second):
        axes.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor="white", linewidth=2.4))
        axes.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor="black", linewidth=1.0))
    _write_values(third, values, palette)
    return figure


def _write_values(axes: Axes, values: Tensor, palette: Palette, size: float = 8) -> None:
    """The class index in every cell; 255 where the label is ignored."""
    for (row, column), value in np.ndenumerate(values.numpy()):
        colour = ink_on(palette[value]) if value < len(palette) else "black"
        axes.text(column, row, str(value), ha="center", va="center", fontsize=size, color=colour)


def class_tree(
    classes: Sequence[str],
    palette: Palette,
    tree: Tree = CLASS_TREE,
    examples: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> Figure:
    """A class tree as a dendrogram: the lower two classes join, the more alike they are drawn.

    Args:
        classes, palette: names and colours.
        tree: over these classes.
        examples: class -> pictures (h, w, 3) in [0, 1], drawn in a row beside its name; as `cut_outs` gives them.
    """
    names = leaves(tree)
    figure = new_figure(8.8, 0.72 * len(names)) if examples else new_figure(7.0, 4.2)
    axes, *beside = figure.subplots(1, 2, sharey=True, width_ratios=(2, 4.6)) if examples else (figure.subplots(),)
    _draw_tree(axes, tree, names)
    for row, name in enumerate(names):
        colour = rgb(palette[classes.index(name)])
        axes.plot(0, row, "s", color=colour, markersize=9, markeredgecolor="#999999", clip_on=False)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.set_xticks(range(height(tree) + 1))
    axes.set(xlabel="height of the joint", xlim=(0, height(tree) + 0.2), ylim=(len(names) - 0.5, -0.5))
    axes.spines["left"].set_visible(False)
    for panel in beside:
        _draw_rows(panel, [(examples or {}).get(name, ()) for name in names])
        axes.invert_xaxis()  # the leaves stand beside their pictures
        axes.yaxis.tick_right()
        axes.spines["right"].set_visible(False)
    return figure


def _draw_tree(axes: Axes, tree: Tree, names: Sequence[str]) -> float:
    """The branches of a node, and the row at which it stands."""
    if isinstance(tree, str):
        return names.index(tree)
    ends = [(height(branch), _draw_tree(axes, branch, names)) for branch in tree]
    joint, places = height(tree), [at for _, at in ends]
    for start, at in ends:
        axes.plot([start, joint], [at, at], color=COLOURS["ink"], linewidth=1.4)
    axes.plot([joint, joint], [min(places), max(places)], color=COLOURS["ink"], linewidth=1.4)
    return (min(places) + max(places)) / 2


def _draw_rows(axes: Axes, rows: Sequence[Sequence[np.ndarray]]) -> None:
    """Pictures in rows of squares of side 1, each as large as fits."""
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            tall, wide = (0.46 * side / max(picture.shape[:2]) for side in picture.shape[:2])
            axes.imshow(picture, extent=(column - wide, column + wide, row + tall, row - tall), aspect="equal")
    axes.set(xlim=(-0.5, max(map(len, rows)) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_axis_off()


def cut_outs(data: SegmentationDataset, count: int, smallest: float = 0.008) -> dict[str, list[np.ndarray]]:
    """Examples of every class: its largest region in the first images that have a large enough one, on white.

    Args:
        data: a data set.
        count: examples of a class.
        smallest: share of the image's pixels that a region must have.

    Returns:
        Class -> pictures (h, w, 3) in [0, 1].
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in data.classes}
    for image, labels in (data[number] for number in range(len(data))):
        picture = image.permute(1, 2, 0).numpy()
        for index, name in enumerate(data.classes):
            regions, number = ndimage.label(labels.numpy() == index)
            sizes = np.bincount(regions.ravel(), minlength=2)[1:]
            if number and len(found[name]) < count and sizes.max() >= smallest * labels.numel():
                region = regions == sizes.argmax() + 1
                (box,) = ndimage.find_objects(region.astype(int))
                found[name].append(np.where(region[box][..., None], picture[box], 1.0))
        if all(len(pictures) == count for pictures in found.values()):
            break
    return found


def missed_classes(missed: Mapping[str, np.ndarray], counts: Sequence[int]) -> Figure:
    """Classes that no labelled image shows, against the number of labels: mean over seeds, range shaded.

    Args:
        missed: strategy -> (seeds, len(counts)) number of classes missed.
        counts: numbers of labelled images.
    """
    figure = new_figure(6.4, 3.4)
    axes = figure.subplots()
    looks = ((COLOURS["grey"], "s--"), (COLOURS["blue"], "o-"), (COLOURS["orange"], "^:"))
    for (name, values), (colour, style) in zip(missed.items(), looks, strict=False):
        draw_range(axes, counts, values, style, colour, name)
    axes.set_xticks(list(counts))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="labelled images", ylabel="classes without a labelled pixel", ylim=(-0.1, None))
    axes.legend()
    return figure


def iou_by_hand(truth: Tensor, predicted: Tensor, classes: Sequence[str], palette: Palette) -> Figure:
    """Truth, prediction, and each class's intersection within its union (:eq:`eq-iou`).

    Args:
        truth, predicted: (H, W), small enough to write the class indices into the cells.
    """
    rows, columns = truth.shape
    figure = new_figure(2.0 * (2 + len(classes)), 0.75 + 1.88 * rows / columns)  # no taller than the grids are
    first, second, *others = figure.subplots(1, 2 + len(classes))
    for axes, values, title in ((first, truth, "truth"), (second, predicted, "prediction")):
        show_labels(axes, values, palette, title)
        _write_values(axes, values, palette, size=10)
        _cell_lines(axes, values.shape)
    valid = truth != 255
    for index, (axes, name) in enumerate(zip(others, classes, strict=True)):
        both = (truth == index) & (predicted == index)
        either = ((truth == index) | (predicted == index)) & valid
        picture = np.where(either[..., None], (0.85, 0.85, 0.85), (1.0, 1.0, 1.0))
        picture[both.numpy()] = rgb(palette[index])
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(f"{name}: {both.sum()} of {either.sum()}")
        hide_axes(axes)
        _cell_lines(axes, truth.shape)
    entries = [Patch(facecolor="#D9D9D9", label="in the union only"), Patch(facecolor="white", label="not counted")]
    entries[1].set_edgecolor("#999999")
    figure.legend(handles=entries, loc="outside lower right", ncols=2, fontsize=8)
    return figure


def _cell_lines(axes: Axes, shape: Sequence[int]) -> None:
    """Thin lines between the pixels."""
    axes.hlines(np.arange(-0.5, shape[0]), -0.5, shape[1] - 0.5, color="#999999", linewidth=0.5)
    axes.vlines(np.arange(-0.5, shape[1]), -0.5, shape[0] - 0.5, color="#999999", linewidth=0.5)


def goal_posts(table: PaperTable) -> Figure:
    """The paper's scores against the number of labels, one panel a data set, one line a method."""
    figure = new_figure(8.6, 3.7)
    for axes, dataset in zip(figure.subplots(1, len(table.datasets)), table.datasets, strict=True):
        for method in table.rows:
            scores = table.scores(method, dataset)
            main = method == "reco+classmix"
            axes.plot(
                range(len(scores)), list(scores.values()), "o-" if main else "s--", color=METHOD_COLOURS[method],
                label=METHOD_NAMES[method], linewidth=2.2 if main else 1.2, markersize=5 if main else 4,
                zorder=3 if main else 2,
            )  # fmt: skip
        axes.set_xticks(range(len(scores)), list(scores))
        axes.set(xlabel="labelled images", title=dataset)
    figure.axes[0].set_ylabel(f"mean IoU, % ({table.name})")
    legend_below(figure, fontsize=9)
    return figure
