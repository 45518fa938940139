"""reco_book.figures.partial: what is drawn is what was computed."""

import numpy as np
import torch

from reco_book.figures import partial

CLASSES, PALETTE = ("a", "b"), ((255, 0, 0), (0, 0, 255))


def test_labels_stand_in_colour_over_grey_and_single_pixels_get_a_ring():
    labels = torch.full((6, 8), 255)
    labels[1, 2], labels[4, 4:7] = 0, 1
    figure = partial.shares_of_labels(torch.rand(3, 6, 8), {"one": labels}, CLASSES, PALETTE, (0, 0, 4))
    top, bottom = (axes for axes in figure.axes if axes.images)
    drawn = top.images[0].get_array()
    assert drawn[1, 2].tolist() == [1, 0, 0] and drawn[4, 5].tolist() == [0, 0, 1]
    assert np.ptp(drawn[0, 0]) == 0, "no label: grey"
    assert len(top.lines) == 1 and top.lines[0].get_xydata().tolist() == [[2, 1]]
    assert bottom.images[0].get_array().shape == (4, 4, 3)


def test_differing_regions_are_where_one_alone_is_right():
    truth = torch.zeros(10, 10, dtype=torch.int64)
    truth[9] = 255
    first, second = truth.clone(), truth.clone()
    first[1:4, 2:4] = 1  # the second alone is right, 3 x 2
    first[6, 6] = 1
    second[5:7, 0:5] = 1  # the first alone is right, 2 x 5
    first[9], second[9] = 0, 1  # ignored
    boxes = partial.differing_regions(truth, first, second, count=1)
    assert boxes == [(1, 2, 3, 2, True), (5, 0, 2, 5, False)]
    assert partial.differing_regions(truth, truth, truth) == []


def test_boxes_are_drawn_on_both_methods():
    truth = torch.zeros(8, 8, dtype=torch.int64)
    wrong = truth.clone()
    wrong[2:4, 3:6] = 1
    figure = partial.marked_predictions([torch.rand(3, 8, 8)], [truth], {"x": [wrong], "y": [truth]}, CLASSES, PALETTE)
    boxes = [[patch.get_linestyle() for patch in axes.patches] for axes in figure.axes[:4]]
    assert boxes == [[], [], ["-"], ["-"]]
    assert figure.axes[2].patches[0].get_xy() == (1.5, 0.5)
