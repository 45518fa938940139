"""The primary claims, as they were written down before their runs: results/plan.toml."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from reco_book import RESULTS
from reco_book.paper import paper_table
from reco_core.config import STRICT, from_dict
from reco_core.errors import InputError


@dataclass(frozen=True, config=STRICT)
class PaperCells:
    """Two numbers of the paper, of which the first is the higher if a claim holds."""

    table: str
    ours: str
    """Row of the table; for a table of one row its column."""
    base: str


@dataclass(frozen=True, config=STRICT)
class Claim:
    """Two recipes, compared by one number that is taken from each run."""

    key: str
    text: str
    ours: str
    """Method of the data set's recipes with few labels, or group and name, such as "fig7e/random+uniform"."""
    base: str
    measure: Literal["miou", "confusable", "boundary"]
    paper: PaperCells | None = None


@dataclass(frozen=True, config=STRICT)
class DataSet:
    """Where a claim is judged."""

    name: str
    few: str
    """Group of recipes with few labels."""
    every: str
    """Group of recipes with all labels."""
    paper: tuple[str, int]
    """The paper's data set and number of labels that it is nearest to."""
    seeds: tuple[int, ...]
    confusable: tuple[tuple[str, ...], ...]
    """Groups of classes."""

    @property
    def twice(self) -> str:
        """As `few`, with twice the steps."""
        return f"{self.few}-twice"

    def recipe(self, name: str) -> str:
        """The recipe of a claim's `ours` or `base`."""
        return f"{self.few.partition('/')[0] if '/' in name else self.few}/{name}"


@dataclass(frozen=True, config=STRICT)
class Plan:
    """All of it."""

    level: float
    claims: tuple[Claim, ...]
    sets: tuple[DataSet, ...]


@cache
def plan(path: Path = RESULTS / "plan.toml") -> Plan:
    """Read the plan."""
    return from_dict(Plan, tomllib.loads(path.read_text(encoding="utf-8")), str(path))


def data_set(name: str) -> DataSet:
    """A data set of the plan.

    Raises:
        InputError: a name that is not in it.
    """
    for data in plan().sets:
        if data.name.lower() == name.lower():
            return data
    raise InputError(f"no gates for {name!r}: choose one of {', '.join(data.name for data in plan().sets)}")


def papers_gain(claim: Claim, data: DataSet) -> float | None:
    """The paper's own difference on its own data set, points of mIoU; None where it reports none."""
    if claim.paper is None:
        return None
    table = paper_table(claim.paper.table)
    if len(table.rows) == 1:
        scores = table.scores(next(iter(table.rows)), table.datasets[0])
        return scores[claim.paper.ours] - scores[claim.paper.base]
    ours, base = (table.scores(method, data.paper[0])[data.paper[1]] for method in (claim.paper.ours, claim.paper.base))
    return ours - base
