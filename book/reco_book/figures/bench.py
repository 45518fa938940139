"""Figures of the test bench: learning curves of its arms, their scores by seed and by class."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from reco_book.bench import ARM_NAMES
from reco_book.boundaries import boundary_band
from reco_book.figures.intervals import Values, draw_forest, draw_means, draw_seeds, forest_legend
from reco_book.figures.style import COLOURS, METHOD_COLOURS, ZERO, draw_range, log_ticks, maps_beside_images
from reco_book.scorecard import Judged
from reco_book.seeds import Summary
from reco_book.snapshots import FOLDER, load_snapshot
from reco_core import IGNORE_INDEX, datasets
from reco_core.analysis.plots import Palette, colour_labels, new_figure, rgb, show_image

ARM_COLOURS = {arm: METHOD_COLOURS.get(arm, COLOURS["ink"]) for arm in ARM_NAMES}


def learning_curves(histories: Mapping[str, Sequence[Sequence[Mapping[str, float]]]]) -> Figure:
    """Validation mIoU of each arm against the step, named at the curve's end; the range over seeds is shaded.

    Args:
        histories: arm -> history of each recorded run.
    """
    figure = new_figure(7.0, 3.6)
    axes = figure.subplots()
    for arm, runs in histories.items():
        if not runs:
            continue
        curves = [[(entry["step"], 100 * entry["miou"]) for entry in run if "miou" in entry] for run in runs]
        steps = [step for step, _ in curves[0]]
        scores = np.array([[score for _, score in curve] for curve in curves])
        draw_range(axes, steps, scores, "o-", ARM_COLOURS[arm], ARM_NAMES[arm])
        end = (steps[-1], scores[:, -1].mean())
        axes.annotate(ARM_NAMES[arm], end, (8, 0), textcoords="offset points", va="center", color=ARM_COLOURS[arm])
    axes.set(xlabel="training step", ylabel="validation mIoU, %")
    axes.set_xlim(right=axes.get_xlim()[1] * 1.02)
    return figure


def arm_scores(scores: Mapping[str, Mapping[int, float]]) -> Figure:
    """Test mIoU of every run as a dot, with each arm's mean and 95 % confidence interval.

    Args:
        scores: arm -> seed -> mIoU in percent.
    """
    shown = {arm: found for arm, found in scores.items() if found}
    places: Values = {ARM_NAMES[arm]: {arm: Summary(tuple(found.values()))} for arm, found in shown.items()}
    figure = new_figure(7.0, 0.55 * len(shown) + 0.9)
    axes = figure.subplots()
    colours = {arm: ARM_COLOURS[arm] for arm in shown}
    draw_seeds(axes, places, colours, upright=False, dodge=False, size=4, alpha=0.6)
    draw_means(axes, places, colours, upright=False, dodge=False, markers="|", markersize=16, markeredgewidth=2.5)
    axes.set_xlabel("test mIoU, %")
    return figure


def class_scores(found: Mapping[str, Mapping[str, Summary]]) -> Figure:
    """Test IoU of each class and arm: every run a dot, means as bars; siblings stand side by side.

    Args:
        found: class -> arm -> IoU over the seeds, percent.
    """
    arms = [arm for arm in ARM_COLOURS if any(one[arm].values for one in found.values())]
    colours = {arm: ARM_COLOURS[arm] for arm in arms}
    places: Values = {name: {arm: one[arm] for arm in arms} for name, one in found.items()}
    figure = new_figure(8.8, 3.6)
    axes = figure.subplots()
    draw_seeds(axes, places, colours, size=2.5, alpha=0.5)
    draw_means(axes, places, colours, markers="_", markersize=9, markeredgewidth=2.2, errorbar=None)
    axes.set(ylabel="test IoU, %", ylim=(-2, 100))
    handles = [axes.plot([], [], "_", color=ARM_COLOURS[arm], markeredgewidth=2.2, markersize=9)[0] for arm in arms]
    figure.legend(handles, [ARM_NAMES[arm] for arm in arms], loc="outside lower center", ncols=2)
    return figure


def gains(differences: Mapping[str, Summary]) -> Figure:
    """Paired differences by seed, with mean and 95 % confidence interval, around zero.

    Args:
        differences: what is compared -> differences over the seeds, points.
    """
    figure = new_figure(7.0, 0.55 * len(differences) + 0.9)
    axes = figure.subplots()
    places: Values = {name: {"gain": one} for name, one in differences.items()}
    colours = {"gain": COLOURS["blue"]}
    draw_seeds(axes, places, colours, upright=False, size=4, alpha=0.6)
    draw_means(axes, places, colours, upright=False, markers="|", markersize=16, markeredgewidth=2.5)
    axes.axvline(0, **ZERO)
    axes.set_xlabel("difference, points")
    return figure


def hero(scenes: Sequence[int] = (0, 1, 2)) -> Figure:
    """Test scenes of the bench, what the recorded networks with 20 labels see in them, and the truth.

    Args:
        scenes: numbers of test scenes; by default the first ones, so that nothing is picked.
    """
    test = datasets.load("toyscapes", split="test")
    sharp = datasets.load("toyscapes", split="test", resolution=256)
    chosen = list(scenes)
    truth = [test[index][1] for index in chosen]
    arms = {"supervised": "few", "ClassMix": "classmix", "ReCo + ClassMix": "reco"}
    maps: dict[str, Sequence[Tensor]] = {
        name: list(torch.from_numpy(load_snapshot(arm).predicted[chosen]).long())
        for name, arm in arms.items()
        if (FOLDER / f"{arm}.npz").exists()
    }
    images = [sharp[index][0] for index in chosen]
    columns = {**maps, "truth": truth}
    return maps_beside_images(images, columns, test.classes, test.palette, columns=10, truths=truth)[0]


def errors_at_boundaries(
    image: Tensor, truth: Tensor, predictions: Mapping[str, Tensor], palette: Palette, width: int = 2
) -> Figure:
    """A scene, its mask with the pixels near a boundary, and each network's errors: red near a boundary, else orange.

    Args:
        image: (3, H, W) in [0, 1]; may be larger than the mask.
        truth: (h, w) int64.
        predictions: title -> classes (h, w).
        palette: of the classes.
        width: pixels from a boundary.
    """
    band = boundary_band(truth[None], width)[0]
    figure = new_figure(8.8, 8.8 / (2 + len(predictions)) + 0.5)
    panels = figure.subplots(1, 2 + len(predictions))
    show_image(panels[0], image, "image")
    colours = torch.from_numpy(colour_labels(truth, palette)).float().permute(2, 0, 1) / 255
    show_image(panels[1], torch.where(band, colours, 0.75 + 0.25 * colours), f"within {width} pixels")
    near, far = (torch.tensor(to_rgb(COLOURS[name]))[:, None, None] for name in ("red", "orange"))
    for axes, (title, found) in zip(panels[2:], predictions.items(), strict=True):
        wrong = (found != truth) & (truth != IGNORE_INDEX)
        shown = torch.where(wrong, torch.where(band, near, far), torch.ones(3, 1, 1))
        show_image(axes, shown, title)
        shares = (100 * wrong[where].float().mean().item() for where in (band, ~band))
        axes.set_xlabel("wrong: {:.0f} % near, {:.0f} % else".format(*shares), fontsize=8)
    return figure


def gain_by_share(shares: Mapping[str, float], gains: Mapping[str, Summary]) -> Figure:
    """The gain in each class's IoU with its 95 % confidence interval, against the class's share of the pixels.

    Args:
        shares: class -> percent of the pixels.
        gains: class -> paired differences of its IoU, points.
    """
    figure = new_figure(7.0, 3.6)
    axes = figure.subplots()
    for name, gain in gains.items():
        low, high = gain.interval()
        axes.errorbar(shares[name], gain.mean, [[gain.mean - low], [high - gain.mean]], fmt="o", color=COLOURS["blue"])
        axes.annotate(name, (shares[name], gain.mean), (6, 3), textcoords="offset points", fontsize=9)
    axes.axhline(0, **ZERO)
    log_ticks(axes, (1, 2, 5, 10, 20))
    axes.set(xlabel="share of the pixels, %", ylabel="gain in IoU, points")
    return figure


SET_COLOURS = {"toyscapes": COLOURS["blue"], "CamVid": COLOURS["green"], "VOC-animals": COLOURS["purple"]}


def forest(found: Sequence[Judged]) -> Figure:
    """The primary claims: every seed's difference as a ring, mean and 95 % confidence interval, the paper's number."""
    shown = [one for one in found if one.gain.values]
    sets = {name: colour for name, colour in SET_COLOURS.items() if any(one.data.name == name for one in shown)}
    places: dict[str, dict[str, Summary]] = {}
    paper: dict[str, float] = {}
    for one in shown:
        place = f"{one.claim.key}  {one.claim.text}"
        places.setdefault(place, {})[one.data.name] = one.gain
        paper.setdefault(place, math.nan if one.paper is None else one.paper)
    figure = new_figure(8.8, 0.5 * len(places) * (1 + len(sets)) / 2 + 1.2)
    axes = figure.subplots()
    draw_forest(axes, places, sets, paper)
    axes.set_xlabel("difference, points")
    forest_legend(figure, sets, "the paper's number, on its own data")
    return figure


def styles_of(
    crops: Mapping[str, Sequence[Tensor]], classes: Sequence[str], palette: Palette, per_row: int = 8
) -> Figure:
    """Pieces of scenes that show one class each, a row a class: its range of colours and textures.

    Args:
        crops: class -> images (3, h, w) in [0, 1].
        classes, palette: of the data set; names are written in their class's colour.
        per_row: pieces of a class.
    """
    figure = new_figure(8.8, 8.8 / (per_row + 1) * len(crops))
    grid = figure.subplots(len(crops), per_row, squeeze=False)
    for row, (name, pieces) in zip(grid, crops.items(), strict=True):
        for axes, piece in zip(row, pieces, strict=False):
            show_image(axes, piece)
        row[0].set_ylabel(name, color=rgb(palette[classes.index(name)]), rotation=0, ha="right", va="center")
    return figure
