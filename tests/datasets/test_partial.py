"""reco_core.datasets.partial: the percentages are met within one dilation, and only the class's own pixels are kept."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn import functional as F

from reco_core.datasets.partial import SHARES, PartialLabels, fill_with_predictions, partial_label

label_maps = arrays.arrays(
    np.int64,
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24),
    elements=st.sampled_from([0, 1, 2, 255]),
).map(torch.from_numpy)


def dilate(region):
    return F.max_pool2d(region[None, None].float(), 5, stride=1, padding=2)[0, 0] > 0


def by_dilation(label, share, generator):
    """Section 4.2 word by word: one pixel a class, dilated by 5 x 5 until the share is met, cut back to the class."""
    kept = torch.full_like(label, 255)
    for value in label.unique().tolist():
        if value == 255:
            continue
        member = label == value
        pixels = member.nonzero()
        row, column = pixels[torch.randint(len(pixels), (), generator=generator)]
        region = torch.zeros_like(member)
        region[row, column] = True
        while (region & member).sum() < share * len(pixels):
            region = dilate(region)
        kept[region & member] = value
    return kept


@settings(max_examples=150, deadline=None)
@given(label_maps, st.sampled_from([0.0, 0.01, 0.05, 0.25, 0.8, 1.0]), st.integers(0, 99))
def test_equals_the_dilations_of_the_text(label, share, seed):
    ours = partial_label(label, share, torch.Generator().manual_seed(seed))
    assert torch.equal(ours, by_dilation(label, share, torch.Generator().manual_seed(seed)))


@settings(max_examples=100, deadline=None)
@given(label_maps, st.floats(0.01, 0.9), st.integers(0, 99))
def test_every_class_meets_its_share_and_exceeds_it_by_less_than_one_dilation(label, share, seed):
    kept = partial_label(label, share, torch.Generator().manual_seed(seed))
    assert torch.equal(kept[kept != 255], label[kept != 255]), "no pixel has another label than its own"
    for value in label.unique().tolist():
        if value == 255:
            continue
        region, member = kept == value, label == value
        assert region.sum() >= share * member.sum()
        rows, columns = region.nonzero().unbind(1)
        smaller = [
            ((member.nonzero() - torch.tensor([row, column])).abs().amax(1) <= radius).sum()
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            for radius in range(0, 24, 2)
        ]
        # some square inside the kept one, one dilation smaller, falls short of the share (or a single pixel meets it)
        assert region.sum() == 1 or any(count < share * member.sum() for count in smaller)


def test_one_pixel_a_class():
    label = torch.zeros(20, 30, dtype=torch.int64)
    label[10:] = 1
    label[:, :2] = 255
    kept = partial_label(label, SHARES["1px"], torch.Generator().manual_seed(1))
    assert [(kept == value).sum().item() for value in (0, 1)] == [1, 1]
    assert partial_label(torch.full((4, 4), 255), 0.5).unique().tolist() == [255]
    with pytest.raises(ValueError, match=r"share must be from 0 to 1, got 1.5"):
        partial_label(label, 1.5)


def test_larger_shares_contain_smaller_ones_and_do_not_change(tiny):
    kept = {name: PartialLabels(tiny, name, seed=3)[1][1] for name in SHARES}
    for small, large in (("1px", "1%"), ("1%", "5%"), ("5%", "25%")):
        inside = kept[small] != 255
        assert torch.equal(kept[large][inside], kept[small][inside])
    assert torch.equal(PartialLabels(tiny, "5%", seed=3)[1][1], kept["5%"])
    assert not torch.equal(PartialLabels(tiny, "1px", seed=4)[1][1], kept["1px"])


def test_predictions_fill_what_is_not_labelled_where_they_are_sure():
    labels = torch.tensor([[[1, 255, 255]]])
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 0, 0, :2] = 5.0  # softmax 0.9933
    logits[0, 0, 0, 2] = 3.0  # 0.9526
    assert fill_with_predictions(logits, labels, 0.97).tolist() == [[[1, 0, 255]]]
