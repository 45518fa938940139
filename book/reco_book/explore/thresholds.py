"""Two thresholds: which pixels ReCo ignores, takes as keys alone, or queries (:eq:`eq-hard`), along training."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from IPython.display import HTML

from reco_book.explore.shell import as_bytes, colour_table, explorable, few_colours, packed, pixels, svg, words
from reco_book.snapshots import Snapshot
from reco_core import IGNORE_INDEX

IGNORED, KEY, HARD = 0, 1, 2
"""Roles of a pixel; a hard query can be drawn as a key too."""
ROLE_COLOURS = ((205, 211, 219), (86, 180, 233), (230, 159, 0))
WEAK, STRONG = 0.7, 0.97
"""Defaults of delta_w and delta_s."""


class Counts(NamedTuple):
    """What two thresholds make of a scene."""

    ignored: int
    key: int
    hard: int
    eta: float
    """Share of pixels whose teacher confidence is at least delta_s."""
    trusted_accuracy: float
    """Share of correct pseudo-labels among those with at least delta_w; NaN without one."""
    doubtful_accuracy: float
    """The same of those below."""


def pixel_roles(teacher: Any, student: Any, weak: float = WEAK, strong: float = STRONG) -> np.ndarray:
    """Role of each pixel of an unlabelled image.

    Args:
        teacher: (H, W) the teacher's confidence; below `weak` a pixel is ignored.
        student: (H, W) the student's probability of the teacher's class; below `strong` a pixel is a hard query.
        weak, strong: delta_w and delta_s.

    Returns:
        (H, W) uint8: IGNORED, KEY or HARD.
    """
    roles = np.where(as_bytes(student) / 255 < strong, HARD, KEY)
    return np.where(as_bytes(teacher) / 255 < weak, IGNORED, roles).astype(np.uint8)


def role_counts(
    labels: Any, teacher: Any, student: Any, truth: Any, weak: float = WEAK, strong: float = STRONG
) -> Counts:
    """Counts of the roles, eta, and how good the pseudo-labels are.

    Args:
        labels: (H, W) pseudo-labels.
        teacher, student, weak, strong: as in `pixel_roles`.
        truth: (H, W), 255 where it is unknown.
    """
    roles, valid = pixel_roles(teacher, student, weak, strong), np.asarray(truth) != IGNORE_INDEX
    correct = np.asarray(labels) == np.asarray(truth)

    def accuracy(chosen: np.ndarray) -> float:
        return float(correct[chosen & valid].mean()) if (chosen & valid).any() else float("nan")

    ignored, key, hard = np.bincount(roles.ravel(), minlength=3).tolist()
    confident = float((as_bytes(teacher) / 255 >= strong).mean())
    return Counts(ignored, key, hard, confident, accuracy(roles != IGNORED), accuracy(roles == IGNORED))


def _fallback(pictures: dict[str, np.ndarray], side: int = 200) -> str:
    """Pictures (H, W, 3) uint8 beside each other, each under its name."""
    parts = [
        pixels(picture, 220 * number, 24, side) + words(220 * number, 15, name)
        for number, (name, picture) in enumerate(pictures.items())
    ]
    height, width = next(iter(pictures.values())).shape[:2]
    return svg(640, 24 + side * height / width, "Image, pseudo-labels and the role of each pixel", *parts)


def two_thresholds(
    images: Any, truth: Any, snapshot: Snapshot, classes: Sequence[str], palette: Sequence[Sequence[int]],
    scene: int = 0, moments: Sequence[int] | None = None, first: int = 1,
) -> HTML:  # fmt: skip
    """A scene with recorded confidences along training; delta_w and delta_s sort its pixels.

    Args:
        images: N images (3, H, W) in [0, 1].
        truth: N label maps (H, W).
        snapshot: what a network made of these scenes along training.
        classes, palette: names and colours.
        scene: which of the N is shown.
        moments: which of the snapshot's moments; by default five, the first and the last among them.
        first: which of these the question is about.

    Raises:
        ValueError: more data than an explorable may hold: choose fewer moments.
    """
    some = np.linspace(0, len(snapshot.steps) - 1, min(5, len(snapshot.steps))).round().astype(int).tolist()
    chosen = some if moments is None else list(moments)
    labels = np.asarray(snapshot.teacher_labels)[chosen, scene].astype(np.uint8)
    teacher, student = (
        as_bytes(np.asarray(values)[chosen, scene])
        for values in (snapshot.teacher_confidence, snapshot.student_confidence)
    )
    true = np.asarray(truth[scene]).astype(np.uint8)
    shown, table = few_colours(images[scene])
    steps = np.asarray(snapshot.steps)[chosen].tolist()
    counts = role_counts(labels[first], teacher[first] / 255, student[first] / 255, true)
    caption = (
        f"At step {steps[first]}, with δw = {WEAK} and δs = {STRONG}: {counts.ignored} pixels are ignored (grey),"
        f" {counts.key} are keys only (blue), {counts.hard} are hard queries (orange). Of the pseudo-labels above δw"
        f" {100 * counts.trusted_accuracy:.0f} % are correct, of those below {100 * counts.doubtful_accuracy:.0f} %."
    )
    pictures = {
        "image": table[shown],
        "pseudo-labels": colour_table(palette)[labels[first]],
        "role of each pixel": np.array(ROLE_COLOURS, dtype=np.uint8)[
            pixel_roles(teacher[first] / 255, student[first] / 255)
        ],
    }
    data = {
        "size": true.shape, "steps": steps, "start": first, "weak": WEAK, "strong": STRONG, "classes": list(classes),
        "palette": np.asarray(palette).tolist(), "table": table, "roles": ROLE_COLOURS,
        "packed": packed(shown, true, labels, teacher, student),
    }  # fmt: skip
    return explorable(
        "thresholds", "Two thresholds", "Which pixels teach? Move the thresholds and the training step.",
        _fallback(pictures), caption, data,
    )  # fmt: skip
