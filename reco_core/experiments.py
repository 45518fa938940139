"""Named recipes: a run's whole configuration from one name, such as small/camvid/20/reco+classmix (Section 4).

`small` recipes fit a laptop: light backbone, small crops, few steps. They answer the paper's questions on images that
anyone can get; their numbers stand in no column with the paper's.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from reco_core.config import DataConfig, Method, ModelConfig, OptimiserConfig, TrainConfig
from reco_core.errors import InputError

COMPARED = ("supervised", "classmix", "reco+classmix")
"""The methods that every small comparison holds, in the order of the tables."""


def small_camvid(num_labelled: int) -> TrainConfig:
    """CamVid at half resolution (180 x 240), MobileNetV2 with decoder width 64, 1,500 steps of 4 + 4 crops."""
    return TrainConfig(
        data=DataConfig(dataset="camvid", size=(180, 240), crop=(128, 128), num_labelled=num_labelled),
        model=ModelConfig(backbone="mobilenet_v2", width=64),
        optimiser=OptimiserConfig(iterations=1500, learning_rate=0.04),
        eval_every=250,
        log_every=50,
        checkpoint_every=250,
    )


def small_toyscapes(num_labelled: int) -> TrainConfig:
    """toyscapes at 128 x 128: ResNet-18 from random weights, decoder width 64, 600 steps of 4 + 4 crops of 96.

    This is what `reco train` runs by itself.
    """
    return TrainConfig(data=DataConfig(num_labelled=num_labelled))


FAMILIES: dict[str, Callable[[int], TrainConfig]] = {
    "small/camvid": small_camvid,
    "small/toyscapes": small_toyscapes,
}


def recipe(name: str, seed: int = 0, root: str | None = None, weights: str | None = None) -> TrainConfig:
    """The configuration behind a name, family/labels/method.

    Args:
        name: such as "small/camvid/20/reco+classmix".
        seed: of the run.
        root: the data set's folder.
        weights: the backbone's initial weights ("imagenet", a path or None); part of the result, not of the recipe.

    Raises:
        InputError: a name that is not a recipe.
    """
    family, _, rest = name.rpartition("/")
    family, _, labels = family.rpartition("/")
    method = rest
    if family not in FAMILIES or not labels.isdigit() or method not in get_args(Method):
        raise InputError(
            f"{name!r} is no recipe: write FAMILY/LABELS/METHOD with a family of {', '.join(FAMILIES)}"
            f" and a method of {', '.join(get_args(Method))}"
        )
    options = FAMILIES[family](int(labels))
    return replace(
        options,
        method=method,
        seed=seed,
        data=replace(options.data, root=root),
        model=replace(options.model, weights=weights),
    )
