"""Figures of the fast loss: measured seconds against the size of the problem, and the price of sharing keys."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from reco_core.figures.style import COLOURS, new_figure

LOOKS = {"plain": ("grey", "^:"), "query": ("orange", "s--"), "class": ("blue", "o-")}
NAMES = {"plain": "plain transcription", "query": "own keys for each query", "class": "keys shared by a class"}


def growth_curves(growth: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Seconds of the loss against pixels, classes, queries and keys, both axes logarithmic.

    Args:
        growth: what changes -> measurements, each with its value and the seconds of every variant.
    """
    figure = new_figure(9.0, 2.9)
    panels = figure.subplots(1, len(growth), sharey=True)
    for axes, (name, rows) in zip(panels, growth.items(), strict=True):
        values = [row[name] for row in rows]
        for variant in (key for key in rows[0] if key != name):
            colour, line = LOOKS[variant]
            seconds = [row[variant] for row in rows]
            axes.plot(values, seconds, line, color=COLOURS[colour], label=NAMES[variant], markersize=4)
        axes.set(xscale="log", yscale="log", xlabel=name)
        axes.set_xticks(values, [f"{value / 1000:.0f}k" if value >= 2000 else str(value) for value in values])
        axes.minorticks_off()
    panels[0].set_ylabel("seconds, forward and backward")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)
    return figure


def bar_ladder(seconds: Mapping[str, float], floor: float | None = None) -> Figure:
    """Seconds of each way of computing the loss, on a logarithmic axis, and the least that memory allows."""
    figure = new_figure(7.2, 0.8 + 0.5 * len(seconds))
    axes = figure.subplots()
    axes.barh(range(len(seconds)), list(seconds.values()), color=COLOURS["sky"], edgecolor=COLOURS["blue"])
    for place, value in enumerate(seconds.values()):
        axes.annotate(f"{value:.3g} s", (value, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    if floor is not None:
        axes.axvline(floor, color=COLOURS["red"], linestyle="--", label="one copy of the representation")
        axes.legend(fontsize=8, loc="lower right")
    axes.set_yticks(range(len(seconds)), list(seconds))
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="seconds, forward and backward")
    axes.set_xlim(min(seconds.values()) / 4, 6 * max(seconds.values()))
    axes.xaxis.set_minor_formatter(NullFormatter())
    return figure


def gradient_noise(noise: Mapping[str, Mapping[int, float]]) -> Figure:
    """How much the drawn gradient scatters around its mean, against the number of keys.

    Args:
        noise: variant -> number of keys -> standard deviation of the gradient over the length of its mean.
    """
    figure = new_figure(6.0, 3.0)
    axes = figure.subplots()
    for variant, values in noise.items():
        colour, line = LOOKS[variant]
        axes.plot(list(values), list(values.values()), line, color=COLOURS[colour], label=NAMES[variant], markersize=5)
    axes.set(xscale="log", xlabel="keys", ylabel="noise over signal", ylim=(0, None))
    axes.set_xticks(list(values), [str(count) for count in values])
    axes.minorticks_off()
    axes.legend(fontsize=9)
    return figure


SIZE_HEADER = (
    "images × classes × pixels", "layout", "threads", "plain, s", "own, s", "shared, s", "own is faster",
    "shared is faster", "memory: plain", "own", "shared", "one copy, s",
)  # fmt: skip


def size_table(sizes: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the benchmark's table: size, threads, seconds of each variant, times faster, peak memory."""
    rows = []
    for row in sizes:
        batch, classes, side = row["size"]
        seconds, faster = row["seconds"], row["times_faster_than_plain"]
        memory = row["peak_memory_over_representation"]
        rows.append([
            f"{batch} × {classes} × {side}²", row["memory_format"].replace("_", " "), str(row["threads"]),
            *(f"{seconds[name]:.3g}" for name in ("plain", "query", "class")),
            *(f"{faster[name]:.0f} ×" for name in ("query", "class")),
            *(f"{memory[name]:.2f}" for name in ("plain", "query", "class")),
            f"{row['roofline_seconds']:.3g}",
        ])  # fmt: skip
    return rows


def relative_noise(gradients: np.ndarray) -> float:
    """Standard deviation of a random vector, over all its entries together, divided by the length of its mean.

    Args:
        gradients: (draws, entries).
    """
    mean = gradients.mean(axis=0)
    return float(np.sqrt(gradients.var(axis=0, ddof=1).sum()) / np.linalg.norm(mean))
