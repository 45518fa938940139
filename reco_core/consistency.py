"""Weak-to-strong consistency, a modern base to put ReCo on (FixMatch: Sohn et al., 2020; UniMatch: Yang et al., 2023).

The network itself labels the weakly augmented image; it must say the same, where it is sure, of two strongly augmented
and mixed versions of that image, and of the weak one when half of its features' channels are switched off. No teacher.
Beyond the paper, and written from the published idea: CutMix is the book's (half of the area, always), and the three
terms are added to the supervised loss as they are (UniMatch halves the whole sum, which a learning rate can absorb).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.mixing import cutmix
from reco_core.models import SegmentationOutput
from reco_core.pixels import enlarge
from reco_core.transforms import strong_augment

STRONG_VIEW_WEIGHT, FEATURE_VIEW_WEIGHT = 0.25, 0.5
"""Of each of the two strong views, and of the view with features switched off (UniMatch)."""
CHANNELS_DROPPED = 0.5


def confident_cross_entropy(logits: Tensor, labels: Tensor, confidence: Tensor, threshold: float) -> Tensor:
    """Mean over valid pixels of the cross-entropy with pseudo-labels, counted where these are sure (FixMatch).

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64, 255 = ignore.
        confidence: (B, H, W) in the labels.
        threshold: a pixel counts from this confidence on.
    """
    valid = labels != IGNORE_INDEX
    taught = labels.masked_fill(confidence < threshold, IGNORE_INDEX)
    total = F.cross_entropy(logits.float(), taught, ignore_index=IGNORE_INDEX, reduction="sum")
    return total / valid.sum().clamp(min=1)


def drop_channels(embedding: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Switch off a random half of the channels of (B, Z, h, w), image by image, and double the others."""
    kept = torch.rand(embedding.shape[:2], generator=generator, device=embedding.device) >= CHANNELS_DROPPED
    return embedding * kept[:, :, None, None] / (1 - CHANNELS_DROPPED)


class Consistency(NamedTuple):
    """What the unlabelled batch gives."""

    loss: Tensor
    output: SegmentationOutput
    """Of the first strong view."""
    labels: Tensor
    """(B, H, W) int64 of the first strong view, 255 = ignore."""
    confidence: Tensor
    """(B, H, W) in these labels."""


def weak_to_strong(
    student: Callable[[Tensor, bool], SegmentationOutput],
    classifier: nn.Module,
    images: Tensor,
    valid: Tensor,
    threshold: float,
    with_representation: bool,
    host: torch.Generator | None = None,
    device: torch.Generator | None = None,
) -> Consistency:
    """The three consistency terms of a batch, weighted and added.

    Args:
        student: the network.
        classifier: its classification head.
        images: (B, 3, H, W), weakly augmented.
        valid: (B, H, W) bool, False where an image was padded.
        threshold: confidence from which a pixel teaches.
        with_representation: whether the first strong view's R is wanted.
        host, device: generators on the CPU and on the images' device.
    """
    size = images.shape[-2:]
    weak = student(images, False)
    confidence, labels = enlarge(weak.logits.detach(), size).float().softmax(dim=1).max(dim=1)
    labels, confidence = labels.masked_fill(~valid, IGNORE_INDEX), confidence.masked_fill(~valid, 0.0)
    blinded = enlarge(classifier(drop_channels(weak.embedding, device)), size)
    loss = FEATURE_VIEW_WEIGHT * confident_cross_entropy(blinded, labels, confidence, threshold)
    views = []
    for number in range(2):
        view, *told = strong_augment(*cutmix(images, labels, confidence, generator=device), generator=host)
        output = student(view, with_representation and number == 0)
        loss = loss + STRONG_VIEW_WEIGHT * confident_cross_entropy(enlarge(output.logits, size), *told, threshold)
        views.append((output, *told))
    return Consistency(loss, *views[0])
