"""On a GPU: the same mathematics as on the CPU, no step that waits for it, and every method trains there."""

from dataclasses import replace

import pytest
import torch
from examples import example, rows
from shared import LEARNERS, TINY, Stop, StopAt, eager, losses_of, tiny_run, tiny_trainer, weights

from reco_book.reference import oracle
from reco_core.analysis.inference import load_trained
from reco_core.evaluation import evaluate
from reco_core.losses import RegionalContrastLoss
from reco_core.runs.checkpoints import NAME, load_checkpoint
from reco_core.sampling import FeatureBank

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]


def seeded(seed=0):
    return torch.Generator("cuda").manual_seed(seed)


def on_gpu(*tensors):
    return [tensor.cuda() for tensor in tensors]


@pytest.mark.parametrize("sharing", ["class", "query"])
@pytest.mark.parametrize("key_sampling", ["relation", "uniform"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_equals_the_oracle_on_the_drawn_pixels(sharing, key_sampling, last, dtype, tolerance):
    """:eq:`eq-reco`; two of six classes are absent."""
    representation, labels, confidence = example(dtype=dtype)
    if last:
        representation = representation.to(memory_format=torch.channels_last)
    loss = RegionalContrastLoss(
        6, 9, 0.3, strong_threshold=0.5, key_sampling=key_sampling, key_sharing=sharing, num_classes=6
    )
    batch = on_gpu(representation, labels, confidence)
    drawn = loss.draw(*batch, generator=seeded())
    value = loss(*batch, generator=seeded()).item()
    flat = labels.flatten().tolist()
    queries = {c: drawn.queries[c].tolist() for c in range(4)}
    assert all(flat[q] == c and confidence.flatten()[q] < 0.5 for c in queries for q in queries[c])
    keys = {c: drawn.keys[c].tolist() if sharing == "query" else [drawn.keys[c].tolist()] * 6 for c in range(4)}
    assert all(flat[k] not in (c, 255) for c in keys for each in keys[c] for k in each)
    assert value == pytest.approx(oracle.reco_loss(rows(representation), flat, queries, keys, 0.3), abs=tolerance)


@pytest.mark.parametrize("sharing", ["class", "query"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_gradient_is_the_cpus_for_the_same_draws(monkeypatch, sharing, reduction):
    loss = RegionalContrastLoss(16, 32, key_sharing=sharing, reduction=reduction, num_classes=6)
    gradients = {}
    draws = loss.draw(*on_gpu(*example()), generator=seeded())
    for device in ("cuda", "cpu"):
        representation, labels, confidence = (tensor.to(device) for tensor in example())
        same = draws._replace(**{name: value.to(device) for name, value in draws._asdict().items()})
        monkeypatch.setattr(loss, "draw", lambda *_, same=same: same)
        representation.requires_grad_()
        loss(representation, labels, confidence).backward()
        gradients[device] = representation.grad.cpu()
    assert gradients["cpu"].abs().max() > 0
    torch.testing.assert_close(gradients["cuda"], gradients["cpu"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("sharing", ["class", "query"])
@pytest.mark.parametrize("bank", [False, True])
def test_the_loss_never_waits(sharing, bank):
    """Whoever reads a value back makes the processor wait for the GPU; the loss does not, forward or backward."""
    representation, labels, confidence = on_gpu(*example(dtype=torch.float32))
    representation.requires_grad_()
    stored = FeatureBank(6, 5, 32, per_step=8).cuda() if bank else None
    loss = RegionalContrastLoss(16, 32, key_sharing=sharing, num_classes=6, bank=stored)
    loss(representation, labels, confidence).backward()  # what is made once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss(representation, labels, confidence, generator=seeded()).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert representation.grad.isfinite().all()


def reported(record):
    """The losses of a record, averaged between reports."""
    return [entry for entry in record.history if "supervised" in entry]


@pytest.mark.parametrize("method", LEARNERS)
def test_each_method_learns(toys, method):
    # 80 steps, because S4GAN learns slowly: after 30 a GPU's last bits may decide.
    run = tiny_run(data=toys, **eager(method=method, iterations=80, accelerator="cuda"))
    record = run.run()
    losses = reported(record)
    assert losses[-1]["supervised"] < 0.7 * losses[0]["supervised"]
    promised = {"supervised", "step"} | ({"unsupervised"} if run.options.uses_unlabelled else set())
    promised |= {"reco"} if run.options.uses_reco else set()
    promised |= {"feature_matching", "discriminator"} if "s4gan" in method else set()
    assert set(losses[0]) == promised
    assert all(max(entry[name] for entry in losses) > 0 for name in promised)
    assert record.about.environment["device"].startswith("cuda")
    assert record.about.environment["device_name"] == torch.cuda.get_device_name()


@pytest.mark.parametrize("method", LEARNERS)
def test_no_step_waits(method):
    """After the first step, with its batch on the GPU, a whole training step reads nothing back."""
    run = tiny_trainer(method=method, accelerator="cuda")
    labelled, unlabelled = (batch and [tensor.cuda() for tensor in batch] for batch in next(run.batches(range(1))))
    for _ in range(2):
        run.training_step(labelled, unlabelled)
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = run.training_step(labelled, unlabelled)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(value.isfinite() for value in losses.values())


ON_GPU_FOR_30_STEPS = {"accelerator": "cuda", "iterations": 30}


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_half_precision_trains(toys, precision):
    losses = [step["supervised"] for step in losses_of(tiny_trainer(toys, precision=precision, **ON_GPU_FOR_30_STEPS))]
    assert sum(losses[-2:]) < 0.7 * sum(losses[:2])


def test_the_same_choices_as_on_the_cpu():
    """Split, first weights and batches are those of the CPU, and so is the first step's supervised loss."""
    first = {}
    for device in ("cpu", "cuda"):
        run = tiny_trainer(method="supervised", accelerator=device)
        labelled, _ = next(run.batches(range(1)))
        start = weights(run).cpu()
        first[device] = run.split.digest, start, labelled[0].cpu(), run.training_step(labelled, None)["supervised"]
    for mine, other in zip(first["cpu"][1:3], first["cuda"][1:3], strict=True):
        assert torch.equal(mine, other)
    assert first["cpu"][0] == first["cuda"][0]
    assert first["cuda"][3].item() == pytest.approx(first["cpu"][3].item(), rel=1e-2)  # convolutions may use TF32


OWN_KEYS = {"reco": replace(TINY.reco, key_sharing="query")}
REPEATED = [("supervised", {}), ("classmix", {}), ("reco+classmix", {}), ("reco+classmix", OWN_KEYS), ("s4gan", {})]


@pytest.fixture
def deterministic():
    """Kernels that add in a fixed order, or the last bits of two runs differ, and soon the choices that they decide."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.filterwarnings("ignore:nll_loss2d_forward")
@pytest.mark.parametrize(("method", "changes"), [*REPEATED, ("reco+unimatch", {})])
def test_deterministic_kernels_repeat_a_run_bit_for_bit(method, changes):
    runs = [tiny_trainer(method=method, accelerator="cuda", **changes) for _ in range(2)]
    for run in runs:
        run.fit()
    assert torch.equal(weights(runs[0]), weights(runs[1]))


@pytest.mark.usefixtures("deterministic")
@pytest.mark.filterwarnings("ignore:nll_loss2d_forward")
@pytest.mark.parametrize(("method", "changes"), [*REPEATED, ("reco+unimatch", {})])
def test_a_resumed_run_ends_where_the_whole_one_does_bit_for_bit(tmp_path, method, changes):
    changes = {"method": method, "accelerator": "cuda", "checkpoint_every": 2, "log_every": 1, **changes}
    with pytest.raises(Stop):
        tiny_run(tmp_path, reporter=StopAt(3), **changes).run()
    assert load_checkpoint(tmp_path / NAME)["trainer"]["step"] == 2
    runs = tiny_run(**changes), tiny_run(tmp_path, **changes), tiny_run(seed=1, **changes)
    losses = [reported(run.run()) for run in runs]
    whole, again, other = map(weights, runs)
    assert losses[1] == losses[0] and len(losses[0]) == TINY.optimisation.iterations
    assert torch.equal(again, whole) and not torch.equal(other, whole)


def test_a_checkpoint_of_the_gpu_scores_the_same_on_the_cpu(toys, tmp_path):
    record = tiny_run(tmp_path, toys, **ON_GPU_FOR_30_STEPS).run()
    network = load_trained(tmp_path / NAME).network
    scores = {device: evaluate(network.to(device), toys, device=device) for device in ("cpu", "cuda")}
    assert scores["cuda"].pixel_accuracy == pytest.approx(scores["cpu"].pixel_accuracy, abs=2e-3)
    assert record.val.pixel_accuracy == pytest.approx(scores["cuda"].pixel_accuracy, abs=2e-3)
    assert scores["cpu"].pixel_accuracy > 0.3
