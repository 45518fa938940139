"""reco_core.power: against counting, a published table and its own inverse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_core.errors import InputError
from reco_core.power import paired_spread, power, seeds_needed
from reco_core.results import Summary


@pytest.mark.parametrize(("gain", "sd", "seeds"), [(1.0, 1.0, 3), (1.0, 0.5, 5), (0.25, 1.0, 8)])
def test_power_is_the_share_of_attempts_that_see_the_gain(gain, sd, seeds):
    """eq-power: draw differences, take the interval of the book's tables, count those that keep clear of zero."""
    draws = np.random.default_rng(0).normal(gain, sd, (1500, seeds))
    seen = np.mean([Summary(tuple(attempt)).interval()[0] > 0 for attempt in draws])
    expected = power(gain, sd, seeds)
    assert abs(seen - expected) < 4 * math.sqrt(expected * (1 - expected) / 1500)


def test_sample_sizes_of_the_paired_t_test():
    """Cohen's table: effects of 0.2, 0.5 and 0.8 standard deviations take 199, 34 and 15 pairs at power 0.8."""
    assert [seeds_needed(effect, 1.0) for effect in (0.2, 0.5, 0.8)] == [199, 34, 15]
    assert seeds_needed(0.25, 1.7113) == 370, "the gain at 600 labels of VOC with the spread of the published seeds"


@given(st.floats(0.05, 5), st.floats(0.1, 3))
def test_the_least_number_is_the_least(gain, sd):
    found = seeds_needed(gain, sd)
    assert power(gain, sd, found) >= 0.8 and (found == 2 or power(gain, sd, found - 1) < 0.8)
    assert power(-gain, sd, found) == power(gain, sd, found)


def test_pairing():
    assert paired_spread(1.7, 0.5) == pytest.approx(1.7)
    assert paired_spread(1.7) == pytest.approx(1.7 * math.sqrt(2))


@pytest.mark.parametrize(
    "call", [lambda: power(1, 0, 3), lambda: power(1, 1, 1), lambda: power(1, math.nan, 3), lambda: power(1, 1, 3, 1.0),
             lambda: seeds_needed(0.0, 1.0), lambda: paired_spread(1.0, 1.0)],
)  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(InputError):
        call()
