"""Figures of class relations: the relation graph and its keys (Section 3.2, Eq. 3), Fig. 8, 9 and F, confusion."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.transforms import BboxBase
from scipy.cluster import hierarchy
from torch import Tensor

from reco_book.figures.intervals import draw_bars
from reco_book.figures.style import COLOURS, ZERO, draw_curves, no_record
from reco_book.seeds import Summary
from reco_core.analysis.plots import Palette, new_figure, rgb
from reco_core.analysis.relations import ClassRelations, grow

GROUP_COLOURS = ("#0072B2", "#B34700", "#00664B", "#8A3B6E", "#4D4D4D", "#6B5900")
"""Dark tones of Okabe and Ito's hues: class names in them are read on white."""


def relation_graphs(
    graphs: Mapping[str, Tensor], classes: Sequence[str], pairs: Sequence[tuple[str, str]] = ()
) -> Figure:
    """Relation graphs side by side, on one scale; an absent class is grey, and so is the diagonal.

    Args:
        graphs: title -> (C, C) cosines, NaN for an absent class.
        classes: names, in the order of rows and columns.
        pairs: of class names whose two entries are outlined.
    """
    figure = new_figure(2.9 * len(graphs) + 1.2, 3.7)
    panels = figure.subplots(1, len(graphs), squeeze=False)[0]
    itself = np.eye(len(classes), dtype=bool)
    shown = {title: np.where(itself, np.nan, graph.numpy()) for title, graph in graphs.items()}
    lowest, highest = (pick([pick(graph) for graph in shown.values()]) for pick in (np.nanmin, np.nanmax))
    for axes, (title, graph) in zip(panels, shown.items(), strict=True):
        axes.set_facecolor("#DDDDDD")
        names = classes if axes is panels[0] else []
        heat = _heat_map(axes, graph, classes, names, title, cmap="cividis", vmin=lowest, vmax=highest)
        for pair in pairs:
            row, column = (classes.index(name) for name in pair)
            for x, y in ((row, column), (column, row)):
                axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=COLOURS["red"], linewidth=1.6))
    figure.colorbar(heat, ax=panels, shrink=0.7, label="cosine between class means")
    return figure


def _heat_map(
    axes: Axes, graph: np.ndarray, classes: Sequence[str], rows: Sequence[str], title: str, **options: Any
) -> QuadMesh:
    """A graph (C, C) with the classes below it and, if given, beside its rows."""
    look = {"vmax": 1, "square": True, "cbar": False, "xticklabels": classes, "yticklabels": rows or False}
    seaborn.heatmap(graph, ax=axes, **(look | options))
    axes.tick_params(length=0, labelsize=7 if len(classes) < 25 else 5)
    axes.tick_params(axis="x", rotation=90)
    axes.tick_params(axis="y", rotation=0)
    axes.set_title(title)
    return axes.collections[0]


def key_shares(shares: Mapping[str, Tensor], classes: Sequence[str], query_class: str) -> Figure:
    """From which classes one class draws its negative keys, for several ways of drawing.

    Args:
        shares: way of drawing -> (C,) probabilities.
        classes: C names.
        query_class: the class that draws; it has no bar.
    """
    others = [index for index, name in enumerate(classes) if name != query_class]
    first = next(iter(shares.values()))
    others.sort(key=lambda index: -float(first[index]))
    figure = new_figure(7.4, 3.6)
    axes = figure.subplots()
    percent = {
        classes[index]: {name: Summary((100 * float(values[index]),)) for name, values in shares.items()}
        for index in others
    }
    colours = (COLOURS[name] for name in ("blue", "orange", "grey"))
    draw_bars(axes, percent, dict(zip(shares, colours, strict=False)), edgecolor="white", linewidth=0.4)
    for bars, hatch in zip(axes.containers, ("", "//", ".."), strict=False):
        for bar in bars:
            bar.set_hatch(hatch)
    axes.set_xticks(range(len(percent)), list(percent), rotation=60, ha="right", fontsize=8)
    axes.set(ylabel="share of the negative keys, %", title=f"Keys of “{query_class}”")
    axes.legend(fontsize=8)
    return figure


def learning_graph(
    steps: Sequence[int], similarity: Mapping[str, Sequence[float]], effective: Sequence[float], classes: int
) -> Figure:
    """How the relation graph of a network changes in training, and what that means for its keys.

    Args:
        steps: of training.
        similarity: kinship of two classes -> mean cosine of such pairs at each step.
        effective: from how many classes keys come, the exponential of the key classes' entropy, mean over classes.
        classes: C.
    """
    figure = new_figure(8.4, 2.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    looks = (("blue", "o-"), ("orange", "s-"), ("grey", "^-"))
    draw_curves(left, steps, similarity, looks, markersize=4)
    for (name, values), (colour, _) in zip(similarity.items(), looks, strict=False):
        place = {"textcoords": "offset points", "va": "center", "color": COLOURS[colour], "fontsize": 9}
        left.annotate(name, (steps[-1], values[-1]), (8, 0), **place)
    left.set(xlabel="training step", ylabel="mean cosine", title="Similarity of classes", ylim=(None, 1.03))
    left.set_xlim(right=1.25 * steps[-1])
    right.plot(steps, effective, "s-", color=COLOURS["red"], markersize=4)
    right.axhline(classes - 1, **ZERO)
    note = {"textcoords": "offset points", "ha": "right", "va": "bottom", "fontsize": 8, "color": COLOURS["grey"]}
    right.annotate("all other classes equally", (steps[-1], classes - 1), (0, 3), **note)
    right.set(xlabel="training step", ylabel="classes", title="Effective number of key classes")
    right.set(ylim=(0, classes + 0.3))
    return figure


def draw_tree(axes: Axes, graph: np.ndarray, classes: Sequence[str], groups: Mapping[str, int]) -> None:
    """Draw a dendrogram, root left, leaves right; names in the colour of their group.

    Args:
        axes: to draw on.
        graph: (C, C) cosines.
        classes: C names.
        groups: name -> number of its group; a name without one is black.
    """
    look = {"orientation": "left", "color_threshold": 0, "above_threshold_color": "#555555"}
    hierarchy.dendrogram(grow(graph), labels=list(classes), ax=axes, **look)
    for label in axes.get_yticklabels():
        group = groups.get(label.get_text())
        label.set(color="black" if group is None else GROUP_COLOURS[group % len(GROUP_COLOURS)], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("1 − cosine")


def graphs_and_trees(panels: Mapping[str, tuple[ClassRelations, str]], groups: Mapping[str, int]) -> Figure:
    """Relation graphs on one colour scale, as in Fig. 8, and beside each the tree grown from it.

    Args:
        panels: title -> relations and "Z" or "R".
        groups: class name -> number of its group, for the colours of the names.
    """
    if not panels:
        return no_record()
    figure = new_figure(8.0, 3.7 * len(panels))
    grid = figure.subplots(len(panels), 2, squeeze=False, width_ratios=[1, 1.1])
    lowest = min(found.graphs[where].min() for found, where in panels.values())
    for (left, right), (title, (found, where)) in zip(grid, panels.items(), strict=True):
        shown = _heat_map(left, found.graphs[where], found.classes, found.classes, title, cmap="cividis", vmin=lowest)
        draw_tree(right, found.graphs[where], found.classes, groups)
    figure.colorbar(shown, ax=grid[:, 0].tolist(), shrink=0.8, label="cosine between class means")
    return figure


def medoid(points: np.ndarray) -> np.ndarray:
    """The point with the least summed distance to all others: in the thick of the largest group, unlike the mean.

    Args:
        points: (N, 2).
    """
    return points[np.linalg.norm(points[:, None] - points[None], axis=-1).sum(axis=1).argmin()]


def embedding_maps(
    layouts: Mapping[str, np.ndarray], labels: np.ndarray, classes: Sequence[str], palette: Palette
) -> Figure:
    """Pixels' embeddings in two dimensions (t-SNE), in their classes' colours, each class named at its medoid.

    The medoids are ringed; a name that would cover another one is moved aside, and a line leads back to its ring.

    Args:
        layouts: title -> (N, 2), of the same pixels.
        labels: (N,) class indices.
        classes: names.
        palette: their colours.
    """
    figure = new_figure(5.4 * len(layouts), 5.4)
    present = np.unique(labels)
    panels = figure.subplots(1, len(layouts), squeeze=False)[0]
    for axes, (title, points) in zip(panels, layouts.items(), strict=True):
        for index in present:
            own = points[labels == index]
            axes.scatter(*own.T, s=5, color=rgb(palette[index]), linewidths=0, alpha=0.7)
        for index in present:
            middle = medoid(points[labels == index])
            ring = {"markeredgecolor": COLOURS["ink"], "markeredgewidth": 1.0, "markersize": 6, "zorder": 5}
            axes.plot(*middle, "o", color=rgb(palette[index]), **ring)
            axes.annotate(
                classes[index], middle, (0, 9), textcoords="offset points", fontsize=8, ha="center", va="center",
                bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
                arrowprops={"arrowstyle": "-", "linewidth": 0.7, "color": COLOURS["ink"], "shrinkA": 0, "shrinkB": 3},
                zorder=4,
            )  # fmt: skip
        axes.set(xticks=[], yticks=[], title=title)
        axes.margins(0.08)
    figure.draw_without_rendering()  # lays the figure out, so that the names have their places
    for axes in panels:
        rings = axes.transData.transform([name.xy for name in axes.texts])
        move_apart(axes.texts, axes.get_window_extent(), rings)
    return figure


def move_apart(
    names: Sequence[Annotation], frame: BboxBase, rings: np.ndarray, radius: float = 5.0, gap: float = 2.0,
    rounds: int = 500,
) -> None:  # fmt: skip
    """Move annotations until none covers another one or a ring, each a little at a time, and keep them in a frame.

    Args:
        names: with their text placed in "offset points" around the point that they name.
        frame: in pixels.
        rings: (N, 2) places that stay free, pixels.
        radius: of a ring, pixels.
        gap: least distance between two names, pixels.
        rounds: after which it gives up.
    """
    boxes = [Text.get_window_extent(name) for name in names]  # without the lines, unlike Annotation's
    start = np.array([((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in boxes])
    own, count = np.array([(box.width, box.height) for box in boxes]) + gap, len(names)
    places, sizes = np.vstack([start, rings]), np.vstack([own, np.full_like(rings, 2 * radius)])
    low, high = np.array([frame.x0, frame.y0]) + own / 2, np.array([frame.x1, frame.y1]) - own / 2
    for _ in range(rounds):
        apart = True
        for one, other in combinations(range(len(places)), 2):
            difference = places[other] - places[one]
            overlap = (sizes[one] + sizes[other]) / 2 - np.abs(difference)
            if one < count and (overlap > 0).all():
                axis = int(overlap.argmin())
                shift = (overlap[axis] + 0.1) * (1 if difference[axis] >= 0 else -1)
                share = 0.5 if other < count else 0.0  # a ring stays
                places[other, axis] += share * shift
                places[one, axis] -= (1 - share) * shift
                apart = False
        places[:count] = places[:count].clip(low, high)
        if apart:
            break
    for name, moved in zip(names, (places[:count] - start) * 72 / names[0].figure.dpi, strict=True):
        name.set_position(np.array(name.get_position()) + moved)


def confusion_against_similarity(relations: ClassRelations, where: str, named: int = 6) -> Figure:
    """Every pair of classes: how alike their means are, and how often they are confused; the most confused are named.

    Args:
        relations: of a network.
        where: "Z" or "R".
        named: pairs with a label.
    """
    rows, columns = np.triu_indices(len(relations.classes), 1)
    similarity, confusion = relations.similarity_of_pairs(where), 100 * relations.confusion_rates()[rows, columns]
    figure = new_figure(7.2, 3.8)
    axes = figure.subplots()
    axes.scatter(similarity, confusion, s=16, color=COLOURS["blue"], alpha=0.65, linewidths=0)
    step, height = 0.075 * confusion.max(), np.inf
    for pair in np.argsort(-confusion)[:named]:
        height = min(float(confusion[pair]), height - step)  # names stand below each other, however close the points
        name = f"{relations.classes[rows[pair]]} – {relations.classes[columns[pair]]}"
        place = (float(similarity.min() + 0.45 * np.ptp(similarity)), height)
        line = {"arrowstyle": "-", "linewidth": 0.6, "color": COLOURS["grey"]}
        point = (float(similarity[pair]), float(confusion[pair]))
        axes.annotate(name, point, place, fontsize=8, ha="right", va="center", arrowprops=line)
    correlation = relations.predicts_confusion(where)
    axes.set(
        xlabel=f"cosine between class means at {where}",
        ylabel="pixels confused, %",
        title=f"{len(rows)} pairs of classes; rank correlation {correlation:.2f}",
    )
    return figure
