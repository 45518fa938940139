"""A person's own images: `images/` and `masks/` with files of the same name; images without a mask are unlabelled.

root/images/NAME.jpg|png          every image
root/masks/NAME.png               class indices, 8 bit, 255 = ignore; may be missing
root/classes.txt                  optional: a class name a line, perhaps followed by three numbers, its colour
root/train.txt, val.txt, test.txt optional: the names of a split, a line each
"""

import colorsys
import glob
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import SegmentationDataset, Size, by_name, data_root, read_mask, read_pair
from reco_core.errors import InputError
from reco_core.files import read_lines

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


class Folder(SegmentationDataset):
    """A folder in the layout above.

    Without lists, all images are "train", and "val" and "test" do not exist. Without classes.txt, the classes are
    "class 0", "class 1", ... up to the greatest index in any mask.

    Raises:
        InputError: missing folder, no images, two images of one name, unknown names in a list, bad classes.txt.
    """

    name, source = "folder", "your own images/ and masks/; images without a mask are the unlabelled ones"

    def __init__(self, root: str | Path | None = None, split: str = "train", size: Size | None = None) -> None:
        folder = data_root("folder", root)
        self.split, self.size = split, size
        images = _images(folder / "images")
        self.names = _names(folder, split, images)
        mask_of = _masks(folder / "masks")
        self._files = [(images[name], mask_of(name)) for name in self.names]
        self.classes, self.palette = _classes(folder)

    def has_label(self, index: int) -> bool:
        """Whether image `index` has a mask."""
        return self._files[index][1] is not None

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (3, H, W) uint8 and label (H, W) int64."""
        return self.resized(*read_pair(*self._files[index], self.num_classes))


def _images(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; put your images there and their masks into masks/ beside it")
    files = (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))
    images = by_name(path for path in files if path.suffix.lower() in SUFFIXES)
    if not images:
        raise InputError(f"{folder}: no images; expected files that end in {', '.join(SUFFIXES)}")
    return images


def _masks(folder: Path) -> Callable[[str], Path | None]:
    """A function that finds an image's mask; accents may be written in another of Unicode's ways than in its name."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder}: a link that leads nowhere, or no folder; restore the masks, or delete this")
    others = {_composed(path.stem): path for path in sorted(folder.glob("*.png"))}

    def mask_of(name: str) -> Path | None:
        mask = folder / f"{name}.png"
        mask = mask if os.path.lexists(mask) else others.get(_composed(name), mask)
        return mask if _is_there(mask) else None

    return mask_of


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _is_there(mask: Path) -> bool:
    """Whether an image has a mask; one that is there but cannot serve must not pass for a missing one."""
    if mask.is_file():
        return True
    if mask.is_symlink() or mask.exists():
        raise InputError(f"{mask}: a link that leads nowhere, or no file; restore the mask, or delete this")
    other = next((path for path in mask.parent.glob(f"{glob.escape(mask.stem)}.*") if path.suffix != ".png"), None)
    if other is not None and other.suffix.lower() in SUFFIXES:
        raise InputError(f"{other}: a mask must be a file NAME.png, without loss; save it as {mask.name}")
    return False


def _names(folder: Path, split: str, images: dict[str, Path]) -> list[str]:
    lists = {path.stem: path for path in folder.glob("*.txt") if path.stem in ("train", "val", "test")}
    if not lists and split == "train":
        return sorted(images)
    if split not in lists:
        has = f"has {', '.join(sorted(lists))}" if lists else "has no lists, so it has train alone"
        raise InputError(f"{folder}: no split {split!r}; it {has}; write {split}.txt with a name a line")
    other_ways = {_composed(name): name for name in images}
    lines = read_lines(lists[split])
    names = sorted({name if name in images else other_ways.get(_composed(name), name) for name in lines})
    unknown = next((name for name in names if name not in images), None)
    if unknown is not None:
        raise InputError(f"{lists[split]}: no image {unknown!r} in images/; correct the list (names without endings)")
    if not names:
        raise InputError(f"{lists[split]}: the list is empty; write a name a line")
    return names


def _classes(folder: Path) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
    path = folder / "classes.txt"
    if not os.path.lexists(path):
        count = _greatest_index(folder / "masks") + 1
        return tuple(f"class {index}" for index in range(count)), spread_colours(count)
    names: list[str] = []
    colours: list[tuple[int, int, int] | None] = []
    for line in read_lines(path):
        words = line.split()
        given = words[-3:] if len(words) > 3 and all(word.isdigit() for word in words[-3:]) else []
        if any(int(word) > 255 for word in given):
            raise InputError(f"{path}: {line!r}: colour {' '.join(given)} is not three numbers from 0 to 255")
        names.append(" ".join(words[: len(words) - len(given)]))
        colours.append((int(given[0]), int(given[1]), int(given[2])) if given else None)
    if not names or len(set(names)) < len(names):
        problem = "no class names" if not names else "a class name stands twice"
        raise InputError(f"{path}: {problem}; write a different name on each line, in the order of the indices")
    if len(names) > IGNORE_INDEX:
        raise InputError(f"{path}: {len(names)} classes; a mask of 8 bits has room for {IGNORE_INDEX}, merge some")
    fallback = spread_colours(len(names))
    return tuple(names), tuple(own or other for own, other in zip(colours, fallback, strict=True))


def _greatest_index(folder: Path) -> int:
    greatest = -1
    for path in sorted(folder.glob("*.png")) if folder.is_dir() else []:
        values = read_mask(path, num_classes=255)
        values = values[values != IGNORE_INDEX]
        greatest = max(greatest, int(values.max()) if len(values) else -1)
    if greatest < 0:
        raise InputError(f"{folder}: no mask with a class; label some images, or name the classes in classes.txt")
    return greatest


def spread_colours(count: int) -> tuple[tuple[int, int, int], ...]:
    """Colours for classes that have none: hues by the golden ratio, two levels of brightness."""
    colours = []
    for index in range(count):
        rgb = colorsys.hsv_to_rgb((0.6 + 0.618034 * index) % 1, 0.75, 0.9 if index % 2 else 0.6)
        colours.append((round(255 * rgb[0]), round(255 * rgb[1]), round(255 * rgb[2])))
    return tuple(colours)
