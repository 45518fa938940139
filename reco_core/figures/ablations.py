"""Figures of the ablation chapter: the paper's bars (Fig. 7, Table 4) beside recorded runs, never on one axis."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reco_core.compare import STRATEGIES, Bar
from reco_core.figures.style import COLOURS, new_figure
from reco_core.results import summarise

ROOM = 0.35
"""Room above and below the bars, as a share of the range that they span."""


def panels(found: Mapping[str, Sequence[Bar]], ours: str, paper: str = "paper: Cityscapes, 20 labels") -> Figure:
    """Fig. 7: each column a panel, the paper's bars above, recorded runs below; a cross where there is no record.

    The two rows have their own axes, cut alike in all panels of a row, so every bar carries its number: compare
    differences within a row, not heights between rows.

    Args:
        found: title of the panel -> its bars.
        ours: what the lower row shows, such as "recorded: toyscapes, 20 labels".
        paper: the same of the upper row.
    """
    counts = [len(bars) for bars in found.values()]
    figure = new_figure(1.2 + 0.62 * sum(counts), 5.4)
    grid = figure.subplots(2, len(found), squeeze=False, sharey="row", width_ratios=counts)
    for column, (title, bars) in enumerate(found.items()):
        upper, lower = grid[:, column]
        upper.set_title(title)
        drawn = upper.bar(range(len(bars)), [bar.paper for bar in bars], color=_colours(bars), width=0.75)
        upper.bar_label(drawn, fmt="%.1f", fontsize=7, padding=1)
        for axes in (upper, lower):
            axes.set_xticks(range(len(bars)), [_wrapped(bar.label) for bar in bars], fontsize=8)
            axes.set_xlim(-0.6, len(bars) - 0.4)
        upper.tick_params(labelbottom=False)
        _recorded(lower, bars)
    _cut(grid[0, 0], [bar.paper for bars in found.values() for bar in bars])
    _cut(grid[1, 0], [score for bars in found.values() for bar in bars for score in bar.scores.values()])
    for bars, axes in zip(found.values(), grid[1], strict=True):
        for place, bar in enumerate(bars):
            if not bar.scores:
                low, high = axes.get_ylim()
                axes.plot(place, low + 0.05 * (high - low), "x", color=COLOURS["grey"], markersize=6)
    grid[0, 0].set_ylabel(f"{paper}\nmean IoU, %")
    grid[1, 0].set_ylabel(f"{ours}\nmean IoU, %")
    return figure


def _recorded(axes: Axes, bars: Sequence[Bar]) -> None:
    """Mean as a bar, its standard deviation as a line, every seed as a dot."""
    for place, (bar, colour) in enumerate(zip(bars, _colours(bars), strict=True)):
        if not bar.scores:
            continue
        summary = bar.summary
        axes.bar(place, summary.mean, color=colour, width=0.75)
        axes.annotate(f"{summary.mean:.1f}", (place, max(summary.values)), (0, 5), textcoords="offset points",
                      ha="center", fontsize=7)  # fmt: skip
        if len(bar.scores) > 1:
            axes.errorbar(place, summary.mean, summary.sd, color=COLOURS["ink"], capsize=3, linewidth=1.2)
        shifts = [0.18 * (number - (len(bar.scores) - 1) / 2) for number in range(len(bar.scores))]
        axes.plot(
            [place + shift for shift in shifts], summary.values, "o", markersize=4, color="white",
            markeredgecolor=COLOURS["ink"], markeredgewidth=0.8, linestyle="none",
        )  # fmt: skip


def _colours(bars: Sequence[Bar]) -> list[str]:
    """The paper's own choice stands out; what has no ReCo is grey."""
    return [
        COLOURS["grey"] if "no ReCo" in bar.label else COLOURS["blue" if bar.is_standard else "sky"] for bar in bars
    ]


def _cut(axes: Axes, scores: Sequence[float]) -> None:
    """Limits that show differences: bars start at the same cut level in every panel of the row."""
    if scores:
        room = ROOM * max(max(scores) - min(scores), 0.5)
        axes.set_ylim(min(scores) - room, max(scores) + room)


def _wrapped(label: str) -> str:
    """At most two short lines below a bar; the four strategies as queries over keys."""
    strategy = STRATEGIES.get(label)
    return strategy.replace("+", "\n") if strategy else label.replace(", ", "\n")


def noise(sizes: Mapping[str, Sequence[int]], spread: Mapping[str, Sequence[float]], between_batches: float) -> Figure:
    """How far the gradient of one draw lies from the mean over draws, against the number of draws.

    Args:
        sizes: axis label -> numbers of queries or keys.
        spread: the same -> length of the deviation over the length of the mean gradient.
        between_batches: the same between batches of images.
    """
    figure = new_figure(7.4, 3.1)
    panes = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, (name, values) in zip(panes, sizes.items(), strict=True):
        axes.loglog(values, spread[name], "o-", color=COLOURS["blue"], label="between draws, one batch")
        slope = [spread[name][0] * (values[0] / value) ** 0.5 for value in values]
        axes.loglog(values, slope, ":", color=COLOURS["grey"], label="falls as 1 / √n")
        axes.axhline(between_batches, color=COLOURS["red"], linewidth=1.2, linestyle="--", label="between batches")
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        axes.set_xlabel(name)
    figure.axes[0].set_yticks((0.1, 0.2, 0.5, 1.0), ("0.1", "0.2", "0.5", "1"))
    figure.axes[0].set_ylabel("relative deviation ρ\nof the gradient")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def differences_to_ours(rows: Mapping[str, tuple[float, Mapping[int, float]]], ours: str, paper: str) -> Figure:
    """Differences to the book's standard run: the paper's as a diamond, recorded ones as dots with their interval.

    Args:
        rows: what was changed -> (the paper's difference or NaN, seed -> recorded difference), points of mean IoU.
        ours, paper: legend of the two.
    """
    figure = new_figure(7.2, 1.3 + 0.36 * len(rows))
    axes = figure.subplots()
    for row, (told, recorded) in enumerate(rows.values()):
        axes.plot(told, row - 0.18, "D", color=COLOURS["orange"], markersize=6, label=paper if row == 0 else None)
        summary = summarise(dict(recorded))
        axes.plot(
            summary.values, [row + 0.14] * len(summary.values), "o", color=COLOURS["sky"], markersize=5,
            label=ours if row == 0 else None,
        )  # fmt: skip
        if len(summary.values) > 1:
            axes.plot(summary.interval(), [row + 0.14] * 2, color=COLOURS["ink"], linewidth=1.4)
            axes.plot(summary.mean, row + 0.14, "|", color=COLOURS["ink"], markersize=12, markeredgewidth=2)
    axes.axvline(0, color=COLOURS["grey"], linewidth=0.8)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("difference in mean IoU, points")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
