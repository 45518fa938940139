"""Recorded runs by recipe: scores over seeds, of all pixels and near boundaries."""

from collections.abc import Sequence
from pathlib import Path

from reco_book.evaluations import Evaluation, load_evaluations
from reco_book.relations import read_relations
from reco_core.analysis.relations import ClassRelations
from reco_core.runs.recipes import twins
from reco_core.runs.records import Record, load_records

Places = Path | Sequence[Path]
"""A folder of results, or several, of which the first that has a record counts."""


def recipe_records(name: str, results: Places) -> dict[int, Record]:
    """Seed -> record of a recipe, or of a recipe with the same configuration (`recipes.twins`).

    Args:
        name: of the recipe.
        results: where the records are.
    """
    found: dict[int, Record] = {}
    everything = _records(results)
    for twin in reversed(twins(name)):  # its own records last: they count where both are there
        found |= {record.seed: record for record in everything if record.about.recipe == twin}
    return dict(sorted(found.items()))


def boundary_scores(name: str, results: Places) -> dict[int, Evaluation]:
    """Seed -> what `reco boundaries` measured of a recipe's networks after the last step, on the final split.

    Args:
        name: of the recipe.
        results: where the evaluations are.
    """
    found = [line for line in load_evaluations(results) if line.about.recipe in twins(name) and _is_final(line)]
    return {line.about.seed: line for line in sorted(found, key=lambda line: line.about.seed)}


def _is_final(line: Evaluation) -> bool:
    data = line.about.config.data
    return line.which == "last" and line.split == (data.test_split or data.eval_split)


def _records(results: Places) -> list[Record]:
    places = (results,) if isinstance(results, Path) else results
    return load_records(*places)


def recipe_scores(name: str, results: Places, which: str = "last") -> dict[int, float]:
    """Seed -> mean IoU in percent of a recipe's records; which: "last" or "best"."""
    return {seed: record.miou(which) for seed, record in recipe_records(name, results).items()}


def recorded_relations(results: Path, group: str = "") -> list[ClassRelations]:
    """Relations of recorded networks, of all groups or of one, by data set, method and seed."""
    found = [one for path in sorted((results / "relations").rglob("*.jsonl")) for one in read_relations(path)]
    return [one for one in found if not group or one.about["group"] == group]
