"""Data sets converted once: decoded, reduced to the paper's size and kept beside the originals (`reco data prepare`).

root/prepared-HxW/SPLIT/images/NAME.png, masks/NAME.png and, when all are there, names.txt.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.transforms.v2 import functional as TF

from reco_core.datasets.base import SegmentationDataset, Size, write_png
from reco_core.errors import InputError
from reco_core.files import atomic_write, read_lines

LIST = "names.txt"


def _folder(root: Path, split: str, size: Size) -> Path:
    return root / f"prepared-{size[0]}x{size[1]}" / split


def _pair(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / "images" / f"{name}.png", folder / "masks" / f"{name}.png"


def converted(root: Path, split: str, size: Size | None) -> dict[str, tuple[Path, Path]] | None:
    """Name -> image and mask of a converted split; None if it was not, or not to that size.

    Raises:
        InputError: a file is missing.
    """
    if size is None or not (_folder(root, split, size) / LIST).is_file():
        return None
    folder = _folder(root, split, size)
    pairs = {name: _pair(folder, name) for name in read_lines(folder / LIST)}
    if not pairs:
        raise InputError(f"{folder / LIST}: the list is empty; delete it and run `reco data prepare` again")
    missing = next((path for pair in pairs.values() for path in pair if not path.is_file()), None)
    if missing is not None:
        raise InputError(f"{missing}: missing; delete {folder / LIST} and run `reco data prepare` again")
    return pairs


def convert(data: SegmentationDataset, root: Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write a split at its `size`; does what is not done yet, so that a broken-off conversion goes on.

    Args:
        data: the split, with a size.
        root: of the data set.
        progress: hears how many images of how many are done.
    """
    if data.size is None:
        raise ValueError("a split is converted to a size: load it with one")
    folder = _folder(root, data.split, data.size)
    if (folder / LIST).is_file():
        return folder
    for index, name in enumerate(data.names):
        targets = _pair(folder, name)
        if not all(path.is_file() for path in targets):
            image, label = data.read(index)
            pictures = TF.to_pil_image(image), Image.fromarray(label.numpy().astype(np.uint8))
            for path, picture in zip(targets, pictures, strict=True):
                write_png(picture, path)
        if progress is not None:
            progress(index + 1, len(data))
    names = "".join(f"{name}\n" for name in data.names)
    atomic_write(folder / LIST, lambda file: file.write(names.encode()))
    return folder
