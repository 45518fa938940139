"""What tests of several rooms share: a data set that needs no files, and a run of a second on it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.methods import METHODS
from reco_core.runs.records import About, Best, Record, RecordedScores, SplitUsed, put
from reco_core.runs.session import Session
from reco_core.trainers import Trainer

ROOT = Path(__file__).resolve().parent.parent


def path_of(line: Any, results: Path) -> Path:
    """The file of a record or an evaluation below the folder of the results."""
    folder = results / "evaluations" if line.kind == "evaluation" else results
    return folder / f"{line.about.group}.jsonl"


class TinyScenes:
    """Eight 32 x 32 images of three classes: sky above, ground below, and in every second image a box."""

    name, split = "tiny", "train"
    classes, num_classes = ("sky", "ground", "box"), 3
    palette = ((120, 180, 255), (90, 90, 90), (220, 30, 30))

    def __init__(self, length: int = 8, size: int = 32) -> None:
        self.size = size
        self.names = [f"scene{index:02d}" for index in range(length)]

    def __len__(self) -> int:
        return len(self.names)

    def has_label(self, index: int) -> bool:
        return True

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(index)
        label = torch.zeros(self.size, self.size, dtype=torch.int64)
        horizon = self.size // 3 + int(torch.randint(self.size // 4, (), generator=generator))
        label[horizon:] = 1
        if index % 2:
            left = int(torch.randint(self.size // 2, (), generator=generator))
            label[horizon : horizon + self.size // 4, left : left + self.size // 3] = 2
        colours = torch.tensor(self.palette, dtype=torch.float32) / 255
        image = colours[label].permute(2, 0, 1)
        noise = 0.05 * torch.randn(image.shape, generator=generator)
        return (image + noise).clamp(0, 1), label


TINY = TrainConfig(
    method="reco+classmix",
    data=DataConfig(dataset="tiny", crop=(32, 32), scale=(1.0, 1.0), num_labelled=2),
    model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=16, width=16),
    optimisation=OptimisationConfig("sgd", iterations=6, batch_size=2, learning_rate=0.05),
    reco=ReCoConfig(num_queries=16, num_keys=16),
    weak_threshold=0.0,
    eval_every=3,
    log_every=2,
    checkpoint_every=2,
    accelerator="cpu",
)
"""A run of a second."""

LEARNERS = [*METHODS, "reco+classmix", "reco+s4gan", "reco+unimatch"]
"""Methods that are trained until they have learnt something: without ReCo all, with it one of each kind."""

DATA = ("num_labelled", "partial_labels", "crop", "unlabelled_share")
OPTIMISATION = ("iterations", "batch_size", "learning_rate", "optimiser")


def tiny_options(**changes: Any) -> TrainConfig:
    """`TINY`, changed; fields of its data and optimisation are named without their part."""
    steps = replace(TINY.optimisation, **{name: changes.pop(name) for name in OPTIMISATION if name in changes})
    labels = replace(TINY.data, **{name: changes.pop(name) for name in DATA if name in changes})
    return replace(TINY, **{"data": labels, "optimisation": steps, **changes})


def tiny_trainer(data: Any = None, **changes: Any) -> Trainer:
    """A trainer on tiny scenes."""
    return Trainer(tiny_options(**changes), data if data is not None else TinyScenes())


def tiny_run(folder: Path | None = None, data: Any = None, reporter: Any = None, **changes: Any) -> Session:
    """A session on tiny scenes, which are its validation and test images too."""
    data = data if data is not None else TinyScenes()
    return Session(tiny_trainer(data, **changes), folder, val=data, test=data, reporter=reporter)


def eager(**changes: Any) -> dict[str, Any]:
    """Changes for `tiny_options` that let pseudo-labels count after some steps, when few pixels are confident."""
    easy = replace(TINY.reco, strong_threshold=0.4)
    return {"reco": easy, "s4gan_threshold": 0.4, "consistency_threshold": 0.4, **changes}


def losses_of(trainer: Trainer) -> list[dict[str, float]]:
    """Train to the last step; the losses of every step."""
    return [{name: value.item() for name, value in losses.items()} for losses in trainer.steps()]


def weights(run: Trainer | Session) -> torch.Tensor:
    """All numbers of the evaluated network's state in a row."""
    trainer = run if isinstance(run, Trainer) else run.trainer
    return torch.cat([value.double().flatten() for value in trainer.network.state_dict().values()])


class Stop(Exception):
    """What a killed process looks like from inside."""


class StopAt:
    """A reporter that kills the run at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        if step >= self.step:
            raise Stop

    def on_scores(self, step: int, scores: Any) -> None: ...


STREET = ("sky", "building", "wall", "road", "pavement", "tree", "hedge", "car", "truck")


def made_up_scores(miou: float, weakest: float = 0.5, **others) -> RecordedScores:
    return RecordedScores(miou, 0.9, (*[0.9] * (len(STREET) - 1), weakest), **others)


def put_run(folder, recipe: str, miou: float, seed: int = 0, weakest: float = 0.5, confusion=(), **others) -> None:
    """Write the record of a run with these scores on classes of toyscapes."""
    group, _, method = recipe.rpartition("/")
    about = About(group, recipe, "published", method, seed, TrainConfig(method=method, data=DataConfig()), {}, None)
    unlabelled = RecordedScores(0.5, 0.9, (), confident_share=0.6, confident_accuracy=0.97)
    record = Record(
        about, SplitUsed("digest", ("scene",), 1, ()), STREET, made_up_scores(miou),
        made_up_scores(miou, weakest, confusion=confusion), Best(1, miou),
        ({"step": 1, "hard": 0.9}, {"step": 2, "hard": 0.3}), 120.0, unlabelled=unlabelled,
    )  # fmt: skip
    put(replace(record, **others), folder / f"{group}.jsonl")
