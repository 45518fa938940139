"""Query on a circle: Eq. 1's pull and push in the plane (:eq:`eq-reco`)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from IPython.display import HTML

from reco_book.explore.shell import explorable, mark, svg, words

STEP = 0.1
"""Size of a gradient step: the query turns by this times the gradient, radians."""
QUERY, POSITIVE, NEGATIVES = 100.0, 30.0, (75.0, 165.0, -95.0)
"""Where the points begin, degrees."""
TEMPERATURE = 0.5


class Circle(NamedTuple):
    """The summand of Eq. 1 for a query on the unit circle."""

    loss: float
    """Nats."""
    weights: list[float]
    """Softmax over the prototype and each negative, whose copies are added up; the prototype's is first."""
    forces: list[float]
    """What each turns the query by, counter-clockwise, per unit of step: parts of minus the gradient, per radian."""
    gradient: float
    """Of the loss by the query's angle, per radian."""


def circle(query: float, positive: float, negatives: Sequence[float], temperature: float, copies: int = 1) -> Circle:
    """Loss, softmax weights and forces; the first negative counts `copies` times. Angles in degrees."""
    turned = np.deg2rad(np.array([positive, *negatives]) - query)
    logits = np.cos(turned) / temperature + np.log([1, copies] + [1] * (len(negatives) - 1))
    total = float(np.logaddexp.reduce(logits))
    weights = np.exp(logits - total)
    forces = -weights * np.sin(turned) / temperature  # d cos(turned) / d query = sin(turned)
    forces[0] = (1 - weights[0]) * math.sin(turned[0]) / temperature
    return Circle(total - float(logits[0]), weights.tolist(), forces.tolist(), -float(forces.sum()))


def stepped(query: float, gradient: float, size: float = STEP) -> float:
    """The query's angle after one gradient step along the circle, degrees from -180 to below 180."""
    return (query - math.degrees(size * gradient) + 180) % 360 - 180


def lowest(positive: float, negatives: Sequence[float], temperature: float, copies: int = 1) -> tuple[float, float]:
    """Where on the circle the loss is least, to half a degree, and the loss there."""
    angles = np.arange(-180, 180, 0.5)
    losses = [circle(angle, positive, negatives, temperature, copies).loss for angle in angles]
    best = int(np.argmin(losses))
    return float(angles[best]), losses[best]


def query_on_circle() -> HTML:
    """A query, its prototype and two to six negatives on a unit circle, all to be dragged; temperature and copies.

    Shown are the forces on the query, the softmax behind them, and the loss for every angle of the query.
    """
    best, least = lowest(POSITIVE, NEGATIVES, TEMPERATURE)
    here = circle(QUERY, POSITIVE, NEGATIVES, TEMPERATURE)
    caption = (
        f"The loss pulls the query to its prototype and pushes it off the negatives n1 to n3 (arrows to scale). Here"
        f" the loss is {here.loss:.2f}. It is lowest, {least:.2f}, at {best:g}°: past the prototype, away from n1."
    )
    data = {
        "query": QUERY, "positive": POSITIVE, "negatives": NEGATIVES, "temperature": TEMPERATURE, "copies": 1,
        "step": STEP,
    }  # fmt: skip
    lead = "Drag the points, or select one and use the arrow keys."
    return explorable("circle", "Query on a circle", lead, _picture(best), caption, data)


def _at(angle: float, radius: float, centre: tuple[float, float] = (150, 150)) -> tuple[float, float]:
    turn = math.radians(angle)
    return centre[0] + radius * math.cos(turn), centre[1] - radius * math.sin(turn)


def _arc(angle: float, turn: float, radius: float, colour: str) -> str:
    """An arrow along the circle, `turn` degrees long."""
    head = math.copysign(min(abs(turn), 7), turn)
    ends, tip = [_at(angle, radius), _at(angle + turn - head, radius)], _at(angle + turn, radius)
    sides = [_at(angle + turn - head, radius + side) for side in (-5, 5)]
    path = f"M{ends[0][0]:.1f} {ends[0][1]:.1f}A{radius} {radius} 0 0 {int(turn < 0)} {ends[1][0]:.1f} {ends[1][1]:.1f}"
    look = f"stroke:var(--{colour});fill:none;stroke-width:3"
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, *sides))
    return mark("path", d=path, style=look) + mark("polygon", points=points, style=f"fill:var(--{colour})")


def _picture(best: float) -> str:
    """The circle with its arrows beside the loss."""
    state = circle(QUERY, POSITIVE, NEGATIVES, TEMPERATURE)
    parts = [mark("circle", cx=150, cy=150, r=95, style="fill:none;stroke:var(--edge)")]
    parts.append(_arc(QUERY, 40 * state.forces[0], 112, "pull"))
    parts += [_arc(QUERY, 40 * force, 80 - 13 * number, "push") for number, force in enumerate(state.forces[1:])]
    keys = [(f"n{number}", angle, "push") for number, angle in enumerate(NEGATIVES, 1)]
    for name, angle, colour in [("prototype", POSITIVE, "pull"), *keys, ("query", QUERY, "ink")]:
        x, y = _at(angle, 95)
        parts.append(mark("circle", cx=x, cy=y, r=8, style=f"fill:var(--{colour})"))
        far = _at(angle, 128)
        parts.append(words(far[0], far[1] + 4, name, 13, "start" if far[0] > 160 else "end", f"var(--{colour})"))
    losses = {float(angle): circle(angle, POSITIVE, NEGATIVES, TEMPERATURE).loss for angle in range(-180, 181, 4)}

    def place(angle: float, loss: float) -> tuple[float, float]:
        return 330 + (angle + 180) / 360 * 290, 240 - loss / max(losses.values()) * 190

    points = " ".join("{:.1f},{:.1f}".format(*place(*each)) for each in losses.items())
    parts.append(mark("polyline", points=points, style="fill:none;stroke:var(--accent);stroke-width:2.5"))
    parts.append(mark("path", d="M330 45V240H620", style="fill:none;stroke:var(--edge)"))
    x, y = place(best, circle(best, POSITIVE, NEGATIVES, TEMPERATURE).loss)
    parts.append(mark("circle", cx=x, cy=y, r=5, style="fill:var(--accent)"))
    parts.append(words(x, y - 12, f"lowest at {best:g}°", 13, "middle", "var(--accent)"))
    parts.append(words(330, 34, "loss", 13, fill="var(--soft)"))
    parts.append(words(475, 265, "angle of the query, −180° to 180°", 13, "middle", "var(--soft)"))
    return svg(640, 300, "A query on a circle with its prototype and three negatives; the loss over its angle", *parts)
