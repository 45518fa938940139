"""reco_core.methods: the registry, what every method promises the trainer, and a new method (example_method.py)."""

import pytest
import torch
from core.example_method import PseudoLabel
from shared import ROOT, Stop, StopAt, losses_of, tiny_run, tiny_trainer, weights

from reco_core.errors import InputError
from reco_core.methods import METHOD_NAMES, METHODS, Entry, UnlabelledBatch, method_entry
from reco_core.runs.checkpoints import NAME, load_checkpoint

UNLABELLED = [name for name, entry in METHODS.items() if entry.build is not None]


@pytest.mark.parametrize("name", ["recoo", "ClassMix", "", "reco+", "reco+reco+classmix", "classmix "])
def test_an_unknown_name_is_refused_with_the_choices(name):
    for refused in (lambda: method_entry(name), lambda: tiny_trainer(method=name)):
        with pytest.raises(InputError) as caught:
            refused()
        message = str(caught.value)
        assert repr(name) in message and "reco+" in message
        assert all(known in message.partition(repr(name))[2] for known in METHODS)


def test_the_fourteen_names_have_titles():
    bases = ["supervised", "mean_teacher", "cutout", "cutmix", "classmix", "s4gan", "unimatch"]
    assert list(METHOD_NAMES) == [*bases, *(f"reco+{name}" for name in bases)]
    assert len(set(METHOD_NAMES.values())) == 14 and all(METHOD_NAMES.values())
    for name in bases:
        assert method_entry(name) is method_entry(f"reco+{name}") is METHODS[name]
        assert METHOD_NAMES[name] == METHODS[name].title
        assert METHOD_NAMES[f"reco+{name}"] == f"ReCo + {METHODS[name].title}"


def test_supervised_runs_have_no_method():
    run = tiny_trainer(method="reco+supervised")
    assert run.method is None and method_entry("reco+supervised").build is None
    assert tiny_trainer(method="classmix").method is not None


def unlabelled_batch(run, with_representation):
    """Two images of 32 x 32 with an eighth of padding on the right."""
    generator = torch.Generator().manual_seed(0)
    images, labelled = torch.rand(2, 2, 3, 32, 32, generator=generator)
    valid = torch.ones(2, 32, 32, dtype=torch.bool)
    valid[:, :, 28:] = False
    labels = torch.randint(3, (2, 32, 32), generator=generator)
    return UnlabelledBatch(images, valid, (labelled, labels), run.student, with_representation, generator, generator)


@pytest.fixture
def registered(monkeypatch):
    """The example, in the registry for the length of a test."""
    monkeypatch.setitem(METHODS, "pseudo_label", Entry("Pseudo-label", PseudoLabel))


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("with_representation", [False, True])
@pytest.mark.parametrize("name", [*UNLABELLED, "pseudo_label"])
def test_what_every_method_returns(name, with_representation):
    """Shapes and types as `methods/base.py` says; padding has no label; the loss reaches the student alone."""
    run = tiny_trainer(method=f"reco+{name}", consistency_threshold=0.0, s4gan_threshold=0.0)
    terms = run.method(unlabelled_batch(run, with_representation))
    assert terms.labels.shape == terms.confidence.shape == (2, 32, 32)
    assert terms.labels.dtype == torch.int64 and terms.confidence.dtype == torch.float32
    assert set(terms.labels.unique().tolist()) <= {0, 1, 2, 255}
    ignored = (terms.labels == 255).sum()
    assert ignored > 2 * 32 * 4 if name == "cutout" else ignored == 2 * 32 * 4, "padding, and what is cut out"
    assert terms.confidence.min() >= 0 and terms.confidence.max() <= 1
    assert not terms.labels.requires_grad and not terms.confidence.requires_grad
    assert (terms.output.representation is not None) == with_representation
    assert terms.output.logits.shape == (2, 3, 8, 8)
    assert all(loss.shape == () and loss.isfinite() for loss in terms.losses.values())
    sum(terms.losses.values()).backward()
    assert all(weight.grad is not None for weight in run.student.module.classifier.parameters())
    assert all(weight.grad is None for weight in run.method.parameters())
    assert all(value.isfinite() and not value.requires_grad for value in terms.after_step(1).values())


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("reco", ["", "reco+"])
def test_a_new_method_trains(reco):
    """It learns something that supervised training does not, and nothing else: with no confident pixel it is that."""
    losses, ends = {}, {}
    for method, threshold in (("supervised", 0.3), ("pseudo_label", 0.3), ("pseudo_label", 2.0)):
        run = tiny_trainer(method=reco + method, consistency_threshold=threshold, weak_threshold=2.0)
        losses[method, threshold] = losses_of(run)
        ends[method, threshold] = torch.cat([weight.detach().flatten() for weight in run.student.parameters()])
    for step in losses["pseudo_label", 0.3]:
        assert set(step) == {"supervised", "unsupervised", "hard"} | ({"reco"} if reco else set())
        assert step["unsupervised"] > 0
    assert not torch.equal(ends["pseudo_label", 0.3], ends["supervised", 0.3])
    assert all(step["unsupervised"] == 0 for step in losses["pseudo_label", 2.0])
    if not reco:  # with ReCo, unlabelled pixels take part in the draws, even as ignored ones
        assert torch.equal(ends["pseudo_label", 2.0], ends["supervised", 0.3])


@pytest.mark.usefixtures("registered")
def test_reco_contrasts_the_labels_of_a_new_method():
    """Trusted pseudo-labels are regions to contrast: other thresholds of trust, other ReCo losses."""
    trusting, wary = (
        losses_of(tiny_trainer(method="reco+pseudo_label", weak_threshold=threshold)) for threshold in (0.0, 2.0)
    )
    assert trusting[0]["reco"] > 0 and trusting[0]["reco"] != wary[0]["reco"]
    assert trusting[0]["supervised"] == wary[0]["supervised"]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("method", ["pseudo_label", "reco+pseudo_label"])
def test_a_session_resumes_a_new_method_bit_for_bit(tmp_path, method):
    changes = {"method": method, "consistency_threshold": 0.3}
    whole = tiny_run(**changes)
    record = whole.run()
    with pytest.raises(Stop):
        tiny_run(tmp_path, reporter=StopAt(4), **changes).run()
    assert load_checkpoint(tmp_path / NAME)["trainer"]["step"] == 3
    resumed = tiny_run(tmp_path, **changes)
    again = resumed.run()
    assert torch.equal(weights(whole), weights(resumed))
    assert again.history == record.history and again.scores == record.scores and again.method == method


@pytest.mark.usefixtures("registered")
def test_a_new_method_trains_in_half_precision():
    run = tiny_trainer(method="reco+pseudo_label", consistency_threshold=0.3, precision="bf16-mixed", iterations=2)
    assert all(0 < step[name] < 10 for step in losses_of(run) for name in step)


def test_the_guide_shows_the_example_as_it_is():
    shown = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = (ROOT / "tests" / "core" / "example_method.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```" in shown
