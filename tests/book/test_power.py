"""reco_book.power: against counting, published tables and its own inverses."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_book.power import PUBLISHED_RUNS, detectable_gain, paired_power, paired_spread, seeds_needed, spread_interval
from reco_book.seeds import Summary
from reco_core.errors import InputError

EFFECTS, SPREADS, SEEDS = st.floats(0.05, 5), st.floats(0.1, 3), st.integers(2, 200)


def test_the_interval_by_hand():
    """:eq:`eq-t-interval` with the tabulated t of 2 and 4 degrees of freedom, 4.303 and 2.776."""
    for values, critical in (((0.0, 1.0, 5.0), 4.303), ((1.0, 2.0, 3.0, 4.0, 5.0), 2.776)):
        mean = sum(values) / len(values)
        sd = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
        half = critical * sd / math.sqrt(len(values))
        assert Summary(values).interval() == pytest.approx((mean - half, mean + half), abs=2e-3)


@pytest.mark.parametrize(("gain", "sd", "seeds"), [(1.0, 1.0, 3), (1.0, 0.5, 5), (0.25, 1.0, 8)])
def test_power_is_the_share_of_attempts_that_see_the_gain(gain, sd, seeds):
    """:eq:`eq-power`: draw differences, take the interval of the book's tables, count those clear of zero."""
    draws = np.random.default_rng(0).normal(gain, sd, (1500, seeds))
    seen = np.mean([Summary(tuple(attempt)).interval()[0] > 0 for attempt in draws])
    expected = paired_power(gain, sd, seeds)
    assert abs(seen - expected) < 4 * math.sqrt(expected * (1 - expected) / 1500)


def test_sample_sizes_of_the_paired_t_test():
    """Cohen's table: effects of 0.2, 0.5 and 0.8 standard deviations take 199, 34 and 15 pairs at power 0.8."""
    assert [seeds_needed(effect, 1.0) for effect in (0.2, 0.5, 0.8)] == [199, 34, 15]
    assert [seeds_needed(effect, 1.0, power=0.9) for effect in (0.2, 0.5, 0.8)] == [265, 44, 19]


def test_the_gain_at_600_labels_of_voc():
    sd = Summary(PUBLISHED_RUNS).sd
    assert sd == pytest.approx(1.711, abs=1e-3) and Summary(PUBLISHED_RUNS).mean == pytest.approx(72.50, abs=0.005)
    assert seeds_needed(0.25, paired_spread(sd)) == 738 and seeds_needed(0.25, paired_spread(sd, 0.5)) == 370
    assert detectable_gain(paired_spread(sd, 0.5), 3) > 4.25, "more than any gain over ClassMix in Table 1"


def test_without_a_gain_only_false_alarms_are_seen():
    for seeds in (2, 3, 30):
        assert paired_power(0.0, 1.0, seeds) == pytest.approx(0.025)
        assert paired_power(0.0, 1.0, seeds, level=0.9) == pytest.approx(0.05)


def test_power_of_two_seeds_by_integration():
    """A noncentral t with one degree of freedom is a ratio: integrate P(z > t |y|) over the normal y."""
    ends = np.linspace(0, 12, 8_001)
    y = (ends[1:] + ends[:-1]) / 2
    density = 2 * np.exp(-(y**2) / 2) / math.sqrt(2 * math.pi)
    for effect in (0.5, 3.0, 20.0):
        tail = np.array([0.5 * math.erfc((12.7062 * value - effect * math.sqrt(2)) / math.sqrt(2)) for value in y])
        assert paired_power(effect, 1.0, 2) == pytest.approx(float((tail * density).sum() * (y[1] - y[0])), abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(EFFECTS, SPREADS, SEEDS)
def test_more_gain_more_seeds_and_less_spread_give_more_power(gain, sd, seeds):
    power = paired_power(gain, sd, seeds)
    assert 0.025 <= power <= 1
    for more in (paired_power(1.1 * gain, sd, seeds), paired_power(gain, 0.9 * sd, seeds),
                 paired_power(gain, sd, seeds + 1), paired_power(gain, sd, seeds, level=0.9)):  # fmt: skip
        assert more >= power - 1e-9


@settings(max_examples=25, deadline=None)
@given(EFFECTS, SPREADS)
def test_the_least_number_is_the_least(gain, sd):
    found = seeds_needed(gain, sd)
    assert paired_power(gain, sd, found) >= 0.8 and (found == 2 or paired_power(gain, sd, found - 1) < 0.8)
    assert seeds_needed(-gain, sd) == found


@settings(max_examples=25, deadline=None)
@given(SPREADS, SEEDS, st.floats(0.1, 0.99))
def test_the_detectable_gain_is_detected(sd, seeds, power):
    gain = detectable_gain(sd, seeds, power)
    assert paired_power(gain, sd, seeds) == pytest.approx(power, abs=1e-6)
    assert seeds_needed(1.001 * gain, sd, power) <= seeds < seeds_needed(0.999 * gain, sd, power) + (seeds == 2)


def test_pairing():
    """:eq:`eq-paired-spread`, against correlated draws."""
    assert paired_spread(1.7, 0.5) == pytest.approx(1.7)
    assert paired_spread(1.7) == pytest.approx(1.7 * math.sqrt(2)) and paired_spread(1.7, -1) == pytest.approx(3.4)
    ours, theirs = np.random.default_rng(0).multivariate_normal([0, 0], [[4, 3], [3, 4]], 100_000).T
    assert (ours - theirs).std() == pytest.approx(paired_spread(2.0, 0.75), rel=0.01)


def test_how_well_a_spread_is_known():
    """Tabulated chi-squared quantiles of 2 degrees of freedom: 0.0506 and 7.378."""
    assert spread_interval(1.0, 3) == pytest.approx((math.sqrt(2 / 7.378), math.sqrt(2 / 0.0506)), rel=1e-3)
    draws = np.random.default_rng(0).normal(0, 2.0, (1000, 5)).std(axis=1, ddof=1)
    ends = np.array([spread_interval(sd, 5) for sd in draws])
    assert np.mean((ends[:, 0] < 2) & (ends[:, 1] > 2)) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize(
    "call",
    [lambda: paired_power(1, 0, 3), lambda: paired_power(1, -1, 3), lambda: paired_power(1, 1, 1),
     lambda: paired_power(1, math.nan, 3), lambda: paired_power(math.nan, 1, 3), lambda: paired_power(1, 1, 3, 1.0),
     lambda: seeds_needed(0.0, 1.0), lambda: seeds_needed(1e-6, 1.0), lambda: seeds_needed(1.0, 1.0, power=1.0),
     lambda: seeds_needed(math.nan, 1.0), lambda: detectable_gain(0.0, 3), lambda: detectable_gain(1.0, 1),
     lambda: detectable_gain(1.0, 3, power=0.02), lambda: detectable_gain(1.0, 3, power=1.0),
     lambda: paired_spread(1.0, 1.0), lambda: paired_spread(0.0), lambda: spread_interval(1.0, 1),
     lambda: spread_interval(0.0, 3)],
)  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(InputError):
        call()
