"""Many runs, one after another; several processes with the same command share the work.

A run with a record is skipped, one that another process is at is left to it, one with a checkpoint goes on from it, and
one that fails stops no other.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from reco_core.config import TrainConfig
from reco_core.errors import InUse
from reco_core.runs.recipes import Preset


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep."""

    options: TrainConfig
    folder: Path
    """Of its checkpoints."""
    recipe: str
    preset: Preset

    @property
    def title(self) -> str:
        """What the progress calls it."""
        return f"{self.recipe}-seed{self.options.seed}"


def sweep(
    runs: Sequence[SweepRun], train: Callable[[SweepRun], None], is_recorded: Callable[[SweepRun], bool],
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:  # fmt: skip
    """Train what has no record yet.

    Args:
        runs: the runs.
        train: trains one and records it; raises `InUse` if another process is at it.
        is_recorded: whether there is a record of a run; asked again right before it would be trained.
        tell: hears a line before and after each run.

    Returns:
        Title of each failed run -> its error, a line.
    """
    open_runs = [run for run in runs if not is_recorded(run)]
    left = sum(run.options.optimisation.iterations for run in open_runs)
    tell(f"{len(runs)} runs, {len(open_runs)} of them to do: {left:,} steps")
    failed: dict[str, str] = {}
    done, started = 0, time.monotonic()
    for number, run in enumerate(open_runs, 1):
        place, steps = f"[{number}/{len(open_runs)}] {run.title}", run.options.optimisation.iterations
        left -= steps
        try:
            if is_recorded(run):
                tell(f"{place} is recorded meanwhile")
                continue
            tell(f"{place} ...")
            train(run)
        except InUse:
            tell(f"{place} is left to the process that is at it")
        except Exception as error:  # whatever it is, the other runs go on
            failed[run.title] = " ".join(str(error).split()) or type(error).__name__
            tell(f"{place} FAILED: {failed[run.title]}")
        else:
            done += steps  # runs of a method take about the same time a step; most that fail do so at once
            pace = (time.monotonic() - started) / done
            tell(f"{place} is done" + (f"; about {tqdm.format_interval(pace * left)} left" if left else ""))
    return failed
