"""Figures of hard queries: which pixels are hard, which are drawn, and what each contributes (Section 3.2, Fig. 2)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from reco_book.figures.style import COLOURS, show_values
from reco_core import IGNORE_INDEX
from reco_core.analysis.plots import (
    Palette,
    hide_axes,
    new_figure,
    rgb,
    show_image,
    show_labels,
    show_pixels,
)

IGNORED, EASY, HARD = ((205, 211, 219), (86, 180, 233), (230, 159, 0))
"""Colours of the three roles, those of the explorable "Two thresholds"."""
ROLES = {"ignored": IGNORED, "easy": EASY, "hard": HARD}


def hard_map(image: Tensor, labels: Tensor, confidence: Tensor, palette: Palette, threshold: float) -> Figure:
    """Image, labels, confidence, and the pixels that are easy, hard or ignored: the paper's Fig. 2.

    Args:
        image: (3, H, W) in [0, 1].
        labels: (h, w) int64, 255 = ignore.
        confidence: (h, w) probability of each pixel's own label.
        threshold: delta_s.
    """
    figure = new_figure(8.8, 3.0)
    panels = figure.subplots(1, 4)
    show_image(panels[0], image, "image")
    show_labels(panels[1], labels, palette, "pseudo-labels")
    shown = show_values(panels[2], confidence, "confidence")
    figure.colorbar(shown, ax=panels[2], shrink=0.6, location="bottom", label="probability of the label")
    used = labels != IGNORE_INDEX
    hard = used & (confidence < threshold)
    kinds = torch.where(used, 1 + hard.long(), 0)
    show_pixels(panels[3], np.array(list(ROLES.values()), dtype=np.uint8)[kinds.numpy()], "role")
    entries = [Patch(facecolor=rgb(colour), label=name) for name, colour in ROLES.items()]
    panels[3].legend(
        handles=entries, loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=3, fontsize=8, columnspacing=0.8,
        handlelength=1.0, handletextpad=0.4,
    )  # fmt: skip
    for axes in panels:
        axes.set_anchor("N")  # in line, although one has a colour bar below it
        hide_axes(axes)
    return figure


def drawn_pixels(image: Tensor, hard: Tensor, draws: Mapping[str, Tensor], query_class: str) -> Figure:
    """Where queries of one class were drawn, for several ways of choosing them; dots in the colour of their role.

    Args:
        image: (3, H, W) in [0, 1].
        hard: (h, w) bool, of the same image.
        draws: title -> flat indices into (h, w) of queries.
        query_class: their class.
    """
    figure = new_figure(2.9 * len(draws), 3.1)
    scale = image.shape[-1] / hard.shape[-1]
    for axes, (title, places) in zip(figure.subplots(1, len(draws), squeeze=False)[0], draws.items(), strict=True):
        show_values(axes, 0.5 + 0.5 * image.mean(dim=0), colours="gray")  # pale, so that the dots stand out
        rows, columns = np.divmod(places.unique().numpy(), hard.shape[-1])
        colours = np.array([EASY, HARD])[hard[rows, columns].long().numpy()] / 255
        look = {"edgecolors": "black", "linewidths": 0.5, "zorder": 2}
        axes.scatter((columns + 0.5) * scale, (rows + 0.5) * scale, s=22, c=colours, **look)
        axes.set_title(f"{title} queries of “{query_class}”", fontsize=9)
    return figure


def gradient_by_confidence(
    confidence: Tensor, gradient: Tensor, labels: Tensor, classes: Sequence[str], threshold: float, shown: str
) -> Figure:
    """How strongly queries are moved, against the network's confidence in their labels: within one class, and in each.

    Args:
        confidence: (Q,) in each query's own label.
        gradient: (Q,) length of the gradient with respect to the query's direction.
        labels: (Q,) their classes.
        classes: names.
        threshold: delta_s, drawn as a line.
        shown: the class whose queries are drawn one by one.
    """
    figure = new_figure(8.4, 3.4)
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    own = labels == classes.index(shown)
    left.scatter(confidence[own], gradient[own], s=9, color=COLOURS["blue"], alpha=0.4, linewidths=0)
    edges = np.linspace(0, 1, 11)
    bins = np.digitize(confidence[own].numpy(), edges[1:-1])
    means = [gradient[own].numpy()[bins == b].mean() if (bins == b).any() else np.nan for b in range(10)]
    left.plot((edges[:-1] + edges[1:]) / 2, means, "o-", color=COLOURS["ink"], markersize=4, label="mean of a tenth")
    left.axvline(threshold, color=COLOURS["red"], linestyle="--", label="$\\delta_s$")
    left.set(xlabel="confidence in the label", ylabel="length of the gradient", title=f"“{shown}”")
    left.set(xlim=(-0.03, 1.03), ylim=(0, None))
    left.legend(fontsize=8)
    rows = hard_and_easy(confidence, gradient, labels, classes, threshold)
    hard, easy = zip(*rows.values(), strict=True) if rows else ((), ())
    right.hlines(range(len(rows)), easy, hard, color="#999999", linewidth=1.2, zorder=1)
    for values, name, colour, mark in ((hard, "hard", "red", "o"), (easy, "easy", "blue", "s")):
        right.scatter(values, range(len(rows)), s=34, color=COLOURS[colour], marker=mark, label=name, zorder=2)
    right.set_yticks(range(len(rows)), list(rows), fontsize=9)
    right.set(xlabel="mean length of the gradient", xlim=(0, None), ylim=(len(rows) - 0.4, -0.6))
    right.set_title("each class")
    right.legend(fontsize=8)
    return figure


def hard_and_easy(
    confidence: Tensor, gradient: Tensor, labels: Tensor, classes: Sequence[str], threshold: float, least: int = 5
) -> dict[str, tuple[float, float]]:
    """Mean gradient of hard and of easy queries of every class that has at least `least` of both.

    Args:
        confidence, gradient, labels: (Q,).
        classes: names.
        threshold: delta_s.
        least: queries that a mean is taken over at least.
    """
    rows = {}
    for index, name in enumerate(classes):
        hard = (labels == index) & (confidence < threshold)
        easy = (labels == index) & (confidence >= threshold)
        if min(hard.sum(), easy.sum()) >= least:
            rows[name] = gradient[hard].mean().item(), gradient[easy].mean().item()
    return rows


def roles_over_steps(
    steps: Sequence[int], roles: Mapping[str, Sequence[float]], hard: Mapping[str, tuple[float, float]], early: int
) -> Figure:
    """Left the share of each role at recorded steps; right the share of hard pixels of each class, early and at last.

    Args:
        steps: of training.
        roles: "ignored", "easy", "hard" -> share of all pixels at each step.
        hard: class -> share of its pixels that are hard, among those that are not ignored: early, and at the last
            step; NaN where none is left.
        early: the step of the first of the two.
    """
    figure = new_figure(8.4, 3.4)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    below = np.zeros(len(steps))
    for name in ("hard", "easy", "ignored"):
        part = 100 * np.asarray(roles[name])
        left.bar(range(len(steps)), part, bottom=below, color=rgb(ROLES[name]), width=0.8, label=name)
        below = below + part
    left.set_xticks(range(len(steps)), [str(step) for step in steps])
    left.set(xlabel="training step", ylabel="pixels, %", ylim=(0, 100), title="Role of each pixel")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, -0.42), ncols=3, fontsize=8, reverse=True)
    places = np.arange(len(hard))
    before, after = 100 * np.array(list(hard.values())).reshape(-1, 2).T
    right.hlines(places, before, after, color="#999999", linewidth=1.2, zorder=1)
    right.scatter(before, places, s=34, color=COLOURS["grey"], marker="s", label=f"step {early}", zorder=2)
    right.scatter(after, places, s=34, color=rgb(HARD), edgecolors="black", linewidths=0.5, label=f"step {steps[-1]}")
    right.set_yticks(places, list(hard), fontsize=9)
    right.set(xlabel="hard pixels, %", xlim=(-3, 103), ylim=(len(hard) - 0.4, -0.6), title="Hard share of each class")
    right.legend(loc="lower center", bbox_to_anchor=(0.5, -0.42), ncols=2, fontsize=8)
    return figure


def unique_share(index: Tensor, pixels: int) -> float:
    """Share of a batch's pixels that were drawn at least once."""
    return torch.unique(index).numel() / pixels
