"""The mean teacher (Section 3.3; Tarvainen and Valpola, 2017)."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from reco_core import IGNORE_INDEX
from reco_core.augment import enlarge


class MeanTeacher(nn.Module):
    """A moving average of the student, which labels the unlabelled images.

    After step t = 1, 2, ...: theta' = lambda_t theta' + (1 - lambda_t) theta, lambda_t = min(1 - 1 / (t + 1), lambda);
    the ramp lets the first steps forget the random start (published experiments; the text has lambda alone).

    Not `torch.optim.swa_utils.AveragedModel`, which overwrites or averages the buffers: the published experiments let
    the teacher's batch norms keep the statistics of the teacher's own passes, in training mode, over weakly
    augmented images.

    Args:
        student: the network to follow; it is copied.
        decay: lambda.
        batch_norm: "own" (the teacher's own statistics) or "copy" (the student's, and the teacher labels in eval mode).
        ramp: the growing lambda_t; False: lambda from the first step on.
    """

    def __init__(self, student: nn.Module, decay: float = 0.99, batch_norm: str = "own", ramp: bool = True) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        if batch_norm not in ("own", "copy"):
            raise ValueError(f"batch_norm must be 'own' or 'copy', got {batch_norm!r}")
        self.network: Any = copy.deepcopy(student).requires_grad_(False)
        self.decay = decay
        self.batch_norm = batch_norm
        self.ramp = ramp

    @torch.no_grad()
    def update(self, student: nn.Module, step: int) -> None:
        """Move the average towards the student, after optimiser step number `step` (counted from 1)."""
        decay = min(1 - 1 / (step + 1), self.decay) if self.ramp else self.decay
        torch._foreach_lerp_(list(self.network.parameters()), list(student.parameters()), 1 - decay)
        if self.batch_norm == "copy":
            own, others = (
                [value for value in network.buffers() if value.is_floating_point()]
                for network in (self.network, student)
            )
            torch._foreach_copy_(own, others)

    @torch.no_grad()
    def label(self, images: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Pseudo-labels: the most probable class of each pixel and its probability.

        Args:
            images: (B, 3, H, W), weakly augmented.
            valid: (B, H, W) bool, False where an image was padded.

        Returns:
            labels (B, H, W) int64 with 255 where not valid, and confidence (B, H, W), 0 there.
        """
        self.network.train(self.batch_norm == "own")
        logits = enlarge(self.network(images, with_representation=False).logits, images.shape[-2:])
        confidence, labels = logits.float().softmax(dim=1).max(dim=1)
        return labels.masked_fill(~valid, IGNORE_INDEX), confidence.masked_fill(~valid, 0.0)
