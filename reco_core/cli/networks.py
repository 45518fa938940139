"""The commands for trained networks: evaluate, predict, relations."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from tqdm import tqdm

from reco_core.errors import InputError, one_line

if TYPE_CHECKING:
    import torch

    from reco_core.analysis.inference import TrainedNetwork
    from reco_core.runs.records import About

Images = Annotated[list[Path], tyro.conf.Positional]


def evaluate(
    checkpoint: Annotated[Path, tyro.conf.Positional],
    split: str = "val",
    dataset: str | None = None,
    root: str | None = None,
    which: Literal["last", "best"] = "last",
    device: str = "cpu",
    widths: tuple[int, ...] = (),
    output: Path | None = None,
    series: str = "",
) -> None:
    """Score a checkpoint on a split of a data set and print the IoU of every class.

    Args:
        checkpoint: a run's checkpoint.pt.
        split: train, val, test, as the data set has them.
        dataset: by default the one that the network was trained on.
        root: the data set's folder.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
        widths: also score near boundaries, at these distances in pixels (trimap and Boundary IoU).
        output: add the scores to this file of JSON lines.
        series: collection of the scores, such as "planned", kept apart from the main one.
    """
    from reco_core.analysis.boundaries import boundary_scores
    from reco_core.evaluation import evaluate as score
    from reco_core.runs.records import Evaluation, RecordedScores, put

    usable_device(device)
    trained, data = _with_data(checkpoint, which, dataset, root, split)
    with tqdm(total=len(data), unit="image", file=sys.stderr) as bar:
        scores = score(trained.network.to(device), data, device=device, on_batch=lambda done: _advance(bar, done))
    width = max(map(len, data.classes))
    for name, iou in zip(data.classes, scores.iou.tolist(), strict=True):
        print(f"{name:<{width}}  {'absent' if iou != iou else f'{100 * iou:6.2f} %'}")
    print(f"{'mean IoU':<{width}}  {100 * scores.miou:6.2f} %   (pixel accuracy {100 * scores.pixel_accuracy:.2f} %)")
    near = boundary_scores(trained.network, data, widths, device) if widths else {}
    for kind, values in near.items():
        print(f"{kind} IoU  " + ", ".join(f"{100 * value:.2f} % at {pixels} px" for pixels, value in values.items()))
    if output is not None:
        widths_of = {kind: {str(width): value for width, value in values.items()} for kind, values in near.items()}
        line = Evaluation(
            replace(_about(trained, device), series=series), which, split, tuple(data.classes),
            RecordedScores.of(scores), widths_of.get("trimap", {}), widths_of.get("boundary", {}),
        )  # fmt: skip
        print(put(line, output))


def predict(
    images: Images,
    checkpoint: Path,
    output: Path = Path("predictions"),
    opacity: float = 0.6,
    which: Literal["last", "best"] = "last",
    device: str = "cpu",
) -> None:
    """Segment image files; writes for each a colour overlay (NAME.png) and the class indices (NAME.labels.png).

    Args:
        images: image files.
        checkpoint: a run's checkpoint.pt.
        output: folder of the results.
        opacity: of the colours over the image, 0 to 1.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
    """
    from reco_core.analysis.inference import load_trained, predict_files

    usable_device(device)
    if not images:
        raise InputError("no image given: name one or more image files")
    trained = load_trained(checkpoint, which)
    for path in tqdm(predict_files(trained, images, output, opacity, device), total=len(images), unit="image"):
        tqdm.write(str(path))


def relations(
    checkpoint: Annotated[Path, tyro.conf.Positional],
    dataset: str | None = None,
    root: str | None = None,
    split: str = "val",
    output: Path = Path("relations"),
    linkage: Literal["average", "complete", "single", "ward"] = "average",
    distance: Literal["cosine", "rows"] = "cosine",
    which: Literal["last", "best"] = "last",
    device: str = "cpu",
) -> None:
    """Relation graphs and dendrograms of a checkpoint (Section 5), with their data; do they predict confusion?

    The published dendrograms have --linkage complete --distance rows.

    Args:
        checkpoint: a run's checkpoint.pt.
        dataset: by default the one that the network was trained on.
        root: the data set's folder.
        split: train, val, test, as the data set has them.
        output: folder of relations.jsonl and, for Z and R, graph-Z.svg and confusion-Z.svg.
        linkage: how the tree is grown.
        distance: 1 - cosine, or Euclidean between the rows of the graph.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
    """
    from reco_core.analysis.plots import clustered_graph, confusion_against_similarity, save_figure
    from reco_core.analysis.relations import class_relations, write_relations
    from reco_core.config import to_dict

    usable_device(device)
    trained, data = _with_data(checkpoint, which, dataset, root, split)
    with tqdm(total=len(data), unit="image", file=sys.stderr) as bar:
        found = class_relations(
            trained.network.to(device), data, device=device, about={"which": which} | to_dict(_about(trained, device)),
            on_batch=lambda done: _advance(bar, done),
        )  # fmt: skip
    if not trained.options.uses_reco:
        found.graphs.pop("R", None)  # a head that was never trained says nothing
    print(write_relations(found, output / "relations.jsonl"))
    if found.absent:
        print(f"no pixel shows: {', '.join(found.absent)}")
    for where in found.graphs:
        print(
            f"{where}: mean similarity of different classes {found.mean_similarity(where):.3f},"
            f" rank correlation with confusion {found.predicts_confusion(where):.2f}"
        )
        pictures = {
            "graph": clustered_graph(found, where, linkage, distance),
            "confusion": confusion_against_similarity(found, where),
        }
        for name, figure in pictures.items():
            path = output / f"{name}-{where}.svg"
            save_figure(figure, path)
            print(path)


def _with_data(
    checkpoint: Path, which: str, dataset: str | None, root: str | None, split: str
) -> "tuple[TrainedNetwork, Any]":
    """A trained network and a split of its data set, or of another one with the same classes."""
    from reco_core import datasets
    from reco_core.analysis.inference import load_trained

    trained = load_trained(checkpoint, which)
    settings = trained.options.data
    data = datasets.load(dataset or settings.dataset, root or settings.root, split, size=settings.size)
    if tuple(data.classes) != trained.classes:
        raise InputError(f"{checkpoint}: trained on other classes than those of {data.name}: name its own --dataset")
    return trained, data


def _about(trained: "TrainedNetwork", device: str) -> "About":
    """What a line of results says of the network."""
    from reco_core.runs.records import About, environment, source_revision

    weights = Path(trained.options.model.weights or "").name or None
    where = environment(device)
    return About.of(trained.options, trained.recipe, trained.preset, weights, where, source_revision())


def _advance(bar: tqdm, done: int) -> None:
    bar.update(done - bar.n)


def usable_device(name: str) -> "torch.device":
    """A device by name, such as "cpu", "cuda" or "mps", tried with one number.

    Raises:
        InputError: a name that PyTorch does not know, or a device that this machine does not have.
    """
    import torch

    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name!r} cannot be used: {one_line(error)}; choose another --device") from error
