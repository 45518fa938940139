"""reco_book.figures.relations and queries: what is drawn is what was given."""

import numpy as np
import pytest
import torch
from drawn import bars
from matplotlib import pyplot
from matplotlib.text import Text

from reco_book.figures import queries, relations
from reco_core.analysis import plots
from reco_core.analysis.relations import ClassRelations

CLASSES = ("a", "b", "c")
PALETTE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def test_relation_graphs_share_one_scale_name_the_classes_and_outline_pairs():
    nan = float("nan")
    graph = torch.tensor([[1.0, 0.5, nan], [0.5, 1.0, nan], [nan, nan, nan]])
    figure = relations.relation_graphs({"one": graph, "two": -graph}, CLASSES, [("a", "c")])
    left, right = figure.axes[:2]
    drawn = left.collections[0].get_array()
    assert drawn[0, 1] == drawn[1, 0] == 0.5 and drawn.mask.sum() == 7, "neither the diagonal nor the absent class"
    assert left.collections[0].get_clim() == right.collections[0].get_clim() == (-0.5, 0.5)
    assert [label.get_text() for label in left.get_xticklabels()] == list(CLASSES)
    assert [label.get_text() for label in left.get_yticklabels()] == list(CLASSES) and not right.get_yticklabels()
    assert left.yaxis_inverted(), "the first class is the first row"
    assert {patch.get_xy() for patch in left.patches} == {(0, 2), (2, 0)}


def test_key_shares_leave_out_the_query_class_and_sort_by_the_first_way():
    shares = {"x": torch.tensor([0.2, 0.0, 0.8]), "y": torch.tensor([0.5, 0.0, 0.5])}
    axes = relations.key_shares(shares, CLASSES, "b").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c", "a"]
    assert [height for _, height in bars(axes)] == pytest.approx([80, 20, 50, 50])


def test_learning_graph_draws_both_and_names_the_curves():
    similarity = {"siblings": [0.9, 0.8], "strangers": [0.9, 0.1]}
    left, right = relations.learning_graph([0, 5], similarity, [8.9, 4.0], classes=10).axes
    assert [line.get_ydata().tolist() for line in left.lines] == list(similarity.values())
    assert [(text.get_text(), text.xy) for text in left.texts] == [("siblings", (5, 0.8)), ("strangers", (5, 0.1))]
    assert right.lines[0].get_xydata().tolist() == [[0, 8.9], [5, 4]] and right.lines[1].get_ydata() == [9, 9]


def found(names=("a", "b", "c", "d")):
    graph = np.array([[1, 0.9, 0.2, 0.1], [0.9, 1, 0.3, 0.1], [0.2, 0.3, 1, 0.6], [0.1, 0.1, 0.6, 1]])
    confusion = np.array([[50, 50, 0, 0], [30, 70, 0, 0], [0, 0, 90, 10], [0, 1, 9, 90]])
    return ClassRelations(names, (), confusion.sum(1), {"Z": graph, "R": 2 * graph - 1}, confusion, {})


def test_graphs_and_trees_draw_the_graph_and_its_own_tree():
    figure = relations.graphs_and_trees({"one": (found(), "Z"), "two": (found(), "R")}, {"a": 0, "b": 0, "c": 1})
    one, other = (axes.collections[0] for axes in (figure.axes[0], figure.axes[2]))
    assert np.array_equal(one.get_array(), found().graphs["Z"])
    assert np.array_equal(other.get_array(), found().graphs["R"])
    assert one.get_clim() == other.get_clim() == (-0.8, 1), "one colour scale"
    tree = next(axes for axes in figure.axes if axes.get_xlabel() == "1 − cosine")
    labels = {label.get_text(): label.get_color() for label in tree.get_yticklabels()}
    assert list(labels) in (["a", "b", "c", "d"], ["c", "d", "a", "b"], ["d", "c", "b", "a"], ["d", "c", "a", "b"])
    assert labels["a"] == labels["b"] != labels["c"] and labels["d"] == "black"
    merges = sorted({round(x, 6) for segment in tree.collections[0].get_segments() for x, _ in segment} - {0.0})
    assert merges == pytest.approx([0.1, 0.4, 0.825]), "average linkage of 1 - cosine"


def test_without_a_record_the_picture_says_so():
    assert [text.get_text() for text in relations.graphs_and_trees({}, {}).texts] == ["no record"]


def test_confusion_against_similarity_draws_every_pair_and_names_the_worst():
    axes = relations.confusion_against_similarity(found(), "Z", named=2).axes[0]
    points = axes.collections[0].get_offsets()
    assert len(points) == 6 and points[0].tolist() == pytest.approx([0.9, 40.0])
    assert [text.get_text() for text in axes.texts] == ["a – b", "c – d"]
    assert f"{found().predicts_confusion('Z'):.2f}" in axes.get_title()


def test_clustered_graph_orders_the_classes_by_the_tree_and_leaves_no_figure_open():
    figure = plots.clustered_graph(found(), "Z")
    heat = next(axes for axes in figure.axes if axes.get_xticklabels() and axes.collections[0].get_array() is not None)
    names = [label.get_text() for label in heat.get_yticklabels()]
    assert names == [label.get_text() for label in heat.get_xticklabels()]
    assert abs(names.index("a") - names.index("b")) == abs(names.index("c") - names.index("d")) == 1
    order = [found().classes.index(name) for name in names]
    assert np.array_equal(heat.collections[0].get_array(), found().graphs["Z"][np.ix_(order, order)])
    assert not pyplot.get_fignums(), "a notebook would show it twice"


def test_embedding_maps_draw_every_point_and_names_each_class_on_one_of_its_points():
    rng = np.random.default_rng(0)
    labels = np.array([0] * 20 + [2] * 30)
    points = rng.normal(size=(50, 2)) + 10 * labels[:, None]
    axes = relations.embedding_maps({"Z": points, "R": -points}, labels, CLASSES, PALETTE).axes[0]
    assert [len(dots.get_offsets()) for dots in axes.collections] == [20, 30]
    assert [text.get_text() for text in axes.texts] == ["a", "c"]
    for text, index in zip(axes.texts, (0, 2), strict=True):
        assert (points[labels == index] == text.xy).all(axis=1).any()


def test_medoid_lies_in_the_larger_group_and_not_between():
    points = np.array([[0.0, 0], [0, 1], [1, 0], [0.4, 0.4], [9, 9], [9, 8]])
    assert relations.medoid(points).tolist() == [0.4, 0.4]


def test_names_of_classes_at_one_place_are_moved_apart_and_leave_the_rings_free():
    points, labels = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 3
    points = np.concatenate([points, [[60, 60]]])
    figure = relations.embedding_maps({"Z": points}, np.append(labels, 0), ("car", "truck", "terrain"), [*PALETTE])
    axes = figure.axes[0]
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert not any(one.overlaps(other) for one, other in zip(boxes, boxes[1:] + boxes[:1], strict=True))
    rings = axes.transData.transform([text.xy for text in axes.texts])
    assert not any(box.contains(*ring) for box in boxes for ring in rings)


def test_hard_map_gives_every_pixel_its_role():
    labels = torch.tensor([[0, 1], [2, 255]])
    confidence = torch.tensor([[0.99, 0.97], [0.5, 0.1]])
    figure = queries.hard_map(torch.zeros(3, 4, 4), labels, confidence, PALETTE, threshold=0.97)
    drawn = np.asarray(figure.axes[3].images[0].get_array())
    expected = [[queries.EASY, queries.EASY], [queries.HARD, queries.IGNORED]]
    assert drawn.tolist() == [[list(pixel) for pixel in row] for row in expected]
    assert [text.get_text() for text in figure.axes[3].get_legend().get_texts()] == ["ignored", "easy", "hard"]


def test_drawn_pixels_stand_where_they_were_drawn_in_the_colours_of_their_roles():
    hard = torch.tensor([[True, False], [False, True]])
    draws = {"hard": torch.tensor([0, 3, 3]), "random": torch.tensor([1, 3])}
    left, right = queries.drawn_pixels(torch.zeros(3, 8, 8), hard, draws, "a").axes
    assert left.collections[0].get_offsets().tolist() == [[2, 2], [6, 6]]
    assert right.collections[0].get_offsets().tolist() == [[6, 2], [6, 6]]
    colours = 255 * right.collections[0].get_facecolor()[:, :3]
    assert np.allclose(colours, [queries.EASY, queries.HARD]) and left.get_title() == "hard queries of “a”"


def test_gradient_by_confidence_compares_hard_and_easy_within_each_class():
    """The hard queries of class b are moved less than its easy ones, although hard ones are moved more over all."""
    confidence = torch.tensor([0.05, 0.08, 0.99, 0.50, 0.98, 0.1])
    gradient = torch.tensor([2.0, 4.0, 0.5, 0.1, 0.2, 9.0])
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    rows = queries.hard_and_easy(confidence, gradient, labels, CLASSES, 0.97, least=1)
    assert rows == {"a": pytest.approx((3.0, 0.5)), "b": pytest.approx((0.1, 0.2))}, "c has no easy query"
    assert queries.hard_and_easy(confidence, gradient, labels, CLASSES, 0.97, least=2) == {}
    many = [part.repeat(5) for part in (confidence, gradient, labels)]
    left, right = queries.gradient_by_confidence(*many, CLASSES, 0.97, "a").axes
    means = left.lines[0].get_ydata()
    assert means[0] == 3 and means[9] == 0.5 and np.isnan(means[1:9]).all()
    assert len(left.collections[0].get_offsets()) == 15, "queries of the shown class alone"
    assert [label.get_text() for label in right.get_yticklabels()] == ["a", "b"]
    _, hard, easy = right.collections
    assert hard.get_offsets()[:, 0].tolist() == pytest.approx([3.0, 0.1])
    assert easy.get_offsets()[:, 0].tolist() == pytest.approx([0.5, 0.2])


def test_roles_over_steps_stacks_the_roles_and_draws_each_class_twice():
    roles = {"ignored": [1.0, 0.25], "easy": [0.0, 0.5], "hard": [0.0, 0.25]}
    hard = {"a": (0.9, 0.2), "b": (float("nan"), 0.5)}
    left, right = queries.roles_over_steps([0, 9], roles, hard, early=4).axes
    tops = {bars.get_label(): [bar.get_y() + bar.get_height() for bar in bars] for bars in left.containers}
    assert tops == {"hard": [0, 25], "easy": [0, 75], "ignored": [100, 100]}
    assert [label.get_text() for label in left.get_xticklabels()] == ["0", "9"]
    before, after = (dots.get_offsets()[:, 0].filled(-1).tolist() for dots in right.collections[1:])
    assert before == [90, -1] and after == [20, 50], "the early share of b is not known"
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["step 4", "step 9"]


def test_unique_share_counts_a_pixel_once():
    assert queries.unique_share(torch.tensor([[1, 1], [4, 1]]), 8) == 0.25
