"""Figures of the network chapter: encoder and two heads, strides, dilation, resolutions (Section 3.1)."""

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

from reco_book.figures.style import COLOURS, draw_arrow, draw_box
from reco_core.analysis.plots import Palette, class_legend, hide_axes, new_figure, show_labels
from reco_core.augment import reduce_labels


def architecture(crop: int = 321, num_classes: int = 21, representation_dim: int = 256, width: int = 256) -> Figure:
    """DeepLabV3+ as a flow of tensors: encoder, Z, and the two heads, with the shapes of one crop."""
    low, high = math.ceil(crop / 4), math.ceil(crop / 16)
    figure = new_figure(8.6, 3.3)
    axes = figure.subplots()
    boxes = {
        "image": (0.0, 0.50, f"image $x$\n3 × {crop} × {crop}", "grey"),
        "backbone": (1.75, 0.50, "backbone\nResNet", "sky"),
        "aspp": (3.5, 0.80, f"ASPP\n{width} × {high} × {high}", "sky"),
        "low": (3.5, 0.20, f"low-level features\n48 × {low} × {low}", "sky"),
        "z": (5.35, 0.50, f"$Z$\n{width + 48} × {low} × {low}", "yellow"),
        "classes": (7.2, 0.80, f"$\\psi_c$: logits\n{num_classes} × {low} × {low}", "orange"),
        "representation": (7.2, 0.20, f"$\\psi_r$: $R$\n{representation_dim} × {low} × {low}", "green"),
    }
    for x, y, text, colour in boxes.values():
        draw_box(axes, (x, y), (1.34, 0.26), text, colour)
    notes = {("backbone", "aspp"): "stride 16", ("backbone", "low"): "stride 4", ("aspp", "z"): "enlarge"}
    arrows = [("image", "backbone"), *notes, ("low", "z"), ("z", "classes"), ("z", "representation")]
    for start, end in arrows:
        (x, y), (to_x, to_y) = boxes[start][:2], boxes[end][:2]
        tail, head = (x + 0.67, y), (to_x - 0.67, to_y)
        draw_arrow(axes, [tail, head], color=COLOURS["ink"], linewidth=1.1)
        note = (tail[0] + head[0]) / 2 - 0.1, (y + to_y) / 2 + (0.07 if to_y >= y else -0.07)
        axes.text(*note, notes.get((start, end), ""), ha="right", va="center", fontsize=8, color=COLOURS["grey"])
    axes.annotate("encoder $\\phi$", (2.6, 1.06), ha="center", fontsize=10, color=COLOURS["grey"])
    axes.plot([1.1, 4.15], [1.02, 1.02], color=COLOURS["grey"], linewidth=0.8)
    axes.set(xlim=(-0.75, 7.95), ylim=(0, 1.12))
    axes.axis("off")
    return figure


def strides(labels: Tensor, classes: Sequence[str], palette: Palette, factors: Sequence[int] = (4, 8, 16)) -> Figure:
    """A mask at the resolutions of networks with several output strides; thin things vanish first.

    Args:
        labels: (H, W).
        factors: output strides.
    """
    figure = new_figure(8.6, 2.9)
    height, width = labels.shape
    panels = figure.subplots(1, 1 + len(factors))
    show_labels(panels[0], labels, palette, f"mask: {height} × {width}")
    for axes, factor in zip(panels[1:], factors, strict=True):
        small = reduce_labels(labels[None], (math.ceil(height / factor), math.ceil(width / factor)))[0]
        show_labels(axes, small, palette, f"stride {factor}: {small.shape[0]} × {small.shape[1]}")
    class_legend(figure, classes, palette, columns=5, shown=[labels])
    return figure


def dilated_kernels(rates: Sequence[int] = (1, 6, 12, 18), side: int = 21) -> Figure:
    """The nine places that a 3 x 3 convolution reads for the middle of a map, for several rates of dilation.

    Args:
        rates: distances between neighbouring places, cells.
        side: of the map, cells; beyond it lies padding, zeros.
    """
    figure = new_figure(8.4, 2.85)
    centre = side // 2
    margin = max(1, max(rates) - centre + 1)
    for axes, rate in zip(figure.subplots(1, len(rates)), rates, strict=True):
        axes.add_patch(Rectangle((-0.5, -0.5), side, side, facecolor="white"))
        lines = np.arange(0.5, side - 1)
        axes.hlines(lines, -0.5, side - 0.5, color="#DDDDDD", linewidth=0.4)
        axes.vlines(lines, -0.5, side - 0.5, color="#DDDDDD", linewidth=0.4)
        for row, column in product((centre - rate, centre, centre + rate), repeat=2):
            inside = 0 <= row < side and 0 <= column < side
            colour = COLOURS["red" if row == column == centre else "blue"]
            look = {"facecolor": colour if inside else "white", "edgecolor": colour, "linewidth": 0.9, "zorder": 2}
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **look))
        edge = {"fill": False, "edgecolor": COLOURS["ink"], "linewidth": 0.9, "zorder": 3}
        axes.add_patch(Rectangle((-0.5, -0.5), side, side, **edge))
        axes.set_facecolor("#E6E6E6")
        ends = (-margin - 0.5, side + margin - 0.5)
        axes.set(xlim=ends, ylim=ends[::-1], aspect="equal")
        axes.set_title(f"rate {rate}: spans {2 * rate + 1}")
        hide_axes(axes)
    entries = [
        Patch(facecolor=COLOURS["red"], label="output cell, read too"),
        Patch(facecolor=COLOURS["blue"], label="read"),
        Patch(facecolor="white", edgecolor=COLOURS["blue"], label="read, a zero"),
        Patch(facecolor="white", edgecolor=COLOURS["ink"], label=f"map, {side} × {side}"),
        Patch(facecolor="#E6E6E6", label="beyond its edge"),
    ]
    figure.legend(handles=entries, loc="outside lower center", ncols=len(entries), fontsize=8, handlelength=1.2)
    return figure


def features_on_a_plane(features: Mapping[str, Tensor], labels: Tensor, place: Tensor) -> Figure:
    """Two-dimensional features of a few classes, one panel a state; how dark a point is says its place in its class.

    Args:
        features: title -> (N, 2).
        labels: (N,) classes, at most four.
        place: (N,) from 0, pale, to 1, dark.
    """
    figure = new_figure(8.8, 3.2)
    panels = figure.subplots(1, len(features), sharex=True, sharey=True)
    strength = 0.25 + 0.75 * place[:, None].numpy()
    colours = np.array([to_rgb(COLOURS[name]) for name in ("blue", "red", "green", "purple")])[labels.numpy()]
    for axes, (title, points) in zip(panels, features.items(), strict=True):
        axes.axhline(0, color="#DDDDDD", linewidth=0.8, zorder=0)
        axes.axvline(0, color="#DDDDDD", linewidth=0.8, zorder=0)
        axes.scatter(*points.detach().T.numpy(), c=1 - strength * (1 - colours), s=14, linewidths=0)
        axes.set(title=title, aspect="equal")
        hide_axes(axes)
    return figure
