"""reco_core.datasets.toyscapes: the same bytes everywhere, the planted tree, long-tailed classes."""

import hashlib

import numpy as np
import pytest
import torch

from reco_core import datasets
from reco_core.analysis.preview import pixel_shares
from reco_core.datasets.toyscapes import SIDE, render
from reco_core.datasets.toyscapes.tree import CLASS_TREE, CLASSES, PALETTE, height, leaves, merge_heights


def digest(scenes) -> str:
    sha = hashlib.sha256()
    for image, label in scenes:
        sha.update(image.tobytes() + label.tobytes())
    return sha.hexdigest()[:16]


def test_the_same_seed_gives_the_same_bytes():
    """Pinned: after a change of the drawing, or of NumPy's generator, recorded runs would no longer repeat."""
    assert digest(render(0, split, index) for split in ("train", "val", "test") for index in range(4)) == DIGEST


DIGEST = "9c7cedc5806d64ea"


def test_scenes_differ_by_seed_split_and_index():
    scenes = [render(*what) for what in ((0, "train", 0), (1, "train", 0), (0, "val", 0), (0, "train", 1))]
    assert len({digest([scene]) for scene in scenes}) == 4


def test_a_scene_does_not_depend_on_what_was_drawn_before():
    data = datasets.load("toyscapes", length=6)
    last = data[5]
    _ = [data[index] for index in range(6)]
    assert all(torch.equal(ours, again) for ours, again in zip(last, data[5], strict=True))
    assert torch.equal(datasets.load("toyscapes", length=50)[5][1], last[1])


def test_items_are_what_every_data_set_gives():
    data = datasets.load("toyscapes", split="val")
    image, label = data[0]
    assert image.shape == (3, SIDE, SIDE) and label.shape == (SIDE, SIDE) and len(data) == 100
    assert 0 <= image.min() < image.max() <= 1 and label.max() < data.num_classes == 16
    assert data[0][0].dtype == torch.float32 and label.dtype == torch.int64
    assert datasets.load("toyscapes", size=(32, 64))[0][0].shape == (3, 32, 64)
    with pytest.raises(IndexError):
        data[100]


def test_every_class_occurs_and_the_shares_have_a_long_tail():
    data = datasets.load("toyscapes", length=120)
    shares = pixel_shares(data, list(range(120)))
    assert shares.min() > 0 and shares.max() / shares.min() > 100
    assert shares[CLASSES.index("road")] > 20 * shares[CLASSES.index("bus")]


def test_the_tree_holds_every_class_once():
    assert sorted(leaves(CLASS_TREE)) == sorted(CLASSES) and len(set(PALETTE)) == len(CLASSES)


def test_merge_heights_are_an_ultrametric_with_the_planted_siblings_lowest():
    heights = merge_heights()
    assert np.array_equal(heights, heights.T) and not heights.diagonal().any()
    # three points: the two largest of their distances are equal
    triples = np.maximum(heights[:, :, None], heights[None, :, :])
    assert (heights[:, None, :] <= triples.transpose(0, 1, 2)).all()
    index = CLASSES.index
    for pair in (("truck", "bus"), ("person", "rider"), ("motorcycle", "bicycle"), ("road", "sidewalk")):
        assert heights[index(pair[0]), index(pair[1])] == 1
    assert heights[index("road"), index("car")] == heights.max() == height(CLASS_TREE)


def test_siblings_look_more_alike_than_strangers():
    """The planted tree is in the pixels: mean colours of siblings are nearer than those of classes far apart."""
    data, sums, counts = datasets.load("toyscapes", length=80), np.zeros((16, 3)), np.zeros(16)
    for image, label in (data[index] for index in range(80)):
        pixels, classes = image.flatten(1).T.numpy(), label.flatten().numpy()
        np.add.at(sums, classes, pixels)
        counts += np.bincount(classes, minlength=16)
    colours = sums / counts[:, None]
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=2)
    heights = merge_heights()
    upper = np.triu_indices(16, 1)
    near, far = (distances[upper][heights[upper] == level].mean() for level in (1, heights.max()))
    assert near < 0.6 * far
