"""Scores of a network on a data set: confusion matrix and mean intersection over union (Section 4)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchmetrics.classification import MulticlassConfusionMatrix

from reco_core import IGNORE_INDEX
from reco_core.errors import InputError
from reco_core.pixels import enlarge


@dataclass(frozen=True)
class Scores:
    """What a network does on a data set."""

    confusion: Tensor
    """(C, C) int64 pixel counts; row: truth, column: prediction."""

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
        confusion = self.confusion.double()
        return (confusion.diagonal().sum() / confusion.sum()).item()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types; None where a class does not occur."""
        iou = [None if value != value else round(value, 6) for value in self.iou.tolist()]
        return {"miou": self.miou, "pixel_accuracy": self.pixel_accuracy, "iou": iou}


def same_size_batches(samples: list[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Stack neighbouring images of one size, so that data sets of mixed sizes can be scored in batches."""
    start = 0
    for end in range(1, len(samples) + 1):
        if end == len(samples) or samples[end][1].shape != samples[start][1].shape:
            images, labels = zip(*samples[start:end], strict=True)
            yield torch.stack(images), torch.stack(labels)
            start = end


@torch.no_grad()
def evaluate(
    network: nn.Module,
    data: Any,
    batch_size: int = 8,
    device: torch.device | str = "cpu",
    num_workers: int = 0,
    on_batch: Callable[[int], None] | None = None,
    fabric: Fabric | None = None,
) -> Scores:
    """Score a network at the resolution of the labels; the network is left in the mode it came in.

    Args:
        network: returns `SegmentationOutput`.
        data: a data set of `reco_core.datasets`.
        batch_size: images at once; the scores do not depend on it.
        on_batch: called with the number of images done.
        fabric: with several processes, each scores every n-th image, none twice; all get the scores of all images.

    Raises:
        InputError: no pixel of the data set has a label, so that there is nothing to score.
    """
    whole = data
    metric = MulticlassConfusionMatrix(
        data.num_classes, ignore_index=IGNORE_INDEX, validate_args=False, sync_on_compute=False
    ).to(device)
    training = network.training
    network.eval()
    if fabric is not None and fabric.world_size > 1:
        data = Subset(data, range(fabric.global_rank, len(data), fabric.world_size))
    loader = DataLoader(data, batch_size=batch_size, num_workers=num_workers, collate_fn=list)
    done = 0
    try:
        for samples in loader:
            for images, labels in same_size_batches(samples):
                predicted = predict(network, images.to(device))
                metric.update(predicted, labels.to(device))
                done += len(images)
            if on_batch is not None:
                on_batch(done)
    finally:
        network.train(training)
    confusion = metric.compute().long()
    if fabric is not None:
        confusion = fabric.all_reduce(confusion, reduce_op="sum")
    if not confusion.any():
        name = f"{getattr(whole, 'name', 'data set')}/{getattr(whole, 'split', '')}"
        raise InputError(f"{name}: no pixel has a label, nothing can be scored; add masks, or choose another split")
    return Scores(confusion.cpu())


@torch.no_grad()
def predict(network: nn.Module, images: Tensor) -> Tensor:
    """The most probable class of every pixel: (B, 3, H, W) in [0, 1] -> (B, H, W) int64."""
    logits = network(images, with_representation=False).logits
    return enlarge(logits, images.shape[-2:]).argmax(dim=1)
