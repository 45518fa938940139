"""The primary claims of results/plan.toml, judged by recorded runs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from reco_book import RESULTS
from reco_book.gates import gates
from reco_book.plan import Claim, DataSet, papers_gain, plan
from reco_book.recorded import boundary_scores, recipe_records
from reco_book.seeds import Summary, paired_difference
from reco_book.tables import markdown, with_interval
from reco_core.methods import METHOD_NAMES
from reco_core.runs.records import Record

WIDTH = "2"
"""Pixels from a boundary between classes within which a pixel counts as near it."""


class Judged(NamedTuple):
    """A claim on a data set, and what its runs say."""

    claim: Claim
    data: DataSet
    gain: Summary
    """Ours minus base, points, paired over the planned seeds that are recorded."""
    adjusted: float
    """p value after Holm's correction over all planned tests; 1 without runs."""
    verdict: str
    """supports, contradicts, inconclusive, cannot test here (a gate fails), or how many seeds are recorded."""
    share: float
    """The gain as a share of the label gap, percent; NaN where it is not mIoU that is compared, or no gap is known."""
    paper: float | None
    """The paper's own difference on its own data set."""


def merged_miou(record: Record, groups: Sequence[Sequence[str]]) -> float:
    """Test mIoU in percent where the classes of each group count as one class."""
    counts = np.array(record.scores.confusion, dtype=float)
    names = list(record.classes)
    own = {name: index for index, group in enumerate(groups) for name in group}
    place = [own.get(name, len(groups) + index) for index, name in enumerate(names)]
    kept = sorted(set(place))
    merge = np.array([[float(one == group) for one in place] for group in kept])
    merged = merge @ counts @ merge.T
    union = merged.sum(axis=0) + merged.sum(axis=1) - merged.diagonal()
    return float(100 * np.mean(merged.diagonal()[union > 0] / union[union > 0]))


def measured(claim: Claim, data: DataSet, name: str, results: Path = RESULTS) -> dict[int, float]:
    """Seed -> the number that a claim compares, percent, of a recipe's runs with the planned seeds."""
    recipe = data.recipe(name)
    if claim.measure == "boundary":
        lines = boundary_scores(recipe, results)
        found = {seed: 100 * (line.trimap[WIDTH] - line.interior[WIDTH]) for seed, line in lines.items()}
    else:
        runs = recipe_records(recipe, results)
        merged = claim.measure == "confusable"
        found = {
            seed: record.miou() - (merged_miou(record, data.confusable) if merged else 0.0)
            for seed, record in runs.items()
        }
    return {seed: value for seed, value in found.items() if seed in data.seeds}


def p_value(differences: Summary) -> float:
    """Of Student's t test of a mean of zero, two-sided; 1 below two values."""
    if len(differences.values) < 2:
        return 1.0
    return float(stats.ttest_1samp(differences.values, 0.0).pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """p values, adjusted so that the chance of any false verdict stays at the level (Holm, 1979)."""
    adjusted, worst = [0.0] * len(values), 0.0
    for rank, index in enumerate(np.argsort(values, kind="stable")):
        worst = max(worst, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = worst
    return adjusted


def label_gap(data: DataSet, results: Path = RESULTS) -> float:
    """Supervised with all labels minus supervised with few, points of mIoU, over the seeds of both; NaN without."""
    every, few = (recipe_records(f"{group}/supervised", results) for group in (data.every, data.few))
    return paired_difference(*({seed: one.miou() for seed, one in runs.items()} for runs in (every, few))).mean


def scorecard(results: Path = RESULTS) -> list[Judged]:
    """Every claim on every data set of the plan."""
    asked = [(claim, data) for data in plan().sets for claim in plan().claims]
    gains = [
        paired_difference(*(measured(claim, data, name, results) for name in (claim.ours, claim.base)))
        for claim, data in asked
    ]
    complete = [len(gain.values) == len(data.seeds) for gain, (_, data) in zip(gains, asked, strict=True)]
    adjusted = holm([p_value(gain) if whole else 1.0 for gain, whole in zip(gains, complete, strict=True)])
    testable = {data.name: all(gate.holds for gate in gates(data, results)) for data in plan().sets}
    judged = []
    for (claim, data), gain, p, whole in zip(asked, gains, adjusted, complete, strict=True):
        said = _verdict(gain, p) if whole else f"{len(gain.values)} of {len(data.seeds)} seeds"
        if whole and not testable[data.name]:
            said = "cannot test here"
        share = 100 * gain.mean / label_gap(data, results) if claim.measure == "miou" else math.nan
        judged.append(Judged(claim, data, gain, p, said, share, papers_gain(claim, data)))
    return judged


def _verdict(gain: Summary, adjusted: float) -> str:
    if adjusted >= 1 - plan().level:
        return "inconclusive"
    return "supports" if gain.mean > 0 else "contradicts"


def claims_table(found: Sequence[Judged]) -> str:
    """A Markdown table of the claims that have runs, one a row; those that have none are a row for each data set."""
    rows = []
    for data in dict.fromkeys(one.data.name for one in found):
        own = [one for one in found if one.data.name == data]
        begun = [one for one in own if one.gain.values]
        for one in begun:
            ours, base = (METHOD_NAMES.get(name, name.rpartition("/")[2]) for name in (one.claim.ours, one.claim.base))
            share = "–" if math.isnan(one.share) else f"{one.share:.0f} %"
            text = f"{one.claim.text} ({ours} − {base}), {data}"
            rows.append([text, with_interval(one.gain), share, f"**{one.verdict}**", _points(one.paper)])
        if len(begun) < len(own):
            rows.append([f"{'the other' if begun else 'all'} claims, {data}", "–", "–", "planned", "–"])
    return markdown(["Claim", "difference, points", "share of the label gap", "verdict", "paper"], rows)


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
