"""Labels that the loss cannot use are refused, never taken for "ignore"."""

import pytest
import torch
from trust import fault

from reco_core.losses import RegionalContrastLoss, check_labels

pytestmark = fault("Labels given to the loss", "labels that are no class", "of many kinds", "Refused.", inputs=1)
SHAPE = (2, 6, 6)
WRONG = {
    "counted from 1": (lambda labels: labels + 1, "24 pixels have 3"),
    "minus one for ignore": (lambda labels: labels.masked_fill(labels == 0, -1), "-1"),
    "minus a hundred for ignore": (lambda labels: labels.masked_fill(labels == 0, -100), "-100"),
    "another number for ignore": (lambda labels: labels.masked_fill(labels == 0, 254), "254"),
    "one pixel": (lambda labels: labels.flatten().index_fill(0, torch.tensor([7]), 3).view(SHAPE), "1 pixels have 3"),
}


def labels_of_three():
    return torch.arange(72).view(SHAPE) % 3


@pytest.mark.parametrize("confidence", [0.1, 0.99])
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("case", WRONG)
def test_wrong_labels_are_named(case, debug, confidence):
    """Whether their pixels would be hard or easy."""
    change, found = WRONG[case]
    loss = RegionalContrastLoss(num_queries=4, num_keys=4, num_classes=3, debug=debug)
    with pytest.raises(ValueError, match=f"0 to 2, or 255 .*({found})"):
        loss(torch.randn(2, 4, 6, 6), change(labels_of_three()), torch.full(SHAPE, confidence))


@pytest.mark.parametrize("labels", [labels_of_three(), torch.full(SHAPE, 255), torch.full(SHAPE, 2)])
def test_right_labels_are_not(labels):
    assert check_labels(labels, 3) is None
    value = RegionalContrastLoss(num_queries=4, num_keys=4, num_classes=3, debug=True)(
        torch.randn(2, 4, 6, 6), labels, torch.rand(SHAPE)
    )
    assert value.isfinite()


@pytest.mark.parametrize("label", [3, 4, -1])
@pytest.mark.parametrize("confidence", [0.1, 0.99])
def test_without_a_look_they_are_an_index_out_of_bounds(monkeypatch, label, confidence):
    """As on a GPU, which is not made to wait: its kernels refuse such an index."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    labels = labels_of_three()
    labels[0, 0, 0] = label
    with pytest.raises((RuntimeError, IndexError), match="out of bounds"):
        RegionalContrastLoss(num_queries=4, num_keys=4, num_classes=3)(
            torch.randn(2, 4, 6, 6), labels, torch.full(SHAPE, confidence)
        )
