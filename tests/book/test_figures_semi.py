"""reco_book.figures.semi: the diagram of the whole step, and what the pictures of pseudo-labels and mixing show."""

import numpy as np
import pytest
import torch
from drawn import dots, marks

from reco_book.figures import semi

CLASSES = ("a", "b", "c")
PALETTE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def test_the_pipeline_names_every_part_of_the_objective_and_its_thresholds():
    (axes,) = semi.pipeline(strong=0.9, weak=0.6, decay=0.95).axes
    texts = " ".join(text.get_text() for text in axes.texts)
    for part in ("supervised", "unsupervised", "reco", "student", "teacher", "pseudo-label", "mixing", "eta"):
        assert part in texts, part
    for value in ("0.9", "0.6", "0.95"):
        assert value in texts, "thresholds are those that were given"
    assert r"\lambda_t" in texts and "min" in texts, "the ramp is part of the average, as in the text"


def names(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_mistake_is_counted_once_and_never_where_the_truth_is_unknown():
    pseudo, truth = torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 0, 255])
    found = semi.mistakes(pseudo, truth, torch.tensor([0.1, 0.96, 0.97, 1.0]), strong=0.97)
    assert [list(semi.MISTAKES)[kind] for kind in found] == [
        "correct",
        "wrong, not confident",
        "wrong and confident",
        "correct",
    ]


def test_self_labelled_shows_where_the_pseudo_label_is_wrong():
    pseudo, truth = torch.tensor([[[0, 1], [1, 1]]]), torch.tensor([[[0, 0], [0, 1]]])
    confidence = torch.tensor([[[0.5, 0.5], [0.99, 0.5]]])
    figure = semi.self_labelled(torch.rand(1, 3, 2, 2), truth, pseudo, confidence, 0.97, CLASSES, PALETTE)
    shown = figure.axes[4].images[0].get_array()
    expected = [[semi.MISTAKES["correct"], semi.MISTAKES["wrong, not confident"]],
                [semi.MISTAKES["wrong and confident"], semi.MISTAKES["correct"]]]  # fmt: skip
    assert np.allclose(shown, expected)
    assert "50 %" in figure.axes[2].get_xlabel() and np.allclose(figure.axes[3].images[0].get_array(), confidence[0])
    assert names(figure) == ["a", "b", *semi.MISTAKES]


def test_views_draw_images_and_labels_and_name_what_is_shown():
    stages = {"sees": torch.rand(2, 3, 4, 4), "says": torch.full((2, 4, 4), 2)}
    stages["says"][0, 0, 0] = 255
    figure = semi.views(stages, CLASSES, PALETTE)
    assert [axes.get_title() for axes in figure.axes] == ["sees", "says", "", ""]
    assert np.allclose(figure.axes[2].images[0].get_array(), stages["sees"][1].permute(1, 2, 0))
    assert figure.axes[1].images[0].get_array()[0, :2].tolist() == [[255, 255, 255], [0, 0, 255]]
    assert names(figure) == ["c", "no label (255)"]


def test_paths_draw_every_weight_and_the_goal():
    figure = semi.paths({"student": [0.0, 2.0], "teacher": [0.0, 1.0]}, goal=1.5)
    goal, student, teacher = figure.axes[0].lines
    assert set(goal.get_ydata()) == {1.5}
    assert list(student.get_ydata()) == [0.0, 2.0] and list(teacher.get_ydata()) == [0.0, 1.0]
    assert names(figure) == ["student", "teacher"]


def test_mixings_show_a_column_for_each_and_its_seam():
    images, labels = torch.rand(2, 3, 4, 4), torch.tensor([0, 1])[:, None, None].repeat(1, 4, 4)
    confidence = torch.tensor([0.2, 0.8])[:, None, None].repeat(1, 4, 4)
    mask = torch.zeros(2, 4, 4, dtype=torch.bool)
    mask[:, :2] = True
    mixed = (mask, images.flip(0), labels.flip(0), confidence.flip(0))
    figure = semi.mixings((images, labels, confidence), {"CutMix": mixed}, CLASSES, PALETTE)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["image", "next image", "CutMix"]
    (image, _, made), maps, certain = (figure.axes[row : row + 3] for row in (0, 3, 6))
    assert np.allclose(made.images[0].get_array(), images[1].permute(1, 2, 0)) and not image.collections
    seam = np.concatenate([path.vertices for path in made.collections[0].get_paths()])
    assert (seam[:, 1] == 1.5).all(), "between the rows inside and outside the mask"
    assert [axes.images[0].get_array()[0, 0].tolist() for axes in maps] == [[255, 0, 0], [0, 255, 0], [0, 255, 0]]
    assert [round(float(axes.images[0].get_array()[0, 0]), 1) for axes in certain] == [0.2, 0.8, 0.8]


def test_trust_names_each_share_where_it_ends():
    figure = semi.trust([0, 100], {"correct": [0.1, 0.9], "confident": [float("nan"), 0.5]})
    (axes,) = figure.axes
    assert np.allclose(axes.lines[0].get_ydata(), [10, 90]) and np.isnan(axes.lines[1].get_ydata()[0])
    assert [(text.get_text(), tuple(text.xy)) for text in axes.texts] == [
        ("correct", (100, 90)),
        ("confident", (100, 50)),
    ]


def test_arms_draw_the_mean_and_the_class_of_each_network():
    figure = semi.arms([0, 100], {"few": ([0.1, 0.4], [0.2, 0.3]), "all": ([0.1, 0.7], [0.0, 0.6])}, "hedge")
    assert [axes.get_title() for axes in figure.axes] == ["mean", "hedge"]
    left, right = ([list(line.get_ydata()) for line in axes.lines] for axes in figure.axes)
    assert np.allclose(left, [[10, 40], [10, 70]]) and np.allclose(right, [[20, 30], [0, 60]])
    assert names(figure) == ["few", "all"]


def test_judgements_show_every_image_and_the_mean():
    before, after = {"true": torch.tensor([0.5, 0.5])}, {"true": torch.tensor([0.8, 1.0])}
    left, right = semi.judgements(before, after, threshold=0.6).axes
    assert dots(right, value=0) == [pytest.approx([0.8, 1.0])]
    assert marks(right, "|") == [[[pytest.approx(0.9), 0]]]
    assert left.lines[-1].get_xdata()[0] == 0.6
    assert [label.get_text() for label in left.get_yticklabels()] == ["true"]
