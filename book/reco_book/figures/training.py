"""Figures of the training chapter: schedules, curves, predictions side by side, differences paired by seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from reco_book.compare import Part
from reco_book.figures.style import COLOURS, METHOD_COLOURS
from reco_book.seeds import Summary, paired_difference, summarise
from reco_core.analysis.plots import class_legend, hide_axes, new_figure, present_classes, show_image, show_labels
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


def unlabelled_stages(stages: Mapping[str, Tensor], classes: Sequence[str], palette: Sequence[Sequence[int]]) -> Figure:
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
            axes, shown = grid[row, column], batch[row]
            name = title if row == 0 else ""
            if shown.ndim == 3:
                show_image(axes, shown, name)
            elif shown.is_floating_point():
                colours = axes.imshow(shown.numpy(), cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
                axes.set_title(name)
                hide_axes(axes)
            else:
                show_labels(axes, shown, palette, name)
    figure.colorbar(colours, ax=grid, shrink=0.7, aspect=30, label="confidence")
    maps = [batch for batch in stages.values() if batch.ndim == 3 and not batch.is_floating_point()]
    present = present_classes(maps, len(classes))
    class_legend(figure, [classes[c] for c in present], [palette[c] for c in present], columns=6, ignored=True)
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
    _legend_below(figure)
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
        axes.plot(steps, scores.mean(0), "o-", color=METHOD_COLOURS[method], label=METHOD_NAMES[method], markersize=4)
        if len(curves) > 1:
            axes.fill_between(steps, scores.min(0), scores.max(0), color=METHOD_COLOURS[method], alpha=0.2, linewidth=0)
    axes.set(xlabel="step", ylabel="mean IoU, %")
    _legend_below(figure)
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
    for number, method in enumerate(methods):
        places = np.arange(len(scores)) + 0.14 * (number - (len(methods) - 1) / 2)
        found = [summarise(setting[method]) for setting in scores.values()]
        style = {"color": METHOD_COLOURS[method], "label": METHOD_NAMES[method]}
        left.plot(places, [summary.mean for summary in found], "-", marker="_", markersize=12, **style)
        for place, summary in zip(places, found, strict=True):
            left.plot([place] * len(summary.values), summary.values, "o", color=style["color"], markersize=4, alpha=0.6)
    pairs = list(zip(methods[:-1], methods[1:], strict=True))
    for number, (base, ours) in enumerate(pairs):
        places = np.arange(len(scores)) + 0.2 * (number - (len(pairs) - 1) / 2)
        gaps = [paired_difference(setting[ours], setting[base]) for setting in scores.values()]
        kept = [(place, gap) for place, gap in zip(places, gaps, strict=True) if len(gap.values) > 1]
        if kept:
            where, gaps = zip(*kept, strict=True)
            half = [gap.interval()[1] - gap.mean for gap in gaps]
            style = {"color": METHOD_COLOURS[ours], "label": f"{METHOD_NAMES[ours]} − {METHOD_NAMES[base]}"}
            right.errorbar(where, [gap.mean for gap in gaps], half, fmt="os"[number % 2], capsize=4, **style)
    right.axhline(0, color=COLOURS["grey"], linewidth=0.8)
    for axes, what in ((left, "mean IoU, %"), (right, "difference, points")):
        axes.set_xticks(range(len(scores)), list(scores))
        axes.set(xlabel=condition, ylabel=what, xlim=(-0.5, len(scores) - 0.5))
    for axes in (left, right):
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1)
    return figure


def beside_the_labels(gaps: Mapping[str, Mapping[str, Mapping[str, Summary]]], condition: str) -> Figure:
    """Each method's score minus that of the labels alone, paired by seed: mean and 95 % interval.

    Args:
        gaps: data set -> setting, such as a number of labels -> method -> differences, points; none is drawn where
            there are fewer than two pairs.
        condition: what the settings are, for the axis.
    """
    figure = new_figure(7.2, 3.6)
    panels = figure.subplots(1, len(gaps), sharey=True, squeeze=False)[0]
    for axes, (images, settings) in zip(panels, gaps.items(), strict=True):
        methods = list(next(iter(settings.values())))
        for number, method in enumerate(methods):
            offset = 0.15 * (number - (len(methods) - 1) / 2)
            found = [(place, of[method]) for place, of in enumerate(settings.values()) if len(of[method].values) > 1]
            style = {"color": METHOD_COLOURS[method], "label": METHOD_NAMES[method]}
            places, means = [place + offset for place, _ in found], [gap.mean for _, gap in found]
            half = [gap.interval()[1] - gap.mean for _, gap in found]
            axes.errorbar(places, means, half, fmt="os^vD"[number % 5], markersize=5, capsize=2.5, **style)
        axes.axhline(0, color=COLOURS["grey"], linewidth=0.8)
        axes.set_xticks(range(len(settings)), list(settings))
        axes.set(title=images, xlabel=condition, xlim=(-0.5, len(settings) - 0.5))
    panels[0].set_ylabel("mean IoU − labels alone, points")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)
    return figure


def parts_near_borders(
    parts: Mapping[str, Mapping[str, Mapping[str, Summary]]],
    limits: tuple[float, float] | None = None,
    difference: str = "with ReCo − without",
    settings: Sequence[str] = (),
) -> Figure:
    """What a method adds to the score near borders between classes, beside what it adds over all pixels.

    Args:
        parts: panel, such as a data set -> setting, such as a number of labels -> which pixels, the same in all
            settings -> differences paired by seed, points; none is drawn where there are fewer than two pairs.
        limits: of the vertical axis, points, where a long interval would make the others too small to be read.
        difference: what is subtracted from what.
        settings: in the order of their colours, where another picture has more of them; by default those of `parts`.

    A mean and its 95 % interval each.
    """
    figure = new_figure(7.2, 3.8)
    panels = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    names = list(settings or dict.fromkeys(name for panel in parts.values() for name in panel))
    colours = [COLOURS[colour] for colour in ("sky", "blue", "ink", "purple", "red", "orange")]
    for axes, (title, panel) in zip(panels, parts.items(), strict=True):
        for number, (name, found) in enumerate(panel.items()):
            offset = 0.13 * (number - (len(panel) - 1) / 2)
            colour, mark = colours[names.index(name) % 6], "os^DvP"[names.index(name) % 6]
            kept = [(place + offset, gap) for place, gap in enumerate(found.values()) if len(gap.values) > 1]
            places, means = [place for place, _ in kept], [gap.mean for _, gap in kept]
            half = [gap.interval()[1] - gap.mean for _, gap in kept]
            axes.errorbar(places, means, half, fmt=mark, color=colour, label=name, markersize=5, capsize=2.5)
        pixels = list(next(iter(panel.values())))
        axes.axhline(0, color=COLOURS["grey"], linewidth=0.8)
        axes.set_xticks(range(len(pixels)), pixels)
        axes.set(title=title, xlabel="pixels from a border,\nat most", xlim=(-0.5, len(pixels) - 0.5))
    panels[0].set_ylim(limits)
    panels[0].set_ylabel(f"{difference}:\nmean IoU, points")
    named = {name: bar for axes in panels for bar, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named, loc="outside lower center", ncols=3, fontsize=9)
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
    for row, part in enumerate(parts):
        colour = COLOURS[("blue", "green")[images.index(part.images) % 2]]
        for axes, summary in ((left, part.summary), (right, part.loss)):
            ring = {"marker": "o", "markersize": 4, "markerfacecolor": "none", "linestyle": "none"}
            axes.plot(summary.values, [row] * len(summary.values), color=colour, **ring)
            if len(summary.values) > 1:
                axes.plot(summary.interval(), [row] * 2, color=colour, linewidth=1.4)
            axes.plot(summary.mean, row, "|", color=colour, markersize=10, markeredgewidth=2.5)
            if row and part.images != parts[row - 1].images:
                axes.axhline(row - 0.5, color=COLOURS["grey"], linewidth=0.5)
    diamond = {"marker": "D", "markersize": 6, "markerfacecolor": "none", "markeredgewidth": 1.8, "linestyle": "none"}
    left.plot([part.paper for part in parts], range(len(parts)), color=COLOURS["orange"], **diamond)
    left.set_yticks(range(len(parts)), [f"{part.images}, {part.setting}" for part in parts])
    left.set_ylim(len(parts) - 0.4, -0.6)
    for axes, what in ((left, "mean IoU, points"), (right, "loss on labels, nats")):
        axes.axvline(0, color=COLOURS["grey"], linewidth=0.8)
        axes.set_xlabel(f"with ReCo − without:\n{what}")
    recorded = {"color": COLOURS["grey"], "marker": "o", "markerfacecolor": "none", "markersize": 4}
    handles = [
        Line2D([], [], **recorded, label="recorded: seeds, mean, 95 % interval"),
        Line2D([], [], color=COLOURS["orange"], **diamond, label="paper"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def predictions_side_by_side(
    images: Sequence[Tensor],
    truths: Sequence[Tensor],
    predictions: Mapping[str, Sequence[Tensor]],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> Figure:
    """Image, truth and what each method says, one row an image; the share of right pixels stands below each."""
    columns = 2 + len(predictions)
    height, width = images[0].shape[-2:]
    figure = new_figure(1.75 * columns, 1.75 * len(images) * height / width + 0.8)
    grid = figure.subplots(len(images), columns, squeeze=False)
    for row, (image, truth) in enumerate(zip(images, truths, strict=True)):
        show_image(grid[row, 0], image, "image" if row == 0 else "")
        show_labels(grid[row, 1], truth, palette, "truth" if row == 0 else "")
        for axes, (method, outputs) in zip(grid[row, 2:], predictions.items(), strict=True):
            # Pixels without a true label are drawn white, so that the maps are compared where they are scored.
            shown = torch.where(truth == 255, truth, outputs[row])
            show_labels(axes, shown, palette, METHOD_NAMES[method] if row == 0 else "")
            right = (outputs[row] == truth)[truth != 255].float().mean().item()
            axes.set_xlabel(f"{100 * right:.0f} % right", fontsize=8)
    class_legend(figure, classes, palette, columns=min(7, len(classes)))
    return figure


def _legend_below(figure: Figure) -> None:
    """One legend for all panels, each method once."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=len(entries))
