"""Figures of the ablation chapter: the paper's bars (Fig. 7, Table 4) beside recorded runs, never on one axis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reco_book.cells import STRATEGIES
from reco_book.compare import Bar
from reco_book.figures.intervals import draw_bars, draw_forest, draw_seeds, forest_legend
from reco_book.figures.style import COLOURS, legend_below, log_ticks
from reco_book.seeds import Summary
from reco_core.analysis.plots import new_figure

ROOM = 0.35
"""Room above and below the bars, as a share of the range that they span."""


def panels(recorded: Mapping[str, Mapping[str, Sequence[Bar]]], paper: str = "paper: Cityscapes, 20 labels") -> Figure:
    """Fig. 7: each column a panel, the paper's bars above, recorded runs below; a cross where there is no record.

    Every row has its own axis, cut alike in all panels of the row, so every bar carries its number: compare
    differences within a row, not heights between rows. The bars of a row stand for the seeds that all of them have.

    Args:
        recorded: what a row shows, such as "recorded: CamVid, 20 labels" -> title of the panel -> its bars. All
            rows have the same panels.
        paper: what the first row shows.
    """
    first = next(iter(recorded.values()))
    told = {title: [replace(bar, scores={0: bar.paper}) for bar in bars] for title, bars in first.items()}
    rows = {paper: told} | {name: _on_shared_seeds(found) for name, found in recorded.items()}
    counts = [len(bars) for bars in first.values()]
    figure = new_figure(1.2 + 0.62 * sum(counts), 0.4 + 2.5 * len(rows))
    grid = figure.subplots(len(rows), len(first), squeeze=False, sharey="row", width_ratios=counts)
    for row, (name, found) in zip(grid, rows.items(), strict=True):
        for axes, bars in zip(row, found.values(), strict=True):
            _draw_bars(axes, bars, with_seeds=found is not told)
            axes.tick_params(labelsize=8, labelbottom=name == list(rows)[-1])
        _cut(row[0], [score for bars in found.values() for bar in bars for score in bar.scores.values()])
        for axes, bars in zip(row, found.values(), strict=True):
            _crosses(axes, bars)
        row[0].set_ylabel(f"{name}\nmean IoU, %")
    for axes, title in zip(grid[0], first, strict=True):
        axes.set_title(title)
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


KINDS = {"standard": COLOURS["blue"], "changed": COLOURS["sky"], "no ReCo": COLOURS["grey"]}
"""The paper's own choice stands out."""


def _draw_bars(axes: Axes, bars: Sequence[Bar], with_seeds: bool) -> None:
    """Means as bars with their numbers; with their standard deviation as a line and every seed as a dot."""
    kinds = ["no ReCo" if "no ReCo" in bar.label else "standard" if bar.is_standard else "changed" for bar in bars]
    values = {_wrapped(bar.label): {kind: bar.summary} for bar, kind in zip(bars, kinds, strict=True)}
    line = {"color": COLOURS["ink"], "linewidth": 1.2}
    draw_bars(axes, values, KINDS, width=0.75, dodge=False, errorbar="sd", capsize=0.15, err_kws=line, legend=False)
    if with_seeds:
        dot = {"size": 4, "edgecolor": COLOURS["ink"], "linewidth": 0.8}
        draw_seeds(axes, values, dict.fromkeys(KINDS, "white"), apart=True, dodge=False, **dot)
    for place, summary in enumerate(bar.summary for bar in bars):
        if not summary.values:
            continue
        top = max(*summary.values, summary.mean + (summary.sd if len(summary.values) > 1 else 0))
        offset = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "fontsize": 7}
        axes.annotate(f"{summary.mean:.1f}", (place, top), **offset)


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
        axes.plot(values, spread[name], "o-", color=COLOURS["blue"], label="between draws, one batch")
        slope = [spread[name][0] * (values[0] / value) ** 0.5 for value in values]
        axes.plot(values, slope, ":", color=COLOURS["grey"], label="falls as 1 / √n")
        axes.axhline(between_batches, color=COLOURS["red"], linewidth=1.2, linestyle="--", label="between batches")
        axes.set(yscale="log", xlabel=name)
        log_ticks(axes, values)
    figure.axes[0].set_yticks((0.1, 0.2, 0.5, 1.0), ("0.1", "0.2", "0.5", "1"))
    figure.axes[0].set_ylabel("relative deviation ρ\nof the gradient")
    legend_below(figure)
    return figure


def differences_to_ours(paper: Mapping[str, float], recorded: Mapping[str, Mapping[str, Summary]]) -> Figure:
    """Differences to the book's standard run: the paper's as a diamond, recorded ones as dots with their interval.

    Args:
        paper: what was changed -> the paper's difference, points of mean IoU; NaN where it gives none.
        recorded: of which images, such as "CamVid" -> what was changed -> paired differences; a change that nobody
            has recorded has no mark.
    """
    figure = new_figure(7.2, 1.3 + (0.2 + 0.17 * len(recorded)) * len(paper))
    axes = figure.subplots()
    found = {change: {name: of[change] for name, of in recorded.items() if change in of} for change in paper}
    colours = dict(zip(recorded, (COLOURS["blue"], COLOURS["green"]), strict=False))
    draw_forest(axes, found, colours, paper)
    for row in range(len(paper) - 1):
        axes.axhline(row + 0.5, color=COLOURS["grey"], linewidth=0.3)
    axes.set_xlabel("difference in mean IoU, points")
    forest_legend(figure, colours, "paper: Cityscapes, 20 labels")
    return figure
