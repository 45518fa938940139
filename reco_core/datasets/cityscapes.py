"""Cityscapes: 2,975 / 500 street scenes, 2048 x 1024, 19 classes; the paper halves them to 1024 x 512 (App. A)."""

from pathlib import Path

import torch
from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import (
    SegmentationDataset,
    Size,
    by_name,
    data_root,
    read_image_bytes,
    read_mask,
    same_size,
)
from reco_core.datasets.prepared import prepared_folder, prepared_names, read_prepared
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
SPLITS = ("train", "val")
WHERE = (
    "register at https://www.cityscapes-dataset.com and unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip"
)
PREPARED_SIZE = (512, 1024)

_INDEX = torch.full((256,), IGNORE_INDEX, dtype=torch.int64)
_INDEX[list(LABEL_IDS.values())] = torch.arange(len(LABEL_IDS))


class Cityscapes(SegmentationDataset):
    """leftImg8bit/<split>/<city>/*_leftImg8bit.png with gtFine/<split>/<city>/*_gtFine_labelIds.png."""

    name, classes, palette = "cityscapes", tuple(LABEL_IDS), PALETTE

    def __init__(self, root: str | Path | None = None, split: str = "train", size: Size | None = None) -> None:
        if split not in SPLITS:
            raise InputError(f"cityscapes has no split {split!r} with public labels; it has {', '.join(SPLITS)}")
        folder = data_root("cityscapes", root)
        self.split, self.size = split, size
        self._prepared = prepared_folder(folder, split, size)
        if self._prepared is not None:
            self.names = prepared_names(self._prepared)
            return
        suffix = "_leftImg8bit.png"
        images = sorted((folder / "leftImg8bit" / split).glob(f"*/*{suffix}"))
        if not images:
            raise InputError(f"{folder / 'leftImg8bit' / split}: no */*{suffix}; {WHERE}")
        self.names = list(by_name(images, suffix))
        masks = [
            folder / "gtFine" / split / image.parent.name / f"{name}_gtFine_labelIds.png"
            for image, name in zip(images, self.names, strict=True)
        ]
        missing = next((mask for mask in masks if not mask.is_file()), None)
        if missing is not None:
            raise InputError(f"{missing}: mask is missing; restore it or remove its image; {WHERE}")
        self._files = list(zip(images, masks, strict=True))

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        if self._prepared is not None:
            return read_prepared(self._prepared, self.names[index], self.num_classes)
        image_path, mask_path = self._files[index]
        image, ids = read_image_bytes(image_path), read_mask(mask_path, num_classes=256)
        same_size(image, ids, mask_path)
        return self.resized(image, _INDEX[ids])
