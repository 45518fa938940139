"""Trust: what a single file cannot show: two images of one name, classes that are none, relations, random damage."""

import json
import random

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from shared import TinyScenes, tiny_options, tiny_trainer
from trust import RECORD, Case, as_line, check, each, fault, refusal, says, tree

from reco_book.relations import read_relations
from reco_core import datasets
from reco_core.analysis.relations import KIND
from reco_core.analysis.relations import SCHEMA as RELATIONS_SCHEMA
from reco_core.datasets import pascal_voc
from reco_core.errors import InputError
from reco_core.files import read_lines
from reco_core.runs.records import load_records
from reco_core.trainers import Trainer

LISTS, JSON, NUMBERS = "Lists and classes", "JSON files, recipes and options", "Numbers"


def pictures(root, *paths):
    """Grey images of 4 x 4 pixels."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(root / path)


SUN = [f"SUNRGBD-{part}_images/img-000001.jpg" for part in ("train", "test")]
CITIES = [f"leftImg8bit/train/{city}/x_000000_leftImg8bit.png" for city in ("aachen", "bochum")]
TWICE = {
    "camvid": (["train/a.jpg", "train/a.png"], ["trainannot/a.png"]),
    "cityscapes": (CITIES, [f"gtFine/train/{city}/x_000000_gtFine_labelIds.png" for city in ("aachen", "bochum")]),
    "sun_rgbd": (SUN, ["sunrgbd_train_test_labels/img-000001.png"]),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=fault(
    LISTS, "two images of one name", f"in {name}, which `prepare` would write to one file",
    "Refused with one line that names both.", inputs=1)) for name in TWICE])  # fmt: skip
def test_two_images_of_one_name(tmp_path, name):
    images, masks = TWICE[name]
    pictures(tmp_path, *images, *masks)
    before = tree(tmp_path)
    for action in (datasets.load, datasets.prepare):
        message = refusal(lambda: action(name, tmp_path), tmp_path)  # noqa: B023
        assert says(message, "…: …same name; rename one…"), message
        assert all(image in message for image in images)
    assert tree(tmp_path) == before


@fault(LISTS, "VOC's mask with a value that no byte holds", "300 in one of SBD's .mat files",
       "Refused by `reco data prepare`, before the value turns into another class.", inputs=1)  # fmt: skip
def test_boundaries_that_no_byte_holds(tmp_path):
    for number, refused in ((20, False), (300, True), (-1, True)):
        path = tmp_path / f"{number}.mat"
        savemat(path, {"GTcls": {"Segmentation": np.full((6, 8), number, np.int16)}})
        if refused:
            message = refusal(lambda: pascal_voc._boundaries_data_set(path), tmp_path)  # noqa: B023
            assert says(message, f"{path.name}: …0 to 255…; restore it…"), message
        else:
            assert (pascal_voc._boundaries_data_set(path) == number).all()


class OneClass(TinyScenes):
    """Scenes of sky alone."""

    classes, num_classes = ("sky",), 1

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image, label * 0


class Unlabelled(TinyScenes):
    """Scenes without masks."""

    def has_label(self, index):
        return False


@each(LISTS, [
    Case("a single class", "one name in classes.txt", OneClass(),
         "tiny/train: one class …; name a second class"),
    Case("images without any mask", "masks is empty", Unlabelled(),
         "tiny/train: no image …; add masks"),
])  # fmt: skip
def test_nothing_to_learn(case, tmp_path):
    def begin(labelled=None):
        return Trainer(tiny_options(num_labelled=labelled), case.make)

    message = refusal(lambda: begin(labelled=2), tmp_path)
    assert says(message, "tiny/train: …; name a second class") or says(message, "tiny/train: 2 …but 0 …: add masks")
    check(case, begin, tmp_path)


FOUND = {
    "schema": RELATIONS_SCHEMA, "kind": KIND, "about": {}, "classes": ["a", "b"], "absent": [], "pixels": [1, 2],
    "graphs": {"Z": [[1.0, 0.5], [0.5, 1.0]]}, "confusion": [[3, 0], [1, 2]],
}  # fmt: skip
WRONG = "file.jsonl, line 1: …([…]); write it again"


@each(JSON, [
    Case("relations of another kind", "a record of a run", as_line(RECORD),
         "file.jsonl, line 1: …'run'…`reco relations`"),
    *(Case("relations whose parts do not fit", how, {**FOUND, **part}, WRONG) for how, part in (
        ("no list of classes", {"classes": None}), ("classes that are numbers", {"classes": [1, 2]}),
        ("a similarity that is null", {"graphs": {"Z": [[1, None]] * 2}}),
        ("a similarity that is a word", {"graphs": {"Z": [["x", 0]] * 2}}), ("no graphs", {"graphs": []}),
        ("a count of 31 digits", {"confusion": [[10**30, 0], [0, 1]]}))),
    Case("relations with a count of pixels too few", "one for two classes", {**FOUND, "pixels": [1]},
         "file.jsonl, line 1: pixels …(1,) …2 classes; write the file again"),
    Case("relations of three classes for two", "a row and a column too many", {**FOUND, "confusion": [[1] * 3] * 3},
         "file.jsonl, line 1: confusion …(3, 3) …2 classes; write the file again"),
])  # fmt: skip
def test_relations(case, tmp_path):
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps(FOUND))
    assert [found.classes for found in read_relations(path)] == [("a", "b")]
    path.write_text(json.dumps(case.make))
    check(case, lambda: read_relations(path), tmp_path)


READERS = {
    "record": (load_records, json.dumps(as_line(RECORD)) + "\n" + json.dumps(FOUND)),
    "relations": (read_relations, json.dumps(FOUND) + "\n" + json.dumps(FOUND)),
    "list": (read_lines, "straße\nbridge\n\nriver\n"),
}


@pytest.mark.parametrize("what", [pytest.param(what, marks=fault(
    JSON, "damaged bytes in a text file", f"{what}: bytes overwritten at random, doubled, or the end cut off",
    "Each is read or refused with one line; no other error leaves the reader.", inputs=150))
    for what in READERS])  # fmt: skip
def test_random_damage(tmp_path, what, counted):
    read, text = READERS[what]
    chance, path, refused = random.Random(what), tmp_path / "file.json", 0
    for number in range(counted("inputs")):
        content = bytearray(text.encode())
        for _ in range(chance.choice([1, 2, 8])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if number % 3 == 0:
            del content[chance.randrange(len(content)) :]
        elif number % 3 == 1:
            place = chance.randrange(len(content))
            content[place:place] = content[place : place + chance.randrange(40)]
        path.write_bytes(content)
        try:
            read(path)
        except InputError as error:
            refused += 1
            assert str(error).isprintable() and str(error).startswith((f"{path}: ", f"{path}, line "))
    assert refused > counted("inputs") / 4


def test_the_data_set_of_two_classes_and_the_labelled_one_are_not_refused():
    """What the refusals above refuse, and nothing more."""
    assert len(tiny_trainer(num_labelled=1).split.labelled) == 1
