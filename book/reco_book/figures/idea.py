"""The picture on the first page: ReCo in three panels, hard queries, keys by relation, pull and push (Section 3)."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from reco_book.boundaries import boundary_band
from reco_book.dendrograms import merge_heights
from reco_book.figures.style import COLOURS
from reco_core.analysis.plots import colour_labels, hide_axes, new_figure, rgb
from reco_core.datasets.toyscapes import CLASSES, PALETTE, RESOLUTION, WORLD, render
from reco_core.sampling import key_class_probabilities

SCENE = ("val", 0)
QUERY_CLASS = "truck"


def planted_key_probabilities() -> Tensor:
    """(C, C): key classes if the relation graph were the planted tree, siblings alike and strangers opposite."""
    heights = torch.from_numpy(merge_heights())
    graph = 1 - 2 * (heights - 1) / (heights.max() - 1)
    return key_class_probabilities(graph, torch.ones(len(CLASSES)), relation_temperature=0.5)


def idea(resolution: int = 4 * RESOLUTION) -> Figure:
    """ReCo in three steps, drawn on a scene of toyscapes and its planted tree.

    Args:
        resolution: of the scene, pixels, at least `RESOLUTION`.
    """
    image, label = render(WORLD, *SCENE, resolution)
    labels = torch.from_numpy(label).long()
    figure = new_figure(9.6, 3.3)
    first, second, third = figure.subplots(1, 3, width_ratios=[1, 0.9, 1.1])
    _queries(first, image, labels)
    _keys(second)
    _contrast(third)
    return figure


def _queries(axes: Axes, image: np.ndarray, labels: Tensor) -> None:
    blend = 0.55 * image + 0.45 * colour_labels(labels, PALETTE)
    axes.imshow(blend.astype(np.uint8), interpolation="nearest")
    # where a network is usually not confident: one pixel of the scene that it sees on either side of a boundary
    near = boundary_band(labels[None], width=len(labels) // RESOLUTION)[0]
    hard = (labels == CLASSES.index(QUERY_CLASS)) & near
    rows, columns = hard.nonzero().T.numpy()
    picks = np.random.default_rng(0).choice(len(rows), 28, replace=False)
    axes.scatter(columns[picks], rows[picks], s=16, color="white", edgecolor="black", linewidth=0.8)
    axes.set_title(f"1  Hard queries of “{QUERY_CLASS}”")
    hide_axes(axes)


def _keys(axes: Axes, count: int = 9) -> None:
    chances = planted_key_probabilities()[CLASSES.index(QUERY_CLASS)]
    order = chances.argsort(descending=True, stable=True)[:count]
    colours = [rgb(PALETTE[index]) for index in order]
    axes.barh(range(count), 100 * chances[order], color=colours, edgecolor="#999999", linewidth=0.6)
    axes.set_yticks(range(count), [CLASSES[index] for index in order], fontsize=8)
    axes.invert_yaxis()
    axes.set_title("2  Keys by relation")
    axes.set_xlabel("share of negative keys, %")


def _contrast(axes: Axes) -> None:
    around = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(around), np.sin(around), color="#CCCCCC", linewidth=0.8)
    rng = np.random.default_rng(1)
    centres = {"truck": 25, "car": 75, "person": 118, "road": 215, "sky": 300}
    for name, centre in centres.items():
        angles = np.radians(centre + 9 * rng.standard_normal(9))
        colour = rgb(PALETTE[CLASSES.index(name)])
        axes.scatter(np.cos(angles), np.sin(angles), s=20, color=colour, edgecolor="white", linewidth=0.4)
        x, y = 1.16 * np.cos(np.radians(centre)), 1.16 * np.sin(np.radians(centre))
        axes.text(x, y, name, ha="left" if x > 0.2 else "right" if x < -0.2 else "center", va="center", fontsize=9)
    query, mean = ((np.cos(angle), np.sin(angle)) for angle in np.radians((52, 25)))
    axes.scatter(*query, s=70, color="white", edgecolor="black", linewidth=1.5, zorder=4)
    axes.text(1.15 * query[0], 1.15 * query[1], "query", va="center", fontsize=9)
    axes.scatter(*mean, s=110, marker="*", color=COLOURS["yellow"], edgecolor="black", linewidth=0.8, zorder=4)
    for radius, end, colour in ((0.88, 30, "green"), (0.74, 36, "red")):
        angles = np.radians(np.linspace(50, end, 30))
        x, y = radius * np.cos(angles), radius * np.sin(angles)
        axes.plot(x[:-3], y[:-3], color=COLOURS[colour], linewidth=2)
        arrow = {"arrowstyle": "-|>", "color": COLOURS[colour], "lw": 1.5}
        axes.annotate("", (x[-1], y[-1]), (x[-5], y[-5]), arrowprops=arrow)
    axes.text(0.1, 0.02, "pull to the class mean", color=COLOURS["green"], fontsize=9, ha="center")
    axes.text(0.0, 0.26, "push from the keys", color=COLOURS["red"], fontsize=9, ha="center")
    axes.set_title("3  Contrast")
    axes.set(xlim=(-1.6, 1.75), ylim=(-1.35, 1.35), aspect="equal")
    axes.axis("off")
