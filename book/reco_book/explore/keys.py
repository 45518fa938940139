"""From relation graph to keys: which classes the negative keys of a class come from (:eq:`eq-relation`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from IPython.display import HTML

from reco_book.explore.shell import css, explorable, mark, svg, words
from reco_core.sampling import key_class_probabilities

Segment = tuple[list[float], list[int]]
"""A line of a tree, x0, y0, x1, y1, and the leaves that it leads to."""


def key_shares(graph: Any, temperature: float = 0.5, key_sampling: str = "relation", counts: Any = None) -> np.ndarray:
    """Share of each class among the negative keys of each class.

    Args:
        graph: (C, C) cosines; NaN where a class is absent.
        temperature: divides the cosines before the softmax.
        key_sampling: "relation", or "uniform": every pixel of another class is as likely.
        counts: (C,) pixels of each class, of which "uniform" makes use; by default as many of each.

    Returns:
        (C, C) rows of probabilities; zero for absent classes.
    """
    similarity = torch.as_tensor(np.asarray(graph, dtype=np.float64))
    pixels = torch.ones(len(similarity)) if counts is None else torch.as_tensor(np.asarray(counts, dtype=np.float64))
    here = ~similarity.diagonal().isnan()
    pixels = torch.where(here, pixels, 0.0).double()
    return (key_class_probabilities(similarity, pixels, key_sampling, temperature) * here[:, None] * here).numpy()


def spread(shares: Any) -> float:
    """How many equally likely classes are as uncertain as these shares: exp of their entropy."""
    kept = np.asarray(shares, dtype=float)
    kept = kept[kept > 0]
    return float(np.exp(-(kept * np.log(kept)).sum()))


def tree_lines(tree: Any, classes: Sequence[str]) -> tuple[list[int], list[Segment]]:
    """Order of the classes along a planted tree's leaves, and its lines.

    Args:
        tree: nested tuples of names.
        classes: names; those that the tree lacks come last, without a line.

    Returns:
        Class numbers from top to bottom, and lines with x from 0 (root) to 1 (leaves) and y in rows.
    """
    order: list[int] = []
    lines: list[Segment] = []

    def levels(node: Any) -> int:
        return 0 if isinstance(node, str) else 1 + max(levels(part) for part in node)

    depth = max(levels(tree), 1)

    def grow(node: Any, x: float) -> tuple[float, list[int]]:
        if isinstance(node, str):
            order.append(list(classes).index(node))
            return len(order) - 1.0, order[-1:]
        places = []
        for part in node:
            end = 1.0 if isinstance(part, str) else x + 1 / depth
            y, leaves = grow(part, end)
            places.append(y)
            lines.append(([x, y, end, y], leaves))
        below = [leaf for line, leaves in lines[-len(node) :] for leaf in leaves]
        lines.append(([x, min(places), x, max(places)], below))
        return (min(places) + max(places)) / 2, below

    grow(tree, 0.0)
    return order + [number for number in range(len(classes)) if number not in order], lines


def keys_from_graph(
    steps: Sequence[int], graphs: Any, classes: Sequence[str], palette: Sequence[Sequence[int]], tree: Any,
    counts: Any = None, query: str | None = None,
) -> HTML:  # fmt: skip
    """Recorded relation graphs along training, and the classes of a query class's negative keys.

    Args:
        steps: (T,) training steps.
        graphs: (T, C, C) cosines, NaN where a class is absent; shown to three decimals.
        classes, palette: names and colours.
        tree: the planted tree as nested tuples of names, drawn in the margin.
        counts: (C,) pixels of each class for "uniform"; by default as many of each.
        query: class that is chosen first; by default the one with the most similar partner at the last step.

    Raises:
        ValueError: shapes that do not fit each other, or an unknown query class.
    """
    graphs = np.asarray(graphs, dtype=float).round(3)
    if graphs.shape != (len(steps), len(classes), len(classes)):
        raise ValueError(f"graphs {graphs.shape} for {len(steps)} steps and {len(classes)} classes")
    others = np.where(np.eye(len(classes), dtype=bool), -2, np.nan_to_num(graphs[-1], nan=-2))
    chosen = int(others.max(axis=1).argmax()) if query is None else list(classes).index(query)
    order, lines = tree_lines(tree, classes)
    shares = key_shares(graphs[-1])[chosen]
    first = int(shares.argmax())
    caption = (
        f"Negative keys of {classes[chosen]} at step {steps[-1]}, temperature 0.5: {100 * shares[first]:.0f} % come"
        f" from {classes[first]}, the class with the most similar mean representation."
    )
    data = {
        "steps": list(steps), "graphs": graphs, "classes": list(classes), "palette": np.asarray(palette).tolist(),
        "order": order, "lines": lines, "query": chosen,
        "pixels": counts is not None,
        "counts": np.ones(len(classes)) if counts is None else np.asarray(counts, dtype=float),
    }  # fmt: skip
    return explorable(
        "keys", "From relation graph to keys", "Choose a query class by its name.",
        _picture(chosen, shares, order, lines, classes, palette), caption, data,
    )  # fmt: skip


def _picture(
    chosen: int, shares: np.ndarray, order: list[int], lines: list[Segment], classes: Sequence[str], palette: Any
) -> str:
    """The tree, the names and the bars of one query class."""
    high, parts = 26, []
    for (x0, y0, x1, y1), leaves in lines:
        look = "stroke:var(--accent);stroke-width:3" if chosen in leaves else "stroke:var(--edge);stroke-width:1.5"
        way = f"M{8 + 80 * x0:.1f} {high * (y0 + 0.5):.1f}L{8 + 80 * x1:.1f} {high * (y1 + 0.5):.1f}"
        parts.append(mark("path", d=way, style=look))
    for row, number in enumerate(order):
        y = high * row
        look = f"fill:{css(palette[number])};stroke:var(--edge)"
        parts.append(mark("rect", x=98, y=y + 6, width=14, height=14, rx=3, style=look))
        parts.append(words(120, y + 18, classes[number], 14))
        if number == chosen:
            parts.append(words(230, y + 18, "query class", 13, fill="var(--accent)"))
            continue
        width = 330 * shares[number] / shares.max()
        parts.append(mark("rect", x=230, y=y + 5, width=float(width), height=16, rx=3, style="fill:var(--accent)"))
        parts.append(words(238 + width, y + 18, f"{100 * shares[number]:.0f} %"))
    label = f"Share of each class among the negative keys of {classes[chosen]}"
    return svg(640, high * len(order), label, *parts)
