"""Figures of semi-supervised learning: the flow of one step (Fig. 3), mixing, pixel losses, teacher, discriminator."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from reco_book.figures.intervals import draw_means, draw_seeds
from reco_book.figures.style import COLOURS, draw_arrow, draw_box, draw_curves, legend_below
from reco_book.seeds import Summary
from reco_core import IGNORE_INDEX
from reco_core.analysis.plots import Palette, class_legend, hide_axes, new_figure, show, show_image, show_values

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


def student_and_teachers(
    steps: Sequence[int], scores: Mapping[str, Sequence[float]], changed: Mapping[str, Sequence[float]]
) -> Figure:
    """How good several networks are during one run, and how much their label maps change within one step.

    Args:
        steps: when they were looked at.
        scores: network -> mean IoU at each step, %.
        changed: network -> share of pixels that got another class by that step, %.
    """
    figure = new_figure(8.2, 3.3)
    left, right = figure.subplots(1, 2)
    styles = (("ink", "o-"), ("red", "s-"), ("sky", "^--"), ("purple", "v:"))
    for axes, curves in ((left, scores), (right, {name: changed[name] for name in scores})):
        draw_curves(axes, steps, curves, styles, markersize=4.5)
    left.set(xlabel="step", ylabel="mean IoU, %", title="How good", ylim=(0, None))
    right.set(xlabel="step", ylabel="pixels, %", title="Label changed within one step", ylim=(0, None))
    legend_below(figure, fontsize=9)
    return figure


def mixings(
    sources: tuple[Tensor, Tensor, Tensor],
    mixed: Mapping[str, tuple[Tensor, Tensor, Tensor, Tensor]],
    classes: Sequence[str],
    palette: Palette,
) -> Figure:
    """The first image of a batch and its partner, and what each mixing makes of them, one row a mixing.

    Args:
        sources: images (B, 3, H, W), labels (B, H, W), confidence (B, H, W); the first two of the batch are shown.
        mixed: name -> mask (B, H, W) bool, True where the image keeps its own pixels; images, labels, confidence.
        classes, palette: names and colours.
    """
    names = ["image", "its partner", *mixed]
    figure = new_figure(7.4, 1.72 * len(names) + 0.8)
    grid = figure.subplots(len(names), 4)
    rows = [(None, *(part[place] for part in sources)) for place in (0, 1)]
    rows += [tuple(part[0] for part in parts) for parts in mixed.values()]
    titles = ("image", "pseudo-label", "confidence", "from the image: white")
    for row, (axes, name, (mask, *parts)) in enumerate(zip(grid, names, rows, strict=True)):
        for panel, part, title in zip(axes, parts, titles, strict=False):
            show(panel, part, palette, "" if row else title)
        if mask is None:
            axes[3].axis("off")
        else:
            show_values(axes[3], 0.25 + 0.75 * mask.float(), titles[3] if row == 2 else "", "gray")
            for spine in axes[3].spines.values():
                spine.set(visible=True, color="#999999")
        axes[0].set_ylabel(name)
    bar = ScalarMappable(cmap="cividis")
    figure.colorbar(bar, ax=grid[:2, 3], location="left", shrink=0.9, aspect=14, label="confidence")
    class_legend(figure, classes, palette, columns=6, ignored=True, shown=[row[2] for row in rows])
    return figure


def pixel_losses(
    predicted: Tensor, pseudo: Tensor, losses: Tensor, eta: Tensor, classes: Sequence[str], palette: Palette,
    most: float = 4.0,
) -> Figure:  # fmt: skip
    """The student's label map, the pseudo-label, the loss of every pixel, and what is left of it times eta.

    Args:
        predicted, pseudo: (B, H, W) int64.
        losses: (B, H, W); where there is no pseudo-label the picture is white.
        eta: (B,).
        classes, palette: names and colours.
        most: the top of the losses' scale; larger ones have its colour. That of the last column is `most` times the
            largest eta.
    """
    figure = new_figure(7.4, 1.8 * len(pseudo) + 1.3)
    grid = figure.subplots(len(pseudo), 4, squeeze=False)
    titles = ("student's prediction", "student's label", "loss", "η · loss")
    scaled_most = most * float(eta.max()) or most
    none = pseudo == IGNORE_INDEX
    losses = losses.detach().masked_fill(none, float("nan"))
    for row, axes in enumerate(grid):
        show(axes[0], predicted[row].masked_fill(none[row], IGNORE_INDEX), palette)
        show(axes[1], pseudo[row], palette)
        plain = show_values(axes[2], losses[row], "", "magma", most)
        scaled = show_values(axes[3], eta[row] * losses[row], "", "viridis", scaled_most)
        axes[3].set_xlabel(f"η = {eta[row]:.2f}", fontsize=9)
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title)
    for column, shown, top, name in ((2, plain, most, "cross-entropy"), (3, scaled, scaled_most, "η · cross-entropy")):
        bar = figure.colorbar(shown, ax=grid[:, column], location="bottom", shrink=0.95, aspect=14, extend="max")
        bar.set_ticks([0, top / 2, top], labels=[f"{value:.2g}" for value in (0, top / 2, top)])
        bar.set_label(name, fontsize=9)
    said = predicted.masked_fill(none, IGNORE_INDEX)
    class_legend(figure, classes, palette, columns=6, ignored=True, shown=[said, pseudo])
    return figure


KINDS = {
    "no label (padding)": (1.0, 1.0, 1.0),
    "teacher below δw: left out": (0.62, 0.62, 0.62),
    "easy: key only": (0.80, 0.89, 0.96),
    "hard: query or key": (0.84, 0.37, 0.0),
}


def pixel_kinds(labels: Tensor, trusted: Tensor, confidence: Tensor, strong: float) -> Tensor:
    """What each pixel is for ReCo: its place in `KINDS`.

    Args:
        labels: (...) int64, 255 = none.
        trusted: (...) bool, teacher's confidence at least delta_w.
        confidence: (...) the student's, in the label.
        strong: delta_s.
    """
    kinds = torch.where(confidence < strong, 3, 2)
    return torch.where(labels == IGNORE_INDEX, 0, torch.where(trusted, kinds, 1))


def entering(images: Tensor, kinds: Tensor, draws: Mapping[str, Tensor]) -> Figure:
    """Which pixels enter ReCo, above them the images; draws of one class as marks.

    Args:
        images: (B, 3, H, W).
        kinds: (B, h, w) of `pixel_kinds`.
        draws: legend -> flat indices into (B, h, w): first queries (circles), then keys (crosses).
    """
    count, height, width = kinds.shape
    figure = new_figure(2.05 * count, 4.9)
    grid = figure.subplots(2, count, squeeze=False)
    table = np.array(list(KINDS.values()))
    for place in range(count):
        show_image(grid[0, place], images[place], "")
        axes = grid[1, place]
        axes.imshow(table[kinds[place].numpy()], interpolation="nearest")
        hide_axes(axes)
        for (name, drawn), (marker, colour) in zip(
            draws.items(), (("o", "white"), ("x", COLOURS["ink"])), strict=False
        ):
            here = drawn.unique()
            rows, columns = np.divmod(here[here // (height * width) == place].numpy() % (height * width), width)
            look = {"edgecolors": COLOURS["ink"]} if marker == "o" else {}
            axes.scatter(columns, rows, s=20, marker=marker, c=colour, linewidths=0.9, label=name, **look)
    entries = [Patch(facecolor=colour, edgecolor="#999999", label=name) for name, colour in KINDS.items()]
    marks, _ = axes.get_legend_handles_labels()
    figure.legend(handles=[*entries, *marks], loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


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
        axes.set(title=title, xlabel="probability of being true", xlim=(-0.03, 1.03))
    return figure
