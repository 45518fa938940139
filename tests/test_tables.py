"""reco_core.tables."""

from reco_core.results import Summary
from reco_core.tables import class_table, comparison, with_interval, with_spread


def record(method, seed, last, best):
    return {
        "config": {"method": method, "seed": seed},
        "classes": ["road", "car"],
        "test": {"last": {"miou": last, "iou": [last, None]}, "best": {"miou": best}},
    }


def test_cells():
    assert with_spread(Summary(())) == "–" and with_spread(Summary((40.0,))) == "40.00"
    assert with_spread(Summary((40.0, 42.0))) == "41.00 ± 1.41"
    assert with_interval(Summary((1.0,))) == "–"
    assert with_interval(Summary((1.0, 2.0, 3.0))) == "+2.00 [-0.48, +4.48]"


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
