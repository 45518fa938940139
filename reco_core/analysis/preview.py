"""Describe and picture a data set before any network sees it."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy import ndimage
from torch import Tensor

from reco_core import IGNORE_INDEX
from reco_core.analysis.plots import class_legend, hide_axes, new_figure, show_image, show_labels
from reco_core.datasets import load
from reco_core.datasets.base import SegmentationDataset
from reco_core.datasets.inventory import by_reason, check_files, left_out
from reco_core.errors import InputError, printable


def describe(name: str, root: str | Path | None = None, sample: int = 100) -> dict[str, Any]:
    """What a data set is: source, splits, classes and their share of the pixels.

    Args:
        name: of the data set.
        root: its folder.
        sample: training images, evenly spread, over which shares are measured.

    Raises:
        InputError: unknown name or missing folder.
    """
    splits: dict[str, str] = {}
    loaded: list[SegmentationDataset] = []
    for split in ("train", "val", "test"):
        try:
            data = load(name, root, split)
        except InputError:
            if split == "train":
                raise
            continue
        loaded.append(data)
        labelled = sum(data.has_label(index) for index in range(len(data)))
        splits[split] = f"{len(data)} images" + ("" if labelled == len(data) else f", {labelled} with a mask")
    data = loaded[0]
    picks = np.unique(np.linspace(0, len(data) - 1, min(sample, len(data))).astype(int))
    shares = pixel_shares(data, picks.tolist())
    height, width = data[0][1].shape
    refused = "nothing"
    try:
        check_files(data)
    except InputError as error:
        refused = str(error)
    return {
        "name": name,
        "source": data.source,
        "splits": splits,
        "image size (first)": f"{width} x {height} pixels",
        "classes": data.num_classes,
        f"pixel share, % (of {len(picks)} training images)": dict(
            zip(data.classes, (100 * shares).tolist(), strict=True)
        ),
        "left out": by_reason(left_out(*loaded)) or "nothing",
        "refused by training": refused,
    }


def pixel_shares(data: SegmentationDataset, indices: list[int]) -> np.ndarray:
    """(C,) share of each class among the labelled pixels of some images; zero where there is none."""
    counts = np.zeros(data.num_classes)
    for index in indices:
        label = data[index][1]
        counts += torch.bincount(label[label != IGNORE_INDEX], minlength=data.num_classes).numpy()
    return counts / max(counts.sum(), 1)


def preview(data: SegmentationDataset, count: int = 4, indices: Sequence[int] | None = None) -> Figure:
    """Some images, each above its labels, with a legend of the classes.

    Args:
        data: a data set.
        count: images, evenly spread over the data set.
        indices: which images, instead.
    """
    picks = np.unique(np.linspace(0, len(data) - 1, count).astype(int)) if indices is None else indices
    height, width = data[0][1].shape
    figure = new_figure(2.4 * len(picks), 4.8 * height / width + 1)
    grid = figure.subplots(2, len(picks), squeeze=False)
    for column, index in enumerate(picks):
        image, label = data[int(index)]
        show_image(grid[0, column], image, _plain(data.names[int(index)]))
        show_labels(grid[1, column], label, data.palette, "" if data.has_label(int(index)) else "no mask")
    class_legend(figure, [_plain(name) for name in data.classes], data.palette, columns=8, ignored=True)
    return figure


SMALLEST = 0.004
"""Of an image's pixels: regions of a class below that share are too small to be looked at."""


def class_page(data: SegmentationDataset, name: str, count: int = 40, columns: int = 8) -> Figure:
    """How differently one class can look: its largest region in each of several images, cut out.

    Args:
        data: a data set.
        name: of the class.
        count: regions, of the first images that have a large enough one.
        columns: of the page.

    Raises:
        InputError: the data set has no such class, or none of its images shows enough of it.
    """
    if name not in data.classes:
        raise InputError(f"{data.name} has no class {name!r}: choose from {', '.join(data.classes)}")
    found = (_largest_region(*data[index], data.classes.index(name)) for index in range(len(data)))
    cuts = list(islice((cut for cut in found if cut is not None), count))
    if not cuts:
        raise InputError(f"{data.name}/{data.split}: no image shows enough of {name!r}: choose another class or split")
    rows = -(-len(cuts) // columns)
    figure = new_figure(1.2 * columns, 1.2 * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        hide_axes(axes)
    for axes, cut in zip(grid, cuts, strict=False):
        show_image(axes, cut)
    figure.suptitle(f"“{_plain(name)}” in {len(cuts)} images")
    return figure


def _largest_region(image: Tensor, label: Tensor, index: int) -> Tensor | None:
    """The largest connected region of a class on white, (3, h, w); None if it is too small."""
    regions, count = ndimage.label((label == index).numpy())
    sizes = np.bincount(regions.ravel(), minlength=count + 1)[1:]
    if not count or sizes.max() < SMALLEST * label.numel():
        return None
    largest = int(sizes.argmax())
    box = ndimage.find_objects(regions)[largest]
    return torch.where(torch.from_numpy(regions[box] == largest + 1), image[:, *box], 1.0)


def _plain(name: str) -> str:
    """A name as Matplotlib draws it: it would read formulas between dollar signs, and hide a leading underscore."""
    text = printable(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
