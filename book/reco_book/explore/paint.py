"""Paint and score: what confusion matrix, IoU, mIoU and accuracy make of a prediction."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from IPython.display import HTML

from reco_book.explore.shell import colour_table, explorable, pixels, svg, words
from reco_core.evaluation import Scores, confusion_matrix

STREET = (
    "hhh.........",
    "hh..........",
    "........pp..",
    "........pp..",
    ".....ttttt..",
    ".....ttttt..",
    ".....ttttt..",
    ".....ttttt..",
    "............",
    ".cc.........",
    ".cc.........",
    "............",
)
"""A street from above: road, truck, hedge, car, person."""
STREET_CLASSES = ("road", "truck", "hedge", "car", "person")
STREET_PALETTE = ((128, 64, 128), (0, 150, 160), (170, 220, 90), (0, 0, 142), (220, 20, 60))
ACCURACY, MIOU = 0.90, 0.40
"""The challenge: accuracy above the one, mIoU below the other."""


def street() -> np.ndarray:
    """(12, 12) uint8, classes of `STREET_CLASSES`."""
    return np.array([[".thcp".index(letter) for letter in row] for row in STREET], dtype=np.uint8)


def score(truth: Any, prediction: Any, num_classes: int) -> Scores:
    """Confusion matrix, IoU, mIoU and accuracy of a prediction (H, W): those of the library."""
    labels, predicted = (torch.as_tensor(np.asarray(each).astype(np.int64)) for each in (truth, prediction))
    return Scores(confusion_matrix(labels, predicted, num_classes))


def presets(truth: np.ndarray, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Predictions to start from: name -> (H, W)."""
    found, count = np.unique(truth, return_counts=True)
    most, rarest = int(found[count.argmax()]), int(found[count.argmin()])
    wide = np.pad(truth, 1, mode="edge")
    shifted = [wide[y : y + truth.shape[0], x : x + truth.shape[1]] for y in range(3) for x in range(3)]
    votes = np.stack([(np.stack(shifted) == number).sum(axis=0) for number in range(len(classes))])
    return {
        f"All {classes[most]}": np.full_like(truth, most),
        "Perfect": truth.copy(),
        f"Perfect without {classes[rarest]}": np.where(truth == rarest, most, truth).astype(truth.dtype),
        "One pixel to the right": wide[1:-1, :-2].copy(),
        "Smoothed": votes.argmax(axis=0).astype(truth.dtype),
    }


def paint_and_score(
    truth: Any = None, classes: Sequence[str] = STREET_CLASSES, palette: Sequence[Sequence[int]] = STREET_PALETTE
) -> HTML:
    """A small prediction to paint; confusion matrix, IoU by class, mIoU and accuracy follow.

    Args:
        truth: (H, W) classes, about 12 x 12; by default a street from above.
        classes, palette: names and colours.

    Raises:
        ValueError: a class without a name.
    """
    true = street() if truth is None else np.asarray(truth).astype(np.uint8)
    if true.max() >= len(classes):
        raise ValueError(f"truth shows class {true.max()}, but there are {len(classes)} names")
    starts = presets(true, classes)
    name, first = next(iter(starts.items()))
    scores = score(true, first, len(classes))
    caption = (
        f"The prediction “{name}” has an accuracy of {100 * scores.pixel_accuracy:.0f} %, but an mIoU of"
        f" {100 * scores.miou:.0f} %: every class counts the same, however rare."
    )
    shown = {"truth": true, **dict(list(starts.items())[:1] + list(starts.items())[2:4])}
    parts = []
    for number, (title, labels) in enumerate(shown.items()):
        value = "" if title == "truth" else f"mIoU {100 * score(true, labels, len(classes)).miou:.0f} %"
        parts.append(pixels(colour_table(palette)[labels], 162 * number, 22, 154) + words(162 * number, 14, title, 12))
        parts.append(words(162 * number, 40 + 154 * true.shape[0] / true.shape[1], value, 13))
    data = {
        "truth": true, "classes": list(classes), "palette": np.asarray(palette).tolist(), "challenge": (ACCURACY, MIOU),
        "presets": [(title, labels.ravel()) for title, labels in starts.items()],
    }  # fmt: skip
    return explorable(
        "paint", "Paint and score", "Choose a class and paint the prediction; the scores follow.",
        svg(640, 50 + 154 * true.shape[0] / true.shape[1], "Truth and three predictions", *parts), caption, data,
    )  # fmt: skip
