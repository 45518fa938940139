"""Figures of learning from unlabelled images: pseudo-labels, the teacher, mixing; the flow of one step (Fig. 3)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from reco_book.figures.intervals import draw_means, draw_seeds
from reco_book.figures.style import COLOURS, draw_arrow, draw_box, draw_curves, legend_below, share_right, show
from reco_book.seeds import Summary
from reco_core import IGNORE_INDEX
from reco_core.analysis.plots import Palette, new_figure, rgb, show_pixels

Point = tuple[float, float]

BOXES = {
    "labelled": (0.85, 4.75, 1.5, 0.95, "labelled\nimage, mask $y$", "grey"),
    "labelled views": (3.0, 4.75, 1.75, 0.95, "weak, strong\naugmentation", "yellow"),
    "unlabelled": (0.85, 2.1, 1.5, 0.95, "unlabelled\nimage", "grey"),
    "teacher": (0.85, 0.55, 1.5, 0.95, "teacher $f_{\\theta'}$", "sky"),
    "pseudo": (3.0, 0.55, 1.75, 0.95, "pseudo-label,\nconfidence $\\hat{y}'$", "sky"),
    "mixing": (3.0, 2.1, 1.75, 0.95, "mixing, strong\naugmentation", "yellow"),
    "student": (5.2, 3.425, 1.3, 3.6, "student\n$f_\\theta$\n\nencoder $\\phi$", "blue"),
    "logits": (7.15, 4.75, 1.3, 0.85, "$\\psi_c$: logits", "orange"),
    "representation": (7.15, 3.425, 1.3, 0.85, "$\\psi_r$: $R$", "green"),
    "other logits": (7.15, 2.1, 1.3, 0.85, "$\\psi_c$: logits", "orange"),
    "supervised": (9.3, 4.75, 1.55, 0.85, "$\\mathcal{L}_\\mathrm{supervised}$", "red"),
    "reco": (9.3, 3.425, 1.55, 0.85, "$\\mathcal{L}_\\mathrm{reco}$", "red"),
    "unsupervised": (9.3, 2.1, 1.55, 0.85, "$\\eta\\cdot\\mathcal{L}_\\mathrm{unsupervised}$", "red"),
}
"""Name -> centre, width, height, text and colour."""
FLOWS: dict[str, Sequence[Sequence[Point]]] = {
    "gradient": [
        [(5.85, 4.75), (6.5, 4.75)], [(5.85, 3.425), (6.5, 3.425)], [(5.85, 2.1), (6.5, 2.1)],
        [(7.8, 4.75), (8.52, 4.75)], [(7.8, 3.425), (8.52, 3.425)], [(7.8, 2.1), (8.52, 2.1)],
    ],
    "data": [
        [(1.6, 4.75), (2.12, 4.75)], [(3.88, 4.75), (4.55, 4.75)],
        [(1.6, 2.1), (2.12, 2.1)], [(3.88, 2.1), (4.55, 2.1)],
        [(0.85, 1.62), (0.85, 1.03)], [(1.6, 0.55), (2.12, 0.55)], [(3.0, 1.03), (3.0, 1.62)],
        [(3.0, 5.23), (3.0, 5.75), (9.3, 5.75), (9.3, 5.18)], [(9.3, 5.75), (10.6, 5.75), (10.6, 3.6), (10.08, 3.6)],
        [(3.5, 1.62), (3.5, 1.3), (9.3, 1.3), (9.3, 1.67)], [(9.3, 1.3), (10.6, 1.3), (10.6, 3.25), (10.08, 3.25)],
    ],
    "average": [[(5.2, 1.62), (5.2, -0.2), (0.85, -0.2), (0.85, 0.07)]],
}  # fmt: skip
LINES = {
    "gradient": {"color": COLOURS["red"], "linewidth": 2.6},
    "data": {"color": COLOURS["ink"], "linewidth": 1.1},
    "average": {"color": COLOURS["blue"], "linewidth": 1.4, "linestyle": (0, (4, 2))},
}
MEANING = {
    "gradient": "gradient comes back along it",
    "data": "data, no gradient",
    "average": "moving average, no gradient",
}


def pipeline(strong: float = 0.97, weak: float = 0.7, decay: float = 0.99) -> Figure:
    """One step with labelled and unlabelled images as a flow: what Fig. 3 of the paper tells, drawn anew."""
    figure = new_figure(8.2, 5.0)
    axes = figure.subplots()
    for x, y, width, height, text, colour in BOXES.values():
        draw_box(axes, (x, y), (width, height), text, colour)
    for kind, paths in FLOWS.items():
        for path in paths:
            draw_arrow(axes, path, **LINES[kind])
    average = "$\\theta' \\leftarrow \\lambda_t\\,\\theta' + (1-\\lambda_t)\\,\\theta$"
    ramp = f"$\\lambda_t = \\min(1 - 1/(t+1),\\ {decay:g})$ after step $t$"
    notes = (
        (6.2, 5.83, "mask $y$", "center", "bottom"),
        (6.9, 1.22, "pseudo-label and confidence, mixed", "center", "top"),
        (10.7, 4.6, "every labelled\npixel", "left", "center"),
        (10.7, 2.25, f"pixels with\n$\\hat{{y}}' \\geq \\delta_w = {weak:g}$", "left", "center"),
        (8.6, 3.95, f"hard queries: $\\hat{{y}} < \\delta_s = {strong:g}$", "center", "bottom"),
        (3.0, -0.14, average, "center", "bottom"),
        (3.0, -0.27, ramp, "center", "top"),
        (0.78, 1.32, "weak crop", "right", "center"),
        (1.86, 2.2, "crop", "center", "bottom"),
    )  # fmt: skip
    for x, y, text, side, foot in notes:
        axes.text(x, y, text, ha=side, va=foot, fontsize=8.5)
    for y in (1.27, 1.37):  # two bars across the line: here gradient stops
        axes.plot([2.87, 3.13], [y, y], color=COLOURS["ink"], linewidth=2, gid="stop")
    entries = [Line2D([], [], **LINES[kind], label=text) for kind, text in MEANING.items()]
    bars = {"marker": "|", "markersize": 9, "markeredgewidth": 2, "linewidth": 1.1}
    entries.append(Line2D([], [], color=COLOURS["ink"], label="gradient stops", **bars))
    figure.legend(handles=entries, loc="outside lower center", ncols=4, fontsize=8.5, columnspacing=1.2)
    axes.set(xlim=(-0.1, 12.1), ylim=(-0.7, 6.15))
    axes.axis("off")
    return figure


MISTAKES = {
    "correct": (0.90, 0.91, 0.93),
    "wrong, not confident": (0.94, 0.78, 0.30),
    "wrong and confident": (0.75, 0.10, 0.10),
}
"""How a pseudo-label can turn out -> its colour."""


def mistakes(pseudo: Tensor, truth: Tensor, confidence: Tensor, strong: float) -> Tensor:
    """What each pseudo-label is: its place in `MISTAKES`; a pixel without a true label counts as correct.

    Args:
        pseudo, truth: (...) int64.
        confidence: (...) in the pseudo-labels.
        strong: delta_s.
    """
    wrong = (pseudo != truth) & (truth != IGNORE_INDEX)
    return torch.where(wrong, torch.where(confidence >= strong, 2, 1), 0)


def self_labelled(
    images: Tensor, truth: Tensor, pseudo: Tensor, confidence: Tensor, strong: float, classes: Sequence[str],
    palette: Palette,
) -> Figure:  # fmt: skip
    """Scenes, their masks, what a network says instead, how confident it is, and where it is wrong; a row a scene.

    Args:
        images: (B, 3, H, W).
        truth, pseudo: (B, H, W) int64.
        confidence: (B, H, W).
        strong: delta_s.
        classes, palette: names and colours.
    """
    figure = new_figure(8.8, 1.75 * len(images) + 1.3)
    grid = figure.subplots(len(images), 5, squeeze=False)
    outcomes, table = mistakes(pseudo, truth, confidence, strong), np.array(list(MISTAKES.values()))
    titles = ("image", "true mask", "pseudo-label", "confidence", "mistakes")
    for row, axes in enumerate(grid):
        parts = (images[row], truth[row], pseudo[row], confidence[row])
        for panel, part, title in zip(axes, parts, titles, strict=False):
            show(panel, part, palette, "" if row else title)
        share_right(axes[2], pseudo[row], truth[row])
        show_pixels(axes[4], table[outcomes[row].numpy()], "" if row else titles[4])
    bar = figure.colorbar(ScalarMappable(cmap="cividis"), ax=grid[:, 3], location="bottom", aspect=12)
    bar.set_ticks([0, 0.5, 1])
    entries = class_patches(classes, palette, (truth, pseudo))
    entries += [Patch(facecolor=colour, edgecolor="#999999", label=name) for name, colour in MISTAKES.items()]
    figure.legend(handles=entries, loc="outside lower center", ncols=7, fontsize=8, handlelength=1.2)
    return figure


def class_patches(classes: Sequence[str], palette: Palette, shown: Sequence[Tensor]) -> list[Patch]:
    """Entries of a legend for the classes of some label maps; white for the label 255, where there is one."""
    found = sorted({int(index) for part in shown for index in part.unique()})
    names = {index: (rgb(palette[index]), classes[index]) for index in found if index != IGNORE_INDEX}
    if IGNORE_INDEX in found:
        names[IGNORE_INDEX] = (1.0, 1.0, 1.0), "no label (255)"
    return [Patch(facecolor=colour, edgecolor="#999999", label=name) for colour, name in names.values()]


def views(stages: Mapping[str, Tensor], classes: Sequence[str], palette: Palette) -> Figure:
    """Batches side by side, a column each and a row an image.

    Args:
        stages: title -> images (B, 3, H, W) float, or labels (B, H, W) int64.
        classes, palette: names and colours.
    """
    rows, side = len(next(iter(stages.values()))), 8.6 / len(stages)
    figure = new_figure(8.8, min(side, 2.0) * rows + 0.8)
    grid = figure.subplots(rows, len(stages), squeeze=False)
    for column, (title, batch) in enumerate(stages.items()):
        for row in range(rows):
            show(grid[row, column], batch[row], palette, "" if row else title)
    entries = class_patches(classes, palette, [batch for batch in stages.values() if batch.ndim == 3])
    figure.legend(handles=entries, loc="outside lower center", ncols=6, fontsize=8, handlelength=1.2)
    return figure


def paths(curves: Mapping[str, Sequence[float]], goal: float) -> Figure:
    """A weight of the student and those of its averages, step by step, named where they end.

    Args:
        curves: name -> weight after steps 0, 1, ...; the first one is the student's.
        goal: where the weight should be.
    """
    figure = new_figure(8.8, 3.2)
    axes = figure.subplots()
    looks = (("grey", "-", 0.9), ("blue", "-", 2.2), ("red", "--", 1.8))
    axes.axhline(goal, color=COLOURS["ink"], linewidth=0.8, linestyle=":")
    for (name, values), (colour, line, width) in zip(curves.items(), looks, strict=False):
        axes.plot(values, line, color=COLOURS[colour], linewidth=width, label=name)
    axes.text(0.99, goal, "goal", va="bottom", ha="right", fontsize=9, transform=axes.get_yaxis_transform())
    axes.set(xlabel="step", ylabel="weight", xlim=(0, None))
    legend_below(figure, fontsize=9)
    return figure


def mixings(
    sources: tuple[Tensor, Tensor, Tensor],
    mixed: Mapping[str, tuple[Tensor, Tensor, Tensor, Tensor]],
    classes: Sequence[str],
    palette: Palette,
) -> Figure:
    """The first image of a batch and its partner, and what each mixing makes of them, one column a mixing.

    Args:
        sources: images (B, 3, H, W), labels (B, H, W), confidence (B, H, W); the first two of the batch are shown.
        mixed: name -> mask (B, H, W) bool, True where the image keeps its own pixels; images, labels, confidence.
        classes, palette: names and colours.
    """
    columns = {"image": tuple(part[0] for part in sources), "next image": tuple(part[1] for part in sources)}
    columns |= {name: tuple(part[0] for part in parts) for name, (_, *parts) in mixed.items()}
    figure = new_figure(8.8, 5.6)
    grid = figure.subplots(3, len(columns))
    for column, (name, parts) in enumerate(columns.items()):
        for axes, part, title in zip(grid[:, column], parts, (name, "", ""), strict=True):
            show(axes, part, palette, title)
        if name in mixed:  # the seam
            mask = mixed[name][0][0].float().numpy()
            for colour, width in ((COLOURS["ink"], 2.6), ("white", 1.3)):
                grid[0, column].contour(mask, levels=[0.5], colors=[colour], linewidths=width)
    for axes, name in zip(grid[:, 0], ("image", "pseudo-label", "confidence"), strict=True):
        axes.set_ylabel(name)
    bar = figure.colorbar(ScalarMappable(cmap="cividis"), ax=grid, location="bottom", shrink=0.4, aspect=30)
    bar.set_label("confidence")
    entries = class_patches(classes, palette, [parts[1] for parts in columns.values()])
    figure.legend(handles=entries, loc="outside lower center", ncols=6, fontsize=8, handlelength=1.2)
    return figure


def trust(steps: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Figure:
    """Shares of pixels along training, each named where its curve ends.

    Args:
        steps: when the network was looked at.
        shares: name -> share at each step, in [0, 1]; NaN where there is none.
    """
    figure = new_figure(8.8, 3.2)
    axes = figure.subplots()
    looks = (("ink", "o-"), ("green", "s-"), ("blue", "^--"))
    draw_curves(axes, steps, {name: 100 * np.array(values) for name, values in shares.items()}, looks, markersize=5)
    for line in axes.lines:
        axes.annotate(
            str(line.get_label()), line.get_xydata()[-1], (8, 0), textcoords="offset points", va="center",
            color=line.get_color(), annotation_clip=False,
        )  # fmt: skip
    axes.set(xlabel="training step", ylabel="pixels, %", ylim=(0, 102), xlim=(0, 1.02 * max(steps)))
    return figure


def arms(steps: Sequence[int], iou: Mapping[str, tuple[Sequence[float], Sequence[float]]], name: str) -> Figure:
    """The mean IoU of several networks along training, and their IoU of one class.

    Args:
        steps: when the networks were looked at.
        iou: network -> mean over the classes and the one class's, at each step, in [0, 1].
        name: of the class.
    """
    figure = new_figure(8.8, 3.3)
    looks = (("grey", "s-"), ("blue", "o-"), ("green", "^--"))
    for place, (axes, title) in enumerate(zip(figure.subplots(1, 2, sharey=True), ("mean", name), strict=True)):
        draw_curves(axes, steps, {arm: 100 * np.array(both[place]) for arm, both in iou.items()}, looks)
        axes.set(xlabel="training step", title=title, ylim=(0, None))
    figure.axes[0].set_ylabel("IoU, %")
    legend_below(figure, fontsize=9)
    return figure


KINDS = {
    "no label (padding)": (1.0, 1.0, 1.0),
    "teacher below δw: left out": (0.62, 0.62, 0.62),
    "easy: key only": (0.80, 0.89, 0.96),
    "hard: query or key": (0.84, 0.37, 0.0),
}


def judgements(before: Mapping[str, Tensor], after: Mapping[str, Tensor], threshold: float) -> Figure:
    """How true a discriminator takes label maps to be, a dot an image, before and after it has learnt.

    Args:
        before, after: kind of map -> (images,) probabilities.
        threshold: gamma, drawn as a line.
    """
    figure = new_figure(7.6, 0.75 * len(before) + 0.9)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, found, title in zip(panels, (before, after), ("untrained", "after training"), strict=True):
        values = {name: {"images": Summary(tuple(of.tolist()))} for name, of in found.items()}
        draw_seeds(axes, values, {"images": COLOURS["blue"]}, upright=False, size=6, alpha=0.4)
        bar = {"markers": "|", "markersize": 18, "markeredgewidth": 2.2, "errorbar": None, "legend": False}
        draw_means(axes, values, {"images": COLOURS["ink"]}, upright=False, **bar)
        axes.axvline(threshold, color=COLOURS["red"], linestyle="--", linewidth=1.2)
        axes.set(title=title, xlabel="probability of being a mask", xlim=(-0.03, 1.03))
    return figure
