"""Pascal VOC 2012 with the augmented masks: 10,582 / 1,449 photographs, 21 classes (Section 4).

Two layouts are read: one folder with JPEGImages, SegmentationClassAug and ImageSets/Segmentation, as the augmented
masks are usually passed on; or what torchvision's `VOCSegmentation` and `SBDataset` unpack, VOCdevkit/VOC2012 and
benchmark_RELEASE/dataset, from which `reco data prepare pascal_voc` writes the augmented masks.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import loadmat

from reco_core.datasets.base import read_mask, write_png
from reco_core.datasets.inventory import hidden
from reco_core.datasets.pairs import PairedFiles
from reco_core.errors import InputError
from reco_core.files import atomic_write, read_lines

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "dining table", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
PALETTE = (
    (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128), (128, 128, 128),
    (64, 0, 0), (192, 0, 0), (64, 128, 0), (192, 128, 0), (64, 0, 128), (192, 0, 128), (64, 128, 128),
    (192, 128, 128), (0, 64, 0), (128, 64, 0), (0, 192, 0), (128, 192, 0), (0, 64, 128),
)  # fmt: skip
LISTS = {"train": "train_aug", "train_original": "train", "val": "val"}
"""Splits -> lists: the augmented training images, the 1,464 of VOC itself (Table 2), the validation images."""
VOC, SBD = Path("VOCdevkit/VOC2012"), Path("benchmark_RELEASE/dataset")
AUGMENTED, OFFICIAL = "SegmentationClassAug", "SegmentationClass"
WHERE = (
    "VOC: torchvision.datasets.VOCSegmentation(root, download=True); augmented masks: SBDataset(root, download=True)"
)


def voc_folder(root: Path) -> Path:
    """The folder that holds JPEGImages."""
    return root / VOC if (root / VOC).is_dir() else root


class PascalVOC(PairedFiles):
    """Items of Pascal VOC; splits "train" (augmented), "train_original" and "val"."""

    name, classes, palette, splits = "pascal_voc", CLASSES, PALETTE, tuple(LISTS)
    source = WHERE

    def scan(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Name -> image and mask of the split."""
        folder = voc_folder(folder)
        path = folder / "ImageSets" / "Segmentation" / f"{LISTS[self.split]}.txt"
        if not path.is_file():
            raise InputError(f"{path}: no such list; run `reco data prepare pascal_voc`, which says what is missing")
        names = _list(path)
        if not names:
            raise InputError(f"{path}: the list is empty; restore it")
        masks = folder / (AUGMENTED if (folder / AUGMENTED).is_dir() else OFFICIAL)

        def pair(name: str) -> tuple[Path, Path]:
            return folder / "JPEGImages" / f"{name}.jpg", masks / f"{name}.png"

        lists = (other for other in map(path.with_stem, LISTS.values()) if other.is_file())
        self.known = {file for other in lists for name in _list(other) for file in pair(name)}
        files = {name: pair(name) for name in sorted(names)}
        missing = next((path for pair in files.values() for path in pair if not path.is_file()), None)
        if missing is not None:
            raise InputError(f"{missing}: missing, but named in {path.name}; restore it; {WHERE}")
        return files


def prepare(root: Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write SegmentationClassAug and train_aug.txt from VOC's and SBD's own files; does what is not done yet.

    Raises:
        InputError: saying what is missing and where it is had.
    """
    folder, source = voc_folder(root), root / SBD
    lists = folder / "ImageSets" / "Segmentation"
    if not (folder / "JPEGImages").is_dir() or not (lists / "val.txt").is_file():
        raise InputError(f"{folder}: no JPEGImages and ImageSets/Segmentation/val.txt; {WHERE}")
    if (lists / "train_aug.txt").is_file() and (folder / AUGMENTED).is_dir():
        return folder
    if not (source / "cls").is_dir():
        raise InputError(f"{source / 'cls'}: the augmented masks (SBD) are missing; {WHERE}")
    own, val = (_list(lists / f"{name}.txt") for name in ("train", "val"))
    more = {path.stem for path in (source / "cls").glob("*.mat") if not hidden(path)}
    train = sorted((own | more) - val)
    for number, name in enumerate([*train, *sorted(val)], start=1):
        target = folder / AUGMENTED / f"{name}.png"
        if not target.is_file():
            if name in own | val:
                mask = read_mask(folder / OFFICIAL / f"{name}.png", len(CLASSES)).numpy().astype(np.uint8)
            else:
                mask = _boundaries_data_set(source / "cls" / f"{name}.mat")
            write_png(Image.fromarray(mask), target)
        if progress is not None:
            progress(number, len(train) + len(val))
    atomic_write(lists / "train_aug.txt", lambda file: file.write("".join(f"{name}\n" for name in train).encode()))
    return folder


def _list(path: Path) -> set[str]:
    if not path.is_file():
        raise InputError(f"{path}: no such list; {WHERE}")
    names = set(read_lines(path))
    strange = next((name for name in sorted(names) if set("/\\") & set(name)), None)
    if strange is not None:  # masks are written under these names
        raise InputError(f"{path}: {strange!r} is no image's name, it would lead to another folder; restore the list")
    return names


def _boundaries_data_set(path: Path) -> np.ndarray:
    """The class indices in one of SBD's .mat files."""
    try:
        values = loadmat(path)["GTcls"]["Segmentation"][0, 0]
        if not np.array_equal(mask := values.astype(np.uint8), values):
            raise ValueError("values outside 0 to 255")
        return mask
    except Exception as error:
        raise InputError(f"{path}: not one of SBD's masks ({error}); restore it; {WHERE}") from error
