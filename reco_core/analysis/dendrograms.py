"""Trees of classes grown from relation graphs (Section 5, Fig. 8, 9 and F), and how alike two trees are."""

from collections.abc import Sequence

import numpy as np
from scipy import stats
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

DISTANCES = ("cosine", "rows")


def distances(graph: np.ndarray, distance: str = "cosine") -> np.ndarray:
    """Condensed distances between classes.

    Args:
        graph: (C, C) cosines.
        distance: "cosine": 1 - cosine; "rows": Euclidean between the graph's rows taken as observations, which is
            what the published dendrograms did.

    Raises:
        ValueError: another distance, or a graph with NaN (leave absent classes out).
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {distance!r}")
    if np.isnan(graph).any():
        raise ValueError("the graph has NaN: leave absent classes out")
    if distance == "rows":
        return squareform(np.linalg.norm(graph[:, None] - graph[None], axis=-1), checks=False)
    gap = np.clip(1 - (graph + graph.T) / 2, 0, None)
    np.fill_diagonal(gap, 0)
    return squareform(gap, checks=False)


def grow(graph: np.ndarray, method: str = "average", distance: str = "cosine") -> np.ndarray:
    """SciPy's linkage (C - 1, 4) of a relation graph.

    Args:
        graph: (C, C) cosines.
        method: of `scipy.cluster.hierarchy.linkage`; the published dendrograms are "complete" with "rows".
        distance: see `distances`.
    """
    return hierarchy.linkage(distances(graph, distance), method)


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


def fowlkes_mallows(one: Sequence[int], other: Sequence[int]) -> float:
    """Agreement of two partitions: geometric mean of precision and recall over pairs in one group; 1 is equal."""
    first, second = (np.equal.outer(group, group)[np.triu_indices(len(group), 1)] for group in (one, other))
    both = (first & second).sum()
    return float(both / np.sqrt(first.sum() * second.sum())) if both else 0.0


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
        result[f"fm {groups}"] = fowlkes_mallows(cut(tree, groups), truth)
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
