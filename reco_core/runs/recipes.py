"""Named recipes: a run's whole configuration from one name (Tables 1 to 5, Fig. 7, Appendices A and B)::

    table1/pascal_voc/60/reco+classmix      partial data set, full labels
    table2/pascal_voc/92/reco+classmix      PseudoSeg's partition
    table3/cityscapes/1px/classmix          partial labels, full data set
    table4/cityscapes/20/reco+mean_teacher  without augmentation by mixing
    table5/cityscapes/100/deeplab_v2/reco+classmix
    fig7a/32 ... fig7e/easy+relation        ablations on 20 Cityscapes labels
    bank/cityscapes/20                      feature bank (Appendix B)

Other packages `register` recipes of their own: the entry points "reco.recipes" name them; the book's are toyscapes/...
and camvid/...
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, TrainConfig
from reco_core.errors import InputError

Preset = Literal["published", "paper"]

MIN_CLASSES = {"pascal_voc": 3, "cityscapes": 12}
"""Classes that a labelled image had to show in the published experiments."""


def apply_preset(options: TrainConfig, preset: Preset) -> TrainConfig:
    """Set the options in which the text ("paper") and the published experiments ("published") differ."""
    published = preset == "published"
    doubled = published and not options.uses_unlabelled
    return replace(
        options,
        eta="image" if published else "batch",
        teacher_ramp=published,
        reco=replace(
            options.reco,
            reduction="mean" if published else "sum",
            relation_temperature=0.5 if published else None,
            key_sharing="query" if published else "class",
        ),
        optimisation=replace(
            options.optimisation,
            schedule_interval=200 if published else 1,
            nesterov=published,
            batch_size=options.optimisation.batch_size * (2 if doubled else 1),
        ),
        data=replace(options.data, min_classes=MIN_CLASSES.get(options.data.dataset, 1) if published else 1),
    )


TABLE_1_METHODS = ("supervised", "s4gan", "cutout", "cutmix", "classmix", "reco+classmix")
SHARES = ("1px", "1%", "5%", "25%")


def _paper(dataset: str, method: str = "reco+classmix", labels: int | None = None, **data: Any) -> TrainConfig:
    """Appendix A: ResNet-101 with ImageNet weights, 40,000 steps, the data set's crop and batch."""
    settings = {
        "cityscapes": (DataConfig(dataset, size=(512, 1024), crop=(512, 512), scale=(1.0, 1.0)), 2),
        "pascal_voc": (DataConfig(dataset, crop=(321, 321), scale=(0.5, 1.5)), 10),
        "sun_rgbd": (DataConfig(dataset, size=(384, 512), crop=(321, 321), scale=(0.5, 1.5)), 5),
    }
    base, batch_size = settings[dataset]
    return TrainConfig(
        method=method,
        data=replace(base, num_labelled=labels, test_split=None, **data),
        model=ModelConfig(backbone="resnet101", weights="imagenet", representation_dim=256, width=None),
        optimisation=OptimisationConfig("sgd", iterations=40_000, batch_size=batch_size, learning_rate=2.5e-3),
        eval_every=2000,  # published: 200, and the best of them is reported
        log_every=20,
        checkpoint_every=1000,
        num_workers=8,
    )


def with_reco(options: TrainConfig, **changes: Any) -> TrainConfig:
    """The configuration with some options of the ReCo loss changed."""
    return replace(options, reco=replace(options.reco, **changes))


def _recipes() -> Iterator[tuple[str, TrainConfig]]:
    """Every name with its configuration, before the preset."""
    grid = {"pascal_voc": (60, 200, 600), "cityscapes": (20, 50, 150), "sun_rgbd": (50, 150, 500)}
    for dataset, counts in grid.items():
        for labels in counts:
            for method in TABLE_1_METHODS:
                yield f"table1/{dataset}/{labels}/{method}", _paper(dataset, method, labels)
    for labels in (92, 183, 366, 732):
        for method in ("mean_teacher", "cutmix", "reco+classmix"):
            options = _paper("pascal_voc", method, labels, train_split="train_original")
            data = replace(options.data, crop=(513, 513), scale=(0.5, 2.0))
            yield f"table2/pascal_voc/{labels}/{method}", replace(options, data=data)
    for dataset in ("pascal_voc", "cityscapes"):
        for share in SHARES:
            for method in ("supervised", "cutmix", "classmix", "reco+classmix"):
                yield f"table3/{dataset}/{share}/{method}", _paper(dataset, method, partial_labels=share)
    for labels in (20, 50):
        for method in ("supervised", "mean_teacher", "reco+mean_teacher", "classmix", "reco+classmix"):
            yield f"table4/cityscapes/{labels}/{method}", _paper("cityscapes", method, labels)
    for dataset, many in {"pascal_voc": (100, 212, 529, 1323), "cityscapes": (100, 372, 744, 1488)}.items():
        for architecture in ("deeplab_v2", "deeplab_v3_plus"):
            for count in (*many, None):
                method = "supervised" if count is None else "reco+classmix"
                options = _paper(dataset, method, count)
                model = replace(options.model, architecture=architecture)
                yield f"table5/{dataset}/{count or 'all'}/{architecture}/{method}", replace(options, model=model)
    yield from ablations("", lambda method, **data: _paper("cityscapes", method, 20, **data))
    bank = with_reco(_paper("cityscapes", "reco+classmix", 20), bank_size=1024)
    yield "bank/cityscapes/20", bank


def ablations(prefix: str, base: Callable[..., TrainConfig]) -> Iterator[tuple[str, TrainConfig]]:
    """Fig. 7, panel by panel, with separate switches for queries and keys.

    Args:
        prefix: of the names.
        base: makes the configuration of a method, with changes of its data.
    """
    ours = base("reco+classmix")
    for queries in (32, 64, 128, 256):
        yield f"{prefix}fig7a/{queries}", with_reco(ours, num_queries=queries)
    for keys in (64, 128, 256, 512):
        yield f"{prefix}fig7b/{keys}", with_reco(ours, num_keys=keys)
    for share in (2, 5, 10, 100):
        yield f"{prefix}fig7c/{share}%", base("reco+classmix", unlabelled_share=share / 100)
    for method in ("cutout", "cutmix", "classmix"):
        yield f"{prefix}fig7d/{method}", base(f"reco+{method}")
    for query, key in (("random", "uniform"), ("hard", "uniform"), ("easy", "relation"), ("hard", "relation")):
        yield f"{prefix}fig7e/{query}+{key}", with_reco(ours, query_sampling=query, key_sampling=key)


RECIPES = dict(_recipes())
"""Name -> configuration with seed 0, before the preset."""
_OWN_SEEDS: dict[str, int] = {}
"""Recipes of other packages -> how many seeds `reco reproduce` runs of them."""
_GATHERED: dict[str, tuple[str, ...]] = {}


def register(name: str, options: TrainConfig, seeds: int = 3) -> None:
    """Add a recipe; it keeps its configuration whatever the preset.

    Args:
        name: "group/.../what", unique.
        options: of the run.
        seeds: how many `reco reproduce` runs.

    Raises:
        ValueError: a name that is taken.
    """
    if name in RECIPES:
        raise ValueError(f"a recipe is called {name!r} already: choose another name")
    RECIPES[name], _OWN_SEEDS[name] = options, seeds


def gather(group: str, names: Iterable[str]) -> None:
    """Give recipes of several groups a common name, such as "primary"."""
    _GATHERED[group] = tuple(dict.fromkeys(names))


def recipe_names(group: str = "") -> tuple[str, ...]:
    """Names of the recipes of a group such as "table1/pascal_voc" (all by default).

    Raises:
        InputError: a group that has none.
    """
    if group in _GATHERED:
        return _GATHERED[group]
    names = tuple(name for name in RECIPES if not group or name == group or name.startswith(f"{group}/"))
    if not names:
        groups = dict.fromkeys(name.rpartition("/")[0] for name in RECIPES)
        raise InputError(f"no recipe is called {group!r}: choose from {', '.join(groups)}")
    return names


def default_seeds(name: str) -> int:
    """How many seeds `reco reproduce` runs of a recipe: three, as in the paper, or what its package says."""
    return _OWN_SEEDS.get(name, 3)


def recipe(
    name: str, seed: int = 0, root: str | None = None, weights: str | None = None, preset: Preset = "published"
) -> TrainConfig:
    """The configuration behind a name.

    Args:
        name: such as "table1/pascal_voc/60/reco+classmix".
        seed: of the run.
        root: the data set's folder, instead of the recipe's.
        weights: "imagenet" or a path, instead of the recipe's pretrained weights; a recipe that starts from random
            weights stays so.
        preset: "published" (the published experiments) or "paper" (its text), for recipes of the paper.

    Raises:
        InputError: a name that is not a recipe.
    """
    if name not in RECIPES:
        families = dict.fromkeys(other.split("/")[0] for other in RECIPES)
        raise InputError(f"{name!r} is no recipe: they begin with {', '.join(families)}, and `reco recipes` lists them")
    options = RECIPES[name]
    if name not in _OWN_SEEDS:
        options = apply_preset(options, preset)
    own = options.model.weights
    return replace(
        options,
        seed=seed,
        data=replace(options.data, root=root or options.data.root),
        model=replace(options.model, weights=own and (weights or own)),
    )


def twins(name: str) -> tuple[str, ...]:
    """All recipes with the configuration of this one, itself first: a run of one is a run of all.

    The panels of Fig. 7 share their last bar, "fig7a/256" is "table1/cityscapes/20/reco+classmix".

    Raises:
        InputError: a name that is not a recipe.
    """
    recipe(name)
    return (name, *(other for other, options in RECIPES.items() if other != name and options == RECIPES[name]))


def is_run_of(options: TrainConfig, name: str, preset: Preset = "published") -> bool:
    """Whether a run of this configuration counts as one of the recipe: all is equal that can change what it asks.

    Seed, folder and the pretrained weights' file are a run's own, and so is what only says where and how fast it runs.
    """
    wanted = recipe(name, options.seed, options.data.root, options.model.weights, preset)
    own = {"num_workers", "accelerator", "precision", "compile", "channels_last", "checkpoint_every"}
    if (options.model.weights is None) != (wanted.model.weights is None):
        return False
    same_place = replace(options.data, root=wanted.data.root)  # which a record does not tell
    return replace(options, data=same_place, **{field: getattr(wanted, field) for field in own}) == wanted
