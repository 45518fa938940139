"""Whether a data set can show what unlabelled images are worth: the gates of the test bench, from recorded runs.

They are judged on supervised and ClassMix runs alone. Networks are scored as their moving averages, on the test split
where there is one, and each number is the mean over the recorded seeds.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from reco_book.plan import DataSet
from reco_book.recorded import recipe_records
from reco_core.runs.records import Record


class Gate(NamedTuple):
    """One requirement and what was measured."""

    question: str
    value: float
    bound: float
    at_least: bool
    """Whether the value has to reach the bound, or must not exceed it."""
    unit: str
    seeds: int
    """Recorded seeds behind the value."""

    @property
    def holds(self) -> bool:
        """Whether the requirement is met; not without a record."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound


class Arms(NamedTuple):
    """The recorded runs, by seed."""

    few: dict[int, Record]
    every: dict[int, Record]
    classmix: dict[int, Record]
    few_twice: dict[int, Record]
    classmix_twice: dict[int, Record]


def arms_of(data: DataSet, results: Path) -> Arms:
    """The records that a data set is judged by."""

    def runs(group: str, method: str) -> dict[int, Record]:
        return recipe_records(f"{group}/{method}", results)

    return Arms(
        runs(data.few, "supervised"), runs(data.every, "supervised"), runs(data.few, "classmix"),
        runs(data.twice, "supervised"), runs(data.twice, "classmix"),
    )  # fmt: skip


def confusable_share(record: Record, groups: Sequence[Sequence[str]]) -> float:
    """Of the misclassified pixels of the grouped classes, the share that was taken for a class of the same group."""
    counts = np.array(record.scores.confusion)
    np.fill_diagonal(counts, 0)
    inside = errors = 0
    for group in groups:
        members = [record.classes.index(name) for name in group]
        inside += counts[np.ix_(members, members)].sum()
        errors += counts[members].sum()
    return float(inside / errors)


def hard_share(record: Record) -> float:
    """Share of hard queries among the valid pixels, over the last reported steps."""
    return [entry["hard"] for entry in record.history if "hard" in entry][-1]


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else float("nan")


def _over(runs: dict[int, Record], value: Callable[[Record], float]) -> float:
    return _mean([value(record) for record in runs.values()])


def _rarest_class(runs: dict[int, Record]) -> float:
    """Lowest mean IoU over seeds of any class, percent."""
    if not runs:
        return float("nan")
    iou = np.array([record.scores.iou for record in runs.values()], dtype=float)
    return float(100 * np.nanmean(iou, axis=0).min())


def _moved(once: dict[int, Record], twice: dict[int, Record]) -> tuple[float, int]:
    """By how many points twice the steps moved the mean, over the seeds of both."""
    both = sorted(set(once) & set(twice))
    return abs(_mean([twice[seed].miou() - once[seed].miou() for seed in both])), len(both)


def gates(data: DataSet, results: Path) -> list[Gate]:
    """All requirements with what was measured.

    Args:
        data: of the plan.
        results: folder of the records.
    """
    arms = arms_of(data, results)
    mixed, few_moved, mixed_moved = (
        arms.classmix, _moved(arms.few, arms.few_twice), _moved(arms.classmix, arms.classmix_twice)
    )  # fmt: skip

    def taught(name: str) -> float:
        return _over(mixed, lambda record: 100 * (getattr(record.unlabelled, name) or 0.0))

    inside = _over(mixed, lambda record: 100 * confusable_share(record, data.confusable))
    gap = _over(arms.every, Record.miou) - _over(arms.few, Record.miou)
    return [
        Gate("label gap: all labels minus few labels", gap, 20, True, "points", min(len(arms.every), len(arms.few))),
        Gate("supervised: moved by twice the steps", few_moved[0], 1.5, False, "points", few_moved[1]),
        Gate("ClassMix: moved by twice the steps", mixed_moved[0], 1.5, False, "points", mixed_moved[1]),
        Gate("weakest class with all labels", _rarest_class(arms.every), 40, True, "% IoU", len(arms.every)),
        Gate("teacher is confident", taught("confident_share"), 50, True, "% of pixels", len(mixed)),
        Gate("confident teacher is correct", taught("confident_accuracy"), 95, True, "% of those", len(mixed)),
        Gate("hard queries", 100 * _over(mixed, hard_share), 50, False, "% of valid pixels", len(mixed)),
        Gate("errors among confusable classes", inside, 40, True, "% of errors", len(mixed)),
    ]  # fmt: skip


def table(found: Sequence[Gate]) -> str:
    """The gates as aligned text, one a line; "?" where there is no record."""
    lines = [f"{'':4} {'gate':42} {'measured':>9} {'bound':>7}  unit"]
    for gate in found:
        sign = ">=" if gate.at_least else "<="
        verdict = "ok" if gate.holds else "FAIL" if gate.seeds else "?"
        value = f"{gate.value:.1f}" if gate.seeds else "no record"
        lines.append(
            f"{verdict:4} {gate.question:42} {value:>9} {sign} {gate.bound:4g}  {gate.unit} ({gate.seeds} seeds)"
        )
    return "\n".join(lines)
