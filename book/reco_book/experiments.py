"""The book's own experiments: the paper's questions, asked of scenes and photographs that anyone can get.

The test bench is toyscapes; CamVid (20 labelled images) and VOC-animals (60) have the same recipes::

    toyscapes/20/classmix                   20 labelled scenes
    toyscapes/all/supervised                all labels
    toyscapes/20-twice/classmix             twice the steps; 20-half: half of them; 20-quarter: as `make train`
    toyscapes/20-rates/classmix-1e-02       a trial of the learning rate
    toyscapes/fig7e/random+uniform          an ablation

Networks are light, crops small, steps few; their numbers are not comparable with the paper's. Importing this module
registers them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from reco_book.plan import plan
from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, TrainConfig
from reco_core.runs.recipes import ablations, gather, register, with_reco

COMPARED = ("supervised", "classmix", "reco+classmix")
"""The methods that every comparison holds, in the order of the tables."""
TIMES = {"twice": 2, "half": 0.5, "quarter": 0.25}
"""Other budgets, as shares of the recorded one."""
BASE_METHODS = ("mean_teacher", "cutout", "cutmix", "s4gan", "unimatch")
"""Compared with and without ReCo beside them."""
PRESET_ROWS = {
    "reco.reduction": "1 | Reduction of",
    "reco.relation_temperature": "4 | Key classes",
    "reco.key_sharing": "5 | Number of keys",
    "eta": "11 | $\\eta$",
    "teacher_ramp": "12 | Decay of the teacher",
    "optimisation.schedule_interval": "14 | Learning rate",
    "optimisation.nesterov": "15 | SGD",
    "optimisation.batch_size": "16 | Batch",
    "data.min_classes": "24 | Labelled images",
}
"""Option -> row of the page on the differences: its number and how it begins."""


@dataclass(frozen=True)
class Family:
    """The recipes of one data set."""

    name: str
    labels: int
    """Labelled images of the recipes with few."""
    data: DataConfig
    model: ModelConfig
    steps: int
    batch: int
    rates: tuple[float, float]
    """Learning rates with few and with all labels: the best mIoU on validation images of the trials with seed 0."""
    trials: tuple[float, ...]
    """Learning rates that are tried in a quarter of the steps, on supervised and ClassMix runs alone."""

    def options(self, method: str, few: bool = True, times: float = 1, rate: float | None = None) -> TrainConfig:
        """A configuration; `times` as many steps. Methods with few labels share one learning rate."""
        steps = round(times * self.steps)
        return TrainConfig(
            method=method,
            data=replace(self.data, num_labelled=self.labels if few else None),
            model=self.model,
            optimisation=OptimisationConfig(
                "adamw", iterations=steps, batch_size=self.batch, learning_rate=rate or self.rates[not few]
            ),
            eval_every=500,
            log_every=100,
            checkpoint_every=500,
        )

    def recipes(self) -> Iterator[tuple[str, TrainConfig]]:
        """Those that the gates ask for, then all others."""
        for method, few in (("supervised", True), ("classmix", True), ("supervised", False)):
            group = f"{self.name}/{self.labels if few else 'all'}"
            yield f"{group}/{method}", self.options(method, few)
            for name, times in TIMES.items():
                yield f"{group}-{name}/{method}", self.options(method, few, times)
            for rate in self.trials:
                yield f"{group}-rates/{method}-{rate:.0e}", self.options(method, few, TIMES["quarter"], rate)
        few = f"{self.name}/{self.labels}"
        yield f"{few}/reco+classmix", self.options("reco+classmix")
        for name, times in TIMES.items():
            yield f"{few}-{name}/reco+classmix", self.options("reco+classmix", times=times)
        for method in BASE_METHODS:
            yield f"{few}/{method}", self.options(method)
            yield f"{few}/reco+{method}", self.options(f"reco+{method}")
        yield f"{self.name}/all/reco+supervised", self.options("reco+supervised", few=False)
        yield from ablations(f"{self.name}/", self._varied)
        yield f"{self.name}/options/bank", with_reco(self.options("reco+classmix"), bank_size=1024)

    def _varied(self, method: str, **data: Any) -> TrainConfig:
        options = self.options(method)
        return replace(options, data=replace(options.data, **data))


_PHOTOGRAPHS = ModelConfig(backbone="mobilenet_v2_035", weights="imagenet", width=64, representation_dim=64)
BENCH = Family(
    "toyscapes", 20, DataConfig(crop=(64, 64), scale=(0.75, 1.5)),
    ModelConfig(backbone="tiny", width=32, representation_dim=64),
    steps=12_000, batch=8, rates=(3e-3, 3e-3), trials=(1e-3, 3e-3, 1e-2),
)  # fmt: skip
CAMVID = Family(
    "camvid", 20, DataConfig("camvid", size=(180, 240), crop=(128, 128), scale=(0.75, 1.5)), _PHOTOGRAPHS,
    steps=6000, batch=4, rates=(3e-3, 3e-3), trials=(3e-4, 1e-3, 3e-3),
)  # fmt: skip
VOC = Family(
    "voc", 60, DataConfig("pascal_voc", size=(160, 200), crop=(144, 144), scale=(0.8, 1.4), test_split=None),
    _PHOTOGRAPHS, steps=6000, batch=4, rates=(3e-4, 3e-4), trials=(1e-4, 3e-4, 1e-3),
)  # fmt: skip
"""So small that a crop holds most of an animal. It has no test images beside the validation images."""
FAMILIES = (BENCH, CAMVID, VOC)


def recipes() -> Iterator[tuple[str, TrainConfig]]:
    """Every name with its configuration."""
    for family in FAMILIES:
        yield from family.recipes()


def primary() -> Iterator[str]:
    """What the primary claims and their gates ask of each data set, the gates first."""
    for data in plan().sets:
        for group, methods in ((data.few, COMPARED[:2]), (data.every, COMPARED[:1]), (data.twice, COMPARED[:2])):
            yield from (f"{group}/{method}" for method in methods)
        yield from (data.recipe(name) for claim in plan().claims for name in (claim.base, claim.ours))


def seeds(name: str) -> int:
    """How many seeds `reco reproduce` runs."""
    family, group, method = name.split("/")
    if group.endswith("-rates"):
        return 1
    main = 11 if family == BENCH.name else 6  # seed 0 chose the learning rates; the claims are judged by the others
    return 5 if group.endswith(tuple(TIMES)) or method.removeprefix("reco+") in BASE_METHODS else main


for _name, _configuration in recipes():
    register(_name, _configuration, seeds(_name))
gather("primary", primary())
