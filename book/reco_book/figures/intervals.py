"""What the chapters draw of several seeds, with seaborn: each seed as a dot, means with their interval, bars."""

from collections.abc import Mapping, Sequence
from typing import Any

import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas import DataFrame

from reco_book.figures.style import COLOURS, ZERO
from reco_book.seeds import Summary

Values = Mapping[str, dict[str, Summary]]
"""Place on the axis -> series -> what its seeds have."""


def draw_seeds(
    axes: Axes, values: Values, colours: Mapping[str, str], upright: bool = True, hollow: bool = False,
    apart: bool = False, **options: Any,
) -> None:  # fmt: skip
    """Every seed as a dot, or hollow as a ring.

    Args:
        axes: to draw on.
        values: what is drawn, in the order of the places.
        colours: series -> colour, in the order in which they stand beside each other at a place.
        upright: values run upwards, places to the right; else values to the right, places downwards.
        hollow: rings.
        apart: dots that would cover each other move aside.
        options: of `seaborn.stripplot` or, apart, `swarmplot`.
    """
    before = len(axes.collections)
    asked = _asked(axes, values, colours, upright) | {"dodge": len(colours) > 1, "legend": False} | options
    seaborn.swarmplot(**asked, warn_thresh=1) if apart else seaborn.stripplot(**asked, jitter=False)
    for dots in axes.collections[before:] if hollow else []:
        dots.set(edgecolor=dots.get_facecolor(), facecolor="none", linewidth=1.2)
    _name_places(axes, values, upright)


def draw_means(
    axes: Axes, values: Values, colours: Mapping[str, str], upright: bool = True, markers: str | Sequence[str] = "o",
    least: int = 1, **options: Any,
) -> None:  # fmt: skip
    """The mean over seeds as a mark, on the line of its 95 % interval (:eq:`eq-t-interval`) where there are two seeds.

    Args:
        axes, values, colours, upright: of `draw_seeds`, beside whose dots the means stand.
        markers: one for all, or one a series.
        least: seeds below which a mean is left out.
        options: of `seaborn.pointplot`; `errorbar=None` leaves out the intervals.
    """
    kept = {place: {name: one for name, one in found.items() if len(one.values) >= least}
            for place, found in values.items()}  # fmt: skip
    asked = _asked(axes, kept, colours, upright) | {
        "markers": markers, "markersize": 5, "linestyle": "none", "linewidth": 1.4, "err_kws": {"linewidth": 1.4},
        "dodge": 0.8 - 0.8 / len(colours) or False,  # as far apart as stripplot puts the seeds
        "errorbar": lambda seeds: Summary(tuple(seeds)).interval(),
    }  # fmt: skip
    seaborn.pointplot(**(asked | options))
    _name_places(axes, values, upright)


def draw_bars(axes: Axes, values: Values, colours: Mapping[str, str], upright: bool = True, **options: Any) -> None:
    """The mean over seeds as a bar; arguments of `draw_seeds`, options of `seaborn.barplot`."""
    seaborn.barplot(**(_asked(axes, values, colours, upright) | {"saturation": 1, "errorbar": None} | options))
    _name_places(axes, values, upright)


def draw_forest(
    axes: Axes, recorded: Values, colours: Mapping[str, str], paper: Mapping[str, float] | None = None, **options: Any
) -> None:
    """Differences from top to bottom: seeds as rings, their mean as a bar on its interval, the paper's as a diamond.

    Args:
        axes: to draw on.
        recorded: place -> series -> differences.
        colours: of the series.
        paper: place -> the paper's difference, NaN where it has none; above the others.
        options: such as `dodge=False`, for series that stand at different places.
    """
    series = colours if paper is None else {"paper": COLOURS["orange"]} | colours
    draw_seeds(axes, recorded, series, upright=False, hollow=True, size=4, **options)
    look = {"upright": False, "markerfacecolor": "none", "zorder": 4} | options
    draw_means(axes, recorded, series, markers="|", markersize=11, markeredgewidth=2.5, **look)
    if paper is not None:
        told = {place: {"paper": Summary((difference,))} for place, difference in paper.items()}
        draw_means(axes, told, series, markers="D", markersize=6, markeredgewidth=1.8, **look)
    axes.axvline(0, **ZERO)


def forest_legend(figure: Figure, colours: Mapping[str, str], paper: str) -> None:
    """What the marks of `draw_forest` are, below: the paper's, and each series'."""
    looks = {paper: {"marker": "D", "color": COLOURS["orange"], "linestyle": "none"}}
    looks |= {name: {"marker": "o", "color": colour} for name, colour in colours.items()}
    marks = [Line2D([], [], markerfacecolor="none", markersize=5, label=name, **look) for name, look in looks.items()]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks))


def _name_places(axes: Axes, values: Values, upright: bool) -> None:
    """The places as they are without any value, too; entries for a legend stay, but the axes have none."""
    if legend := axes.get_legend():
        legend.remove()
    axes.set(xlabel="", ylabel="")
    (axes.set_xticks if upright else axes.set_yticks)(range(len(values)), list(values))
    ends = -0.5, len(values) - 0.5
    axes.set_xlim(ends) if upright else axes.set_ylim(ends[::-1])


def _asked(axes: Axes, values: Values, colours: Mapping[str, str], upright: bool) -> dict[str, Any]:
    """What seaborn is asked in every case: a table of one line a seed, and which column goes where."""
    lines = [(place, name, value) for place, found in values.items() for name, one in found.items()
             for value in one.values]  # fmt: skip
    table = DataFrame(lines, columns=["place", "series", "value"])
    where = {"x": "place", "y": "value"} if upright else {"x": "value", "y": "place", "orient": "y"}
    series = {"hue": "series", "hue_order": list(colours), "palette": dict(colours)}
    return {"data": table, "ax": axes, "order": list(values), **where, **series}
