"""reco_book.evaluations: what was measured near boundaries, recorded, read and written."""

import math
from dataclasses import replace

import pytest
from shared import path_of

from reco_book import RESULTS
from reco_book.evaluations import Evaluation, evaluations_in, load_evaluations, put_evaluation
from reco_core.errors import InputError
from reco_core.runs.recipes import is_run_of
from reco_core.runs.records import load_records

RUN = load_records(RESULTS / "toyscapes" / "20.jsonl")[0]
SCORED = Evaluation(RUN.about, "last", "test", RUN.classes, RUN.scores, {"2": 0.3}, {"2": 0.6}, {"2": 0.2})


def test_lines_survive_their_file(tmp_path):
    lines = [replace(SCORED, about=replace(SCORED.about, seed=seed)) for seed in range(3)]
    for line in lines:
        written = put_evaluation(line, path_of(line, tmp_path))
    assert load_evaluations(tmp_path) == lines
    before = written.read_bytes()
    for line in lines:  # the same once more replaces its line
        put_evaluation(line, written)
    assert written.read_bytes() == before


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


def test_every_evaluation_is_of_a_recorded_run():
    runs = {(record.about.recipe, record.seed): record for record in load_records(RESULTS)}
    for line in load_evaluations(RESULTS):
        about = line.about
        record = runs[about.recipe, about.seed]
        assert is_run_of(about.config, about.recipe, about.preset) and line.classes == record.classes
        assert abs(line.scores.miou - record.test.miou) < 1e-5, about.recipe
