"""A person's own images: `images/` and `masks/` with files of the same name; images without a mask are unlabelled.

root/images/NAME.jpg|png|...      every image
root/masks/NAME.png|tif|bmp       class indices, 8 bit, 255 = ignore; may be missing
root/classes.txt                  optional: a class name a line, perhaps followed by three numbers, its colour; # remark
root/train.txt, val.txt, test.txt optional: the names of a split, a line each
"""

import colorsys
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.datasets.base import SegmentationDataset, Size, by_name, data_root, read_mask, read_pair
from reco_core.datasets.inventory import LOSSLESS, SUFFIXES, LeftOut, pictures
from reco_core.errors import InputError
from reco_core.files import read_lines

LISTS = ("train", "val", "test")


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
        names, listed = _names(folder, split, images)
        masks = _masks(folder / "masks", images)
        self.names, self.rooms = names, ([folder / "masks"], [folder / "images"])
        self.files = [(images[name], masks.get(name)) for name in names]
        self.known = {file for name in listed for file in (images[name], masks.get(name)) if file}
        self.classes, self.palette, self.remarks = _classes(folder, masks)
        others = sorted(path for path in folder.glob("*.txt") if path.stem not in (*LISTS, "classes"))
        self.remarks += [LeftOut(path, "no list of train, val or test, nor of the classes") for path in others]

    @staticmethod
    def name_of(path: Path) -> str:
        """Accents may be written in another of Unicode's ways in a mask's name than in its image's."""
        return unicodedata.normalize("NFC", path.stem)

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (3, H, W) uint8 and label (H, W) int64."""
        return self.resized(*read_pair(*self.files[index], self.num_classes))


def _images(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; put your images there and their masks into masks/ beside it")
    images = by_name(pictures(folder))
    if not images:
        deeper = next(iter(pictures(folder, "*/**/*")), None)
        hint = f"; move {deeper.parent.relative_to(folder)}/{deeper.name} and its like up" if deeper else ""
        raise InputError(f"{folder}: no images; expected files that end in {', '.join(SUFFIXES)}{hint}")
    return images


def _masks(folder: Path, images: Iterable[str]) -> dict[str, Path]:
    """Name of an image -> its mask, for those that have one; one that cannot serve must not pass for a missing one."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder}: a link that leads nowhere, or no folder; restore the masks, or delete this")
    exact, composed = {}, {}
    for name, path in by_name(pictures(folder)).items():
        exact[name] = composed[Folder.name_of(path)] = path
    found = {name: exact.get(name) or composed.get(unicodedata.normalize("NFC", name)) for name in images}
    masks = {name: path for name, path in found.items() if path is not None}
    for path in masks.values():
        if not path.is_file():
            raise InputError(f"{path}: a link that leads nowhere, or no file; restore the mask, or delete this")
        if path.suffix.lower() not in LOSSLESS:
            wanted = f"a mask must be a file NAME.png, or {', '.join(LOSSLESS[1:])}, without loss"
            raise InputError(f"{path}: {wanted}; save it as {path.stem}.png")
    return masks


def _names(folder: Path, split: str, images: dict[str, Path]) -> tuple[list[str], set[str]]:
    """The names of a split, and those of all splits."""
    lists = {path.stem: path for path in folder.glob("*.txt") if path.stem in LISTS}
    if not lists and split == "train":
        return sorted(images), set(images)
    if split not in lists:
        has = f"has {', '.join(sorted(lists))}" if lists else "has no lists, so it has train alone"
        raise InputError(f"{folder}: no split {split!r}; it {has}; write {split}.txt with a name a line")
    other_ways = {Folder.name_of(path): name for name, path in images.items()}

    def listed(path: Path) -> set[str]:
        names = read_lines(path)
        return {name if name in images else other_ways.get(unicodedata.normalize("NFC", name), name) for name in names}

    names = sorted(listed(lists[split]))
    unknown = next((name for name in names if name not in images), None)
    if unknown is not None:
        raise InputError(f"{lists[split]}: no image {unknown!r} in images/; correct the list (names without endings)")
    if not names:
        raise InputError(f"{lists[split]}: the list is empty; write a name a line")
    return names, set(images).intersection(*[set().union(*map(listed, lists.values()))])


def _classes(
    folder: Path, masks: dict[str, Path]
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...], list[LeftOut]]:
    """Names and colours of the classes, and the lines of classes.txt that are none."""
    path = folder / "classes.txt"
    if not os.path.lexists(path):
        count = _greatest_index(folder / "masks", masks) + 1
        return tuple(f"class {index}" for index in range(count)), spread_colours(count), []
    names: list[str] = []
    colours: list[tuple[int, int, int] | None] = []
    lines, remarks = _without_remarks(path)
    for line in lines:
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
    return tuple(names), tuple(own or other for own, other in zip(colours, fallback, strict=True)), remarks


HEADERS = ("name", "names", "class", "classes", "label", "labels")
"""First words of a first line, if it is the head of a table: with them alone, or with "r g b" after them."""


def _without_remarks(path: Path) -> tuple[list[str], list[LeftOut]]:
    """The lines of classes.txt that name a class; those that do not are the head of a table, and remarks after a #."""
    lines = read_lines(path)
    first, *rest = lines[0].lower().replace(",", " ").split() if lines else [""]
    head = first in HEADERS and rest in ([], ["r", "g", "b"], ["red", "green", "blue"])
    kept = [line for line in lines[head:] if not line.startswith("#")]
    left = [line for line in lines if line not in kept]
    return kept, [LeftOut(path, f"lines that name no class: {'; '.join(left)}")] if left else []


def _greatest_index(folder: Path, masks: dict[str, Path]) -> int:
    found: set[int] = set()
    for path in masks.values():
        found |= set(read_mask(path, num_classes=255).unique().tolist()) - {IGNORE_INDEX}
    if not found:
        other = next((path for path in pictures(folder, "**/*")), None)
        hint = f"{other} has no image of its name" if other and not masks else "label some images"
        raise InputError(f"{folder}: no mask with a class; {hint}, or name the classes in classes.txt")
    if 2 * len(found) <= max(found) + 1 > 2:
        values = ", ".join(map(str, sorted(found)[:8]))
        raise InputError(
            f"{folder}: the masks hold the values {values} alone, grey levels rather than indices: save classes as"
            f" 0, 1, 2, ..., or name all {max(found) + 1} in classes.txt"
        )
    return max(found)


def spread_colours(count: int) -> tuple[tuple[int, int, int], ...]:
    """Colours for classes that have none: hues by the golden ratio, two levels of brightness."""
    colours = []
    for index in range(count):
        rgb = colorsys.hsv_to_rgb((0.6 + 0.618034 * index) % 1, 0.75, 0.9 if index % 2 else 0.6)
        colours.append((round(255 * rgb[0]), round(255 * rgb[1]), round(255 * rgb[2])))
    return tuple(colours)
