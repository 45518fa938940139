"""Recorded relations between classes: read from results, and what chapters ask of them beside the library."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reco_core.analysis.relations import KIND, SCHEMA, ClassRelations
from reco_core.errors import InputError, one_line
from reco_core.files import read_json_lines


class Relations(ClassRelations):
    """What a recorded network makes of the classes of a data set."""

    def only(self, keep: np.ndarray) -> "Relations":
        """The relations among some of the classes.

        Args:
            keep: (C,) bool.
        """
        square = np.ix_(keep, keep)
        return replace(
            self,
            classes=tuple(name for name, kept in zip(self.classes, keep, strict=True) if kept),
            pixels=self.pixels[keep],
            graphs={where: graph[square] for where, graph in self.graphs.items()},
            confusion=self.confusion[square],
        )

    def learnt(self, share: float = 0.05) -> "Relations":
        """The relations among the classes of which the network gets at least such a share of the pixels right."""
        return self.only(self.confusion.diagonal() >= share * self.confusion.sum(axis=1))

    def rank_of(self, where: str, first: str, second: str) -> int:
        """Place of a pair among all pairs of classes, 1 = the most alike.

        Raises:
            ValueError: a class that does not occur.
        """
        for name in (first, second):
            if name not in self.classes:
                raise ValueError(f"{name!r} is not among the classes {', '.join(self.classes)}")
        own = self.graphs[where][self.classes.index(first), self.classes.index(second)]
        return 1 + int((self.similarity_of_pairs(where) > own).sum())


def read_relations(path: Path) -> list[Relations]:
    """Read what `write_relations` wrote.

    Raises:
        InputError: not such a file, or one whose matrices do not fit its classes.
    """
    return [_read(line, f"{path}, line {number}") for number, line in enumerate(read_json_lines(path), 1)]


def _read(value: dict[str, Any], where: str) -> Relations:
    if value.get("kind") != KIND or value.get("schema") != SCHEMA:
        raise InputError(f"{where}: no relations (kind {value.get('kind')!r}); write them with `reco relations`")
    try:
        classes, absent, about = tuple(value["classes"]), tuple(value["absent"]), value["about"]
        graphs = {name: np.array(graph, dtype=float) for name, graph in value["graphs"].items()}
        confusion, pixels = np.array(value["confusion"], dtype=int), np.array(value["pixels"], dtype=int)
        if not all(isinstance(name, str) for name in (*classes, *absent)):
            raise ValueError("names of the classes")
        if not all(np.isfinite(graph).all() for graph in graphs.values()):
            raise ValueError("a similarity that is no number")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{where}: relations with a part missing or wrong ({one_line(error)}); write it again"
        ) from error
    for name, matrix in {**graphs, "confusion": confusion}.items():
        if matrix.shape != (len(classes), len(classes)):
            raise InputError(f"{where}: {name} of {matrix.shape} for {len(classes)} classes; write the file again")
    if pixels.shape != (len(classes),):
        raise InputError(f"{where}: pixels of {pixels.shape} for {len(classes)} classes; write the file again")
    return Relations(classes, absent, pixels, graphs, confusion, about)
