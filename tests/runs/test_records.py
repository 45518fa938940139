"""reco_core.runs.records: what a line of results holds, and what reading and writing keeps, replaces and refuses."""

import functools
import json
import math
import multiprocessing
from dataclasses import replace

import pytest
from shared import path_of, tiny_run

from reco_book import RESULTS
from reco_book.relations import read_relations
from reco_core.config import TrainConfig, from_dict
from reco_core.datasets.splits import LabelledSplit
from reco_core.errors import InputError
from reco_core.files import atomic_write
from reco_core.runs.recipes import is_run_of
from reco_core.runs.records import About, load_records, put

BENCH = RESULTS / "toyscapes" / "20.jsonl"
RECORDS = load_records(BENCH)
REAL = RECORDS[0]


def variant(line, **about):
    """The line of another run."""
    return replace(line, about=replace(line.about, **about))


def scored(line, miou):
    """The record with another score on the test split."""
    return replace(line, test=replace(line.test, miou=miou))


def test_lines_survive_their_file(tmp_path):
    lines = load_records(BENCH.with_name("20-quarter.jsonl"))
    for line in lines:
        written = put(line, path_of(line, tmp_path))
        assert written == tmp_path / "toyscapes" / "20-quarter.jsonl", "a line goes where lines of its group lie"
    assert load_records(tmp_path) == lines
    before = written.read_bytes()
    for line in lines:  # the same once more replaces its line
        put(line, written)
    assert written.read_bytes() == before and len(lines) > 5


def test_a_newer_version_replaces_the_earlier_one_and_nothing_else(tmp_path):
    path = tmp_path / "lines.jsonl"
    own = variant(REAL, recipe=None, preset=None)
    others = [
        REAL,
        variant(REAL, seed=7),
        variant(REAL, recipe="camvid/20/cutmix"),
        variant(REAL, preset="paper"),
        own,
        variant(own, config=replace(REAL.config, eval_every=7)),
    ]
    for number, line in enumerate(others):
        put(scored(line, number / 10), path)
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(others)
    for line in others:  # the environment, and with a recipe the weights' file, may be another one
        put(scored(variant(line, environment={}, revision="later"), 1.0), path)
        found = load_records(path)
        (newer,) = [one for one in found if one.about.identity == line.about.identity]
        assert newer.test.miou == 1.0 and newer.about.revision == "later"
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(others)


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "group" / "lines.jsonl"
    lines = [variant(REAL, seed=seed) for seed in range(48)]
    with multiprocessing.get_context("fork").Pool(3) as pool:  # at once: others would load PyTorch first
        pool.map(functools.partial(put, path=path), lines, chunksize=1)
    assert sorted(load_records(path), key=lambda record: record.seed) == lines
    assert [one.name for one in path.parent.iterdir()] == [path.name], "no lock and no part is left"


def value_at(*keys, value):
    """Damage: another value in a line."""

    def damage(line):
        *way, last = keys
        part = functools.reduce(lambda inner, key: inner[key], way, line)
        part[last] = value
        return json.dumps(line)

    return damage


def without(*keys):
    """Damage: a value is missing."""

    def damage(line):
        *way, last = keys
        del functools.reduce(lambda inner, key: inner[key], way, line)[last]
        return json.dumps(line)

    return damage


DAMAGES = {
    "cut": (lambda line: json.dumps(line)[:400], "not valid JSON"),
    "blank": (lambda line: "", "not valid JSON"),
    "a list": (lambda line: "[]", "expected a JSON object, got list"),
    "NaN": (value_at("test", "miou", value=math.nan), "NaN is no JSON number"),
    "infinity": (value_at("seconds", value=math.inf), "Infinity is no JSON number"),
    "unknown field": (value_at("colour", value="red"), "unknown field 'colour'"),
    "unknown option": (value_at("about", "config", "data", "colour", value=1), "'about.config.data.colour'"),
    "seed as text": (value_at("about", "seed", value="0"), "about.seed: '0'"),
    "seed with a fraction": (value_at("about", "seed", value=0.5), "about.seed: 0.5"),
    "yes for a number": (value_at("test", "miou", value=True), "test.miou: True"),
    "other schema": (value_at("schema", value=1), "schema: 1"),
    "unknown kind": (value_at("kind", value="walk"), "kind 'walk'"),
    "no kind": (without("kind"), "kind None"),
    "mIoU above 1": (value_at("test", "miou", value=37.2), "test.miou: 37.2"),
    "mIoU below 0": (value_at("val", "miou", value=-0.1), "val.miou: -0.1"),
    "best mIoU above 1": (value_at("best", "miou", value=37.2), "best.miou: 37.2"),
    "IoU above 1": (value_at("val", "iou", 0, value=88.4), "val.iou.0: 88.4"),
    "no seed": (without("about", "seed"), "about.seed"),
    "no scores": (without("val"), "val"),
    "option out of bounds": (
        value_at("about", "config", "optimisation", "learning_rate", value=-1),
        "about.config.optimisation.learning_rate: -1",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_line_is_refused_by_file_and_line(damage, tmp_path):
    make, words = DAMAGES[damage]
    lines = BENCH.read_text(encoding="utf-8").splitlines()[:3]
    lines[1] = make(json.loads(lines[1]))
    path = tmp_path / "20.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"20\.jsonl, line 2: ") as refused:
        load_records(tmp_path)
    message = str(refused.value)
    assert words in message and str(path) in message and "restore" in message and len(message.splitlines()) == 1


def test_a_damaged_file_is_not_written_to(tmp_path):
    path = tmp_path / "20.jsonl"
    for make, words in (DAMAGES["cut"], DAMAGES["seed as text"]):
        lines = BENCH.read_text(encoding="utf-8").splitlines()[:3]
        lines[1] = make(json.loads(lines[1]))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        before = path.read_bytes()
        with pytest.raises(InputError, match=r"20\.jsonl, line 2: ") as refused:
            put(REAL, path)
        assert words in str(refused.value) and path.read_bytes() == before


def test_what_cannot_be_true_is_no_record():
    for wrong in ({"miou": 1.5}, {"miou": math.nan}, {"pixel_accuracy": -0.5}, {"iou": (2.0,)}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            replace(REAL.val, **wrong)


def test_of_two_folders_the_first_record_counts(tmp_path):
    first, second = scored(REAL, 0.1), scored(REAL, 0.2)
    put(first, tmp_path / "a" / "x.jsonl")
    put(second, tmp_path / "b" / "x.jsonl")
    put(variant(second, seed=7), tmp_path / "b" / "x.jsonl")
    a, b = tmp_path / "a", tmp_path / "b"
    assert [(one.seed, one.test.miou) for one in load_records(a, b)] == [(REAL.seed, 0.1), (7, 0.2)]
    assert [(one.seed, one.test.miou) for one in load_records(b, a)] == [(REAL.seed, 0.2), (7, 0.2)]
    assert load_records(tmp_path / "nowhere", tmp_path / "nowhere.jsonl") == []


def test_what_a_line_is_of_does_not_depend_on_its_path(tmp_path):
    path = put(REAL, path_of(REAL, tmp_path))
    moved = tmp_path / "small" / "elsewhere" / "supervised-seed9.jsonl"
    moved.parent.mkdir(parents=True)
    path.rename(moved)
    assert load_records(tmp_path) == [REAL]
    put(scored(REAL, 0.5), moved)
    assert load_records(tmp_path) == [scored(REAL, 0.5)]


def test_a_file_is_read_again_when_it_has_changed(tmp_path):
    path = put(REAL, tmp_path / "x.jsonl")
    assert load_records(path) == [REAL]
    text = path.read_text(encoding="utf-8").replace(f'"miou":{REAL.test.miou}', '"miou":0.25')
    atomic_write(path, lambda file: file.write(text.encode()))
    assert load_records(path)[0].test.miou == 0.25


def test_a_record_names_its_run(tmp_path):
    session = tiny_run(tmp_path / "run", seed=3, method="supervised", iterations=2)
    session.about = replace(session.about, recipe="small/tiny/2/supervised", preset="published", group="small/tiny/2")
    record = session.run()
    about = record.about
    assert (about.recipe, about.preset, about.method) == ("small/tiny/2/supervised", "published", "supervised")
    assert (about.group, about.seed) == ("small/tiny/2", 3)
    assert (record.method, record.seed, record.config) == ("supervised", 3, session.options)
    assert load_records(put(record, tmp_path / "record.jsonl")) == [record]


def test_a_run_is_of_its_recipe_or_of_its_data_and_labels():
    options = replace(REAL.config, data=replace(REAL.config.data, root="/home/me/photographs"))

    def about(options, recipe=None):
        return About.of(options, recipe, "published", "weights.pth:0123", {}, None)

    assert about(options).group == "toyscapes/20" and about(options).recipe is about(options).preset is None
    partial = replace(options, data=replace(options.data, partial_labels="1px", num_labelled=None))
    assert about(partial).group == "toyscapes/1px"
    assert about(replace(options, data=replace(options.data, num_labelled=None))).group == "toyscapes/all"
    ours = about(options, "camvid/20/classmix")
    assert (ours.group, ours.preset, ours.method) == ("camvid/20", "published", options.method)
    assert ours.config.data.root is None and ours.config.model.weights == "weights.pth:0123", "no path of a person's"


def test_scores_of_the_best_step_are_those_that_were_measured():
    steps = REAL.config.optimisation.iterations
    last = replace(REAL, best=replace(REAL.best, step=steps, test_miou=None))
    assert last.miou("best") == last.miou() == 100 * REAL.test.miou
    earlier = replace(last, best=replace(last.best, step=1, miou=0.9))
    assert math.isnan(earlier.miou("best")), "of the validation split alone"
    assert replace(earlier, best=replace(earlier.best, test_miou=0.3)).miou("best") == 30
    without_test = replace(earlier, test=None)
    assert without_test.scores == REAL.val and without_test.miou("best") == 90
    assert without_test.miou() == 100 * REAL.val.miou


def test_every_record_holds_the_configuration_of_its_recipe():
    """Seed, folder, weights' file and speed are a run's own; all else must be what its name stands for."""
    records = load_records(RESULTS)
    assert len(records) == len({record.about.identity for record in records}) > 0
    for record in records:
        about = record.about
        assert is_run_of(record.config, about.recipe, about.preset), about.recipe
        assert about.group == about.recipe.rpartition("/")[0]
        assert (about.method, about.seed) == (record.config.method, record.config.seed)
        split = LabelledSplit((), (), record.split.labelled)
        assert record.split.digest == split.digest, f"{about.recipe}, seed {about.seed}: labelled images"
        assert len(record.classes) == len(record.val.iou) == len((record.test or record.val).iou)


def test_every_line_of_relations_is_of_a_recorded_run():
    lines = [one for path in (RESULTS / "relations").rglob("*.jsonl") for one in read_relations(path)]
    runs = {(one.about.recipe, one.about.preset, one.seed): one for one in load_records(RESULTS)}
    for line in lines:
        about = line.about
        run = runs[about["recipe"], about["preset"], about["seed"]]
        config = from_dict(TrainConfig, about["config"])
        assert is_run_of(config, about["recipe"], about["preset"])
        assert (config.method, config.seed) == (about["method"], about["seed"]) == (run.method, run.seed)
        assert sorted(line.classes + line.absent) == sorted(run.classes), about["recipe"]
