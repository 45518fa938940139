"""One look for every figure: white ground, colour-blind palette, class colours; and what several figures draw."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.analysis.plots import Palette, class_legend, new_figure, show_image, show_labels, show_pixels

COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "grey": "#6E6E6E",
    "ink": "#222222",
}
"""Okabe and Ito's palette, distinguished by colour-blind readers and, in this order, in greyscale."""

METHOD_COLOURS = {
    "supervised": COLOURS["grey"],
    "mean_teacher": COLOURS["yellow"],
    "cutout": COLOURS["purple"],
    "cutmix": COLOURS["sky"],
    "classmix": COLOURS["orange"],
    "reco+classmix": COLOURS["blue"],
    "reco+supervised": COLOURS["green"],
    "s4gan": COLOURS["red"],
    "reco+mean_teacher": COLOURS["ink"],
    "unimatch": COLOURS["sky"],
    "reco+unimatch": COLOURS["red"],
}

RC = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
}
"""Matplotlib settings of the book."""

ZERO = {"color": COLOURS["grey"], "linewidth": 0.8}
"""The line of no difference."""


def use_style() -> None:
    """In a notebook: apply the book's settings and show every figure crisply, at twice the screen's resolution."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    rcParams.update(RC)
    set_matplotlib_formats("retina")


def no_record() -> Figure:
    """A figure in the place of one whose recorded runs are missing."""
    figure = new_figure(4.0, 0.6)
    figure.text(0.5, 0.5, "no record", ha="center", va="center")
    return figure


def legend_below(figure: Figure, columns: int | None = None, **options: Any) -> None:
    """One legend for all panels below them, each name once; by default in one row."""
    named = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    figure.legend(named.values(), named, loc="outside lower center", ncols=columns or max(len(named), 1), **options)


def log_ticks(axes: Axes, values: Iterable[float], names: Iterable[str] | None = None) -> None:
    """A logarithmic horizontal axis with these ticks alone."""
    values = list(values)
    axes.set_xscale("log")
    axes.set_xticks(values, [str(value) for value in values] if names is None else list(names))
    axes.minorticks_off()


def draw_curves(
    axes: Axes, steps: Sequence[float], curves: Mapping[str, Any], looks: Sequence[tuple[str, str]], **options: Any
) -> None:
    """Named curves over the same steps, each with its colour's name and its line, such as ("blue", "o-")."""
    for (name, values), (colour, line) in zip(curves.items(), looks, strict=False):
        axes.plot(steps, values, line, **{"color": COLOURS[colour], "label": name, **options})


def draw_range(axes: Axes, steps: Sequence[float], runs: np.ndarray, line: str, colour: str, label: str) -> None:
    """The mean of several runs (runs, steps) as a curve; from the lowest to the highest of them it is shaded."""
    axes.plot(steps, runs.mean(axis=0), line, color=colour, label=label, markersize=4.5)
    if len(runs) > 1:
        axes.fill_between(steps, runs.min(axis=0), runs.max(axis=0), color=colour, alpha=0.2, linewidth=0)


def show_values(axes: Axes, values: Tensor, title: str = "", colours: str = "cividis", most: float = 1.0) -> AxesImage:
    """Draw numbers (H, W) from 0 to `most`; NaN is white. Returns what a colour bar is made from."""
    return show_pixels(axes, values.detach().cpu().numpy(), title, cmap=colours, vmin=0, vmax=most)


def show(axes: Axes, thing: Tensor, palette: Palette, title: str = "") -> None:
    """Draw an image (3, H, W), labels (H, W) int64, or confidence (H, W) float, as what it is."""
    if thing.ndim == 3:
        show_image(axes, thing, title)
    elif thing.is_floating_point():
        show_values(axes, thing, title)
    else:
        show_labels(axes, thing, palette, title)


def share_right(axes: Axes, predicted: Tensor, truth: Tensor) -> None:
    """Below a prediction: how many of the labelled pixels it gets right."""
    right = (predicted == truth)[truth != IGNORE_INDEX].float().mean().item()
    axes.set_xlabel(f"{100 * right:.0f} % correct", fontsize=8)


def maps_beside_images(
    images: Sequence[Tensor], maps: Mapping[str, Sequence[Tensor]], classes: Sequence[str], palette: Palette,
    columns: int = 7, truths: Sequence[Tensor] = (),
) -> tuple[Figure, np.ndarray]:  # fmt: skip
    """Images and their label maps, a row an image.

    Args:
        images: (3, H, W) in [0, 1].
        maps: title -> a map (H, W) of each image, a column each.
        classes, palette: names and colours.
        columns: of the legend.
        truths: true labels; below each map but them stands how many of its labelled pixels are right, and the others
            are white, so that the maps are compared where they are scored.

    Returns:
        The figure and the axes of its maps, (images, columns).
    """
    height, width = images[0].shape[-2:]
    side = 8.8 / (1 + len(maps))  # the full width of the page
    figure = new_figure(8.8, side * len(images) * height / width + 0.9)
    grid = figure.subplots(len(images), 1 + len(maps), squeeze=False)
    for row, image in enumerate(images):
        show_image(grid[row, 0], image, "" if row else "image")
        for axes, (title, found) in zip(grid[row, 1:], maps.items(), strict=True):
            shown = found[row]
            if truths and found is not truths:
                share_right(axes, shown, truths[row])
                shown = shown.masked_fill(truths[row] == IGNORE_INDEX, IGNORE_INDEX)
            show_labels(axes, shown, palette, "" if row else title)
    class_legend(figure, classes, palette, columns=min(columns, len(classes)))
    return figure, grid[:, 1:]


def draw_box(axes: Axes, centre: tuple[float, float], size: tuple[float, float], text: str, colour: str) -> None:
    """A box of a flow chart, with its text."""
    corner = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    round_corners = f"round,pad=0,rounding_size={0.1 * min(size)}"
    look = {"facecolor": (COLOURS[colour], 0.3), "edgecolor": COLOURS[colour]}
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=round_corners, **look))
    axes.text(*centre, text, ha="center", va="center", fontsize=9)


def draw_arrow(axes: Axes, path: Sequence[tuple[float, float]], **line: Any) -> None:
    """A polyline of a flow chart that ends in an arrow."""
    axes.plot(*zip(*path, strict=True), solid_capstyle="butt", **line)
    end, before = np.array(path[-1]), np.array(path[-2])
    start = end - 0.05 * (end - before) / np.abs(end - before).max()
    arrow = {"arrowstyle": "-|>", "color": line["color"], "lw": line["linewidth"], "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", path[-1], tuple(start), arrowprops=arrow)
