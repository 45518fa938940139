"""Figures of the fast loss: measured seconds against the size of the problem, and the price of sharing keys."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from reco_book.figures.style import COLOURS, legend_below, log_ticks
from reco_core.analysis.plots import new_figure

LOOKS = {"query": ("orange", "s--"), "class": ("blue", "o-")}
NAMES = {"plain": "plain transcription", "query": "own keys for each query", "class": "keys shared by a class"}
BASE = {"classes": 21, "queries": 256, "keys": 512}
"""What stays as it is while another number changes; every row of the table of sizes has these queries and keys."""


def plain_points(sizes: Sequence[Mapping[str, Any]], base_images: int = 4) -> dict[str, list[tuple[int, float]]]:
    """Where the table of sizes holds the plain version in the panels of `growth_curves`: panel -> (value, seconds)."""
    threads = max(row["threads"] for row in sizes)
    points: dict[str, list[tuple[int, float]]] = {name: [] for name in ("pixels", *BASE)}
    for row in sizes:
        images, classes, side = row["size"]
        if (row["threads"], row["memory_format"], classes, side) != (threads, "contiguous", BASE["classes"], 81):
            continue
        points["pixels"].append((images * side**2, row["seconds"]["plain"]))
        if images == base_images:
            for name, value in BASE.items():
                points[name].append((value, row["seconds"]["plain"]))
    return points


def growth_curves(
    growth: Mapping[str, Sequence[Mapping[str, float]]], plain: Mapping[str, Sequence[tuple[int, float]]]
) -> Figure:
    """Seconds of the loss against pixels, classes, queries and keys, both axes logarithmic.

    Args:
        growth: what changes -> measurements, each with its value and the seconds of every variant.
        plain: what changes -> (value, seconds) where the plain version was measured, drawn as marks without a line.
    """
    figure = new_figure(9.0, 3.3)
    panels = figure.subplots(1, len(growth), sharey=True)
    for axes, (name, rows) in zip(panels, growth.items(), strict=True):
        values = [row[name] for row in rows]
        for variant in (key for key in rows[0] if key != name):
            colour, line = LOOKS[variant]
            seconds = [row[variant] for row in rows]
            axes.plot(values, seconds, line, color=COLOURS[colour], label=NAMES[variant], markersize=4)
        axes.plot(*zip(*plain[name], strict=True), "^", color=COLOURS["grey"], label=NAMES["plain"], markersize=7)
        axes.set(yscale="log", xlabel=name)
        log_ticks(axes, values, [f"{value / 1000:.0f}k" if value >= 2000 else str(value) for value in values])
    low, high = panels[0].get_ylim()
    decades = [10.0**power for power in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)]
    panels[0].set_yticks(decades, [f"{value:g}" for value in decades])
    panels[0].set(ylim=(decades[0], decades[-1]), ylabel="seconds, forward and backward")
    for axes in panels:
        axes.grid(axis="y", linewidth=0.5, color="#DDDDDD")
        axes.minorticks_off()
    legend_below(figure, fontsize=9)
    return figure


def bar_ladder(seconds: Mapping[str, float], forward_only: Sequence[str] = ()) -> Figure:
    """Seconds of each way of computing the loss, on a logarithmic axis.

    Args:
        seconds: way -> seconds, forward and backward.
        forward_only: ways that compute no gradient; their bars are hatched.
    """
    figure = new_figure(7.2, 0.8 + 0.5 * len(seconds))
    axes = figure.subplots()
    bars = axes.barh(range(len(seconds)), list(seconds.values()), color=COLOURS["sky"], edgecolor=COLOURS["blue"])
    notes = [f"{value:.3g} s" + ", forward only" * (name in forward_only) for name, value in seconds.items()]
    axes.bar_label(bars, notes, padding=4, fontsize=9)
    for bar, name in zip(bars, seconds, strict=True):
        if name in forward_only:
            bar.set(hatch="///", facecolor="white")
    axes.set_yticks(range(len(seconds)), list(seconds))
    axes.invert_yaxis()
    filled = "seconds; filled bars: forward and backward"
    axes.set(xscale="log", xlabel=filled if forward_only else "seconds, forward and backward")
    axes.set_xlim(min(seconds.values()) / 4, 8 * max(seconds.values()))
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
        hollow = {"markersize": 9, "markerfacecolor": "none"} if variant == "query" else {"markersize": 5}
        axes.plot(list(values), list(values.values()), line, color=COLOURS[colour], label=NAMES[variant], **hollow)
    axes.set(xlabel="keys", ylabel="noise over signal")
    axes.margins(x=0.06, y=0.14)  # a mark at the top is not cut off
    log_ticks(axes, values)
    axes.legend(fontsize=9)
    return figure


TIME_HEADER = ("images × classes × pixels", "threads", "plain, s", "own, s", "shared, s", "one copy, s")
MEMORY_HEADER = ("images × classes × pixels", "plain", "own", "shared")


def _size_of(row: Mapping[str, Any]) -> str:
    """How a row of either table is called: sizes, and the layout where it is not the usual one."""
    batch, classes, side = row["size"]
    layout = "" if row["memory_format"] == "contiguous" else f", {row['memory_format'].replace('_', ' ')}"
    return f"{batch} × {classes} × {side}²{layout}"


def time_table(sizes: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the benchmark's times: size, threads, seconds of each variant with times faster than plain, a copy's."""
    rows = []
    for row in sizes:
        seconds, faster = row["seconds"], row["times_faster_than_plain"]
        ours = [f"{seconds[name]:.3g} ({faster[name]:.0f} ×)" for name in ("query", "class")]
        copied = f"{row['roofline_seconds']:.3g}"
        rows.append([_size_of(row), str(row["threads"]), f"{seconds['plain']:.3g}", *ours, copied])
    return rows


def memory_table(sizes: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the benchmark's peak memory, in representations: one for each size, for it depends on no thread."""
    rows = {}
    for row in sizes:
        memory = row["peak_memory_over_representation"]
        rows.setdefault(_size_of(row), [f"{memory[name]:.2f}" for name in ("plain", "query", "class")])
    return [[size, *values] for size, values in rows.items()]


def relative_noise(gradients: np.ndarray) -> float:
    """Standard deviation of a random vector, over all its entries together, divided by the length of its mean.

    Args:
        gradients: (draws, entries).
    """
    mean = gradients.mean(axis=0)
    return float(np.sqrt(gradients.var(axis=0, ddof=1).sum()) / np.linalg.norm(mean))
