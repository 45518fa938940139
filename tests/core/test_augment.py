"""reco_core.augment."""

import math

import pytest
import torch
from torchvision.transforms.v2 import functional as TF

from reco_core.augment import enlarge, label_confidence, random_scale_crop, reduce_labels, strong_augment
from reco_core.errors import InputError


def coordinates(height, width):
    """An image whose channels are its own rows and columns, and a label that repeats the row."""
    rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width)[None].expand(height, width)
    label = torch.arange(height)[:, None].expand(height, width).contiguous()
    return torch.stack([rows, columns, torch.zeros_like(rows)]), label


def test_crop_moves_image_and_label_together(generator):
    image, label = coordinates(40, 50)
    for _ in range(20):
        cut, cut_label = random_scale_crop(image, label, (16, 24), (1.0, 1.0), generator)
        assert cut.shape == (3, 16, 24) and cut_label.shape == (16, 24)
        torch.testing.assert_close(cut[0] * 39, cut_label.float())


def test_scaling_keeps_labels_whole(generator):
    image, label = coordinates(40, 50)
    label[:, 25:] = 255
    values = set(label.unique().tolist())
    for _ in range(20):
        cut, cut_label = random_scale_crop(image, label, (32, 32), (0.5, 1.5), generator)
        assert cut.shape == (3, 32, 32) and set(cut_label.unique().tolist()) <= values
        inside = cut_label != 255
        assert (cut[0][inside] * 39 - cut_label[inside]).abs().max() < 2


def test_padding_reflects_the_image_and_ignores_the_label(generator):
    image, label = coordinates(20, 20)
    cut, cut_label = random_scale_crop(image, label, (26, 20), (1.0, 1.0), generator)
    assert (cut_label[:3] == 255).all() and (cut_label[23:] == 255).all() and (cut_label[3:23] != 255).all()
    torch.testing.assert_close(cut[:, :3], image[:, 1:4].flip(1))


@pytest.mark.parametrize("crop", [(16, 24), (40, 46)])
def test_a_window_is_cut_from_what_torchvision_scales_and_pads(crop):
    """To the last bit, larger and smaller, with a border and without."""
    generator = torch.Generator().manual_seed(1)
    image, label = torch.rand(3, 33, 41, generator=generator), torch.randint(9, (33, 41), generator=generator)
    for seed in range(30):
        found = random_scale_crop(image, label, crop, (0.8, 1.5), torch.Generator().manual_seed(seed))
        factor = 0.8 + 0.7 * torch.rand((), generator=generator.manual_seed(seed)).item()
        size = [round(33 * factor), round(41 * factor)]
        whole = TF.resize(image, size, antialias=True)
        whole_label = TF.resize(label[None], size, interpolation=TF.InterpolationMode.NEAREST)
        missing = [max(0, want - have) for want, have in zip(crop, size, strict=True)]
        top, left = missing[0] // 2, missing[1] // 2
        padding = [left, top, missing[1] - left, missing[0] - top]
        whole = TF.pad(whole, padding, padding_mode="reflect")
        whole_label = TF.pad(whole_label, padding, fill=255)[0]
        top, left = (
            int(torch.randint(have - want + 1, (), generator=generator))
            for want, have in zip(crop, whole.shape[1:], strict=True)
        )
        assert torch.equal(found[0], TF.crop(whole, top, left, *crop))
        assert torch.equal(found[1], TF.crop(whole_label, top, left, *crop))


def test_a_crop_that_reflection_cannot_fill_is_refused(generator):
    image, label = coordinates(20, 20)
    with pytest.raises(InputError, match=r"crop 64 x 64 is larger than an image of 20 x 20 pixels .* smaller crop"):
        random_scale_crop(image, label, (64, 64), (1.0, 1.0), generator)


def test_strong_augmentation_flips_all_three_alike(generator):
    label = coordinates(8, 8)[1].T.contiguous()
    images, labels = torch.rand(64, 3, 8, 8), label.expand(64, 8, 8)
    confidence = labels / 10
    new_images, new_labels, new_confidence = strong_augment(images, labels, confidence, generator)
    flipped = new_labels[:, 0, 0] == 7
    assert 12 < int(flipped.sum()) < 52
    torch.testing.assert_close(new_confidence, new_labels / 10)
    # An image that was neither jittered nor blurred (one in ten) is its source, flipped or not.
    untouched = [i for i in range(64) if torch.equal(new_images[i], images[i].flip(-1) if flipped[i] else images[i])]
    assert 1 <= len(untouched) <= 20
    assert new_images.min() > -1e-5 and new_images.max() < 1 + 1e-5 and new_images.shape == images.shape


def one_by_one(images, labels, confidence, generator):
    """The strong augmentation as torchvision does it: image by image, number by number."""

    def draw(low=0.0, high=1.0):
        return low + (high - low) * torch.rand((), generator=generator).item()

    done = []
    for image in images:
        if draw() < 0.8:
            brightness, contrast, saturation, hue = (draw(*span) for span in [(0.75, 1.25)] * 3 + [(-0.25, 0.25)])
            image = TF.adjust_contrast(TF.adjust_brightness(image, brightness), contrast)
            image = TF.adjust_hue(TF.adjust_saturation(image, saturation), hue)
        if draw() < 0.5:
            sigma = draw(0.15, 1.15)
            image = TF.gaussian_blur(image, [5, 5], [sigma, sigma])
        done.append(image)
    flips = torch.rand(len(images), generator=generator) < 0.5
    batch = (torch.stack(done), labels, confidence)
    return [torch.stack([x.flip(-1) if flip else x for x, flip in zip(part, flips, strict=True)]) for part in batch]


def batch_of(size, dtype=torch.float32, height=11, width=14):
    """Noise; its left is grey, its top black and white and pure colours, where channels are equal and hues at ends."""
    images = torch.rand(size, 3, height, width, generator=torch.Generator().manual_seed(1))
    images[..., :4] = images[:, :1, :, :4]
    images[..., :3, :] = images[..., :3, :].round()
    labels = torch.arange(height * width).view(1, height, width).expand(size, -1, -1).contiguous()
    return images.to(dtype), labels, labels / labels.max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 8])
def test_strong_augmentation_is_that_of_torchvision_one_by_one(size, dtype):
    """To 2e-6: torchvision turns hues in single precision, by which it is 1.1e-6 off itself."""
    untouched, mine, theirs = 0, torch.Generator().manual_seed(2), torch.Generator().manual_seed(2)
    batch = batch_of(size, dtype)
    for _ in range(200 // size):
        found, expected = strong_augment(*batch, mine), one_by_one(*batch, theirs)
        assert found[0].dtype == dtype and torch.equal(found[1], expected[1]) and torch.equal(found[2], expected[2])
        torch.testing.assert_close(found[0], expected[0], rtol=0, atol=2e-6)
        same = (found[0] == expected[0]).flatten(1).all(dim=1)
        known = [torch.equal(image, source) or torch.equal(image, source.flip(-1)) for image, source in
                 zip(expected[0], batch[0], strict=True)]  # fmt: skip
        assert all(same[known])  # neither jittered nor blurred: not a bit is changed
        untouched += sum(known)
    assert 5 <= untouched <= 45  # one in ten of 200
    assert torch.equal(mine.get_state(), theirs.get_state())


def test_strong_augmentation_takes_the_global_generator_by_default():
    batch = batch_of(4)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        found, after = strong_augment(*batch), torch.rand(())
    generator = torch.Generator().manual_seed(3)
    expected = one_by_one(*batch, generator)
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=2e-6)
    assert after == torch.rand((), generator=generator)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_images_are_augmented_in_single_precision(dtype):
    images, labels, _ = batch_of(4, dtype)
    found = strong_augment(images, labels, generator=torch.Generator().manual_seed(4))
    expected = strong_augment(images.float(), labels, generator=torch.Generator().manual_seed(4))
    assert found[2] is None and torch.equal(found[0], expected[0].to(dtype))


def test_the_memory_format_of_images_changes_nothing():
    images, labels, _ = batch_of(4)
    formats = torch.contiguous_format, torch.channels_last
    first, second = (
        strong_augment(images.contiguous(memory_format=form), labels, generator=torch.Generator().manual_seed(5))[0]
        for form in formats
    )
    assert torch.equal(first, second)


def test_images_of_a_batch_are_augmented_independently(generator):
    images = torch.rand(1, 3, 8, 8).expand(16, -1, -1, -1)
    augmented, _, none = strong_augment(images, torch.zeros(16, 8, 8, dtype=torch.int64), generator=generator)
    assert none is None
    assert len({tuple(image.flatten().tolist()) for image in augmented}) > 10


def test_repeatable_from_a_generator():
    images, labels = torch.rand(4, 3, 16, 16), torch.randint(5, (4, 16, 16))
    runs = [strong_augment(images, labels, generator=torch.Generator().manual_seed(5))[:2] for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_enlarged_logits_keep_their_corners():
    logits = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]])
    assert enlarge(logits, (3, 5))[0, 0].tolist() == [[0, 0.5, 1, 1.5, 2], [2, 2.5, 3, 3.5, 4], [4, 4.5, 5, 5.5, 6]]


def test_reduced_labels_are_those_of_the_nearest_pixels():
    labels = torch.tensor([[[0, 1, 255, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]])
    reduced = reduce_labels(labels, (2, 2))
    assert reduced.tolist() == [[[0, 255], [8, 10]]] and reduced.dtype == torch.int64


def test_confidence_is_the_probability_of_the_own_label():
    """Softmax of (0, ln 3): 1/4 and 3/4, whichever the network prefers; no gradient, also beside ignored pixels."""
    logits = torch.tensor([0.0, math.log(3)])[None, :, None, None].expand(1, 2, 1, 3).clone().requires_grad_()
    confidence = label_confidence(logits, torch.tensor([[[0, 1, 255]]]))
    assert confidence[0, 0, :2].tolist() == pytest.approx([0.25, 0.75])
    assert confidence.shape == (1, 1, 3) and confidence.isfinite().all() and not confidence.requires_grad
