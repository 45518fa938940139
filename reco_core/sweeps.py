"""Many runs: one after another, or several at once on an existing engine, Ray (one machine or a cluster).

A run with a record is skipped, one with a checkpoint goes on from it, and one that fails stops no other.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.files import exists, read_json


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep."""

    options: TrainConfig
    folder: Path
    """Of its checkpoints."""
    record: Path
    """Written at the end: a run that has one is done."""


def sweep(
    runs: Sequence[SweepRun],
    train: Callable[[TrainConfig, Path, Path], None],
    engine: str = "sequential",
    cpus_per_run: float = 1,
    gpus_per_run: float = 0,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[Path, str]:
    """Train what has no record yet.

    Args:
        runs: the runs.
        train: trains one, given its options, folder and record.
        engine: "sequential" or "ray".
        cpus_per_run, gpus_per_run: what Ray sets aside for each.
        tell: hears a line before and after each run.

    Returns:
        Record of each failed run -> its error, a line.

    Raises:
        InputError: Ray is asked for and not installed, or an unknown engine.
    """
    if engine not in ("sequential", "ray"):
        raise InputError(f"engine {engine!r} is not one of sequential, ray")
    open_runs = []
    failed: dict[Path, str] = {}
    for run in runs:
        if not exists(run.record):
            open_runs.append(run)
            continue
        try:
            read_json(run.record)
            tell(f"{run.record} is there")
        except InputError as error:  # what is no whole record must neither count as one nor be overwritten
            failed[run.record] = str(error)
            tell(f"FAILED: {error}")
    recorded = len(runs) - len(open_runs) - len(failed)
    started, steps_done, steps = time.monotonic(), 0, sum(run.options.optimiser.iterations for run in open_runs)
    tell(f"{len(runs)} runs, {len(open_runs)} of them to do: {steps:,} steps")

    def ended(run: SweepRun, error: Exception | None) -> None:
        nonlocal steps_done, steps
        if error is None:
            steps_done += run.options.optimiser.iterations
        else:  # most fail at once: its steps say nothing of how long the others' will take
            steps -= run.options.optimiser.iterations
            failed[run.record] = " ".join(str(error).split()) or type(error).__name__
        done = recorded + sum(other.record.exists() for other in open_runs)
        said = f"[{done}/{len(runs)}] {run.record}" + (f": FAILED: {failed[run.record]}" if error is not None else "")
        left = steps - steps_done  # of the runs that have not ended; those of a method take about the same time each
        known = left and steps_done
        tell(said + (f"; about {duration((time.monotonic() - started) / steps_done * left)} left" if known else ""))

    if engine == "ray":
        _with_ray(open_runs, train, cpus_per_run, gpus_per_run, ended)
    else:
        for run in open_runs:
            tell(f"{run.record} ...")
            ended(run, _error_of(train, run))
    return failed


def duration(seconds: float) -> str:
    """A time that is left, in words: "40 s", "12 min", "3 h 05 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _error_of(train: Callable[[TrainConfig, Path, Path], None], run: SweepRun) -> Exception | None:
    try:
        train(run.options, run.folder, run.record)
    except Exception as error:  # whatever it is, the other runs go on
        return error
    return None


def _with_ray(
    runs: Sequence[SweepRun],
    train: Callable[[TrainConfig, Path, Path], None],
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
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=1)(train)
    waiting = {remote.remote(run.options, run.folder.absolute(), run.record.absolute()): run for run in runs}
    while waiting:
        (done,), _ = ray.wait(list(waiting), num_returns=1)
        run = waiting.pop(done)
        try:
            ray.get(done)
            ended(run, None)
        except Exception as error:
            ended(run, error)
