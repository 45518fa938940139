"""reco_core.analysis.relations: exact means, planted graphs, files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from reco_core.analysis.relations import ClassRelations, ClassSums, class_relations, read_relations, write_relations
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


def test_only_some_classes():
    found = planted([[6, 4, 0], [10, 0, 10], [0, 3, 27]]).learnt()
    assert found.classes == ("a", "c") and found.pixels.tolist() == [10, 30] and found.absent == ("d",)
    assert found.graphs["Z"].tolist() == [[1.0, 0.1], [0.1, 1.0]] and found.confusion.tolist() == [[6, 0], [0, 27]]


def test_relations_survive_their_file(tmp_path):
    path = tmp_path / "r.jsonl"
    found = planted([[6, 4, 0], [10, 9, 1], [0, 3, 27]])
    (again,) = read_relations(write_relations(found, path))
    assert again.classes == found.classes and again.absent == ("d",) and again.about == {"x": 1}
    assert np.array_equal(again.graphs["Z"], found.graphs["Z"]) and np.array_equal(again.confusion, found.confusion)
    assert again.pixels.tolist() == [10, 20, 30]
    other, newer = replace(found, about={"x": (2, 3)}), planted([[7, 3, 0], [10, 9, 1], [0, 3, 27]])
    for one in (other, newer, other):  # the same network once more replaces its line, tuples or not
        write_relations(one, path)
    assert [(one.about, int(one.confusion[0, 0])) for one in read_relations(path)] == [
        ({"x": 1}, 7),
        ({"x": [2, 3]}, 6),
    ]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda value: value | {"classes": ["a", "b"]}, "Z of (3, 3) for 2 classes"),
        (lambda value: value | {"confusion": [[1, 2], [3, 4]]}, "confusion of (2, 2) for 3 classes"),
        (lambda value: value | {"pixels": [1, 2]}, "pixels of (2,) for 3 classes"),
        (lambda value: value | {"pixels": [[]]}, "pixels of (1, 0) for 3 classes"),
        (lambda value: value | {"graphs": {"Z": [[1, "near"]]}}, "could not convert string"),
        (lambda value: {key: part for key, part in value.items() if key != "confusion"}, "'confusion'"),
        (lambda value: value | {"schema": 3}, "no relations"),
        (lambda value: value | {"kind": "run"}, "no relations (kind 'run')"),
    ],
)
def test_damaged_relations_name_their_line(tmp_path, damage, words):
    found = planted([[6, 4, 0], [10, 9, 1], [0, 3, 27]])
    path = write_relations(found, tmp_path / "r.jsonl")
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + json.dumps(damage(json.loads(whole))) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"r\.jsonl, line 2: ") as error:
        read_relations(path)
    assert words in str(error.value)


def test_the_rank_of_a_pair_among_all_pairs():
    graph = np.array([[1, 0.9, 0.2], [0.9, 1, 0.5], [0.2, 0.5, 1]])
    found = ClassRelations(("a", "b", "c"), (), np.ones(3), {"Z": graph}, np.eye(3), {})
    pairs = (("a", "b"), ("c", "b"), ("a", "c"))
    assert [found.rank_of("Z", *pair) for pair in pairs] == [1, 2, 3]
    with pytest.raises(ValueError, match="'d' is not among the classes a, b, c"):
        found.rank_of("Z", "a", "d")


def test_two_classes_have_no_rank_correlation():
    graph = np.array([[1, 0.9], [0.9, 1]])
    confusion = np.array([[3, 1], [0, 4]])
    assert np.isnan(
        ClassRelations(("a", "b"), (), confusion.sum(1), {"Z": graph}, confusion, {}).predicts_confusion("Z")
    )
