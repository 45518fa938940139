"""One look for every figure: white ground, colour-blind palette, labelled axes, class colours that never change."""

from matplotlib import rcParams
from matplotlib.figure import Figure

from reco_core.analysis.plots import COLOURS, new_figure

METHOD_COLOURS = {
    "supervised": COLOURS["grey"],
    "mean_teacher": COLOURS["yellow"],
    "cutout": COLOURS["purple"],
    "cutmix": COLOURS["orange"],
    "classmix": COLOURS["sky"],
    "reco+classmix": COLOURS["blue"],
    "reco+supervised": COLOURS["green"],
    "s4gan": COLOURS["red"],
    "reco+mean_teacher": COLOURS["ink"],
    "unimatch": COLOURS["orange"],
    "reco+unimatch": COLOURS["red"],
}

RC = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.dpi": 110,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
}
"""Matplotlib settings of the book."""


def use_style() -> None:
    """In a notebook: apply the book's settings and show every figure crisply, at twice the screen's resolution."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    rcParams.update(RC)
    set_matplotlib_formats("retina")


def no_record() -> Figure:
    """A figure in the place of one whose recorded runs are missing."""
    figure = new_figure(4.0, 0.6)
    figure.text(0.5, 0.5, "no record", ha="center", va="center")
    return figure
