"""Data sets of image and mask files: what the loaders of public data sets share."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import SegmentationDataset, Size, data_root, read_pair
from reco_core.datasets.prepared import prepared_folder, prepared_names, read_prepared
from reco_core.errors import InputError


class PairedFiles(SegmentationDataset):
    """Pairs of an image and a mask; a split that was converted to `size` is read from there (`reco data prepare`).

    Raises:
        InputError: an unknown split, a missing folder, no images, or an image without its mask.
    """

    splits: tuple[str, ...]
    source: str = ""
    """Where the files are had, for errors."""
    values: Mapping[int, int] | None = None
    """What a mask may hold -> class, or 255 = ignore; None: the values are the classes."""

    def __init__(self, root: str | Path | None = None, split: str = "train", size: Size | None = None) -> None:
        if split not in self.splits:
            raise InputError(f"{self.name} has no split {split!r} with labels; it has {', '.join(self.splits)}")
        folder = data_root(self.name, root)
        self.split, self.size = split, size
        self._converted = prepared_folder(folder, split, size)
        self._files = self.scan(folder) if self._converted is None else {}
        self.names = sorted(self._files) if self._converted is None else prepared_names(self._converted)
        missing = next((mask for _, mask in self._files.values() if not mask.is_file()), None)
        if missing is not None:
            raise InputError(f"{missing}: mask is missing; restore it or remove its image{self.where}")
        self._class_of = torch.full((256,), IGNORE_INDEX, dtype=torch.int64)
        for value, index in (self.values or {index: index for index in range(self.num_classes)}).items():
            self._class_of[value] = index

    @property
    def where(self) -> str:
        """The source as the end of an error."""
        return f"; {self.source}" if self.source else ""

    def scan(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Name -> image and mask of the split, below the data set's folder."""
        raise NotImplementedError

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (3, H, W) uint8 and label (H, W) int64."""
        if self._converted is not None:
            return read_prepared(self._converted, self.names[index], self.num_classes)
        allowed = self.num_classes if self.values is None else max(self.values) + 1
        image, label = read_pair(*self._files[self.names[index]], allowed)
        return self.resized(image, self._class_of[label])
