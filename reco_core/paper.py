"""The paper's own numbers, transcribed by table and row; never mixed with runs of this library.

A page that shows one of them says "Paper" beside it, and the table it stands in.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperTable:
    """One of the paper's tables: mean IoU in percent, mean of three runs."""

    name: str
    columns: tuple[tuple[str, int], ...]
    """(data set, number of labelled images) of each column."""
    rows: dict[str, tuple[float, ...]]
    """Method -> one score a column."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets, in the order of the columns."""
        return tuple(dict.fromkeys(dataset for dataset, _ in self.columns))

    def scores(self, method: str, dataset: str) -> dict[int, float]:
        """Number of labelled images -> score."""
        row = zip(self.columns, self.rows[method], strict=True)
        return {labels: score for (column, labels), score in row if column == dataset}


TABLE_1 = PaperTable(
    name="Paper, Table 1",
    columns=tuple(
        (dataset, labels)
        for dataset, counts in {
            "Pascal VOC": (60, 200, 600),
            "Cityscapes": (20, 50, 150),
            "SUN RGB-D": (50, 150, 500),
        }.items()
        for labels in counts
    ),
    rows={
        "supervised": (37.79, 53.87, 64.04, 38.12, 45.42, 54.93, 19.79, 28.78, 37.73),
        "s4gan": (47.95, 61.25, 66.21, 37.65, 47.08, 56.46, 20.53, 29.79, 38.08),
        "cutout": (52.96, 63.57, 69.85, 42.52, 50.15, 59.42, 25.94, 34.45, 41.25),
        "cutmix": (53.71, 66.95, 72.42, 44.02, 54.72, 62.24, 27.60, 37.55, 42.69),
        "classmix": (49.06, 67.95, 72.50, 45.61, 55.56, 63.94, 28.42, 37.55, 42.46),
        "reco+classmix": (53.31, 69.81, 72.75, 49.86, 57.69, 65.04, 29.65, 39.14, 44.55),
    },
)
"""Partial data set, full labels (Section 4.1)."""
