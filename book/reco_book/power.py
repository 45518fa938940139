"""How many seeds a claim needs: the power of Student's t test on differences paired by seed.

The paper reports means of three runs (Table 1). Are three enough? The mean of n differences over its standard error
follows a noncentral t distribution with n - 1 degrees of freedom and noncentrality gain / sd * sqrt(n).
"""

import math
from bisect import bisect_left

from scipy import optimize, stats

from reco_core.errors import InputError

PUBLISHED_RUNS = (73.08, 73.84, 70.57)
"""Mean IoU of three published runs with 600 labels of Pascal VOC: no other spread of the paper's is known."""
MOST_SEEDS = 100_000


def paired_spread(sd: float, correlation: float = 0.0) -> float:
    """Standard deviation of the difference of two scores: sd sqrt(2 (1 - correlation)), :eq:`eq-paired-spread`.

    Args:
        sd: of either score over seeds.
        correlation: of the two over seeds; runs that share labelled images and initialisation have some.

    Raises:
        InputError: no spread, or a correlation outside [-1, 1).
    """
    if not 0 < sd < math.inf or not -1 <= correlation < 1:
        raise InputError(f"sd {sd}, correlation {correlation}: give sd > 0 and a correlation from -1 to below 1")
    return sd * math.sqrt(2 * (1 - correlation))


def paired_power(gain: float, sd: float, seeds: int, level: float = 0.95) -> float:
    """Probability that the interval of the mean difference keeps clear of zero on the gain's side, :eq:`eq-power`.

    Args:
        gain: the true mean difference; its sign does not matter. Without a gain this is half of the false alarms.
        sd, seeds: standard deviation of the differences over seeds, and how many they are, 2 or more.
        level: of the interval (:eq:`eq-t-interval`).

    Raises:
        InputError: fewer than two seeds, no spread, a level outside (0, 1), or a gain that is no number.
    """
    if seeds < 2 or not 0 < sd < math.inf or not 0 < level < 1 or not math.isfinite(gain):
        raise InputError(f"gain {gain}, {seeds} seeds, sd {sd}, level {level}: give 2 seeds, sd > 0, level in (0, 1)")
    critical = stats.t.ppf(0.5 + level / 2, seeds - 1)
    return float(stats.nct.sf(critical, seeds - 1, abs(gain) / sd * math.sqrt(seeds)))


def seeds_needed(gain: float, sd: float, power: float = 0.8, level: float = 0.95) -> int:
    """The least number of seeds with which the gain would be seen in so large a share of attempts.

    Args:
        gain, sd, power, level: as in `paired_power`; a power of 0.8 is custom.

    Raises:
        InputError: a power outside (0, 1), or more than 100,000 seeds, as for a gain of zero.
    """
    if not 0 < power < 1 or gain == 0:
        raise InputError(f"gain {gain}, power {power}: give a gain that is not zero, and 0 < power < 1")
    low, high = 1, 2
    while paired_power(gain, sd, high, level) < power:
        low, high = high, 2 * high
        if high > MOST_SEEDS:
            raise InputError(f"a gain of {gain} with sd {sd} takes more than {MOST_SEEDS} seeds: it cannot be seen")
    counts = range(low + 1, high + 1)
    return counts[bisect_left(counts, power, key=lambda count: paired_power(gain, sd, count, level))]


def detectable_gain(sd: float, seeds: int, power: float = 0.8, level: float = 0.95) -> float:
    """The gain that so many seeds would see in so large a share of attempts.

    Args:
        sd, seeds, power, level: as in `seeds_needed`; no gain at all has a power of (1 - level) / 2.

    Raises:
        InputError: as `paired_power` does, or a power that is out of range.
    """
    if not paired_power(0.0, sd, seeds, level) < power < 1:
        raise InputError(f"power {power} at level {level}: give one above {(1 - level) / 2:.3g} and below 1")
    effect = 1.0
    while paired_power(effect, 1.0, seeds, level) < power:
        effect *= 2
    return sd * optimize.brentq(lambda found: paired_power(found, 1.0, seeds, level) - power, 0.0, effect)


def spread_interval(sd: float, seeds: int, level: float = 0.95) -> tuple[float, float]:
    """Where the true spread may lie, given that of a few seeds: the chi-squared interval.

    Args:
        sd, seeds, level: sample standard deviation, the number of seeds that it is of, and level of the interval.

    Raises:
        InputError: as `paired_power` does.
    """
    paired_power(0.0, sd, seeds, level)  # refuses what is no spread
    high, low = stats.chi2.ppf([0.5 - level / 2, 0.5 + level / 2], seeds - 1)
    return sd * math.sqrt((seeds - 1) / low), sd * math.sqrt((seeds - 1) / high)
