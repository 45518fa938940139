"""Recorded runs by recipe: scores over seeds, of all pixels and near boundaries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from reco_book.evaluations import Evaluation, load_evaluations
from reco_book.relations import Relations, read_relations
from reco_book.seeds import miou_percent
from reco_core.runs.recipes import twins
from reco_core.runs.records import Record, load_records

ANIMALS = ("background", "cat", "cow", "dog", "horse", "person", "sheep")
"""Classes that the VOC animals subset (the lists in results/relations/small/voc) has enough of to be scored."""


Places = Path | Sequence[Path]
"""A folder of results, or several, of which the first that has a record counts."""


def recipe_records(name: str, results: Places, series: str = "") -> dict[int, Record]:
    """Seed -> record of a recipe, or of a recipe with the same configuration (`recipes.twins`).

    Args:
        name: of the recipe.
        results: where the records are.
        series: such as "reruns/cpu", of runs that were made once more.
    """
    found: dict[int, Record] = {}
    everything = _records(results, series)
    for twin in reversed(twins(name)):  # its own records last: they count where both are there
        found |= {record.seed: record for record in everything if record.about.recipe == twin}
    return dict(sorted(found.items()))


def group_records(group: str, results: Places) -> list[Record]:
    """All records of a group of recipes, such as "small/camvid/20", by method and seed."""
    found = [record for record in _records(results) if record.about.group == group]
    return sorted(found, key=lambda record: (record.method, record.seed))


def boundary_scores(name: str, results: Places, series: str = "") -> dict[int, Evaluation]:
    """Seed -> what `reco boundaries` measured of a recipe's networks after the last step, on the final split.

    Args:
        name: of the recipe.
        results: where the evaluations are.
        series: "planned" for the seeds of the planned test, which are kept apart.
    """
    found = [line for line in load_evaluations(results, series) if line.about.recipe == name and _is_final(line)]
    return {line.about.seed: line for line in sorted(found, key=lambda line: line.about.seed)}


def _is_final(line: Evaluation) -> bool:
    data = line.about.config.data
    return line.which == "last" and line.split == (data.test_split or data.eval_split)


def _records(results: Places, series: str = "") -> list[Record]:
    places = (results,) if isinstance(results, Path) else results
    return load_records(*places, series=series)


@dataclass(frozen=True)
class MeanScores:
    """Mean IoU over all pixels and near boundaries."""

    miou: float
    trimap: Mapping[str, float]
    boundary: Mapping[str, float]


def near(line: Evaluation) -> MeanScores:
    """The mean IoUs of an evaluation."""
    return MeanScores(line.scores.miou, line.trimap, line.boundary)


def mean_boundary_scores(settings: Sequence[Mapping[int, Evaluation]]) -> dict[int, MeanScores]:
    """Seed -> means over several settings, of the seeds that all of them have.

    Args:
        settings: at least one, each as `boundary_scores` gives it.
    """
    shared = sorted(set.intersection(*map(set, settings)))
    return {seed: _mean([near(found[seed]) for found in settings]) for seed in shared}


def _mean(found: Sequence[MeanScores]) -> MeanScores:
    def of(kind: Callable[[MeanScores], Mapping[str, float]]) -> dict[str, float]:
        return {width: fmean(kind(one)[width] for one in found) for width in kind(found[0])}

    return MeanScores(
        fmean(one.miou for one in found), of(lambda scores: scores.trimap), of(lambda scores: scores.boundary)
    )


def recipe_scores(name: str, results: Places, which: str = "last", series: str = "") -> dict[int, float]:
    """Seed -> mean IoU in percent of a recipe's records of a series; which: "last" or "best".

    Of the VOC animals subset only the classes of `ANIMALS` count: the others hardly occur in it.
    """
    score = animals_percent(which) if name.startswith("small/voc/") else miou_percent(which)
    return {seed: score(record) for seed, record in recipe_records(name, results, series).items()}


def label_losses(name: str, results: Places) -> dict[int, float]:
    """Seed -> cross-entropy with the labels, nats, of a recipe's records: the mean of the last logged steps."""
    return {
        seed: [entry["supervised"] for entry in record.history if "supervised" in entry][-1]
        for seed, record in recipe_records(name, results).items()
    }


def animals_percent(which: str = "last") -> Callable[[Record], float]:
    """A function that takes the mean IoU of `ANIMALS`, in percent, from a record; which: "last" or "best"."""

    def read(record: Record) -> float:
        # Scores are those of the last step; the best step has some of every class only if it is the last.
        if which == "best" and record.best.step != record.config.optimisation.iterations:
            return float("nan")
        iou = dict(zip(record.classes, record.val.iou, strict=True))
        return 100 * sum(iou[name] for name in ANIMALS) / len(ANIMALS)

    return read


def recorded_relations(results: Path, group: str = "") -> list[Relations]:
    """Relations of recorded networks, of all groups or of one, by data set, method and seed."""
    found = [one for path in sorted((results / "relations").rglob("*.jsonl")) for one in read_relations(path)]
    return [one for one in found if not group or one.about["group"] == group]
