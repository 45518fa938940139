"""One look for every figure: white ground, colour-blind palette, labelled axes, class colours that never change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from reco_core.errors import InputError
from reco_core.files import atomic_write

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
"""Okabe and Ito's palette, told apart by colour-blind readers and, in this order, in greyscale."""

METHOD_COLOURS = {
    "supervised": COLOURS["grey"],
    "mean_teacher": COLOURS["yellow"],
    "cutout": COLOURS["purple"],
    "cutmix": COLOURS["orange"],
    "classmix": COLOURS["sky"],
    "reco+classmix": COLOURS["blue"],
    "reco+supervised": COLOURS["green"],
    "s4gan": COLOURS["red"],
    "reco+mean_teacher": COLOURS["ink"],
    "unimatch": COLOURS["orange"],
    "reco+unimatch": COLOURS["red"],
}
METHOD_NAMES = {
    "supervised": "Supervised",
    "mean_teacher": "Mean teacher",
    "s4gan": "S4GAN",
    "cutout": "CutOut",
    "cutmix": "CutMix",
    "classmix": "ClassMix",
    "reco+classmix": "ReCo + ClassMix",
    "reco+supervised": "ReCo + Supervised",
    "reco+mean_teacher": "ReCo + Mean teacher",
    "reco+s4gan": "ReCo + S4GAN",
    "reco+cutout": "ReCo + CutOut",
    "reco+cutmix": "ReCo + CutMix",
    "unimatch": "UniMatch",
    "reco+unimatch": "ReCo + UniMatch",
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


def use_style() -> None:
    """In a notebook: apply the book's settings and show every figure crisply, at twice the screen's resolution."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    rcParams.update(RC)
    set_matplotlib_formats("retina")


def new_figure(width: float = 7.0, height: float = 3.5) -> Figure:
    """An empty figure of the given size, inches, drawn on white and laid out without overlaps."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def no_record() -> Figure:
    """A figure in the place of one whose recorded runs are missing."""
    figure = new_figure(4.0, 0.6)
    figure.text(0.5, 0.5, "no record", ha="center", va="center")
    return figure


def save_figure(figure: Figure, path: Path, **options: Any) -> None:
    """Write a figure, whole or not at all, in the format that the name ends with.

    Raises:
        InputError: an ending that is no picture's, or a place that cannot be written to.
    """
    kind = Path(path).suffix[1:].lower()
    if kind not in figure.canvas.get_supported_filetypes():
        raise InputError(f"{path}: not a picture's name; let it end in .png, .svg or .pdf")
    atomic_write(path, lambda file: figure.savefig(file, format=kind, **options))


def hide_axes(axes: Axes) -> None:
    """Leave only the picture: images need no axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def colour_labels(labels: Tensor, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """(H, W) class indices -> (H, W, 3) uint8; 255 (ignore) is white."""
    table = np.full((256, 3), 255, dtype=np.uint8)
    table[: len(palette)] = np.asarray(palette, dtype=np.uint8)
    return table[np.asarray(labels, dtype=np.uint8)]


def show_image(axes: Axes, image: Tensor, title: str = "") -> None:
    """Draw an image (3, H, W) in [0, 1]."""
    axes.imshow(image.clamp(0, 1).permute(1, 2, 0).cpu().numpy(), interpolation="nearest")
    axes.set_title(title)
    hide_axes(axes)


def show_labels(axes: Axes, labels: Tensor, palette: Sequence[Sequence[int]], title: str = "") -> None:
    """Draw a label map (H, W) in the data set's colours."""
    axes.imshow(colour_labels(labels.cpu(), palette), interpolation="nearest")
    axes.set_title(title)
    hide_axes(axes)


def present_classes(labels: Sequence[Tensor], count: int) -> list[int]:
    """Which of `count` classes some label maps show, in order: a legend names no others."""
    found = {int(index) for part in labels for index in part.unique()}
    return [index for index in range(count) if index in found]


def class_legend(
    figure: Figure, classes: Sequence[str], palette: Sequence[Sequence[int]], columns: int = 7, ignored: bool = False
) -> None:
    """A legend of class colours below the figure; with `ignored`, white for the label 255 too."""
    entries = [
        Patch(facecolor=tuple(value / 255 for value in colour), edgecolor="#999999", label=name)
        for name, colour in zip(classes, palette, strict=True)
    ]
    if ignored:
        entries.append(Patch(facecolor="white", edgecolor="#999999", label="ignored (255)"))
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, fontsize=8, handlelength=1.2)
