"""Trust: NaN and infinity, absent classes, degenerate batches, extreme data sets, and the same seed twice."""

import math
from dataclasses import replace

import pytest
import torch
from shared import TINY, TinyScenes, tiny_run, tiny_trainer, weights
from trust import Hook, fault, lasting, refusal, refused, says, tree

from reco_core import datasets
from reco_core.cli import training
from reco_core.errors import TrainingError
from reco_core.evaluation import Scores, evaluate
from reco_core.methods import METHOD_NAMES
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.runs.guard import LossWatch
from reco_core.runs.records import RecordedScores, load_records, put
from reco_core.runs.session import Session
from reco_core.trainers import Trainer

NUMBERS, SEEDS = "Numbers", "Determinism"


class Broken(TinyScenes):
    """The tiny scenes with a value in one image that is no brightness."""

    def __init__(self, name, value):
        super().__init__()
        self.broken, self.value = self.names.index(name), value

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return (image.index_fill(0, torch.tensor(1), self.value) if index == self.broken else image), label


@fault(NUMBERS, "NaN in the loss", "one unlabelled image filled with NaN; losses are read every 8th step",
       "Stops with one line: the step, the names of its images, the remedy; exit code 1.", faults=1)  # fmt: skip
def test_a_loss_that_is_not_finite(tmp_path, monkeypatch, capsys):
    reference = tiny_trainer()
    first, second = (reference.names_of(step)["unlabelled"] for step in (0, 1))
    victim, bad = next(name for name in second if name not in first), 2
    run = tiny_run(tmp_path, data=Broken(victim, math.nan), log_every=8, eval_every=8, checkpoint_every=8, iterations=8)
    monkeypatch.setattr(training, "train_one", lambda *_: run.run())
    message = refused(["train", "--output", tmp_path / "elsewhere"], capsys, code=1)
    told = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in reference.names_of(bad - 1).items())
    assert says(message, f"the …nan in step {bad} ({told}): lower the learning rate (0.05)"), message
    assert victim in told and list(tree(tmp_path)) == [".lock"], "nothing broken is saved"


@fault(NUMBERS, "infinity in an image", "one unlabelled image; only the teacher sees it before augmentation clips it",
       "The losses stay finite, the teacher does not: stops at the next checkpoint, nothing broken is saved.",
       faults=1)  # fmt: skip
def test_a_broken_teacher_is_noticed(tmp_path):
    name = tiny_trainer().names_of(1)["unlabelled"][0]
    with pytest.raises(TrainingError, match=r"weights .*step 4 \(labelled: scene.*lower the learning rate"):
        tiny_run(tmp_path, data=Broken(name, math.inf), eval_every=4, checkpoint_every=4).run()
    assert not (tmp_path / NAME).exists()


@fault(NUMBERS, "weights that explode between two reports", "infinite weights in step 4, a checkpoint after every step",
       "Stops at the checkpoint, with step and batch; the last checkpoint holds finite numbers.", faults=1)  # fmt: skip
def test_bad_weights_are_not_saved(tmp_path):
    run = tiny_run(tmp_path, log_every=100, eval_every=100, checkpoint_every=1, iterations=20)
    train_step = run.trainer.training_step

    def exploding(*batches):
        losses = train_step(*batches)
        if run.trainer.step == 3:
            with torch.no_grad():
                run.trainer.student.module.classifier[-1].weight.mul_(math.inf)
        return losses

    run.trainer.training_step = exploding
    with pytest.raises(TrainingError, match=r"weights .*step 4 \(labelled: scene.*lower the learning rate"):
        run.run()
    state = load_checkpoint(tmp_path / NAME)
    assert state["trainer"]["step"] == 3 and all(value.isfinite().all() for value in state["network"].values())


def test_watching_the_losses_never_waits_for_the_device(monkeypatch):
    """Reading a value makes the host wait for a GPU; of all ways to read one, `add` uses none."""

    def waits(*_):
        raise AssertionError("the host waits for the device")

    watch, losses = LossWatch(), {"a": torch.tensor(1.0), "b": torch.tensor(2.0)}
    with monkeypatch.context() as patch:
        for way in ("item", "__bool__", "tolist", "__float__", "__int__", "numpy", "cpu", "__index__"):
            patch.setattr(torch.Tensor, way, waits)
        with pytest.raises(AssertionError):
            bool(losses["a"])
        for step in range(6):
            watch.add(step, losses if step not in (2, 4) else {**losses, "b": losses["b"] * math.nan})
    assert watch.first_bad_step() == 2 and watch.sums["a"] == 6 and watch.steps == 6


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_watching_the_losses_never_waits_for_a_gpu():
    watch, losses = LossWatch(), {"a": torch.tensor(1.0, device="cuda"), "b": torch.tensor(math.nan, device="cuda")}
    watch.add(0, {"a": losses["a"]})
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(1, 5):
            watch.add(step, losses)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert watch.first_bad_step() == 1


@fault(NUMBERS, "classes that are absent", "2,000 random confusion matrices of 2 to 150 classes, most of them empty",
       "Mean IoU is a number from 0 to 1, the mean over the classes that occur.", inputs=2000)  # fmt: skip
def test_absent_classes_never_make_the_mean_nan(counted):
    generator = torch.Generator().manual_seed(0)
    for number in range(counted("inputs")):
        count = int(torch.randint(2, 151, (), generator=generator))
        present = torch.rand(count, generator=generator) < (0.1, 0.5)[number % 2]
        present[int(torch.randint(count, (), generator=generator))] = True
        confusion = torch.randint(0, 50, (count, count), generator=generator) * present[:, None] * present
        confusion[present.nonzero()[0], present.nonzero()[0]] += 1
        scores = Scores(confusion)
        union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
        expected = (confusion.diagonal()[union > 0] / union[union > 0]).double().mean().item()
        assert scores.miou == pytest.approx(expected, abs=1e-6) and 0 <= scores.miou <= 1
        assert [value is None for value in RecordedScores.of(scores).iou] == (union == 0).tolist()


class Ignored(TinyScenes):
    """Scenes of which no pixel has a label."""

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image, torch.full_like(label, 255)


NO_PIXEL = "tiny/train: no pixel …; add masks, or choose another split"


@fault(NUMBERS, "nothing to score", "a split of which every pixel is ignored",
       f"Refused: “{NO_PIXEL}”", inputs=1)  # fmt: skip
def test_nothing_to_score(tmp_path):
    network = tiny_trainer().network
    message = refusal(lambda: evaluate(network, Ignored()), tmp_path)
    assert says(message, NO_PIXEL), message


LABELS = {"one class alone": 1, "every pixel ignored": 255}


@fault(NUMBERS, "degenerate batches", "one class alone, or every pixel ignored, under each of the fourteen methods",
       "Losses and weights stay finite; what cannot be learnt costs nothing.", inputs=28)  # fmt: skip
def test_degenerate_batches(counted):
    tried = 0
    for method in METHOD_NAMES:
        for value in LABELS.values():
            run = tiny_trainer(method=method)
            (images, labels), unlabelled = next(run.batches(range(1)))
            losses = run.training_step((images, torch.full_like(labels, value)), unlabelled)
            assert all(loss.isfinite() for loss in losses.values()) and weights(run).isfinite().all()
            assert (losses["supervised"] == 0) == (value == 255)
            tried += 1
    assert tried == counted("inputs")


class Stripes(TinyScenes):
    """Scenes of as many classes as one likes, in stripes."""

    def __init__(self, count, length=8):
        super().__init__(length)
        self.num_classes, self.classes = count, tuple(map(str, range(count)))
        self.palette = tuple((level, 255 - level, 40) for level in range(count))

    def __getitem__(self, index):
        label = (torch.arange(32 * 32).view(32, 32) // 7 + index) % self.num_classes
        return torch.tensor(self.palette)[label].permute(2, 0, 1) / 255, label


EXTREMES = {
    "two classes": (Stripes(2), {}),
    "150 classes": (Stripes(150), {}),
    "255 classes": (Stripes(255), {}),
    "a data set of one image": (Stripes(3, length=1), {"method": "reco+supervised", "num_labelled": None}),
    "one labelled and one unlabelled image": (Stripes(3, length=2), {"num_labelled": 1}),
    "a batch of one": (TinyScenes(), {"batch_size": 1}),
    "a batch of one under S4GAN": (TinyScenes(), {"batch_size": 1, "method": "reco+s4gan"}),
    "a batch of one under UniMatch": (TinyScenes(), {"batch_size": 1, "method": "reco+unimatch"}),
    "one pixel a class labelled, a batch of one": (
        TinyScenes(),
        {"batch_size": 1, "num_labelled": None, "partial_labels": "1px"},
    ),
}


@pytest.mark.parametrize("what", [pytest.param(what, marks=fault(
    NUMBERS, what, "a run to its end", "Ends with a record in which every loss and score is a number.", inputs=1))
    for what in EXTREMES])  # fmt: skip
def test_extremes(what, tmp_path):
    data, changes = EXTREMES[what]
    record = tiny_run(data=data, **changes).run()
    assert load_records(put(record, tmp_path / "record.jsonl")) == [record]  # such a file holds no NaN
    assert 0 <= record.test.miou <= 1 and len(record.test.iou) == data.num_classes
    losses = [entry for entry in record.history if "supervised" in entry]
    assert len(losses) == 3 and all(math.isfinite(value) for entry in losses for value in entry.values())


@fault(SEEDS, "loader processes", "a toyscapes run with 0 and with 4 processes that load images, same seed",
       "Records are equal in all but duration, weights bit for bit.", inputs=2)  # fmt: skip
@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker")
def test_the_same_record_with_and_without_workers():
    scenes = datasets.load("toyscapes", length=12, size=(48, 48))
    options = replace(TINY, data=replace(TINY.data, dataset="toyscapes", num_labelled=4))
    trainers = [Trainer(replace(options, num_workers=workers), scenes) for workers in (0, 4)]
    records = [lasting(Session(trainer, val=scenes, test=scenes).run()) for trainer in trainers]
    assert records[0] == records[1] and torch.equal(weights(trainers[0]), weights(trainers[1]))
    assert len(records[0].history) == 5


@fault(SEEDS, "the same seed twice, and another one", "three runs in one process",
       "The two are equal bit for bit, the third is not.", inputs=3)  # fmt: skip
def test_the_same_seed_twice():
    runs = [tiny_run(seed=seed) for seed in (3, 3, 4)]
    records = [lasting(run.run()) for run in runs]
    assert records[0] == records[1] and torch.equal(weights(runs[0]), weights(runs[1]))
    assert records[0].history != records[2].history and not torch.equal(weights(runs[0]), weights(runs[2]))


@fault(SEEDS, "reports that do not fall on checkpoints", "a checkpoint every 6th step, a report every 4th, stopped",
       "The resumed run reports the same losses as the undisturbed one.", faults=1, resumed=1)  # fmt: skip
def test_a_report_covers_the_steps_before_a_resumption(tmp_path):
    changes = {"checkpoint_every": 6, "log_every": 4, "iterations": 12}
    undisturbed = lasting(tiny_run(**changes).run())

    def stop():
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        tiny_run(tmp_path, reporter=Hook(8, stop), **changes).run()
    assert load_checkpoint(tmp_path / NAME)["trainer"]["step"] == 6
    assert lasting(tiny_run(tmp_path, **changes).run()) == undisturbed
