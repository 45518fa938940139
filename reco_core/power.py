"""How many seeds a claim needs: the power of Student's t test on differences paired by seed.

The paper reports means of three runs (Table 1). Whether three are enough depends on the gain and on the spread of the
differences (:eq:`eq-power`): the mean of n of them over its standard error follows a noncentral t distribution with
n - 1 degrees of freedom and noncentrality gain / sd * sqrt(n).
"""

import math

from scipy import stats

from reco_core.errors import InputError

MOST_SEEDS = 100_000


def paired_spread(sd: float, correlation: float = 0.0) -> float:
    """Standard deviation of the difference of two scores that spread alike: sd sqrt(2 (1 - correlation)).

    Args:
        sd: of either score over seeds.
        correlation: of the two over seeds; runs that share labelled images and first weights have some.

    Raises:
        InputError: a correlation outside [-1, 1).
    """
    if not -1 <= correlation < 1:
        raise InputError(f"correlation {correlation} is out of range: give one from -1 to below 1")
    return sd * math.sqrt(2 * (1 - correlation))


def power(gain: float, sd: float, seeds: int, level: float = 0.95) -> float:
    """Probability that the interval of the mean difference keeps clear of zero on the side of the gain.

    Args:
        gain: the true mean difference; its sign does not matter.
        sd: standard deviation of the differences over seeds.
        seeds: how many, 2 or more.
        level: of the interval.

    Raises:
        InputError: fewer than two seeds, no spread, or a level outside (0, 1).
    """
    if seeds < 2 or not sd > 0 or not 0 < level < 1:
        raise InputError(f"power of {seeds} seeds, sd {sd}, level {level}: give 2 seeds or more, sd > 0, 0 < level < 1")
    critical = stats.t.ppf(0.5 + level / 2, seeds - 1)
    return float(stats.nct.sf(critical, seeds - 1, abs(gain) / sd * math.sqrt(seeds)))


def seeds_needed(gain: float, sd: float, wanted: float = 0.8, level: float = 0.95) -> int:
    """The least number of seeds with which the gain would be seen in so large a share of attempts.

    Args:
        gain, sd, level: as in `power`.
        wanted: power, 0.8 by custom.

    Raises:
        InputError: more than 100,000 would be needed, as for a gain of zero.
    """
    low, high = 1, 2
    while power(gain, sd, high, level) < wanted:
        low, high = high, 2 * high
        if high > MOST_SEEDS:
            raise InputError(f"a gain of {gain} with sd {sd} takes more than {MOST_SEEDS} seeds: it cannot be seen")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(gain, sd, middle, level) >= wanted else (middle, high)
    return high
