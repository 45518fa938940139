"""The paper's own numbers, from `paper.json`, by table, row and column; never mixed with runs of this library.

A page that shows one of them says "Paper" beside it, and the table it stands in.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from reco_core.errors import InputError


@dataclass(frozen=True)
class PaperTable:
    """One of the paper's tables or panels: mean IoU in percent on the validation images, mean of three runs."""

    key: str
    """"1" to "5", "7a" to "7e", or "B" (Appendix B)."""
    title: str
    columns: tuple[tuple[str, int | str], ...]
    """(data set, number of labelled images or what else varies) of each column."""
    rows: dict[str, tuple[float | None, ...]]
    """Method -> one score a column; None where the paper has none."""
    note: str = ""

    @property
    def name(self) -> str:
        """Where it stands in the paper."""
        kind = {"7": "Figure", "B": "Appendix"}.get(self.key[0], "Table")
        return f"Paper, {kind} {self.key}"

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets, in the order of the columns."""
        return tuple(dict.fromkeys(dataset for dataset, _ in self.columns))

    def scores(self, method: str, dataset: str) -> dict[int | str, float]:
        """Column -> score of one data set, as far as the paper has it."""
        row = zip(self.columns, self.rows[method], strict=True)
        return {label: score for (column, label), score in row if column == dataset and score is not None}


def _tables() -> dict[str, PaperTable]:
    stored = json.loads(Path(__file__).with_name("paper.json").read_text(encoding="utf-8"))["tables"]
    return {
        key: PaperTable(
            key,
            table["title"],
            tuple((dataset, label) for dataset, label in table["columns"]),
            {row: tuple(scores) for row, scores in table["rows"].items()},
            table.get("note", ""),
        )
        for key, table in stored.items()
    }


TABLES = _tables()
TABLE_1 = TABLES["1"]
"""Partial data set, full labels (Section 4.1)."""


def paper_table(key: str) -> PaperTable:
    """A table by its number.

    Raises:
        InputError: a number that is none.
    """
    if key not in TABLES:
        raise InputError(f"the paper has no table {key!r} of results; it has {', '.join(TABLES)}")
    return TABLES[key]
