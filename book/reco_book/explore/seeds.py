"""How many seeds? Simulated experiments, their t intervals, power and false alarms (:eq:`eq-power`)."""

import math
import statistics
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from IPython.display import HTML
from scipy import stats

from reco_book.explore.shell import explorable, mark, svg, words
from reco_book.power import paired_power

MOST_SEEDS = 30
"""Of the slider."""
SEARCHED = 200
"""Up to so many seeds the page looks for a power of 80 %."""
FIRST_LOOK = 3
"""Seeds after which an experiment that stops when significant first looks."""
SEED = 1
CRITICAL = np.asarray(stats.t.ppf(0.975, np.arange(1, SEARCHED)))
"""Half a 95 % interval's width in standard errors, for 2 to `SEARCHED` seeds."""
WORD = 0xFFFFFFFF


def uniforms(seed: int) -> Iterator[float]:
    """The page's random numbers in [0, 1): mulberry32."""
    while True:
        seed = (seed + 0x6D2B79F5) & WORD
        mixed = ((seed ^ (seed >> 15)) * (seed | 1)) & WORD
        mixed ^= (mixed + (((mixed ^ (mixed >> 7)) * (mixed | 61)) & WORD)) & WORD
        yield (mixed ^ (mixed >> 14)) / 2**32


def normals(source: Iterator[float]) -> Iterator[float]:
    """Standard normal numbers by Box and Muller, each from two uniform ones."""
    while True:
        radius = math.sqrt(-2 * math.log(1 - next(source)))
        yield radius * math.cos(2 * math.pi * next(source))


class Interval(NamedTuple):
    """The 95 % t interval of the mean difference."""

    mean: float
    half: float
    used: int
    """Seeds that it is of."""

    @property
    def verdict(self) -> int:
        """1 above zero, -1 below zero, 0 includes zero."""
        return int(self.mean - self.half > 0) - int(self.mean + self.half < 0)


def experiment(differences: list[float], stop: bool = False) -> Interval:
    """The interval of paired differences; with `stop`, of as many as were run when it first excluded zero."""
    looks = range(min(FIRST_LOOK, len(differences)), len(differences) + 1) if stop else [len(differences)]
    for used in looks:
        some = differences[:used]
        half = float(CRITICAL[used - 2]) * statistics.stdev(some) / math.sqrt(used)
        found = Interval(statistics.fmean(some), half, used)
        if found.verdict:
            break
    return found


class Tally(NamedTuple):
    """What many experiments show."""

    power: int
    """Experiments with a gain whose interval lies above zero."""
    alarms: int
    """Experiments without a gain whose interval excludes zero."""
    shown_gain: float
    """Mean gain that the significant experiments report; NaN without one."""


def simulate(
    count: int, gain: float, spread: float, seeds: int, stop: bool = False, noise: Iterator[float] | None = None
) -> Tally:
    """Run experiments in two worlds, with the gain and without, on the same noise.

    Args:
        count: experiments.
        gain, spread: true mean and standard deviation of the paired differences, points.
        seeds: of each experiment, at most.
        stop: when the interval excludes zero.
        noise: standard normal numbers; by default the page's.
    """
    noise = normals(uniforms(SEED)) if noise is None else noise
    power, alarms, shown = 0, 0, []
    for _ in range(count):
        draws = [next(noise) for _ in range(seeds)]
        real = experiment([gain + spread * draw for draw in draws], stop)
        alarms += abs(experiment([spread * draw for draw in draws], stop).verdict)
        power += real.verdict == 1
        shown += [real.mean] if real.verdict == 1 else []
    return Tally(power, alarms, float(np.mean(shown)) if shown else float("nan"))


def how_many_seeds(gain: float = 1.0, spread: float = 1.0, seeds: int = 3) -> HTML:
    """Simulated experiments with their 95 % t intervals; power and false alarms are counted.

    Args:
        gain, spread: first values of the true gain and of the standard deviation of the paired differences, points.
        seeds: first number of seeds; three is the paper's.
    """
    power = paired_power(gain, spread, seeds)
    caption = (
        f"Twelve simulated experiments with a true gain of {gain:.1f} points, a spread of {spread:.1f} and {seeds}"
        f" seeds: dots are seeds, lines 95 % t intervals. In the long run {100 * power:.0f} % of the intervals lie"
        " above zero (blue)."
    )
    data = {
        "gain": gain, "spread": spread, "seeds": seeds, "critical": CRITICAL.round(6),
        "most": MOST_SEEDS, "look": FIRST_LOOK, "seed": SEED,
    }  # fmt: skip
    return explorable(
        "seeds", "How many seeds?", "Each experiment trains both methods with a few seeds. What does it conclude?",
        _picture(gain, spread, seeds), caption, data,
    )  # fmt: skip


def _picture(gain: float, spread: float, seeds: int) -> str:
    noise = normals(uniforms(SEED))
    middle, unit = 320 - 30 * gain, 60.0 / max(spread, 0.5)
    parts = [mark("line", x1=middle, y1=0, x2=middle, y2=250, style="stroke:var(--ink);stroke-width:1.5")]
    for row in range(12):
        values = [gain + spread * next(noise) for _ in range(seeds)]
        mean, half, _ = found = experiment(values)
        colour, y = ("ignored", "accent", "bad")[found.verdict], 12 + 20 * row
        ends = [min(max(middle + unit * (mean + side * half), 2), 638) for side in (-1, 1)]
        parts.append(mark("line", x1=ends[0], y1=y, x2=ends[1], y2=y, style=f"stroke:var(--{colour});stroke-width:4"))
        for value in values:
            parts.append(mark("circle", cx=middle + unit * value, cy=y, r=3, style="fill:var(--ink)"))
    parts.append(words(middle, 268, "no difference", 13, "middle", "var(--soft)"))
    return svg(640, 275, "Twelve simulated experiments, each with its seeds and its interval", *parts)
