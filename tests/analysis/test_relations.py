"""reco_core.analysis.relations: exact means, planted graphs, files."""

import numpy as np
import pytest
import torch

from reco_core.analysis.relations import ClassRelations, ClassSums, class_relations
from reco_core.errors import InputError
from reco_core.models import SegmentationOutput


class Stub(torch.nn.Module):
    """Embeds each pixel by its colour alone, so that no arithmetic depends on the batch; predicts class 0 or 1."""

    def forward(self, images, with_representation=True):
        embedding = torch.cat([images, 1 - images, images**2], dim=1)
        logits = torch.stack([images[:, 0], 1 - images[:, 0], -torch.ones_like(images[:, 0])], dim=1)
        return SegmentationOutput(logits, 4 * embedding, embedding)


class Mixed:
    """Images of two sizes."""

    name, split, classes, num_classes = "mixed", "val", ("a", "b", "c", "never"), 4

    def __len__(self):
        return 9

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        size = (8, 6) if index % 3 else (5, 9)
        label = torch.randint(4, size, generator=generator)
        return torch.rand(3, *size, generator=generator), torch.where(label == 3, 255, label)


def one_shot(data):
    """All pixels at once, in float64 NumPy."""
    rows = [(Stub()(image[None]).embedding[0].permute(1, 2, 0), label) for image, label in data]
    embedding = np.concatenate([values.reshape(-1, 9).double().numpy() for values, _ in rows])
    label = np.concatenate([label.flatten().numpy() for _, label in rows])
    return np.stack([embedding[label == value].mean(axis=0) for value in range(3)])


@pytest.mark.parametrize("batch_size", [1, 2, 4, 9])
def test_means_are_exact_whatever_the_batch_size(batch_size):
    data = [Mixed()[index] for index in range(9)]
    found = class_relations(Stub(), Mixed(), batch_size=batch_size)
    means = one_shot(data)
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert np.abs(found.graphs["Z"] - unit @ unit.T).max() < 1e-10
    assert np.abs(found.graphs["R"] - unit @ unit.T).max() < 1e-10, "a factor changes no cosine"
    assert found.classes == ("a", "b", "c") and found.absent == ("never",)
    assert found.pixels.sum() == sum((label != 255).sum() for _, label in data) == found.confusion.sum()


def test_sums_are_means():
    sums = ClassSums(3)
    for index in range(9):
        image, label = Mixed()[index]
        sums.add(Stub()(image[None]).embedding, label[None])
    assert np.abs(sums.means().numpy() - one_shot([Mixed()[i] for i in range(9)])).max() < 1e-10


def test_the_network_keeps_its_mode():
    network = Stub().train()
    class_relations(network, Mixed())
    assert network.training


def test_one_class_has_no_relations(tiny):
    class OneClass(type(tiny)):
        def __getitem__(self, index):
            image, label = super().__getitem__(index)
            return image, torch.zeros_like(label)

    with pytest.raises(InputError, match=r"tiny/train: only 1 class occurs"):
        class_relations(Stub(), OneClass())


def planted(confusion):
    """Three classes with given confusion; a and b are alike."""
    graph = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
    return ClassRelations(("a", "b", "c"), ("d",), np.array([10, 20, 30]), {"Z": graph}, np.array(confusion), {"x": 1})


def test_confusion_rates_and_what_predicts_them():
    found = planted([[6, 4, 0], [10, 9, 1], [0, 3, 27]])
    assert np.allclose(found.confusion_rates()[0, 1], (0.4 + 0.5) / 2)
    assert np.allclose(found.confusion_rates()[1, 2], (0.05 + 0.1) / 2)
    assert found.predicts_confusion("Z") == pytest.approx(1.0)
    assert planted([[6, 0, 4], [0, 20, 0], [20, 10, 0]]).predicts_confusion("Z") == pytest.approx(-1.0)
    assert np.isnan(planted(np.eye(3)).predicts_confusion("Z"))
    assert found.mean_similarity("Z") == pytest.approx(0.4)


def test_two_classes_have_no_rank_correlation():
    graph = np.array([[1, 0.9], [0.9, 1]])
    confusion = np.array([[3, 1], [0, 4]])
    assert np.isnan(
        ClassRelations(("a", "b"), (), confusion.sum(1), {"Z": graph}, confusion, {}).predicts_confusion("Z")
    )
