"""reco_book.compare, recorded and cells: the paper's numbers beside records, cell by cell and seed by seed."""

import math
from dataclasses import replace

import pytest
from shared import path_of

from reco_book import RESULTS
from reco_book.cells import cell_recipe
from reco_book.compare import beside_the_paper, by_setting, panel, reco_parts, scores_by_setting
from reco_book.evaluations import put_evaluation
from reco_book.experiments import COMPARED
from reco_book.paper import TABLES
from reco_book.recorded import (
    ANIMALS,
    boundary_scores,
    group_records,
    label_losses,
    mean_boundary_scores,
    recipe_records,
    recipe_scores,
)
from reco_core.errors import InputError
from reco_core.runs.recipes import RECIPES
from reco_core.runs.records import load_records, put

OTHERS = {"AdvSemSeg", "CCT", "GCT", "VAT", "PseudoSeg", "CAC (PSPNet)", "CCT (PSPNet)"}
REAL = load_records(RESULTS / "small" / "camvid" / "20.jsonl")[0]
ANIMAL = load_records(RESULTS / "small" / "voc" / "all.jsonl")[0]
EVALUATION = boundary_scores("small/camvid/20/classmix", RESULTS)[0]


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
    name, results, runs = "small/camvid/20/cutmix", tmp_path / "results", tmp_path / "runs"
    record(results, name, 0.4)
    record(runs, name, 0.5)
    record(runs, name, 0.6, seed=1)
    assert recipe_scores(name, (results, runs)) == {0: 40.0, 1: 60.0}
    assert recipe_scores(name, (runs, results)) == {0: 50.0, 1: 60.0}
    assert [(found.method, found.seed) for found in group_records("small/camvid/20", (runs, results))] == [
        ("cutmix", 0), ("cutmix", 1),
    ]  # fmt: skip


def test_recipes_of_one_configuration_share_their_records(tmp_path):
    record(tmp_path, "small/camvid/20/reco+classmix", 0.25)
    for bars in (panel("7a", tmp_path), panel("7b", tmp_path), panel("7e", tmp_path)):
        assert bars[-1].scores == {0: 25.0} and bars[-1].paper == 49.83 and bars[-1].is_standard
        assert not any(bar.scores or bar.is_standard for bar in bars[:-1])
    record(tmp_path, "small/camvid/fig7a/256", 0.5)  # a record of its own comes first
    assert panel("7a", tmp_path)[-1].scores == {0: 50.0} and panel("7b", tmp_path)[-1].scores == {0: 25.0}


def test_a_record_is_of_the_recipe_that_it_names_wherever_it_lies(tmp_path):
    record(tmp_path, "small/camvid/fig7a/32", 0.5, seed=1)
    lying = tmp_path / "elsewhere" / "supervised-seed7.jsonl"
    lying.parent.mkdir()
    (tmp_path / "small" / "camvid" / "fig7a.jsonl").rename(lying)
    found = recipe_records("small/camvid/fig7a/32", tmp_path)
    assert list(found) == [1] and found[1].miou() == 50.0
    assert recipe_records("small/camvid/20/supervised", tmp_path) == {}


def test_a_series_is_kept_apart(tmp_path):
    name = "small/camvid/20/cutmix"
    record(tmp_path, name, 0.4)
    again = replace(REAL, about=replace(about(REAL, name, 0), series="reruns/cpu"), test=replace(REAL.test, miou=0.5))
    assert path_of(again, tmp_path) == tmp_path / "reruns" / "cpu" / "small" / "camvid" / "20.jsonl"
    put(again, path_of(again, tmp_path))
    assert recipe_scores(name, tmp_path) == {0: 40.0}
    assert recipe_scores(name, tmp_path, series="reruns/cpu") == {0: 50.0}


def test_the_last_step_and_the_best_one_are_told_apart(tmp_path):
    name, best = "small/camvid/20/cutmix", replace(REAL.best, step=50, miou=0.9)
    for seed, test_miou in ((0, 0.6), (1, None)):
        record(tmp_path, name, 0.5, seed=seed, best=replace(best, test_miou=test_miou))
    assert recipe_scores(name, tmp_path) == {0: 50.0, 1: 50.0}
    found = recipe_scores(name, tmp_path, "best")
    assert found[0] == 60.0 and math.isnan(found[1]), "the validation split's score says nothing of the test split"


def evaluation(results, recipe, seed, series="", **changes):
    """A recorded evaluation, as if it were of a recipe and seed."""
    line = replace(EVALUATION, about=replace(about(EVALUATION, recipe, seed), series=series), **changes)
    put_evaluation(line, path_of(line, results))


def test_boundary_scores_are_by_seed(tmp_path):
    """Without seed 0, seed 1 stays seed 1: what is paired by seed must not slip."""
    name = "small/camvid/20/classmix"
    for seed in (1, 10, 2):
        evaluation(tmp_path, name, seed, scores=replace(EVALUATION.scores, miou=seed / 100))
    evaluation(tmp_path, name, 1, "planned", scores=replace(EVALUATION.scores, miou=0.9))
    for other in ({"which": "best"}, {"split": "val"}):
        evaluation(tmp_path, name, 1, scores=replace(EVALUATION.scores, miou=0.8), **other)
    found = boundary_scores(name, tmp_path)
    assert [(seed, line.scores.miou) for seed, line in found.items()] == [(1, 0.01), (2, 0.02), (10, 0.1)]
    assert {seed: line.scores.miou for seed, line in boundary_scores(name, tmp_path, "planned").items()} == {1: 0.9}
    assert boundary_scores("small/camvid/20/supervised", tmp_path) == {}


def test_mean_boundary_scores_are_of_the_seeds_that_all_settings_have():
    def scored(miou, trimap, boundary):
        scores = replace(EVALUATION.scores, miou=miou)
        return replace(EVALUATION, scores=scores, trimap={"1": trimap}, boundary={"1": boundary})

    few, many = {seed: scored(0.1 * seed, 0.2, 0.1) for seed in (1, 2, 3)}, {2: scored(0.6, 0.4, 0.4)}
    found = mean_boundary_scores([few, many])
    assert list(found) == [2] and found[2].miou == pytest.approx(0.4)
    assert found[2].trimap == {"1": pytest.approx(0.3)} and found[2].boundary == {"1": pytest.approx(0.25)}
    assert mean_boundary_scores([few, {}]) == {}


@pytest.mark.parametrize("labels", [10, 60])
def test_the_planned_boundary_scores_are_of_the_announced_seeds_and_of_the_recorded_networks(labels):
    """A GPU rounds batches of another size otherwise; so the record of the same run must be the nearest, by far."""
    names = {method: f"small/camvid/{labels}/{method}" for method in COMPARED}
    records = {method: recipe_records(name, RESULTS) for method, name in names.items()}
    recorded = {(method, seed): found for method, runs in records.items() for seed, found in runs.items()}
    for method, name in names.items():
        found = boundary_scores(name, RESULTS, "planned")
        assert list(found) == list(range(5, 15))
        assert len({records[method][seed].about.revision for seed in found}) == 1, "all of one source"
        for seed, line in found.items():
            apart = {
                key: max(abs(a - b) for a, b in zip(line.scores.iou, other.test.iou, strict=True))
                for key, other in recorded.items()
            }
            own = apart.pop((method, seed))
            assert own < 2e-4 and min(apart.values()) > 0.02, f"{name}, seed {seed}: IoU of a class"


def test_the_panels_of_figure_7_keep_the_papers_bars(tmp_path):
    bars = {key: panel(key, tmp_path, "small/camvid") for key in ("7a", "7b", "7c", "7d", "7e")}
    assert [len(found) for found in bars.values()] == [4, 4, 4, 3, 4]
    assert all(bar.recipe in RECIPES and bar.recipe.startswith("small/camvid/") for row in bars.values() for bar in row)
    assert bars["7c"][-1].label == "100%, no ReCo" and bars["7c"][-1].recipe == "small/camvid/20/classmix"


def test_of_the_animals_subset_only_the_animals_count(tmp_path):
    iou = tuple(0.5 if name in ANIMALS else 0.0 for name in ANIMAL.classes)
    best = replace(ANIMAL.best, step=ANIMAL.config.optimisation.iterations)
    changed = replace(ANIMAL, val=replace(ANIMAL.val, iou=iou, miou=0.9), best=best)
    put(changed, path_of(changed, tmp_path))
    name, seed = changed.about.recipe, changed.seed
    assert recipe_scores(name, tmp_path) == recipe_scores(name, tmp_path, "best") == {seed: 50.0}
    earlier = replace(changed, best=replace(best, step=best.step - 1))
    put(earlier, path_of(earlier, tmp_path))
    assert recipe_scores(name, tmp_path) == {seed: 50.0}
    assert math.isnan(recipe_scores(name, tmp_path, "best")[seed]), "classes are kept of the last step alone"


def test_a_line_for_each_setting_that_has_a_record(tmp_path):
    for method, scores in {"supervised": (0.30, 0.32), "classmix": (0.31, 0.33)}.items():
        for seed, miou in enumerate(scores):
            record(tmp_path, f"small/camvid/1px/{method}", miou, seed)
    groups = {"1 pixel": "small/camvid/1px", "1 %": "small/camvid/1%"}
    line = "| 1 pixel | 31.00 ± 1.41 | 32.00 ± 1.41 | – | +1.00 [+1.00, +1.00], 2 seeds | – |"
    assert by_setting(groups, tmp_path).splitlines()[2:] == [line]


def test_scores_of_settings_are_of_the_seeds_that_all_of_them_have(tmp_path):
    for group, seeds in {"1px": (0, 1, 2), "25%": (2, 0)}.items():
        for method in ("supervised", "cutmix"):
            for seed in seeds:
                record(tmp_path, f"small/camvid/{group}/{method}", 0.5 + 0.01 * seed, seed)
    groups = {share: f"small/camvid/{share}" for share in ("1px", "25%")}
    found = scores_by_setting(groups, tmp_path, ("supervised", "cutmix"))
    assert found == {share: dict.fromkeys(("supervised", "cutmix"), {0: 50.0, 2: 52.0}) for share in groups}


def test_recos_part_in_every_recorded_setting_beside_the_papers(tmp_path):
    scores = {"camvid/1px/classmix": 0.30, "camvid/1px/reco+classmix": 0.31, "camvid/10/classmix": 0.5}
    scores |= {"nyu_v2/150/classmix": 0.1, "nyu_v2/150/reco+classmix": 0.08}
    scores |= {"camvid/20/mean_teacher": 0.4, "camvid/20/reco+mean_teacher": 0.42}
    scores |= {"camvid/20/cutmix": 0.3, "camvid/fig7d/cutmix": 0.3}
    scores |= {"camvid/all/supervised": 0.4, "camvid/all/reco+supervised": 0.4}
    for name, miou in scores.items():
        history = ({"step": 50, "supervised": 9.0}, {"step": 100, "supervised": 2 * miou}, {"step": 100, "miou": 0.1})
        record(tmp_path, f"small/{name}", miou, history=history)
    assert label_losses("small/camvid/1px/classmix", tmp_path) == {0: 0.6}
    parts = reco_parts(tmp_path)
    assert [round(part.loss.mean, 4) for part in parts] == [0.02, 0.04, 0, 0, -0.04]
    found = [(p.images, p.setting, round(p.paper, 2), round(p.summary.mean, 2)) for p in parts]
    assert found[0] == ("CamVid", "1 pixel a class", 2.24, 1.0)  # Table 3, Cityscapes: 49.66 - 47.42
    assert found[1:3] == [("CamVid", "20 labels, no mixing", 0.57, 2.0), ("CamVid", "20 labels, on CutMix", 3.41, 0.0)]
    assert found[3][:2] == ("CamVid", "all labels, no teacher") and math.isnan(found[3][2]) and found[3][3] == 0
    assert found[4:] == [("NYU v2", "150 labels", 1.59, -2.0)]
