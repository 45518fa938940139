"""reco_book.seeds: means, spreads and paired differences over seeds."""

import math

import pytest

from reco_book.seeds import Summary, paired_difference, summarise


def test_mean_spread_and_interval_by_hand():
    """Values 1, 2, 3: mean 2, sd 1, t(0.975, 2 degrees) = 4.303, interval 2 +- 4.303 / sqrt(3)."""
    summary = Summary((1.0, 2.0, 3.0))
    assert summary.mean == 2 and summary.sd == 1
    assert summary.interval() == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)
    assert math.isnan(Summary((1.0, math.nan)).sd)
    assert math.isnan(Summary((1.0,)).sd) and math.isnan(Summary(()).mean) and math.isnan(Summary((1.0,)).interval()[0])


def test_differences_are_paired_by_seed():
    first, second = {0: 50.0, 1: 70.0}, {1: 60.0, 0: 45.0, 2: 90.0}
    assert summarise(second).values == (45, 60, 90)
    assert paired_difference(first, second).values == (5, 10), "seed 2 has no partner"
