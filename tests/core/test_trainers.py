"""reco_core.trainers, streams, checkpoints: a run as a whole, on tiny scenes."""

import functools
from dataclasses import replace

import pytest
import torch

from reco_book.profiles import PROFILES
from reco_core import datasets
from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.datasets.streams import StreamSampler, WeakCrops
from reco_core.errors import InputError
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.trainers import Trainer, learning_rate

OPTIONS = TrainConfig(
    method="reco+classmix",
    data=DataConfig(dataset="tiny", crop=(32, 32), scale=(1.0, 1.0), num_labelled=2),
    model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=16, width=16),
    optimisation=OptimisationConfig(iterations=6, batch_size=2, learning_rate=0.05),
    reco=ReCoConfig(num_queries=16, num_keys=16),
    weak_threshold=0.0,
    eval_every=3,
    log_every=2,
    checkpoint_every=2,
    accelerator="cpu",
)


def trainer(tiny, folder=None, reporter=None, **changes):
    return Trainer(replace(OPTIONS, **changes), folder, train=tiny, val=tiny, test=tiny, reporter=reporter)


def weights(run):
    return torch.cat([value.double().flatten() for value in run.state()["network"].values()])


class Stop(Exception):
    """What a killed process looks like from inside."""


class StopAt:
    def __init__(self, step):
        self.step = step

    def on_losses(self, step, losses):
        if step >= self.step:
            raise Stop

    def on_scores(self, step, scores): ...


def test_schedule_is_the_papers():
    options = OptimisationConfig(iterations=100, learning_rate=2.5e-3)
    assert learning_rate(0, options) == 2.5e-3
    assert learning_rate(40, options) == pytest.approx(2.5e-3 * 0.6**0.9)
    stepped = replace(options, schedule_interval=25)
    assert learning_rate(40, stepped) == learning_rate(25, options)


def test_same_seed_same_weights_and_another_seed_others(tiny):
    runs = [trainer(tiny, seed=seed) for seed in (0, 0, 1)]
    for run in runs:
        run.fit()
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(weights(runs[0]), weights(runs[2]))


BANK = {"reco": replace(OPTIONS.reco, bank_size=32)}
ADAMW = {"optimiser": replace(OPTIONS.optimisation, optimiser="adamw", learning_rate=3e-3)}
RESUMED = [(2, {}), (4, {}), (4, {"method": "reco+s4gan"}), (4, BANK), (4, {"method": "reco+unimatch"}), (4, ADAMW)]


@pytest.mark.parametrize(("stop", "changes"), RESUMED)
def test_resuming_ends_in_the_same_weights_bit_for_bit(tiny, tmp_path, stop, changes):
    whole = trainer(tiny, **changes)
    record = whole.fit()
    with pytest.raises(Stop):
        trainer(tiny, tmp_path, reporter=StopAt(stop + 2), **changes).fit()
    assert load_checkpoint(tmp_path / NAME)["step"] == stop
    resumed = trainer(tiny, tmp_path, **changes)
    again = resumed.fit()
    assert torch.equal(weights(whole), weights(resumed))
    for key in ("history", "test", "val", "split"):
        assert record[key] == again[key]


def test_methods_share_labelled_images_and_first_weights(tiny):
    first = {}
    for method in ("supervised", "classmix", "reco+classmix"):
        run = trainer(tiny, method=method)
        labelled, _ = next(run._batches(range(1)))
        first[method] = (weights(run), run.split.digest, labelled[0])
    reference = first.pop("supervised")
    for other in first.values():
        assert torch.equal(reference[0], other[0]) and reference[1] == other[1]
        assert torch.equal(reference[2], other[2])


ALL_METHODS = ["supervised", "mean_teacher", "cutout", "cutmix", "classmix", "s4gan", "unimatch"]
ALL_METHODS += ["reco+classmix", "reco+s4gan", "reco+unimatch"]


@pytest.fixture(scope="module")
def toys():
    return datasets.cached(datasets.load("toyscapes", length=PROFILES["smoke"].train_images, size=(48, 48)))


@pytest.mark.parametrize("method", ALL_METHODS)
def test_each_method_learns(toys, method):
    """On toyscapes the supervised loss falls, and every loss that the method promises is there and not zero."""
    steps = replace(OPTIONS.optimisation, iterations=30)
    easy = replace(OPTIONS.reco, strong_threshold=0.4)  # some pseudo-labels are confident enough within thirty steps
    run = trainer(toys, method=method, optimisation=steps, reco=easy, s4gan_threshold=0.4, consistency_threshold=0.4)
    history = run.fit()["history"]
    losses = [entry for entry in history if "supervised" in entry]
    assert losses[-1]["supervised"] < 0.7 * losses[0]["supervised"]
    promised = {"supervised"} | ({"unsupervised"} if run.options.uses_unlabelled else set())
    promised |= {"reco"} if run.options.uses_reco else set()
    promised |= {"feature_matching", "discriminator"} if "s4gan" in method else set()
    assert set(losses[-1]) == promised | {"step"}
    assert all(max(entry[name] for entry in losses) > 0 for name in promised)


TERMS = [(method, "unsupervised") for method in ("mean_teacher", "cutout", "cutmix", "classmix", "s4gan", "unimatch")]


@pytest.mark.parametrize(("method", "name"), [*TERMS, ("s4gan", "feature_matching"), ("reco+supervised", "reco")])
def test_each_term_moves_the_weights(tiny, method, name):
    """Without the term, the same steps end in other weights: it is not only computed."""
    easy = replace(OPTIONS.reco, strong_threshold=0.6)  # pseudo-labels weigh something after a few steps
    changed = {"method": method, "reco": easy, "s4gan_threshold": 0.1, "consistency_threshold": 0.4}
    run, without = trainer(tiny, **changed), trainer(tiny, **changed)
    drop_term(without, name)
    for _ in range(6):
        batches = next(run._batches(range(1)))
        losses = run.training_step(*batches)
        assert without.training_step(*batches)[name] == 0
    assert losses[name] > 0
    same = zip(run.student.parameters(), without.student.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in same)


def drop_term(run, name):
    """Let one term of the objective be an attached zero."""
    if name == "reco":
        run.regional_contrast = lambda regions, generator: 0 * regions[0][0].representation.sum()
    elif run.adversary is not None:
        losses = run.adversary.student_losses
        run.adversary.student_losses = lambda *judged: {
            key: 0 * value if key == name else value for key, value in losses(*judged).items()
        }
    elif run.teacher is None:
        run.options = replace(run.options, consistency_threshold=2.0)
    else:
        label = run.teacher.label

        def sure_of_nothing(*arguments):
            labels, confidence = label(*arguments)
            return labels, 0 * confidence

        run.teacher.label = sure_of_nothing


def test_partial_labels_train_on_every_image(tiny):
    run = trainer(tiny, method="reco+classmix", data=replace(OPTIONS.data, partial_labels="5%"))
    assert sorted(run.split.labelled) == sorted(run.split.unlabelled) == list(range(8))
    (_, labels), _ = next(run._batches(range(1)))
    assert 0.03 < (labels != 255).float().mean() < 0.15
    history = run.fit()["history"]
    assert history[0]["supervised"] > 0 and history[0]["reco"] > 0


def test_a_share_of_the_unlabelled_images(tiny):
    run = trainer(tiny, data=replace(OPTIONS.data, unlabelled_share=0.5))
    assert len(run.split.unlabelled) == 3 and not set(run.split.unlabelled) & set(run.split.labelled)
    with pytest.raises(InputError, match=r"unlabelled_share 0.0 is not a share"):
        trainer(tiny, data=replace(OPTIONS.data, unlabelled_share=0.0))


def test_bf16_trains(tiny):
    run = trainer(tiny, precision="bf16-mixed", optimisation=replace(OPTIONS.optimisation, iterations=20))
    losses = [entry for entry in run.fit()["history"] if "supervised" in entry]
    assert losses[-1]["supervised"] < 0.7 * losses[0]["supervised"]


def test_a_compiled_network_ends_in_the_same_weights(tiny, monkeypatch):
    """The capture alone, without a code generator, changes no bit and keeps the checkpoint's names."""
    plain = trainer(tiny)
    plain.fit()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    captured = trainer(tiny, compile=True)
    captured.fit()
    assert list(captured.state()["network"]) == list(plain.state()["network"])
    assert torch.equal(weights(captured), weights(plain))


def test_eta_and_the_ramp_are_used(tiny):
    """Each option of the presets changes the weights that a run ends in."""
    easy = replace(OPTIONS.reco, strong_threshold=0.5)
    runs = [trainer(tiny, reco=easy, **change) for change in ({}, {"eta": "batch"}, {"teacher_ramp": False})]
    runs.append(trainer(tiny, reco=replace(easy, reduction="sum")))
    ends = [run.fit() and weights(run) for run in runs]
    assert not any(torch.equal(ends[0], other) for other in ends[1:])


def test_the_truth_of_unlabelled_images_is_withheld(tiny):
    crops = WeakCrops(tiny, (40, 40), (1.0, 1.0), seed=0, name="unlabelled", labelled=False)
    _, label = crops[(1, 0)]
    assert set(label.unique().tolist()) == {0, 255}, "validity alone: 255 where there is padding"


def test_streams_visit_every_image_once_an_epoch_and_can_start_anywhere():
    def stream(steps, **process):
        return [b for b in StreamSampler(range(10, 17), 3, steps, seed=1, name="labelled", **process)]

    batches = stream(range(7))
    visited = [index for batch in batches for index, _ in batch]
    assert sorted(visited[:7]) == sorted(visited[7:14]) == list(range(10, 17)) and visited[:7] != visited[7:14]
    assert [draw for batch in batches for _, draw in batch] == list(range(21))
    assert stream(range(4, 7)) == batches[4:]
    ranks = [stream(range(3), rank=rank, world_size=2) for rank in (0, 1)]
    assert [b for pair in zip(*ranks, strict=True) for b in pair] == batches[:6]


def test_record_names_what_is_needed_to_repeat_it(tiny):
    record = trainer(tiny).fit()
    assert record["config"]["seed"] == 0 and len(record["split"]["labelled"]) == 2
    assert set(record["test"]) == {"last", "best"} and 0 <= record["test"]["best"]["miou"] <= 1
    assert record["environment"]["device"] == "cpu" and record["seconds"] > 0
    best = max(entry["miou"] for entry in record["history"] if "miou" in entry)
    assert record["val"]["best"]["miou"] == pytest.approx(best, abs=1e-6)


def test_clear_errors(tiny, tmp_path):
    with pytest.raises(InputError, match=r"crop 64 x 64 is larger than image 'scene00' of 32 x 32"):
        trainer(tiny, data=replace(OPTIONS.data, crop=(64, 64)))
    with pytest.raises(InputError, match="'classmix' needs unlabelled images, but all 8 are labelled"):
        trainer(tiny, method="classmix", data=replace(OPTIONS.data, num_labelled=None))
    with pytest.raises(InputError, match="9 labelled images asked for, but 8"):
        trainer(tiny, data=replace(OPTIONS.data, num_labelled=9))
    trainer(tiny, tmp_path).fit()
    with pytest.raises(InputError, match="holds a run with another configuration"):
        trainer(tiny, tmp_path, seed=1).fit()
