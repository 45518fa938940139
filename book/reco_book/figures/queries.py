"""Figures of hard queries: which pixels are hard, which are drawn, and what each contributes (Section 3.2, Fig. 2)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from reco_book.figures.style import COLOURS, draw_curves, show_values
from reco_core import IGNORE_INDEX
from reco_core.analysis.plots import Palette, colour_labels, hide_axes, new_figure, show_image, show_labels

EASY, HARD, IGNORED = (0.82, 0.90, 0.96), (0.84, 0.37, 0.0), (1.0, 1.0, 1.0)


def hard_map(image: Tensor, labels: Tensor, confidence: Tensor, palette: Palette, threshold: float) -> Figure:
    """Image, labels, confidence, and the pixels that are easy, hard or not used: the paper's Fig. 2.

    Args:
        image: (3, H, W) in [0, 1].
        labels: (h, w) int64, 255 = ignore.
        confidence: (h, w) probability of each pixel's own label.
        threshold: delta_s.
    """
    figure = new_figure(8.8, 3.1)
    panels = figure.subplots(1, 4)
    show_image(panels[0], image, "image")
    show_labels(panels[1], labels, palette, "label")
    shown = show_values(panels[2], confidence, "confidence")
    figure.colorbar(shown, ax=panels[2], shrink=0.6, location="bottom", label="probability of the label")
    used = labels != IGNORE_INDEX
    hard = used & (confidence < threshold)
    kinds = torch.where(used, hard.long(), 2)
    panels[3].imshow(np.array([EASY, HARD, IGNORED])[kinds.numpy()], interpolation="nearest")
    panels[3].set_title(f"{100 * hard.sum() / used.sum().clamp(min=1):.0f} % are hard")
    entries = [Patch(facecolor=HARD, label="hard"), Patch(facecolor=EASY, label="easy")]
    if not used.all():
        entries.append(Patch(facecolor=IGNORED, edgecolor="#999999", label="not used"))
    panels[3].legend(handles=entries, loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=3, fontsize=8)
    for axes in panels:
        axes.set_anchor("N")  # in line, although one has a colour bar below it
        hide_axes(axes)
    return figure


def drawn_pixels(
    image: Tensor, labels: Tensor, palette: Palette, draws: Mapping[str, Tensor], keys: Tensor, query_class: str
) -> Figure:
    """Where queries and negative keys of one class were drawn, for several ways of choosing queries.

    Args:
        image: (3, H, W) in [0, 1].
        labels: (h, w) of the same image.
        draws: title -> flat indices into (h, w) of queries.
        keys: flat indices into (h, w) of negative keys.
        query_class: their class.
    """
    figure = new_figure(2.9 * (1 + len(draws)), 3.1)
    first, *others = figure.subplots(1, 1 + len(draws))
    scale = image.shape[-1] / labels.shape[-1]
    for axes, (title, places) in zip(others, draws.items(), strict=True):
        _dots(axes, image, labels, palette, places, scale)
        axes.set_title(f"{title} queries of “{query_class}”", fontsize=9)
    _dots(first, image, labels, palette, keys, scale)
    first.set_title("negative keys", fontsize=9)
    return figure


def _dots(axes: Axes, image: Tensor, labels: Tensor, palette: Palette, places: Tensor, scale: float) -> None:
    show_values(axes, 0.5 + 0.5 * image.mean(dim=0), colours="gray")  # pale, so that the dots stand out
    rows, columns = np.divmod(places.unique().numpy(), labels.shape[-1])
    colours = colour_labels(labels, palette)[rows, columns] / 255
    axes.scatter(
        (columns + 0.5) * scale, (rows + 0.5) * scale, s=22, c=colours, edgecolors="black", linewidths=0.5, zorder=2
    )


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


def share_over_steps(steps: Sequence[int], hard: Mapping[str, Sequence[float]]) -> Figure:
    """The share of hard pixels during training, one line for each group of classes."""
    figure = new_figure(6.2, 2.9)
    axes = figure.subplots()
    styles = (("ink", "o-"), ("sky", "s--"), ("red", "^:"), ("green", "v-."))
    draw_curves(axes, steps, {name: 100 * np.asarray(shares) for name, shares in hard.items()}, styles, markersize=4)
    axes.set(xlabel="step", ylabel="hard pixels, %", ylim=(0, 103))
    axes.legend(fontsize=8)
    return figure


def unique_share(index: Tensor, pixels: int) -> float:
    """Share of a batch's pixels that were drawn at least once."""
    return torch.unique(index).numel() / pixels
