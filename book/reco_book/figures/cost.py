"""Figures of the fast loss: measured seconds against the size of the problem, and the price of sharing keys."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reco_book.figures.style import COLOURS, legend_below, log_ticks
from reco_core.analysis.plots import new_figure

LOOKS = {"query": ("orange", "s"), "class": ("blue", "o")}
NAMES = {"plain": "plain tensors", "query": "own keys for each query", "class": "keys shared by a class"}
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


def growth_curves(machines: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Seconds of the loss against pixels, classes, queries and keys, both axes logarithmic.

    Args:
        machines: name -> its benchmark. "growth" holds, for what changes, measurements with its value and the seconds
            of each variant: lines. "sizes" says where the plain version was measured: triangles. The first machine has
            filled marks and solid lines, the second hollow marks and dashed lines.
    """
    figure = new_figure(6.8, 6.0)
    changing = next(iter(machines.values()))["growth"]
    panels = figure.subplots(2, 2, sharey=True).flatten()
    for (machine, found), line, hollow in zip(machines.items(), ("-", "--"), (False, True), strict=False):
        look = {"linestyle": line, "markersize": 5} | ({"markerfacecolor": "white"} if hollow else {})
        plain = plain_points(found["sizes"])
        for axes, (name, rows) in zip(panels, found["growth"].items(), strict=True):
            axes.plot(
                *zip(*plain[name], strict=True), **{**look, "linestyle": "", "markersize": 7}, marker="^",
                color=COLOURS["grey"], label=f"{machine}: {NAMES['plain']}",
            )  # fmt: skip
            for variant in (key for key in rows[0] if key != name):
                colour, mark = LOOKS[variant]
                points = [(row[name], row[variant]) for row in rows]
                label = f"{machine}: {NAMES[variant]}"
                axes.plot(*zip(*points, strict=True), **look, marker=mark, color=COLOURS[colour], label=label)
    _growth_axes(panels, changing)
    legend_below(figure, columns=len(machines), fontsize=9)
    return figure


def _growth_axes(panels: Sequence[Axes], changing: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Ticks at the measured values, and decades of seconds."""
    for axes, (name, rows) in zip(panels, changing.items(), strict=True):
        values = [row[name] for row in rows]
        axes.set(yscale="log", xlabel=name)
        log_ticks(axes, values, [f"{value / 1000:.0f}k" if value >= 2000 else str(value) for value in values])
    low, high = panels[0].get_ylim()
    decades = [10.0**power for power in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)]
    panels[0].set_yticks(decades, [f"{value:g}" for value in decades])
    panels[0].set_ylim(decades[0], decades[-1])
    for axes in panels[::2]:
        axes.set_ylabel("seconds, forward and backward", fontsize=9)
    for axes in panels:
        axes.grid(axis="y", linewidth=0.5, color="#DDDDDD")
        axes.minorticks_off()


STEPS = (
    ("1 plain tensors", "plain", None),
    ("2 gradient in closed form", "query", "plain"),
    ("3 shared keys", "class", "query"),
    ("2 and 3 together", "class", "plain"),
)
"""Name of a step, its variant in the benchmark, and the variant that it is compared with."""


def gains_header(machines: Iterable[str]) -> list[str]:
    """The header of `gains_table`."""
    return ["Step", *(f"{machine}, {what}" for machine in machines for what in ("time", "memory"))]


def gains_table(
    machines: Mapping[str, Mapping[str, Any]], size: tuple[int, int, int] = (20, 21, 81)
) -> list[list[str]]:
    """What each step towards the fast loss buys: time and memory divided by how much, on each machine.

    The first row has seconds and representations (the memory beyond the inputs). Compiling is measured by itself.

    Args:
        machines: name -> its benchmark, with "sizes" and "compiled".
        size: images, classes, side: a row of "sizes", in the usual memory format and with the most threads.

    Raises:
        ValueError: a machine without that size.
    """
    rows = [[name] for name, *_ in STEPS] + [["4 compiled"]]
    for machine, found in machines.items():
        fitting = [row for row in found["sizes"] if (*row["size"], row["memory_format"]) == (*size, "contiguous")]
        if not fitting:
            raise ValueError(f"{machine} has no measurement of size {size}")
        measured = max(fitting, key=lambda row: row["threads"])
        seconds, memory = measured["seconds"], measured["peak_memory_over_representation"]
        for row, (_, variant, before) in zip(rows, STEPS, strict=False):
            if before is None:
                row += [f"{seconds[variant]:.2g} s", f"{memory[variant]:.1f} R"]
            else:
                row += [_times(seconds[before] / seconds[variant]), _times(memory[before] / memory[variant])]
        rows[-1] += [_times(found["compiled"]["eager"] / found["compiled"]["compiled"]), ""]
    return [*rows[:3], rows[4], rows[3]]


def _times(ratio: float) -> str:
    return f"÷ {ratio:.1f}" if ratio < 10 else f"÷ {ratio:.0f}"


def gradient_noise(noise: Mapping[str, Mapping[int, float]]) -> Figure:
    """How much the drawn gradient scatters around its mean, against the number of keys.

    Args:
        noise: variant -> number of keys -> standard deviation of the gradient over the length of its mean.
    """
    figure = new_figure(6.0, 3.0)
    axes = figure.subplots()
    for variant, values in noise.items():
        colour, mark = LOOKS[variant]
        look: dict[str, Any] = {"marker": mark, "color": COLOURS[colour], "label": NAMES[variant]}
        look |= {"linestyle": "--", "markersize": 9, "markerfacecolor": "none"} if variant == "query" else {}
        axes.plot(list(values), list(values.values()), **look)
    axes.set(xlabel="keys", ylabel="relative deviation")
    axes.margins(x=0.06, y=0.14)  # a mark at the top is not cut off
    log_ticks(axes, values)
    axes.legend(fontsize=9)
    return figure


def relative_noise(gradients: np.ndarray) -> float:
    """Standard deviation of a random vector, over all its entries together, divided by the length of its mean.

    Args:
        gradients: (draws, entries).
    """
    mean = gradients.mean(axis=0)
    return float(np.sqrt(gradients.var(axis=0, ddof=1).sum()) / np.linalg.norm(mean))
