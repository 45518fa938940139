"""Cityscapes: 2,975 / 500 street scenes, 2048 x 1024, 19 classes; the paper halves them to 1024 x 512 (App. A)."""

from pathlib import Path

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import by_name
from reco_core.datasets.inventory import pictures
from reco_core.datasets.pairs import PairedFiles
from reco_core.errors import InputError

LABEL_IDS = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26, "truck": 27,
    "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip
"""The 19 classes that are scored -> their id in the files; every other id is ignored."""
PALETTE = (
    (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153), (250, 170, 30),
    (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142),
    (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
)  # fmt: skip
PREPARED_SIZE = (512, 1024)


class Cityscapes(PairedFiles):
    """leftImg8bit/<split>/<city>/*_leftImg8bit.png with gtFine/<split>/<city>/*_gtFine_labelIds.png."""

    name, classes, palette, splits = "cityscapes", tuple(LABEL_IDS), PALETTE, ("train", "val")
    source = (
        "register at https://www.cityscapes-dataset.com and unpack leftImg8bit_trainvaltest.zip and"
        " gtFine_trainvaltest.zip"
    )
    values = dict.fromkeys(range(256), IGNORE_INDEX) | {value: index for index, value in enumerate(LABEL_IDS.values())}

    companions = tuple(f"_gtFine_{kind}" for kind in ("color.png", "instanceIds.png", "polygons.json"))

    @staticmethod
    def name_of(path: Path) -> str:
        """City, sequence and frame."""
        return path.stem.removesuffix("_leftImg8bit").removesuffix("_gtFine_labelIds")

    def scan(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Name -> image and mask of the split."""
        suffix, masks = "_leftImg8bit.png", folder / "gtFine" / self.split
        images = by_name(pictures(folder / "leftImg8bit" / self.split, f"*/*{suffix}"), suffix)
        if not images:
            raise InputError(f"{folder / 'leftImg8bit' / self.split}: no */*{suffix}; {self.source}")
        return {
            name: (image, masks / image.parent.name / f"{name}_gtFine_labelIds.png") for name, image in images.items()
        }
