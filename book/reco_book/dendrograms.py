"""How faithful a dendrogram is, how alike two are, and how well one recovers a planted tree (Section 5)."""

import numpy as np
from scipy import stats
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn.metrics import fowlkes_mallows_score

from reco_core.analysis.relations import DISTANCES, distances, grow
from reco_core.datasets.toyscapes import CLASS_TREE, CLASSES, Tree

__all__ = [
    "DISTANCES",
    "agreement_with",
    "bakers_gamma",
    "chance",
    "cophenetic_correlation",
    "cut",
    "distances",
    "grow",
]


def cophenetic_correlation(graph: np.ndarray, tree: np.ndarray, distance: str = "cosine") -> float:
    """How faithfully a tree keeps the distances that it was grown from: 1 is perfect."""
    return float(hierarchy.cophenet(tree, distances(graph, distance))[0])


def bakers_gamma(one: np.ndarray, other: np.ndarray) -> float:
    """Baker's gamma: rank correlation of when pairs merge, 1 for the same order, about 0 for unrelated trees.

    A tree grown from data orders all mergers, so against a planted tree with ties it stays below 1.

    Args:
        one, other: (C (C - 1) / 2,) heights at which pairs merge: `hierarchy.cophenet` of a linkage, or a planted
            tree's.
    """
    return float(stats.spearmanr(one, other).statistic)


def cut(tree: np.ndarray, groups: int) -> np.ndarray:
    """(C,) group of each class when the tree is cut into at most so many groups."""
    return hierarchy.fcluster(tree, groups, criterion="maxclust")


def planted_groups(heights: np.ndarray, level: float) -> np.ndarray:
    """(C,) group of each class when a planted tree is cut at a level.

    Args:
        heights: (C, C) heights of the lowest node that holds both classes.
        level: classes whose node is not higher belong together.
    """
    return np.unique((heights <= level) | np.eye(len(heights), dtype=bool), axis=0, return_inverse=True)[1].ravel()


def agreement_with(tree: np.ndarray, heights: np.ndarray) -> dict[str, float]:
    """How well a tree recovers a planted one.

    Args:
        tree: linkage.
        heights: (C, C) of the planted tree, classes in the same order.

    Returns:
        "gamma" and, for each level of the planted tree that divides the classes into k groups, "fm k".
    """
    result = {"gamma": bakers_gamma(hierarchy.cophenet(tree), squareform(heights, checks=False))}
    for level in np.unique(heights)[1:-1]:
        truth = planted_groups(heights, level)
        groups = len(np.unique(truth))
        result[f"fm {groups}"] = float(fowlkes_mallows_score(truth, cut(tree, groups)))
    return result


def chance(tree: np.ndarray, heights: np.ndarray, draws: int = 1000, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Mean and 95 % quantile of `agreement_with` when the names of the leaves are shuffled."""
    rng = np.random.default_rng(seed)
    values: dict[str, list[float]] = {}
    for _ in range(draws):
        order = rng.permutation(len(heights))
        for name, value in agreement_with(tree, heights[np.ix_(order, order)]).items():
            values.setdefault(name, []).append(value)
    return {name: (float(np.mean(list_)), float(np.quantile(list_, 0.95))) for name, list_ in values.items()}


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
