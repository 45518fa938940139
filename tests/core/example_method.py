"""A method in one file: the student learns its own confident labels, without a teacher and without mixing.

It labels the weakly augmented images and learns these labels from the strongly augmented ones. One line of `METHODS`
in `reco_core/methods/__init__.py` registers it, and `--method reco+pseudo_label` puts ReCo on top:

    "pseudo_label": Entry("Pseudo-label", PseudoLabel),
"""

import torch
from lightning_fabric import Fabric
from torch import nn

from reco_core import IGNORE_INDEX
from reco_core.augment import enlarge, strong_augment
from reco_core.config import TrainConfig
from reco_core.losses import supervised_cross_entropy
from reco_core.methods import UnlabelledBatch, UnlabelledTerms
from reco_core.models import SegmentationNetwork


class PseudoLabel(nn.Module):
    """Built once a run. Parameters and buffers, of which it has none, would be saved and resumed with the run.

    Args:
        options: of the run; a pixel teaches from `consistency_threshold` on.
        network: the student, for methods that keep a copy of it.
        num_classes: C, for methods that build something of that size.
        fabric: precision and processes, for methods with networks of their own.
    """

    def __init__(self, options: TrainConfig, network: SegmentationNetwork, num_classes: int, fabric: Fabric) -> None:
        super().__init__()
        self.threshold = options.consistency_threshold

    def forward(self, batch: UnlabelledBatch) -> UnlabelledTerms:
        """Called once a step, before the student's weights move."""
        with torch.no_grad():  # labels are constants: the student must not make them easier to learn
            weak = batch.student(batch.images, False)  # logits (B, C, h, w); False: no representation is needed here
        probabilities = enlarge(weak.logits, batch.images.shape[-2:]).softmax(dim=1)  # (B, C, H, W)
        confidence, labels = probabilities.max(dim=1)  # each (B, H, W)
        labels = labels.masked_fill(~batch.valid, IGNORE_INDEX)  # padding has no class
        # Jitter and blur change the images alone. A flip turns labels and confidence too, so all three go in together.
        images, labels, confidence = strong_augment(batch.images, labels, confidence, generator=batch.host)
        output = batch.student(images, batch.with_representation)
        taught = labels.masked_fill(confidence < self.threshold, IGNORE_INDEX)  # a doubtful pixel teaches nothing
        loss = supervised_cross_entropy(enlarge(output.logits, taught.shape[-2:]), taught)
        # All labels are returned, not only those that were learnt: ReCo has a threshold of its own, `weak_threshold`.
        return UnlabelledTerms({"unsupervised": loss}, output, labels, confidence)
