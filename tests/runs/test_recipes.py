"""reco_core.runs.recipes: names stand for configurations of the paper, and other packages add their own."""

from dataclasses import replace

import pytest

from reco_core.config import DataConfig, ModelConfig, TrainConfig
from reco_core.errors import InputError
from reco_core.runs import recipes
from reco_core.runs.recipes import default_seeds, is_run_of, recipe, recipe_names, register, twins

PRETRAINED = "own/photographs/20/classmix"
RANDOM = "own/scenes/20/classmix"


@pytest.fixture
def own(monkeypatch):
    """Two recipes of another package: from pretrained weights with a folder of its own, and from random weights."""
    monkeypatch.setattr(recipes, "RECIPES", dict(recipes.RECIPES))
    monkeypatch.setattr(recipes, "_OWN_SEEDS", dict(recipes._OWN_SEEDS))
    options = TrainConfig(method="classmix", eta="batch")
    data, model = DataConfig("folder", "photographs"), ModelConfig(weights="imagenet")
    register(PRETRAINED, replace(options, data=data, model=model), seeds=7)
    register(RANDOM, options)


def test_appendix_a():
    voc, city, sun = (
        recipe(name)
        for name in ("table1/pascal_voc/60/classmix", "table1/cityscapes/20/classmix", "table1/sun_rgbd/50/classmix")
    )
    assert [r.optimisation.batch_size for r in (voc, city, sun)] == [10, 2, 5]
    assert [r.data.crop for r in (voc, city, sun)] == [(321, 321), (512, 512), (321, 321)]
    assert [r.data.size for r in (voc, city, sun)] == [None, (512, 1024), (384, 512)]
    assert [r.data.scale for r in (voc, city, sun)] == [(0.5, 1.5), (1.0, 1.0), (0.5, 1.5)]
    for options in (voc, city, sun):
        steps = options.optimisation
        assert (steps.iterations, steps.learning_rate) == (40_000, 2.5e-3)
        assert (steps.optimiser, steps.momentum, steps.weight_decay, steps.power) == ("sgd", 0.9, 5e-4, 0.9)
        assert (options.reco.num_queries, options.reco.num_keys, options.reco.temperature) == (256, 512, 0.5)
        assert (options.weak_threshold, options.reco.strong_threshold) == (0.7, 0.97)
        model = options.model
        assert (model.backbone, model.weights, model.representation_dim) == ("resnet101", "imagenet", 256)
    assert recipe("table1/pascal_voc/60/supervised").optimisation.batch_size == 20
    assert recipe("table1/pascal_voc/60/supervised", preset="paper").optimisation.batch_size == 10


def test_recipes_say_what_their_names_say():
    for name in recipe_names("table1"):
        *_, dataset, labels, method = name.split("/")
        options = recipe(name)
        assert (options.data.dataset, options.data.num_labelled, options.method) == (dataset, int(labels), method)
    assert recipe("table3/cityscapes/1px/classmix").data.partial_labels == "1px"
    assert recipe("fig7e/easy+relation").reco.query_sampling == "easy"
    assert recipe("fig7c/5%").data.unlabelled_share == 0.05
    assert recipe("table2/pascal_voc/92/cutmix").data.train_split == "train_original"
    assert recipe("table5/cityscapes/100/deeplab_v2/reco+classmix").model.architecture == "deeplab_v2"
    assert recipe("table5/pascal_voc/all/deeplab_v3_plus/supervised").data.num_labelled is None
    assert recipe("bank/cityscapes/20").reco.bank_size == 1024


def test_weights_and_folders_of_recipes(own):
    assert recipe("table1/pascal_voc/60/classmix", weights="mine.pth").model.weights == "mine.pth"
    assert recipe("table1/pascal_voc/60/classmix").model.weights == "imagenet"
    assert recipe(RANDOM, weights="mine.pth").model.weights is None, "random ones stay random"
    assert recipe(PRETRAINED).data.root == "photographs"
    assert recipe(PRETRAINED, root="here").data.root == "here"
    assert recipe("table1/pascal_voc/60/classmix").data.root is None


def test_recipes_of_another_package(own):
    assert recipe_names("own") == (PRETRAINED, RANDOM) and recipe_names()[-2:] == (PRETRAINED, RANDOM)
    assert [default_seeds(name) for name in (PRETRAINED, RANDOM)] == [7, 3]
    assert {default_seeds(name) for name in recipe_names("table1")} == {3}
    for preset in ("published", "paper"):  # which are of the paper's recipes
        assert recipe(RANDOM, seed=4, preset=preset) == TrainConfig(method="classmix", eta="batch", seed=4)


def test_unknown_names():
    with pytest.raises(InputError, match=r"'table1/cityscapes/21/classmix' is no recipe: they begin with table1"):
        recipe("table1/cityscapes/21/classmix")
    with pytest.raises(InputError, match=r"no recipe is called 'table9'"):
        recipe_names("table9")
    with pytest.raises(InputError, match=r"'fig7a' is no recipe"):
        twins("fig7a")


def test_recipes_of_one_configuration_are_twins():
    assert twins("fig7a/256")[0] == "fig7a/256"
    assert {"table1/cityscapes/20/reco+classmix", "fig7b/512", "fig7e/hard+relation"} < set(twins("fig7a/256"))
    assert twins("fig7a/32") == ("fig7a/32",)
    for name in recipe_names("fig7b"):
        assert {recipe(twin) == recipe(name) for twin in twins(name)} == {True}


def changed(options, part, **values):
    """A configuration with values of one of its parts."""
    return replace(options, **{part: replace(getattr(options, part), **values)})


def test_what_is_a_persons_own_leaves_a_run_one_of_its_recipe(own):
    ours = recipe(PRETRAINED, seed=3, root="/elsewhere", weights="mine.pth")
    own_ways = replace(ours, num_workers=4, accelerator="cpu", precision="bf16-mixed", compile=True, checkpoint_every=7)
    for options in (ours, own_ways, changed(ours, "data", root=None)):  # a record tells no folder
        assert is_run_of(options, PRETRAINED)


@pytest.mark.parametrize(
    "change",
    [
        lambda options: changed(options, "optimisation", learning_rate=1e-3),
        lambda options: changed(options, "optimisation", iterations=601),
        lambda options: changed(options, "data", num_labelled=21),
        lambda options: changed(options, "model", weights=None),
        lambda options: changed(options, "reco", temperature=0.4),
        lambda options: replace(options, method="cutmix"),
        lambda options: replace(options, eval_every=10),
        lambda options: replace(options, devices=2),
    ],
)
def test_what_changes_the_question_makes_another_run(own, change):
    assert not is_run_of(change(recipe(PRETRAINED)), PRETRAINED)


def test_a_preset_is_part_of_what_a_run_is(own):
    name = "table1/pascal_voc/60/reco+classmix"
    for preset, other in (("published", "paper"), ("paper", "published")):
        assert is_run_of(recipe(name, preset=preset), name, preset)
        assert not is_run_of(recipe(name, preset=preset), name, other)
    assert not is_run_of(changed(recipe(RANDOM), "model", weights="mine.pth"), RANDOM), "random weights are part of it"


def test_a_name_that_is_taken_is_refused(own):
    before = recipe("table1/pascal_voc/60/classmix")
    for taken in ("table1/pascal_voc/60/classmix", RANDOM):
        with pytest.raises(ValueError, match=taken):
            register(taken, TrainConfig())
    assert recipe("table1/pascal_voc/60/classmix") == before
