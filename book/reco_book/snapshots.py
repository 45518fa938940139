"""What trained networks of the test bench see, as small arrays that the chapters draw: results/snapshots/*.npz.

    python -m reco_book.snapshots [ARM ...]

trains each arm's recipe once more with seed 0, a few minutes each on one core. Networks are moving averages, except
where the student is named. The scenes are the first ones of toyscapes' test split.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from reco_book import RESULTS
from reco_core import IGNORE_INDEX, datasets
from reco_core.analysis.relations import class_relations
from reco_core.augment import label_confidence, reduce_labels
from reco_core.evaluation import evaluate, outputs
from reco_core.files import atomic_write
from reco_core.runs.recipes import recipe
from reco_core.trainers import Trainer

ARMS = {
    "few": "toyscapes/20-quarter/supervised",
    "classmix": "toyscapes/20-quarter/classmix",
    "reco": "toyscapes/20-quarter/reco+classmix",
    "all": "toyscapes/all-quarter/supervised",
}
"""Name of the file -> recipe; a quarter of the recorded budget shows the mechanisms."""
FOLDER = RESULTS / "snapshots"
SCENES, PREDICTED = 6, 24
"""Test scenes seen along training, and at its end."""
MOMENTS = (0, 100, 250, 500, 1000, 2000, 3000)
"""Steps after which the networks are looked at."""
PIXELS = 100
"""Pixels of each class whose embeddings are kept."""


@dataclass(frozen=True)
class Snapshot:
    """Arrays of one arm; T moments, N scenes of 64 x 64, C classes; confidences are in [0, 1]."""

    steps: np.ndarray
    """(T,) training steps done."""
    teacher_labels: np.ndarray
    """(T, N, 64, 64) class that the moving average predicts."""
    teacher_confidence: np.ndarray
    """(T, N, 64, 64) its probability."""
    student_confidence: np.ndarray
    """(T, N, 64, 64) probability that the student gives to the moving average's class."""
    iou: np.ndarray
    """(T, C) on the validation scenes."""
    graph_z: np.ndarray
    """(T, C, C) relation graph of Z on the validation scenes."""
    graph_r: np.ndarray
    """(T, C, C) of R; meaningless for a network that was trained without ReCo."""
    predicted: np.ndarray
    """(M, 64, 64) classes of the first test scenes, after the last step."""
    pixels_z: np.ndarray
    """(P, Z) embeddings of validation pixels, after the last step."""
    pixels_r: np.ndarray
    """(P, D) representations of the same pixels."""
    pixel_labels: np.ndarray
    """(P,) their classes."""


def load_snapshot(arm: str, folder: Path = FOLDER) -> Snapshot:
    """The arrays of an arm: few, classmix, reco or all."""
    with np.load(folder / f"{arm}.npz") as kept:
        arrays = {name: kept[name] for name in kept.files}
    for name in ("teacher_confidence", "student_confidence"):
        arrays[name] = arrays[name].astype(np.float32) / 255
    for name in ("pixels_z", "pixels_r"):
        arrays[name] = arrays[name].astype(np.float32)
    return Snapshot(**arrays)


@torch.no_grad()
def _looked_at(network: nn.Module, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Classes (N, H, W) and their probability, of the most probable class or of `labels`; modes stay as they were."""
    training = network.training
    logits = network.eval()(images, with_representation=False).logits
    network.train(training)
    logits = nn.functional.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=True)
    found = logits.argmax(dim=1) if labels is None else labels
    return found, label_confidence(logits, found)


def _as_bytes(share: Tensor) -> np.ndarray:
    return (255 * share).round().to(torch.uint8).numpy()


def _moments(trainer: Trainer) -> Iterator[dict[str, np.ndarray]]:
    """What the networks see after each of `MOMENTS`."""
    val, test = (datasets.load("toyscapes", split=split) for split in ("val", "test"))
    images = torch.stack([test[index][0] for index in range(SCENES)])
    steps = trainer.steps()
    for moment in MOMENTS:
        while trainer.step < moment:
            next(steps)
        labels, confidence = _looked_at(trainer.network, images)
        relations = class_relations(trainer.network, val)
        yield {
            "steps": np.array(moment),
            "teacher_labels": labels.to(torch.uint8).numpy(),
            "teacher_confidence": _as_bytes(confidence),
            "student_confidence": _as_bytes(_looked_at(trainer.student.module, images, labels)[1]),
            "iou": evaluate(trainer.network, val).iou.numpy().astype(np.float32),
            "graph_z": relations.graphs["Z"].astype(np.float32),
            "graph_r": relations.graphs["R"].astype(np.float32),
        }


def _pixels(network: nn.Module, classes: int) -> dict[str, np.ndarray]:
    """Embeddings of `PIXELS` random pixels of each class, from the validation scenes."""
    z, r, truth = [], [], []
    for output, labels in outputs(network, datasets.load("toyscapes", split="val"), with_representation=True):
        z.append(output.embedding.permute(0, 2, 3, 1).flatten(0, 2))
        r.append(output.representation.permute(0, 2, 3, 1).flatten(0, 2))
        truth.append(reduce_labels(labels, output.logits.shape[-2:]).flatten())
    label = torch.cat(truth)
    generator = torch.Generator().manual_seed(0)
    chosen = []
    for number in range(classes):
        own = torch.nonzero((label == number) & (label != IGNORE_INDEX))[:, 0]
        chosen.append(own[torch.randperm(len(own), generator=generator)[:PIXELS]])
    index = torch.cat(chosen)
    return {
        "pixels_z": torch.cat(z)[index].half().numpy(),
        "pixels_r": torch.cat(r)[index].half().numpy(),
        "pixel_labels": label[index].to(torch.uint8).numpy(),
    }


def record(arm: str, folder: Path = FOLDER) -> Path:
    """Train an arm's recipe with seed 0 and write its arrays."""
    trainer = Trainer(recipe(ARMS[arm]))
    moments = list(_moments(trainer))
    arrays = {name: np.stack([moment[name] for moment in moments]) for name in moments[0]}
    test = datasets.load("toyscapes", split="test")
    images = torch.stack([test[index][0] for index in range(PREDICTED)])
    arrays["predicted"] = _looked_at(trainer.network, images)[0].to(torch.uint8).numpy()
    arrays |= _pixels(trainer.network, test.num_classes)
    path = folder / f"{arm}.npz"
    atomic_write(path, lambda file: np.savez_compressed(file, **arrays))
    return path


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for chosen_arm in sys.argv[1:] or ARMS:
        print(record(chosen_arm), flush=True)
