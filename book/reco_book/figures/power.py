"""Figures of the chapter on seeds: intervals, pairs, power, the paper's gains, and the optimism of the best step."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from scipy import stats

from reco_book.figures.intervals import draw_means, draw_seeds
from reco_book.figures.style import COLOURS, ZERO, draw_curves, legend_below, log_ticks
from reco_book.power import paired_power
from reco_book.seeds import Summary, paired_difference
from reco_core.analysis.plots import new_figure

LOOKS = (("blue", "-"), ("orange", "--"), ("green", "-."), ("red", ":"))
"""Colour and line of a curve: distinguished without colour, too."""
_UNDECIDED = {"color": COLOURS["orange"], "linewidth": 1.8, "linestyle": (0, (2, 1))}
"""An interval that includes zero, beside solid ones that do not."""


def intervals(gain: float, sd: float, counts: Sequence[int], runs: Sequence[float], level: float = 0.95) -> Figure:
    """The interval that a gain has with more and more seeds, below the runs that the spread comes from.

    Args:
        gain: mean difference.
        sd: standard deviation of the differences.
        counts: numbers of seeds, a row each.
        runs: scores of single runs, drawn as distances from their mean.
        level: of the interval (:eq:`eq-t-interval`).
    """
    figure = new_figure(6.8, 1.5 + 0.42 * len(counts))
    axes = figure.subplots()
    mean = sum(runs) / len(runs)
    axes.plot([run - mean for run in runs], [0] * len(runs), "o", color=COLOURS["sky"], markersize=7)
    halves = [stats.t.ppf(0.5 + level / 2, count - 1) * sd / count**0.5 for count in counts]
    look = {"color": COLOURS["ink"], "elinewidth": 1.8, "markersize": 14, "markeredgewidth": 2}
    axes.errorbar([gain] * len(counts), range(1, 1 + len(counts)), xerr=halves, fmt="|", **look)
    axes.axvline(0, **ZERO)
    axes.axvline(gain, color=COLOURS["orange"], linewidth=1.4, linestyle="--")
    axes.annotate(f"gain {gain:+.2f}", (gain, -0.6), (4, 0), textcoords="offset points", va="center", fontsize=9)
    names = ["published runs − their mean", *(f"gain, {count} seeds" for count in counts)]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -1)
    axes.set_xlabel("points of mean IoU")
    return figure


def pairs(ours: Mapping[int, float], theirs: Mapping[int, float], names: tuple[str, str]) -> Figure:
    """Scores of two methods with a line for each seed, and the differences with their interval.

    Args:
        ours, theirs: seed -> mean IoU in percent; seeds that one of them lacks are left out.
        names: of theirs and ours.
    """
    seeds = sorted(set(ours) & set(theirs))
    figure = new_figure(7.2, 3.2)
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    scores = [[of[seed] for seed in seeds] for of in (theirs, ours)]
    left.plot([0, 1], scores, "o-", color=COLOURS["blue"], markersize=5, linewidth=1.2)
    columns = 2 if len(seeds) <= 8 else 5  # names of neighbours stand beside each other
    for place, seed in enumerate(sorted(seeds, key=lambda seed: ours[seed])):
        shift = 8 + 12 * (place % columns)
        left.annotate(str(seed), (1, ours[seed]), (shift, 0), textcoords="offset points", va="center", fontsize=8)
    left.set_xticks([0, 1], names)
    left.set_xlim(-0.3, 1.1 + 0.1 * columns)
    left.set(ylabel="mean IoU, %", title="a line a seed")
    difference = paired_difference(dict(ours), dict(theirs))
    single, mean = "seeds", "mean,\n95 % interval"
    draw_seeds(right, {single: {"": difference}, mean: {}}, {"": COLOURS["sky"]}, apart=True, size=7)
    look = {"markersize": 14, "markeredgewidth": 2, "err_kws": {"linewidth": 1.8}, "legend": False}
    draw_means(right, {single: {}, mean: {"": difference}}, {"": COLOURS["ink"]}, markers="_", **look)
    right.axhline(0, **ZERO)
    right.set(ylabel="difference, points", title="their differences")
    return figure


def as_seeds_join(differences: Mapping[str, Sequence[float]], first: int = 3) -> Figure:
    """How mean and interval change when seeds join one by one.

    Args:
        differences: title of a panel -> paired differences, points, in the order of their seeds.
        first: number of seeds of the first interval.
    """
    figure = new_figure(7.2, 3.0)
    panels = figure.subplots(1, len(differences), sharey=True, squeeze=False)[0]
    for axes, (title, values) in zip(panels, differences.items(), strict=True):
        counts = range(first, len(values) + 1)
        axes.axhline(0, **ZERO)
        axes.plot(range(1, len(values) + 1), values, "o", color=COLOURS["sky"], markersize=6)
        for count in counts:
            low, high = Summary(tuple(values[:count])).interval()
            style = {"color": COLOURS["ink"], "linewidth": 1.8} if low > 0 or high < 0 else _UNDECIDED
            axes.plot([count + 0.25, count + 0.25], [low, high], **style)
        means = [sum(values[:count]) / count for count in counts]
        axes.plot([count + 0.25 for count in counts], means, "_", color=COLOURS["ink"], markersize=9, markeredgewidth=2)
        axes.set_xticks(range(1, len(values) + 1))
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("seeds so far")
    panels[0].set_ylabel("difference, points")
    return figure


def power_curves(gains: Sequence[float], spreads: Mapping[str, float], wanted: float = 0.8, most: int = 1000) -> Figure:
    """Power against the number of seeds, a curve for each gain (:eq:`eq-power`).

    Args:
        gains: true mean differences, points.
        spreads: title of a panel -> standard deviation of the differences.
        wanted: power that is marked.
        most: seeds.
    """
    counts = sorted({*range(2, 20), *(round(20 * (most / 20) ** (step / 40)) for step in range(41))})
    figure = new_figure(7.6, 3.4)
    panes = figure.subplots(1, len(spreads), sharey=True, squeeze=False)[0]
    for axes, (title, sd) in zip(panes, spreads.items(), strict=True):
        power = {f"gain {gain:.2f}": [paired_power(gain, sd, count) for count in counts] for gain in gains}
        draw_curves(axes, counts, power, LOOKS, linewidth=2)
        axes.axhline(wanted, color=COLOURS["grey"], linewidth=0.8)
        axes.axvline(3, color=COLOURS["grey"], linewidth=0.8)
        ticks = [count for count in (2, 3, 5, 10, 30, 100, 300, 1000) if count <= most]
        log_ticks(axes, ticks, [f"{tick:,}" for tick in ticks])
        axes.set(xlabel="seeds", title=title, ylim=(0, 1.02))
    figure.axes[0].set_ylabel("power: share of attempts\nthat see the gain")
    legend_below(figure)
    return figure


def gains_and_limits(gains: Mapping[tuple[str, int | str], float], limits: Mapping[str, float]) -> Figure:
    """Gains as bars, by data set, and as lines what a number of seeds can detect.

    Args:
        gains: (data set, labels) -> gain, points.
        limits: what is assumed -> detectable gain.
    """
    figure = new_figure(7.6, 3.7)
    axes = figure.subplots()
    datasets = list(dict.fromkeys(dataset for dataset, _ in gains))
    places = [place + 0.6 * datasets.index(dataset) for place, (dataset, _) in enumerate(gains)]
    bars = axes.bar(places, list(gains.values()), color=COLOURS["blue"], width=0.75, zorder=3)
    axes.bar_label(bars, fmt="%+.2f", fontsize=8, padding=3, zorder=4, bbox={"fc": "white", "ec": "none", "pad": 1})
    for (name, limit), (_, line) in zip(limits.items(), LOOKS, strict=False):
        axes.axhline(limit, color=COLOURS["red"], linestyle=line, linewidth=1.5)
        axes.annotate(f"{name}: {limit:.2f}", (1, limit), (4, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", va="center", fontsize=8, color=COLOURS["ink"])  # fmt: skip
    axes.set_xticks(places, [str(labels) for _, labels in gains])
    for dataset in datasets:
        mine = [place for place, (other, _) in zip(places, gains, strict=True) if other == dataset]
        axes.annotate(dataset, (sum(mine) / len(mine), 0), (0, -26), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha="center", va="top")  # fmt: skip
    axes.set_xlabel("labelled images", labelpad=20)
    axes.set(ylabel="gain over ClassMix, points", ylim=(0, 1.1 * max(*gains.values(), *limits.values())))
    return figure


def optimism(curves: Mapping[str, Sequence[float]], counts: Sequence[int]) -> Figure:
    """How far the best of k noisy evaluations lies above the true level, on average.

    Args:
        curves: how the evaluations depend on each other -> optimism in sd of the noise, a value a count.
        counts: numbers of evaluations.
    """
    figure = new_figure(6.4, 3.3)
    axes = figure.subplots()
    draw_curves(axes, counts, curves, LOOKS, linewidth=2)
    log_ticks(axes, counts)
    axes.set(xlabel="evaluations, the best of which is reported", ylabel="optimism, sd of the noise", ylim=(0, None))
    axes.legend()
    return figure
