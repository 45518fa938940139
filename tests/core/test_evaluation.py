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


def test_equals_torchmetrics_and_does_not_depend_on_the_batch_size(tiny):
    network = Fixed([(100, 180, 255), (150, 90, 90), (200, 30, 30)])
    metric = MulticlassJaccardIndex(3, ignore_index=255)
    for image, label in (tiny[index] for index in range(len(tiny))):
        label = label.clone()
        metric.update(network(image[None]).logits.argmax(1), label[None])
    scores = [evaluate(network, tiny, batch_size=size) for size in (1, 3, 8)]
    assert scores[0].miou == pytest.approx(metric.compute().item(), abs=1e-6)
    assert all(torch.equal(score.confusion, scores[0].confusion) for score in scores)
    assert scores[0].confusion.sum() == 8 * 32 * 32


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
