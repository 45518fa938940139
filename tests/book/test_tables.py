"""reco_book.tables."""

import math

import numpy as np
import pytest

from reco_book.evaluations import Evaluation
from reco_book.relations import Relations
from reco_book.seeds import Summary
from reco_book.tables import (
    class_table,
    classes_learnt,
    comparison,
    near_boundaries,
    pair_ranks,
    percent_near,
    pixels_right,
    relations_comparison,
    with_interval,
    with_spread,
)
from reco_core.config import TrainConfig
from reco_core.runs.records import About, Best, Record, RecordedScores, SplitUsed


def record(method, seed, last, best):
    options = TrainConfig(method=method, seed=seed)
    about = About("toyscapes/20", None, None, method, seed, options, {}, None)
    scores, split = RecordedScores(last, 0.9, (last, None)), SplitUsed("digest", ("scene",), 1, ())
    return Record(about, split, ("road", "car"), scores, scores, Best(1, best, test_miou=best), (), 1.0)


def evaluation(miou, trimap, boundary):
    about = record("classmix", 0, miou, miou).about
    scores = RecordedScores(miou, 0.9, (miou, None))
    return Evaluation(about, "last", "test", ("road", "car"), scores, {"2": trimap}, {"2": boundary})


def test_cells():
    assert with_spread(Summary(())) == "–" and with_spread(Summary((40.0,))) == "40.00"
    assert with_spread(Summary((40.0, 42.0))) == "41.00 ± 1.41"
    assert with_spread(Summary((40.0, math.nan))) == with_interval(Summary((40.0, math.nan))) == "–"
    assert with_interval(Summary((1.0,))) == "–"
    assert with_interval(Summary((1.0, 2.0, 3.0))) == "+2.00 [-0.48, +4.48]"
    assert with_interval(Summary((1.0, 2.0, 3.0)), seeds=True) == "+2.00 [-0.48, +4.48], 3 seeds"
    assert with_interval(Summary((1.0,)), seeds=True) == "–"


def test_comparison_by_hand_and_an_emptied_cell():
    records = [record("supervised", s, 0.4 + 0.01 * s, 0.41 + 0.01 * s) for s in (0, 1)]
    records += [record("classmix", s, 0.45 + 0.02 * s, 0.46 + 0.02 * s) for s in (0, 1)]
    rows = comparison(records, ["supervised", "classmix"]).splitlines()
    assert rows[2] == "| Supervised | 2 | 40.50 ± 0.71 | 41.50 ± 0.71 |  |  |"
    assert rows[3].startswith("| ClassMix | 2 | 46.00 ± 1.41 | 47.00 ± 1.41 | +5.50 [")
    emptied = comparison(records[:2], ["supervised", "classmix"]).splitlines()
    assert emptied[3] == "| ClassMix | 0 | – | – | – | – |", "deleting the records empties the row"


def test_class_table():
    rows = class_table([record("supervised", s, 0.4 + 0.2 * s, 0.5) for s in (0, 1)], ["supervised", "classmix"])
    assert rows.splitlines()[2:] == ["| road | 50.0 | – |", "| car | – | – |"]


def test_relations_of_several_seeds():
    heights = np.array([[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]], float)
    graph = 1 - heights / 2
    confusion = np.array([[9, 1, 0, 0], [1, 9, 0, 0], [0, 0, 9, 1], [0, 0, 1, 9]])
    names, pixels = ("a", "b", "c", "d"), np.full(4, 10)
    runs = [(Relations(names, (), pixels, {"Z": graph**power}, confusion, {}), "Z") for power in (1, 3)]
    assert relations_comparison({"one": runs}).splitlines()[2] == "| one | 2 | 4 of 4 | 0.10 ± 0.09 | 1.00 ± 0.00 |"
    table = relations_comparison({"one": runs, "none": []}, heights).splitlines()
    assert table[0].endswith("| Baker's gamma | Fowlkes–Mallows, 2 groups |")
    assert table[2].endswith("| 1.00 ± 0.00 | 1.00 ± 0.00 |")
    assert table[3] == "| none | 0 | – | – | – | – | – |"
    assert table[4].startswith("| *chance, mean (95 %)* |")


def test_classes_learnt_and_pixels_right():
    names, graph = ("a", "b"), {"Z": np.eye(2)}
    confusions = [np.array([[9, 1], [4, 6]]), np.array([[5, 5], [100, 1]])]
    runs = [(Relations(names, (), c.sum(1), graph, c, {}), "Z") for c in confusions]
    assert classes_learnt(runs) == "1–2 of 2" and classes_learnt(runs[:1]) == "2 of 2" and classes_learnt([]) == "–"
    lines = pixels_right({"one": runs, "none": []}, ["a", "b"]).splitlines()
    assert lines[2] == "| a | 70 (90) | – |" and lines[3] == "| b | 30 (60) | – |"


def test_near_boundaries():
    ours = {0: evaluation(0.6, trimap=0.4, boundary=0.1), 1: evaluation(0.7, trimap=0.5, boundary=0.3)}
    theirs = {0: evaluation(0.5, trimap=0.2, boundary=0.1), 1: evaluation(0.5, trimap=0.3, boundary=0.1)}
    assert percent_near(ours) == pytest.approx({0: 60, 1: 70})
    assert percent_near(ours, "2", "boundary") == pytest.approx({0: 10, 1: 30})
    lines = near_boundaries("Gain", {"10 labels": (ours, theirs), "none": ({}, theirs)}, ["2"]).splitlines()
    assert lines[0] == "| Gain, trimap IoU | seeds | IoU, all pixels | within 2 px |"
    assert lines[2].startswith("| 10 labels | 2 | +15.00 [-48.53, +78.53] | +20.00 [+20.00, +20.00] |")
    assert lines[3] == "| none | 0 | – | – |"
    lines = near_boundaries("Gain", {"a": (ours, theirs)}, ["2"], "boundary").splitlines()
    assert lines[0].startswith("| Gain, Boundary IoU |") and "| +10.00 [" in lines[2]
    other = {2: theirs[0]}
    assert near_boundaries("Gain", {"a": (ours, other)}, ["2"]).splitlines()[2] == "| a | 0 | – | – |", "other seeds"


def test_pair_ranks_of_every_seed():
    graphs = [np.array([[1, x, 0.2], [x, 1, 0.5], [0.2, 0.5, 1]]) for x in (0.9, 0.3)]
    runs = [(Relations(("a", "b", "c"), (), np.ones(3), {"Z": g}, np.eye(3), {}), "Z") for g in graphs]
    lines = pair_ranks({"ReCo, Z": runs, "none": []}, [("a", "b")]).splitlines()
    assert lines[0] == "| Rank of 3, seed by seed | ReCo, Z | none |" and lines[2] == "| a – b | 1, 2 | – |"
