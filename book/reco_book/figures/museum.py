"""The figure of the museum of bugs: which property notices which mistake."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from reco_book.figures.style import COLOURS
from reco_core.analysis.plots import new_figure


def caught_by(found: Mapping[str, Mapping[str, bool]]) -> Figure:
    """A table of versions and properties: a filled disc where the property is broken, a small ring where it holds.

    Args:
        found: version -> property -> whether the version breaks it.
    """
    versions, properties = list(found), list(next(iter(found.values())))
    figure = new_figure(1.9 + 0.78 * len(properties), 0.9 + 0.36 * len(versions))
    axes = figure.subplots()
    broken = np.array([list(of.values()) for of in found.values()])
    for where, size, face, edge in ((broken, 13, "red", "red"), (~broken, 5, "none", "grey")):
        look = {"color": COLOURS.get(face, face), "markeredgecolor": COLOURS[edge], "markersize": size}
        axes.plot(*np.nonzero(where)[::-1], "o", **look)
    axes.set_xticks(range(len(properties)), [name.replace(" ", "\n", 1) for name in properties], fontsize=8)
    axes.set_yticks(range(len(versions)), versions, fontsize=9)
    axes.set(xlim=(-0.6, len(properties) - 0.4), ylim=(len(versions) - 0.4, -0.6))
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure
