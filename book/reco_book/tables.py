"""Tables drawn from recorded runs: mean, spread and differences paired by seed (Table 1's layout)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from reco_book import dendrograms
from reco_book.evaluations import Evaluation
from reco_book.recorded import MeanScores, near
from reco_book.relations import Relations
from reco_book.seeds import Summary, by_method, miou_percent, paired_difference, summarise
from reco_core.methods import METHOD_NAMES
from reco_core.runs.records import Record


def with_spread(summary: Summary) -> str:
    """Mean and sample standard deviation, "41.20 ± 0.85"; a dash without values, or if one is NaN, that is unknown."""
    if math.isnan(summary.mean):
        return "–"
    spread = "" if math.isnan(summary.sd) else f" ± {summary.sd:.2f}"
    return f"{summary.mean:.2f}{spread}"


def with_interval(summary: Summary, seeds: bool = False) -> str:
    """Mean and 95 % interval of paired differences, "+1.30 [+0.20, +2.40]"; a dash below two, or if one is NaN.

    Args:
        summary: of the differences.
        seeds: adds how many pairs it rests on, ", 3 seeds".
    """
    if len(summary.values) < 2 or math.isnan(summary.mean):
        return "–"
    low, high = summary.interval()
    return f"{summary.mean:+.2f} [{low:+.2f}, {high:+.2f}]" + (f", {len(summary.values)} seeds" if seeds else "")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column left, the others right."""
    lines = [f"| {' | '.join(header)} |", f"|{'|'.join([':--'] + ['--:'] * (len(header) - 1))}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def comparison(records: Sequence[Record], methods: Sequence[str]) -> str:
    """Methods against each other: mean IoU in percent on the test split, last and best, and paired differences.

    Args:
        records: of one data set, number of labels and budget.
        methods: rows, in order; the differences are taken against the first and against the row before.

    Returns:
        A Markdown table; a method without records has dashes.
    """
    last, best = (by_method(records, miou_percent(which)) for which in ("last", "best"))
    first = methods[0]
    header = ["Method", "seeds", "last", "best", f"last − {METHOD_NAMES[first]}", "last − row above"]
    rows = []
    for position, method in enumerate(methods):
        ours = last.get(method, {})
        against = [first, methods[position - 1]] if position else []
        differences = [with_interval(paired_difference(ours, last.get(other, {}))) for other in against] or ["", ""]
        name = METHOD_NAMES.get(method, method)
        scores = [with_spread(summarise(table.get(method, {}))) for table in (last, best)]
        rows.append([name, str(len(ours)), *scores, *differences])
    return markdown(header, rows)


def class_table(records: Sequence[Record], methods: Sequence[str]) -> str:
    """IoU of every class in percent, mean over seeds, last step; a dash where no run saw the class."""
    classes = records[0].classes if records else ()
    rows = []
    for index, name in enumerate(classes):
        row = [name]
        for method in methods:
            values = [r.scores.iou[index] for r in records if r.method == method]
            values = [100 * value for value in values if value is not None]
            row.append(f"{sum(values) / len(values):.1f}" if values else "–")
        rows.append(row)
    return markdown(["Class", *(METHOD_NAMES.get(method, method) for method in methods)], rows)


def relations_comparison(
    found: Mapping[str, Sequence[tuple[Relations, str]]], heights: np.ndarray | None = None
) -> str:
    """What networks make of the classes, mean and spread over seeds: similarity, confusion foretold, tree recovered.

    Args:
        found: row -> (relations, "Z" or "R") of each seed.
        heights: (C, C) of the planted tree, where one is known.
    """
    header = ["Network and place", "seeds", "classes learnt", "mean cosine of different classes",
              "rank correlation with confusion"]  # fmt: skip
    keys: list[str] = []
    if heights is not None:
        by_chance = dendrograms.chance(dendrograms.grow(1 - heights / heights.max()), heights)
        groups = min(int(key.removeprefix("fm ")) for key in by_chance if key.startswith("fm "))
        keys = ["gamma", f"fm {groups}"]
        header += ["Baker's gamma", f"Fowlkes–Mallows, {groups} groups"]
    rows = []
    for name, runs in found.items():
        columns = [
            [relations.mean_similarity(where) for relations, where in runs],
            [relations.predicts_confusion(where) for relations, where in runs],
        ]
        trees = [dendrograms.grow(relations.graphs[where]) for relations, where in runs]
        columns += [[dendrograms.agreement_with(tree, heights)[key] for tree in trees] for key in keys]
        cells = (with_spread(Summary(tuple(values))) for values in columns)
        rows.append([name, str(len(runs)), classes_learnt(runs), *cells])
    if heights is not None:
        cells = ["{:.2f} ({:.2f})".format(*by_chance[key]) for key in keys]
        rows.append(["*chance, mean (95 %)*", "", "", "", "", *cells])
    return markdown(header, rows)


def classes_learnt(runs: Sequence[tuple[Relations, str]]) -> str:
    """How many classes each network has learnt (`Relations.learnt`), fewest to most, "11-13 of 37"."""
    if not runs:
        return "–"
    counts = [len(relations.learnt().classes) for relations, _ in runs]
    least, most = min(counts), max(counts)
    return f"{least if least == most else f'{least}–{most}'} of {len(runs[0][0].classes)}"


def pixels_right(found: Mapping[str, Sequence[tuple[Relations, str]]], classes: Sequence[str]) -> str:
    """Of some classes' pixels, how many each network gets right, percent: mean over seeds, and the best seed's.

    Args:
        found: network -> (relations, "Z" or "R") of each seed.
        classes: rows.
    """
    rows = []
    for name in classes:
        cells = []
        for runs in found.values():
            shares = []
            for relations, _ in runs:
                counts = relations.confusion[relations.classes.index(name)]
                shares.append(100 * counts[relations.classes.index(name)] / max(counts.sum(), 1))
            cells.append(f"{np.mean(shares):.0f} ({max(shares):.0f})" if shares else "–")
        rows.append([name, *cells])
    return markdown(["Pixels right, %: mean (best seed)", *found], rows)


def pair_ranks(found: Mapping[str, Sequence[tuple[Relations, str]]], pairs: Sequence[tuple[str, str]]) -> str:
    """Where pairs of classes stand among all pairs by similarity: the rank of every seed, 1 = the most alike.

    Args:
        found: network and place -> (relations, "Z" or "R") of each seed.
        pairs: of class names.
    """
    rows = []
    for first, second in pairs:
        ranks = [[relations.rank_of(where, first, second) for relations, where in runs] for runs in found.values()]
        rows.append([f"{first} – {second}", *(", ".join(map(str, seeds)) or "–" for seeds in ranks)])
    relations = next((runs[0][0] for runs in found.values() if runs), None)
    total = "" if relations is None else f" of {len(relations.classes) * (len(relations.classes) - 1) // 2}"
    return markdown([f"Rank{total}, seed by seed", *found], rows)


def percent_near(
    scores: Mapping[int, Evaluation | MeanScores], width: str | None = None, kind: str = "trimap"
) -> dict[int, float]:
    """Seed -> mean IoU in percent near boundaries between classes, or of all pixels.

    Args:
        scores: seed -> evaluation, or means of several.
        width: a distance in pixels that was asked for, such as "4"; None: all pixels.
        kind: "trimap" or "boundary" (see `analysis/boundaries.py`).
    """
    means = {seed: near(one) if isinstance(one, Evaluation) else one for seed, one in scores.items()}
    if width is None:
        return {seed: 100 * one.miou for seed, one in means.items()}
    return {seed: 100 * (one.trimap if kind == "trimap" else one.boundary)[width] for seed, one in means.items()}


def near_boundaries(
    title: str,
    pairs: Mapping[str, Sequence[Mapping[int, Evaluation | MeanScores]]],
    widths: Sequence[str] = ("1", "2", "4", "8"),
    kind: str = "trimap",
) -> str:
    """How much higher one network scores near borders than another, paired by seed, points with 95 % intervals.

    Args:
        title: what the rows differ by, for the first column.
        pairs: setting -> ours and theirs, each as for `percent_near`.
        widths: distances from a border, pixels.
        kind: "trimap" or "boundary".
    """
    rows = []
    for setting, both in pairs.items():
        gaps = [paired_difference(*(percent_near(one, width, kind) for one in both)) for width in (None, *widths)]
        rows.append([setting, str(len(gaps[0].values)), *map(with_interval, gaps)])
    score = {"trimap": "trimap IoU", "boundary": "Boundary IoU"}[kind]
    header = [f"{title}, {score}", "seeds", "IoU, all pixels", *(f"within {width} px" for width in widths)]
    return markdown(header, rows)
