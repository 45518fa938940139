"""SUN RGB-D: 10,335 indoor scenes, 37 classes, re-organised into 9,860 / 475 as in Appendix A.

Which 475 images the published experiments kept for validation is not known; here the seed 0 draws them from all
sorted names, so that they are the same everywhere.
"""

from pathlib import Path

import numpy as np
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
from reco_core.seeding import stream_seed

CLASSES = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture", "counter",
    "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat", "clothes", "ceiling", "books",
    "fridge", "tv", "paper", "towel", "shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink",
    "lamp", "bathtub", "bag",
)  # fmt: skip
PALETTE = (
    (119, 119, 119), (244, 243, 131), (137, 28, 157), (150, 255, 255), (54, 114, 113), (0, 0, 176), (255, 69, 0),
    (87, 112, 255), (0, 163, 33), (255, 150, 255), (255, 180, 10), (101, 70, 86), (38, 230, 0), (255, 120, 70),
    (117, 41, 121), (150, 255, 0), (132, 0, 255), (24, 209, 255), (191, 130, 35), (219, 200, 109), (154, 62, 86),
    (255, 190, 190), (255, 0, 255), (152, 163, 55), (192, 79, 212), (230, 230, 230), (53, 130, 64), (155, 249, 152),
    (87, 64, 34), (214, 209, 175), (170, 0, 59), (255, 0, 0), (193, 195, 234), (70, 72, 115), (255, 255, 0),
    (52, 57, 131), (12, 83, 45),
)  # fmt: skip
IMAGE_FOLDERS = ("SUNRGBD-train_images", "SUNRGBD-test_images")
MASK_FOLDER = "sunrgbd_train_test_labels"
NUM_VAL = 475
WHERE = (
    "SUNRGBD-train_images.tgz, SUNRGBD-test_images.tgz and sunrgbd_train_test_labels.tar.gz,"
    " linked from https://github.com/ankurhanda/sunrgbd-meta-data"
)
PREPARED_SIZE = (384, 512)


class SunRGBD(SegmentationDataset):
    """SUNRGBD-{train,test}_images/img-NNNNNN.jpg, sunrgbd_train_test_labels/img-NNNNNN.png (0 = void, 1 to 37)."""

    name, classes, palette = "sun_rgbd", CLASSES, PALETTE

    def __init__(self, root: str | Path | None = None, split: str = "train", size: Size | None = None) -> None:
        if split not in ("train", "val"):
            raise InputError(f"sun_rgbd has no split {split!r}; it has train, val")
        folder = data_root("sun_rgbd", root)
        self.split, self.size = split, size
        self._prepared = prepared_folder(folder, split, size)
        if self._prepared is not None:
            self.names = prepared_names(self._prepared)
            return
        images = by_name(path for inner in IMAGE_FOLDERS for path in (folder / inner).glob("*.jpg"))
        if not images:
            raise InputError(f"{folder}: no {' or '.join(IMAGE_FOLDERS)} with .jpg files; needs {WHERE}")
        order = np.random.default_rng(stream_seed(0, "sun rgb-d validation")).permutation(len(images))
        held_out = set(order[: min(NUM_VAL, len(images) // 4)].tolist())  # a quarter of what is there, if that is less
        chosen = [name for place, name in enumerate(sorted(images)) if (place in held_out) == (split == "val")]
        self.names = chosen
        self._files = [(images[name], folder / MASK_FOLDER / f"{name}.png") for name in chosen]
        missing = next((mask for _, mask in self._files if not mask.is_file()), None)
        if missing is not None:
            raise InputError(f"{missing}: mask is missing; restore it or remove its image; needs {WHERE}")

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        if self._prepared is not None:
            return read_prepared(self._prepared, self.names[index], self.num_classes)
        image_path, mask_path = self._files[index]
        image, stored = read_image_bytes(image_path), read_mask(mask_path, num_classes=self.num_classes + 1)
        same_size(image, stored, mask_path)
        label = (stored - 1).masked_fill((stored == 0) | (stored == IGNORE_INDEX), IGNORE_INDEX)
        return self.resized(image, label)
