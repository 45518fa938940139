"""Mixing bench: ClassMix, CutMix and CutOut by hand on two scenes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from IPython.display import HTML

from reco_book.explore.shell import as_bytes, colour_table, explorable, few_colours, packed, pixels, svg, words
from reco_core import IGNORE_INDEX


def class_mask(labels: Any, chosen: Sequence[int]) -> np.ndarray:
    """ClassMix: (H, W) bool, the pixels of the chosen classes."""
    return np.isin(np.asarray(labels), list(chosen))


def box_mask(size: Sequence[int], top: int, left: int, height: int) -> np.ndarray:
    """CutMix and CutOut: (H, W) bool, a rectangle of that height and half the area of the picture."""
    mask = np.zeros(tuple(size), dtype=bool)
    mask[top : top + height, left : left + box_width(size, height)] = True
    return mask


def box_width(size: Sequence[int], height: int) -> int:
    """Width of a rectangle of half the area, pixels."""
    return round(size[0] * size[1] / 2 / height)


def mixed(mask: np.ndarray, first: Any, second: Any) -> np.ndarray:
    """The first under the mask, the second elsewhere: labels or confidence (H, W)."""
    return np.where(mask, first, second)


def seam(mask: np.ndarray, labels: Any) -> tuple[int, float]:
    """Pixel edges across which the source changes, and the share of them along a class boundary of the pasted scene.

    Args:
        mask: (H, W) bool, True where the pasted scene is.
        labels: (H, W) classes of the pasted scene.
    """
    labels = np.asarray(labels)
    edges = [mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]]
    boundary = [labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]]
    total = sum(int(edge.sum()) for edge in edges)
    along = sum(int((edge & between).sum()) for edge, between in zip(edges, boundary, strict=True))
    return total, along / total if total else float("nan")


def half_of_classes(labels: Any) -> list[int]:
    """The rarer half of the classes of a label map, rounded down; training draws a half at random."""
    found, count = np.unique(np.asarray(labels), return_counts=True)
    rare = [int(number) for number in found[np.argsort(count, kind="stable")] if number != IGNORE_INDEX]
    return sorted(rare[: len(rare) // 2])


def mixing_bench(
    images: Any, labels: Any, confidences: Any, classes: Sequence[str], palette: Sequence[Sequence[int]]
) -> HTML:
    """Two scenes to mix by hand: classes to paste, or a rectangle to drag; image, labels and confidence follow.

    Args:
        images: two images (3, H, W) in [0, 1]; the first is pasted into the second.
        labels: their pseudo-labels (H, W).
        confidences: (H, W) the confidence in them.
        classes, palette: names and colours.

    Raises:
        ValueError: two scenes of different sizes.
    """
    maps = [np.asarray(each).astype(np.uint8) for each in labels[:2]]
    if maps[0].shape != maps[1].shape:
        raise ValueError(f"scenes of {maps[0].shape} and {maps[1].shape}: give two of one size")
    sure = [as_bytes(each) for each in confidences[:2]]
    shown = [few_colours(image) for image in images[:2]]
    size, chosen = maps[0].shape, half_of_classes(maps[0])
    height = round(0.7 * size[0])
    box = {"top": (size[0] - height) // 2, "left": (size[1] - box_width(size, height)) // 2, "height": height}
    mask = class_mask(maps[0], chosen)
    (cut, cut_along), (pasted, along) = seam(box_mask(size, **box), maps[0]), seam(mask, maps[0])
    caption = (
        f"ClassMix pastes the pixels of {', '.join(classes[number] for number in chosen)} of scene A into scene B. Its"
        f" seam has {pasted} pixel edges, {100 * along:.0f} % of them along class boundaries of scene A; that of a"
        f" CutMix rectangle has {cut}, {100 * cut_along:.0f} % of them along class boundaries."
    )
    pictures = [table[number] for number, table in shown]
    both = {
        "scene A": pictures[0], "scene B": pictures[1], "mixed image": np.where(mask[..., None], *pictures),
        "mixed labels": colour_table(palette)[mixed(mask, *maps)],
    }  # fmt: skip
    parts = [
        pixels(picture, 162 * number, 22, 154) + words(162 * number, 14, name)
        for number, (name, picture) in enumerate(both.items())
    ]
    data = {
        "size": size, "classes": list(classes), "palette": np.asarray(palette).tolist(), "chosen": chosen, "box": box,
        "tables": [table for _, table in shown],
        "packed": packed(*(number for number, _ in shown), *maps, *sure),
    }  # fmt: skip
    return explorable(
        "mixing", "Mixing bench", "Paste a part of scene A into scene B; image, labels and confidence follow.",
        svg(640, 22 + 154 * size[0] / size[1], "Two scenes and their mixture", *parts), caption, data,
    )  # fmt: skip
