"""reco_core.datasets: the registry, what every data set promises, CamVid's layout, and bad input."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reco_core import datasets
from reco_core.analysis.preview import class_page, describe, pixel_shares, preview
from reco_core.config import DataConfig, TrainConfig
from reco_core.datasets.camvid import CLASSES, PALETTE
from reco_core.datasets.splits import balanced_split
from reco_core.errors import InputError
from reco_core.trainers import Trainer


def save_pair(folder, name, mask, split="train", size=(12, 8)):
    """A grey image and a mask, given as an array or as one value."""
    for kind in (split, f"{split}annot"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (10, 20, 30)).save(folder / split / f"{name}.png")
    values = np.full(size[::-1], mask, np.uint8) if isinstance(mask, int) else mask
    Image.fromarray(values).save(folder / f"{split}annot" / f"{name}.png")


@pytest.fixture
def camvid(tmp_path):
    """Three images: all sky, all road, and one that is half unlabelled (11)."""
    save_pair(tmp_path, "b", 3)
    save_pair(tmp_path, "a", 0)
    half = np.full((8, 12), 11, np.uint8)
    half[:, :6] = 8
    save_pair(tmp_path, "c", half)
    return tmp_path


def test_camvid_reads_the_public_layout(camvid):
    data = datasets.load("camvid", root=camvid)
    assert data.names == ["a", "b", "c"] and len(data) == 3 and data.num_classes == len(CLASSES) == len(PALETTE) == 11
    image, label = data[2]
    assert image.dtype == torch.float32 and image[:, 0, 0].tolist() == pytest.approx([10 / 255, 20 / 255, 30 / 255])
    assert label.dtype == torch.int64 and label.shape == (8, 12)
    assert label[:, :6].unique().tolist() == [8] and label[:, 6:].unique().tolist() == [255]


def test_resizing_keeps_labels_whole(camvid):
    image, label = datasets.load("camvid", root=camvid, size=(4, 6))[2]
    assert image.shape == (3, 4, 6) and set(label.unique().tolist()) == {8, 255}


def test_cached_gives_the_same_and_reads_once(camvid):
    data = datasets.load("camvid", root=camvid)
    kept = datasets.cached(data)
    first = kept[2]
    (camvid / "train" / "c.png").unlink()
    for ours, original in zip(kept[2], first, strict=True):
        assert torch.equal(ours, original) and ours.dtype == original.dtype
    assert kept.names == data.names and kept.has_label(0)


def test_the_root_comes_from_the_environment(camvid, monkeypatch):
    monkeypatch.setenv("RECO_DATA", str(camvid.parent))
    camvid.rename(camvid.parent / "camvid")
    assert len(datasets.load("camvid")) == 3


@pytest.mark.skipif(not Path(os.environ.get("RECO_DATA", "data"), "camvid").is_dir(), reason="no CamVid at RECO_DATA")
def test_real_camvid_is_whole():
    sizes = {split: len(datasets.load("camvid", split=split)) for split in ("train", "val", "test")}
    assert sizes == {"train": 367, "val": 101, "test": 233}
    shares = pixel_shares(datasets.load("camvid"), list(range(0, 367, 4)))
    assert 0.25 < shares[CLASSES.index("road")] < 0.38 and shares.min() > 0


def break_nothing(folder): ...


def remove_mask(folder):
    (folder / "trainannot" / "b.png").unlink()


def value_out_of_range(folder):
    save_pair(folder, "b", 40)


def other_size(folder):
    Image.new("L", (5, 5)).save(folder / "trainannot" / "b.png")


def unreadable_image(folder):
    (folder / "train" / "b.png").write_bytes(b"this is no image")


def unreadable_mask(folder):
    (folder / "trainannot" / "b.png").write_bytes(b"nor this a mask")


def colour_mask(folder):
    Image.new("RGB", (12, 8)).save(folder / "trainannot" / "b.png")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove_mask, ["b.png", "mask is missing", "restore it"]),
        (value_out_of_range, ["b.png", "value 40 is no class", "use 0 to 11, or 255"]),
        (other_size, ["b.png", "mask of 5 x 5 for an image of 12 x 8", "save the mask at the image's size"]),
        (unreadable_image, ["b.png", "not a readable image", "restore or remove it"]),
        (unreadable_mask, ["b.png", "not a readable mask", "restore or remove it"]),
        (colour_mask, ["b.png", "a mask of mode RGB", "one class index a pixel"]),
    ],
)
def test_bad_files_are_named_with_their_value_and_remedy(camvid, damage, words):
    damage(camvid)
    with pytest.raises(InputError) as error:
        data = datasets.load("camvid", root=camvid)
        _ = [data[index] for index in range(len(data))]
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "camvit"}, ["unknown data set 'camvit'", "known are camvid, "]),
        ({"name": "camvid", "root": "/nowhere/at/all"}, ["/nowhere/at/all", "no such folder", "--root"]),
        ({"name": "camvid", "split": "trainval"}, ["no split 'trainval'", "train, val, test"]),
        ({"name": "toyscapes", "split": "all"}, ["no split 'all'"]),
        ({"name": "toyscapes", "size": (0, 8)}, ["size 0 x 8"]),
        ({"name": "toyscapes", "length": 0}, ["length 0"]),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError) as error:
        datasets.load(**arguments)
    assert all(word in str(error.value) for word in words)


def test_an_empty_split_is_an_error(camvid):
    with pytest.raises(InputError, match="val: no images"):
        datasets.load("camvid", root=camvid, split="val")


def test_too_few_images_for_the_labels_asked_for(camvid):
    with pytest.raises(InputError, match="20 labelled images asked for, but 3 have a mask"):
        balanced_split(datasets.load("camvid", root=camvid), 20, seed=0)


def test_a_crop_larger_than_the_image(camvid):
    options = TrainConfig(data=DataConfig(dataset="camvid", root=str(camvid), num_labelled=2, crop=(64, 64)))
    data = datasets.load("camvid", root=camvid)
    with pytest.raises(InputError, match="crop 64 x 64 is larger than image 'a' of 8 x 12 pixels: choose"):
        Trainer(options, data)


def test_info_counts_and_measures(camvid):
    found = describe("camvid", camvid)
    assert found["splits"] == {"train": "3 images"} and found["classes"] == 11
    assert found["image size (first)"] == "12 x 8 pixels"
    shares = found["pixel share, % (of 3 training images)"]
    assert shares["sky"] == pytest.approx(40) and shares["car"] == pytest.approx(20) and shares["pole"] == 0


def test_preview_draws_images_above_their_labels(camvid):
    figure = preview(datasets.load("camvid", root=camvid))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["a", "b", "c", "", "", ""]
    assert figure.axes[3].images[0].get_array()[0, 0].tolist() == list(PALETTE[0])
    assert "ignored (255)" in [text.get_text() for text in figure.legends[0].get_texts()]
    chosen = preview(datasets.load("camvid", root=camvid), indices=[2, 0])
    assert [axes.get_title() for axes in chosen.axes] == ["c", "a", "", ""]


class Blobs:
    """Images whose class b is: two regions, a single pixel, nothing, an L."""

    name, split, classes = "blobs", "train", ("a", "b", "c")

    def __len__(self):
        return 4

    def __getitem__(self, index):
        label = torch.zeros(16, 16, dtype=torch.int64)
        if index == 0:
            label[1:3, 1:3] = label[8:11, 8:13] = 1
        elif index == 1:
            label[5, 5] = 1
        elif index == 3:
            label[2:6, 4] = label[5, 4:7] = 1
        return torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(index)), label


def test_a_page_of_a_class_shows_its_largest_region_in_each_image_that_has_one():
    figure = class_page(Blobs(), "b", columns=3)
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    (first, _), (last, truth) = Blobs()[0], Blobs()[3]
    assert len(figure.axes) == 3 and len(shown) == 2, "one pixel of 256 is too little"
    assert np.array_equal(shown[0], first[:, 8:11, 8:13].permute(1, 2, 0))
    own = (truth == 1)[2:6, 4:7]
    assert np.array_equal(shown[1][own], last[:, 2:6, 4:7].permute(1, 2, 0)[own])
    assert (shown[1][~own] == 1).all() and own.sum() == 6, "what is not of the class is white"
    assert len([axes for axes in class_page(Blobs(), "b", count=1).axes if axes.images]) == 1


def test_a_page_of_a_class_that_is_not_there():
    with pytest.raises(InputError, match="blobs has no class 'd': choose from a, b, c"):
        class_page(Blobs(), "d")
    with pytest.raises(InputError, match="blobs/train: no image shows enough of 'c': choose another class or split"):
        class_page(Blobs(), "c")


def test_a_long_path_stands_in_a_message_once(tmp_path):
    """What the system says repeats the path: it is taken out before the sentence is cut, whatever its length."""
    for length in (1, 60, 150):
        path = tmp_path / ("x" * length) / "a.png"
        with pytest.raises(InputError) as refused:
            datasets.read_image(path)
        assert str(refused.value) == (
            f"{path}: not a readable image ([Errno 2] No such file or directory); restore or remove it"
        )
