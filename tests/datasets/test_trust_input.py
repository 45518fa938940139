"""Trust: lists, JSON files, recipes and options, as they should not be."""

import json
from dataclasses import replace

import pytest
from PIL import Image
from shared import TinyScenes
from trust import TINY, Case, check, each, fault, refusal, says, tree

from reco_core import config, datasets
from reco_core.config import TrainConfig
from reco_core.datasets.splits import read_split
from reco_core.errors import InputError
from reco_core.runs.recipes import recipe
from reco_core.runs.records import load_record
from reco_core.trainers import Trainer

LISTS = [
    Case("list that begins with a byte-order mark", "saved by a Windows editor", b"\xef\xbb\xbfa\r\nb\r\n", "Read.",
         ["a", "b"]),
    Case("list with blank lines and blanks", "\\n, tabs", b"\n  b \t\n\n a\n", "Read.", ["a", "b"]),
    Case("list that names an image twice", "a line copied", b"a\nb\na\n", "Read once.", ["a", "b"]),
    Case("list in another encoding", "Latin-1", b"caf\xe9\n",
         "train.txt: not a text in UTF-8 (byte 3); save it as UTF-8"),
    Case("list with an unknown name", "a line typed wrongly", b"a\nd\n",
         "train.txt: no image 'd' in images/; correct the list (names without endings)"),
    Case("list that leads elsewhere", "../../secret", b"../../secret\n",
         "train.txt: no image '../../secret' in images/; correct the list (names without endings)"),
    Case("list of zeros", "a file damaged on its disk", b"\0" * 64,
         "train.txt: no image … in images/; correct the list (names without endings)"),
    Case("empty list", "0 bytes", b"", "train.txt: the list is empty; write a name a line"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Three images a, b, c of two classes."""
    root = tmp_path / "data"
    for kind, mode in (("images", "RGB"), ("masks", "L")):
        (root / kind).mkdir(parents=True)
        for number, name in enumerate("abc"):
            Image.new(mode, (8, 6), number % 2 if mode == "L" else (number, 0, 0)).save(root / kind / f"{name}.png")
    return root


@each("Lists and classes", LISTS)
def test_lists(case, folder):
    (folder / "train.txt").write_bytes(case.make)
    check(case, lambda: datasets.load("folder", folder).names, folder)


def lines_of(count):
    return "".join(f"class{number}\n" for number in range(count)).encode()


CLASSES = [
    Case("256 classes", "a line too many in classes.txt", lines_of(256),
         "classes.txt: 256 classes; a mask of 8 bits has room for 255, merge some"),
    Case("255 classes", "as many as a mask can hold", lines_of(255), "Read.", 255),
    Case("names of classes behind a broken link", "classes.txt leads nowhere", None,
         "classes.txt: cannot be read: No such file or directory; restore it, or name another file"),
    Case("names of classes in another encoding", "Latin-1", b"stra\xdfe\n",
         "classes.txt: not a text in UTF-8 (byte 4); save it as UTF-8"),
]  # fmt: skip


@each("Lists and classes", CLASSES)
def test_classes(case, folder):
    if case.make is None:
        (folder / "classes.txt").symlink_to("gone.txt")
    else:
        (folder / "classes.txt").write_bytes(case.make)
    check(case, lambda: datasets.load("folder", folder).num_classes, folder)


@fault("Lists and classes", "VOC's list with a path", "../../escaped in train.txt, with such a mask in place",
       "Refused by `reco data prepare`; nothing is written outside the folder.", inputs=1)  # fmt: skip
def test_voc_masks_are_not_written_elsewhere(tmp_path):
    folder = tmp_path / "a" / "voc" / "VOCdevkit" / "VOC2012"
    lists = folder / "ImageSets" / "Segmentation"
    for path in (
        lists,
        folder / "JPEGImages",
        folder / "SegmentationClass",
        tmp_path / "a/voc/benchmark_RELEASE/dataset/cls",
    ):
        path.mkdir(parents=True)
    (lists / "train.txt").write_text("../../escaped\n")
    (lists / "val.txt").write_text("")
    Image.new("L", (4, 4)).save(folder.parent / "escaped.png")
    before = tree(tmp_path)
    message = refusal(lambda: datasets.prepare("pascal_voc", tmp_path / "a" / "voc"), lists)
    assert says(
        message, "train.txt: '../../escaped' is no image's name, it would lead to another folder; restore the list"
    )
    assert tree(tmp_path) == before


SPLITS = [
    ("labelled list that is no list", "an object in its place", '{"labelled": {"a": 1}}'),
    ("labelled list of numbers", "1, 2", '{"labelled": [1, 2]}'),
    ("labelled list of lists", "unhashable names", '{"labelled": [["scene00"]]}'),
    ("labelled list without a name", "an empty list", '{"labelled": []}'),
]
NO_LIST = "file.json: no list 'labelled' of image names: write the file with `write_split`"
TWICE, UNKNOWN = '{"labelled": ["scene00", "scene00"]}', '{"labelled": ["scene00", "x\\n"]}'
GROUP = "JSON files, recipes and options"


@each(GROUP, [
    *(Case(what, how, text, NO_LIST) for what, how, text in SPLITS),
    Case("labelled image twice", "a name copied", TWICE, 'file.json: "scene00" stands twice; remove one'),
    Case("labelled image of another data set", "an unknown name with a line break", UNKNOWN,
         'file.json: tiny/train has no image "x\\n"; name its own split'),
    Case("labelled list as written", "its own file", '{"labelled": ["scene03", "scene01"]}',
         "Read, in its order.", (3, 1)),
])  # fmt: skip
def test_split_files(case, tmp_path):
    (tmp_path / "file.json").write_text(case.make)
    check(case, lambda: read_split(tmp_path / "file.json", TinyScenes()).labelled, tmp_path)


RECORD = {
    "schema": 1,
    "config": {"method": "classmix", "seed": 0, "data": {"dataset": "tiny"}},
    "test": {"last": {"miou": 0.5}, "best": {"miou": 0.6}},
    "val": {},
}


def record(path, value):
    """The record with one of its values changed, as JSON."""
    changed = json.loads(json.dumps(RECORD))
    *keys, last = path.split(".")
    inner = changed
    for key in keys:
        inner = inner[key]
    inner[last] = value
    return json.dumps(changed)


WRONG, RESTORE = "file.json: not valid JSON: {}; restore or delete it", "restore or delete it"
BY_HAND = "records are not written by hand, restore or delete it"
RECORDS = [
    Case("record cut short", "half of a file", json.dumps(RECORD)[:60], WRONG.format("…")),
    Case("empty record", "0 bytes", "", WRONG.format("…")),
    Case("record with NaN", '"miou": NaN', record("test.last.miou", float("nan")),
         WRONG.format("NaN is no JSON number, write null")),
    Case("record with infinity", '"miou": -Infinity', record("test.last.miou", -float("inf")),
         WRONG.format("-Infinity is no JSON number, write null")),
    Case("record with a number that is too large", '"miou": 1e999', json.dumps(RECORD).replace("0.5", "1e999"),
         WRONG.format("1e999 is no JSON number, write null")),
    Case("bottomless record", "100,000 brackets", "[" * 100_000, WRONG.format("…")),
    Case("list for a record", "[]", "[]", f"file.json: expected a JSON object, got list; {RESTORE}"),
    Case("record of another version", '"schema": 99', record("schema", 99),
         f"file.json: not a record of `reco train` (schema 99, want 1); {RESTORE}"),
    Case("record without a configuration", '"config": null', record("config", None),
         f"file.json: config.method is None; {BY_HAND}"),
    Case("record whose seed is a word", '"seed": "one"', record("config.seed", "one"),
         f"file.json: config.seed is 'one'; {BY_HAND}"),
    Case("record without its best score", '"best": {}', record("test.best", {}),
         f"file.json: test.best.miou is None; {BY_HAND}"),
    Case("record in percent", '"miou": 61.5', record("test.last.miou", 61.5),
         f"file.json: test.last.miou is 61.5; {BY_HAND}"),
    Case("record whose scores are words", '"test": "good"', record("test", "good"),
         f"file.json: test.last.miou is None; {BY_HAND}"),
    Case("record with a byte-order mark", "saved by a Windows editor", "\ufeff" + json.dumps(RECORD), "Read.", RECORD),
]  # fmt: skip


@each(GROUP, RECORDS)
def test_records(case, tmp_path):
    (tmp_path / "file.json").write_text(case.make, encoding="utf-8")
    check(case, lambda: load_record(tmp_path / "file.json"), tmp_path)


@fault(GROUP, "names that are no recipe", "typing errors, paths, blanks, control characters, 10,000 letters",
       "Each is refused with one line that names recipes.", inputs=9)  # fmt: skip
def test_recipes(counted):
    names = ["", "table1", "table1/camvid/1/x", "../../etc/passwd", "small/toyscapes/20/recoo+classmix", "a\nb", "\0"]
    names += ["TABLE1/pascal_voc/60/classmix", "x" * 10_000]
    assert len(names) == counted("inputs")
    for name in names:
        with pytest.raises(InputError) as error:
            recipe(name)
        assert len(str(error.value).splitlines()) == 1 and ("begin with table1" in str(error.value) or "in table1/"
            in str(error.value) or "small/toyscapes/20/classmix" in str(error.value))  # fmt: skip


NUMBER = "configuration.{}: {} is out of range: give {}"
OPTIONS = [
    ("log_every", 0, "1 or more"), ("eval_every", 0, "1 or more"), ("checkpoint_every", -5, "1 or more"),
    ("seed", -1, "0 or more"), ("num_workers", -1, "0 or more"), ("optimiser.iterations", 0, "1 or more"),
    ("optimiser.batch_size", 0, "1 or more"), ("optimiser.learning_rate", -0.1, "more than 0"),
    ("optimiser.weight_decay", -1.0, "0 or more"), ("data.crop", (0, 32), "1 or more"),
    ("reco.num_queries", 0, "1 or more"), ("reco.temperature", 0.0, "more than 0"), ("model.width", 0, "1 or more"),
]  # fmt: skip
TOO_SMALL = "is too small: method 'reco+classmix' needs 8 x 8 pixels, and a batch of one more than 16 on a side"
NOT_FINITE = [("optimiser.learning_rate", float("nan")), ("reco.temperature", float("inf"))]


def changed(path, value):
    *part, last = path.split(".")
    if not part:
        return replace(TINY, **{last: value})
    return replace(TINY, **{part[0]: replace(getattr(TINY, part[0]), **{last: value})})


@each(GROUP, [
    *(Case(f"{path} = {value}", f"the option `--{path.rpartition('.')[2].replace('_', '-')}`", changed(path, value),
           NUMBER.format(path, value, allowed)) for path, value, allowed in OPTIONS),
    *(Case(f"{path} = {value}", "a number that is none", changed(path, value), f"configuration.{path}: {value} is not a"
           " number to work with: give a finite one") for path, value in NOT_FINITE),
    Case("scale that runs backwards", "`--scale 2 1`", changed("data.scale", (2.0, 1.0)),
         "configuration.data.scale: (2.0, 1.0) runs backwards: give the smaller scale first"),
    Case("Nesterov without momentum", "`--momentum 0`", changed("optimiser.momentum", 0.0),
         "configuration.optimiser.nesterov: needs momentum above 0: set one, or --no-nesterov"),
    Case("crop of a few pixels", "`--crop 4 4`", changed("data.crop", (4, 4)), f"tiny/train: crop 4 x 4 {TOO_SMALL}"),
    Case("batch of one pixel", "`--crop 16 16`, `--batch-size 1`: nothing to normalise a batch by",
         replace(changed("data.crop", (16, 16)), optimisation=replace(TINY.optimisation, batch_size=1)),
         f"tiny/train: crop 16 x 16 {TOO_SMALL}"),
    Case("accelerator that there is not", "`--accelerator abacus`", changed("accelerator", "abacus"),
         "accelerator 'abacus' with 1 device(s): …; choose another --accelerator"),
])  # fmt: skip
def test_options(case, tmp_path):
    data = TinyScenes()
    check(case, lambda: Trainer(case.make, tmp_path / "run", train=data, val=data, test=data), tmp_path)


def test_a_good_configuration_passes_and_survives_its_file():
    config.check(TINY)
    assert config.from_dict(TrainConfig, json.loads(json.dumps(config.to_dict(TINY)))) == TINY
