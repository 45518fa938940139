"""reco_core.figures.relations and queries: what is drawn is what was given."""

import numpy as np
import pytest
import torch

from reco_core.figures import queries, relations

CLASSES = ("a", "b", "c")
PALETTE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def test_relation_graphs_share_one_scale_and_name_the_classes():
    nan = float("nan")
    graph = torch.tensor([[1.0, 0.5, nan], [0.5, 1.0, nan], [nan, nan, nan]])
    figure = relations.relation_graphs({"one": graph, "two": -graph}, CLASSES)
    left, right = figure.axes[:2]
    assert np.ma.allclose(left.images[0].get_array()[:2, :2], [[1, 0.5], [0.5, 1]])
    assert left.images[0].get_clim() == right.images[0].get_clim() == (-1, 1)
    assert [label.get_text() for label in left.get_xticklabels()] == list(CLASSES)
    assert left.images[0].get_array().mask[2].all()


def test_key_shares_leave_out_the_query_class_and_sort_by_the_first_way():
    shares = {"x": torch.tensor([0.2, 0.0, 0.8]), "y": torch.tensor([0.5, 0.0, 0.5])}
    axes = relations.key_shares(shares, CLASSES, "b").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c", "a"]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([80, 20, 50, 50])


def test_agreement_curve_draws_both():
    left, right = relations.agreement_curve([0, 5], [0.1, 0.6], [15.0, 9.0]).axes
    assert left.lines[0].get_xydata().tolist() == [[0, 0.1], [5, 0.6]]
    assert right.lines[0].get_ydata().tolist() == [15, 9]


def test_hard_map_counts_used_pixels_below_the_threshold():
    labels = torch.tensor([[0, 1], [2, 255]])
    confidence = torch.tensor([[0.99, 0.97], [0.5, 0.1]])
    figure = queries.hard_map(torch.zeros(3, 4, 4), labels, confidence, PALETTE, threshold=0.97)
    drawn = np.asarray(figure.axes[3].images[0].get_array())
    expected = [[queries.EASY, queries.EASY], [queries.HARD, queries.IGNORED]]
    assert drawn.tolist() == [[list(pixel) for pixel in row] for row in expected]
    assert figure.axes[3].get_title() == "33 % are hard"
    weak = queries.hard_map(torch.zeros(3, 4, 4), labels, confidence, PALETTE, threshold=0.97, weak=0.7)
    assert np.asarray(weak.axes[3].images[0].get_array())[1, 0].tolist() == list(queries.IGNORED)


def test_drawn_pixels_stand_where_they_were_drawn_in_their_classes_colours():
    labels = torch.tensor([[0, 1], [2, 0]])
    figure = queries.drawn_pixels(
        torch.zeros(3, 8, 8), labels, PALETTE, {"hard": torch.tensor([0, 3, 3])}, torch.tensor([1]), "a"
    )
    keys, hard = figure.axes
    assert hard.collections[0].get_offsets().tolist() == [[2, 2], [6, 6]]
    assert keys.collections[0].get_offsets().tolist() == [[6, 2]]
    assert keys.collections[0].get_facecolor()[0][:3].tolist() == [0, 1, 0]


def test_gradient_by_confidence_compares_hard_and_easy():
    confidence, gradient = torch.tensor([0.05, 0.08, 0.99]), torch.tensor([2.0, 4.0, 0.5])
    left, right = queries.gradient_by_confidence(confidence, gradient, 0.97).axes
    means = left.lines[0].get_ydata()
    assert means[0] == 3 and means[9] == 0.5 and np.isnan(means[1:9]).all()
    assert [label.get_text() for label in right.get_xticklabels()] == ["hard", "easy"]
    alone = queries.gradient_by_confidence(confidence[:2], gradient[:2], 0.97).axes[1]
    assert [label.get_text() for label in alone.get_xticklabels()] == ["hard"]


def test_shares():
    axes = queries.share_over_steps([1, 2], {"all": [1.0, 0.5]}).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [100, 50]
    assert queries.unique_share(torch.tensor([[1, 1], [4, 1]]), 8) == 0.25
