"""Scores of a network on a data set: confusion matrix and mean intersection over union (Section 4)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, default_collate

from reco_core import IGNORE_INDEX
from reco_core.augment import enlarge
from reco_core.errors import InputError, ignore_interruption
from reco_core.models import SegmentationOutput

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CONFIDENT = 0.97
"""Probability from which a prediction counts as confident: the default of delta_s."""


@dataclass(frozen=True)
class Scores:
    """What a network does on a data set."""

    confusion: Tensor
    """(C, C) int64 pixel counts; row: truth, column: prediction."""
    confident: Tensor | None = None
    """The same of the pixels whose prediction has a probability of at least `CONFIDENT`."""

    @property
    def iou(self) -> Tensor:
        """(C,) intersection over union of each class; NaN for a class that neither truth nor prediction shows."""
        confusion = self.confusion.double()
        hits = confusion.diagonal()
        return hits / (confusion.sum(0) + confusion.sum(1) - hits)

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that occur; NaN if none does."""
        return self.iou.nanmean().item()

    @property
    def pixel_accuracy(self) -> float:
        """Share of the labelled pixels that are right; NaN without a labelled pixel."""
        return _accuracy(self.confusion)

    @property
    def confident_share(self) -> float:
        """Share of the labelled pixels with a confident prediction."""
        return float("nan") if self.confident is None else (self.confident.sum() / self.confusion.sum()).item()

    @property
    def confident_accuracy(self) -> float:
        """Share of the confident predictions that are correct; NaN without one."""
        return float("nan") if self.confident is None else _accuracy(self.confident)


def _accuracy(confusion: Tensor) -> float:
    return (confusion.diagonal().sum().double() / confusion.sum()).item()


def confusion_matrix(labels: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """(C, C) int64 pixel counts, row: truth, column: prediction; pixels with the label 255 are left out.

    Args:
        labels, predicted: int64, of one shape.
        num_classes: C.
    """
    valid = labels != IGNORE_INDEX
    pairs = labels[valid] * num_classes + predicted[valid]
    return torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)


MOST_PIXELS = 2**22
"""Of the images that are scored at once: eight of 1024 x 512, one of more than 2 megapixels."""


def same_size_batches(data: Any, batch_size: int, num_workers: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Stack neighbouring images of one size, as many as `MOST_PIXELS` allows: images may differ in size, or be huge."""
    samples: list[tuple[Tensor, Tensor]] = []
    loader = DataLoader(
        data, batch_size=None, num_workers=num_workers, worker_init_fn=ignore_interruption, generator=torch.Generator()
    )
    for number, (image, label) in enumerate(loader):
        full = number % batch_size == 0 or (len(samples) + 1) * label.numel() > MOST_PIXELS
        if samples and (full or label.shape != samples[0][1].shape):
            yield default_collate(samples)
            samples = []
        samples.append((image, label))
    if samples:
        yield default_collate(samples)


def outputs(
    network: nn.Module,
    data: Any,
    batch_size: int = 8,
    device: torch.device | str = "cpu",
    on_batch: Callable[[int], None] | None = None,
    with_representation: bool = False,
    num_workers: int = 0,
) -> Iterator[tuple[SegmentationOutput, Tensor]]:
    """Stream a data set once through a network, without gradient; the network is left in the mode it came in.

    Args:
        network: returns `SegmentationOutput`.
        data: a data set of `reco_core.datasets`.
        batch_size: images at once; of large ones fewer.
        device: where the network is.
        on_batch: called with the number of images done.
        with_representation: ask for R too.
        num_workers: processes that read images.

    Yields:
        The output for a batch and its labels (B, H, W) int64, both on the device.
    """
    training, done = network.training, 0
    network.eval()
    try:
        for images, labels in same_size_batches(data, batch_size, num_workers):
            with torch.no_grad():
                output = network(images.to(device), with_representation=with_representation)
            yield output, labels.to(device)
            done += len(images)
            if on_batch is not None:
                on_batch(done)
    finally:
        network.train(training)


def evaluate(
    network: nn.Module,
    data: Any,
    batch_size: int = 8,
    device: torch.device | str = "cpu",
    on_batch: Callable[[int], None] | None = None,
    fabric: "Fabric | None" = None,
    indices: Sequence[int] | None = None,
    num_workers: int = 0,
) -> Scores:
    """Score a network at the resolution of the labels; arguments as of `outputs`. The batch does not matter.

    Args:
        fabric: its precision is used; of several processes each scores every n-th image, and all get all scores.
        indices: of the images; by default all.

    Raises:
        InputError: no pixel of the data set has a label, so that there is nothing to score.
    """
    chosen: Sequence[int] = range(len(data)) if indices is None else indices
    if fabric is not None:
        chosen = chosen[fabric.global_rank :: fabric.world_size]
    part = Subset(data, chosen)
    confusion = torch.zeros(data.num_classes, data.num_classes, dtype=torch.int64, device=device)
    confident = confusion.clone()
    with nullcontext() if fabric is None else fabric.autocast():
        for output, labels in outputs(network, part, batch_size, device, on_batch, num_workers=num_workers):
            probability, predicted = enlarge(output.logits.float(), labels.shape[-2:]).softmax(dim=1).max(dim=1)
            confusion += confusion_matrix(labels, predicted, data.num_classes)
            doubtful = labels.masked_fill(probability < CONFIDENT, IGNORE_INDEX)
            confident += confusion_matrix(doubtful, predicted, data.num_classes)
    if fabric is not None:
        confusion, confident = (fabric.all_reduce(counts, reduce_op="sum") for counts in (confusion, confident))
    if not confusion.any():
        name = f"{getattr(data, 'name', 'data set')}/{getattr(data, 'split', '')}"
        raise InputError(f"{name}: no pixel has a label, nothing can be scored; add masks, or choose another split")
    return Scores(confusion.cpu(), confident.cpu())


@torch.no_grad()
def predict(network: nn.Module, images: Tensor) -> Tensor:
    """The most probable class of every pixel: (B, 3, H, W) in [0, 1] -> (B, H, W) int64."""
    return enlarge(network(images, with_representation=False).logits, images.shape[-2:]).argmax(dim=1)
