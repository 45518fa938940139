"""Data sets converted once: decoded, reduced to the paper's size and kept beside the originals (`reco data prepare`).

root/prepared-HxW/SPLIT/images/NAME.png, masks/NAME.png and, when all are there, complete.json.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from reco_core.datasets.base import SegmentationDataset, Size, read_pair, write_png
from reco_core.errors import InputError
from reco_core.files import read_json, write_json

MARK = "complete.json"


def _folder(root: Path, split: str, size: Size) -> Path:
    return root / f"prepared-{size[0]}x{size[1]}" / split


def prepared_folder(root: Path, split: str, size: Size | None) -> Path | None:
    """The folder of a converted split; None if it was not, or not to that size."""
    if size is None or not (_folder(root, split, size) / MARK).is_file():
        return None
    return _folder(root, split, size)


def prepared_names(folder: Path) -> list[str]:
    """The names of a converted split's images, sorted.

    Raises:
        InputError: there are not as many as were converted.
    """
    names = sorted(path.stem for path in (folder / "images").glob("*.png"))
    expected = read_json(folder / MARK).get("images")
    if len(names) != expected:
        raise InputError(
            f"{folder}: {len(names)} images instead of {expected}; delete this folder and run `reco data prepare` again"
        )
    return names


def read_prepared(folder: Path, name: str, num_classes: int) -> tuple[Tensor, Tensor]:
    """A converted pair."""
    return read_pair(folder / "images" / f"{name}.png", folder / "masks" / f"{name}.png", num_classes)


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
    if (folder / MARK).is_file() and read_json(folder / MARK).get("images") == len(data):
        return folder
    for index, name in enumerate(data.names):
        targets = [folder / kind / f"{name}.png" for kind in ("images", "masks")]
        if not all(path.is_file() for path in targets):
            image, label = data.read(index)
            pictures = TF.to_pil_image(image), Image.fromarray(label.numpy().astype(np.uint8))
            for path, picture in zip(targets, pictures, strict=True):
                write_png(picture, path)
        if progress is not None:
            progress(index + 1, len(data))
    write_json(folder / MARK, {"images": len(data)})
    return folder
