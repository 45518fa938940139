"""The feature-bank variant (Appendix B): keys and prototypes from a store instead of from the batch."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core.sampling import PixelGroups, draw_pixels, gather_pixels


class FeatureBank(nn.Module):
    """A first-in-first-out store of representations, one queue a class; a buffer, so it is saved with the model.

    Args:
        num_classes: C.
        dim: D.
        size: representations kept of each class.
        per_step: most representations that a class adds in a step.
    """

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
        share = torch.rand(key_class.shape, generator=generator, device=key_class.device, dtype=torch.float64)
        held = self.counts[key_class]
        return key_class * self.size + torch.minimum((share * held).long(), (held - 1).clamp(min=0))

    def rows(self) -> Tensor:
        """(C * size, D), all slots."""
        return F.normalize(self.store.flatten(0, 1), dim=-1)
