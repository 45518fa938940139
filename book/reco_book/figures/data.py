"""Figures of the first chapter: masks, the planted tree, class shares, labelled splits, mean IoU (Section 4)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

from reco_book.dendrograms import height, leaves
from reco_book.figures.intervals import draw_bars
from reco_book.figures.style import COLOURS, METHOD_COLOURS, draw_range, legend_below
from reco_book.paper import PaperTable
from reco_book.seeds import Summary
from reco_core.analysis.plots import Palette, hide_axes, new_figure, rgb, show_image, show_labels
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


def class_tree(classes: Sequence[str], palette: Palette, tree: Tree = CLASS_TREE) -> Figure:
    """A class tree as a dendrogram: the lower two classes join, the more alike they are drawn."""
    figure = new_figure(7.0, 4.2)
    axes = figure.subplots()
    names = leaves(tree)
    row = {name: position for position, name in enumerate(names)}

    def draw(node: Tree) -> float:
        if isinstance(node, str):
            return row[node]
        ends = [(height(branch), draw(branch)) for branch in node]
        joint = height(node)
        for start, at in ends:
            axes.plot([start, joint], [at, at], color=COLOURS["ink"], linewidth=1.4)
        places = [at for _, at in ends]
        axes.plot([joint, joint], [min(places), max(places)], color=COLOURS["ink"], linewidth=1.4)
        return (min(places) + max(places)) / 2

    draw(tree)
    for name in names:
        colour = rgb(palette[classes.index(name)])
        axes.plot(0, row[name], "s", color=colour, markersize=9, markeredgecolor="#999999", clip_on=False)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.set_xticks(range(height(tree) + 1))
    axes.set(xlabel="height of the lowest common node", xlim=(0, height(tree) + 0.2), ylim=(len(names) - 0.5, -0.5))
    axes.spines["left"].set_visible(False)
    return figure


def class_shares(pixels: np.ndarray, images: np.ndarray, classes: Sequence[str], palette: Palette) -> Figure:
    """Each class's share of the pixels (logarithmic) and of the images, the commonest class first.

    Args:
        pixels, images: (C,) shares, 0 to 1.
    """
    order = np.argsort(-pixels, kind="stable")
    figure = new_figure(8.0, 4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    colours = [rgb(palette[index]) for index in order]
    for axes, shares, title in ((left, pixels, "of the pixels, % (logarithmic)"), (right, images, "of the images, %")):
        bars = axes.barh(range(len(order)), 100 * shares[order], color=colours, edgecolor="#999999", linewidth=0.6)
        axes.bar_label(bars, fmt="%.3g", padding=3, fontsize=8)
        axes.set_xlabel(f"share {title}")
    left.set_xscale("log")
    left.set_xlim(right=100)
    right.set_xlim(0, 112)
    left.set_yticks(range(len(order)), [classes[index] for index in order])
    left.invert_yaxis()
    return figure


def labelled_classes(draws: Mapping[str, np.ndarray], classes: Sequence[str], palette: Palette) -> Figure:
    """Which labelled image shows which class, one panel a draw; a class that none shows is named in red.

    Args:
        draws: title -> (images, C) bool, in the order in which the images were chosen.
    """
    figure = new_figure(8.4, 4.3)
    for axes, (title, presence) in zip(figure.subplots(1, len(draws), squeeze=False)[0], draws.items(), strict=True):
        for image, column in zip(*np.nonzero(presence), strict=True):
            colour = rgb(palette[column])
            corner, look = (image - 0.42, column - 0.42), {"edgecolor": "#999999", "linewidth": 0.5}
            axes.add_patch(Rectangle(corner, 0.84, 0.84, facecolor=colour, **look))
        missing = ~presence.any(axis=0)
        axes.set_yticks(range(len(classes)), classes)
        for tick, absent in zip(axes.get_yticklabels(), missing, strict=True):
            tick.set(color="#B03A00" if absent else "black", fontweight="bold" if absent else "normal")
        axes.set_xticks(range(len(presence)), range(1, len(presence) + 1), fontsize=8)
        axes.set(xlim=(-0.6, len(presence) - 0.4), ylim=(len(classes) - 0.4, -0.6), xlabel="labelled image")
        axes.set_title(f"{title}: {missing.sum()} missing")
    return figure


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


def score_bars(scores: Mapping[str, Mapping[str, float]]) -> Figure:
    """Several scores of several predictors side by side, percent.

    Args:
        scores: predictor -> score's name -> value, 0 to 1; the same names for all.
    """
    figure = new_figure(7.2, 1.0 + 0.62 * len(scores))
    axes = figure.subplots()
    percent = {name: {of: Summary((100 * value,)) for of, value in row.items()} for name, row in scores.items()}
    colours = dict(zip(next(iter(scores.values())), (COLOURS["sky"], COLOURS["blue"], COLOURS["orange"]), strict=False))
    draw_bars(axes, percent, colours, upright=False)
    for bars in axes.containers:
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    axes.set(xlabel="%", xlim=(0, 108))
    legend_below(figure)
    return figure


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
