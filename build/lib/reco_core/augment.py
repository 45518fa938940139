"""Weak and strong augmentation (Appendix A) with torchvision's `transforms.v2` kernels.

Weak: random scale and crop, one image at a time, because images differ in size; the teacher sees only this.
Strong: colour jitter, blur and flip, on batches, on the device, after the teacher and the mixing; the student sees it.
Parameters are drawn from a CPU generator, so that a GPU step has nothing to wait for.
"""

from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as TF

from reco_core import IGNORE_INDEX
from reco_core.errors import InputError

JITTER = 0.25
"""Brightness, contrast and saturation in 1 +- 0.25, hue in +- 0.25 (published experiments)."""
JITTER_PROBABILITY, BLUR_PROBABILITY, FLIP_PROBABILITY = 0.8, 0.5, 0.5
BLUR_SIGMA = (0.15, 1.15)
"""Range of the Gaussian blur's standard deviation, pixels."""


def _uniform(low: float, high: float, generator: torch.Generator | None) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def random_scale_crop(
    image: Tensor,
    label: Tensor,
    crop: tuple[int, int],
    scale: tuple[float, float] = (0.5, 1.5),
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """The weak augmentation: scale by a random factor, then cut a random window.

    An image smaller than the window is centred: its border is reflected, the label there is 255.

    Args:
        image: (3, H, W) float in [0, 1].
        label: (H, W) int64.
        crop: height and width of the window, pixels.
        scale: range of the factor.

    Returns:
        image (3, *crop) and label (*crop).

    Raises:
        InputError: if the scaled image is so small that reflecting its border cannot fill the window.
    """
    factor = _uniform(*scale, generator)
    height, width = (max(1, round(side * factor)) for side in image.shape[-2:])
    if (height, width) != tuple(image.shape[-2:]):
        image = TF.resize(image, [height, width], antialias=True)
        label = TF.resize(label[None], [height, width], interpolation=TF.InterpolationMode.NEAREST)[0]
    missing = [max(0, want - have) for want, have in zip(crop, (height, width), strict=True)]
    if any(missing):
        top, left = missing[0] // 2, missing[1] // 2
        padding = [left, top, missing[1] - left, missing[0] - top]  # left, top, right, bottom
        if max(padding[0], padding[2]) >= width or max(padding[1], padding[3]) >= height:
            raise InputError(
                f"crop {crop[0]} x {crop[1]} is larger than an image of {height} x {width} pixels"
                f" (scaled by {factor:.2f}): choose a smaller crop, a larger size or a narrower range of scales"
            )
        image = TF.pad(image, padding, padding_mode="reflect")
        label = TF.pad(label[None], padding, fill=IGNORE_INDEX)[0]
    top, left = (
        int(torch.randint(have - want + 1, (), generator=generator))
        for want, have in zip(crop, image.shape[-2:], strict=True)
    )
    window = (..., slice(top, top + crop[0]), slice(left, left + crop[1]))
    return image[window].contiguous(), label[window].contiguous()


def _jitter(image: Tensor, generator: torch.Generator | None) -> Tensor:
    brightness, contrast, saturation = (_uniform(1 - JITTER, 1 + JITTER, generator) for _ in range(3))
    hue = _uniform(-JITTER, JITTER, generator)
    image = TF.adjust_brightness(image, brightness)
    image = TF.adjust_contrast(image, contrast)
    image = TF.adjust_saturation(image, saturation)
    return TF.adjust_hue(image, hue)


@overload
def strong_augment(
    images: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]: ...
@overload
def strong_augment(
    images: Tensor, labels: Tensor, confidence: None = None, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor, None]: ...
def strong_augment(
    images: Tensor, labels: Tensor, confidence: Tensor | None = None, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The strong augmentation of a batch: each image by itself is jittered (p 0.8), blurred (p 0.5), flipped (p 0.5).

    Args:
        images: (B, 3, H, W) float in [0, 1], on any device.
        labels: (B, H, W) int64; flipped with their image.
        confidence: (B, H, W) float or None; flipped with its image.
        generator: a CPU generator.

    Returns:
        New tensors of the same shapes.
    """
    augmented = []
    for image in images:
        if _uniform(0, 1, generator) < JITTER_PROBABILITY:
            image = _jitter(image, generator)
        if _uniform(0, 1, generator) < BLUR_PROBABILITY:
            sigma = _uniform(*BLUR_SIGMA, generator)
            image = TF.gaussian_blur(image, [5, 5], [sigma, sigma])
        augmented.append(image)
    images = torch.stack(augmented)
    flips = torch.rand(len(images), generator=generator) < FLIP_PROBABILITY
    flips = flips.to(images.device, non_blocking=True)
    images = torch.where(flips[:, None, None, None], images.flip(-1), images)
    labels = torch.where(flips[:, None, None], labels.flip(-1), labels)
    if confidence is not None:
        confidence = torch.where(flips[:, None, None], confidence.flip(-1), confidence)
    return images, labels, confidence


def enlarge(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear enlargement of logits (B, C, h, w) to (B, C, *size), corners aligned (published experiments)."""
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=True)


def reduce_labels(labels: Tensor, size: Sequence[int]) -> Tensor:
    """Nearest-neighbour reduction of labels (B, H, W) to the representation's size (B, h, w) (published experiments).

    Corners are not aligned, unlike in `enlarge`: at a crop of 321 the two drift apart by up to 3 pixels.
    """
    return F.interpolate(labels[:, None].float(), size=tuple(size), mode="nearest")[:, 0].long()


@torch.no_grad()
def label_confidence(logits: Tensor, labels: Tensor) -> Tensor:
    """The probability that the network gives each pixel's own label: the y_q of Eq. 4, without gradient.

    Args:
        logits: (B, C, h, w).
        labels: (B, h, w) int64, true labels or pseudo-labels, 255 = none.

    Returns:
        (B, h, w) float32; meaningless where the label is 255.
    """
    index = labels.masked_fill(labels == IGNORE_INDEX, 0)
    return logits.float().softmax(dim=1).gather(1, index[:, None])[:, 0]
