"""Show what a run on the test bench has learnt: a picture of its predictions, and its mIoU beside the recorded arms.

    python -m reco_book.trained runs/toyscapes-20-reco+classmix-seed0

`make train` ends with it. The picture goes into the run's folder.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch
from matplotlib import rc_context
from torch import Tensor

from reco_book import RESULTS
from reco_book.bench import ARM_NAMES, arms
from reco_book.figures.style import RC, maps_beside_images
from reco_book.snapshots import load_snapshot
from reco_core import datasets
from reco_core.analysis.inference import load_trained
from reco_core.analysis.plots import save_figure
from reco_core.errors import InputError
from reco_core.evaluation import predict
from reco_core.methods import METHOD_NAMES
from reco_core.runs.checkpoints import NAME
from reco_core.runs.records import load_records

SCENES = (0, 3, 7, 12)
"""Test scenes of the picture."""


def recorded_arms(results: Path = RESULTS) -> list[tuple[str, float, int]]:
    """(Name, mean test mIoU in percent, seeds) of each arm that has records with as many steps as `make train`."""
    return [
        (ARM_NAMES[arm], fmean(record.miou() for record in runs.values()), len(runs))
        for arm, runs in arms(results, budget="quarter").items()
        if runs
    ]


def report(folder: Path, results: Path = RESULTS) -> Path:
    """Draw a run's predictions and print its score beside the recorded ones.

    Args:
        folder: of a run on toyscapes, as `reco train` leaves it.
        results: folder of the recorded runs.

    Returns:
        The picture's path.

    Raises:
        InputError: a run on another data set, or a folder without a finished run.
    """
    trained = load_trained(folder / NAME)
    if trained.options.data.dataset != "toyscapes":
        raise InputError(f"{folder}: a run on {trained.options.data.dataset}; the picture shows toyscapes alone")
    test = datasets.load("toyscapes", split="test")
    images, truth = (torch.stack(part) for part in zip(*(test[index] for index in SCENES), strict=True))
    sharp = datasets.load("toyscapes", split="test", resolution=256)
    columns: dict[str, Sequence[Tensor]] = {}
    recorded = results / "snapshots"
    if (recorded / "few.npz").exists():
        supervised = load_snapshot("few", recorded).predicted[list(SCENES)]
        columns["supervised (recorded)"] = list(torch.from_numpy(supervised).long())
    columns[METHOD_NAMES[trained.options.method]] = list(predict(trained.network, images))
    columns["truth"] = truths = list(truth)
    path = folder / "predictions.png"
    with rc_context(RC):
        scenes = [sharp[index][0] for index in SCENES]
        save_figure(maps_beside_images(scenes, columns, test.classes, test.palette, truths=truths)[0], path)
    records = load_records(folder / "record.jsonl")
    for name, miou, seeds in recorded_arms(results):
        print(f"{miou:6.2f} % mIoU  {name} (recorded, mean of {seeds} seeds)")
    for record in records:
        print(f"{record.miou():6.2f} % mIoU  this run")
    print(f"picture: {path}")
    return path


if __name__ == "__main__":
    report(Path(sys.argv[1]))
