"""What every data set of the book is: images in [0, 1] with labels, names, classes and a palette."""

import math
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as TF

from reco_core import IGNORE_INDEX
from reco_core.errors import InputError, one_line
from reco_core.files import atomic_write

Size = tuple[int, int]
MOST_BYTES = 2**29
"""Decoded images up to this size in all are kept in memory."""


def data_path(name: str, root: str | Path | None) -> Path:
    """Where a data set is, or belongs: `root`, else $RECO_DATA/<name>, else data/<name>."""
    return Path(root) if root is not None else Path(os.environ.get("RECO_DATA", "data")) / name


def data_root(name: str, root: str | Path | None) -> Path:
    """The folder of a data set, which must be there.

    Raises:
        InputError: if it does not exist.
    """
    folder = data_path(name, root)
    if not os.path.isdir(folder):  # False too for one that may not be entered
        raise InputError(f"{folder}: no such folder for data set {name!r}; give --root, set RECO_DATA, or download it")
    return folder


def by_name(images: Iterable[Path], suffix: str | None = None) -> dict[str, Path]:
    """Images by their names, the file names without ending, or without `suffix`.

    Raises:
        InputError: two of one name, of which one would take the other's place, and its mask.
    """
    found: dict[str, Path] = {}
    for path in images:
        name = path.stem if suffix is None else path.name.removesuffix(suffix)
        if name in found:
            raise InputError(f"{path}: {found[name]} has the same name; rename one, masks go by name")
        found[name] = path
    return found


def header(path: Path) -> tuple[Size, str]:
    """Height and width of an image file, upright, and its mode; refuses an image whose header cannot be read."""
    try:
        with Image.open(path) as file:
            turned = file.getexif().get(ExifTags.Base.Orientation, 1) >= 5
            return file.size if turned else file.size[::-1], file.mode
    except Exception as error:
        raise _unreadable(path, "image", error) from error


def read_image(path: Path) -> Tensor:
    """An image file as (3, H, W) float in [0, 1], upright."""
    return read_image_bytes(path).float() / 255


def read_image_bytes(path: Path) -> Tensor:
    """An image file as (3, H, W) uint8, upright; grey levels of 16 bits keep their upper eight.

    Raises:
        InputError: missing, damaged, or with more pixels than Pillow takes for honest.
    """
    try:
        with Image.open(path) as file:
            upright, kind = ImageOps.exif_transpose(file), file.format
            # What is white in real numbers, or in whole ones of 32 bits, nobody says; 16 bits are mode I in these two.
            if upright.mode == "F" or (upright.mode == "I" and kind not in ("PNG", "PPM")):
                raise ValueError(f"levels of mode {upright.mode}, store 8 or 16 bits")
            if upright.mode.startswith("I"):  # Pillow would turn every level above 255 into white
                upright = Image.fromarray((np.array(upright) >> 8).clip(0, 255).astype(np.uint8))
            pixels = np.array(upright.convert("RGB"))
    except Exception as error:  # a damaged file makes a decoder fail in any way
        raise _unreadable(path, "image", error) from error
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


_SPREAD = {"L;2": 85, "L;4": 17}
"""Pillow spreads grey levels of 2 or 4 bits over 0 to 255; by so much, and a mask means what is stored."""


def read_mask(path: Path, num_classes: int) -> Tensor:
    """A mask of class indices as (H, W) int64, turned as its image is.

    Raises:
        InputError: missing, damaged, in colours, or with a value that is no class.
    """
    try:
        with Image.open(path) as file:
            mode, kind, stored = file.mode, file.format, file.tile[0][3] if file.tile else None
            pixels = np.array(ImageOps.exif_transpose(file))
            if stored in _SPREAD:
                pixels = pixels // _SPREAD[stored]
    except Exception as error:
        raise _unreadable(path, "mask", error) from error
    if kind in ("JPEG", "MPO", "WEBP"):
        raise InputError(f"{path}: a mask stored as {kind}, which changes its values; save it anew as a PNG file")
    if pixels.ndim != 2 or pixels.dtype.kind == "f":
        raise InputError(f"{path}: a mask of mode {mode}; store one class index a pixel (8-bit grey or palette)")
    wrong = pixels[((pixels >= num_classes) & (pixels != IGNORE_INDEX)) | (pixels < 0)]
    if len(wrong):
        raise InputError(f"{path}: value {int(wrong[0])} is no class; use 0 to {num_classes - 1}, or 255 to ignore")
    return torch.from_numpy(pixels.astype(np.int64))


def _unreadable(path: Path, kind: str, error: Exception) -> InputError:
    """What a decoder says, without the path that the message begins with; cut afterwards, or half a path would stay."""
    said = one_line(error, most=10_000).replace(f": {str(path)!r}", "").replace(f" {str(path)!r}", "")[:120]
    if isinstance(error, Image.DecompressionBombError):
        said = "more than 178 megapixels: cut it into smaller ones"
    return InputError(f"{path}: not a readable {kind} ({said}); restore or remove it")


def read_pair(image_path: Path, mask_path: Path | None, num_classes: int) -> tuple[Tensor, Tensor]:
    """An image (3, H, W) uint8 and its mask (H, W) int64, which must be of one size; without a mask, 255 everywhere."""
    image = read_image_bytes(image_path)
    label = torch.full(image.shape[1:], IGNORE_INDEX) if mask_path is None else read_mask(mask_path, num_classes)
    if label.shape != image.shape[1:]:
        sizes = " for an image of ".join(f"{part.shape[-1]} x {part.shape[-2]}" for part in (label, image))
        with Image.open(image_path) as file:
            turned = file.size == tuple(label.shape)[::-1]  # as it is stored, before its camera's mark turns it
        remedy = (
            "turn the mask as the photograph's EXIF orientation says" if turned else "save the mask at the image's size"
        )
        raise InputError(f"{mask_path}: mask of {sizes} (width x height): {remedy}")
    return image, label


def write_png(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all."""
    atomic_write(path, lambda file: picture.save(file, "PNG"))


class SegmentationDataset(Dataset[tuple[Tensor, Tensor]]):
    """Items are image (3, H, W) float in [0, 1] and label (H, W) int64 with 255 = ignore."""

    name: str
    split: str
    names: list[str]
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    source: str = "nothing to download"
    """Where the files are had."""
    size: Size | None = None
    kept: dict[int, tuple[Tensor, Tensor]] | None = None
    """Images and labels as bytes, read once; None reads them each time (`cached`)."""
    files: Sequence[tuple[Path, Path | None]] = ()
    """Image and mask of each name, where there are files; `inventory.left_out` compares them with what lies there."""
    rooms: tuple[list[Path], list[Path]] | None = None
    """The folders of the masks and of the images."""
    known: Collection[Path] = ()
    """Files of other splits, which need not be read."""
    companions: tuple[str, ...] = ()
    """Endings of files beside the masks that need not be read."""

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.classes)

    def __len__(self) -> int:
        return len(self.names)

    def has_label(self, index: int) -> bool:
        """Whether image `index` has a mask."""
        return not self.files or self.files[index][1] is not None

    def size_of(self, index: int) -> Size:
        """Height and width of an item, where there are files from the header alone."""
        if self.files and self.size is None:
            return header(self.files[index][0])[0]
        return self.size or (*self[index][1].shape,)

    def label_of(self, index: int) -> Tensor:
        """The label of an item alone; where there are files, and nothing is kept in memory, without its image."""
        return self[index][1]

    @staticmethod
    def name_of(path: Path) -> str:
        """What an image and its mask have in common."""
        return path.stem

    def resized(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Bring an image (bilinear, antialiased) and its label (nearest) to `size`, if there is one."""
        if self.size is not None:
            image = TF.resize(image, list(self.size), antialias=True)
        return image, self.reduced(label)

    def reduced(self, label: Tensor) -> Tensor:
        """Bring a label to `size`, if there is one (nearest neighbour)."""
        if self.size is None:
            return label
        return TF.resize(label[None], list(self.size), interpolation=TF.InterpolationMode.NEAREST)[0]

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (3, H, W) uint8 and label (H, W) int64."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        kept = {} if self.kept is None else self.kept
        if index not in kept:
            image, label = self.read(index)
            kept[index] = image, label.to(torch.uint8)
        image, label = kept[index]
        return image.float() / 255, label.long()


def cached(data: SegmentationDataset, most_bytes: int = MOST_BYTES) -> SegmentationDataset:
    """Let a data set keep its decoded images as bytes (320 x 240 pixels: 0.3 MB each), if they are not too many.

    A large data set is read from its files each time: each loading process would keep a copy of its own.
    """
    count = len(data) if data.files and data.size is None else 1  # others are of one size
    pixels = sum(math.prod(data.size_of(index)) for index in range(count)) * len(data) // count
    if 4 * pixels <= most_bytes:
        data.kept = {}
    return data
