"""Weak and strong augmentation (Appendix A).

Weak: random scale and crop, one image at a time, because images differ in size; the teacher sees only this.
Strong: colour jitter, blur and flip, on batches, on the device, after the teacher and the mixing; the student sees it.
Each image's strengths are drawn from a CPU generator, so that a GPU step has nothing to wait for, and the arithmetic
is done for all images at once: the results are torchvision's, image by image, in a tenth of the operations.
"""

from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.errors import InputError

JITTER = 0.25
"""Brightness, contrast and saturation in 1 +- 0.25, hue in +- 0.25 (published experiments)."""
JITTER_PROBABILITY, BLUR_PROBABILITY, FLIP_PROBABILITY = 0.8, 0.5, 0.5
BLUR_SIGMA = (0.15, 1.15)
"""Range of the Gaussian blur's standard deviation, pixels."""


def _uniform(low: float, high: float, generator: torch.Generator | None) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def cannot_fill(size: Sequence[int], crop: Sequence[int], factor: float = 1.0) -> bool:
    """Whether an image (height, width), scaled by a factor, is so small that reflecting it cannot fill the window."""
    scaled = [max(1, round(side * factor)) for side in size]
    return any((want - have + 1) // 2 >= have for want, have in zip(crop, scaled, strict=True))


def random_scale_crop(
    image: Tensor,
    label: Tensor,
    crop: tuple[int, int],
    scale: tuple[float, float] = (0.5, 1.5),
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """The weak augmentation: scale by a random factor, then cut a random window.

    An image smaller than the window is centred: its edge is reflected, the label there is 255.

    Args:
        image: (3, H, W) float in [0, 1].
        label: (H, W) int64.
        crop: height and width of the window, pixels.
        scale: range of the factor.

    Returns:
        image (3, *crop) and label (*crop).

    Raises:
        InputError: if the scaled image is so small that reflecting its edge cannot fill the window.
    """
    factor = _uniform(*scale, generator)
    height, width = (max(1, round(side * factor)) for side in image.shape[-2:])
    if (height, width) != tuple(image.shape[-2:]):
        image = F.interpolate(image[None], size=(height, width), mode="bilinear", antialias=True)[0]
        label = F.interpolate(label[None, None].float(), size=(height, width), mode="nearest")[0, 0].long()
    missing = [max(0, want - have) for want, have in zip(crop, (height, width), strict=True)]
    if any(missing):
        top, left = missing[0] // 2, missing[1] // 2
        padding = [left, missing[1] - left, top, missing[0] - top]  # left, right, top, bottom
        if cannot_fill((height, width), crop):
            raise InputError(
                f"crop {crop[0]} x {crop[1]} is larger than an image of {height} x {width} pixels"
                f" (scaled by {factor:.2f}): choose a smaller crop, a larger size or a narrower range of scales"
            )
        image = F.pad(image, padding, mode="reflect")
        label = F.pad(label, padding, value=IGNORE_INDEX)
    top, left = (
        int(torch.randint(have - want + 1, (), generator=generator))
        for want, have in zip(crop, image.shape[-2:], strict=True)
    )
    window = (..., slice(top, top + crop[0]), slice(left, left + crop[1]))
    return image[window].contiguous(), label[window].contiguous()


def _draw_strengths(count: int, generator: torch.Generator | None) -> Tensor:
    """What is done to each image, (count, 8).

    The columns: jittered?, brightness, contrast, saturation, hue, blurred?, sigma, flipped? What an image draws decides
    how many numbers it needs: as many as it may be are read ahead, with a copy of the generator, and then the generator
    itself draws those that were used.
    """
    generator = generator or torch.default_generator
    most = 8 * count
    numbers = iter(torch.rand(most, generator=generator.clone_state()).tolist())

    def between(low: float, high: float) -> float:
        return low + (high - low) * next(numbers)

    rows = []
    for _ in range(count):
        jitter, blur = [0.0, 1.0, 1.0, 1.0, 0.0], [0.0, 1.0]
        if next(numbers) < JITTER_PROBABILITY:
            jitter = [1.0, *(between(1 - JITTER, 1 + JITTER) for _ in range(3)), between(-JITTER, JITTER)]
        if next(numbers) < BLUR_PROBABILITY:
            blur = [1.0, between(*BLUR_SIGMA)]
        rows.append([*jitter, *blur])
    for row in rows:
        row.append(float(next(numbers) < FLIP_PROBABILITY))
    torch.rand(most - len(list(numbers)), generator=generator)
    return torch.tensor(rows, dtype=torch.float64)


def _grey(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W), as bright."""
    red, green, blue = images.split(1, dim=1)
    return (0.2989 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def _jitter(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """Brightness, contrast, saturation and hue, one after the other; what is done to each image is (B, 1, 1, 1)."""
    images = (images * brightness).clamp_(0, 1)
    images = torch.lerp(_grey(images).mean(dim=(2, 3), keepdim=True), images, contrast).clamp_(0, 1)
    images = torch.lerp(_grey(images), images, saturation).clamp_(0, 1)
    return _turn_hue(images, hue)


def _turn_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the hues of images (B, 3, H, W) by (B, 1, 1, 1) of a full circle, at most a third; a grey has none.

    The circle has six sides, with red at -2, green at 0, blue at 2. A channel has the pixel's greatest value within 1
    of its own place and the least one beyond 2; in between it falls in a straight line.
    """
    red, green, blue = images.split(1, dim=1)
    low = images.amin(dim=1, keepdim=True)
    chroma = images.amax(dim=1, keepdim=True) - low
    # From green, at 0, through cyan and blue to magenta, at 3, the sum grows; on the other side, through red, likewise.
    hue = torch.copysign(1 + (red + blue - green - low) / chroma.clamp(min=1e-12), blue - red)
    places = torch.arange(-2, 3, 2, dtype=images.dtype, device=images.device).view(1, 3, 1, 1)
    far_side = (hue + 6 * turn - places).abs_().sub_(3).abs_()  # how far it is to the place across the circle
    return torch.addcmul(low, chroma, far_side.sub_(1).clamp_(0, 1))


def _blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur over 5 x 5 pixels, edges reflected, with a deviation of each image's own, (B, 1, 1, 1)."""
    offsets = torch.arange(-2, 3, dtype=images.dtype, device=images.device)
    line = (-0.5 * (offsets / sigma.view(-1, 1)) ** 2).softmax(dim=1)
    kernels = (line[:, :, None] * line[:, None, :]).repeat_interleave(3, dim=0)[:, None]
    channels = F.pad(images, (2, 2, 2, 2), mode="reflect").flatten(0, 1)  # all images' channels as one image's
    return F.conv2d(channels[None], kernels, groups=len(kernels)).view_as(images)


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
    dtype = torch.promote_types(images.dtype, torch.float32)
    strengths = _draw_strengths(len(images), generator).to(images.device, dtype, non_blocking=True)
    jittered, *factors, blurred, sigma, flipped = strengths[:, :, None, None, None].unbind(1)
    strong = images.to(dtype).contiguous()
    strong = torch.where(jittered > 0, _jitter(strong, *factors), strong)
    strong = torch.where(blurred > 0, _blur(strong, sigma), strong)
    flips = flipped > 0
    images = torch.where(flips, strong.flip(-1), strong).to(images.dtype)
    labels = torch.where(flips[:, 0], labels.flip(-1), labels)
    if confidence is not None:
        confidence = torch.where(flips[:, 0], confidence.flip(-1), confidence)
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
