"""reco_core.trainers and the streams that feed it: training on tiny scenes, without files or records."""

import functools
from dataclasses import replace

import pytest
import torch
from lightning_fabric.plugins import MixedPrecision, Precision
from shared import LEARNERS, TINY, TinyScenes, eager, losses_of, tiny_options, tiny_trainer, weights

from reco_core.augment import reduce_labels
from reco_core.config import OptimisationConfig
from reco_core.datasets.streams import StreamSampler, WeakCrops
from reco_core.errors import InputError
from reco_core.trainers import Trainer, learning_rate, make_optimiser


def end_of(run):
    """The weights after the last step."""
    run.fit()
    return weights(run)


def falls(losses):
    """Whether the supervised loss falls by 30 % from the first two steps to the last two."""
    first, last = (sum(step["supervised"] for step in part) for part in (losses[:2], losses[-2:]))
    return last < 0.7 * first


def test_schedule_is_the_papers():
    options = OptimisationConfig(iterations=100, learning_rate=2.5e-3)
    assert learning_rate(0, options) == 2.5e-3
    assert learning_rate(40, options) == pytest.approx(2.5e-3 * 0.6**0.9)
    stepped = replace(options, schedule_interval=25)
    assert learning_rate(40, stepped) == learning_rate(25, options)


def test_the_schedule_is_used():
    run = tiny_trainer(iterations=4)
    rates = [run.optimiser.param_groups[0]["lr"] for _ in run.steps()]
    assert rates == [learning_rate(step, run.options.optimisation) for step in range(4)]


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_one_kernel_moves_the_weights_as_a_loop_over_them_does(name):
    """With Fabric's scaled loss of half precision too: the kernel divides by the scale; an overflow moves nothing."""
    ends = []
    for fused, scaler in ((False, None), (True, None), (True, torch.amp.GradScaler("cpu"))):
        network = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Linear(7, 2))
        for value in network.parameters():
            torch.nn.init.constant_(value, 0.1)
        optimiser = make_optimiser(network, OptimisationConfig(optimiser=name, learning_rate=0.01), "cpu")
        assert optimiser.param_groups[0]["fused"]
        optimiser.param_groups[0]["fused"] = fused
        precision = Precision() if scaler is None else MixedPrecision("16-mixed", "cpu", scaler)
        for factor in (1.0, 2.0, torch.inf, 3.0) if scaler else (1.0, 2.0, 3.0):
            optimiser.zero_grad()
            precision.backward(factor * network(torch.ones(1, 5)).square().sum(), None)
            precision.optimizer_step(optimiser)
        ends.append(torch.cat([value.detach().flatten() for value in network.parameters()]))
    assert (ends[0] - 0.1).abs().max() > 0.01
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(ends[2], ends[0], rtol=0, atol=1e-6)


def test_same_seed_same_weights_and_another_seed_others():
    first, again, other = (end_of(tiny_trainer(seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_steps_count_and_end_where_fit_does():
    """A loop of one's own may look at the run after every step."""
    run, whole = tiny_trainer(), tiny_trainer()
    assert [run.step for _ in run.steps()] == [1, 2, 3, 4, 5, 6]
    assert torch.equal(weights(run), end_of(whole)) and whole.step == 6
    assert list(run.steps()) == [], "nothing is left to do"


BANK = {"reco": replace(TINY.reco, bank_size=32)}


@pytest.mark.parametrize(
    "changes", [{}, {"method": "reco+s4gan"}, {"method": "unimatch"}, {"method": "supervised"}, BANK]
)
def test_a_state_is_all_that_another_trainer_needs_to_go_on(tmp_path, changes):
    """Written and read as a checkpoint is, after half of the steps."""
    whole, later = tiny_trainer(**changes), tiny_trainer(**changes)
    for _ in whole.steps():
        if whole.step == 3:
            torch.save(whole.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    later.load_state_dict(state)
    assert later.step == 3
    restored = {f"network.{name}": value for name, value in later.network.state_dict().items()}
    assert restored.keys() == state["average"].keys()
    assert all(torch.equal(restored[name], value) for name, value in state["average"].items())
    later.fit()
    assert torch.equal(weights(later), weights(whole))
    ends = (torch.cat([p.flatten() for p in run.student.parameters()]) for run in (later, whole))
    assert torch.equal(*ends)


def test_a_step_can_be_read_again_and_its_images_have_names(tiny):
    run = tiny_trainer(tiny)
    step, again = list(run.batches(range(6)))[4], next(run.batches(range(4, 5)))
    for one, other in zip(step, again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    names = run.names_of(4)
    assert set(names["labelled"]) <= set(run.split.names) and not set(names["unlabelled"]) & set(run.split.names)
    plain = tiny_trainer(tiny, crop=(32, 32), method="supervised")
    assert set(plain.names_of(4)) == {"labelled"} and len(plain.names_of(4)["labelled"]) == 2


def test_methods_share_labelled_images_and_first_weights():
    first = {}
    for method in ("supervised", "classmix", "reco+classmix"):
        run = tiny_trainer(method=method)
        labelled, _ = next(run.batches(range(1)))
        first[method] = (weights(run), run.split.digest, labelled[0])
    reference = first.pop("supervised")
    for other in first.values():
        assert torch.equal(reference[0], other[0]) and reference[1] == other[1]
        assert torch.equal(reference[2], other[2])


def test_the_moving_average_is_the_network_that_counts():
    """The teacher's where there is one (published experiments); of every other method one that labels nothing."""
    taught, alone = tiny_trainer(method="classmix"), tiny_trainer(method="unimatch")
    assert taught.network is taught.teacher.network and taught.network is not taught.student.module
    assert alone.teacher is None and alone.network is alone.average.network is not alone.student.module


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "supervised"},
        {"method": "reco+supervised", "teacher_decay": 0.6},
        {"method": "unimatch", "teacher_ramp": False, "teacher_decay": 0.6},
        {"method": "supervised", "teacher_batch_norm": "own"},  # nothing passes through it: the student's statistics
    ],
)
def test_the_average_of_a_method_without_a_teacher_by_hand(changes):
    run = tiny_trainer(**changes)
    expected = [value.detach().double().clone() for value in run.student.module.parameters()]
    for _ in run.steps():
        ramp = 1 - 1 / (run.step + 1) if run.options.teacher_ramp else 1.0
        kept = min(ramp, run.options.teacher_decay)
        for own, value in zip(expected, run.student.module.parameters(), strict=True):
            own.mul_(kept).add_((1 - kept) * value.detach().double())
    for own, value in zip(expected, run.network.parameters(), strict=True):
        torch.testing.assert_close(value.double(), own, rtol=1e-4, atol=1e-6)
    for own, other in zip(run.network.buffers(), run.student.module.buffers(), strict=True):
        assert torch.equal(own, other)
    assert not torch.equal(weights(run), flat_state(run.student.module)), "an average of other weights"


def flat_state(network):
    """All numbers of a network's state in a row."""
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


@pytest.mark.parametrize("method", ["supervised", "classmix", "reco+unimatch"])
def test_the_share_of_hard_pixels_by_hand(method):
    """Of the labelled pixels and the trusted pseudo-labels, those whose class has less than delta_s in the student."""
    run = tiny_trainer(**eager(method=method, weak_threshold=0.35))
    seen, contrasted = [], run.contrasted_labels
    run.contrasted_labels = lambda regions: seen.append(regions) or contrasted(regions)
    shares = [losses["hard"].item() for losses in run.steps()]
    assert len(seen) == len(shares) == 6 and max(shares) > 0 and min(shares) < 1
    for regions, share in zip(seen, shares, strict=True):
        hard = valid = 0
        for output, labels in regions:
            small, probability = reduce_labels(labels, output.logits.shape[-2:]), output.logits.softmax(dim=1)
            for image, row, column in (small != 255).nonzero().tolist():
                valid += 1
                hard += probability[image, small[image, row, column], row, column].item() < 0.4
        assert share == pytest.approx(hard / valid)


@pytest.mark.parametrize("method", LEARNERS)
def test_each_method_learns(toys, method):
    """On toyscapes the supervised loss falls, and every loss that the method promises is there and not zero."""
    run = tiny_trainer(toys, **eager(method=method, iterations=30))
    losses = losses_of(run)
    assert falls(losses)
    promised = {"supervised", "hard"} | ({"unsupervised"} if run.options.uses_unlabelled else set())
    promised |= {"reco"} if run.options.uses_reco else set()
    promised |= {"feature_matching", "discriminator"} if "s4gan" in method else set()
    assert all(set(step) == promised for step in losses)
    assert all(max(step[name] for step in losses) > 0 for name in promised)


TERMS = [(method, "unsupervised") for method in ("mean_teacher", "cutout", "cutmix", "classmix", "s4gan", "unimatch")]


@pytest.mark.parametrize(("method", "name"), [*TERMS, ("s4gan", "feature_matching"), ("reco+supervised", "reco")])
def test_each_term_moves_the_weights(method, name):
    """Without the term, the same steps end in other weights: it is not only computed."""
    easy = replace(TINY.reco, strong_threshold=0.6)  # pseudo-labels weigh something after a few steps
    changed = eager(method=method, reco=easy, s4gan_threshold=0.1)
    run, without = tiny_trainer(**changed), tiny_trainer(**changed)
    drop_term(without, name)
    for _ in range(6):
        batches = next(run.batches(range(1)))
        losses = run.training_step(*batches)
        assert without.training_step(*batches)[name] == 0
    assert losses[name] > 0
    same = zip(run.student.parameters(), without.student.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in same)


def drop_term(run, name):
    """Let one term of the objective be an attached zero."""
    if name == "reco":
        run.regional_contrast = lambda outputs, *others: 0 * outputs[0].representation.sum()
    elif run.options.base_method == "s4gan":
        losses = run.method.adversary.student_losses
        run.method.adversary.student_losses = lambda *judged: {
            key: 0 * value if key == name else value for key, value in losses(*judged).items()
        }
    elif run.options.base_method == "unimatch":
        run.method.threshold = 2.0
    else:
        label = run.teacher.label

        def sure_of_nothing(*arguments):
            labels, confidence = label(*arguments)
            return labels, 0 * confidence

        run.teacher.label = sure_of_nothing


def test_partial_labels_train_on_every_image():
    run = tiny_trainer(partial_labels="5%")
    assert sorted(run.split.labelled) == sorted(run.split.unlabelled) == list(range(8))
    (_, labels), _ = next(run.batches(range(1)))
    assert 0.03 < (labels != 255).float().mean() < 0.15
    losses = losses_of(run)
    assert losses[0]["supervised"] > 0 and losses[0]["reco"] > 0


def test_a_share_of_the_unlabelled_images():
    run = tiny_trainer(unlabelled_share=0.5)
    assert len(run.split.unlabelled) == 3 and not set(run.split.unlabelled) & set(run.split.labelled)


def test_bf16_trains():
    assert falls(losses_of(tiny_trainer(precision="bf16-mixed", iterations=20)))


def test_compiled_networks_end_in_the_same_weights(monkeypatch):
    """The capture alone, without a code generator, changes no bit; it takes the teacher too, and keeps all names."""
    plain = tiny_trainer()
    plain.fit()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    captured = tiny_trainer(compile=True)
    captured.fit()
    assert all(part._compiled_call_impl for part in (captured.student.module, captured.teacher.network))
    assert list(captured.network.state_dict()) == list(plain.network.state_dict())
    assert list(captured.state_dict()["student"]) == list(plain.state_dict()["student"])
    assert torch.equal(weights(captured), weights(plain))


def test_without_a_compiler_a_run_goes_on_and_says_so(monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("no C++ compiler\nand a long story")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.warns(UserWarning, match="--compile: no C.. compiler; the run goes on uncompiled"):
        run = tiny_trainer(compile=True, iterations=1)
    run.fit()
    assert run.step == 1


def test_eta_and_the_ramp_are_used():
    """Each option of the presets changes the weights that a run ends in."""
    easy = replace(TINY.reco, strong_threshold=0.5)
    plain, *others = (
        end_of(tiny_trainer(reco=easy, **change))
        for change in ({}, {"eta": "batch"}, {"teacher_ramp": False}, {"teacher_batch_norm": "copy"})
    )
    others.append(end_of(tiny_trainer(reco=replace(easy, reduction="sum"))))
    assert not any(torch.equal(plain, other) for other in others)


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


def test_a_trainer_writes_and_prints_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    tiny_trainer().fit()
    assert list(tmp_path.iterdir()) == [] and capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop": (64, 64)}, r"crop 64 x 64 is larger than image 'scene00' of 32 x 32 .*choose a smaller crop"),
        ({"crop": (8, 8), "method": "s4gan"}, r"crop 8 x 8 is too small: method 's4gan' needs 16 x 16"),
        ({"method": "classmix", "num_labelled": None}, "'classmix' needs unlabelled images, but all 8 .*'supervised'"),
        ({"num_labelled": 9}, "9 labelled images asked for, but 8 .*from 1 to 8"),
        ({"accelerator": "abacus"}, "'abacus' .*choose another --accelerator"),
    ],
)
def test_clear_errors(changes, message):
    with pytest.raises(InputError, match=message):
        tiny_trainer(**changes)


def test_all_labelled_images_serve_a_supervised_run():
    run = Trainer(tiny_options(method="reco+supervised", num_labelled=None), TinyScenes())
    assert len(run.split.labelled) == 8 and run.split.unlabelled == ()
