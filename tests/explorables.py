"""The six explorables, made of small arrays that behave as recorded ones do."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import ndimage

from reco_book import explore

CLASSES = ("sky", "road", "car", "truck")
PALETTE = ((70, 130, 180), (128, 64, 128), (0, 0, 142), (0, 150, 160))
TREE = ("sky", ("road", ("car", "truck")))
STEPS = (0, 100, 500)
SIDE = 24


def made_up() -> SimpleNamespace:
    """Two scenes and what a network might make of them along training."""
    rng = np.random.default_rng(0)
    truth = np.ones((2, SIDE, SIDE), dtype=np.uint8)
    truth[:, :10] = 0
    truth[0, 12:18, 3:9], truth[1, 13:20, 12:21] = 2, 3
    truth[0, 0, 0] = 255
    labels = np.stack([np.where(rng.random(truth.shape) < wrong, 1, truth) for wrong in (0.6, 0.3, 0.1)])
    labels = np.where(labels == 255, 0, labels).astype(np.uint8)
    smooth = ndimage.gaussian_filter(rng.random((3, 2, SIDE, SIDE)), (0, 0, 1, 1))
    teacher = np.clip(0.45 + 1.2 * (smooth - 0.4) + np.array([0, 0.25, 0.4])[:, None, None, None], 0.2, 1)
    student = np.clip(teacher + 0.1 * rng.normal(size=teacher.shape), 0, 1)
    snapshot = SimpleNamespace(
        steps=np.array(STEPS), teacher_labels=labels, teacher_confidence=teacher.astype(np.float32),
        student_confidence=student.astype(np.float32),
    )  # fmt: skip
    return SimpleNamespace(images=rng.random((2, 3, SIDE, SIDE)), truth=truth, snapshot=snapshot)


def relation_graphs() -> np.ndarray:
    """(3, 4, 4); at the first step the truck is absent."""
    last = np.array([[1, 0.1, 0, -0.1], [0.1, 1, 0.4, 0.3], [0, 0.4, 1, 0.8], [-0.1, 0.3, 0.8, 1]])
    graphs = np.stack([np.full((4, 4), 0.9), 0.5 + 0.5 * last, last])
    graphs[0, 3], graphs[0, :, 3] = np.nan, np.nan
    return graphs


COUNTS = (500, 400, 60, 40)
MADE = made_up()
LAST = MADE.snapshot.teacher_labels[-1], MADE.snapshot.teacher_confidence[-1]
HTML: dict[str, Callable[[], Any]] = {
    "circle": explore.query_on_circle,
    "keys": lambda: explore.keys_from_graph(STEPS, relation_graphs(), CLASSES, PALETTE, TREE, COUNTS, query="car"),
    "thresholds": lambda: explore.two_thresholds(MADE.images, MADE.truth, MADE.snapshot, CLASSES, PALETTE),
    "mixing": lambda: explore.mixing_bench(MADE.images, *LAST, CLASSES, PALETTE),
    "paint": explore.paint_and_score,
    "seeds": explore.how_many_seeds,
}
