"""Weak-to-strong consistency, a modern base to put ReCo on (FixMatch: Sohn et al., 2020; UniMatch: Yang et al., 2023).

The network itself labels the weakly augmented image; it must say the same, where it is sure, of two strongly augmented
and mixed versions of that image, and of the weak one when half of its features' channels are switched off. No teacher.
Beyond the paper, and written from the published idea: CutMix is the book's (half of the area, always), and the three
terms are added to the supervised loss as they are (UniMatch halves the whole sum, which a learning rate can absorb).
"""

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.augment import enlarge, strong_augment
from reco_core.config import TrainConfig
from reco_core.methods.base import UnlabelledBatch, UnlabelledTerms
from reco_core.mixing import cutmix
from reco_core.models import SegmentationNetwork

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


class UniMatch(nn.Module):
    """The student's own labels of the weak view, learnt through two strong views and one with features switched off.

    Args:
        options: of the run.
        network: unused; there is no teacher to copy it.
        num_classes: unused; the student knows it.
        fabric: for its precision.
    """

    def __init__(self, options: TrainConfig, network: SegmentationNetwork, num_classes: int, fabric: Fabric) -> None:
        super().__init__()
        self.threshold, self.fabric = options.consistency_threshold, fabric

    def forward(self, batch: UnlabelledBatch) -> UnlabelledTerms:
        """One step's three consistency terms, weighted and added; ReCo contrasts the first strong view."""
        size = batch.images.shape[-2:]
        weak = batch.student(batch.images, False)
        confidence, labels = enlarge(weak.logits.detach(), size).float().softmax(dim=1).max(dim=1)
        labels = labels.masked_fill(~batch.valid, IGNORE_INDEX)
        confidence = confidence.masked_fill(~batch.valid, 0.0)
        with self.fabric.autocast():  # Fabric's wrapper does so for the whole network
            blinded = batch.student.module.classifier(drop_channels(weak.embedding, batch.device))
        loss = FEATURE_VIEW_WEIGHT * confident_cross_entropy(enlarge(blinded, size), labels, confidence, self.threshold)
        views = []
        for number in range(2):
            mixed = cutmix(batch.images, labels, confidence, generator=batch.device)
            view, taught, sure = strong_augment(*mixed, generator=batch.host)
            output = batch.student(view, batch.with_representation and number == 0)
            logits = enlarge(output.logits, size)
            loss = loss + STRONG_VIEW_WEIGHT * confident_cross_entropy(logits, taught, sure, self.threshold)
            views.append((output, taught, sure))
        return UnlabelledTerms({"unsupervised": loss}, *views[0])
