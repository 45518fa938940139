"""reco_core.datasets.folder: a person's own images."""

import numpy as np
import pytest
import torch
from PIL import Image

from reco_core import datasets
from reco_core.analysis.preview import describe
from reco_core.datasets.folder import spread_colours
from reco_core.datasets.splits import balanced_split
from reco_core.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Three images, two of them with masks of classes 0, 1 and 2."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for number, name in enumerate(("north", "south", "west")):
        Image.new("RGB", (6, 4), (number, 0, 0)).save(tmp_path / "images" / f"{name}.jpg")
    for name, values in (("north", [0, 1, 255]), ("west", [2, 2, 0])):
        Image.fromarray(np.array([values * 2] * 4, np.uint8)).save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def test_images_without_a_mask_are_the_unlabelled_ones(folder):
    data = datasets.load("folder", root=folder)
    assert data.names == ["north", "south", "west"]
    assert [data.has_label(index) for index in range(3)] == [True, False, True]
    assert data[1][1].unique().tolist() == [255] and data[0][1][0].tolist() == [0, 1, 255, 0, 1, 255]
    split = balanced_split(data, None, seed=0)
    assert split.names == ("north", "west") and split.unlabelled == (1,)


def test_classes_are_counted_or_named(folder):
    data = datasets.load("folder", root=folder)
    assert data.classes == ("class 0", "class 1", "class 2") and len(set(data.palette)) == 3
    (folder / "classes.txt").write_text("grass 1 200 3\nwater\nroof tiles 250 0 0\n")
    data = datasets.load("folder", root=folder)
    assert data.classes == ("grass", "water", "roof tiles")
    assert data.palette[0] == (1, 200, 3) and data.palette[2] == (250, 0, 0) and data.palette[1] == spread_colours(3)[1]


def test_lists_make_the_splits(folder):
    (folder / "train.txt").write_text("west\nnorth\n\n")
    (folder / "val.txt").write_text("south\n")
    assert datasets.load("folder", root=folder).names == ["north", "west"]
    assert datasets.load("folder", root=folder, split="val").names == ["south"]


def test_info_says_how_many_have_a_mask(folder):
    assert describe("folder", folder)["splits"] == {"train": "3 images, 2 with a mask"}


def test_images_are_resized_with_their_masks(folder):
    image, label = datasets.load("folder", root=folder, size=(2, 3))[0]
    assert image.shape == (3, 2, 3) and label.shape == (2, 3)
    assert torch.isin(label, torch.tensor([0, 1, 255])).all()


def remove_images(folder):
    for path in (folder / "images").iterdir():
        path.unlink()


def remove_images_folder(folder):
    remove_images(folder)
    (folder / "images").rmdir()


def same_name_twice(folder):
    Image.new("RGB", (6, 4)).save(folder / "images" / "north.png")


def no_masks(folder):
    for path in (folder / "masks").iterdir():
        path.unlink()


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove_images, ["images", "no images", ".jpg"]),
        (remove_images_folder, ["images", "no such folder", "put your images there"]),
        (same_name_twice, ["north.jpg", "north.png", "same name"]),
        (no_masks, ["masks", "no mask with a class"]),
        (write("train.txt", "north\neast\n"), ["train.txt", "no image 'east'", "correct the list"]),
        (write("train.txt", "\n"), ["train.txt", "the list is empty"]),
        (write("val.txt", "north\n"), ["no split 'train'", "write train.txt"]),
        (write("classes.txt", "grass\ngrass\n"), ["classes.txt", "a class name stands twice"]),
        (write("classes.txt", "grass 1 2 300\n"), ["classes.txt", "grass 1 2 300", "0 to 255"]),
        (write("classes.txt", "\n"), ["classes.txt", "no class names"]),
        (write("classes.txt", "grass\nwater\n"), ["west.png", "value 2 is no class", "0 to 1"]),
    ],
)
def test_bad_folders_are_named_with_the_remedy(folder, damage, words):
    damage(folder)
    with pytest.raises(InputError) as error:
        data = datasets.load("folder", root=folder)
        _ = [data[index] for index in range(len(data))]
    assert all(word in str(error.value) for word in words)


def test_no_val_without_lists(folder):
    with pytest.raises(InputError, match="no split 'val'; it has no lists, so it has train alone"):
        datasets.load("folder", root=folder, split="val")


def test_an_upright_image_from_a_turned_camera(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (4, 6)).save(folder / "images" / "south.jpg", exif=exif)
    assert datasets.load("folder", root=folder)[1][0].shape == (3, 4, 6)
