"""What a training step hands to a method, and what it gets back (Section 3.3, Fig. 3)."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Generator, Tensor

from reco_core.models import SegmentationOutput


class UnlabelledBatch(NamedTuple):
    """The unlabelled half of a step, with what a method may need of the labelled one."""

    images: Tensor
    """(B, 3, H, W), weakly augmented."""
    valid: Tensor
    """(B, H, W) bool, False where an image was padded."""
    labelled: tuple[Tensor, Tensor]
    """Images (B, 3, H, W) and labels (B, H, W) of the labelled half, strongly augmented."""
    student: Any
    """The network as Lightning Fabric wraps it: called with images and whether R is wanted; `student.module` is it."""
    with_representation: bool
    """Whether ReCo will contrast pixels of the output that is returned."""
    host: Generator
    """On the CPU, for augmentation."""
    device: Generator
    """On the images' device, for mixing and dropout."""


def nothing_more(step: int) -> dict[str, Tensor]:
    """What follows the optimiser's step of a method that has nothing to do there."""
    return {}


class UnlabelledTerms(NamedTuple):
    """What a method makes of an unlabelled batch."""

    losses: dict[str, Tensor]
    """Scalars by name, weighted: terms of the objective's sum (:eq:`eq-total`)."""
    output: SegmentationOutput
    """The student's output whose pixels ReCo contrasts."""
    labels: Tensor
    """(B, H, W) int64 pseudo-labels of that output, 255 = none."""
    confidence: Tensor
    """(B, H, W) in these labels."""
    after_step: Callable[[int], dict[str, Tensor]] = nothing_more
    """Called when the optimiser has moved the student, with the number of steps done; returns losses to report."""
