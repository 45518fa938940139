"""reco_core.runs.session: a run as a whole, with its checkpoints, scores, record and reporter, on tiny scenes."""

from dataclasses import replace

import pytest
import torch
from shared import TINY, Stop, StopAt, TinyScenes, tiny_options, tiny_run, tiny_trainer, weights

from reco_core import evaluation
from reco_core.analysis.inference import load_trained
from reco_core.augment import enlarge
from reco_core.datasets.splits import choose_split
from reco_core.errors import InputError, TrainingError
from reco_core.evaluation import Scores, evaluate
from reco_core.runs import session
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.runs.records import RecordedScores
from reco_core.runs.session import Session
from reco_core.trainers import Trainer

BANK = {"reco": replace(TINY.reco, bank_size=32)}
ADAMW = {"optimiser": "adamw", "learning_rate": 3e-3}
RESUMED = [
    (2, {}), (4, {}), (4, {"method": "reco+s4gan"}), (4, BANK), (4, {"method": "reco+unimatch"}), (4, ADAMW),
    (4, {"method": "supervised"}),
]  # fmt: skip


@pytest.mark.parametrize(("stop", "changes"), RESUMED)
def test_resuming_ends_in_the_same_weights_bit_for_bit(tmp_path, stop, changes):
    whole = tiny_run(**changes)
    record = whole.run()
    with pytest.raises(Stop):
        tiny_run(tmp_path, reporter=StopAt(stop + 2), **changes).run()
    assert load_checkpoint(tmp_path / NAME)["trainer"]["step"] == max(stop, 3), "3 is saved too: it was evaluated"
    resumed = tiny_run(tmp_path, **changes)
    again = resumed.run()
    assert torch.equal(weights(whole), weights(resumed))
    for part in ("history", "test", "val", "best", "split", "student", "unlabelled"):
        assert getattr(record, part) == getattr(again, part)


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_an_error_in_an_evaluation_costs_no_step(tmp_path, monkeypatch, broken):
    """In the evaluation of step 3, of step 6, and of the record's; the run goes on from that step, to the same end."""
    calls = []

    def failing(*arguments, **options):
        calls.append(None)
        if len(calls) == broken:
            raise MemoryError
        return evaluate(*arguments, **options)

    whole = tiny_run()
    record = whole.run()
    monkeypatch.setattr(session, "evaluate", failing)
    with pytest.raises(TrainingError, match="goes on from the last checkpoint"):
        tiny_run(tmp_path).run()
    assert load_checkpoint(tmp_path / NAME)["trainer"]["step"] == (3 if broken == 1 else 6)
    resumed = tiny_run(tmp_path)
    again = resumed.run()
    assert torch.equal(weights(whole), weights(resumed))
    assert (again.history, again.best, again.val, again.test) == (record.history, record.best, record.val, record.test)
    assert load_trained(tmp_path / NAME, "best").network is not None


def test_no_network_is_scored_twice_on_the_same_images(monkeypatch):
    """Six steps, evaluated after three and six: of the last evaluation the record takes the scores over."""
    scored = []

    def noted(network, data, *arguments, **options):
        scored.append((id(network), id(data), options.get("indices") is None))
        return evaluate(network, data, *arguments, **options)

    monkeypatch.setattr(session, "evaluate", noted)
    run = tiny_run()
    record = run.run()
    average, student = id(run.trainer.network), id(run.trainer.student.module)
    val, test, train = id(run.val), id(run.test), id(run.trainer.train)
    assert sorted(scored) == sorted([
        (average, val, True), (average, val, True), (average, test, True), (student, val, True), (student, test, True),
        (average, train, False),
    ])  # fmt: skip
    assert record.val == RecordedScores.of(evaluate(run.trainer.network, run.val))


def test_a_finished_run_is_scored_again_and_not_trained_again(tmp_path):
    first = tiny_run(tmp_path)
    record = first.run()
    second = tiny_run(tmp_path, reporter=StopAt(0))  # the first report of a loss would stop it
    again = second.run()
    assert torch.equal(weights(first), weights(second))
    assert (again.history, again.val, again.test, again.best) == (record.history, record.val, record.test, record.best)


def test_record_names_what_is_needed_to_repeat_it(tiny):
    run = Session(tiny_trainer(tiny), val=tiny, test=tiny, recipe="toys/20/reco", preset="published")
    record = run.run()
    assert record.config == TINY and (record.seed, record.method) == (0, "reco+classmix")
    assert (record.about.recipe, record.about.preset, record.about.group) == ("toys/20/reco", "published", "toys/20")
    assert set(record.split.labelled) < set(tiny.names) and len(record.split.labelled) == 2
    assert (record.split.digest, record.split.unlabelled) == (run.trainer.split.digest, 6)
    assert record.classes == tiny.classes and record.seconds > 0
    assert record.about.environment["device"] == "cpu" and record.about.environment["torch"] == torch.__version__


def test_scores_are_those_of_the_last_network(tiny):
    others = TinyScenes(length=3)
    run = Session(tiny_trainer(tiny), val=tiny, test=others)
    record = run.run()
    for scores, data in ((record.val, tiny), (record.test, others)):
        expected = evaluate(run.trainer.network, data)
        assert (scores.miou, scores.pixel_accuracy) == (expected.miou, expected.pixel_accuracy)
    assert record.scores == record.test != record.val


@pytest.mark.parametrize("method", ["supervised", "reco+classmix"])
def test_the_student_is_scored_beside_its_moving_average(tiny, method):
    """Both after the last step; they are different networks, and so are their scores."""
    others = TinyScenes(length=3)
    run = Session(tiny_trainer(tiny, method=method), val=tiny, test=others)
    record = run.run()
    for split, data in (("val", tiny), ("test", others)):
        for found, network in ((record.student, run.trainer.student.module), (record, run.trainer.network)):
            expected = RecordedScores.of(evaluate(network, data))
            assert getattr(found, split) == expected and sum(map(sum, expected.confusion)) == len(data) * 32 * 32
    assert record.student.val != record.val and record.student.test != record.test


def test_the_quality_of_pseudo_labels_by_hand(tiny, monkeypatch):
    """Of the moving average on the first unlabelled images that have a truth, which no step of the training saw."""
    monkeypatch.setattr(evaluation, "CONFIDENT", 0.45)
    monkeypatch.setattr(session, "JUDGED", 4)
    run = Session(tiny_trainer(tiny, method="classmix"), val=tiny, test=tiny)
    found = run.run().unlabelled
    pixels = confident = right = hits = 0
    network = run.trainer.network.eval()
    assert len(run.trainer.split.unlabelled) == 6
    for index in run.trainer.split.unlabelled[:4]:
        image, label = tiny[index]
        with torch.no_grad():
            probability, guess = enlarge(network(image[None]).logits, label.shape).softmax(1)[0].max(0)
        sure = probability >= 0.45
        pixels, hits = pixels + label.numel(), hits + (guess == label).sum().item()
        confident, right = confident + sure.sum().item(), right + (guess == label)[sure].sum().item()
    assert 0 < confident < pixels and 0 < right < confident, "the case tells the numbers apart"
    assert found.confident_share == pytest.approx(confident / pixels, abs=1e-6)
    assert found.confident_accuracy == pytest.approx(right / confident, abs=1e-6)
    assert found.pixel_accuracy == pytest.approx(hits / pixels)


class HalfLabelled(TinyScenes):
    """Only the first four images have a mask."""

    def has_label(self, index):
        return index < 4


@pytest.mark.parametrize(
    ("data", "changes", "images"),
    [
        (TinyScenes(), {}, 6),
        (HalfLabelled(), {}, 2),  # of the four with a mask, two are the labelled ones
        (HalfLabelled(), {"num_labelled": 4}, 0),
        (TinyScenes(), {"method": "supervised"}, 0),
        (TinyScenes(), {"num_labelled": None, "partial_labels": "5%"}, 0),  # nothing is unlabelled
    ],
)
def test_pseudo_labels_are_judged_where_there_are_some_and_their_truth_is_known(data, changes, images):
    run = Session(tiny_trainer(data, **changes), val=TinyScenes(), test=TinyScenes())
    found = run.run().unlabelled
    assert (0 if found is None else sum(map(sum, found.confusion))) == images * 32 * 32


def test_a_run_without_a_test_split_is_scored_on_the_validation_split(tiny):
    options = replace(TINY, data=replace(TINY.data, test_split=None))
    record = Session(Trainer(options, tiny), val=tiny).run()
    assert record.test is record.student.test is None and record.scores == record.val


def test_history_holds_mean_losses_and_scores_and_the_reporter_hears_them():
    heard = []

    class Listener:
        def on_losses(self, step, losses):
            heard.append({"step": step, **{name: round(value, 6) for name, value in losses.items()}})

        def on_scores(self, step, scores):
            heard.append({"step": step, "miou": round(scores.miou, 6)})

    every = tiny_run(log_every=1).run().history
    history = list(tiny_run(reporter=Listener()).run().history)
    assert heard == history
    assert [entry["step"] for entry in history if "miou" in entry] == [3, 6]
    losses = {entry["step"]: entry for entry in every if "miou" not in entry}
    assert sorted(losses) == [1, 2, 3, 4, 5, 6]
    for entry in (entry for entry in history if "miou" not in entry):
        step = entry.pop("step")
        assert step in (2, 4, 6) and set(entry) == {"supervised", "unsupervised", "reco", "hard"}
        for name, value in entry.items():
            assert value == pytest.approx((losses[step - 1][name] + losses[step][name]) / 2, abs=2e-6)


def test_losses_are_reported_at_the_last_step_too():
    steps = [entry["step"] for entry in tiny_run(log_every=4, eval_every=5).run().history]
    assert steps == [4, 5, 6, 6]


def scripted(*correct):
    """An evaluation that finds so many of 100 pixels correct, one number after the other, and of later ones the last;
    mean IoU is half of it."""
    numbers = iter(correct)

    def found(*arguments, **options):
        number = next(numbers, correct[-1])
        return Scores(torch.tensor([[number, 100 - number], [0, 0]]))

    return found


class Watcher:
    """Keeps the evaluated weights of every evaluation."""

    def __init__(self):
        self.seen, self.run = {}, None

    def on_losses(self, step, losses): ...

    def on_scores(self, step, scores):
        self.seen[step] = weights(self.run)


def test_the_best_network_is_that_of_the_first_best_evaluation(tmp_path, monkeypatch):
    """The third of six evaluations is the best; the fifth, as good, does not replace it."""
    monkeypatch.setattr(session, "evaluate", scripted(10, 40, 60, 20, 60, 30))
    watcher = Watcher()
    watcher.run = tiny_run(tmp_path, reporter=watcher, eval_every=1)
    record = watcher.run.run()
    assert record.best.step == 3 and record.best.miou == pytest.approx(0.3)
    kept = {which: state_of(load_trained(tmp_path / NAME, which).network) for which in ("best", "last")}
    assert torch.equal(kept["best"], watcher.seen[3]) and torch.equal(kept["last"], watcher.seen[6])
    assert not torch.equal(watcher.seen[3], watcher.seen[5])


def state_of(network):
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


def test_best_is_the_greatest_of_the_history():
    record = tiny_run(eval_every=1).run()
    scores = {entry["step"]: entry["miou"] for entry in record.history if "miou" in entry}
    assert len(scores) == 6 and record.best.miou == pytest.approx(max(scores.values()), abs=1e-6)
    assert scores[record.best.step] == max(scores.values())


def test_a_session_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_run().run()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_holds_one_run(tmp_path, tiny):
    tiny_run(tmp_path).run()
    with pytest.raises(
        InputError, match=f"{tmp_path}: holds a run with another configuration: --seed was 0, now 1: this"
    ):
        tiny_run(tmp_path, seed=1).run()
    split = choose_split(tiny, TINY.data, seed=5)
    assert split.names != tiny_trainer(tiny).split.names
    other = Trainer(tiny_options(), tiny, split=split)
    with pytest.raises(InputError, match=f"{tmp_path}: was trained with other labelled images: choose another folder"):
        Session(other, tmp_path, val=tiny, test=tiny).run()


def test_workers_and_place_of_the_data_do_not_make_another_run(tmp_path, tiny):
    with pytest.raises(Stop):
        tiny_run(tmp_path, reporter=StopAt(4)).run()
    moved = replace(TINY, num_workers=1, data=replace(TINY.data, root=str(tmp_path)))
    resumed, whole = Session(Trainer(moved, tiny), tmp_path, val=tiny, test=tiny), tiny_run()
    resumed.run(), whole.run()
    assert torch.equal(weights(resumed), weights(whole))


def test_clear_errors():
    missing = replace(TINY, data=replace(TINY.data, dataset="toyscapes", eval_split="nowhere"))
    with pytest.raises(InputError, match="'nowhere'.*val"):
        Session(Trainer(missing, TinyScenes()), test=TinyScenes())
