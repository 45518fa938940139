"""A run that is begun again with other options, with fp16's loss scaling, or from inside another repository."""

import shutil
import subprocess
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from shared import TINY, Stop, StopAt, TinyScenes, tiny_options, tiny_run, weights

from reco_core.errors import InputError
from reco_core.runs import records
from reco_core.runs.session import MAY_DIFFER, Reporter, differences
from reco_core.trainers import Trainer


class Notes(Reporter):
    """Keeps what is said."""

    def __init__(self):
        self.heard = []

    def on_note(self, text):
        self.heard.append(text)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was killed after its step 4."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(Stop):
        tiny_run(folder, reporter=StopAt(6)).run()
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 0.01}, "--learning-rate was 0.05, now 0.01"),
        ({"iterations": 12}, "--iterations was 6, now 12"),
        ({"seed": 3}, "--seed was 0, now 3"),
        ({"crop": (16, 16)}, "--crop was (32, 32), now (16, 16)"),
        ({"reco": replace(TINY.reco, temperature=0.1)}, "--temperature was 0.5, now 0.1"),
        ({"batch_size": 1, "log_every": 3}, "--batch-size was 2, now 1"),
    ],
)
def test_options_that_change_the_result_are_named_with_both_values(stopped, tmp_path, change, said):
    shutil.copytree(stopped, tmp_path / "run")
    with pytest.raises(InputError) as caught:
        tiny_run(tmp_path / "run", **change).run()
    assert said in str(caught.value) and "this changes the result" in str(caught.value)
    assert "--log-every" not in str(caught.value), "this one is none of them"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"log_every": 3}, "--log-every was 2, now 3"),
        ({"checkpoint_every": 1}, "--checkpoint-every was 2, now 1"),
        ({"accelerator": "auto"}, "--accelerator was cpu, now auto"),
        ({"eval_batch_size": 1}, "--eval-batch-size was 8, now 1"),
        ({"num_workers": 1}, "--num-workers was 0, now 1"),
    ],
)
@pytest.mark.skipif(torch.accelerator.is_available(), reason="auto is another device than the CPU here")
def test_options_that_do_not_may_differ_and_are_named(stopped, tmp_path, change, said, undisturbed):
    shutil.copytree(stopped, tmp_path / "run")
    notes = Notes()
    resumed = tiny_run(tmp_path / "run", reporter=notes, **change)
    resumed.run()
    assert [said in text for text in notes.heard] == [True]
    assert torch.equal(weights(resumed), undisturbed)


@pytest.fixture(scope="module")
def undisturbed():
    whole = tiny_run()
    whole.run()
    return weights(whole)


def test_nothing_is_said_of_the_same_options(stopped, tmp_path):
    shutil.copytree(stopped, tmp_path / "run")
    notes = Notes()
    tiny_run(tmp_path / "run", reporter=notes).run()
    assert notes.heard == [] and differences(TINY, tiny_options()) == {}


def test_every_option_that_may_differ_is_one():
    names = {name for part in (TINY, TINY.data) for name in vars(part)}
    assert set(MAY_DIFFER) <= names


def half(**options):
    """A trainer in fp16; its scale doubles every second step, or halves where a gradient overflows."""
    scaler = torch.amp.GradScaler("cpu", growth_interval=2, **options)
    fabric = Fabric(accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu", scaler=scaler))
    return Trainer(tiny_options(method="supervised", channels_last=False), TinyScenes(), fabric=fabric), scaler


def train_to(trainer, step):
    for _ in trainer.steps():
        if trainer.step == step:
            return


@pytest.mark.parametrize("init_scale", [1.0, 2.0**40], ids=["grows", "overflows at first"])
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_fp16_goes_on_with_its_scale_bit_for_bit(stop, init_scale):
    (whole, scale), (first, _), (second, resumed) = (half(init_scale=init_scale) for _ in range(3))
    whole.fit()
    train_to(first, stop)
    second.load_state_dict(first.state_dict())
    second.fit()
    assert resumed.state_dict() == scale.state_dict() and scale.get_scale() != init_scale
    for name, value in whole.student.module.state_dict().items():
        assert torch.equal(value, second.student.module.state_dict()[name])


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("place", [".venv/lib/site-packages", "third_party", "deep/er/vendored"])
@pytest.mark.parametrize("tracked", [False, True])
def test_the_revision_of_another_repository_is_not_recorded(tmp_path, monkeypatch, place, tracked):
    installed = tmp_path / place / "reco_core" / "runs"
    installed.mkdir(parents=True)
    (installed / "records.py").write_text("")
    git(tmp_path, "init")
    git(tmp_path, *(["add", "."] if tracked else ["status"]))
    git(tmp_path, "commit", "--allow-empty", "-m", "theirs")
    monkeypatch.setattr(records, "__file__", str(installed / "records.py"))
    assert records.source_revision() is None


def test_the_revision_of_a_checkout_is(tmp_path, monkeypatch):
    (tmp_path / "reco_core" / "runs").mkdir(parents=True)
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "ours")
    monkeypatch.setattr(records, "__file__", str(tmp_path / "reco_core" / "runs" / "records.py"))
    assert len(records.source_revision()) == 12
