"""reco_core.evaluation."""

import math

import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from reco_core.evaluation import Scores, evaluate
from reco_core.models import SegmentationOutput
from reco_core.runs.records import RecordedScores


class Fixed(torch.nn.Module):
    """Predicts the class whose colour is nearest: right on noiseless scenes."""

    def __init__(self, palette):
        super().__init__()
        self.colours = torch.tensor(palette, dtype=torch.float32)[None, :, :, None, None] / 255

    def forward(self, images, with_representation=True):
        logits = -(images[:, None] - self.colours).square().sum(2)
        return SegmentationOutput(logits, None, images)


def test_iou_by_hand():
    """Truth 0: 4 right, 1 called 1. Truth 1: 3 right, 2 called 0. IoU 4/7 and 3/6; class 2 nowhere."""
    scores = Scores(torch.tensor([[4, 1, 0], [2, 3, 0], [0, 0, 0]]))
    assert scores.iou[:2].tolist() == pytest.approx([4 / 7, 3 / 6]) and math.isnan(scores.iou[2])
    assert scores.miou == pytest.approx((4 / 7 + 3 / 6) / 2)
    assert scores.pixel_accuracy == pytest.approx(0.7)
    assert RecordedScores.of(scores).iou[2] is None


def test_a_class_that_is_predicted_but_never_true_counts_as_zero():
    scores = Scores(torch.tensor([[4, 1], [0, 0]]))
    assert scores.iou.tolist() == [0.8, 0.0]


def test_equals_torchmetrics_and_does_not_depend_on_batch_size_and_workers(tiny):
    network = Fixed([(100, 180, 255), (150, 90, 90), (200, 30, 30)])
    metric = MulticlassJaccardIndex(3, ignore_index=255)
    for image, label in (tiny[index] for index in range(len(tiny))):
        label = label.clone()
        metric.update(network(image[None]).logits.argmax(1), label[None])
    scores = [evaluate(network, tiny, batch_size=size) for size in (1, 3, 8)]
    scores.append(evaluate(network, tiny, batch_size=3, num_workers=2))
    assert scores[0].miou == pytest.approx(metric.compute().item(), abs=1e-6)
    assert all(torch.equal(score.confusion, scores[0].confusion) for score in scores)
    assert scores[0].confusion.sum() == 8 * 32 * 32


class Leaning(torch.nn.Module):
    """Says class 0 with a probability that is the image's level."""

    def forward(self, images, with_representation=True):
        return SegmentationOutput(torch.cat([images[:, :1].logit(), torch.zeros_like(images[:, :1])], 1), None, images)


class Levels:
    """Two images of four pixels: what the network says of class 0, and the truth."""

    name, split, num_classes = "levels", "all", 2
    levels = torch.tensor([[0.99, 0.98, 0.60, 0.01], [0.98, 0.02, 0.96, 0.99]])
    labels = torch.tensor([[0, 1, 0, 1], [0, 1, 0, 255]])

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.levels[index].view(1, 2, 2).expand(3, 2, 2), self.labels[index].view(2, 2)


def test_confident_predictions_are_counted_by_hand():
    """From 0.97 on: of seven labelled pixels five (0.99, 0.98, 0.01; 0.98, 0.02), of which the 0.98 on class 1 errs."""
    scores = evaluate(Leaning(), Levels())
    assert scores.confusion.tolist() == [[4, 0], [1, 2]] and scores.confident.tolist() == [[2, 0], [1, 2]]
    assert scores.confident_share == pytest.approx(5 / 7) and scores.confident_accuracy == pytest.approx(4 / 5)
    recorded = RecordedScores.of(scores)
    assert recorded.confident_share == round(5 / 7, 6) and recorded.confident_accuracy == 0.8
    assert recorded.confusion == ((4, 0), (1, 2))
    unsure = Scores(scores.confusion, torch.zeros(2, 2, dtype=torch.int64))
    assert unsure.confident_share == 0 and math.isnan(unsure.confident_accuracy)
    assert RecordedScores.of(unsure).confident_accuracy is None
    assert RecordedScores.of(Scores(scores.confusion)).confident_share is None, "where nobody counted"


def test_some_images_alone_are_scored():
    assert evaluate(Leaning(), Levels(), indices=[1]).confusion.tolist() == [[2, 0], [0, 1]]
    assert evaluate(Leaning(), Levels(), indices=[1, 0]).confusion.sum() == 7


class MixedSizes:
    """Images of two sizes, the second with its truth partly ignored and partly wrong."""

    num_classes = 2

    def __len__(self):
        return 3

    def __getitem__(self, index):
        image = torch.zeros(3, 4, 4 + 2 * (index % 2))
        label = torch.zeros(image.shape[1:], dtype=torch.int64)
        if index == 1:
            label[0], label[1] = 255, 1
        return image, label


def test_mixed_sizes_and_ignored_pixels():
    scores = evaluate(Fixed([(0, 0, 0), (255, 255, 255)]), MixedSizes(), batch_size=3)
    assert scores.confusion.tolist() == [[16 + 12 + 16, 0], [6, 0]]


def test_leaves_the_mode_and_reports_progress(tiny):
    network, done = Fixed(tiny.palette).train(), []
    evaluate(network, tiny, batch_size=3, on_batch=done.append)
    assert network.training and done == [3, 6, 8]
