"""What lies in a data set's folders: every file is used, or left out for a reason that is named; for all loaders."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reco_core.datasets.base import header, read_image_bytes
from reco_core.errors import InputError

LOSSLESS = (".png", ".tif", ".tiff", ".bmp")
"""Endings of masks."""
SUFFIXES = (*LOSSLESS, ".jpg", ".jpeg", ".jfif", ".webp")
"""Endings of images."""


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used."""

    path: Path
    reason: str
    useless: bool = False
    """A mask that is there and cannot serve; training refuses it."""


def hidden(path: Path) -> bool:
    """Whether a desktop put it there (._a.png, .DS_Store, Thumbs.db), not a person."""
    return path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini", "__MACOSX")


def pictures(folder: Path, pattern: str = "*") -> list[Path]:
    """A folder's files that are pictures by their ending, in any case of letters, sorted; without hidden ones."""
    if folder.is_dir():
        os.listdir(folder)  # `glob` takes a folder that may not be read for an empty one
    return [path for path in sorted(folder.glob(pattern)) if path.suffix.lower() in SUFFIXES and not hidden(path)]


def left_out(*splits: Any) -> list[LeftOut]:
    """The files below the folders of some splits' images and masks that no split of the data set reads.

    Args:
        splits: data sets; those without files, such as drawn ones, have none.
    """
    found: dict[Path, LeftOut] = {}
    used: set[Path] = set()
    for data in splits:
        data = getattr(data, "data", data)  # below partial labels
        used |= {path for pair in getattr(data, "files", ()) for path in pair if path} | set(getattr(data, "known", ()))
        found |= {entry.path: entry for entry in getattr(data, "remarks", ())}
        if getattr(data, "rooms", None):
            found |= {entry.path: entry for entry in _below(data)}
    return [entry for path, entry in sorted(found.items()) if path not in used]


def _below(data: Any) -> Iterator[LeftOut]:
    """What the folders hold and this split does not read."""
    masks, images = data.rooms
    labelled = {data.name_of(image): mask for image, mask in data.files}
    names = {data.name_of(path) for room in images for path in pictures(room, "**/*")}
    read = {path for pair in data.files for path in pair} | set(data.known)
    for room in (*masks, *images):
        for path in sorted(room.rglob("*")):
            if path in read or path.is_dir() or path.name.endswith(data.companions):
                continue
            name, picture, flat = data.name_of(path), path.suffix.lower() in SUFFIXES, path.parent == room
            useless = room in masks and (labelled.get(name, path) is None or (picture and name not in names))
            if any(hidden(part) for part in (path, *path.relative_to(room).parents)):
                yield LeftOut(path, "hidden, left by a desktop")
            elif not picture:
                ending = f"ends in {path.suffix}" if path.suffix else "has no ending"
                yield LeftOut(path, f"{ending}, which is not read", useless)
            elif useless and name not in names:
                yield LeftOut(path, "a mask without an image of its name", useless)
            else:
                yield LeftOut(path, "in no list of images" if flat else "in a sub-folder, which is not read", useless)


def check_files(data: Any, most: int = 50) -> None:
    """Refuse masks that cannot serve, which would pass for missing ones, and images of 16 bits that hold 12 or fewer.

    Raises:
        InputError: naming the first of them.
    """
    useless = [entry for entry in left_out(data) if entry.useless]
    if useless:
        what = f"{useless[0].path}{f' (and {len(useless) - 1} more)' if useless[1:] else ''}: {useless[0].reason}"
        raise InputError(f"{what}; a mask has the name of its image and ends in .png: rename, move or remove it")
    deep = [path for path, _ in getattr(data, "files", ())[:most] if header(path)[1].startswith("I")]
    if deep and max(int(read_image_bytes(path).max()) for path in deep) < 16:
        raise InputError(f"{deep[0]}: 16 bits a pixel, but no image has a level above 4095: multiply, or save 8 bits")


def by_reason(entries: list[LeftOut], most: int = 3) -> dict[str, str]:
    """Reason -> number and first names of the files that are left out for it."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.reason, []).append(f"{entry.path.parent.name}/{entry.path.name}")
    return {
        reason: f"{len(names)} file(s): {', '.join(names[:most])}{', ...' if names[most:] else ''}"
        for reason, names in found.items()
    }


def check_classes(data: Any, classes: tuple[str, ...], place: str) -> None:
    """Hold a data set's classes against a network's; "class 1", a name that nobody gave, fits any in its place.

    A folder without classes.txt counts the classes of its masks, which need not show the last ones: it gets them.

    Raises:
        InputError: others, with both lists.
    """
    own = tuple(data.classes)
    counted = all(name == f"class {index}" for index, name in enumerate(own))
    same = all(f"class {index}" in pair or len(set(pair)) == 1 for index, pair in enumerate(zip(own, classes)))  # noqa: B905
    if not same or len(own) > len(classes) or (len(own) < len(classes) and not counted):
        lists = f"{len(classes)} classes ({', '.join(classes)})", f"{len(own)} ({', '.join(own)})"
        raise InputError(
            f"{place}: trained on {lists[0]}, but {data.name}/{data.split} has {lists[1]}: name its own --dataset and"
            " --root, or correct classes.txt"
        )
    if len(own) < len(classes):
        data.classes = classes
