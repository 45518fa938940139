"""Figures of class relations: the relation graph, and which classes negative keys come from (Section 3.2, Eq. 3)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from reco_core.figures.style import COLOURS, new_figure


def relation_graphs(graphs: Mapping[str, Tensor], classes: Sequence[str]) -> Figure:
    """Relation graphs side by side, on one scale; an absent class is hatched.

    Args:
        graphs: title -> (C, C) cosines, NaN for an absent class.
        classes: names, in the order of rows and columns.
    """
    figure = new_figure(3.3 * len(graphs) + 1.2, 4.1)
    panels = figure.subplots(1, len(graphs), squeeze=False)[0]
    for axes, (title, graph) in zip(panels, graphs.items(), strict=True):
        axes.set_facecolor("#EEEEEE")
        shown = axes.imshow(graph.numpy(), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        axes.set_xticks(range(len(classes)), classes, rotation=90, fontsize=7)
        axes.set_yticks(range(len(classes)), classes if axes is panels[0] else [""] * len(classes), fontsize=7)
        axes.set_title(title)
        axes.tick_params(length=0)
    figure.colorbar(shown, ax=panels, shrink=0.7, label="cosine between class means")
    return figure


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
    colours, hatches = ("blue", "orange", "grey"), ("", "//", "..")
    width = 0.8 / len(shares)
    for number, (name, values) in enumerate(shares.items()):
        places = np.arange(len(others)) + (number - (len(shares) - 1) / 2) * width
        axes.bar(
            places, 100 * values[others].numpy(), width * 0.95, color=COLOURS[colours[number]], hatch=hatches[number],
            edgecolor="white", linewidth=0.4, label=name,
        )  # fmt: skip
    axes.set_xticks(range(len(others)), [classes[index] for index in others], rotation=60, ha="right", fontsize=8)
    axes.set(ylabel="share of the negative keys, %", title=f"Keys of “{query_class}”")
    axes.legend(fontsize=8)
    return figure


def agreement_curve(steps: Sequence[int], agreement: Sequence[float], entropy: Sequence[float]) -> Figure:
    """How the relation graph of a network in training comes to resemble a known tree.

    Args:
        steps: of training.
        agreement: correlation between relations and closeness in the tree, each pair of classes a point.
        entropy: of the key classes, mean over classes, in classes (its exponential): how many classes keys come from.
    """
    figure = new_figure(7.4, 2.8)
    left, right = figure.subplots(1, 2)
    left.plot(steps, agreement, "o-", color=COLOURS["blue"], markersize=4)
    left.axhline(0, color=COLOURS["grey"], linewidth=0.8)
    left.set(xlabel="step", ylabel="correlation", title="Relations and the planted tree", ylim=(-0.2, 1))
    right.plot(steps, entropy, "s-", color=COLOURS["red"], markersize=4)
    right.set(xlabel="step", ylabel="classes", title="Effective number of key classes", ylim=(0, 1.1 * max(entropy)))
    return figure
