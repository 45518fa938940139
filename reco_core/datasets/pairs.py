"""Data sets of image and mask files: what the loaders of public data sets share."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import SegmentationDataset, Size, data_root, read_mask, read_pair
from reco_core.datasets.prepared import converted
from reco_core.errors import InputError


class PairedFiles(SegmentationDataset):
    """Pairs of an image and a mask; a split that was converted to `size` is read from there (`reco data prepare`).

    Raises:
        InputError: an unknown split, a missing folder, no images, or an image without its mask.
    """

    splits: tuple[str, ...]
    values: Mapping[int, int] | None = None
    """What a mask may hold -> class, or 255 = ignore; None: the values are the classes."""

    def __init__(self, root: str | Path | None = None, split: str = "train", size: Size | None = None) -> None:
        if split not in self.splits:
            raise InputError(f"{self.name} has no split {split!r} with labels; it has {', '.join(self.splits)}")
        folder = data_root(self.name, root)
        self.split, self.size = split, size
        ready = converted(folder, split, size)
        pairs = self.scan(folder) if ready is None else ready
        self.names = sorted(pairs)
        self.files = [pairs[name] for name in self.names]
        images, masks = (sorted({path.parent for path in paths}) for paths in zip(*self.files, strict=True))
        self.rooms = masks, images
        missing = next((mask for _, mask in pairs.values() if not mask.is_file()), None)
        if missing is not None:
            raise InputError(f"{missing}: mask is missing; restore it or remove its image; {self.source}")
        own = self.values if ready is None else None
        values = own or {index: index for index in range(self.num_classes)}
        self._allowed = max(values) + 1
        self._class_of = torch.full((256,), IGNORE_INDEX, dtype=torch.int64)
        self._class_of[list(values)] = torch.tensor(list(values.values()))

    def scan(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Name -> image and mask of the split, below the data set's folder."""
        raise NotImplementedError

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (3, H, W) uint8 and label (H, W) int64."""
        image, label = read_pair(*self.files[index], self._allowed)
        return self.resized(image, self._class_of[label])

    def label_of(self, index: int) -> Tensor:
        """The label of an item; read without its image, unless items are kept in memory."""
        mask = self.files[index][1]
        if self.kept is not None or mask is None:
            return self[index][1]
        label = read_mask(mask, self._allowed)
        return self.reduced(label if self.values is None else self._class_of[label])
