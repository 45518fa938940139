"""reco_book.experiments: the book's own recipes, registered wherever the book is used, and the page on the presets."""

import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from importlib.metadata import entry_points

import pytest
import torch

from reco_book import ROOT
from reco_book.experiments import PRESET_ROWS, recipes
from reco_book.plan import papers_gain, plan
from reco_core.backbones import BACKBONES
from reco_core.config import TrainConfig
from reco_core.models import build_model
from reco_core.runs.recipes import RECIPES, default_seeds, is_run_of, recipe, recipe_names, twins

MODELS = {replace(options.model, weights=None) for _, options in recipes()}


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
    own = {name for name, _ in recipes()}
    for name in recipe_names():
        if name not in own:
            found |= differing(recipe(name), recipe(name, preset="paper"))
    assert found == set(PRESET_ROWS)
    page = (ROOT / "book" / "paper_vs_published.md").read_text(encoding="utf-8")
    lines = page.splitlines()
    assert all(any(line.startswith(f"| {row}") for line in lines) for row in PRESET_ROWS.values())


def test_the_command_finds_them_without_the_book_being_imported():
    assert [entry.value for entry in entry_points(group="reco.recipes")] == ["reco_book.experiments"]
    listed = "from reco_core.cli.main import main; main(['recipes'])"
    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, timeout=600)
    names = [name for name, _ in recipes()]
    assert done.returncode == 0 and done.stdout.split()[-len(names) :] == names


def test_recipes_say_what_their_names_say():
    for name in recipe_names("camvid/20") + recipe_names("voc/60") + recipe_names("toyscapes/20"):
        dataset, labels, method = name.split("/")
        options = recipe(name)
        assert options.data.dataset == {"voc": "pascal_voc"}.get(dataset, dataset)
        assert (options.data.num_labelled, options.method) == (int(labels.partition("-")[0]), method.partition("-")[0])
    assert recipe("camvid/fig7e/easy+relation").reco.query_sampling == "easy"
    assert recipe("toyscapes/all/supervised").data.num_labelled is None
    once, twice = (recipe(f"toyscapes/20{name}/classmix").optimisation.iterations for name in ("", "-twice"))
    assert twice == 2 * once
    assert recipe("camvid/20-rates/classmix-1e-03").optimisation.learning_rate == 1e-3


def test_the_plan_names_recipes_that_run_all_of_its_seeds():
    for data in plan().sets:
        for claim in plan().claims:
            for name in (claim.ours, claim.base):
                assert set(data.seeds) <= set(range(default_seeds(data.recipe(name)))), name
            if claim.measure == "miou":
                assert papers_gain(claim, data) > 0, "the paper claims it"
        assert f"{data.every}/supervised" in RECIPES and f"{data.twice}/classmix" in RECIPES


def test_the_librarys_defaults_are_a_quarter_of_the_benchs_budget():
    bench, default = recipe("toyscapes/20-quarter/classmix"), TrainConfig(method="classmix")
    assert default.model.width is None and BACKBONES[default.model.backbone].width == bench.model.width
    assert replace(default, model=replace(default.model, width=bench.model.width)) == bench


def test_they_follow_no_preset():
    for name, options in recipes():
        assert recipe(name, preset="paper") == recipe(name)
        assert is_run_of(options, name), name


def test_folders_and_weights():
    assert recipe("voc/60/classmix", root="/photographs").data.root == "/photographs"
    assert recipe("camvid/20/classmix").data.root is None
    assert recipe("camvid/20/classmix", weights="mine.pth").model.weights == "mine.pth"
    assert recipe("toyscapes/20/classmix", weights="mine.pth").model.weights is None, "random ones stay random"


def test_recipes_of_one_configuration_are_twins():
    assert "camvid/20/reco+classmix" in twins("camvid/fig7a/256")
    assert twins("camvid/fig7a/32") == ("camvid/fig7a/32",)
    for name in recipe_names("camvid"):
        assert {RECIPES[twin] == RECIPES[name] for twin in twins(name)} == {True}


@pytest.mark.parametrize("model", sorted(MODELS, key=str), ids=str)
def test_a_recipes_network_can_be_built(model):
    """Without the pretrained weights, which would be a download."""
    network = build_model(model, 4).eval()
    assert network(torch.zeros(1, 3, 32, 32)).logits.shape[:2] == (1, 4)
