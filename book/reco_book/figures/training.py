"""Figures of the training chapter: losses, scores, predictions side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from reco_book.figures.style import (
    METHOD_COLOURS,
    draw_range,
    legend_below,
    maps_beside_images,
)  # fmt: skip
from reco_core.analysis.plots import Palette, new_figure
from reco_core.methods import METHOD_NAMES

LOSS_NAMES = {"supervised": "supervised", "unsupervised": "η · unsupervised", "reco": "ReCo"}


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
