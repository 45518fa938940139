"""Figures of the pixel-contrast chapter: pull and push on a circle, and what the loss's value tells."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from reco_book.figures.style import COLOURS, draw_curves
from reco_core.analysis.plots import new_figure
from reco_core.losses import contrast


def unit(degrees: Tensor) -> Tensor:
    """Unit vectors at the given angles: (...) -> (..., 2) float64."""
    radians = torch.deg2rad(degrees.double())
    return torch.stack([radians.cos(), radians.sin()], dim=-1)


def circle_loss(query: Tensor, positive: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Eq. 1's summand for queries on a circle: angles (Q,), (), (K,) in degrees -> (Q,)."""
    return contrast(unit(query)[None], unit(positive)[None], unit(negatives)[None], temperature)[0]


def pull_and_push(query: float, positive: float, negatives: list[float], temperature: float = 0.5) -> Figure:
    """A query, its prototype and negative keys on a circle, with the force of each on the query."""
    figure = new_figure(8.0, 3.9)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    _draw_circle(left, query, positive, negatives, temperature)
    angles = torch.linspace(-180, 180, 361)
    losses = circle_loss(angles, torch.tensor(positive), torch.tensor(negatives), temperature)
    right.plot(angles, losses, color=COLOURS["blue"])
    right.axvline(positive, color=COLOURS["green"], linestyle="--", label="prototype")
    for number, angle in enumerate(negatives):
        right.axvline(angle, color=COLOURS["red"], linestyle=":", label="negative key" if number == 0 else None)
    here = circle_loss(torch.tensor([query]), torch.tensor(positive), torch.tensor(negatives), temperature)
    right.plot([query], here, "o", color=COLOURS["ink"], label="query")
    right.set(xlabel="angle of the query, degrees", ylabel="loss", xticks=range(-180, 181, 60))
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper right", ncols=3, fontsize=8)
    return figure


def _draw_circle(axes: Axes, query: float, positive: float, negatives: list[float], temperature: float) -> None:
    around = np.linspace(0, 2 * math.pi, 200)
    axes.plot(np.cos(around), np.sin(around), color="#BBBBBB", linewidth=0.8)
    points = [("query", query, "ink"), ("prototype", positive, "green"), *(("negative", k, "red") for k in negatives)]
    for name, angle, colour in points:
        point = unit(torch.tensor(angle))
        axes.plot(*point, "o", color=COLOURS[colour], markersize=9)
        side = "left" if point[0] > 0.15 else "right"
        place = (1.09 if name != "query" else 1.3) * point
        axes.annotate(name, place, ha=side, va="center", fontsize=9, color=COLOURS[colour])
    # Each force on a track of its own, since on the circle they would hide each other: the pull outside, pushes inside.
    # A line across the tracks shows where the query stands, and each arrow starts on it.
    forces = circle_forces(query, positive, negatives, temperature)
    start = torch.tensor([[1.2], [0.94 - 0.16 * len(negatives)]]) * unit(torch.tensor(query))
    axes.plot(*start.T, color=COLOURS["ink"], linewidth=0.8)
    for number, (force, colour) in enumerate(forces):
        _draw_force(axes, query, force, 1.14 if colour == "green" else 1 - 0.16 * number, COLOURS[colour])
    axes.set(xlim=(-1.75, 1.75), ylim=(-1.3, 1.35), aspect="equal")
    axes.axis("off")


def _draw_force(axes: Axes, query: float, force: float, radius: float, colour: str) -> None:
    """An arrow along the circle, 40 degrees a unit of force, its head included; the number beside its tail."""
    turn = 40 * force
    head = math.copysign(min(abs(turn), 9.0), turn)  # the head of a small force is small
    shaft = radius * unit(torch.linspace(query, query + turn - head, 40))
    axes.plot(*shaft.T, color=colour, linewidth=2.2, solid_capstyle="butt")
    half = 0.06 * abs(head) / 9.0
    tip, neck = unit(torch.tensor(query + turn)) * radius, unit(torch.tensor(query + turn - head))
    axes.add_patch(Polygon([tip, (radius + half) * neck, (radius - half) * neck], color=colour, linewidth=0.8))
    tail = radius * unit(torch.tensor(query - math.copysign(5.0, turn)))
    axes.text(*tail, f"{abs(force):.2f}", color=colour, fontsize=8, ha="right", va="center")


def circle_forces(query: float, positive: float, negatives: list[float], temperature: float) -> list[tuple[float, str]]:
    """The summands of the loss's descent along the circle: (turn to the left, colour), the prototype's first.

    The gradient with respect to q is (sum_k w_k k - (1 - w_0) p) / tau, w the softmax over prototype and keys; a cosine
    does not change along q itself, so only the part across q remains.
    """
    q, p, keys = unit(torch.tensor(query)), unit(torch.tensor(positive)), unit(torch.tensor(negatives))
    weights = (torch.cat([p[None], keys]) @ q / temperature).softmax(dim=0)
    across = torch.stack([-q[1], q[0]])
    pushes = [(-(w * key @ across).item() / temperature, "red") for w, key in zip(weights[1:], keys, strict=True)]
    return [(((1 - weights[0]) * p @ across).item() / temperature, "green"), *pushes]


def levels(num_keys: int = 512, temperature: float = 0.5, num_classes: int = 19) -> dict[str, float]:
    """Values of the loss that can be known beforehand: name -> nats."""

    def level(own: float, other: float) -> float:
        return math.log1p(num_keys * math.exp((other - own) / temperature))

    return {
        "chance: all features alike": level(1, 1),
        "classes orthogonal": level(1, 0),
        f"{num_classes} classes on a simplex": level(1, -1 / (num_classes - 1)),
        "floor: keys opposite": level(1, -1),
    }


def value_ladder(num_keys: int = 512, temperature: float = 0.5, num_classes: int = 19) -> Figure:
    """The loss against the cosine between a query and its negative keys, with the known levels marked."""
    figure = new_figure(7.0, 3.8)
    axes = figure.subplots()
    cosine = np.linspace(-1, 1, 201)
    losses = {own: np.log1p(num_keys * np.exp((cosine - own) / temperature)) for own in (1.0, 0.5)}
    named = {f"cosine to the prototype {own:g}": loss for own, loss in losses.items()}
    draw_curves(axes, cosine, named, (("blue", "-"), ("orange", "--")))
    for name, value in levels(num_keys, temperature, num_classes).items():
        axes.axhline(value, color=COLOURS["grey"], linewidth=0.8, linestyle=":")
        place = "top" if "simplex" in name else "bottom"  # it lies close below the line of orthogonal classes
        axes.annotate(
            f"{value:.2f}  {name}", (1.02, value), ha="left", va=place, fontsize=8, color="#555555",
            annotation_clip=False,
        )  # fmt: skip
    axes.set(xlabel="cosine between the query and its negative keys", ylabel="loss, nats", xlim=(-1, 1), ylim=(2, 7.4))
    axes.legend(loc="upper left", fontsize=8)
    return figure
