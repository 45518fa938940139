"""Scores over seeds: mean, spread, confidence interval, and differences paired by seed."""

import math
import statistics
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True)
class Summary:
    """Values of several seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean; NaN without values."""
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def sd(self) -> float:
        """Sample standard deviation; NaN below two values, or if one is NaN."""
        if len(self.values) < 2 or any(map(math.isnan, self.values)):  # of which statistics.stdev raises an error
            return math.nan
        return statistics.stdev(self.values)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Student's t confidence interval of the mean (:eq:`eq-t-interval`); NaN below two values."""
        if len(self.values) < 2:
            return math.nan, math.nan
        half = stats.t.ppf(0.5 + level / 2, len(self.values) - 1) * self.sd / math.sqrt(len(self.values))
        return self.mean - half, self.mean + half


def summarise(values: dict[int, float]) -> Summary:
    """Mean and spread over seeds."""
    return Summary(tuple(values[seed] for seed in sorted(values)))


def paired_difference(ours: dict[int, float], theirs: dict[int, float]) -> Summary:
    """Differences ours - theirs over the seeds that both have; a seed fixes split and images, so pairs share them."""
    return Summary(tuple(ours[seed] - theirs[seed] for seed in sorted(set(ours) & set(theirs))))
