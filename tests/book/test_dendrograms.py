"""reco_book.dendrograms: trees of planted graphs, their agreement, and what chance gives."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from reco_book import dendrograms
from reco_book.dendrograms import height, leaves, merge_heights
from reco_core.datasets.toyscapes import CLASS_TREE, CLASSES


def block_graph():
    """Two pairs and a loner."""
    graph = np.full((5, 5), 0.1)
    graph[:2, :2], graph[2:4, 2:4] = 0.9, 0.8
    np.fill_diagonal(graph, 1)
    return graph


@pytest.mark.parametrize("distance", dendrograms.DISTANCES)
@pytest.mark.parametrize("method", ["average", "complete", "single"])
def test_a_planted_graph_gives_its_tree(method, distance):
    tree = dendrograms.grow(block_graph(), method, distance)
    assert sorted(tree[0, :2]) == [0, 1] and sorted(tree[1, :2]) == [2, 3]
    groups = dendrograms.cut(tree, 3)
    assert groups[0] == groups[1] != groups[2] == groups[3] != groups[4]
    if distance == "cosine":
        assert tree[0, 2] == pytest.approx(0.1) and tree[1, 2] == pytest.approx(0.2)
        assert dendrograms.cophenetic_correlation(block_graph(), tree) == pytest.approx(1.0)


def test_rows_are_euclidean_distances_between_rows():
    graph = block_graph()
    expected = np.linalg.norm(graph[0] - graph[3])
    assert squareform(dendrograms.distances(graph, "rows"))[0, 3] == pytest.approx(expected)
    with pytest.raises(ValueError, match="got 'angle'"):
        dendrograms.distances(graph, "angle")
    graph[0, 1] = np.nan
    with pytest.raises(ValueError, match="the graph has NaN"):
        dendrograms.distances(graph)


def test_the_planted_tree_agrees_with_itself():
    """A graph whose distances are the planted tree's heights gives that tree back."""
    heights = merge_heights()
    graph = 1 - heights / heights.max()
    found = dendrograms.agreement_with(dendrograms.grow(graph), heights)
    assert set(found) == {"gamma", "fm 4", "fm 6"}
    assert all(value == pytest.approx(1.0) for value in found.values())


def test_shuffled_names_agree_by_chance_alone():
    heights = merge_heights()
    tree = dendrograms.grow(1 - heights / heights.max())
    by_chance = dendrograms.chance(tree, heights, draws=200)
    mean, high = by_chance["gamma"]
    assert abs(mean) < 0.1 and 0.1 < high < 0.6
    assert by_chance["fm 4"][1] < 0.8


def test_bakers_gamma_of_reversed_order():
    assert dendrograms.bakers_gamma(np.arange(10), np.arange(10)[::-1]) == pytest.approx(-1)


def test_planted_groups():
    heights = np.array([[0, 1, 2], [1, 0, 2], [2, 2, 0]])
    groups = dendrograms.planted_groups(heights, 1)
    assert groups[0] == groups[1] != groups[2]


def test_leaves_and_height_of_a_tree():
    tree = ("a", (("b", "c"), "d"))
    assert leaves(tree) == ("a", "b", "c", "d") and height(tree) == 3
    assert leaves("a") == ("a",) and height("a") == 0
    assert height((("b", "c"), ("d", "e"), "a")) == 2


def test_merge_heights_by_hand():
    """The lowest node above b and c is one step high, above b and d two, above a and any other three."""
    expected = [[0, 3, 3, 3], [3, 0, 1, 2], [3, 1, 0, 2], [3, 2, 2, 0]]
    assert merge_heights(("a", (("b", "c"), "d")), ("a", "b", "c", "d")).tolist() == expected
    swapped = merge_heights(("a", (("b", "c"), "d")), ("d", "b", "c", "a"))
    assert swapped[0].tolist() == [0, 2, 2, 3], "in the order of the classes, not of the leaves"


def test_the_planted_tree_holds_every_class_once():
    assert sorted(leaves(CLASS_TREE)) == sorted(CLASSES)


def test_merge_heights_of_the_planted_tree_are_an_ultrametric_with_siblings_lowest():
    heights, index = merge_heights(), CLASSES.index
    assert np.array_equal(heights, heights.T) and not heights.diagonal().any()
    longer = np.maximum(heights[:, :, None], heights[None])  # from i to j, or from j to k
    assert (heights[:, None, :] <= longer).all()
    for one, other in (("building", "wall"), ("road", "pavement"), ("tree", "hedge"), ("car", "truck")):
        assert heights[index(one), index(other)] == 1
    assert heights[index("road"), index("car")] == heights.max() == height(CLASS_TREE)
