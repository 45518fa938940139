"""reco_core.runs.sweeps: what is recorded is skipped, what fails stops nothing, and processes share the work."""

import json

from trust import fault

from reco_core.config import TrainConfig
from reco_core.errors import InUse
from reco_core.runs.sweeps import SweepRun, sweep


def runs(folder, count):
    return [SweepRun(TrainConfig(seed=seed), folder / f"run{seed}", "small/a", "published") for seed in range(count)]


def written(run):
    """What stands for the record of a run."""
    return run.folder.with_suffix(".json")


def is_recorded(run):
    return written(run).exists()


def train(run):
    """Stands for a training run; every seventh fails."""
    if run.options.seed % 7 == 3:
        raise RuntimeError(f"seed {run.options.seed}\nbroke")
    written(run).write_text(json.dumps({"seed": run.options.seed}))


@fault("Load", "a sweep of 1,000 runs", "every seventh run raises an error", "The other 857 are recorded, each once;"
       " the same command tries the 143 again and nothing else.", inputs=1000, faults=143)  # fmt: skip
def test_one_after_another(tmp_path):
    said, every = [], runs(tmp_path, 1000)
    written(every[0]).write_text(json.dumps({"seed": "kept"}))
    failed = sweep(every, train, is_recorded, said.append)
    expected = {run.title for run in every if run.options.seed % 7 == 3}
    assert set(failed) == expected and failed["small/a-seed3"] == "seed 3 broke"
    assert {run.title for run in every if not is_recorded(run)} == expected
    assert '"kept"' in written(every[0]).read_text()
    assert sum("FAILED" in line for line in said) == len(expected)
    again = []
    sweep(every, lambda run: again.append(run.title), is_recorded)
    assert set(again) == expected and len(again) == len(expected), "only what failed is tried again"


def test_processes_with_the_same_command_share_the_work(tmp_path):
    """One run is another process's; one was recorded by it since the list was made: both are left, and no failure."""
    every, said, trained = runs(tmp_path, 4), [], []

    def train_some(run):
        if run.options.seed == 1:
            raise InUse("another run is in this folder")
        trained.append(run.options.seed)
        if run.options.seed == 0:
            written(every[2]).write_text(json.dumps({"seed": 2}))

    assert sweep(every, train_some, is_recorded, said.append) == {}
    assert trained == [0, 3]
    assert "small/a-seed1 is left to the process" in "\n".join(said) and "seed2 is recorded meanwhile" in "\n".join(
        said
    )


def test_it_tells_how_long_it_will_take(tmp_path, monkeypatch):
    """Four runs of 600 steps, one recorded already, a minute each: after the first, two are left."""
    clock = iter([0.0, 60.0, 120.0, 180.0])
    monkeypatch.setattr("reco_core.runs.sweeps.time.monotonic", lambda: next(clock))
    every, said = runs(tmp_path, 4), []
    written(every[0]).write_text(json.dumps({}))
    sweep(every, lambda run: None, is_recorded, said.append)
    ended = [line for line in said if "is done" in line]
    assert [line.partition("; ")[2] for line in ended] == ["about 02:00 left", "about 01:00 left", ""]


def test_a_failed_run_says_nothing_of_how_long_the_others_take(tmp_path, monkeypatch):
    """Three runs, the first of which fails at once: the second takes two minutes, and so will the third."""
    clock = iter([0.0, 120.0, 240.0])
    monkeypatch.setattr("reco_core.runs.sweeps.time.monotonic", lambda: next(clock))

    def train_some(run):
        if run.options.seed == 0:
            raise OSError("no such folder")

    said, every = [], runs(tmp_path, 3)
    sweep(every, train_some, is_recorded, said.append)
    assert said[0] == f"3 runs, 3 of them to do: {3 * every[0].options.optimisation.iterations:,} steps"
    assert [line.partition("; ")[2] for line in said if "is done" in line] == ["about 02:00 left", ""]


def test_records_that_cannot_be_read_during_a_sweep_stop_no_other_run(tmp_path):
    """They were whole when the list was made, and are damaged when the second run is asked about."""
    every, asked, trained = runs(tmp_path, 3), [], []

    def damaged_later(run):
        asked.append(run.options.seed)
        if asked.count(1) == 2 and run.options.seed == 1:
            raise OSError("damaged")
        return False

    failed = sweep(every, lambda run: trained.append(run.options.seed), damaged_later)
    assert failed == {"small/a-seed1": "damaged"} and trained == [0, 2]
