"""reco_book.figures.training and style: what is drawn is what was given."""

import numpy as np
import pytest
import torch
from drawn import dots, intervals, marks

from reco_book.compare import Part
from reco_book.figures import training
from reco_book.seeds import Summary
from reco_core.analysis.plots import colour_labels
from reco_core.config import OptimisationConfig

HISTORY = [{"step": 10, "supervised": 2.0, "reco": 6.0}, {"step": 10, "miou": 0.2}, {"step": 20, "supervised": 1.0}]


def test_colours_are_the_palettes_and_ignored_is_white():
    coloured = colour_labels(torch.tensor([[0, 1, 255]]), [(1, 2, 3), (4, 5, 6)])
    assert coloured.tolist() == [[[1, 2, 3], [4, 5, 6], [255, 255, 255]]]


def test_schedules():
    figure = training.schedules(OptimisationConfig(iterations=100, learning_rate=0.5))
    rate, teacher = (axes.lines[0].get_ydata() for axes in figure.axes)
    assert rate[0] == 0.5 and np.isclose(rate[50], 0.5 * 0.5**0.9) and rate[-1] < 0.01
    assert teacher[0] == 0.5 and teacher[-1] == 0.99


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


def test_scores_under_conditions_draw_seeds_means_and_paired_intervals():
    few = {"classmix": {0: 30.0, 1: 32.0}, "reco+classmix": {0: 31.0, 1: 35.0, 2: 90.0}}
    many = {"classmix": {0: 40.0}, "reco+classmix": {}}
    left, right = training.scores_under_conditions({"10": few, "60": many}, "labels").axes
    classmix, reco = marks(left, "_")
    assert [mean for _, mean in classmix] == [31, 40] and [mean for _, mean in reco] == [(31 + 35 + 90) / 3]
    assert dots(left) == [[30, 32], [31, 35, 90], [40]]
    assert [mean for ((_, mean),) in marks(right, "o")] == [2.0], "none of a single pair"
    assert intervals(right) == [pytest.approx(list(Summary((1.0, 3.0)).interval()))]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["ClassMix", "ReCo + ClassMix"]
    assert [label.get_text() for label in right.get_xticklabels()] == ["10", "60"]


def colour(axes, marker):
    """Of the marks of this kind, which have one."""
    (found,) = {line.get_color() for line in axes.lines if line.get_marker() == marker}
    return found


def test_beside_the_labels_draws_means_and_intervals_and_leaves_out_single_pairs():
    gap, single = Summary((1.0, 3.0)), Summary((9.0,))
    settings = {"10": {"cutmix": gap, "classmix": single}, "60": {"cutmix": Summary((-2.0, -4.0)), "classmix": gap}}
    figure = training.beside_the_labels({"drawn": settings, "streets": settings}, "labels")
    assert [axes.get_title() for axes in figure.axes] == ["drawn", "streets"]
    (cutmix,), (classmix,) = (marks(figure.axes[0], marker) for marker in "os")
    assert [mean for _, mean in cutmix] == [2.0, -3.0] and [mean for _, mean in classmix] == [2.0]
    assert round(classmix[0][0]) == 1
    assert intervals(figure.axes[0])[0] == pytest.approx(list(gap.interval()))
    assert len(intervals(figure.axes[0])) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["CutMix", "ClassMix"]


def test_parts_near_borders_draws_a_setting_in_one_colour_and_leaves_out_single_pairs():
    gap, single = Summary((1.0, 3.0)), Summary((9.0,))
    drawn = {"10 labels": {"1": gap, "all": Summary((-2.0, -4.0))}, "60 labels": {"1": single, "all": gap}}
    figure = training.parts_near_borders({"drawn": drawn, "streets": {"60 labels": {"1": gap, "all": gap}}})
    left, right = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["drawn", "streets"]
    assert [label.get_text() for label in left.get_xticklabels()] == ["1", "all"]
    (few,), (many,) = (marks(left, marker) for marker in "os")
    assert [mean for _, mean in few] == [2.0, -3.0] and [mean for _, mean in many] == [2.0]
    assert intervals(left)[0] == pytest.approx(list(gap.interval()))
    assert colour(left, "s") == colour(right, "s") != colour(left, "o")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["10 labels", "60 labels"]
    beside = training.parts_near_borders(
        {"ours": {"60 labels": {"1": gap}}}, difference="ours − theirs", settings=("10 labels", "60 labels")
    )
    assert beside.axes[0].get_ylabel().startswith("ours − theirs:")
    assert colour(beside.axes[0], "s") == colour(left, "s"), "as in the picture with both settings"
    nothing = {"streets": {"60 labels": {"1": Summary(()), "all": Summary(())}}}
    axes = training.parts_near_borders(nothing, limits=(-2.0, 3.0)).axes[0]
    assert axes.get_ylim() == (-2.0, 3.0) and not marks(axes, "o"), "no record, no point"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "all"]


def test_parts_everywhere_draws_a_line_for_each_setting_with_its_seeds_interval_and_paper():
    gain, loss = Summary((1.0, 2.0, 3.0)), Summary((0.1, -0.1, 0.3))
    parts = [Part("CamVid", "20 labels", 4.25, gain, loss)]
    parts.append(Part("rooms", "50 labels", float("nan"), Summary((0.5,)), Summary((0.2,))))
    left, right = training.parts_everywhere(parts).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["CamVid, 20 labels", "rooms, 50 labels"]
    for axes, several, one in ((left, gain, 0.5), (right, loss, 0.2)):
        assert dots(axes, value=0) == [list(several.values), [one]]
        assert marks(axes, "|") == [[[pytest.approx(several.mean), 0]], [[one, 1]]]
        assert intervals(axes, value=0) == [pytest.approx(list(several.interval()))]
    assert marks(left, "D") == [[[4.25, 0]]] and not marks(right, "D"), "none where the paper has no number"


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


def test_unlabelled_stages_draws_each_batch_as_what_it_is():
    stages = {
        "image": torch.rand(2, 3, 4, 4),
        "pseudo-label": torch.zeros(2, 4, 4, dtype=torch.int64),
        "confidence": torch.full((2, 4, 4), 0.25),
    }
    figure = training.unlabelled_stages(stages, ["a"], [(1, 2, 3)])
    first = figure.axes[:3]
    assert [axes.get_title() for axes in first] == list(stages) and figure.axes[3].get_title() == ""
    assert np.allclose(first[0].images[0].get_array(), stages["image"][0].permute(1, 2, 0))
    assert first[1].images[0].get_array()[0, 0].tolist() == [1, 2, 3]
    assert first[2].images[0].get_array().tolist() == [[0.25] * 4] * 4 and first[2].images[0].get_clim() == (0, 1)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "ignored (255)"]
