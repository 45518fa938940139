"""Data sets behind one function, `load` (Section 4).

Each reads the layout that users download; none downloads by itself. toyscapes is drawn by the library.
"""

import difflib
from pathlib import Path

from reco_core.datasets.archives import download
from reco_core.datasets.base import SegmentationDataset, Size, cached, read_image
from reco_core.datasets.camvid import CamVid
from reco_core.datasets.describe import describe as info
from reco_core.datasets.describe import pixel_shares, preview
from reco_core.datasets.folder import Folder
from reco_core.datasets.toyscapes import ToyScapes
from reco_core.errors import InputError

REGISTRY = {"camvid": CamVid, "folder": Folder, "toyscapes": ToyScapes}

__all__ = [
    "SegmentationDataset", "cached", "download", "info", "load", "names", "pixel_shares", "preview", "read_image",
]  # fmt: skip


def names() -> tuple[str, ...]:
    """The data sets that `load` knows."""
    return tuple(sorted(REGISTRY))


def load(
    name: str, root: str | Path | None = None, split: str = "train", size: Size | None = None, **options
) -> SegmentationDataset:
    """Load a data set by name.

    Args:
        name: "camvid", "folder" or "toyscapes".
        root: its folder; None: $RECO_DATA/<name>, else data/<name>; toyscapes needs none.
        split: "train", "val" or "test", as the data set has them.
        size: (H, W) to resize to: images bilinear and antialiased, labels nearest; None keeps the files' size.
        options: of the data set's class, such as `length` and `seed` of toyscapes.

    Returns:
        A data set whose items are image (3, H, W) float in [0, 1] and label (H, W) int64 with 255 = ignore.

    Raises:
        InputError: unknown name or split, missing folder or files.
    """
    if name not in REGISTRY:
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(f"unknown data set {name!r}: known are {', '.join(names())}{hint}")
    if size is not None and min(size) < 1:
        raise InputError(f"{name}: size {size[0]} x {size[1]} is no image size; give height and width in pixels")
    return REGISTRY[name](root=root, split=split, size=size, **options)
