"""reco_book.seeds: means, spreads and paired differences over seeds."""

import math
from dataclasses import replace

import pytest

from reco_book import RESULTS
from reco_book.seeds import Summary, by_method, miou_percent, paired_difference, summarise
from reco_core.errors import InputError
from reco_core.runs.records import load_records

REAL = load_records(RESULTS / "small" / "camvid" / "20.jsonl")[0]


def record(method, seed, miou):
    """A recorded run, as if it were of another method and seed, with another score."""
    return replace(REAL, about=replace(REAL.about, method=method, seed=seed), test=replace(REAL.test, miou=miou))


def test_mean_spread_and_interval_by_hand():
    """Values 1, 2, 3: mean 2, sd 1, t(0.975, 2 degrees) = 4.303, interval 2 +- 4.303 / sqrt(3)."""
    summary = Summary((1.0, 2.0, 3.0))
    assert summary.mean == 2 and summary.sd == 1
    assert summary.interval() == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)
    assert math.isnan(Summary((1.0, math.nan)).sd)
    assert math.isnan(Summary((1.0,)).sd) and math.isnan(Summary(()).mean) and math.isnan(Summary((1.0,)).interval()[0])


def test_differences_are_paired_by_seed():
    records = [record("a", 0, 0.5), record("a", 1, 0.7), record("b", 1, 0.6), record("b", 0, 0.45), record("b", 2, 0.9)]
    table = by_method(records, miou_percent())
    assert summarise(table["b"]).values == pytest.approx((45, 60, 90))
    assert paired_difference(table["a"], table["b"]).values == pytest.approx((5, 10)), "seed 2 has no partner"


def test_two_records_of_one_run_are_refused():
    with pytest.raises(InputError, match="two records of 'a' with seed 0"):
        by_method([record("a", 0, 0.5), record("a", 0, 0.6)], miou_percent())


def test_last_and_best_are_told_apart():
    last = replace(record("a", 0, 0.5), best=replace(REAL.best, step=1, test_miou=0.6))
    assert miou_percent("best")(last) == pytest.approx(60)
    assert miou_percent("last")(last) == pytest.approx(50)
