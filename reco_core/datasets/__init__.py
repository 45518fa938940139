"""Data sets behind one function, `load` (Section 4).

Each reads the layout that users download; none downloads by itself. toyscapes is drawn by the library.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reco_core.datasets import cityscapes, pascal_voc, sun_rgbd
from reco_core.datasets.archives import download
from reco_core.datasets.base import SegmentationDataset, Size, cached, data_root, read_image
from reco_core.datasets.camvid import CamVid
from reco_core.datasets.cityscapes import Cityscapes
from reco_core.datasets.folder import Folder
from reco_core.datasets.pascal_voc import PascalVOC
from reco_core.datasets.prepared import convert
from reco_core.datasets.sun_rgbd import SunRGBD
from reco_core.datasets.toyscapes import ToyScapes
from reco_core.errors import InputError

REGISTRY = {
    "camvid": CamVid, "cityscapes": Cityscapes, "folder": Folder, "pascal_voc": PascalVOC, "sun_rgbd": SunRGBD,
    "toyscapes": ToyScapes,
}  # fmt: skip

__all__ = [
    "SegmentationDataset", "cached", "download", "load", "prepare", "read_image",
]  # fmt: skip


def load(
    name: str, root: str | Path | None = None, split: str = "train", size: Size | None = None, **options: Any
) -> SegmentationDataset:
    """Load a data set by name.

    Args:
        name: "camvid", "cityscapes", "folder", "pascal_voc", "sun_rgbd" or "toyscapes".
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
        raise InputError(f"unknown data set {name!r}: known are {', '.join(REGISTRY)}")
    if size is not None and min(size) < 1:
        raise InputError(f"{name}: size {size[0]} x {size[1]} is no image size; give height and width in pixels")
    return REGISTRY[name](root=root, split=split, size=size, **options)


def prepare(
    name: str, root: str | Path | None = None, progress: Callable[[int, int], None] | None = None
) -> dict[str, int]:
    """Check that a data set is whole and convert it once; a second call finds nothing to do.

    Cityscapes and SUN RGB-D are reduced to the paper's size; Pascal VOC gets its augmented masks.

    Args:
        name: of the data set.
        root: its folder.
        progress: hears how many images of how many are done.

    Returns:
        Split -> number of images.

    Raises:
        InputError: saying what is missing and where it is had.
    """
    size = None
    if name == "pascal_voc":
        pascal_voc.prepare(data_root(name, root), progress)
    elif name in ("cityscapes", "sun_rgbd"):
        size = {"cityscapes": cityscapes, "sun_rgbd": sun_rgbd}[name].PREPARED_SIZE
        for split in ("train", "val"):
            convert(load(name, root, split, size=size), data_root(name, root), progress)
    found: dict[str, int] = {}
    for split in ("train", "val", "test"):
        try:
            found[split] = len(load(name, root, split, size=size))
        except InputError:
            if split == "train":
                raise
    return found
