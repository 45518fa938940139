"""The commands for trained networks: evaluate, predict, relations."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tqdm import tqdm

from reco_core.errors import InputError

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
) -> None:
    """Score a checkpoint on a split of a data set and print the IoU of every class.

    Args:
        checkpoint: a run's checkpoint.pt.
        split: train, val, test, as the data set has them.
        dataset: by default the one that the network was trained on.
        root: the data set's folder.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
        widths: also score near borders, at these distances in pixels (trimap and Boundary IoU).
        output: write the scores here, as JSON.
    """
    from reco_core.boundaries import boundary_scores
    from reco_core.devices import usable_device
    from reco_core.evaluation import evaluate as score
    from reco_core.files import write_json

    usable_device(device)
    trained, data = _with_data(checkpoint, which, dataset, root, split)
    with tqdm(total=len(data), unit="image", file=sys.stderr) as bar:
        scores = score(trained.network.to(device), data, device=device, on_batch=lambda done: bar.update(done - bar.n))
    width = max(map(len, data.classes))
    for name, iou in zip(data.classes, scores.iou.tolist(), strict=True):
        print(f"{name:<{width}}  {'absent' if iou != iou else f'{100 * iou:6.2f} %'}")
    print(f"{'mean IoU':<{width}}  {100 * scores.miou:6.2f} %   (pixel accuracy {100 * scores.pixel_accuracy:.2f} %)")
    near = boundary_scores(trained.network, data, widths, device) if widths else {}
    for kind, values in near.items():
        print(f"{kind} IoU  " + ", ".join(f"{100 * value:.2f} % at {pixels} px" for pixels, value in values.items()))
    if output is not None:
        found = {"about": _about(trained, which, device), "split": split, "classes": list(data.classes)}
        borders = {kind: {str(key): value for key, value in values.items()} for kind, values in near.items()}
        write_json(output, {"schema": 1, "kind": "scores", **found, **scores.as_dict(), **borders})
        print(output)


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
    from reco_core.devices import usable_device
    from reco_core.inference import load_trained, predict_files

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
        output: folder of relations.json, graphs.svg and confusion-Z.svg.
        linkage: how the tree is grown.
        distance: 1 - cosine, or Euclidean between the rows of the graph.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
    """
    from reco_core.devices import usable_device
    from reco_core.figures import relations as figures
    from reco_core.figures.style import save_figure
    from reco_core.relations import class_relations, write_relations

    usable_device(device)
    trained, data = _with_data(checkpoint, which, dataset, root, split)
    with tqdm(total=len(data), unit="image", file=sys.stderr) as bar:
        found = class_relations(
            trained.network.to(device), data, device=device, about=_about(trained, which, device),
            on_batch=lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    if not trained.options.uses_reco:
        found.graphs.pop("R", None)  # a head that was never trained says nothing
    print(write_relations(found, output / "relations.json"))
    if found.absent:
        print(f"no pixel shows: {', '.join(found.absent)}")
    panels = {f"{where} ({trained.options.method})": (found, where) for where in found.graphs}
    pictures = {"graphs": figures.graphs_and_trees(panels, {}, method=linkage, distance=distance)}
    for where in found.graphs:
        pictures[f"confusion-{where}"] = figures.confusion_against_similarity(found, where)
        print(
            f"{where}: mean similarity of different classes {found.mean_similarity(where):.3f},"
            f" rank correlation with confusion {found.predicts_confusion(where):.2f}"
        )
    for name, figure in pictures.items():
        path = output / f"{name}.svg"
        save_figure(figure, path)
        print(path)


def _with_data(checkpoint: Path, which: str, dataset: str | None, root: str | None, split: str) -> tuple[Any, Any]:
    """A trained network and a split of its data set, or of another one with the same classes."""
    from reco_core import datasets
    from reco_core.inference import load_trained

    trained = load_trained(checkpoint, which)
    settings = trained.options.data
    data = datasets.load(dataset or settings.dataset, root or settings.root, split, size=settings.size)
    if tuple(data.classes) != trained.classes:
        raise InputError(f"{checkpoint}: trained on other classes than those of {data.name}: name its own --dataset")
    return trained, data


def _about(trained, which: str, device: str) -> dict[str, Any]:
    """What a file of scores or relations says of the network; paths say where one person keeps files, so they go."""
    from reco_core import config
    from reco_core.results import environment, source_revision

    options = config.to_dict(trained.options)
    options["data"]["root"] = None
    options["model"]["weights"] = Path(trained.options.model.weights or "").name or None
    return {"config": options, "which": which, "environment": environment(device), "revision": source_revision()}
