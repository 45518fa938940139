"""Write what the prose pages take from the library: tables drawn from the records, pictures, the interactive graph.

    python -m reco_book.pages [ROOT]

Changes the text between the markers in README.md and four pages of book/, book/_static/idea.png, and the data of the
interactive relation graph; a test tells when they are out of date.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
from matplotlib import rc_context

from reco_book import ROOT
from reco_book.cells import cell_recipe
from reco_book.claims import CLAIMS, LEAST_SEEDS, SETS, verdict
from reco_book.experiments import COMPARED
from reco_book.figures.idea import idea
from reco_book.figures.style import RC
from reco_book.paper import TABLES
from reco_book.power import PUBLISHED_RUNS, paired_spread, seeds_needed
from reco_book.recorded import (
    ANIMALS,
    animals_percent,
    group_records,
    recipe_records,
    recipe_scores,
    recorded_relations,
)
from reco_book.seeds import by_method, miou_percent, paired_difference, summarise
from reco_book.tables import markdown, with_interval, with_spread
from reco_core.methods import METHOD_NAMES
from reco_core.runs.records import Record, load_records

PICTURE = Path("book/_static/idea.png")
PAGES = ("README.md", "book/index.md", "book/reproduction.md", "book/paper_vs_published.md", "book/how_to_run.md")
MARKED = re.compile(
    r"(<!-- (\w+): written by reco_book.pages -->\n).*?(<!-- end of \2 -->)",
    re.DOTALL,
)
GRAPHS = Path("book/_static/relations_data.js")
DATASETS = {"camvid": "CamVid", "nyu_v2": "NYU v2", "voc": "VOC animals"}
"""Folder of records -> name."""
COLUMNS = {
    "camvid/20": "CamVid, 20 of 367 photographs labelled, 600 steps",
    "camvid/long": "CamVid, 1,800 steps",
}


def results_at_a_glance(root: Path = ROOT) -> str:
    """A Markdown table: mean IoU on test images of the last step, methods by data sets, and ReCo's paired gain."""
    scores = {
        title: by_method(group_records(f"small/{folder}", root / "results"), miou_percent("last"))
        for folder, title in COLUMNS.items()
    }
    rows = [[METHOD_NAMES[method], *(cell(table.get(method, {})) for table in scores.values())] for method in COMPARED]
    counts = [[len(table.get(method, {})) for method in COMPARED] for table in scores.values()]
    seeds = [str(few[0]) if len(set(few)) == 1 else " / ".join(map(str, few)) for few in counts]
    rows.append(["Seeds", *seeds])
    gains = [paired_difference(table.get(COMPARED[2], {}), table.get(COMPARED[1], {})) for table in scores.values()]
    rows.append(["gain from ReCo, paired by seed, with 95 % interval", *map(with_interval, gains)])
    return markdown(["Mean IoU, %", *scores], rows)


def cell(values: dict[int, float]) -> str:
    """Mean and spread over seeds, and how many they are as long as they are fewer than three."""
    few = f" ({len(values)} of 3 seeds)" if 0 < len(values) < 3 else ""
    return with_spread(summarise(values)) + few


def claims_one_by_one(root: Path = ROOT) -> str:
    """A Markdown table: what the paper says of trends, and what the records say of it on each data set."""
    rows = []
    for claim in CLAIMS:
        row = [claim.text, claim.paper]
        for small in SETS.values():
            summary = claim.summary(small, root / "results")
            said = "–" if summary is None else verdict(summary)
            judged = said in ("supports", "contradicts", "inconclusive")
            row.append(f"{said}: {with_interval(summary)}" if judged else said)
        rows.append(row)
    return markdown(["Claim", "paper: difference", *SETS], rows)


def recorded_runs(root: Path = ROOT) -> str:
    """A Markdown table: every group of recorded runs, with scores, hours, devices and first weights."""
    groups: dict[str, list[Record]] = {}
    for record in sorted(load_records(root / "results"), key=lambda record: (record.about.recipe or "", record.seed)):
        groups.setdefault(record.about.recipe or "", []).append(record)
    rows = []
    for name, records in groups.items():
        score = animals_percent if name.startswith("small/voc/") else miou_percent
        scores = [
            with_spread(summarise({record.seed: score(which)(record) for record in records}))
            for which in ("last", "best")
        ]
        model, steps = records[0].config.model, records[0].config.optimisation.iterations
        start = "random" if model.weights is None else "ImageNet"
        hours: dict[str, float] = {}
        for record in records:
            where = record.about.environment
            place = "CPU" if where["device"] == "cpu" else where["device_name"]
            hours[place] = hours.get(place, 0) + record.seconds / 3600
        backbone = model.backbone.replace("mobilenet_v2", "MobileNetV2").replace("resnet", "ResNet-")
        cost = ", ".join(f"{taken:.2f} {place}" for place, taken in sorted(hours.items()))
        rows.append([f"`{name}`", f"{backbone}, {start}", str(steps), str(len(records)), *scores, cost])
    header = ["Recipe", "network, first weights", "steps", "seeds", "last", "best", "hours on"]
    return markdown(header, rows)


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


OPTIONS = {
    "key_sharing=query": '512 keys for every query, `key_sharing="query"`',
    "relation_temperature=none": "no temperature in the key softmax, `relation_temperature=None`",
    "eta=batch": 'one η for the batch, `eta="batch"`',
    "teacher_batch_norm=copy": 'the student\'s statistics in the teacher, `teacher_batch_norm="copy"`',
    "bank": "keys from a feature bank, `bank_size=1024` (Appendix B)",
}
"""Small recipes that turn one option -> how the page tells it."""


def effects_of_options(root: Path = ROOT) -> str:
    """A Markdown table: what a single option does to the score, paired by seed with the book's standard run."""
    rows = []
    for option, text in OPTIONS.items():
        turned, standard = (
            recipe_scores(f"small/camvid/{name}", root / "results")
            for name in (f"options/{option}", "20/reco+classmix")
        )
        gap = paired_difference(turned, standard)
        rows.append([text, with_interval(gap, seeds=True) if len(gap.values) > 1 else "no record"])
    return markdown(["Turned alone", "CamVid, 20 labels"], rows)


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
    scores = [recipe_scores(f"small/camvid/20/{method}", root / "results") for method in COMPARED[:0:-1]]
    gap = paired_difference(*scores)
    if len(gap.values) >= LEAST_SEEDS:
        spreads["recorded here, paired: CamVid, 20 labels"] = gap.sd
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
    "effects": effects_of_options,
    "results": results_at_a_glance,
    "claims": claims_one_by_one,
    "runs": recorded_runs,
    "cells": cells_of_the_paper,
}


def with_blocks(page: str, root: Path = ROOT) -> str:
    """A page with the text between its markers replaced."""
    return MARKED.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]](root)}\n\n{found[3]}", page)


def interactive_relations(root: Path = ROOT) -> str:
    """The recorded relation graphs as a script: data set -> network and place -> seed -> similarity, confusion in %."""
    found: dict[str, dict] = {}
    for relations in recorded_relations(root / "results"):
        dataset = DATASETS[relations.about["group"].split("/")[1]]
        if dataset == "VOC animals":
            relations = relations.only(np.isin(relations.classes, ANIMALS))
        entry = found.setdefault(dataset, {"classes": list(relations.classes), "lowest": 1.0, "networks": {}})
        shares = 100 * relations.confusion / relations.confusion.sum(axis=1, keepdims=True)
        for where, graph in relations.graphs.items():
            entry["lowest"] = min(entry["lowest"], round(float(graph.min()), 3))
            runs = entry["networks"].setdefault(f"{METHOD_NAMES[relations.about['method']]}, {where}", {})
            runs[str(relations.about["seed"])] = {
                "similarity": graph.round(3).tolist(),
                "confusion": shares.round(1).tolist(),
            }
    return f"window.RELATIONS = {json.dumps(dict(sorted(found.items(), reverse=True)), separators=(',', ':'))};\n"


def main() -> None:
    """Write all of it, below the given folder."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    for name in PAGES:
        path = root / name
        path.write_text(with_blocks(path.read_text(encoding="utf-8"), root), encoding="utf-8")
    (root / GRAPHS).write_text(interactive_relations(root), encoding="utf-8")
    with rc_context(RC):
        idea().savefig(root / PICTURE, dpi=160, metadata={"Software": None})


if __name__ == "__main__":
    main()
