"""The planted tree of toyscapes: which classes are alike, as data (the truth behind Section 5's dendrograms)."""

import numpy as np

CLASSES = (
    "road", "sidewalk", "terrain", "building", "wall", "pole", "traffic sign", "vegetation", "sky", "person", "rider",
    "car", "truck", "bus", "motorcycle", "bicycle",
)  # fmt: skip
PALETTE = (
    (128, 64, 128), (244, 35, 232), (152, 251, 152), (70, 70, 70), (102, 102, 156), (153, 153, 153), (220, 220, 0),
    (107, 142, 35), (70, 130, 180), (220, 20, 60), (255, 120, 0), (0, 0, 142), (0, 60, 100), (0, 150, 160),
    (0, 0, 230), (119, 11, 32),
)  # fmt: skip
"""Cityscapes' colours, with rider and bus moved apart from person and truck for colour-blind readers."""

Tree = str | tuple["Tree", ...]
CLASS_TREE: Tree = (
    ((("road", "sidewalk"), "terrain"), "vegetation"),
    (("building", "wall"), ("pole", "traffic sign")),
    "sky",
    (("person", "rider"), (("car", ("truck", "bus")), ("motorcycle", "bicycle"))),
)
"""Ground and plants; built things; sky; movers. The deeper two classes part, the more alike they are drawn."""


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
