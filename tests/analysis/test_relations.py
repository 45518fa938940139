"""reco_core.relations and dendrograms: exact means, planted graphs and trees, files."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import squareform

from reco_core.analysis import dendrograms
from reco_core.analysis.relations import ClassRelations, ClassSums, class_relations, read_relations, write_relations
from reco_core.datasets.toyscapes.tree import merge_heights
from reco_core.errors import InputError
from reco_core.files import read_json, write_json
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
    found = planted([[6, 4, 0], [10, 9, 1], [0, 3, 27]])
    again = read_relations(write_relations(found, tmp_path / "r.json"))
    assert again.classes == found.classes and again.absent == ("d",) and again.about == {"x": 1}
    assert np.array_equal(again.graphs["Z"], found.graphs["Z"]) and np.array_equal(again.confusion, found.confusion)
    value = read_json(tmp_path / "r.json")
    write_json(tmp_path / "short.json", {**value, "classes": ["a", "b"]})
    with pytest.raises(InputError, match=r"short.json: Z of \(3, 3\) for 2 classes"):
        read_relations(tmp_path / "short.json")
    write_json(tmp_path / "other.json", {"schema": 1})
    with pytest.raises(InputError, match="no relations"):
        read_relations(tmp_path / "other.json")


def block_graph():
    """Two pairs and a loner."""
    graph = np.full((5, 5), 0.1)
    graph[:2, :2], graph[2:4, 2:4] = 0.9, 0.8
    np.fill_diagonal(graph, 1)
    return graph


@pytest.mark.parametrize("distance", dendrograms.DISTANCES)
@pytest.mark.parametrize("method", ["average", "complete", "single"])
def test_a_planted_graph_gives_its_tree(method, distance):
    tree = dendrograms.grow(block_graph(), method, distance)
    assert sorted(tree[0, :2]) == [0, 1] and sorted(tree[1, :2]) == [2, 3]
    groups = dendrograms.cut(tree, 3)
    assert groups[0] == groups[1] != groups[2] == groups[3] != groups[4]
    if distance == "cosine":
        assert tree[0, 2] == pytest.approx(0.1) and tree[1, 2] == pytest.approx(0.2)
        assert dendrograms.cophenetic_correlation(block_graph(), tree) == pytest.approx(1.0)


def test_rows_are_euclidean_distances_between_rows():
    graph = block_graph()
    expected = np.linalg.norm(graph[0] - graph[3])
    assert squareform(dendrograms.distances(graph, "rows"))[0, 3] == pytest.approx(expected)
    with pytest.raises(ValueError, match="got 'angle'"):
        dendrograms.distances(graph, "angle")
    graph[0, 1] = np.nan
    with pytest.raises(ValueError, match="the graph has NaN"):
        dendrograms.distances(graph)


def test_the_planted_tree_agrees_with_itself():
    """A graph whose distances are the planted tree's heights gives that tree back."""
    heights = merge_heights()
    graph = 1 - heights / heights.max()
    found = dendrograms.agreement_with(dendrograms.grow(graph), heights)
    assert set(found) == {"gamma", "fm 4", "fm 5", "fm 7", "fm 10"}
    assert all(value == pytest.approx(1.0) for value in found.values())


def test_shuffled_names_agree_by_chance_alone():
    heights = merge_heights()
    tree = dendrograms.grow(1 - heights / heights.max())
    by_chance = dendrograms.chance(tree, heights, draws=200)
    mean, high = by_chance["gamma"]
    assert abs(mean) < 0.1 and 0.1 < high < 0.6
    assert by_chance["fm 4"][1] < 0.8


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=3, max_size=12))
def test_fowlkes_mallows(groups):
    renamed = [7 - group for group in groups]
    pairs = len(groups) * (len(groups) - 1) / 2
    together = sum(a == b for i, a in enumerate(groups) for b in groups[i + 1 :])
    assert dendrograms.fowlkes_mallows(groups, renamed) == pytest.approx(1.0 if together else 0.0)
    everyone = [0] * len(groups)
    assert dendrograms.fowlkes_mallows(groups, everyone) == pytest.approx(np.sqrt(together / pairs))


def test_bakers_gamma_of_reversed_order():
    assert dendrograms.bakers_gamma(np.arange(10), np.arange(10)[::-1]) == pytest.approx(-1)


def test_planted_groups():
    heights = np.array([[0, 1, 2], [1, 0, 2], [2, 2, 0]])
    groups = dendrograms.planted_groups(heights, 1)
    assert groups[0] == groups[1] != groups[2]


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
