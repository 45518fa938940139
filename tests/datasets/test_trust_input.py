"""Trust: lists, JSON files, recipes and options, as they should not be."""

import json
from dataclasses import replace

import pytest
from PIL import Image
from shared import TINY, TinyScenes, tiny_options
from trust import RECORD, Case, as_line, check, each, fault, refusal, refused, says, tree

from reco_core import config, datasets
from reco_core.config import TrainConfig
from reco_core.errors import InputError
from reco_core.runs.recipes import recipe
from reco_core.runs.records import load_records
from reco_core.trainers import Trainer

LISTS = [
    Case("list that begins with a byte-order mark", "saved by a Windows editor", b"\xef\xbb\xbfa\r\nb\r\n", "Read.",
         ["a", "b"]),
    Case("list with blank lines and blanks", "\\n, tabs", b"\n  b \t\n\n a\n", "Read.", ["a", "b"]),
    Case("list that names an image twice", "a line copied", b"a\nb\na\n", "Read once.", ["a", "b"]),
    Case("list in another encoding", "Latin-1", b"caf\xe9\n",
         "train.txt: …byte 3…; save it as UTF-8"),
    Case("list with an unknown name", "a line typed wrongly", b"a\nd\n",
         "train.txt: …'d'…; correct the list…"),
    Case("list that leads elsewhere", "../../secret", b"../../secret\n",
         "train.txt: …'../../secret'…; correct the list…"),
    Case("list of zeros", "a file damaged on its disk", b"\0" * 64,
         "train.txt: …image […] in …; correct the list…"),
    Case("empty list", "0 bytes", b"", "train.txt: …empty; write a name a line"),
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
         "classes.txt: 256 classes; …255, merge some"),
    Case("255 classes", "as many as a mask can hold", lines_of(255), "Read.", 255),
    Case("names of classes behind a broken link", "classes.txt leads nowhere", None,
         "classes.txt: …No such file or directory; restore it…"),
    Case("names of classes in another encoding", "Latin-1", b"stra\xdfe\n",
         "classes.txt: …byte 4…; save it as UTF-8"),
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
    assert says(message, "train.txt: '../../escaped' …; restore the list"), message
    assert tree(tmp_path) == before


GROUP = "JSON files, recipes and options"
LINE = json.dumps(as_line(RECORD))


def changed_line(path, value):
    """The record's line with one of its values changed, as JSON."""
    changed = json.loads(LINE)
    *keys, last = path.split(".")
    inner = changed
    for key in keys:
        inner = inner[key]
    inner[last] = value
    return json.dumps(changed)


RESTORE = "file.jsonl, line {}: …{}…restore or delete …"
WRONG = "file.jsonl, line 1: not valid JSON: […]; restore or delete it"
RECORDS = [
    Case("record cut short", "half of a line", LINE[:60], WRONG),
    Case("record cut short after a whole one", "half of the second line", f"{LINE}\n{LINE[:60]}\n",
         WRONG.replace("line 1", "line 2")),
    Case("two records on one line", "a line break lost", LINE * 2, WRONG),
    Case("blank line between records", "the text of a line deleted", f"\n{LINE}\n", WRONG),
    Case("file of zeros", "a file damaged on its disk", "\0" * 64, WRONG),
    Case("file without a record", "0 bytes", "", "Read; nothing is recorded.", []),
    Case("record with NaN", '"miou": NaN', changed_line("test.miou", float("nan")),
         RESTORE.format(1, "NaN is no JSON number, write null")),
    Case("record with infinity", '"miou": -Infinity', changed_line("test.miou", -float("inf")),
         RESTORE.format(1, "-Infinity is no JSON number, write null")),
    Case("record with a number that is too large", '"miou": 1e999', LINE.replace("0.625", "1e999"),
         RESTORE.format(1, "best.miou: inf: …1")),
    Case("bottomless record", "100,000 brackets", "[" * 100_000, WRONG),
    Case("list for a record", "[]", "[]", RESTORE.format(1, "object, got list")),
    Case("line that is no record", '"kind": "note"', changed_line("kind", "note"),
         RESTORE.format(1, "'note' …run, evaluation, relations")),
    Case("record of another version", '"schema": 99', changed_line("schema", 99), RESTORE.format(1, "schema: 99: …2")),
    Case("record of the first schema", "one JSON object over many lines", json.dumps({"schema": 1}, indent=1),
         WRONG),
    Case("record without a configuration", '"config": null', changed_line("about.config", None),
         RESTORE.format(1, "about.config: None")),
    Case("record with an unknown part", '"note": "mine"', changed_line("note", "mine"),
         RESTORE.format(1, "unknown field 'note'")),
    Case("record whose seed is a word", '"seed": "one"', changed_line("about.seed", "one"),
         RESTORE.format(1, "about.seed: 'one'")),
    Case("record of an option that is out of range", '"log_every": 0', changed_line("about.config.log_every", 0),
         RESTORE.format(1, "about.config.log_every: 0: …1")),
    Case("record without its best score", '"best": {}', changed_line("best", {}),
         RESTORE.format(1, "best.step: …required")),
    Case("record in percent", '"miou": 61.5', changed_line("test.miou", 61.5),
         RESTORE.format(1, "test.miou: 61.5: …1")),
    Case("record whose scores are words", '"test": "good"', changed_line("test", "good"),
         RESTORE.format(1, "test: 'good'")),
    Case("record whose history has a word", '"supervised": "low"', changed_line("history", [{"supervised": "low"}]),
         RESTORE.format(1, "history.0.supervised…'low'")),
    Case("record with a byte-order mark", "saved by a Windows editor", f"\ufeff{LINE}\r\n", "Read.", [RECORD]),
]  # fmt: skip


@each(GROUP, RECORDS)
def test_records(case, tmp_path):
    (tmp_path / "file.jsonl").write_text(case.make, encoding="utf-8", newline="")
    check(case, lambda: load_records(tmp_path / "file.jsonl"), tmp_path)


@fault(GROUP, "names that are no recipe", "typing errors, paths, blanks, control characters, 10,000 letters",
       "Each is refused with one line that names recipes.", inputs=9)  # fmt: skip
def test_recipes(counted):
    names = ["", "table1", "table1/camvid/1/x", "../../etc/passwd", "camvid/20/recoo+classmix", "a\nb", "\0"]
    names += ["TABLE1/pascal_voc/60/classmix", "x" * 10_000]
    assert len(names) == counted("inputs")
    for name in names:
        with pytest.raises(InputError) as error:
            recipe(name)
        said = str(error.value)
        assert len(said.splitlines()) == 1
        assert any(known in said for known in ("table1, ", "in table1/", "camvid/20/classmix")), said


OPTIONS = [
    ("log_every", "0", "1"), ("eval_every", "0", "1"), ("checkpoint_every", "-5", "1"), ("seed", "-1", "0"),
    ("num_workers", "-1", "0"), ("optimisation.iterations", "0", "1"), ("optimisation.batch_size", "0", "1"),
    ("optimisation.learning_rate", "-0.1", "0"), ("optimisation.weight_decay", "-1.0", "0"),
    ("data.crop", "0 32", "1"), ("reco.num_queries", "0", "1"), ("reco.temperature", "0.0", "0"),
    ("model.width", "0", "1"),
]  # fmt: skip
NOT_FINITE = [("optimisation.learning_rate", "nan"), ("reco.temperature", "inf")]


def field_of(path):
    return path.rpartition(".")[2]


def option(path):
    return f"--{field_of(path).replace('_', '-')}"


@each(GROUP, [
    *(Case(f"{path} = {value}", f"the option `{option(path)}`", f"{option(path)} {value}",
           f"{field_of(path)}…: {value.split()[0]}: …greater than …{least}") for path, value, least in OPTIONS),
    *(Case(f"{path} = {value}", "a number that is none", f"{option(path)} {value}",
           f"{field_of(path)}: {value}: …finite…") for path, value in NOT_FINITE),
    Case("scale that runs backwards", "`--scale 2 1`", "--scale 2 1", "scale (2.0, 1.0) …: give the smaller …first"),
    Case("Nesterov without momentum", "`--momentum 0`", "--momentum 0", "nesterov …momentum above 0…--no-nesterov"),
])  # fmt: skip
def test_options(case, tmp_path, capsys):
    arguments = ["train", *case.make.split(), "--output", tmp_path / "run"]
    message = refused(arguments, capsys)
    assert says(message, case.happened), message
    assert not list(tmp_path.iterdir())


TOO_SMALL = "…'reco+classmix' needs 8 x 8 pixels, and a batch of one more than 16…"


@each(GROUP, [
    Case("crop of a few pixels", "`--crop 4 4`", tiny_options(crop=(4, 4)), f"tiny/train: crop 4 x 4 {TOO_SMALL}"),
    Case("batch of one pixel", "`--crop 16 16`, `--batch-size 1`: nothing to normalise a batch by",
         tiny_options(crop=(16, 16), batch_size=1), f"tiny/train: crop 16 x 16 {TOO_SMALL}"),
    Case("method that there is not", "`--method recoo`", replace(TINY, method="recoo"),
         "…'recoo': choose one of supervised, …"),
    Case("accelerator that there is not", "`--accelerator abacus`", replace(TINY, accelerator="abacus"),
         "accelerator 'abacus' …: […]; choose another --accelerator"),
])  # fmt: skip
def test_configurations(case, tmp_path):
    check(case, lambda: Trainer(case.make, TinyScenes()), tmp_path)


def test_a_good_configuration_passes_and_survives_its_file():
    assert Trainer(TINY, TinyScenes()).options == TINY
    assert config.from_dict(TrainConfig, json.loads(json.dumps(config.to_dict(TINY)))) == TINY
