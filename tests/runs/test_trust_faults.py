"""Trust: processes killed, disks full, files gone, Ctrl-C. Runs go on, and end as if nothing had happened."""

import itertools
import multiprocessing
import os
import random
import signal
import tempfile
import time

import pytest
import torch
from breaking import die, die_in, goes_on, in_child, undisturbed
from PIL import Image
from shared import TinyScenes, tiny_run, weights
from torchvision.transforms.v2 import functional as TF
from trust import Hook, fault, lasting, refusal, refused, says, tree

from reco_core import datasets
from reco_core.cli import training
from reco_core.errors import Interrupted, TrainingError
from reco_core.runs.checkpoints import NAME, load_latest

TRAINING = "A run that is broken off"


class Doomed:
    """A reporter whose process dies some steps after its second one, by the time that its second one took.

    The first one is then saved; and on a machine that is busy, the steps and the moment are late together.
    """

    def __init__(self, steps: float) -> None:
        self.steps, self.reports = steps, []

    def on_losses(self, step, losses):
        self.reports.append(time.perf_counter())
        if len(self.reports) == 2:
            die_in(self.steps * (self.reports[1] - self.reports[0]))

    def on_scores(self, step, scores): ...


def step_of(folder):
    """The step of a run's last checkpoint."""
    return load_latest(folder)["trainer"]["step"]


@fault(TRAINING, "process killed while it trains", "kill -9 at ten random moments, each followed by the same command",
       "Each goes on from the last checkpoint; the end is the undisturbed run's, bit for bit.",
       faults=10, resumed=10)  # fmt: skip
def test_killed_at_random_moments(tmp_path, counted):
    changes = {"checkpoint_every": 1, "log_every": 1, "eval_every": 25, "iterations": 50}
    whole = tiny_run(**changes)
    record = lasting(whole.run())
    moments, reached = random.Random(0), [0]
    for _ in range(counted("faults")):
        doomed = Doomed(moments.uniform(0, 1.5))
        assert in_child(lambda: tiny_run(tmp_path, reporter=doomed, **changes).run()) == -signal.SIGKILL  # noqa: B023
        reached.append(step_of(tmp_path))
    assert all(before < after for before, after in itertools.pairwise(reached)), "no run loses what is saved"
    goes_on(tmp_path, (record, weights(whole)), **changes)
    assert not list(tmp_path.glob(f".{NAME}.*")), "half-written checkpoints are cleared away"


STAGES = {
    "before it is written": lambda patch: patch.setattr(tempfile, "mkstemp", die),
    "when half of it is written": lambda patch: patch.setattr(
        torch, "save", lambda state, file: (file.write(b"PK\x03\x04 half"), file.flush(), die())
    ),
    "before it is on the disk": lambda patch: patch.setattr(os, "fsync", die),
    "before the last one steps aside": lambda patch: patch.setattr(os, "replace", die),
    "before it takes the place": lambda patch: patch.setattr(os, "replace", second_time_die(os.replace)),
}


def second_time_die(action):
    calls = []

    def acts(*arguments):
        calls.append(arguments)
        return die() if len(calls) == 2 else action(*arguments)

    return acts


@pytest.mark.parametrize("stage", [
    pytest.param(stage, marks=fault(TRAINING, "process killed while it saves", f"kill -9 {stage}",
        "The checkpoint before it is whole; the same command goes on from there to the same end.",
        faults=1, resumed=1)) for stage in STAGES])  # fmt: skip
def test_killed_while_saving(tmp_path, stage, monkeypatch):
    with pytest.raises(Interrupted):
        tiny_run(tmp_path, reporter=Hook(2, lambda: signal.raise_signal(signal.SIGINT))).run()

    def saves_step_4():
        tiny_run(tmp_path, reporter=Hook(4, lambda: STAGES[stage](monkeypatch))).run()

    assert in_child(saves_step_4) == -signal.SIGKILL
    assert step_of(tmp_path) == 3, "it was evaluated, so it was saved"
    goes_on(tmp_path, undisturbed())


@pytest.mark.parametrize("step", [
    pytest.param(step, marks=fault(TRAINING, "Ctrl-C", f"in step {step}, which is {what}", "The step is finished and"
        " saved, a line says how to go on, exit code 130; the same command ends as if undisturbed.",
        faults=1, resumed=1)) for step, what in ((3, "not reported"), (4, "reported and saved anyway"))])  # fmt: skip
def test_interrupted(tmp_path, step, monkeypatch, capsys):
    run = tiny_run(tmp_path / "run")
    train_step = run.trainer.training_step

    def interrupted_step(*batches):
        if run.trainer.step == step - 1:
            signal.raise_signal(signal.SIGINT)
        return train_step(*batches)

    run.trainer.training_step = interrupted_step
    monkeypatch.setattr(training, "train_one", lambda *_: run.run())
    before = signal.getsignal(signal.SIGINT)
    told = refused(["train", "--output", tmp_path / "elsewhere"], capsys, code=130)
    assert signal.getsignal(signal.SIGINT) is before
    assert says(told, f"…after step {step} of 6, saved in {tmp_path / 'run'}: the same command goes on …"), told
    assert step_of(tmp_path / "run") == step
    goes_on(tmp_path / "run", undisturbed())


@fault(TRAINING, "Ctrl-C twice", "again before the step is finished", "Stops at once; the last checkpoint counts.",
       faults=1, resumed=1)  # fmt: skip
def test_interrupted_twice(tmp_path):
    twice = [signal.SIGINT, signal.SIGINT]
    with pytest.raises(KeyboardInterrupt) as stop:
        tiny_run(tmp_path, reporter=Hook(4, lambda: [signal.raise_signal(number) for number in twice])).run()
    assert not isinstance(stop.value, Interrupted) and step_of(tmp_path) == 3
    goes_on(tmp_path, undisturbed())


@fault(TRAINING, "two runs in one folder", "a second process, and a second run in the same process, start while one is"
       " at work there", "Refused with the first one's process number; the first one ends undisturbed.",
       faults=2)  # fmt: skip
def test_a_second_run_is_kept_out(tmp_path):
    said = []

    def intrude():
        said.append(refusal(tiny_run(tmp_path).run, tmp_path))
        before = tree(tmp_path)
        code = in_child(lambda: os._exit(7 if refusal(tiny_run(tmp_path).run, tmp_path) == said[0] else 1))
        assert code == 7 and tree(tmp_path) == before

    run = tiny_run(tmp_path, reporter=Hook(4, intrude))
    assert lasting(run.run()) == undisturbed()[0]
    assert says(said[0], f"FOLDER: another run …(process {os.getpid()}): wait …another folder (--output)"), said


@fault(TRAINING, "killed run's folder", "kill -9 while its two loader processes are alive, then the same command at"
       " once", "The lock is gone with the process: the run goes on.", faults=1, resumed=1)  # fmt: skip
def test_a_killed_run_leaves_no_lock(tmp_path):
    assert in_child(lambda: tiny_run(tmp_path, num_workers=2, reporter=Hook(4, die)).run()) == -signal.SIGKILL
    assert (tmp_path / ".lock").exists() and step_of(tmp_path) == 3
    goes_on(tmp_path, undisturbed())


@fault(TRAINING, "process that loads images dies", "kill -9 on one of two",
       "Stops with one line that says how to go on; without loader processes it ends the same.",
       faults=1, resumed=1)  # fmt: skip
def test_a_dead_loader(tmp_path):
    def kill_one():
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        time.sleep(1)

    with pytest.raises(TrainingError) as error:
        tiny_run(tmp_path, num_workers=2, reporter=Hook(4, kill_one)).run()
    assert says(str(error.value), "a process that loads images …: the same command goes on …--num-workers …")
    assert step_of(tmp_path) == 3, "it was evaluated, so it was saved"
    goes_on(tmp_path, undisturbed(), num_workers=0)


@pytest.fixture
def scenes(tmp_path):
    """The tiny scenes as files."""
    data, root = TinyScenes(), tmp_path / "scenes"
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for name, (image, label) in zip(data.names, data, strict=False):
        TF.to_pil_image(image).save(root / "images" / f"{name}.png")
        Image.fromarray(label.numpy().astype("uint8")).save(root / "masks" / f"{name}.png")
    return root


@pytest.mark.parametrize("workers", [
    pytest.param(workers, marks=fault(TRAINING, "image that vanishes", f"all deleted after step 4, {workers} loader"
        " processes", "Stops with one line that names the file; once it is back, the same command goes on to the same"
        " end.", faults=1, resumed=1)) for workers in (0, 2)])  # fmt: skip
def test_a_file_vanishes(scenes, tmp_path, workers):
    changes = {"num_workers": workers, "data": datasets.load("folder", scenes), "iterations": 10}
    whole = tiny_run(**changes)
    expected = lasting(whole.run()), weights(whole)
    hidden = scenes.with_name("hidden")
    run = tiny_run(tmp_path / "run", reporter=Hook(4, lambda: (scenes / "images").rename(hidden)), **changes)
    message = refusal(run.run, scenes)
    assert says(message, "images/scene0….png: …(…); restore …it"), message
    # Loader processes are ahead: they have read what training needs until the evaluation of step 6 misses a file.
    assert step_of(tmp_path / "run") == (6 if workers else 4)
    hidden.rename(scenes / "images")
    goes_on(tmp_path / "run", expected, **changes)
