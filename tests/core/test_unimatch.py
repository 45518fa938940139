"""reco_core.methods.unimatch."""

import math

import pytest
import torch
from lightning_fabric import Fabric
from shared import tiny_trainer
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.config import TrainConfig
from reco_core.methods import UnlabelledBatch, unimatch
from reco_core.methods.unimatch import UniMatch, confident_cross_entropy, drop_channels
from reco_core.models import SegmentationOutput, deeplab_v3_plus


def test_only_sure_pixels_teach_but_all_valid_ones_count():
    """Four pixels: sure, unsure, sure, void. Two teach, three are valid: the sum of two losses over three."""
    logits = torch.zeros(1, 4, 1, 4)
    logits[0, 2, 0, 2] = 1.0
    labels = torch.tensor([[[0, 1, 2, IGNORE_INDEX]]])
    confidence = torch.tensor([[[0.95, 0.94, 0.99, 0.99]]])
    loss = confident_cross_entropy(logits, labels, confidence, threshold=0.95)
    assert loss.item() == pytest.approx((math.log(4) + math.log(3 + math.e) - 1) / 3, rel=1e-6)


def test_nothing_sure_and_nothing_valid_give_an_attached_zero():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    for labels, confidence in ((torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)), (torch.full((1, 2, 2), 255), 1.0)):
        loss = confident_cross_entropy(logits, labels.long(), torch.as_tensor(confidence).expand(1, 2, 2), 0.95)
        assert loss.item() == 0
        loss.backward()
        assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_channels_are_dropped_whole_and_the_rest_doubled():
    embedding = torch.rand(4, 1000, 2, 3) + 0.1
    dropped = drop_channels(embedding, torch.Generator().manual_seed(0))
    ratio = dropped / embedding
    assert set(ratio.round(decimals=4).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(ratio, ratio[:, :, :1, :1].expand_as(ratio)), "a channel goes as a whole"
    share = (ratio[:, :, 0, 0] == 0).float().mean(dim=1)
    assert torch.all((share - 0.5).abs() < 0.06) and len(share.unique()) > 1, "each image draws its own half"


class Sure(torch.nn.Module):
    """Says the colour channel with the largest value, with a given sharpness; Z is the image itself."""

    def __init__(self, sharpness):
        super().__init__()
        self.sharpness = torch.nn.Parameter(torch.tensor(sharpness))
        self.seen = []

    @property
    def module(self):
        """As of a network that Lightning Fabric wraps."""
        return self

    def classifier(self, embedding):
        return self.sharpness * embedding

    def forward(self, images, with_representation):
        self.seen.append((images, with_representation))
        return SegmentationOutput(self.classifier(images), images if with_representation else None, images)


def terms_of(student, images, valid, threshold):
    """The method's terms for a batch, with ReCo."""
    host = device = torch.Generator().manual_seed(0)
    labelled = (images, torch.zeros_like(valid, dtype=torch.int64))
    method = UniMatch(TrainConfig(consistency_threshold=threshold), student.module, 3, Fabric(accelerator="cpu"))
    return method(UnlabelledBatch(images, valid, labelled, student, True, host, device))


@pytest.mark.parametrize("threshold", [0.5, 0.95])
def test_the_terms_are_weighted_and_added(monkeypatch, threshold):
    """With views that change nothing, the three terms are cross-entropies that can be taken by hand."""
    monkeypatch.setattr(unimatch, "cutmix", lambda *batch, generator: batch)
    monkeypatch.setattr(unimatch, "strong_augment", lambda *batch, generator: batch)
    monkeypatch.setattr(unimatch, "drop_channels", lambda embedding, generator: 0 * embedding)
    network, images = Sure(4.0), torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    valid = torch.ones(2, 4, 4, dtype=torch.bool)
    valid[0, 0] = False
    found = terms_of(network, images, valid, threshold)
    logits = 4 * images
    confidence, labels = logits.softmax(dim=1).max(dim=1)
    teaches = valid & (confidence >= threshold)
    of_view = F.cross_entropy(logits, labels, reduction="none")[teaches].sum() / valid.sum()
    of_blind = teaches.sum() * math.log(3) / valid.sum()
    assert list(found.losses) == ["unsupervised"]
    assert found.losses["unsupervised"].item() == pytest.approx((2 * 0.25 * of_view + 0.5 * of_blind).item(), rel=1e-5)
    assert torch.all(found.labels[0, 0] == IGNORE_INDEX) and torch.all(found.confidence[0, 0] == 0)
    assert [asked for _, asked in network.seen] == [False, True, False], "R is computed for the first strong view alone"
    assert found.after_step(1) == {}, "nothing follows the student's step"


def test_mixed_precision_is_for_the_network_alone(monkeypatch):
    """Augmentation blurs by a convolution, which autocast would take in half precision."""
    inside, augment = [], unimatch.strong_augment

    def watched(*batch, generator):
        inside.append(torch.is_autocast_enabled("cpu"))
        return augment(*batch, generator=generator)

    monkeypatch.setattr(unimatch, "strong_augment", watched)
    run = tiny_trainer(method="unimatch", precision="bf16-mixed", iterations=1)
    classifier = run.student.module.classifier
    classifier.register_forward_hook(lambda *_: inside.append(("classifier", torch.is_autocast_enabled("cpu"))))
    run.fit()
    assert inside.count(False) == 2 and inside.count(("classifier", True)) == 5, inside


class Wrapped(torch.nn.Module):
    """A network as Lightning Fabric wraps it, which notes what it is shown."""

    def __init__(self, network):
        super().__init__()
        self.module, self.seen = network, []

    def forward(self, images, with_representation):
        self.seen.append(images)
        return self.module(images, with_representation)


def test_labels_are_constants_and_views_differ():
    """No gradient through the weak view's labels; the two strong views are not the same image."""
    student = Wrapped(deeplab_v3_plus(3, "mobilenet_v2_035", representation_dim=8, width=16).train())
    images, valid = torch.rand(2, 3, 32, 32), torch.ones(2, 32, 32, dtype=torch.bool)
    found = terms_of(student, images, valid, 0.0)
    assert torch.equal(student.seen[0], images) and not torch.equal(student.seen[1], student.seen[2])
    assert not found.labels.requires_grad and not found.confidence.requires_grad
    assert found.output.representation.shape[:2] == (2, 8)
    found.losses["unsupervised"].backward()
    assert all(weight.grad is not None for weight in student.module.classifier.parameters())
