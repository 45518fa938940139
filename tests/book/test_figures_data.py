"""reco_book.figures.data: what is drawn is what was given."""

import numpy as np
import pytest
import torch
from drawn import bars
from matplotlib.colors import to_rgb

from reco_book.dendrograms import merge_heights
from reco_book.figures import data as figures
from reco_book.figures.style import METHOD_COLOURS
from reco_book.paper import TABLE_1
from reco_core.datasets.toyscapes import CLASSES, PALETTE
from reco_core.evaluation import Scores

THREE = ("road", "car", "person")
COLOURS = ((10, 20, 30), (200, 210, 220), (250, 0, 0))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_mask_window_writes_the_indices_of_the_window():
    labels = torch.tensor([[0, 1, 1], [0, 255, 2], [0, 0, 2]])
    axes = figures.mask_window(torch.zeros(3, 3, 3), labels, COLOURS, window=(1, 1, 2)).axes
    assert texts(axes[2]) == ["255", "2", "0", "2"]
    assert axes[2].texts[3].get_position() == (1, 1)
    assert [patch.get_xy() for patch in axes[1].patches] == [(0.5, 0.5)] * 2


def test_ink_is_readable():
    assert [figures.ink_on(colour) for colour in COLOURS] == ["white", "black", "white"]


def test_class_tree_joins_two_leaves_where_the_planted_heights_say():
    axes = figures.class_tree(CLASSES, PALETTE).axes[0]
    rows = {label.get_text(): tick for tick, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    assert set(rows) == set(CLASSES)
    joints = [line for line in axes.lines if len(line.get_xdata()) == 2 and len(set(line.get_xdata())) == 1]
    heights, index = merge_heights(), CLASSES.index
    for pair in (("car", "truck"), ("building", "wall")):
        spans = [
            line.get_xdata()[0] for line in joints if sorted(line.get_ydata()) == sorted(rows[name] for name in pair)
        ]
        assert spans == [heights[index(pair[0]), index(pair[1])]]
    assert max(line.get_xdata()[0] for line in joints) == heights.max()


def test_class_shares_are_sorted_by_pixels_and_written_in_percent():
    figure = figures.class_shares(np.array([0.2, 0.795, 0.005]), np.array([1, 0.9, 0.05]), THREE, COLOURS)
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx([79.5, 20, 0.5])
    assert texts(left) == ["79.5", "20", "0.5"] and texts(right) == ["90", "100", "5"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["car", "road", "person"]
    assert left.get_xscale() == "log" and left.patches[2].get_facecolor()[:3] == to_rgb(figures.rgb(COLOURS[2]))


def test_labelled_classes_marks_presence_and_names_what_is_missing():
    presence = np.array([[True, False, True], [True, False, False]])
    axes = figures.labelled_classes({"draw": presence}, THREE, COLOURS).axes[0]
    corners = {(round(patch.get_x() + 0.42), round(patch.get_y() + 0.42)) for patch in axes.patches}
    assert corners == {(0, 0), (0, 2), (1, 0)}
    assert axes.get_title() == "draw: 1 missing"
    assert [tick.get_fontweight() for tick in axes.get_yticklabels()] == ["normal", "bold", "normal"]


def test_missed_classes_draws_mean_and_range():
    missed = {"random": np.array([[4, 2], [2, 0]]), "balanced": np.zeros((2, 2))}
    axes = figures.missed_classes(missed, (2, 5)).axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[2, 3], [5, 1]]
    assert axes.lines[1].get_ydata().tolist() == [0, 0]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == 4 and band[band[:, 0] == 5][:, 1].max() == 2


def test_iou_by_hand_counts_as_eq_iou_does():
    """The titles of the figure are numerator and denominator of eq-iou; `Scores` has the same ratio."""
    truth = torch.tensor([[0, 0, 1, 255], [2, 1, 1, 2]])
    guess = torch.tensor([[0, 1, 1, 1], [2, 1, 0, 0]])
    axes = figures.iou_by_hand(truth, guess, THREE, COLOURS).axes
    assert [panel.get_title() for panel in axes[2:]] == ["road: 1 of 4", "car: 2 of 4", "person: 1 of 2"]
    confusion = torch.tensor([[1, 1, 0], [1, 2, 0], [1, 0, 1]])
    assert Scores(confusion).iou.tolist() == [1 / 4, 2 / 4, 1 / 2]
    drawn = np.asarray(axes[3].images[0].get_array())
    assert drawn[0, 2].tolist() == pytest.approx(figures.rgb(COLOURS[1]))
    assert drawn[0, 1].tolist() == pytest.approx([0.85] * 3) and drawn[0, 3].tolist() == [1, 1, 1]
    figure = axes[0].figure
    figure.draw_without_rendering()
    gap = axes[0].get_window_extent().y0 - figure.legends[0].get_window_extent().y1
    assert gap < 0.3 * figure.dpi, "no blank band between grids and legend"


def test_score_bars_draw_percent():
    rows = {"lazy": {"accuracy": 0.9, "mean IoU": 0.2}, "good": {"accuracy": 0.95, "mean IoU": 0.7}}
    figure = figures.score_bars(rows)
    axes = figure.axes[0]
    assert [length for _, length in bars(axes)] == pytest.approx([90, 95, 20, 70])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["accuracy", "mean IoU"]
    assert texts(axes) == ["90.0", "95.0", "20.0", "70.0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lazy", "good"]


def test_goal_posts_are_the_papers_and_say_so():
    figure = figures.goal_posts(TABLE_1)
    assert [axes.get_title() for axes in figure.axes] == ["Pascal VOC", "Cityscapes", "SUN RGB-D"]
    assert "Paper, Table 1" in figure.axes[0].get_ylabel()
    lines = {line.get_label(): line for line in figure.axes[1].lines}
    assert list(lines["ReCo + ClassMix"].get_ydata()) == [49.86, 57.69, 65.04]
    assert lines["ClassMix"].get_color() == METHOD_COLOURS["classmix"] and len(lines) == 6
