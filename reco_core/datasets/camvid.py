"""CamVid as distributed with SegNet's tutorial: 367 / 101 / 233 street scenes, 480 x 360, 11 classes."""

from pathlib import Path

from torch import Tensor

from reco_core.datasets.base import SegmentationDataset, Size, by_name, data_root, read_pair
from reco_core.errors import InputError

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign symbol", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
PALETTE = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
    (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
UNLABELLED = 11
SPLITS = ("train", "val", "test")


class CamVid(SegmentationDataset):
    """Images in <split>, masks of the same name in <split>annot; PNG or JPEG."""

    name, classes, palette = "camvid", CLASSES, PALETTE

    def __init__(self, root: str | Path | None = None, split: str = "train", size: Size | None = None) -> None:
        if split not in SPLITS:
            raise InputError(f"camvid has no split {split!r}; it has {', '.join(SPLITS)}")
        folder = data_root("camvid", root)
        self.split, self.size = split, size
        images = by_name(path for path in (folder / split).glob("*.*") if path.suffix in (".png", ".jpg"))
        if not images:
            raise InputError(f"{folder / split}: no images; expected CamVid's .png or .jpg files")
        self.names = sorted(images)
        self._files = [(images[name], folder / f"{split}annot" / f"{name}.png") for name in self.names]
        missing = next((mask for _, mask in self._files if not mask.is_file()), None)
        if missing is not None:
            raise InputError(f"{missing}: mask is missing; restore it or remove its image")

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        return self.resized(*read_pair(*self._files[index], self.num_classes, ignored=(UNLABELLED,)))
