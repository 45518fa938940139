"""Write what the prose pages take from the library: tables drawn from the records, the list of runs, a picture.

    python -m reco_book.pages [ROOT]

Changes the text between the markers in README.md and pages of book/, and files of book/_static; a test tells when
they are out of date.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from reco_book import ROOT
from reco_book.cells import cell_recipe
from reco_book.figures.bench import hero
from reco_book.figures.idea import idea
from reco_book.figures.style import RC
from reco_book.paper import TABLES
from reco_book.power import PUBLISHED_RUNS, paired_spread, seeds_needed
from reco_book.recorded import recipe_records, recipe_scores
from reco_book.scorecard import claims_table, scorecard
from reco_book.seeds import paired_difference, summarise
from reco_book.tables import markdown
from reco_core.runs.records import load_records

PICTURES: dict[Path, Callable[[], Figure]] = {
    Path("book/_static/idea.png"): idea, Path("book/_static/hero.png"): hero,
}  # fmt: skip
PAGES = ("README.md", "book/index.md", "book/reproduction.md", "book/how_to_run.md")
MARKED = re.compile(
    r"(<!-- (\w+): written by reco_book.pages -->\n).*?(<!-- end of \2 -->)",
    re.DOTALL,
)
GRAPHS = Path("book/_static/relations_data.js")
RUNS = Path("book/_static/runs.csv")


def verdicts(root: Path = ROOT) -> str:
    """A Markdown table: the primary claims with difference, share of the label gap, verdict and the paper's number."""
    return claims_table(scorecard(root / "results"))


def cells_of_the_paper(root: Path = ROOT) -> str:
    """A Markdown table: how many cells each of the paper's tables has, and how many are recorded at its settings."""
    rows = []
    for table in TABLES.values():
        cells = [
            (row, column)
            for row, scores in table.rows.items()
            for column, score in zip(table.columns, scores, strict=True)
            if score is not None
        ]
        names = {name for row, column in cells if (name := cell_recipe(table, row, column))}
        there = sum(bool(recipe_records(name, root / "results")) for name in names)
        rows.append(
            [f"[`reco table {table.key}`](how_to_run.md)", table.title, *map(str, (len(cells), len(names), there))]
        )
    return markdown(["Command", "Paper", "numbers", "different runs", "recorded at the paper's settings"], rows)


GAINS = {
    "VOC, 600 labels": ("Pascal VOC", 600), "SUN RGB-D, 50": ("SUN RGB-D", 50), "VOC, 200": ("Pascal VOC", 200),
    "Cityscapes, 20": ("Cityscapes", 20),
}  # fmt: skip
"""Some of Table 1's cells, from the smallest gain of ReCo over ClassMix to the largest."""


def seeds_that_it_takes(root: Path = ROOT) -> str:
    """A Markdown table: seeds needed to see gains of Table 1, at spreads that are known or recorded."""
    sd = summarise(dict(enumerate(PUBLISHED_RUNS))).sd
    spreads = {
        "the published seeds, unpaired": paired_spread(sd),
        "the published seeds, if paired runs correlate by 0.5": paired_spread(sd, 0.5),
    }
    ours, base = (recipe_scores(f"toyscapes/20/{method}", root / "results") for method in ("reco+classmix", "classmix"))
    gap = paired_difference(ours, base)
    if len(gap.values) > 2:
        spreads["recorded here, paired: toyscapes, 20 labels"] = gap.sd
    table = TABLES["1"]
    gains = {
        name: table.scores("reco+classmix", dataset)[labels] - table.scores("classmix", dataset)[labels]
        for name, (dataset, labels) in GAINS.items()
    }
    rows = [
        [name, f"{spread:.2f}", *(f"{seeds_needed(gain, spread):,}" for gain in gains.values())]
        for name, spread in spreads.items()
    ]
    header = [f"{name}: {gain:+.2f}" for name, gain in gains.items()]
    return markdown(["Spread of the differences", "sd", *header], rows)


def runs_on_one_card(root: Path = ROOT) -> str:
    """A Markdown table: steps a second of small runs that share a GPU (benchmarks/share.py)."""
    path = root / "benchmarks" / "results" / "share-cuda.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"steps_a_second": {}}
    rates, device = found["steps_a_second"], found.get("environment", {}).get("device_name", "no record")
    rows = [
        [name.replace(", MPS", ", with the service"), f"{rate:.0f}", f"{rate / rates['1']:.1f}" if "1" in rates else ""]
        for name, rate in rates.items()
    ]
    return markdown([f"Runs at once ({device})", "steps a second, together", "times one run's"], rows)


BLOCKS = {
    "share": runs_on_one_card,
    "power": seeds_that_it_takes,
    "verdicts": verdicts,
    "cells": cells_of_the_paper,
}


def with_blocks(page: str, root: Path = ROOT) -> str:
    """A page with the text between its markers replaced."""
    return MARKED.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]](root)}\n\n{found[3]}", page)


def recorded_runs(root: Path = ROOT) -> str:
    """Comma-separated values of every recorded run: what it is, its scores in percent, seconds, machine, revision."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["recipe", "seed", "steps", "test mIoU", "student's test mIoU", "seconds", "device", "revision"])
    for record in sorted(load_records(root / "results"), key=lambda one: (one.about.recipe or "", one.seed)):
        student = record.student and (record.student.test or record.student.val)
        where = record.about.environment
        lines.writerow([
            record.about.recipe, record.seed, record.config.optimisation.iterations, f"{record.miou():.2f}",
            f"{100 * student.miou:.2f}" if student else "", f"{record.seconds:.0f}",
            where["device"] if where["device"] == "cpu" else where["device_name"], record.about.revision,
        ])  # fmt: skip
    return text.getvalue()


def main() -> None:
    """Write all of it, below the given folder."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    for name in PAGES:
        path = root / name
        path.write_text(with_blocks(path.read_text(encoding="utf-8"), root), encoding="utf-8")
    (root / RUNS).write_text(recorded_runs(root), encoding="utf-8")
    with rc_context(RC):
        for path, draw in PICTURES.items():
            draw().savefig(root / path, dpi=160, metadata={"Software": None})


if __name__ == "__main__":
    main()
