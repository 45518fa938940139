"""reco_book.boundaries on borders whose pixels can be counted."""

import pytest
import torch

from reco_book.boundaries import boundary_band, boundary_scores, depth, inner_rim
from reco_core.models import SegmentationOutput


def halves(column, side=20):
    label = torch.zeros(side, side, dtype=torch.int64)
    label[:, column:] = 1
    return label


@pytest.mark.parametrize("width", [1, 2, 5])
def test_the_band_is_so_many_pixels_on_either_side(width):
    band = boundary_band(halves(10)[None], width)[0]
    assert band.any(dim=0).nonzero()[:, 0].tolist() == list(range(10 - width, 10 + width))
    assert band.all(dim=0).sum() == 2 * width


def test_what_is_ignored_makes_no_border():
    label = halves(10)
    label[:, 8:12] = 255
    assert not boundary_band(label[None], 2).any()
    assert boundary_band(label[None], 5)[0].any(dim=0).nonzero()[:, 0].tolist() == [7, 12]
    assert not boundary_band(torch.zeros(1, 6, 6, dtype=torch.int64), 3).any()


def test_the_rim_is_inside_and_the_images_edge_is_none():
    rim = inner_rim(depth(halves(10)[None] == 1), 3)[0]
    assert rim.any(dim=0).nonzero()[:, 0].tolist() == [10, 11, 12] and rim.all(dim=0).sum() == 3
    assert not inner_rim(depth(torch.ones(1, 4, 4, dtype=torch.bool)), 2).any(), "no border at all"


class Shifted(torch.nn.Module):
    """Predicts the border two pixels too far right."""

    def forward(self, images, with_representation=True):
        found = torch.nn.functional.one_hot(halves(12), 2).permute(2, 0, 1)[None].float()
        return SegmentationOutput(found, None, images)


class One:
    classes, num_classes = ("left", "right"), 2

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return torch.zeros(3, 20, 20), halves(10)


def test_scores_of_a_shifted_border():
    network = Shifted().train()
    scores = boundary_scores(network, One(), widths=(2, 4))
    # band of width 2: columns 8 to 11; 10 and 11 are wrong. IoU: left 2 / 4, right 0 / 2
    assert scores["trimap"][2] == pytest.approx((0.5 + 0.0) / 2)
    # width 4: columns 6 to 13: left 4 / 6, right 2 / 4
    assert scores["trimap"][4] == pytest.approx((4 / 6 + 2 / 4) / 2)
    # rims of width 2: left {8, 9} and {10, 11}; right {10, 11} and {12, 13}: nothing in common
    assert scores["boundary"][2] == 0
    # width 4: left {6..9}, {8..11}: 2 / 6; right {10..13}, {12..15}: 2 / 6
    assert scores["boundary"][4] == pytest.approx(1 / 3)
    assert network.training
    alone = boundary_scores(network, One(), widths=(4,))
    assert alone == {kind: {4: found[4]} for kind, found in scores.items()}, "a width does not depend on the others"
