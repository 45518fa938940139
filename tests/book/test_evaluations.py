"""reco_book.evaluations: what was measured near borders, recorded, read and written."""

import math
from dataclasses import replace

import pytest
from shared import path_of

from reco_book import RESULTS
from reco_book.evaluations import evaluations_in, load_evaluations, put_evaluation
from reco_core.errors import InputError
from reco_core.runs.recipes import is_run_of
from reco_core.runs.records import load_records

SCORED = evaluations_in(RESULTS / "evaluations" / "small" / "camvid" / "20.jsonl")[0]


@pytest.mark.parametrize(
    ("path", "series"), [("small/camvid/long.jsonl", ""), ("planned/small/camvid/10.jsonl", "planned")]
)
def test_lines_survive_their_file(path, series, tmp_path):
    lines = evaluations_in(RESULTS / "evaluations" / path)
    for line in lines:
        written = put_evaluation(line, path_of(line, tmp_path))
        assert written == tmp_path / "evaluations" / path, "a line goes where lines of its series and group lie"
    assert load_evaluations(tmp_path, series) == lines
    before = written.read_bytes()
    for line in lines:  # the same once more replaces its line
        put_evaluation(line, written)
    assert written.read_bytes() == before and len(lines) > 5


def test_other_splits_or_networks_are_kept_beside_each_other(tmp_path):
    path = tmp_path / "lines.jsonl"
    for line in (SCORED, replace(SCORED, split="val"), replace(SCORED, which="best"), replace(SCORED, trimap={})):
        put_evaluation(line, path)
    assert [(line.which, line.split, line.trimap == {}) for line in evaluations_in(path)] == [
        ("last", "val", False), ("best", "test", False), ("last", "test", True),
    ]  # fmt: skip
    assert load_records(path) == [], "they are no runs"


def test_of_two_folders_the_first_counts(tmp_path):
    folders = tmp_path / "a", tmp_path / "b"
    for folder, miou in zip(folders, (0.25, 0.5), strict=True):
        put_evaluation(replace(SCORED, scores=replace(SCORED.scores, miou=miou)), path_of(SCORED, folder))
    assert [line.scores.miou for line in load_evaluations(folders)] == [0.25]
    assert [line.scores.miou for line in load_evaluations(folders[::-1])] == [0.5]
    assert load_evaluations(tmp_path / "nowhere") == []


def test_what_cannot_be_true_is_refused(tmp_path):
    with pytest.raises(ValueError, match="trimap"):
        replace(SCORED, trimap={"1": math.nan})
    path = put_evaluation(SCORED, tmp_path / "evaluations" / "x.jsonl")
    path.write_text(path.read_text(encoding="utf-8").replace('"which":"last"', '"which":"first"'), encoding="utf-8")
    for action in (lambda: load_evaluations(tmp_path), lambda: put_evaluation(SCORED, path)):
        with pytest.raises(InputError, match=r"x\.jsonl, line 1: which: 'first'.*restore or delete the line"):
            action()


@pytest.mark.parametrize(("series", "count"), [("", 75), ("planned", 60)])
def test_every_evaluation_is_of_a_recorded_run(series, count):
    runs = {}
    for made in ("", "reruns/cpu", "reruns/h200"):
        for record in load_records(RESULTS, series=made):
            runs.setdefault((record.about.recipe, record.about.preset, record.seed), []).append(record)
    lines = load_evaluations(RESULTS, series)
    assert len(lines) >= count
    for line in lines:
        about = line.about
        same = runs[about.recipe, about.preset, about.seed]
        assert is_run_of(about.config, about.recipe, about.preset) and line.classes == same[0].classes
        assert (about.method, about.seed) == (about.config.method, about.config.seed)
        if not series:  # of the recorded network, or of one trained again
            assert min(abs(line.scores.miou - record.test.miou) for record in same) < 1e-5, about.recipe
