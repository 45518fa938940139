"""The commands for trained networks: evaluate, predict, relations."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from tqdm import tqdm

from reco_core.analysis import Linkage
from reco_core.cli.progress import counted
from reco_core.errors import InputError, one_line

if TYPE_CHECKING:
    import torch

    from reco_core.analysis.inference import TrainedNetwork
    from reco_core.runs.records import About


@dataclass(frozen=True)
class Subject:
    """A trained network, and the images that it is asked about."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """A run's checkpoint.pt."""
    split: str = "val"
    """train, val, test, as the data set has them."""
    dataset: str | None = None
    """By default the one that the network was trained on."""
    root: str | None = None
    """The data set's folder."""
    which: Literal["last", "best"] = "last"
    """The network of the last step, or of the best evaluation."""
    device: str = "cpu"
    """cpu, cuda, mps."""

    def load(self) -> "tuple[TrainedNetwork, Any]":
        """The network, on the device, and the images."""
        from reco_core import datasets
        from reco_core.analysis.inference import load_trained
        from reco_core.datasets.inventory import check_classes

        usable_device(self.device)
        trained = load_trained(self.checkpoint, self.which)
        options = trained.options.data
        data = datasets.load(self.dataset or options.dataset, self.root or options.root, self.split, size=options.size)
        check_classes(data, trained.classes, str(self.checkpoint))
        data.palette = trained.palette  # of as many classes
        trained.network.to(self.device)
        return trained, data

    def about(self, trained: "TrainedNetwork") -> "About":
        """What a line of results says of the network."""
        from reco_core.runs.records import About, environment, source_revision

        weights = Path(trained.options.model.weights or "").name or None
        where = environment(self.device)
        return About.of(trained.options, trained.recipe, trained.preset, weights, where, source_revision())


Of = Annotated[Subject, tyro.conf.arg(name="")]


def evaluate(subject: Of) -> None:
    """Score a checkpoint on a split of a data set and print the IoU of every class.

    Args:
        subject: network and images.
    """
    from reco_core.evaluation import evaluate as score

    trained, data = subject.load()
    with counted("image", len(data)) as on_batch:
        scores = score(trained.network, data, device=subject.device, on_batch=on_batch)
    width = max(map(len, data.classes))
    for name, iou in zip(data.classes, scores.iou.tolist(), strict=True):
        print(f"{name:<{width}}  {'absent' if iou != iou else f'{100 * iou:6.2f} %'}")
    print(f"{'mean IoU':<{width}}  {100 * scores.miou:6.2f} %   (pixel accuracy {100 * scores.pixel_accuracy:.2f} %)")


def predict(
    images: Annotated[list[Path], tyro.conf.Positional],
    checkpoint: Path,
    output: Path = Path("predictions"),
    opacity: float = 0.6,
    which: Literal["last", "best"] = "last",
    device: str = "cpu",
) -> None:
    """Segment image files or folders of them; writes for each an overlay (NAME.png) and the classes (NAME.labels.png).

    Args:
        images: image files, and folders.
        checkpoint: a run's checkpoint.pt.
        output: folder of the results.
        opacity: of the colours over the image, 0 to 1.
        which: the network of the last step, or of the best evaluation.
        device: cpu, cuda, mps.
    """
    from reco_core.analysis.inference import load_trained, predict_files
    from reco_core.datasets.inventory import pictures

    usable_device(device)
    chosen = [path for given in images for path in (pictures(given) if given.is_dir() else [given])]
    for folder in filter(Path.is_dir, images):
        if others := [path for path in sorted(folder.iterdir()) if path not in chosen]:
            print(f"{folder}: left out: {', '.join(path.name for path in others)} (hidden, a folder, or no picture)")
    if not chosen:
        raise InputError("no image given: name one or more image files, or a folder of images")
    trained = load_trained(checkpoint, which)
    for path in tqdm(predict_files(trained, chosen, output, opacity, device), total=len(chosen), unit="image"):
        tqdm.write(str(path))


def relations(
    subject: Of, output: Path = Path("relations"), linkage: Linkage = "average",
    distance: Literal["cosine", "rows"] = "cosine",
) -> None:  # fmt: skip
    """Relation graphs and dendrograms of a checkpoint (Section 5), with their data; do they predict confusion?

    The published dendrograms have --linkage complete --distance rows.

    Args:
        subject: network and images.
        output: folder of relations.jsonl and, for Z and R, graph-Z.svg.
        linkage: how the tree is grown.
        distance: 1 - cosine, or Euclidean between the rows of the graph.
    """
    from reco_core.analysis.plots import clustered_graph, save_figure
    from reco_core.analysis.relations import class_relations, write_relations
    from reco_core.config import to_dict

    trained, data = subject.load()
    about = {"which": subject.which} | to_dict(subject.about(trained))
    with counted("image", len(data)) as on_batch:
        found = class_relations(trained.network, data, device=subject.device, about=about, on_batch=on_batch)
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
        save_figure(clustered_graph(found, where, linkage, distance), output / f"graph-{where}.svg")
        print(output / f"graph-{where}.svg")


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
