"""reco_core.mixing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_core.mixing import MIXINGS, classmix, cutmix, cutout, half_area_boxes, random_class_mask


def batch(labels):
    """Images whose every pixel says which image it came from, and confidence likewise."""
    count = len(labels)
    source = torch.arange(count, dtype=torch.float32)[:, None, None].expand(labels.shape)
    return source[:, None].expand(-1, 3, -1, -1).contiguous(), labels, source / 10 + 0.05


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 64), st.integers(2, 64), st.integers(0, 10_000))
def test_boxes_are_one_rectangle_of_half_the_area(height, width, seed):
    boxes = half_area_boxes(3, (height, width), torch.Generator().manual_seed(seed))
    for box in boxes:
        rows, columns = box.any(1).nonzero(), box.any(0).nonzero()
        area = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
        assert area == box.sum(), "not a filled rectangle"
        assert abs(int(box.sum()) - height * width / 2) <= 0.5 * height, "not half of the area to a column's rounding"


def test_boxes_move(generator):
    boxes = half_area_boxes(64, (32, 32), generator)
    assert (boxes.any(0).float().mean() > 0.95) and not boxes.all(0).all()
    assert len({tuple(box.flatten().tolist()) for box in boxes}) > 50


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_class_mask_takes_half_of_the_classes_rounded_down(seed, num_classes):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(num_classes, (2, 8, 8), generator=generator)
    labels[:, 0] = 255
    mask = random_class_mask(labels, generator)
    for label, marked in zip(labels, mask, strict=True):
        present = set(label.unique().tolist()) - {255}
        chosen = set(label[marked].tolist())
        assert len(chosen) == len(present) // 2
        assert 255 not in chosen, "padding is not a class"
        assert not chosen & set(label[~marked].tolist()), "a chosen class is taken whole"


def test_class_mask_chooses_every_class_as_often(generator):
    labels = torch.arange(4).repeat(400, 1)[:, None]  # 400 maps of 1 x 4 pixels, one pixel a class
    share = random_class_mask(labels, generator).float().mean(dim=(0, 1))
    assert (share - 0.5).abs().max() < 4 * 0.5 / 400**0.5


def test_a_map_of_one_class_is_not_pasted(generator):
    images, labels, confidence = batch(torch.zeros(2, 4, 4, dtype=torch.int64))
    mixed, _, _ = classmix(images, labels, confidence, generator)
    assert torch.equal(mixed, images.roll(-1, 0)), "nothing of an image is chosen, so all comes from its partner"


@pytest.mark.parametrize("mixing", [cutmix, classmix])
def test_image_label_and_confidence_travel_together(mixing, generator):
    labels = torch.randint(6, (4, 16, 16), generator=generator)
    images, labels, confidence = batch(labels)
    mixed_images, mixed_labels, mixed_confidence = mixing(images, labels, confidence, generator)
    source = mixed_images[:, 0].long()
    assert torch.equal(mixed_confidence, source / 10 + 0.05)
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    assert torch.equal(mixed_labels, labels[source, rows, columns])
    own = torch.arange(4)[:, None, None]
    assert torch.equal((source == own) | (source == (own + 1) % 4), torch.ones_like(source, dtype=torch.bool))
    assert (source == own).any() and (source != own).any()


def test_cutout_erases_and_ignores(generator):
    images, labels, confidence = batch(torch.ones(3, 16, 16, dtype=torch.int64))
    images = images + 1
    cut, cut_labels, cut_confidence = cutout(images, labels, confidence, generator)
    erased = cut_labels == 255
    assert torch.equal(erased, (cut == 0).all(1)) and torch.equal(erased, cut_confidence == 0)
    assert erased.float().mean() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(cut[~erased[:, None].expand_as(cut)], images[~erased[:, None].expand_as(cut)])


@pytest.mark.parametrize("name", list(MIXINGS))
def test_repeatable_from_a_generator(name):
    images, labels, confidence = batch(torch.randint(4, (3, 8, 8)))
    first, second = (MIXINGS[name](images, labels, confidence, torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
