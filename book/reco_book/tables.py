"""Markdown tables: means with their spread, differences with their interval."""

import math
from collections.abc import Sequence

from reco_book.seeds import Summary


def with_spread(summary: Summary) -> str:
    """Mean and sample standard deviation, "41.20 ± 0.85"; a dash without values, or if one is NaN, that is unknown."""
    if math.isnan(summary.mean):
        return "–"
    spread = "" if math.isnan(summary.sd) else f" ± {summary.sd:.2f}"
    return f"{summary.mean:.2f}{spread}"


def with_interval(summary: Summary, seeds: bool = False) -> str:
    """Mean and 95 % interval of paired differences, "+1.30 [+0.20, +2.40]"; a dash below two, or if one is NaN.

    Args:
        summary: of the differences.
        seeds: adds how many pairs it rests on, ", 3 seeds".
    """
    if len(summary.values) < 2 or math.isnan(summary.mean):
        return "–"
    low, high = summary.interval()
    return f"{summary.mean:+.2f} [{low:+.2f}, {high:+.2f}]" + (f", {len(summary.values)} seeds" if seeds else "")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column left, the others right."""
    lines = [f"| {' | '.join(header)} |", f"|{'|'.join([':--'] + ['--:'] * (len(header) - 1))}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
