"""reco_book.figures.data: what is drawn is what was given."""

import numpy as np
import pytest
import torch

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


def test_examples_stand_in_the_rows_of_their_classes():
    """Each picture is drawn within a square beside the name of its class, the higher side filling it."""
    square, wide = np.zeros((4, 4, 3)), np.zeros((2, 8, 3))
    figure = figures.class_tree(("a", "b"), COLOURS, ("a", "b"), {"b": [square, wide], "a": [wide]})
    names, pictures = figure.axes
    row = {label.get_text(): tick for tick, label in zip(names.get_yticks(), names.get_yticklabels(), strict=True)}
    middles = [(image.get_extent()[2] + image.get_extent()[3]) / 2 for image in pictures.images]
    assert middles == pytest.approx([row["a"], row["b"], row["b"]]) and names.get_ylim() == pictures.get_ylim()
    sizes = [(right - left, bottom - top) for left, right, bottom, top in (i.get_extent() for i in pictures.images)]
    assert sizes == pytest.approx(np.array([(0.92, 0.23), (0.92, 0.92), (0.92, 0.23)]))


def test_cut_outs_are_the_largest_region_of_each_image_on_white():
    """Of class 1 the first image shows two regions, the second a single pixel, which is too small."""
    image = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(4, 5, dtype=torch.int64)
    labels[0, 0], labels[2:, 2:4], labels[3, 3] = 1, 1, 0
    small = torch.zeros(4, 5, dtype=torch.int64)
    small[1, 1] = 1

    class Two(list):
        classes = ("ground", "thing")

    found = figures.cut_outs(Two([(image, labels), (image, small)]), count=2, smallest=0.1)
    assert [len(found[name]) for name in Two.classes] == [2, 1]
    expected = image[:, 2:, 2:4].permute(1, 2, 0).numpy().copy()
    expected[1, 1] = 1
    assert np.array_equal(found["thing"][0], expected)


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


def test_goal_posts_are_the_papers_and_say_so():
    figure = figures.goal_posts(TABLE_1)
    assert [axes.get_title() for axes in figure.axes] == ["Pascal VOC", "Cityscapes", "SUN RGB-D"]
    assert "Paper, Table 1" in figure.axes[0].get_ylabel()
    lines = {line.get_label(): line for line in figure.axes[1].lines}
    assert list(lines["ReCo + ClassMix"].get_ydata()) == [49.86, 57.69, 65.04]
    assert lines["ClassMix"].get_color() == METHOD_COLOURS["classmix"] and len(lines) == 6
