"""reco_core.datasets.splits: which images a run may see the labels of."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reco_core import datasets
from reco_core.datasets import base, pairs
from reco_core.datasets.base import read_mask
from reco_core.datasets.splits import balanced_split, class_presence
from reco_core.errors import InputError


class Presence:
    """A data set of one-row label maps with given classes an image."""

    name, split = "presence", "train"

    def __init__(self, rows, names=None):
        self.rows = rows
        self.num_classes = 6
        self.classes = tuple("abcdef")
        self.names = names or [f"{index:03d}" for index in range(len(rows))]

    def __len__(self):
        return len(self.rows)

    def has_label(self, index):
        return bool(self.rows[index])

    def __getitem__(self, index):
        return torch.zeros(3, 1, 7), torch.tensor([[*self.rows[index], 255]])


rows = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=3, max_size=30)


def test_presence_ignores_255():
    assert class_presence(Presence([[0, 2], [5]])).tolist() == [[1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]]


@pytest.fixture
def large(tmp_path):
    """CamVid in six files that are taken for too many to keep in memory."""
    for folder in ("train", "trainannot"):
        (tmp_path / folder).mkdir()
    for index in range(6):
        Image.new("RGB", (12, 10)).save(tmp_path / "train" / f"{index}.png")
        Image.fromarray(np.full((10, 12), index, np.uint8)).save(tmp_path / "trainannot" / f"{index}.png")
    return lambda: datasets.load("camvid", tmp_path, "train")


def test_masks_alone_are_read_and_only_once(large, tmp_path, monkeypatch):
    read = []

    def noted(path, *arguments):
        read.append(path.parent.name)
        return read_mask(path, *arguments)

    monkeypatch.setattr(pairs, "read_mask", noted)
    monkeypatch.setattr(base, "read_image_bytes", lambda path: read.append("image"))
    expected = np.eye(11, dtype=bool)[:6]
    assert np.array_equal(class_presence(large()), expected) and read == 6 * ["trainannot"]
    assert np.array_equal(class_presence(large()), expected) and len(read) == 6, "kept beside the data"
    Image.fromarray(np.full((10, 12), 9, np.uint8)).save(tmp_path / "trainannot" / "3.png")
    assert class_presence(large())[3].tolist() == (np.arange(11) == 9).tolist(), "a mask has changed"
    assert len(read) == 12


@pytest.mark.parametrize("left", ["a file", "nothing that is an array", "of another size"])
def test_a_cache_that_cannot_serve_is_made_again(large, tmp_path, left):
    first = class_presence(large())
    (path,) = (tmp_path / "reco-cache").iterdir()
    if left == "a file":
        path.unlink()
        (tmp_path / "reco-cache").rmdir()
        (tmp_path / "reco-cache").write_text("")
    elif left == "of another size":
        np.save(path, np.zeros((2, 2), dtype=bool))
    else:
        path.write_bytes(b"\0" * 40)
    assert np.array_equal(class_presence(large()), first)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 10), st.integers(0, 1000))
def test_a_split_is_a_partition_and_covers_what_it_can(rows, wanted, seed):
    data = Presence(rows)
    suitable = sum(bool(row) for row in rows)
    if wanted > suitable:
        with pytest.raises(InputError, match=f"{wanted} labelled images asked for, but {suitable} have a mask"):
            balanced_split(data, wanted, seed)
        return
    split = balanced_split(data, wanted, seed)
    assert len(set(split.labelled)) == wanted
    assert sorted(split.labelled + split.unlabelled) == list(range(len(rows)))
    assert all(data.has_label(index) for index in split.labelled)
    occurring = {value for row in rows for value in row}
    shown = {value for index in split.labelled for value in rows[index]}
    assert set(split.missing_classes) == {name for value, name in enumerate("abcdef") if value not in shown}
    if wanted >= len(occurring):  # each choice adds the least-seen class, so after so many none is left out
        assert shown == occurring


@settings(max_examples=30, deadline=None)
@given(rows.filter(lambda rows: all(rows)), st.integers(0, 1000), st.randoms())
def test_a_split_depends_on_seed_and_names_alone(rows, seed, random):
    """The same images listed in another order, as another file system might, give the same labelled names."""
    data = Presence(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = Presence([rows[index] for index in order], [data.names[index] for index in order])
    first, second = balanced_split(data, 2, seed), balanced_split(shuffled, 2, seed)
    assert first.names == second.names and first.digest == second.digest


def test_other_seeds_choose_other_images():
    data = Presence([[index % 6] for index in range(60)])
    assert len({balanced_split(data, 6, seed).digest for seed in range(10)}) == 10


def test_rare_classes_are_labelled_about_as_often_as_common_ones():
    data = Presence([[0]] * 50 + [[1]] * 10 + [[2]] * 10)
    split = balanced_split(data, 12, seed=0)
    counts = np.bincount([data.rows[index][0] for index in split.labelled])
    assert counts.tolist() == [4, 4, 4]


def test_min_classes_and_all_labels():
    data = Presence([[0], [0, 1], [1, 2], [], [3]])
    assert set(balanced_split(data, 2, 0, min_classes=2).labelled) == {1, 2}
    with pytest.raises(InputError, match="at least 2 class"):
        balanced_split(data, 3, 0, min_classes=2)
    everything = balanced_split(data, None, 0)
    assert everything.labelled == (0, 1, 2, 4) and everything.unlabelled == (3,)
