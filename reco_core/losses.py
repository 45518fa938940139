"""The ReCo loss (Section 3.1, Eq. 1) and the cross-entropies of the training objective (Section 3.3, Eq. 5)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.sampling import (
    class_prototypes,
    draw_pixels,
    group_pixels,
    key_class_probabilities,
    relation_graph,
)


class RegionalContrastLoss(nn.Module):
    """Eq. 1: queries of each class are pulled to its prototype and pushed from sampled pixels of other classes."""

    def __init__(
        self,
        num_queries: int = 256,
        num_keys: int = 512,
        temperature: float = 0.5,
        relation_temperature: float | None = 0.5,
        strong_threshold: float = 0.97,
        query_sampling: str = "hard",
        key_sampling: str = "relation",
        key_sharing: str = "class",
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        self.num_queries, self.num_keys = num_queries, num_keys
        self.temperature, self.relation_temperature = temperature, relation_temperature
        self.strong_threshold = strong_threshold
        self.query_sampling, self.key_sampling, self.key_sharing = query_sampling, key_sampling, key_sharing
        self.num_classes = num_classes

    def forward(
        self, representation: Tensor, labels: Tensor, confidence: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """(B, D, h, w), (B, h, w) int64 with 255 = ignore, (B, h, w) probability of the label -> scalar."""
        num_classes = self.num_classes or int(labels.masked_fill(labels == IGNORE_INDEX, -1).max()) + 1
        if num_classes < 2:
            return representation[:1, :, :1, :1].float().sum() * 0
        with torch.no_grad():
            prototypes, counts = class_prototypes(representation, labels, num_classes)
            graph = relation_graph(prototypes, counts)
            groups = group_pixels(labels, confidence < self.strong_threshold, num_classes)
            start, count = {
                "hard": (groups.start, groups.hard),
                "easy": (groups.start + groups.hard, groups.total - groups.hard),
                "random": (groups.start, groups.total),
            }[self.query_sampling]
            shape = (num_classes, self.num_queries)
            queries_at = draw_pixels(
                groups.order, start[:, None].expand(shape), count[:, None].expand(shape), generator
            )
            probabilities = key_class_probabilities(graph, counts, self.key_sampling, self.relation_temperature)
            key_class = torch.multinomial(probabilities, self.num_keys, replacement=True, generator=generator)
            keys_at = draw_pixels(groups.order, groups.start[key_class], groups.total[key_class], generator)
            keys = F.normalize(gather_pixels(representation, keys_at), dim=-1)
            positive = F.normalize(prototypes, dim=-1)
        with torch.autocast(representation.device.type, enabled=False):
            queries = F.normalize(gather_pixels(representation, queries_at), dim=-1)  # (C, Q, D)
            pull = torch.einsum("cqd,cd->cq", queries, positive)
            push = torch.einsum("cqd,ckd->cqk", queries, keys)
            logits = torch.cat([pull[..., None], push], dim=-1) / self.temperature
            of_class = (logits.logsumexp(dim=-1) - logits[..., 0]).mean(dim=1)
        present = counts > 0
        used = (count > 0) & (present.sum() > 1)
        return torch.where(used, of_class, 0.0).sum() / present.sum().clamp(min=1)


def gather_pixels(representation: Tensor, index: Tensor) -> Tensor:
    """Rows of D values, float32, at flat pixel indices of any shape: (B, D, h, w), (...) -> (..., D)."""
    pixels = representation.flatten(2)
    per_image = pixels.shape[2]
    return pixels[index // per_image, :, index % per_image].float()


def supervised_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """L_supervised of Eq. 5: mean cross-entropy over labelled pixels; an attached zero if there is none.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64, 255 = ignore.
    """
    total = F.cross_entropy(logits.float(), labels, ignore_index=IGNORE_INDEX, reduction="sum")
    return total / (labels != IGNORE_INDEX).sum().clamp(min=1)


def unsupervised_cross_entropy(
    logits: Tensor, pseudo_labels: Tensor, confidence: Tensor, strong_threshold: float = 0.97, eta: str = "image"
) -> Tensor:
    """eta * L_unsupervised of Eq. 5: cross-entropy with pseudo-labels, weighted by the share of confident pixels.

    Args:
        logits: (B, C, H, W).
        pseudo_labels: (B, H, W) int64, 255 = ignore.
        confidence: (B, H, W) of the teacher.
        strong_threshold: delta_s.
        eta: "image" (published experiments: a share for each image, then the mean over pixels with a loss above zero)
            or "batch" (the text: one share for all).
    """
    losses = F.cross_entropy(logits.float(), pseudo_labels, ignore_index=IGNORE_INDEX, reduction="none")
    valid = pseudo_labels != IGNORE_INDEX
    confident = (confidence >= strong_threshold) & valid
    if eta == "batch":
        return confident.sum() / valid.sum().clamp(min=1) * losses.sum() / valid.sum().clamp(min=1)
    share = confident.sum(dim=(1, 2)) / valid.sum(dim=(1, 2)).clamp(min=1)
    weighted = share[:, None, None] * losses
    return weighted.sum() / (weighted > 0).sum().clamp(min=1)
