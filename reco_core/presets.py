"""The paper's text against the published experiments: two presets that differ in named options and nothing else.

The book's page "Paper and published experiments" explains every row; `ROWS` says which options stand for which.
"""

from dataclasses import replace
from typing import Literal

from reco_core.config import TrainConfig

Preset = Literal["published", "paper"]

ROWS = {
    "reco.reduction": "Reduction of",
    "reco.relation_temperature": "Key classes",
    "reco.key_sharing": "Number of keys",
    "eta": "$\\eta$",
    "teacher_ramp": "Decay of the teacher",
    "optimiser.schedule_interval": "Learning rate",
    "optimiser.nesterov": "SGD",
    "optimiser.batch_size": "Batch",
    "data.min_classes": "Labelled images",
}
"""Option -> row of the page on the differences."""

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
        optimiser=replace(
            options.optimiser,
            schedule_interval=200 if published else 1,
            nesterov=published,
            batch_size=options.optimiser.batch_size * (2 if doubled else 1),
        ),
        data=replace(options.data, min_classes=MIN_CLASSES.get(options.data.dataset, 1) if published else 1),
    )
