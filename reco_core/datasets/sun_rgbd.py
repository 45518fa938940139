"""SUN RGB-D: 10,335 indoor scenes, 37 classes, re-organised into 9,860 / 475 as in Appendix A.

Which 475 images the published experiments kept for validation is not known; here the seed 0 draws them from all
sorted names, so that they are the same everywhere.
"""

from pathlib import Path

import numpy as np

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import by_name
from reco_core.datasets.inventory import pictures
from reco_core.datasets.pairs import PairedFiles
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
PREPARED_SIZE = (384, 512)


class SunRGBD(PairedFiles):
    """SUNRGBD-{train,test}_images/img-NNNNNN.jpg, sunrgbd_train_test_labels/img-NNNNNN.png (0 = void, 1 to 37)."""

    name, classes, palette, splits = "sun_rgbd", CLASSES, PALETTE, ("train", "val")
    source = (
        "needs SUNRGBD-train_images.tgz, SUNRGBD-test_images.tgz and sunrgbd_train_test_labels.tar.gz,"
        " linked from https://github.com/ankurhanda/sunrgbd-meta-data"
    )
    values = {0: IGNORE_INDEX} | {index + 1: index for index in range(len(CLASSES))}

    def scan(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Name -> image and mask of the split."""
        images = by_name(path for inner in IMAGE_FOLDERS for path in pictures(folder / inner))
        if not images:
            raise InputError(f"{folder}: no {' or '.join(IMAGE_FOLDERS)} with .jpg files; {self.source}")
        self.known = {*images.values(), *(folder / MASK_FOLDER / f"{name}.png" for name in images)}
        order = np.random.default_rng(stream_seed(0, "sun rgb-d validation")).permutation(len(images))
        held_out = set(order[: min(NUM_VAL, len(images) // 4)].tolist())  # a quarter of what is there, if that is less
        chosen = [name for place, name in enumerate(sorted(images)) if (place in held_out) == (self.split == "val")]
        return {name: (images[name], folder / MASK_FOLDER / f"{name}.png") for name in chosen}
