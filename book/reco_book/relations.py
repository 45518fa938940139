"""Recorded relations between classes, read from results."""

from pathlib import Path
from typing import Any

import numpy as np

from reco_core.analysis.relations import KIND, SCHEMA, ClassRelations
from reco_core.errors import InputError, one_line
from reco_core.runs.records import read_json_lines


def read_relations(path: Path) -> list[ClassRelations]:
    """Read what `write_relations` wrote.

    Raises:
        InputError: not such a file, or one whose matrices do not fit its classes.
    """
    return [_read(line, f"{path}, line {number}") for number, line in enumerate(read_json_lines(path), 1)]


def _read(value: dict[str, Any], where: str) -> ClassRelations:
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
    return ClassRelations(classes, absent, pixels, graphs, confusion, about)
