"""Many runs: one after another, or several at once on an existing engine, Ray (one machine or a cluster).

A run with a record is skipped, one with a checkpoint goes on from it, and one that fails stops no other.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.runs.recipes import Preset


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep."""

    options: TrainConfig
    folder: Path
    """Of its checkpoints."""
    recipe: str
    preset: Preset
    is_recorded: bool
    """Whether there is a record of it: then it is done."""

    @property
    def title(self) -> str:
        """What the progress calls it."""
        return f"{self.recipe}-seed{self.options.seed}"


Train = Callable[[SweepRun], None]


def sweep(
    runs: Sequence[SweepRun],
    train: Train,
    engine: str = "sequential",
    cpus_per_run: float = 1,
    gpus_per_run: float = 0,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Train what has no record yet.

    Args:
        runs: the runs.
        train: trains one and records it.
        engine: "sequential" or "ray".
        cpus_per_run, gpus_per_run: what Ray sets aside for each.
        tell: hears a line before and after each run.

    Returns:
        Title of each failed run -> its error, a line.

    Raises:
        InputError: Ray is asked for and not installed, or an unknown engine.
    """
    if engine not in ("sequential", "ray"):
        raise InputError(f"engine {engine!r} is not one of sequential, ray")
    open_runs = [run for run in runs if not run.is_recorded]
    for run in runs:
        if run.is_recorded:
            tell(f"{run.title} is recorded")
    progress = Progress(open_runs, len(runs), tell)
    if engine == "ray":
        _with_ray(open_runs, train, cpus_per_run, gpus_per_run, progress.ended)
    else:
        for run in open_runs:
            tell(f"{run.title} ...")
            progress.ended(run, _error_of(train, run))
    return progress.failed


class Progress:
    """Counts runs and steps, and tells how long the rest will take."""

    def __init__(self, open_runs: Sequence[SweepRun], total: int, tell: Callable[[str], None]) -> None:
        self.total, self.done, self.tell = total, total - len(open_runs), tell
        self.steps = sum(run.options.optimisation.iterations for run in open_runs)
        self.steps_done, self.started = 0, time.monotonic()
        self.failed: dict[str, str] = {}
        tell(f"{total} runs, {len(open_runs)} of them to do: {self.steps:,} steps")

    def ended(self, run: SweepRun, error: Exception | None) -> None:
        """Take note of a run that ended, well or with an error."""
        said = run.title
        if error is None:
            self.done += 1
            self.steps_done += run.options.optimisation.iterations
        else:  # most fail at once: its steps say nothing of how long the others' will take
            self.steps -= run.options.optimisation.iterations
            self.failed[run.title] = " ".join(str(error).split()) or type(error).__name__
            said += f": FAILED: {self.failed[run.title]}"
        left = self.steps - self.steps_done  # of runs that have not ended; those of a method take about the same time
        if left and self.steps_done:
            said += f"; about {duration((time.monotonic() - self.started) / self.steps_done * left)} left"
        self.tell(f"[{self.done}/{self.total}] {said}")


def duration(seconds: float) -> str:
    """A time that is left, in words: "40 s", "12 min", "3 h 05 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _error_of(train: Train, run: SweepRun) -> Exception | None:
    try:
        train(run)
    except Exception as error:  # whatever it is, the other runs go on
        return error
    return None


def _with_ray(
    runs: Sequence[SweepRun],
    train: Train,
    cpus: float,
    gpus: float,
    ended: Callable[[SweepRun, Exception | None], None],
) -> None:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "engine 'ray' needs Ray: install the extra `cluster`: pip install 'reco-core[cluster]'"
        ) from error
    if not ray.is_initialized():
        ray.init(include_dashboard=False)

    def task(run: SweepRun) -> None:  # Ray takes functions alone; `train` may be another thing that can be called
        train(run)

    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=1)(task)
    waiting = {remote.remote(run): run for run in runs}
    while waiting:
        (done,), _ = ray.wait(list(waiting), num_returns=1)
        run = waiting.pop(done)
        try:
            ray.get(done)
            ended(run, None)
        except Exception as error:
            ended(run, error)
