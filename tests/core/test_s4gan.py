"""reco_core.methods.s4gan: its terms on cases that can be worked out by hand."""

import copy

import pytest
import torch
from torch.nn import functional as F

from reco_core.methods.s4gan import Adversary, one_hot_maps


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    images, unlabelled = torch.rand(2, 2, 3, 32, 32, generator=generator)
    labels = torch.randint(3, (2, 32, 32), generator=generator)
    logits = torch.randn(2, 3, 32, 32, generator=generator).requires_grad_()
    valid = torch.ones(2, 32, 32, dtype=torch.bool)
    return (images, labels), (unlabelled, logits, valid)


def adversary(**options):
    torch.manual_seed(0)
    return Adversary(3, width=4, **options)


def test_maps_of_labels():
    maps = one_hot_maps(torch.tensor([[[0, 2, 255]]]), 3)
    assert maps[0, :, 0].T.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_self_training_learns_from_images_that_deceive_alone(batch):
    everyone, no_one = adversary(threshold=0.0), adversary(threshold=1.0)
    labelled, (unlabelled, logits, valid) = batch
    own = everyone.student_losses(*batch)["unsupervised"]
    assert torch.isclose(own, F.cross_entropy(logits, logits.argmax(1)))
    nothing = no_one.student_losses(*batch)["unsupervised"]
    nothing.backward()
    assert nothing == 0 and logits.grad.abs().sum() == 0
    valid[:, :, 16:] = False
    part = everyone.student_losses(labelled, (unlabelled, logits, valid))["unsupervised"]
    assert torch.isclose(part, F.cross_entropy(logits[..., :16], logits[..., :16].argmax(1)))


def test_feature_matching_vanishes_for_equal_features_and_moves_the_student_alone(batch):
    (images, labels), (_, logits, valid) = batch
    ours = adversary().eval()
    sure = 100 * one_hot_maps(labels, 3)
    assert ours.student_losses((images, labels), (images, sure, valid))["feature_matching"] < 1e-6
    loss = ours.student_losses(*batch)["feature_matching"]
    loss.backward()
    assert loss > 0 and logits.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in ours.discriminator.parameters())


def test_the_discriminator_learns_to_tell_true_maps_from_predicted_ones(batch):
    ours = adversary(learning_rate=1e-2)
    ours.discriminator.eval()  # no dropout: the loss can be compared
    losses = [ours.learn(*batch).item() for _ in range(60)]
    assert losses[0] == pytest.approx(2 * 0.6931, abs=0.1) and losses[-1] < 0.3
    assert batch[1][1].grad is None, "the student is not moved by the discriminator's step"


def test_the_optimisers_state_travels(batch):
    first = adversary()
    first.learn(*batch)
    second = adversary()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for one in (first, second):
        one.discriminator.eval()
        one.learn(*batch)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
