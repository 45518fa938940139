"""reco_book.figures.semi: the diagram of the whole step, and what the stages' pictures show."""

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


def test_student_and_teachers_draw_both_histories():
    scores, changed = {"student": [10.0, 20.0], "teacher": [5.0, 18.0]}, {"student": [9.0, 4.0], "teacher": [3.0, 1.0]}
    left, right = semi.student_and_teachers([12, 24], scores, changed).axes
    assert [line.get_xydata().tolist() for line in left.lines] == [[[12, 10], [24, 20]], [[12, 5], [24, 18]]]
    assert [list(line.get_ydata()) for line in right.lines] == [[9.0, 4.0], [3.0, 1.0]]


def test_mixings_show_the_mask_beside_what_it_made():
    images, labels, confidence = torch.rand(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.int64), torch.ones(2, 4, 4)
    mask = torch.zeros(2, 4, 4, dtype=torch.bool)
    mask[:, :2] = True
    figure = semi.mixings(
        (images, labels, confidence), {"CutMix": (mask, images, labels, confidence)}, CLASSES, PALETTE
    )
    drawn = figure.axes[11].images[0].get_array()
    assert (drawn[:2] == 1).all() and (drawn[2:] == 0.25).all()
    assert [figure.axes[4 * row].get_ylabel() for row in range(3)] == ["image", "its partner", "CutMix"]


def test_pixel_losses_are_scaled_by_the_images_eta():
    labels, losses = torch.zeros(2, 2, 2, dtype=torch.int64), torch.tensor([[[1.0, 2.0], [3.0, 0.0]]]).repeat(2, 1, 1)
    figure = semi.pixel_losses(labels, labels, losses, torch.tensor([0.5, 0.0]), CLASSES, PALETTE)
    shown = [axes.images[0].get_array() for axes in figure.axes[:8]]
    assert np.allclose(shown[2], losses[0]) and np.allclose(shown[3], 0.5 * losses[0]) and (shown[7] == 0).all()
    assert figure.axes[3].get_xlabel() == "η = 0.50"
    assert figure.axes[2].images[0].get_clim() == (0, 4) and figure.axes[3].images[0].get_clim() == (0, 2)
    assert [axes.get_xlabel() for axes in figure.axes[8:]] == ["cross-entropy", "η · cross-entropy"], "a bar for each"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "ignored (255)"]


def test_pixel_losses_are_white_where_there_is_no_label_and_stand_with_eta_zero():
    labels = torch.tensor([[[255, 1]]])
    figure = semi.pixel_losses(labels, labels, torch.ones(1, 1, 2), torch.zeros(1), CLASSES, PALETTE)
    assert figure.axes[2].images[0].get_array().mask.tolist() == [[True, False]]
    assert figure.axes[3].images[0].get_clim() == (0, 4)


def test_pixel_kinds_follow_the_two_thresholds():
    labels = torch.tensor([255, 0, 1, 2])
    trusted = torch.tensor([True, False, True, True])
    kinds = semi.pixel_kinds(labels, trusted, torch.tensor([0.1, 0.1, 0.97, 0.96]), strong=0.97)
    assert [list(semi.KINDS)[kind].split(":")[0] for kind in kinds] == [
        "no label (padding)", "teacher below δw", "easy", "hard",
    ]  # fmt: skip


def test_entering_puts_each_draw_into_its_image():
    kinds = torch.full((2, 2, 3), 3)
    figure = semi.entering(
        torch.rand(2, 3, 4, 6), kinds, {"queries": torch.tensor([0, 5, 5]), "keys": torch.tensor([7])}
    )
    first, second = figure.axes[2:4]
    assert first.collections[0].get_offsets().tolist() == [[0, 0], [2, 1]], "a place drawn twice is marked once"
    assert len(second.collections[0].get_offsets()) == 0
    assert second.collections[1].get_offsets().tolist() == [[1, 0]]


def test_judgements_show_every_image_and_the_mean():
    before, after = {"true": torch.tensor([0.5, 0.5])}, {"true": torch.tensor([0.8, 1.0])}
    left, right = semi.judgements(before, after, threshold=0.6).axes
    assert dots(right, value=0) == [pytest.approx([0.8, 1.0])]
    assert marks(right, "|") == [[[pytest.approx(0.9), 0]]]
    assert left.lines[-1].get_xdata()[0] == 0.6
    assert [label.get_text() for label in left.get_yticklabels()] == ["true"]
