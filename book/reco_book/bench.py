"""The recorded runs of the test bench: arms, shares of the label gap, pairs of siblings."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reco_book import RESULTS
from reco_book.experiments import BASE_METHODS, BENCH
from reco_book.plan import data_set
from reco_book.recorded import recipe_records
from reco_book.seeds import Summary, paired_difference, summarise
from reco_core.runs.records import Record, RecordedScores

ARMS = {
    "supervised": "toyscapes/20/supervised",
    "classmix": "toyscapes/20/classmix",
    "reco+classmix": "toyscapes/20/reco+classmix",
    "all labels": "toyscapes/all/supervised",
}
"""Arm -> recipe; "all labels" is supervised, the others have 20 labels."""
ARM_NAMES = {
    "supervised": "Supervised, 20 labels",
    "classmix": "ClassMix, 20 labels",
    "reco+classmix": "ReCo + ClassMix, 20 labels",
    "all labels": "Supervised, 2,000 labels",
}
SIBLINGS = data_set("toyscapes").confusable

Runs = Mapping[str, Mapping[int, Record]]
"""Arm -> seed -> record."""


def arms(results: Path = RESULTS, planned: bool = False, budget: str = "") -> dict[str, dict[int, Record]]:
    """The recorded runs of every arm; an arm without records is empty.

    Args:
        results: folder of the records.
        planned: only the seeds of results/plan.toml, which had no part in choosing the learning rates.
        budget: twice, half or quarter of the steps; `make train` and `reco_book.snapshots` take a quarter.
    """
    kept = set(data_set("toyscapes").seeds)
    found = {}
    for arm, name in ARMS.items():
        group, _, method = name.rpartition("/")
        runs = recipe_records(f"{group}-{budget}/{method}" if budget else name, results)
        found[arm] = {seed: record for seed, record in runs.items() if not planned or seed in kept}
    return found


def student(record: Record) -> RecordedScores:
    """The scores of the student itself, on the test scenes.

    Raises:
        ValueError: a record without them.
    """
    if record.student is None or record.student.test is None:
        raise ValueError(f"the record of {record.about.recipe}, seed {record.seed}, has no scores of the student")
    return record.student.test


def values(runs: Mapping[int, Record], value: Callable[[Record], float]) -> dict[int, float]:
    """Seed -> a value of the record."""
    return {seed: value(record) for seed, record in runs.items()}


def mious(runs: Runs) -> dict[str, dict[int, float]]:
    """Arm -> seed -> test mIoU of the moving average, percent."""
    return {arm: values(found, Record.miou) for arm, found in runs.items()}


def share_of_gap(gain: float, scores: Mapping[str, Mapping[int, float]]) -> float:
    """A gain in points as a share of the label gap, all labels minus few (:eq:`eq-share-of-gap`), in percent."""
    gap = fmean(scores["all labels"].values()) - fmean(scores["supervised"].values())
    return 100 * gain / gap


def gain(scores: Mapping[str, Mapping[int, float]], ours: str, theirs: str) -> Summary:
    """Paired differences, ours - theirs, over the seeds of both."""
    return paired_difference(dict(scores[ours]), dict(scores[theirs]))


def class_iou(record: Record, name: str) -> float:
    """Test IoU of a class, percent; 0 for one that is never predicted."""
    return 100 * (record.scores.iou[record.classes.index(name)] or 0.0)


def by_class(runs: Runs, names: tuple[str, ...]) -> dict[str, dict[str, Summary]]:
    """Class -> arm -> its IoU over the seeds, percent."""
    return {
        name: {
            arm: summarise(values(found, lambda one, name=name: class_iou(one, name))) for arm, found in runs.items()
        }
        for name in names
    }


def weaker_sibling(record: Record) -> float:
    """Mean over the pairs of siblings of the lower of the two IoUs, percent: low where one class absorbs the other."""
    return fmean(min(class_iou(record, one), class_iou(record, other)) for one, other in SIBLINGS)


def sibling_confusion(record: Record) -> float:
    """Share of the paired classes' pixels that are taken for the sibling, percent."""
    counts = np.array(record.scores.confusion)
    pairs = [(record.classes.index(one), record.classes.index(other)) for one, other in SIBLINGS]
    taken = sum(counts[one, other] + counts[other, one] for one, other in pairs)
    return float(100 * taken / sum(counts[index].sum() for pair in pairs for index in pair))


def on_base_methods(results: Path = RESULTS) -> dict[str, tuple[Summary, Summary, Summary]]:
    """Base method -> its test mIoU, that with ReCo, and the paired gain; percent and points, planned seeds only."""
    kept = set(data_set("toyscapes").seeds)
    found = {}
    for base in ("classmix", *BASE_METHODS):
        alone, ours = (
            {seed: one.miou() for seed, one in recipe_records(f"toyscapes/20/{name}", results).items() if seed in kept}
            for name in (base, f"reco+{base}")
        )
        if alone and ours:
            found[base] = summarise(alone), summarise(ours), paired_difference(ours, alone)
    return found


def collapsed(record: Record, least: float = 5.0) -> tuple[str, ...]:
    """Classes with an IoU below `least` percent."""
    return tuple(name for name in record.classes if class_iou(record, name) < least)


TRIALS = BENCH.trials


def trials(results: Path = RESULTS) -> dict[str, dict[float, float]]:
    """Arm -> learning rate -> validation mIoU of its trial with seed 0, percent."""
    groups = {
        "supervised": ("toyscapes/20-rates", "supervised"),
        "classmix": ("toyscapes/20-rates", "classmix"),
        "all labels": ("toyscapes/all-rates", "supervised"),
    }
    return {
        ARM_NAMES[arm]: {
            rate: 100 * found[0].val.miou
            for rate in TRIALS
            if 0 in (found := recipe_records(f"{group}/{method}-{rate:.0e}", results))
        }
        for arm, (group, method) in groups.items()
    }


def pieces(data: Any, names: Sequence[str], per_class: int, side: int = 40) -> dict[str, list[Tensor]]:
    """Square pieces of scenes, one a scene, centred on a random pixel of a class and mostly of it.

    Args:
        data: a data set of scenes.
        names: of the classes.
        per_class: pieces of each.
        side: of a piece, pixels.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    generator = torch.Generator().manual_seed(0)
    for index in range(len(data)):
        if all(len(kept) >= per_class for kept in found.values()):
            break
        image, labels = data[index]
        for name, kept in found.items():
            piece = _piece(image, labels == data.classes.index(name), side, generator)
            if piece is not None and len(kept) < per_class:
                kept.append(piece)
    return found


def _piece(image: Tensor, here: Tensor, side: int, generator: torch.Generator) -> Tensor | None:
    """A piece of which at least half is the class; None if a few tries find none."""
    places = torch.nonzero(here[side // 2 : -side // 2, side // 2 : -side // 2])
    for _ in range(4 if len(places) else 0):
        top, left = places[int(torch.randint(len(places), (), generator=generator))].tolist()
        window = (..., slice(top, top + side), slice(left, left + side))
        if here[window].float().mean() >= 0.5:
            return image[window]
    return None
