"""reco_core.runs.sweeps: what is recorded is skipped, what fails stops nothing, with and without Ray."""

import functools
import sys

import pytest
from trust import fault

from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.files import write_json
from reco_core.runs.sweeps import SweepRun, duration, sweep


def runs(folder, count):
    """Runs that are recorded if their file is there."""
    return [
        SweepRun(TrainConfig(seed=seed), folder / f"run{seed}", "small/a", "published", written(folder, seed).exists())
        for seed in range(count)
    ]


def written(folder, seed):
    """What stands for the record of a run."""
    return folder / f"record{seed}.json"


def train(run, folder):
    """Stands for a training run; every seventh fails."""
    if run.options.seed % 7 == 3:
        raise RuntimeError(f"seed {run.options.seed}\nbroke")
    write_json(written(folder, run.options.seed), {"seed": run.options.seed})


def check(folder, engine, count):
    said = []
    write_json(written(folder, 0), {"seed": "kept"})
    failed = sweep(runs(folder, count), functools.partial(train, folder=folder), engine, tell=said.append)
    expected = {seed for seed in range(count) if seed % 7 == 3}
    assert set(failed) == {f"small/a-seed{seed}" for seed in expected}
    assert [run.is_recorded for run in runs(folder, count)] == [seed not in expected for seed in range(count)]
    assert '"kept"' in written(folder, 0).read_text()
    assert said[0] == "small/a-seed0 is recorded" and sum("FAILED" in line for line in said) == len(expected)
    return failed


@fault("Load", "a sweep of 1,000 runs", "every seventh run raises an error", "The other 857 are recorded, each once;"
       " the same command tries the 143 again and nothing else.", inputs=1000, faults=143)  # fmt: skip
def test_one_after_another(tmp_path):
    failed = check(tmp_path, "sequential", 1000)
    assert next(iter(failed.values())) == "seed 3 broke"
    again = []
    sweep(runs(tmp_path, 1000), lambda run: again.append(run.options.seed))
    assert again == [seed for seed in range(1000) if seed % 7 == 3], "only what failed is tried again"


def start_ray(ray, attempts=3):
    """Ray gives its own processes half a minute to start; a busy machine may need more, and so another attempt."""
    for left in reversed(range(attempts)):
        try:
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
            return
        except Exception as error:
            ray.shutdown()
            if not left or "timed out during startup" not in str(error):
                raise


def test_several_at_once_with_ray(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # its processes do not find the tests' modules
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    start_ray(ray)
    try:
        failed = check(tmp_path, "ray", 12)
        assert "seed 3" in next(iter(failed.values()))
    finally:
        ray.shutdown()


def test_it_tells_how_long_it_will_take(tmp_path, monkeypatch):
    """Four runs of 600 steps, one recorded already, a minute each: after the first, two are left."""
    clock = iter([0.0, 60.0, 120.0, 180.0])
    monkeypatch.setattr("reco_core.runs.sweeps.time.monotonic", lambda: next(clock))
    write_json(written(tmp_path, 0), {})
    said = []
    sweep(runs(tmp_path, 4), lambda run: None, tell=said.append)
    ended = [line for line in said if line.startswith("[")]
    assert [line.partition("; ")[2] for line in ended] == ["about 2 min left", "about 1 min left", ""]
    assert [duration(seconds) for seconds in (4.4, 59.6 * 60, 3 * 3600 + 290)] == ["4 s", "1 h 00 min", "3 h 05 min"]


def test_a_failed_run_says_nothing_of_how_long_the_others_take(tmp_path, monkeypatch):
    """Three runs, the first of which fails at once: the second takes two minutes, and so will the third."""
    clock = iter([0.0, 120.0, 240.0])
    monkeypatch.setattr("reco_core.runs.sweeps.time.monotonic", lambda: next(clock))

    def train_some(run):
        if run.options.seed == 0:
            raise OSError("no such folder")

    said = []
    sweep(runs(tmp_path, 3), train_some, tell=said.append)
    assert said[0] == f"3 runs, 3 of them to do: {3 * runs(tmp_path, 1)[0].options.optimisation.iterations:,} steps"
    assert [line.partition("; ")[2] for line in said if line.startswith("[")] == ["", "about 2 min left", ""]


def test_unknown_engine(tmp_path):
    with pytest.raises(InputError, match="engine 'slurm' is not one of sequential, ray"):
        sweep(runs(tmp_path, 1), functools.partial(train, folder=tmp_path), "slurm")
