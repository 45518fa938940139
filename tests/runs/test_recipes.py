"""reco_core.experiments, presets, compare: every cell of the paper has a recipe, and the presets differ as told."""

import math
from dataclasses import fields, is_dataclass, replace

import pytest
import torch
from shared import ROOT

from reco_book.cells import cell_recipe
from reco_book.compare import (
    ANIMALS,
    beside_the_paper,
    border_scores,
    by_setting,
    mean_border_scores,
    panel,
    recipe_records,
    recipe_scores,
    reco_parts,
    scores_by_setting,
)
from reco_book.paper import TABLES
from reco_book.seeds import miou_percent
from reco_core.config import TrainConfig, from_dict
from reco_core.errors import InputError
from reco_core.files import read_json, write_json
from reco_core.models import build_model
from reco_core.runs.recipes import COMPARED, RECIPES, ROWS, default_seeds, recipe, recipe_names, twins
from reco_core.runs.records import load_record

OTHERS = {"AdvSemSeg", "CCT", "GCT", "VAT", "PseudoSeg", "CAC (PSPNet)", "CCT (PSPNet)"}


def differing(a, b, prefix=""):
    """Names of the options in which two configurations differ."""
    found = set()
    for entry in fields(a):
        one, other = getattr(a, entry.name), getattr(b, entry.name)
        if is_dataclass(one):
            found |= differing(one, other, f"{prefix}{entry.name}.")
        elif one != other:
            found.add(prefix + entry.name)
    return found


def test_presets_differ_in_the_rows_of_the_page_and_nothing_else():
    found = set()
    for name in recipe_names():
        if not name.startswith("small/"):
            found |= differing(recipe(name), recipe(name, preset="paper"))
    assert found == set(ROWS)
    page = (ROOT / "book" / "paper_vs_published.md").read_text(encoding="utf-8")
    lines = page.splitlines()
    assert all(any(line.startswith(f"| {row}") for line in lines) for row in ROWS.values())


def test_appendix_a():
    voc, city, sun = (
        recipe(name)
        for name in ("table1/pascal_voc/60/classmix", "table1/cityscapes/20/classmix", "table1/sun_rgbd/50/classmix")
    )
    assert [r.optimiser.batch_size for r in (voc, city, sun)] == [10, 2, 5]
    assert [r.data.crop for r in (voc, city, sun)] == [(321, 321), (512, 512), (321, 321)]
    assert [r.data.size for r in (voc, city, sun)] == [None, (512, 1024), (384, 512)]
    assert [r.data.scale for r in (voc, city, sun)] == [(0.5, 1.5), (1.0, 1.0), (0.5, 1.5)]
    for options in (voc, city, sun):
        assert (options.optimisation.iterations, options.optimisation.learning_rate) == (40_000, 2.5e-3)
        assert (options.optimisation.momentum, options.optimisation.weight_decay, options.optimisation.power) == (
            0.9,
            5e-4,
            0.9,
        )
        assert (options.reco.num_queries, options.reco.num_keys, options.reco.temperature) == (256, 512, 0.5)
        assert (options.weak_threshold, options.reco.strong_threshold, options.model.representation_dim) == (
            0.7,
            0.97,
            256,
        )
        assert (options.model.backbone, options.model.weights) == ("resnet101", "imagenet")
    assert recipe("table1/pascal_voc/60/supervised").optimiser.batch_size == 20
    assert recipe("table1/pascal_voc/60/supervised", preset="paper").optimiser.batch_size == 10


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


def test_recipes_say_what_their_names_say():
    for name in recipe_names("table1") + recipe_names("small/camvid/20"):
        *_, dataset, labels, method = name.split("/")
        options = recipe(name)
        assert (options.data.dataset, options.data.num_labelled, options.method) == (dataset, int(labels), method)
    assert recipe("table3/cityscapes/1px/classmix").data.partial_labels == "1px"
    assert recipe("small/toyscapes/fig7e/easy+relation").reco.query_sampling == "easy"
    assert recipe("fig7c/5%").data.unlabelled_share == 0.05
    assert recipe("table2/pascal_voc/92/cutmix").data.train_split == "train_original"
    assert recipe("table5/cityscapes/100/deeplab_v2/reco+classmix").model.architecture == "deeplab_v2"


@pytest.mark.parametrize("name", [n for n in RECIPES if n.startswith("small/") and n.count("/") == 3][:3])
def test_a_recipes_network_can_be_built(name):
    network = build_model(replace(recipe(name).model, weights=None), 4)  # without a download
    assert network(torch.zeros(1, 3, 32, 32)).logits.shape[:2] == (1, 4)


def test_every_record_holds_the_configuration_of_its_recipe():
    """Seed, the images' folder and the weights' file are a run's own; all else must be what its name stands for."""
    for path in sorted((ROOT / "results").rglob("*-seed*.json")):
        if {"relations", "borders"} & set(path.parts):
            continue
        name = path.relative_to(ROOT / "results").as_posix().rpartition("-seed")[0]
        name = "/".join(name.split("/")[2:]) if "reruns" in path.parts else name  # without reruns/PLACE
        options, wanted = from_dict(TrainConfig, load_record(path)["config"]), RECIPES[name]
        assert (options.model.weights is None) == (wanted.model.weights is None), path
        model, data = replace(options.model, weights=wanted.model.weights), replace(options.data, root=None)
        assert replace(options, seed=0, model=model, data=data) == wanted, path


def test_weights_and_folders_of_recipes(monkeypatch):
    monkeypatch.setenv("RECO_DATA", "/photographs")
    assert recipe("small/camvid/20/classmix", weights="mine.pth").model.weights == "mine.pth"
    assert recipe("small/camvid/20/classmix").model.weights == "imagenet"
    own = recipe("small/toyscapes/all/supervised", weights="mine.pth").model.weights
    assert own is None, "random ones stay random"
    assert recipe("small/nyu_v2/50/classmix").data.root == "/photographs/nyu_v2"
    assert recipe("small/nyu_v2/50/classmix", root="here").data.root == "here"


def test_seeds_that_are_run():
    """Three at least; fifteen of the book's main comparison, five of others on CamVid and most on the drawn scenes."""
    assert {default_seeds(name) for name in recipe_names("table1")} == {3}
    assert {default_seeds(name) for name in recipe_names("small/toyscapes/20")} == {5}
    assert {default_seeds(name) for name in recipe_names("small/toyscapes/all")} == {3}
    assert [default_seeds(f"small/camvid/20/{method}") for method in ("reco+classmix", "cutmix")] == [15, 3]
    assert [default_seeds(f"small/camvid/60/{method}") for method in ("reco+classmix", "cutmix")] == [15, 3]
    assert [default_seeds(f"small/camvid/long/{method}") for method in ("reco+classmix", "supervised")] == [5, 5]


def test_references_differ_in_size_and_length_alone():
    """Chapter 07 takes their differences for effects of the one and of the other."""
    found = [recipe(f"small/camvid/367{name}/supervised") for name in ("", "-long", "-large", "-large-long")]
    assert [(run.data.size, run.optimisation.iterations) for run in found] == [
        ((180, 240), 3000), ((180, 240), 6000), ((360, 480), 3000), ((360, 480), 6000),
    ]  # fmt: skip
    assert [run.data.crop for run in found] == [(128, 128), (128, 128), (256, 256), (256, 256)]
    for run in found:
        data = replace(found[0].data, size=run.data.size, crop=run.data.crop)
        optimiser = replace(found[0].optimisation, iterations=run.optimisation.iterations)
        assert run == replace(found[0], data=data, optimiser=optimiser)


def test_unknown_names():
    with pytest.raises(InputError, match=r"'table1/cityscapes/21/classmix' is no recipe; they begin with table1"):
        recipe("table1/cityscapes/21/classmix")
    with pytest.raises(InputError, match=r"in table1/cityscapes/20: table1/cityscapes/20/supervised"):
        recipe("table1/cityscapes/20/unknown")
    with pytest.raises(InputError, match=r"no recipe is called 'table9'"):
        recipe_names("table9")
    with pytest.raises(InputError, match=r"no table '9' of results; it has 1, 2"):
        beside_the_paper("9", ROOT)


def test_the_table_shows_paper_and_records_and_marks_what_is_missing(tmp_path):
    record = read_json(ROOT / "results" / "small" / "toyscapes" / "20" / "supervised-seed0.json")
    for seed, miou in ((0, 0.5), (1, 0.6)):
        record["config"]["seed"] = seed
        record["val"], record["test"] = {"last": {"miou": miou}, "best": {"miou": miou}}, {}
        write_json(tmp_path / "table1" / "cityscapes" / "20" / f"classmix-seed{seed}.json", record)
    lines = beside_the_paper("1", tmp_path).splitlines()
    ours = next(line for line in lines if "`table1/cityscapes/20/classmix`" in line)
    assert "| 45.61 | 55.00 ± 7.07 (2 seeds) |" in ours
    missing = next(line for line in lines if "`table1/cityscapes/20/reco+classmix`" in line)
    assert "| 49.86 | no record |" in missing
    assert sum("| no record |" in line for line in lines) == 6 * 9 - 1
    assert "another paper's" in beside_the_paper("2", tmp_path)


def test_recipes_of_one_configuration_share_their_records(tmp_path):
    assert "small/toyscapes/20/reco+classmix" in twins("small/toyscapes/fig7a/256")
    assert twins("small/toyscapes/fig7a/32") == ("small/toyscapes/fig7a/32",)
    record = read_json(ROOT / "results" / "small" / "toyscapes" / "20" / "reco+classmix-seed0.json")
    record["test"]["last"]["miou"] = 0.25
    write_json(tmp_path / "small" / "toyscapes" / "20" / "reco+classmix-seed0.json", record)
    for bars in (panel("7a", tmp_path), panel("7b", tmp_path), panel("7e", tmp_path)):
        assert bars[-1].scores == {0: 25.0} and bars[-1].paper == 49.83
        assert not any(bar.scores for bar in bars[:-1])
    record["test"]["last"]["miou"] = 0.5  # a record of its own comes first
    write_json(tmp_path / "small" / "toyscapes" / "fig7a" / "256-seed0.json", record)
    assert panel("7a", tmp_path)[-1].scores == {0: 50.0} and panel("7b", tmp_path)[-1].scores != {}
    write_json(tmp_path / "small" / "toyscapes" / "fig7a" / "32-seed1.json", record)
    with pytest.raises(InputError, match=r"32-seed1.json: holds seed 0"):
        recipe_records("small/toyscapes/fig7a/32", tmp_path)


def test_scores_near_borders_are_of_the_seed_that_the_file_says(tmp_path):
    """Without seed 0, seed 1 stays seed 1: what is paired by seed must not slip."""
    for seed in (1, 10, 2):
        found = {"about": {"config": {"seed": seed}}, "miou": seed / 100}
        write_json(tmp_path / "borders" / "small" / "camvid" / "20" / f"classmix-seed{seed}.json", found)
    scores = border_scores("small/camvid/20/classmix", tmp_path)
    assert {seed: found["miou"] for seed, found in scores.items()} == {1: 0.01, 2: 0.02, 10: 0.1}
    assert border_scores("small/camvid/20/supervised", tmp_path) == {}
    write_json(tmp_path / "borders" / "small" / "camvid" / "20" / "classmix-seed3.json", found)
    with pytest.raises(InputError, match=r"classmix-seed3.json: holds seed 2"):
        border_scores("small/camvid/20/classmix", tmp_path)


def test_mean_border_scores_are_of_the_seeds_that_all_settings_have():
    few = {seed: {"miou": 0.1 * seed, "trimap": {"1": 0.2}, "boundary": {"1": 0.1}} for seed in (1, 2, 3)}
    many = {2: {"miou": 0.6, "trimap": {"1": 0.4}, "boundary": {"1": 0.4}}}
    found = mean_border_scores([few, many])
    assert list(found) == [2] and found[2]["miou"] == pytest.approx(0.4)
    assert found[2]["trimap"]["1"] == pytest.approx(0.3) and found[2]["boundary"]["1"] == pytest.approx(0.25)
    assert mean_border_scores([few, {}]) == {}


@pytest.mark.parametrize("kind", ["borders", "relations"])
def test_borders_and_relations_are_of_recorded_networks(kind):
    """The training record of the same name has what theirs lack: labelled images, digest of the weights, duration."""
    known = {"width", "batch_size", "iterations", "learning_rate", "num_labelled", "representation_dim"}
    for path in sorted((ROOT / "results" / kind).rglob("*.json")):
        name, seed = path.relative_to(ROOT / "results" / kind).as_posix().removesuffix(".json").split("-seed")
        kept_apart, name = name.startswith("planned/"), name.removeprefix("planned/")
        found, run = read_json(path), recipe_records(name, ROOT / "results")[int(seed)]
        options = found["about"]["config"]
        assert options["seed"] == run["config"]["seed"] and options["method"] == run["config"]["method"], path
        if kind == "borders" and not kept_apart:  # of the recorded network, or of one trained again
            again = [recipe_records(name, place).get(int(seed)) for place in (ROOT / "results" / "reruns").iterdir()]
            scores = [miou_percent("last")(record) for record in (run, *again) if record]
            assert min(abs(100 * found["miou"] - score) for score in scores) < 1e-3, path
        for part in ("data", "model", "optimiser"):
            for key in known & set(options[part]):
                assert options[part][key] == run["config"][part][key], (path, key)


@pytest.mark.parametrize("labels", [10, 60])
def test_the_planned_borders_are_of_the_announced_seeds_and_of_the_recorded_networks(labels):
    """A GPU rounds batches of another size otherwise; so the record of the same name must be the nearest, by far."""
    names = {method: f"small/camvid/{labels}/{method}" for method in COMPARED}
    records = {method: recipe_records(name, ROOT / "results") for method, name in names.items()}
    recorded = {(method, seed): record for method, runs in records.items() for seed, record in runs.items()}
    for method, name in names.items():
        found = border_scores(f"planned/{name}", ROOT / "results")
        assert list(found) == list(range(5, 15))
        assert len({records[method][seed]["revision"] for seed in found}) == 1, "all of one source"
        for seed, scores in found.items():
            apart = {
                key: max(abs(a - b) for a, b in zip(scores["iou"], record["test"]["last"]["iou"], strict=True))
                for key, record in recorded.items()
            }
            own = apart.pop((method, seed))
            assert own < 2e-4 and min(apart.values()) > 0.02, f"{name}-seed{seed}: IoU of a class"


def test_the_panels_of_figure_7_keep_the_papers_bars(tmp_path):
    bars = {key: panel(key, tmp_path, "small/camvid") for key in ("7a", "7b", "7c", "7d", "7e")}
    assert [len(found) for found in bars.values()] == [4, 4, 4, 3, 4]
    assert all(bar.recipe in RECIPES and bar.recipe.startswith("small/camvid/") for row in bars.values() for bar in row)
    assert bars["7c"][-1].label == "100%, no ReCo" and bars["7c"][-1].recipe == "small/camvid/20/classmix"


def test_of_the_animals_subset_only_the_animals_count(tmp_path):
    record = read_json(ROOT / "results" / "small" / "voc" / "all" / "supervised-seed0.json")
    record["val"]["last"]["iou"] = [0.5 if name in ANIMALS else 0.0 for name in record["classes"]]
    write_json(tmp_path / "small" / "voc" / "all" / "supervised-seed0.json", record)
    assert recipe_scores("small/voc/all/supervised", tmp_path) == {0: 50.0}


def test_a_line_for_each_setting_that_has_a_record(tmp_path):
    record = read_json(ROOT / "results" / "small" / "toyscapes" / "20" / "supervised-seed0.json")
    for method, scores in {"supervised": (0.30, 0.32), "classmix": (0.31, 0.33)}.items():
        for seed, miou in enumerate(scores):
            record["config"]["seed"], record["test"]["last"]["miou"] = seed, miou
            write_json(tmp_path / "small" / "toyscapes" / "1px" / f"{method}-seed{seed}.json", record)
    groups = {"1 pixel": "small/toyscapes/1px", "1 %": "small/toyscapes/1%"}
    line = "| 1 pixel | 31.00 ± 1.41 | 32.00 ± 1.41 | – | +1.00 [+1.00, +1.00], 2 seeds | – |"
    assert by_setting(groups, tmp_path).splitlines()[2:] == [line]


def test_scores_of_settings_are_of_the_seeds_that_all_of_them_have(tmp_path):
    record = read_json(ROOT / "results" / "small" / "toyscapes" / "20" / "supervised-seed0.json")
    for group, seeds in {"1px": (0, 1, 2), "25%": (2, 0)}.items():
        for method in ("supervised", "cutmix"):
            for seed in seeds:
                record["config"]["seed"], record["test"]["last"]["miou"] = seed, 0.5 + 0.01 * seed
                write_json(tmp_path / "small" / "toyscapes" / group / f"{method}-seed{seed}.json", record)
    groups = {share: f"small/toyscapes/{share}" for share in ("1px", "25%")}
    found = scores_by_setting(groups, tmp_path, ("supervised", "cutmix"))
    assert found == {share: dict.fromkeys(("supervised", "cutmix"), {0: 50.0, 2: 52.0}) for share in groups}


def test_recos_part_in_every_recorded_setting_beside_the_papers(tmp_path):
    record = read_json(ROOT / "results" / "small" / "toyscapes" / "20" / "supervised-seed0.json")
    scores = {"camvid/1px/classmix": 0.30, "camvid/1px/reco+classmix": 0.31, "camvid/10/classmix": 0.5}
    scores |= {"nyu_v2/150/classmix": 0.1, "nyu_v2/150/reco+classmix": 0.08}
    scores |= {"toyscapes/20/mean_teacher": 0.4, "toyscapes/20/reco+mean_teacher": 0.42}
    scores |= {"toyscapes/20/cutmix": 0.3, "toyscapes/fig7d/cutmix": 0.3}
    scores |= {"camvid/all/supervised": 0.4, "camvid/all/reco+supervised": 0.4}
    for name, miou in scores.items():
        record["test"]["last"]["miou"] = miou
        record["history"] = [{"step": 50, "supervised": 9.0}, {"step": 100, "supervised": 2 * miou}, {"miou": 0.1}]
        write_json(tmp_path / "small" / f"{name}-seed0.json", record)
    parts = reco_parts(tmp_path)
    assert [round(part.loss.mean, 4) for part in parts] == [0.02, 0, 0.04, 0, -0.04]
    found = [(p.images, p.setting, round(p.paper, 2), round(p.summary.mean, 2)) for p in parts]
    assert found[0] == ("CamVid", "1 pixel a class", 2.24, 1.0)  # Table 3, Cityscapes: 49.66 - 47.42
    assert found[1][:2] == ("CamVid", "all labels, no teacher") and math.isnan(found[1][2]) and found[1][3] == 0
    assert found[2:] == [
        ("toyscapes", "20 labels, no mixing", 0.57, 2.0),
        ("toyscapes", "20 labels, on CutMix", 3.41, 0.0),
        ("NYU v2", "150 labels", 1.59, -2.0),
    ]
