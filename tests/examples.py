"""Small random batches for the tests of losses and sampling, and their pixels as the oracle takes them."""

import torch
from torch import Tensor


def example(
    seed: int = 0,
    classes: int = 4,
    shape: tuple[int, int, int, int] = (2, 5, 6, 7),
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor]:
    """Representation (B, D, h, w), labels (B, h, w) of which a fifth is 255, and confidence (B, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    representation = torch.randn(shape, generator=generator, dtype=dtype)
    labels = torch.randint(classes, (shape[0], *shape[2:]), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = 255
    return representation, labels, torch.rand(labels.shape, generator=generator, dtype=dtype)


def rows(representation: Tensor) -> list[list[float]]:
    """The vectors of all pixels, image by image, row by row."""
    return representation.permute(0, 2, 3, 1).reshape(-1, representation.shape[1]).tolist()
