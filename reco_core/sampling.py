"""Prototypes, relation graph, hard queries and keys (Section 3.2, Eq. 2-4), without a loop over classes or pixels.

Nothing here waits for a GPU: classes are counted from 0 to C - 1, present or not, and sets of pixels are runs of one
sorted list. At the end, Appendix B's alternative: prototypes and keys from a feature bank instead of from the batch.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core import IGNORE_INDEX

WIDE_DEVICES = ("cpu", "cuda")
"""Those that have float64 and products of sparse matrices; others, such as Apple's GPUs, may have neither."""


def class_prototypes(representation: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """The positive keys of :eq:`eq-sets` (Eq. 2): each class's mean representation over its pixels, not normalised.

    Args:
        representation: (B, D, h, w), any memory format; it is not copied.
        labels: (B, h, w) int64, 255 = ignore.
        num_classes: C.

    Returns:
        prototypes (C, D), zero for an absent class, and counts (C,), pixels of each class; float32, or float64 for a
        float64 representation.
    """
    index = torch.where(labels == IGNORE_INDEX, num_classes, labels).flatten(1)
    dtype = torch.float64 if representation.dtype == torch.float64 else torch.float32
    member = torch.zeros(len(index), num_classes + 1, index.shape[1], dtype=dtype, device=labels.device)
    member = member.scatter_(1, index[:, None], 1.0)[:, :num_classes]
    counts = member.sum(dim=(0, 2))
    pixels = representation.flatten(2).transpose(1, 2)  # (B, hw, D), a view
    with torch.autocast(representation.device.type, enabled=False):
        sums = torch.bmm(member, pixels.to(dtype)).sum(dim=0)
    return sums / counts.clamp(min=1)[:, None], counts


def relation_graph(prototypes: Tensor, counts: Tensor) -> Tensor:
    """G of :eq:`eq-relation` (Eq. 3): cosine between the prototypes of each pair of classes.

    Args:
        prototypes: (C, D).
        counts: (C,), pixels of each class.

    Returns:
        (C, C), NaN in the rows and columns of absent classes.
    """
    unit = F.normalize(prototypes, dim=1)
    absent = counts == 0
    return (unit @ unit.T).masked_fill(absent[:, None] | absent[None, :], float("nan"))


class PixelGroups(NamedTuple):
    """The valid pixels of a batch, sorted by class and, inside a class, hard ones first."""

    order: Tensor
    """(N,) flat pixel indices."""
    start: Tensor
    """(C,) where each class begins in `order`."""
    hard: Tensor
    """(C,) hard pixels of each class."""
    total: Tensor
    """(C,) pixels of each class."""


def group_pixels(labels: Tensor, is_hard: Tensor, num_classes: int) -> PixelGroups:
    """Sort pixels by class and hardness, Eq. 4's sets side by side.

    Args:
        labels: (B, h, w) int64, 255 = ignore.
        is_hard: (B, h, w) bool.
        num_classes: C.
    """
    labels, is_hard = labels.flatten(), is_hard.flatten()
    valid = labels != IGNORE_INDEX
    key = torch.where(valid, 2 * labels + (~is_hard).long(), 2 * num_classes)
    order = key.sort(stable=True).indices
    counts = torch.zeros(2 * num_classes + 1, dtype=torch.int64, device=labels.device)
    counts.scatter_add_(0, key, torch.ones_like(key))
    hard, easy = counts[:-1].view(num_classes, 2).unbind(1)
    total = hard + easy
    return PixelGroups(order, total.cumsum(0) - total, hard, total)


def draw_pixels(order: Tensor, start: Tensor, count: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One uniform draw, with replacement, from each run order[start : start + count]; pixel order[0] where count is 0.

    Args:
        order: (N,) flat pixel indices.
        start, count: any common shape.

    Returns:
        Flat pixel indices of that shape.
    """
    dtype = torch.float64 if order.device.type in WIDE_DEVICES else torch.float32  # 24 bits are enough for a batch
    share = torch.rand(start.shape, generator=generator, device=order.device, dtype=dtype)
    offset = torch.minimum((share * count).long(), (count - 1).clamp(min=0))
    return order[(start + offset).clamp(max=len(order) - 1)]


def key_class_probabilities(
    graph: Tensor, counts: Tensor, key_sampling: str = "relation", relation_temperature: float | None = 0.5
) -> Tensor:
    """Which class a negative key of each class is drawn from: softmax over the other present classes (below Eq. 3).

    Args:
        graph: (C, C) from `relation_graph`.
        counts: (C,) pixels of each class.
        key_sampling: "relation", or "uniform": every pixel of another class is as likely.
        relation_temperature: divides the graph before the softmax; None is the text's reading, without one.

    Returns:
        (C, C) rows of probabilities; uniform where a class has no other to draw from.
    """
    present = counts > 0
    negative = present[None, :] & ~torch.eye(len(counts), dtype=torch.bool, device=counts.device)
    if key_sampling == "relation":
        scores = graph.nan_to_num(0.0) / (1.0 if relation_temperature is None else relation_temperature)
    else:
        scores = counts.clamp(min=1).log().expand_as(graph)
    lonely = ~negative.any(dim=1, keepdim=True)
    return scores.masked_fill(~negative & ~lonely, float("-inf")).softmax(dim=1)


def gather_pixels(representation: Tensor, index: Tensor) -> Tensor:
    """Rows of D values, float32 or float64, at flat pixel indices of any shape: (B, D, h, w), (...) -> (..., D)."""
    rows = _Gather.apply(representation, index)
    return rows if rows.dtype == torch.float64 else rows.float()


class _Gather(torch.autograd.Function):
    """Indexing, with a gradient in the memory format of its source: a channels-last one is not copied once more."""

    @staticmethod
    def forward(ctx: Any, representation: Tensor, index: Tensor) -> Tensor:
        """(B, D, h, w), (...) -> (..., D)."""
        ctx.save_for_backward(index)
        channels_last = representation.is_contiguous(memory_format=torch.channels_last)
        ctx.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        ctx.shape = representation.shape
        pixels = representation.flatten(2).transpose(1, 2)  # (B, hw, D)
        return pixels[index // pixels.shape[1], index % pixels.shape[1]]

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        options = {"dtype": upstream.dtype, "device": upstream.device, "memory_format": ctx.memory_format}
        gradient = torch.empty(ctx.shape, **options).zero_()
        pixels = gradient.flatten(2).transpose(1, 2)  # a view in either format
        pixels.index_put_((index // pixels.shape[1], index % pixels.shape[1]), upstream, accumulate=True)
        return gradient, None


def pixel_rows(representation: Tensor) -> Tensor:
    """Every pixel's representation as a unit vector: (B, D, h, w) -> (B * h * w, D), float32 or float64."""
    # A single image's rows would be a view with a stride between neighbours, on which table look-ups are slow.
    rows = representation.permute(0, 2, 3, 1).flatten(0, 2).contiguous()
    rows = rows if rows.dtype == torch.float64 else rows.float()
    norms = rows.norm(dim=1, keepdim=True).clamp_(min=1e-12)
    return rows / norms if rows.data_ptr() == representation.data_ptr() else rows.div_(norms)


class FeatureBank(nn.Module):
    """A first-in-first-out store of representations, one queue a class; a buffer, so it is saved with the model.

    Args:
        num_classes: C.
        dim: D.
        size: representations kept of each class.
        per_step: most representations that a class adds in a step.
    """

    store: Tensor
    pushed: Tensor

    def __init__(self, num_classes: int, dim: int, size: int = 1024, per_step: int = 64) -> None:
        super().__init__()
        if not 0 < per_step <= size:
            raise ValueError(f"per_step must be from 1 to size = {size}, got {per_step}")
        self.size, self.per_step = size, per_step
        self.register_buffer("store", torch.zeros(num_classes, size, dim))
        self.register_buffer("pushed", torch.zeros(num_classes, dtype=torch.int64))

    @property
    def counts(self) -> Tensor:
        """(C,) representations held of each class."""
        return self.pushed.clamp(max=self.size)

    @torch.no_grad()
    def push(self, representation: Tensor, groups: PixelGroups, generator: torch.Generator | None = None) -> None:
        """Add up to `per_step` random pixels of each present class; the oldest of the class make room.

        Args:
            representation: (B, D, h, w).
            groups: the batch's pixels by class.
        """
        shape = (len(self.pushed), self.per_step)
        index = draw_pixels(
            groups.order, groups.start[:, None].expand(shape), groups.total[:, None].expand(shape), generator
        )
        self.append(gather_pixels(representation, index), groups.total.clamp(max=self.per_step))

    @torch.no_grad()
    def append(self, rows: Tensor, amount: Tensor) -> None:
        """Append the first `amount[c]` rows of each class to its queue.

        Args:
            rows: (C, n, D) with n <= size.
            amount: (C,) int64, from 0 to n.
        """
        place = torch.arange(rows.shape[1], device=rows.device)[None]
        slot = ((self.pushed[:, None] + place) % self.size)[..., None].expand_as(rows)
        kept = torch.where((place < amount[:, None])[..., None], rows, self.store.gather(1, slot))
        self.store.scatter_(1, slot, kept)
        self.pushed += amount

    def prototypes(self) -> Tensor:
        """(C, D) means of what is held; zero for an empty class."""
        held = torch.arange(self.size, device=self.store.device)[None] < self.counts[:, None]
        return (self.store * held[..., None]).sum(dim=1) / self.counts.clamp(min=1)[:, None]

    def draw(self, key_class: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Flat indices (into `rows`) of one uniform draw from each given class: (...) -> (...)."""
        slots = torch.arange(self.store.shape[:2].numel(), device=key_class.device)
        return draw_pixels(slots, key_class * self.size, self.counts[key_class], generator)

    def rows(self) -> Tensor:
        """(C * size, D), all slots."""
        return F.normalize(self.store.flatten(0, 1), dim=-1)
