"""The figure of the ablation chapter: the noise of drawing pixels beside that of drawing images."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from reco_book.figures.style import COLOURS, legend_below, log_ticks
from reco_core.analysis.plots import new_figure


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
