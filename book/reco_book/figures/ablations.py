"""Figures of the ablation chapter: the paper's bars (Fig. 7, Table 4) beside recorded runs, never on one axis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reco_book.cells import STRATEGIES
from reco_book.compare import Bar
from reco_book.figures.style import COLOURS
from reco_book.seeds import Summary
from reco_core.analysis.plots import new_figure

ROOM = 0.35
"""Room above and below the bars, as a share of the range that they span."""


def panels(recorded: Mapping[str, Mapping[str, Sequence[Bar]]], paper: str = "paper: Cityscapes, 20 labels") -> Figure:
    """Fig. 7: each column a panel, the paper's bars above, recorded runs below; a cross where there is no record.

    Every row has its own axis, cut alike in all panels of the row, so every bar carries its number: compare
    differences within a row, not heights between rows. The bars of a row stand for the seeds that all of them have.

    Args:
        recorded: what a row shows, such as "recorded: toyscapes, 20 labels" -> title of the panel -> its bars. All
            rows have the same panels.
        paper: what the first row shows.
    """
    recorded = {name: _on_shared_seeds(found) for name, found in recorded.items()}
    first = next(iter(recorded.values()))
    counts = [len(bars) for bars in first.values()]
    figure = new_figure(1.2 + 0.62 * sum(counts), 0.4 + 2.5 * (1 + len(recorded)))
    grid = figure.subplots(1 + len(recorded), len(first), squeeze=False, sharey="row", width_ratios=counts)
    for axes, (title, bars) in zip(grid[0], first.items(), strict=True):
        axes.set_title(title)
        drawn = axes.bar(range(len(bars)), [bar.paper for bar in bars], color=_colours(bars), width=0.75)
        axes.bar_label(drawn, fmt="%.1f", fontsize=7, padding=1)
    _cut(grid[0, 0], [bar.paper for bars in first.values() for bar in bars])
    for row, found in zip(grid[1:], recorded.values(), strict=True):
        for axes, bars in zip(row, found.values(), strict=True):
            _recorded(axes, bars)
        _cut(row[0], [score for bars in found.values() for bar in bars for score in bar.scores.values()])
        for axes, bars in zip(row, found.values(), strict=True):
            _crosses(axes, bars)
    for number, name in enumerate((paper, *recorded)):
        grid[number, 0].set_ylabel(f"{name}\nmean IoU, %")
        for axes, bars in zip(grid[number], first.values(), strict=True):
            axes.set_xticks(range(len(bars)), [_wrapped(bar.label) for bar in bars], fontsize=8)
            axes.set_xlim(-0.6, len(bars) - 0.4)
            axes.tick_params(labelbottom=number == len(recorded))
    return figure


def _on_shared_seeds(panels: Mapping[str, Sequence[Bar]]) -> dict[str, list[Bar]]:
    """A row's bars without the seeds that one of its records lacks: some seeds are harder than others."""
    found = [set(bar.scores) for bars in panels.values() for bar in bars if bar.scores]
    shared = set.intersection(*found) if found else set()
    if not shared:
        return {title: list(bars) for title, bars in panels.items()}
    return {
        title: [replace(bar, scores={seed: bar.scores[seed] for seed in sorted(shared) if bar.scores}) for bar in bars]
        for title, bars in panels.items()
    }


def _crosses(axes: Axes, bars: Sequence[Bar]) -> None:
    """Mark what nobody has recorded, near the foot of the axes as they are cut."""
    low, high = axes.get_ylim()
    for place, bar in enumerate(bars):
        if not bar.scores:
            axes.plot(place, low + 0.05 * (high - low), "x", color=COLOURS["grey"], markersize=6)


def _recorded(axes: Axes, bars: Sequence[Bar]) -> None:
    """Mean as a bar, its standard deviation as a line, every seed as a dot."""
    for place, (bar, colour) in enumerate(zip(bars, _colours(bars), strict=True)):
        if not bar.scores:
            continue
        summary = bar.summary
        axes.bar(place, summary.mean, color=colour, width=0.75)
        top = max(*summary.values, summary.mean + (summary.sd if len(bar.scores) > 1 else 0))
        axes.annotate(f"{summary.mean:.1f}", (place, top), (0, 5), textcoords="offset points",
                      ha="center", fontsize=7)  # fmt: skip
        if len(bar.scores) > 1:
            axes.errorbar(place, summary.mean, summary.sd, color=COLOURS["ink"], capsize=3, linewidth=1.2)
        step = min(0.18, 0.6 / len(bar.scores))
        shifts = [step * (number - (len(bar.scores) - 1) / 2) for number in range(len(bar.scores))]
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


def differences_to_ours(paper: Mapping[str, float], recorded: Mapping[str, Mapping[str, Summary]]) -> Figure:
    """Differences to the book's standard run: the paper's as a diamond, recorded ones as dots with their interval.

    Args:
        paper: what was changed -> the paper's difference, points of mean IoU; NaN where it gives none.
        recorded: of which images, such as "toyscapes" -> what was changed -> paired differences; a change that nobody
            has recorded has no mark.
    """
    figure = new_figure(7.2, 1.3 + (0.2 + 0.17 * len(recorded)) * len(paper))
    axes = figure.subplots()
    axes.plot(
        list(paper.values()), [row - 0.3 for row in range(len(paper))], "D", color=COLOURS["orange"], markersize=5,
        linestyle="none", label="paper: Cityscapes, 20 labels",
    )  # fmt: skip
    colours, markers = (COLOURS["blue"], COLOURS["green"]), "os"
    for number, (name, changes) in enumerate(recorded.items()):
        for row, change in enumerate(paper):
            summary = changes.get(change)
            if summary is None or not summary.values:
                continue
            height = row - 0.05 + 0.3 * number
            axes.plot(
                summary.values, [height] * len(summary.values), markers[number], color=colours[number], markersize=4,
                markerfacecolor="none", linestyle="none",
            )  # fmt: skip
            if len(summary.values) > 1:
                axes.plot(summary.interval(), [height] * 2, color=colours[number], linewidth=1.4)
            axes.plot(summary.mean, height, "|", color=colours[number], markersize=10, markeredgewidth=2.5)
        axes.plot(
            [], [], f"{markers[number]}-", color=colours[number], markerfacecolor="none", markersize=4, label=name
        )
    axes.axvline(0, color=COLOURS["grey"], linewidth=0.8)
    axes.set_yticks(range(len(paper)), list(paper))
    axes.set_ylim(len(paper) - 0.4, -0.6)
    for row in range(len(paper) - 1):
        axes.axhline(row + 0.5, color=COLOURS["grey"], linewidth=0.3)
    axes.set_xlabel("difference in mean IoU, points")
    figure.legend(loc="outside lower center", ncols=3)
    return figure
