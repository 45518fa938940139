"""reco_book.relations: what the library wrote is read again."""

import json
from dataclasses import replace

import numpy as np
import pytest

from reco_book.relations import read_relations
from reco_core.analysis.relations import ClassRelations, write_relations
from reco_core.errors import InputError


def planted(confusion):
    """Three classes with given confusion; a and b are alike."""
    graph = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
    return ClassRelations(("a", "b", "c"), ("d",), np.array([10, 20, 30]), {"Z": graph}, np.array(confusion), {"x": 1})


def test_relations_survive_their_file(tmp_path):
    path = tmp_path / "r.jsonl"
    found = planted([[6, 4, 0], [10, 9, 1], [0, 3, 27]])
    (again,) = read_relations(write_relations(found, path))
    assert again.classes == found.classes and again.absent == ("d",) and again.about == {"x": 1}
    assert np.array_equal(again.graphs["Z"], found.graphs["Z"]) and np.array_equal(again.confusion, found.confusion)
    assert again.pixels.tolist() == [10, 20, 30]
    other, newer = replace(found, about={"x": (2, 3)}), planted([[7, 3, 0], [10, 9, 1], [0, 3, 27]])
    for one in (other, newer, other):  # the same network once more replaces its line, tuples or not
        write_relations(one, path)
    assert [(one.about, int(one.confusion[0, 0])) for one in read_relations(path)] == [
        ({"x": 1}, 7),
        ({"x": [2, 3]}, 6),
    ]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda value: value | {"classes": ["a", "b"]}, "Z of (3, 3) for 2 classes"),
        (lambda value: value | {"confusion": [[1, 2], [3, 4]]}, "confusion of (2, 2) for 3 classes"),
        (lambda value: value | {"pixels": [1, 2]}, "pixels of (2,) for 3 classes"),
        (lambda value: value | {"pixels": [[]]}, "pixels of (1, 0) for 3 classes"),
        (lambda value: value | {"graphs": {"Z": [[1, "near"]]}}, "could not convert string"),
        (lambda value: {key: part for key, part in value.items() if key != "confusion"}, "'confusion'"),
        (lambda value: value | {"schema": 3}, "no relations"),
        (lambda value: value | {"kind": "run"}, "no relations (kind 'run')"),
    ],
)
def test_damaged_relations_name_their_line(tmp_path, damage, words):
    found = planted([[6, 4, 0], [10, 9, 1], [0, 3, 27]])
    path = write_relations(found, tmp_path / "r.jsonl")
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + json.dumps(damage(json.loads(whole))) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"r\.jsonl, line 2: ") as error:
        read_relations(path)
    assert words in str(error.value)
