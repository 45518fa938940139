"""The planted tree of toyscapes: which classes are alike, as data (the truth behind Section 5's dendrograms)."""

import numpy as np

CLASSES = ("sky", "building", "wall", "road", "pavement", "tree", "hedge", "car", "truck", "person")
PALETTE = (
    (70, 130, 180), (70, 70, 70), (150, 120, 190), (128, 64, 128), (244, 35, 232), (107, 142, 35), (170, 220, 90),
    (0, 0, 142), (0, 150, 160), (220, 20, 60),
)  # fmt: skip
"""Cityscapes' colours, with wall, hedge and truck moved apart from their siblings for colour-blind readers."""

Tree = str | tuple["Tree", ...]
CLASS_TREE: Tree = (
    "sky",
    (("building", "wall"), ("road", "pavement")),
    ("tree", "hedge"),
    (("car", "truck"), "person"),
)
"""Sky; what masons and pavers build; plants; movers. The deeper two classes part, the more alike they are drawn."""


def leaves(tree: Tree) -> tuple[str, ...]:
    """Names of a tree's classes, from left to right."""
    return (tree,) if isinstance(tree, str) else tuple(name for branch in tree for name in leaves(branch))


def height(tree: Tree) -> int:
    """Steps from a node down to its furthest leaf."""
    return 0 if isinstance(tree, str) else 1 + max(height(branch) for branch in tree)


def merge_heights(tree: Tree = CLASS_TREE, classes: tuple[str, ...] = CLASSES) -> np.ndarray:
    """Cophenetic distances of a tree: height of the lowest node that holds both classes.

    Returns:
        (C, C) float, symmetric, zero on the diagonal, in the order of `classes`.
    """
    position = {name: index for index, name in enumerate(classes)}
    result = np.zeros((len(classes), len(classes)))

    def visit(node: Tree) -> None:
        if isinstance(node, str):
            return
        groups = [[position[name] for name in leaves(branch)] for branch in node]
        for first, one in enumerate(groups):
            for other in groups[first + 1 :]:
                result[np.ix_(one, other)] = result[np.ix_(other, one)] = height(node)
        for branch in node:
            visit(branch)

    visit(tree)
    return result
