"""Which labels a run may see: labelled and unlabelled images (Section 4, Partial Dataset Full Labels).

A split depends on the seed and on the data set's sorted names alone, never on the order of files on a disk: the same
seed gives the same images on every machine.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reco_core import IGNORE_INDEX
from reco_core.config import DataConfig
from reco_core.errors import InputError
from reco_core.files import atomic_write, read_lines
from reco_core.seeding import stream_seed


@dataclass(frozen=True)
class LabelledSplit:
    """Indices of a data set's images with and without labels."""

    labelled: tuple[int, ...]
    unlabelled: tuple[int, ...]
    names: tuple[str, ...]
    """Names of the labelled images, in the order of `labelled`."""
    missing_classes: tuple[str, ...] = ()
    """Classes that no labelled image shows (because no image of the data set does, or too few were asked for)."""

    @property
    def digest(self) -> str:
        """SHA-256 prefix of the labelled names, sorted: equal digests mean the same labelled images."""
        return hashlib.sha256("\n".join(sorted(self.names)).encode(errors="surrogateescape")).hexdigest()[:16]


def class_presence(data: Any) -> np.ndarray:
    """(len(data), C) bool: which image shows which class.

    Of data too large for the memory every mask is read once; what they show is kept beside them, in
    reco-cache/presence-*.npy, for as long as no mask changes.
    """
    path = _presence_file(data)
    if path is not None and path.is_file():
        with contextlib.suppress(ValueError, EOFError, OSError):  # damaged: the masks are read anew
            kept = np.load(path)
            if kept.shape == (len(data), data.num_classes):
                return kept
    presence = np.zeros((len(data), data.num_classes), dtype=bool)
    label_of = getattr(data, "label_of", lambda index: data[index][1])
    for index in range(len(data)):
        pixels = torch.bincount(label_of(index).flatten(), minlength=IGNORE_INDEX + 1)
        presence[index] = pixels[: data.num_classes] > 0
    if path is not None:
        with contextlib.suppress(InputError):  # a folder that is not one's own
            atomic_write(path, lambda file: np.save(file, presence))
    return presence


def _presence_file(data: Any) -> Path | None:
    """Where the classes of a data set's masks are kept: its name depends on names, sizes and times of the masks."""
    files = getattr(data, "files", ())
    if not files or data.kept is not None:
        return None
    masks = [mask for _, mask in files if mask is not None]
    if not masks:
        return None
    parts = [str(data.size), *data.classes]
    for mask in masks:
        found = mask.stat()
        parts.append(f"{mask.name} {found.st_size} {found.st_mtime_ns}")
    digest = hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()[:16]
    return masks[0].parent.parent / "reco-cache" / f"presence-{data.split}-{digest}.npy"


def balanced_split(data: Any, num_labelled: int | None, seed: int, min_classes: int = 1) -> LabelledSplit:
    """Choose the labelled images so that rare classes appear: always the class seen least so far gets the next image.

    Args:
        data: a data set of `reco_core.datasets`; images without a mask can only be unlabelled.
        num_labelled: how many; None labels every image that has a mask.
        seed: of the choice.
        min_classes: classes that a labelled image must show at least.

    Raises:
        InputError: fewer suitable images than asked for.
    """
    with_mask = [index for index in range(len(data)) if data.has_label(index)]
    if num_labelled is None:
        if not with_mask:
            raise InputError(f"{data.name}/{data.split}: no image has a mask, nothing can be learnt; add masks")
        return _split(data, with_mask, class_presence(data))
    presence = class_presence(data)
    pool = [index for index in with_mask if presence[index].sum() >= min_classes]
    if num_labelled < 1 or num_labelled > len(pool):
        remedy = f"choose a number from 1 to {len(pool)}" if pool else "add masks"
        raise InputError(
            f"{data.name}/{data.split}: {num_labelled} labelled images asked for, but {len(pool)} have a mask with at"
            f" least {min_classes} class(es): {remedy}"
        )
    rng = np.random.default_rng(stream_seed(seed, "labelled split"))
    order = sorted(pool, key=lambda index: data.names[index])
    remaining = [order[position] for position in rng.permutation(len(order))]
    seen = np.zeros(data.num_classes, dtype=int)
    chosen: list[int] = []
    while len(chosen) < num_labelled:
        index = _next_image(remaining, presence, seen, rng)
        remaining.remove(index)
        chosen.append(index)
        seen += presence[index]
    return _split(data, chosen, presence)


def choose_split(data: Any, options: DataConfig, seed: int) -> LabelledSplit:
    """The split that a configuration asks for; with partial labels every image is both labelled and unlabelled.

    Raises:
        InputError: fewer suitable images than asked for, unknown ones, or a single class in all of them.
    """
    if options.labelled_list is not None:
        split = _split(data, _listed(data, options.labelled_list), class_presence(data))
    elif options.partial_labels is not None:
        split = balanced_split(data, None, seed)
        split = replace(split, unlabelled=split.labelled + split.unlabelled)
    else:
        split = balanced_split(data, options.num_labelled, seed, options.min_classes)
    if data.num_classes - len(split.missing_classes) < 2:
        raise InputError(
            f"{data.name}/{data.split}: one class alone cannot be told from anything; {_second(data, split)}"
        )
    if options.unlabelled_share < 1 and split.unlabelled:
        order = sorted(split.unlabelled, key=lambda index: data.names[index])
        rng = np.random.default_rng(stream_seed(seed, "unlabelled share"))
        count = max(1, round(options.unlabelled_share * len(order)))
        split = replace(split, unlabelled=tuple(order[position] for position in rng.permutation(len(order))[:count]))
    return split


def _listed(data: Any, path: str) -> list[int]:
    """The images that a list of a person's own names, a line each."""
    place = {name: index for index, name in enumerate(data.names)}
    names = sorted(set(read_lines(Path(path))))
    wrong = next((name for name in names if name not in place or not data.has_label(place[name])), None)
    if wrong is not None or not names:
        what = "the list is empty" if wrong is None else f"{data.name}/{data.split} has no image {wrong!r} with a mask"
        raise InputError(f"{path}: {what}; write names of labelled images without endings, a line each")
    return [place[name] for name in names]


def _second(data: Any, split: LabelledSplit) -> str:
    """How to get a second class."""
    if any((data[index][1] == IGNORE_INDEX).any() for index in split.labelled):
        return "the masks hold 255 beside it, which means ignore: save the second class as 1"
    return "name a second class" if data.num_classes < 2 else "label images that show a second class, or more images"


def _next_image(remaining: list[int], presence: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> int:
    """The first remaining image, in random order, that shows the least-seen class which any remaining image shows."""
    available = presence[remaining].any(axis=0)
    counts = np.where(available, seen, np.iinfo(int).max)
    rarest = rng.choice(np.flatnonzero(counts == counts.min()))
    return next(index for index in remaining if presence[index, rarest])


def _split(data: Any, labelled: Sequence[int], presence: np.ndarray) -> LabelledSplit:
    chosen = set(labelled)
    unlabelled = [index for index in range(len(data)) if index not in chosen]
    shown = presence[list(labelled)].sum(axis=0) > 0
    return LabelledSplit(
        labelled=tuple(labelled),
        unlabelled=tuple(unlabelled),
        names=tuple(data.names[index] for index in labelled),
        missing_classes=tuple(name for name, here in zip(data.classes, shown, strict=True) if not here),
    )
