"""The command `reco relations`: which classes a trained network takes for alike, as figures and data."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tqdm import tqdm

from reco_core.errors import InputError


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
    from reco_core import config, datasets
    from reco_core.figures import relations as figures
    from reco_core.inference import load_trained
    from reco_core.relations import class_relations, write_relations
    from reco_core.results import environment, source_revision

    trained = load_trained(checkpoint, which)
    settings = trained.options.data
    data = datasets.load(dataset or settings.dataset, root or settings.root, split, size=settings.size)
    if tuple(data.classes) != trained.classes:
        raise InputError(f"{checkpoint}: trained on other classes than those of {data.name}: name its own --dataset")
    options = config.to_dict(trained.options)
    options["data"]["root"] = None
    options["model"]["weights"] = Path(trained.options.model.weights or "").name or None
    about = {"config": options, "which": which, "environment": environment(device), "revision": source_revision()}
    with tqdm(total=len(data), unit="image", file=sys.stderr) as bar:
        found = class_relations(
            trained.network.to(device), data, device=device, about=about,
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
        figure.savefig(path)
        print(path)
