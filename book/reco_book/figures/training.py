"""Figures of the training chapter: schedules, curves, predictions side by side, differences paired by seed."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from torch import Tensor

from reco_book.compare import Part
from reco_book.figures.intervals import Values, draw_forest, draw_means, draw_seeds, forest_legend
from reco_book.figures.style import (
    COLOURS,
    METHOD_COLOURS,
    ZERO,
    draw_range,
    legend_below,
    maps_beside_images,
    show,
)  # fmt: skip
from reco_book.seeds import paired_difference, summarise
from reco_core.analysis.plots import Palette, class_legend, new_figure
from reco_core.config import OptimisationConfig
from reco_core.methods import METHOD_NAMES
from reco_core.trainers import learning_rate

LOSS_NAMES = {"supervised": "supervised", "unsupervised": "η · unsupervised", "reco": "ReCo"}


def schedules(options: OptimisationConfig, decay: float = 0.99) -> Figure:
    """The learning rate over a run, and how much of the past the mean teacher keeps."""
    figure = new_figure(7.5, 2.8)
    left, right = figure.subplots(1, 2)
    steps = np.arange(options.iterations)
    left.plot(steps, [learning_rate(int(step), options) for step in steps], color=COLOURS["blue"])
    left.set(xlabel="step", ylabel="learning rate", title="Polynomial schedule", ylim=(0, None))
    counted = np.arange(1, 301)
    right.plot(counted, np.minimum(1 - 1 / (counted + 1), decay), color=COLOURS["red"])
    right.axhline(decay, color=COLOURS["grey"], linewidth=0.8, linestyle=":")
    right.set(xlabel="step t", ylabel="weight of the past, λ(t)", title="Mean teacher", ylim=(0.4, 1.02))
    return figure


def unlabelled_stages(stages: Mapping[str, Tensor], classes: Sequence[str], palette: Palette) -> Figure:
    """What happens to unlabelled images before the student sees them, one row an image (Fig. 3).

    Args:
        stages: title -> a batch: images (B, 3, H, W) float, labels (B, H, W) int64, or confidence (B, H, W) float.
        classes, palette: names and colours; those that some label map shows are named below.
    """
    rows = len(next(iter(stages.values())))
    figure = new_figure(1.65 * len(stages) + 0.5, 1.7 * rows + 0.95)
    grid = figure.subplots(rows, len(stages), squeeze=False)
    for column, (title, batch) in enumerate(stages.items()):
        for row in range(rows):
            show(grid[row, column], batch[row], palette, "" if row else title)
    figure.colorbar(ScalarMappable(cmap="cividis"), ax=grid, shrink=0.7, aspect=30, label="confidence")
    maps = [batch for batch in stages.values() if batch.ndim == 3 and not batch.is_floating_point()]
    class_legend(figure, classes, palette, columns=6, ignored=True, shown=maps)
    return figure


def loss_curves(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """The losses of each method against the step, one panel a loss."""
    names = [name for name in LOSS_NAMES if any(name in entry for h in histories.values() for entry in h)]
    figure = new_figure(2.6 * len(names) + 0.4, 2.8)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for method, history in histories.items():
            points = [(entry["step"], entry[name]) for entry in history if name in entry]
            if points:
                axes.plot(*zip(*points, strict=True), color=METHOD_COLOURS[method], label=METHOD_NAMES[method])
        axes.set(xlabel="step", title=f"{LOSS_NAMES[name]} loss")
    figure.axes[0].set_ylabel("loss")
    legend_below(figure)
    return figure


def score_curves(histories: Mapping[str, Sequence[Sequence[Mapping[str, float]]]]) -> Figure:
    """Mean IoU on the evaluation split against the step: mean over runs, with the range between runs shaded."""
    figure = new_figure(6.0, 3.3)
    axes = figure.subplots()
    for method, runs in histories.items():
        if not runs:  # no record of it
            continue
        curves = [[(entry["step"], 100 * entry["miou"]) for entry in run if "miou" in entry] for run in runs]
        steps = [step for step, _ in curves[0]]
        scores = np.array([[score for _, score in curve] for curve in curves])
        draw_range(axes, steps, scores, "o-", METHOD_COLOURS[method], METHOD_NAMES[method])
    axes.set(xlabel="step", ylabel="mean IoU, %")
    legend_below(figure)
    return figure


def scores_under_conditions(scores: Mapping[str, Mapping[str, dict[int, float]]], condition: str) -> Figure:
    """Methods in several settings: their scores, and what each method adds to the one before it.

    Args:
        scores: setting, such as a number of labels -> method -> seed -> mean IoU, percent; the same methods in each.
        condition: what the settings are, for the axis.

    Left, every seed as a dot and a line through the means. Right, differences paired by seed, their mean and 95 %
    interval; none where there are fewer than two pairs.
    """
    figure = new_figure(7.2, 3.4)
    left, right = figure.subplots(1, 2)
    methods = list(next(iter(scores.values())))
    colours = {METHOD_NAMES[method]: METHOD_COLOURS[method] for method in methods}
    seeds = {name: {METHOD_NAMES[m]: summarise(of[m]) for m in methods} for name, of in scores.items()}
    draw_seeds(left, seeds, colours, size=4, alpha=0.6)
    draw_means(left, seeds, colours, markers="_", markersize=12, linestyle="-", errorbar=None)
    pairs = {f"{METHOD_NAMES[ours]} − {METHOD_NAMES[base]}": (ours, base) for base, ours in pairwise(methods)}
    gains = {
        name: {title: paired_difference(of[ours], of[base]) for title, (ours, base) in pairs.items()}
        for name, of in scores.items()
    }
    _draw_gaps(right, gains, {title: METHOD_COLOURS[ours] for title, (ours, _) in pairs.items()})
    for axes, what in ((left, "mean IoU, %"), (right, "difference, points")):
        axes.set(xlabel=condition, ylabel=what)
        axes.legend(*axes.get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return figure


def _draw_gaps(axes: Axes, gaps: Values, colours: Mapping[str, str], markers: Sequence[str] = "os^vD") -> None:
    """Means of differences with their intervals around a line at zero; none where there are fewer than two pairs."""
    marks, spread = list(markers[: len(colours)]), 0.14 * (len(colours) - 1)
    draw_means(axes, gaps, colours, markers=marks, least=2, capsize=0.08, dodge=spread or False)
    axes.axhline(0, **ZERO)


def beside_the_labels(gaps: Mapping[str, Values], condition: str) -> Figure:
    """Each method's score minus that of the labels alone, paired by seed: mean and 95 % interval.

    Args:
        gaps: data set -> setting, such as a number of labels -> method -> differences, points; none is drawn where
            there are fewer than two pairs.
        condition: what the settings are, for the axis.
    """
    figure = new_figure(7.2, 3.6)
    panels = figure.subplots(1, len(gaps), sharey=True, squeeze=False)[0]
    for axes, (images, settings) in zip(panels, gaps.items(), strict=True):
        named = {name: {METHOD_NAMES[m]: gap for m, gap in of.items()} for name, of in settings.items()}
        colours = {METHOD_NAMES[method]: METHOD_COLOURS[method] for method in next(iter(settings.values()))}
        _draw_gaps(axes, named, colours)
        axes.set(title=images, xlabel=condition)
    figure.axes[0].set_ylabel("mean IoU − labels alone, points")
    legend_below(figure, fontsize=9)
    return figure


def parts_near_borders(
    parts: Mapping[str, Values],
    limits: tuple[float, float] | None = None,
    difference: str = "with ReCo − without",
    settings: Sequence[str] = (),
) -> Figure:
    """What a method adds to the score near borders between classes, and over all pixels: mean and 95 % interval.

    Args:
        parts: panel, such as a data set -> setting, such as a number of labels -> which pixels, the same in all
            settings -> differences paired by seed, points; none is drawn where there are fewer than two pairs.
        limits: of the vertical axis, points, where a long interval would make the others too small to be read.
        difference: what is subtracted from what.
        settings: in the order of their colours, where another picture has more of them; by default those of `parts`.
    """
    figure = new_figure(7.2, 3.8)
    names = list(settings or dict.fromkeys(name for panel in parts.values() for name in panel))
    looks = (("sky", "o"), ("blue", "s"), ("ink", "^"), ("purple", "D"), ("red", "v"), ("orange", "P"))
    panels = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for axes, (title, panel) in zip(panels, parts.items(), strict=True):
        pixels = {which: {name: found[which] for name, found in panel.items()} for which in next(iter(panel.values()))}
        colours, marks = zip(*(looks[names.index(name)] for name in panel), strict=True)
        _draw_gaps(axes, pixels, {name: COLOURS[own] for name, own in zip(panel, colours, strict=True)}, marks)
        axes.set(title=title, xlabel="pixels from a border,\nat most")
    figure.axes[0].set(ylim=limits, ylabel=f"{difference}:\nmean IoU, points")
    legend_below(figure, columns=3, fontsize=9)
    return figure


def parts_everywhere(parts: Sequence[Part]) -> Figure:
    """What ReCo adds to the score in each setting, and to the training's loss on labels.

    Args:
        parts: a line each, those of the same images in a row; no interval where there are fewer than two seeds.

    Every seed is a ring, the mean a bar on its 95 % interval, the paper's number a diamond.
    """
    figure = new_figure(7.2, 0.9 + 0.24 * len(parts))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.8, 1))
    images = list(dict.fromkeys(part.images for part in parts))
    colours = {name: COLOURS[("blue", "green")[number % 2]] for number, name in enumerate(images)}
    paper = {f"{part.images}, {part.setting}": part.paper for part in parts}
    for axes, kind, what in ((left, "summary", "mean IoU, points"), (right, "loss", "loss on labels, nats")):
        found = {f"{part.images}, {part.setting}": {part.images: getattr(part, kind)} for part in parts}
        draw_forest(axes, found, colours, paper if axes is left else None, dodge=False)
        for row, (above, below) in enumerate(pairwise(parts)):
            if above.images != below.images:
                axes.axhline(row + 0.5, color=COLOURS["grey"], linewidth=0.5)
        axes.set_xlabel(f"with ReCo − without:\n{what}")
    forest_legend(figure, {"recorded: seeds, mean, 95 % interval": COLOURS["grey"]}, "paper")
    return figure


def predictions_side_by_side(
    images: Sequence[Tensor],
    truths: Sequence[Tensor],
    predictions: Mapping[str, Sequence[Tensor]],
    classes: Sequence[str],
    palette: Palette,
) -> Figure:
    """Image, truth and what each method says, one row an image; the share of right pixels stands below each."""
    said = {METHOD_NAMES[method]: outputs for method, outputs in predictions.items()}
    return maps_beside_images(images, {"truth": truths, **said}, classes, palette, truths=truths)[0]
