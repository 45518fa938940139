"""reco_book.figures.training and style: what is drawn is what was given."""

import numpy as np
import torch

from reco_book.figures import training
from reco_core.analysis.plots import colour_labels

HISTORY = [{"step": 10, "supervised": 2.0, "reco": 6.0}, {"step": 10, "miou": 0.2}, {"step": 20, "supervised": 1.0}]


def test_colours_are_the_palettes_and_ignored_is_white():
    coloured = colour_labels(torch.tensor([[0, 1, 255]]), [(1, 2, 3), (4, 5, 6)])
    assert coloured.tolist() == [[[1, 2, 3], [4, 5, 6], [255, 255, 255]]]


def test_loss_curves_have_a_panel_for_each_loss_that_occurs():
    figure = training.loss_curves({"supervised": HISTORY[2:], "reco+classmix": HISTORY})
    assert [axes.get_title() for axes in figure.axes] == ["supervised loss", "ReCo loss"]
    assert figure.axes[0].lines[1].get_xydata().tolist() == [[10, 2.0], [20, 1.0]]
    assert len(figure.axes[1].lines) == 1 and all(axes.get_xlabel() == "step" for axes in figure.axes)


def test_score_curves_show_mean_and_range():
    runs = [[{"step": 5, "miou": 0.2}, {"step": 9, "miou": 0.4}], [{"step": 5, "miou": 0.4}, {"step": 9, "miou": 0.6}]]
    axes = training.score_curves({"classmix": runs}).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[5, 30], [9, 50]])
    band = axes.collections[0].get_paths()[0].vertices
    assert np.isclose(band[:, 1].min(), 20) and np.isclose(band[:, 1].max(), 60)
    assert len(training.score_curves({"supervised": [], "classmix": runs}).axes[0].lines) == 1, "one without a record"


def test_predictions_are_compared_where_they_are_scored():
    truth = torch.tensor([[0, 1], [255, 1]])
    output = torch.tensor([[0, 0], [0, 1]])
    palette = [(10, 20, 30), (40, 50, 60)]
    figure = training.predictions_side_by_side(
        [torch.zeros(3, 2, 2)], [truth], {"classmix": [output]}, ["a", "b"], palette
    )
    drawn = figure.axes[2].images[0].get_array()
    assert drawn[1, 0].tolist() == [255, 255, 255] and drawn[0, 1].tolist() == [10, 20, 30]
    assert figure.axes[2].get_xlabel() == "67 % correct"
