"""Figure of the pixel-contrast chapter: what the value of the loss means."""

import math

import numpy as np
from matplotlib.figure import Figure

from reco_book.figures.style import COLOURS
from reco_core.analysis.plots import new_figure


def levels(num_keys: int = 512, temperature: float = 0.5, num_classes: int = 19) -> dict[str, float]:
    """Values of the loss that can be known beforehand: name -> nats."""

    def level(own: float, other: float) -> float:
        return math.log1p(num_keys * math.exp((other - own) / temperature))

    return {
        "chance: all features equal": level(1, 1),
        "classes orthogonal": level(1, 0),
        f"{num_classes} classes on a simplex": level(1, -1 / (num_classes - 1)),
        "floor: keys opposite": level(1, -1),
    }


def value_ladder(num_keys: int = 512, temperature: float = 0.5, num_classes: int = 19) -> Figure:
    """The loss against the cosine between a query and its negative keys, with the known levels marked."""
    figure = new_figure(7.0, 3.8)
    axes = figure.subplots()
    cosine = np.linspace(-1, 1, 201)
    for own, colour, line, at, side in ((1.0, "blue", "-", 0.25, "left"), (0.5, "orange", "--", -0.12, "right")):
        loss = np.log1p(num_keys * np.exp((cosine - own) / temperature))
        axes.plot(cosine, loss, line, color=COLOURS[colour])
        beside = np.interp(at, cosine, loss) + (-0.3 if side == "left" else 0.2)
        axes.text(at, beside, f"cosine to the prototype {own:g}", ha=side, fontsize=9)
    for name, value in levels(num_keys, temperature, num_classes).items():
        axes.axhline(value, color=COLOURS["grey"], linewidth=0.8, linestyle=":")
        place = "top" if "simplex" in name else "bottom"  # it lies close below the line of orthogonal classes
        axes.annotate(
            f"{value:.2f}  {name}", (1.02, value), ha="left", va=place, fontsize=8, color="#555555",
            annotation_clip=False,
        )  # fmt: skip
    axes.set(xlabel="cosine between the query and its negative keys", ylabel="loss, nats", xlim=(-1, 1), ylim=(2, 7.4))
    return figure
