"""Data sets behind one function, `load` (Section 4)."""

from pathlib import Path

from reco_core.datasets.base import SegmentationDataset, Size, cached, read_image
from reco_core.datasets.camvid import CamVid
from reco_core.datasets.toyscapes import ToyScapes
from reco_core.errors import InputError

REGISTRY = {"camvid": CamVid, "toyscapes": ToyScapes}

__all__ = ["SegmentationDataset", "cached", "load", "names", "read_image"]


def names() -> tuple[str, ...]:
    """The data sets that `load` knows."""
    return tuple(sorted(REGISTRY))


def load(
    name: str, root: str | Path | None = None, split: str = "train", size: Size | None = None, **options
) -> SegmentationDataset:
    """Load a data set by name."""
    if name not in REGISTRY:
        raise InputError(f"unknown data set {name!r}; known: {', '.join(names())}")
    return REGISTRY[name](root=root, split=split, size=size, **options)
