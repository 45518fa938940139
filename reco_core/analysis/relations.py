"""Which classes a network takes for alike (Section 5): class means over a data set, relation graph, confusion.

`grow` makes a tree of a graph.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from torch import Tensor, nn

from reco_core import IGNORE_INDEX
from reco_core.analysis import Linkage
from reco_core.augment import reduce_labels
from reco_core.errors import InputError
from reco_core.evaluation import confusion_matrix, outputs
from reco_core.runs.records import put_json_line
from reco_core.sampling import WIDE_DEVICES, relation_graph

SCHEMA, KIND = 1, "relations"
DISTANCES = ("cosine", "rows")


@dataclass(frozen=True)
class ClassRelations:
    """What a network makes of the classes of a data set; absent classes are left out and named."""

    classes: tuple[str, ...]
    """Classes that occur, in the data set's order."""
    absent: tuple[str, ...]
    pixels: np.ndarray
    """(C,) pixels of each class, at the network's resolution."""
    graphs: dict[str, np.ndarray]
    """"Z" and, if the network has the head, "R" -> (C, C) cosines between class means."""
    confusion: np.ndarray
    """(C, C) pixel counts at the network's resolution; row: truth, column: prediction."""
    about: dict[str, Any]
    """Where it comes from: data set, split, checkpoint's configuration."""

    def confusion_rates(self) -> np.ndarray:
        """(C, C) symmetric: how often a pixel of one class is taken for the other, mean of both directions."""
        rates = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        return (rates + rates.T) / 2

    def similarity_of_pairs(self, where: str) -> np.ndarray:
        """(C (C - 1) / 2,) cosines of the pairs of different classes."""
        return self.graphs[where][np.triu_indices(len(self.classes), 1)]

    def mean_similarity(self, where: str) -> float:
        """Mean cosine of different classes: low means disentangled."""
        return float(self.similarity_of_pairs(where).mean())

    def predicts_confusion(self, where: str) -> float:
        """Spearman's correlation, over pairs of classes, of similarity and confusion; NaN if nothing varies."""
        pairs = self.confusion_rates()[np.triu_indices(len(self.classes), 1)]
        if len(pairs) < 3 or np.ptp(pairs) == 0:
            return float("nan")
        return float(stats.spearmanr(self.similarity_of_pairs(where), pairs).statistic)


class ClassSums:
    """Sums of an embedding over the pixels of each class, in float64: exact for any order and size of batches."""

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.sums: Tensor | None = None
        self.counts = torch.zeros(num_classes, dtype=torch.float64)

    def add(self, embedding: Tensor, labels: Tensor) -> None:
        """Add (B, D, h, w) under labels (B, h, w), 255 = ignore."""
        if embedding.device.type not in WIDE_DEVICES:
            embedding, labels = embedding.cpu(), labels.cpu()
        rows = embedding.detach().permute(0, 2, 3, 1).flatten(0, 2)
        flat = labels.flatten()
        valid = flat != IGNORE_INDEX
        if self.sums is None:  # its size is known from the first batch on
            self.sums = torch.zeros(self.num_classes, rows.shape[1], dtype=torch.float64, device=rows.device)
            self.counts = self.counts.to(rows.device)
        self.sums.index_add_(0, flat[valid], rows[valid].double())
        self.counts += torch.bincount(flat[valid], minlength=self.num_classes).double()

    def means(self) -> Tensor:
        """(C, D) float64; zero for an absent class.

        Raises:
            ValueError: nothing was added.
        """
        if self.sums is None:
            raise ValueError("no batch was added")
        return self.sums / self.counts.clamp(min=1)[:, None]


def class_relations(
    network: nn.Module, data: Any, batch_size: int = 8, device: torch.device | str = "cpu",
    about: dict[str, Any] | None = None, on_batch: Callable[[int], None] | None = None,
) -> ClassRelations:  # fmt: skip
    """Stream a data set once through a network; the network is left in the mode it came in.

    Args:
        network: returns `SegmentationOutput`.
        data: a data set of `reco_core.datasets`.
        batch_size: images at once; the means do not depend on it.
        device: where the network is.
        about: kept with the result.
        on_batch: called with the number of images done.

    Raises:
        InputError: fewer than two classes occur.
    """
    count = data.num_classes
    sums = {"Z": ClassSums(count), "R": ClassSums(count)}
    confusion = torch.zeros(count, count, dtype=torch.int64, device=device)
    for output, labels in outputs(network, data, batch_size, device, on_batch, with_representation=True):
        small = reduce_labels(labels, output.logits.shape[-2:])
        sums["Z"].add(output.embedding, small)
        if output.representation is not None:
            sums["R"].add(output.representation, small)
        confusion += confusion_matrix(small, output.logits.argmax(dim=1), count)
    return _result(sums, confusion, data, about or {})


def _result(sums: dict[str, ClassSums], confusion: Tensor, data: Any, about: dict[str, Any]) -> ClassRelations:
    counts = sums["Z"].counts.cpu()
    here = counts > 0
    if here.sum() < 2:
        raise InputError(f"{data.name}/{data.split}: only {int(here.sum())} class occurs: relations need two")
    graphs = {
        name: relation_graph(part.means().cpu()[here], counts[here]).numpy()
        for name, part in sums.items()
        if part.sums is not None
    }
    names = list(zip(data.classes, here.tolist(), strict=True))
    return ClassRelations(
        classes=tuple(name for name, present in names if present),
        absent=tuple(name for name, present in names if not present),
        pixels=counts[here].long().numpy(),
        graphs=graphs,
        confusion=confusion.cpu()[here][:, here].numpy(),
        about={"dataset": data.name, "split": data.split, "images": len(data), **about},
    )


def write_relations(relations: ClassRelations, path: Path) -> Path:
    """Add relations to a file of JSON lines, in the place of earlier ones of the same network."""
    value = {
        "schema": SCHEMA,
        "kind": KIND,
        "about": relations.about,
        "classes": list(relations.classes),
        "absent": list(relations.absent),
        "pixels": relations.pixels.tolist(),
        "graphs": {name: graph.round(6).tolist() for name, graph in relations.graphs.items()},
        "confusion": relations.confusion.tolist(),
    }
    identity = _identity(json.loads(json.dumps(relations.about)))  # as it reads in the file, tuples as lists
    put_json_line(
        path, value, lambda other: other.get("kind") == KIND and _identity(other.get("about", {})) == identity
    )
    return path


def _identity(about: dict[str, Any]) -> dict[str, Any]:
    """What two versions of one network's relations have in common: all but where and when they were made."""
    return {key: value for key, value in about.items() if key not in ("environment", "revision")}


def distances(graph: np.ndarray, distance: str = "cosine") -> np.ndarray:
    """Condensed distances between classes.

    Args:
        graph: (C, C) cosines.
        distance: "cosine": 1 - cosine; "rows": Euclidean between the graph's rows taken as observations, which is
            what the published dendrograms did.

    Raises:
        ValueError: another distance, or a graph with NaN (leave absent classes out).
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {distance!r}")
    if np.isnan(graph).any():
        raise ValueError("the graph has NaN: leave absent classes out")
    if distance == "rows":
        return squareform(np.linalg.norm(graph[:, None] - graph[None], axis=-1), checks=False)
    gap = np.clip(1 - (graph + graph.T) / 2, 0, None)
    np.fill_diagonal(gap, 0)
    return squareform(gap, checks=False)


def grow(graph: np.ndarray, method: Linkage = "average", distance: str = "cosine") -> np.ndarray:
    """SciPy's linkage (C - 1, 4) of a relation graph.

    Args:
        graph: (C, C) cosines.
        method: of `scipy.cluster.hierarchy.linkage`; the published dendrograms are "complete" with "rows".
        distance: see `distances`.
    """
    return hierarchy.linkage(distances(graph, distance), method)
