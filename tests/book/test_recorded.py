"""reco_book.compare, recorded and cells: the paper's numbers beside records, cell by cell and seed by seed."""

import math
from dataclasses import replace

import pytest
from shared import path_of

from reco_book import RESULTS
from reco_book.cells import cell_recipe
from reco_book.compare import beside_the_paper
from reco_book.evaluations import Evaluation, put_evaluation
from reco_book.paper import TABLES
from reco_book.recorded import boundary_scores, recipe_records, recipe_scores
from reco_core.errors import InputError
from reco_core.runs.recipes import RECIPES
from reco_core.runs.records import load_records, put

OTHERS = {"AdvSemSeg", "CCT", "GCT", "VAT", "PseudoSeg", "CAC (PSPNet)", "CCT (PSPNet)"}
REAL = load_records(RESULTS / "toyscapes" / "20.jsonl")[0]


def about(line, recipe, seed):
    """What a line says of its run, if it were one of another recipe or seed."""
    method = RECIPES[recipe].method
    config = replace(line.about.config, method=method, seed=seed)
    group = recipe.rpartition("/")[0]
    return replace(line.about, recipe=recipe, group=group, method=method, seed=seed, config=config)


def record(results, recipe, miou, seed=0, **changes):
    """A recorded run, as if it were of a recipe and had scored so much on the test split."""
    changed = replace(REAL, about=about(REAL, recipe, seed), test=replace(REAL.test, miou=miou), **changes)
    put(changed, path_of(changed, results))


def test_every_cell_of_the_paper_has_a_recipe():
    for key, table in TABLES.items():
        for row, scores in table.rows.items():
            ours = [cell_recipe(table, row, column) for column in table.columns]
            for column, score, name in zip(table.columns, scores, ours, strict=True):
                if row in OTHERS or (key == "5" and not row.startswith("reco+classmix")):
                    assert name is None
                elif score is not None:
                    assert name is not None, (key, row, column)
                    assert name in RECIPES


def test_an_unknown_table():
    with pytest.raises(InputError, match=r"no table '9'.* 1, 2"):
        beside_the_paper("9", RESULTS)


def test_the_table_shows_paper_and_records_and_marks_what_is_missing(tmp_path):
    for seed, miou in ((0, 0.5), (1, 0.6)):  # Cityscapes has no test split: its validation split counts
        changed = replace(
            REAL, about=about(REAL, "table1/cityscapes/20/classmix", seed), val=replace(REAL.val, miou=miou), test=None
        )
        put(changed, path_of(changed, tmp_path))
    lines = beside_the_paper("1", tmp_path).splitlines()
    ours = next(line for line in lines if "`table1/cityscapes/20/classmix`" in line)
    assert "| 45.61 | 55.00 ± 7.07 (2 seeds) |" in ours
    missing = next(line for line in lines if "`table1/cityscapes/20/reco+classmix`" in line)
    assert "| 49.86 | no record |" in missing
    assert sum("| no record |" in line for line in lines) == 6 * 9 - 1
    assert "another paper's" in beside_the_paper("2", tmp_path)


def test_of_two_folders_the_first_record_counts(tmp_path):
    name, results, runs = "camvid/20/cutmix", tmp_path / "results", tmp_path / "runs"
    record(results, name, 0.4)
    record(runs, name, 0.5)
    record(runs, name, 0.6, seed=1)
    assert recipe_scores(name, (results, runs)) == {0: 40.0, 1: 60.0}
    assert recipe_scores(name, (runs, results)) == {0: 50.0, 1: 60.0}


def test_recipes_of_one_configuration_share_their_records(tmp_path):
    record(tmp_path, "camvid/20/reco+classmix", 0.25)
    names = [f"camvid/{name}" for name in ("fig7a/256", "fig7b/512", "fig7e/hard+relation")]
    assert [recipe_scores(name, tmp_path) for name in names] == 3 * [{0: 25.0}]
    assert recipe_scores("camvid/fig7a/32", tmp_path) == {}
    record(tmp_path, "camvid/fig7a/256", 0.5)  # a record of its own comes first
    assert [recipe_scores(name, tmp_path)[0] for name in names[:2]] == [50.0, 25.0]


def test_a_record_is_of_the_recipe_that_it_names_wherever_it_lies(tmp_path):
    record(tmp_path, "camvid/fig7a/32", 0.5, seed=1)
    lying = tmp_path / "elsewhere" / "supervised-seed7.jsonl"
    lying.parent.mkdir()
    (tmp_path / "camvid" / "fig7a.jsonl").rename(lying)
    found = recipe_records("camvid/fig7a/32", tmp_path)
    assert list(found) == [1] and found[1].miou() == 50.0
    assert recipe_records("camvid/20/supervised", tmp_path) == {}


def test_the_last_step_and_the_best_one_are_told_apart(tmp_path):
    name, best = "camvid/20/cutmix", replace(REAL.best, step=50, miou=0.9)
    for seed, test_miou in ((0, 0.6), (1, None)):
        record(tmp_path, name, 0.5, seed=seed, best=replace(best, test_miou=test_miou))
    assert recipe_scores(name, tmp_path) == {0: 50.0, 1: 50.0}
    found = recipe_scores(name, tmp_path, "best")
    assert found[0] == 60.0 and math.isnan(found[1]), "the validation split's score says nothing of the test split"


def test_boundary_scores_are_by_seed_and_of_the_final_split(tmp_path):
    name = "camvid/20/classmix"
    part = {"2": 0.5}
    for seed, split, miou in ((1, "test", 0.6), (0, "test", 0.5), (0, "val", 0.9)):
        scores = replace(REAL.scores, miou=miou)
        line = Evaluation(about(REAL, name, seed), "last", split, REAL.classes, scores, part, part, part)
        put_evaluation(line, path_of(line, tmp_path))
        put_evaluation(replace(line, which="best"), path_of(line, tmp_path))
    found = boundary_scores(name, tmp_path)
    assert {seed: line.scores.miou for seed, line in found.items()} == {0: 0.5, 1: 0.6} and list(found) == [0, 1]
    assert boundary_scores("camvid/20/supervised", tmp_path) == {}
