"""CutOut, CutMix and ClassMix (Section 4, "Strong Baselines") on batches, on the device.

Each takes images with their pseudo-labels and confidence and returns the three mixed alike:
CutOut and CutMix after French et al. (2020), ClassMix after Olsson et al. (2021). The partner of an image is the
next one of the batch.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reco_core import IGNORE_INDEX

Batch = tuple[Tensor, Tensor, Tensor]


def half_area_boxes(
    batch_size: int,
    size: Sequence[int],
    generator: torch.Generator | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """One random rectangle an image, always of half the image's area (to a pixel's rounding).

    Returns:
        (B, H, W) bool, True inside the rectangle.
    """
    height, width = size
    device = device or (generator.device if generator is not None else torch.device("cpu"))
    draw = torch.rand(3, batch_size, generator=generator, device=device)
    # The height is between half and all of the image's; the width follows from the area.
    box_height = ((0.5 + 0.5 * draw[0]) * height).round()
    box_width = (0.5 * height * width / box_height).round()
    top = (draw[1] * (height - box_height + 1)).floor()
    left = (draw[2] * (width - box_width + 1)).floor()
    rows = torch.arange(height, device=device)[None, :, None]
    columns = torch.arange(width, device=device)[None, None, :]
    top, left, box_height, box_width = (value[:, None, None] for value in (top, left, box_height, box_width))
    return (rows >= top) & (rows < top + box_height) & (columns >= left) & (columns < left + box_width)


def random_class_mask(labels: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Choose half of the classes of each label map, rounded down, and mark their pixels.

    The label 255 is not a class and is never marked; of a map with a single class nothing is marked.

    Args:
        labels: (B, H, W) int64.

    Returns:
        (B, H, W) bool.
    """
    flat = labels.flatten(1)
    present = torch.zeros(len(flat), 256, dtype=torch.bool, device=labels.device).scatter_(1, flat, True)
    present[:, IGNORE_INDEX] = False
    order = torch.rand(present.shape, generator=generator, device=labels.device).masked_fill(~present, 2.0)
    rank = order.argsort(dim=1).argsort(dim=1)
    chosen = rank < present.sum(dim=1, keepdim=True) // 2
    return chosen.gather(1, flat).view_as(labels)


def _paste(mask: Tensor, images: Tensor, labels: Tensor, confidence: Tensor) -> Batch:
    """Keep the pixels under the mask and take the others from the next image of the batch."""
    return (
        torch.where(mask[:, None], images, images.roll(-1, dims=0)),
        torch.where(mask, labels, labels.roll(-1, dims=0)),
        torch.where(mask, confidence, confidence.roll(-1, dims=0)),
    )


def cutout(images: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None) -> Batch:
    """Erase half of each image: black, label 255, confidence 0. Shapes as in `classmix`."""
    erased = half_area_boxes(len(images), images.shape[-2:], generator, images.device)
    return (
        images.masked_fill(erased[:, None], 0.0),
        labels.masked_fill(erased, IGNORE_INDEX),
        confidence.masked_fill(erased, 0.0),
    )


def cutmix(images: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None) -> Batch:
    """Paste a rectangle of half the area of each image into the next one. Shapes as in `classmix`."""
    return _paste(half_area_boxes(len(images), images.shape[-2:], generator, images.device), images, labels, confidence)


def classmix(images: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None) -> Batch:
    """Paste the pixels of half of each image's classes into the next image.

    Args:
        images: (B, 3, H, W).
        labels: (B, H, W) int64 pseudo-labels, 255 = none.
        confidence: (B, H, W) the teacher's confidence in them.
        generator: on the images' device.

    Returns:
        Mixed images, labels and confidence.
    """
    return _paste(random_class_mask(labels, generator), images, labels, confidence)


def unmixed(images: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None) -> Batch:
    """The plain mean teacher: nothing is mixed."""
    return images, labels, confidence


MIXINGS: dict[str, Callable[..., Batch]] = {
    "mean_teacher": unmixed,
    "cutout": cutout,
    "cutmix": cutmix,
    "classmix": classmix,
}
"""The semi-supervised methods of the book, by the mixing that sets them apart."""
