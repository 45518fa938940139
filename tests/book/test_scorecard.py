"""reco_book.scorecard: verdicts from made-up records, and every number of the recorded ones computed another way."""

import json
import math

import numpy as np
import pytest
from scipy import stats
from shared import put_run

from reco_book import RESULTS
from reco_book.plan import data_set, plan
from reco_book.scorecard import holm, label_gap, merged_miou, p_value, scorecard
from reco_book.seeds import Summary

BENCH = data_set("toyscapes")


def judged(results, key, name="toyscapes"):
    return next(one for one in scorecard(results) if (one.claim.key, one.data.name) == (key, name))


def test_holm_by_hand():
    """0.01 x 4, 0.02 x 3, 0.03 x 2 = 0.06 (not below the one before), 0.5 x 1."""
    assert holm([0.03, 0.5, 0.01, 0.02]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_p_values_are_of_students_test():
    values = (1.0, 2.0, 3.0)
    assert p_value(Summary(values)) == pytest.approx(2 * stats.t.sf(2 / (1 / math.sqrt(3)), 2))
    assert p_value(Summary((1.0,))) == p_value(Summary(())) == 1.0


@pytest.fixture
def results(tmp_path):
    """All gates hold; ClassMix is 5 points ahead of supervised, give or take a tenth."""
    for seed in BENCH.seeds:
        put_run(tmp_path, "toyscapes/20/supervised", 0.42, seed)
        put_run(tmp_path, "toyscapes/20-twice/supervised", 0.42, seed)
        put_run(tmp_path, "toyscapes/20/classmix", 0.47 + 0.001 * (seed % 2), seed, confusion=INSIDE)
        put_run(tmp_path, "toyscapes/20-twice/classmix", 0.47, seed)
        put_run(tmp_path, "toyscapes/all/supervised", 0.67, seed)
    return tmp_path


SIBLING = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 7: 8, 8: 7}
INSIDE = tuple(
    tuple(100 if row == column else 50 if SIBLING.get(row) == column else 0 for column in range(9)) for row in range(9)
)


def test_verdicts(results):
    found = judged(results, "P1")
    assert found.verdict == "supports" and found.gain.mean == pytest.approx(5.05)
    assert found.share == pytest.approx(100 * 5.05 / 25) and label_gap(BENCH, results) == pytest.approx(25)
    assert judged(results, "P2").verdict == "0 of 10 seeds" and judged(results, "P2").adjusted == 1.0
    for seed in BENCH.seeds:
        put_run(results, "toyscapes/20/reco+classmix", 0.45, seed, confusion=INSIDE)
        put_run(results, "toyscapes/fig7e/random+uniform", 0.45 + 0.01 * (-1) ** seed, seed)
    assert judged(results, "P2").verdict == "contradicts"
    assert judged(results, "P4").verdict == "inconclusive"
    put_run(results, "toyscapes/20/reco+classmix", 0.45, 11, confusion=INSIDE)
    assert len(judged(results, "P2").gain.values) == 10, "a seed that was not planned does not count"


def test_where_a_gate_fails_nothing_can_be_tested(results):
    for seed in BENCH.seeds:
        put_run(results, "toyscapes/20-twice/classmix", 0.40, seed)
    assert judged(results, "P1").verdict == "cannot test here"


def test_merged_classes_are_one(results):
    from reco_book.recorded import recipe_records

    record = recipe_records("toyscapes/20/classmix", results)[1]
    assert merged_miou(record, BENCH.confusable) == pytest.approx(100)
    assert merged_miou(record, ()) == pytest.approx(100 * (1 + 8 * 100 / 200) / 9)


def lines(group):
    path = RESULTS / f"{group}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def plain(claim, data, name):
    """Seed -> the number of a claim, from the JSON lines alone."""
    found, recipe = {}, data.recipe(name)
    wanted = {"toyscapes/20/reco+classmix": ("toyscapes/20/reco+classmix",)}.get(recipe, (recipe,))
    if claim.measure == "boundary":
        for line in lines(f"evaluations/{recipe.rpartition('/')[0]}"):
            if line["about"]["recipe"] in wanted and line["about"]["seed"] in data.seeds:
                found[line["about"]["seed"]] = 100 * (line["trimap"]["2"] - line["interior"]["2"])
        return found
    for line in lines(recipe.rpartition("/")[0]):
        seed = line["about"]["seed"]
        if line["about"]["recipe"] not in wanted or seed not in data.seeds:
            continue
        scores = line["test"] or line["val"]
        found[seed] = 100 * scores["miou"]
        if claim.measure == "confusable":
            counts, names = scores["confusion"], line["classes"]
            groups = [[names.index(one) for one in group] for group in data.confusable]
            groups += [[index] for index in range(len(names)) if not any(index in group for group in groups)]
            iou = []
            for group in groups:
                true = sum(sum(counts[one]) for one in group)
                predicted = sum(row[one] for row in counts for one in group)
                both = sum(counts[one][other] for one in group for other in group)
                iou.append(both / (true + predicted - both))
            found[seed] -= 100 * sum(iou) / len(iou)
    return found


def test_every_number_of_the_scorecard_is_that_of_the_records():
    """Plain loops over the JSON lines, and SciPy's paired test."""
    raw, found = {}, scorecard()
    assert len(found) == len(plan().claims) * len(plan().sets)
    for one in found:
        ours, base = (plain(one.claim, one.data, name) for name in (one.claim.ours, one.claim.base))
        seeds = sorted(set(ours) & set(base))
        assert one.gain.values == pytest.approx([ours[seed] - base[seed] for seed in seeds], abs=1e-6)
        whole = len(seeds) == len(one.data.seeds)
        test = stats.ttest_rel(*([side[seed] for seed in seeds] for side in (ours, base))) if whole else None
        raw[one.claim.key, one.data.name] = 1.0 if test is None else float(test.pvalue)
    for one in found:
        own = raw[one.claim.key, one.data.name]
        smaller = [value for value in raw.values() if value < own]
        steps = [(len(raw) - sorted(raw.values()).index(value)) * value for value in (*smaller, own)]
        assert one.adjusted == pytest.approx(min(1.0, max(steps))), one.claim.key
        if np.isfinite(one.gain.mean) and len(one.gain.values) == len(one.data.seeds):
            said = {"supports": one.gain.mean > 0 and one.adjusted < 0.05, "inconclusive": one.adjusted >= 0.05,
                    "contradicts": one.gain.mean < 0 and one.adjusted < 0.05, "cannot test here": True}  # fmt: skip
            assert said[one.verdict]
