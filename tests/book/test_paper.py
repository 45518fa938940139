"""reco_book.paper: the transcription keeps the paper's layout."""

import pytest

from reco_book.paper import TABLE_1
from reco_core.methods import METHOD_NAMES


def test_every_row_has_a_score_for_every_column():
    assert len(TABLE_1.columns) == 9 and TABLE_1.datasets == ("Pascal VOC", "Cityscapes", "SUN RGB-D")
    assert all(len(row) == 9 for row in TABLE_1.rows.values())
    assert set(TABLE_1.rows) <= set(METHOD_NAMES)


def test_scores_by_number_of_labels():
    assert TABLE_1.scores("reco+classmix", "Cityscapes") == {20: 49.86, 50: 57.69, 150: 65.04}
    assert TABLE_1.scores("supervised", "SUN RGB-D") == {50: 19.79, 150: 28.78, 500: 37.73}


def test_the_text_beside_the_table():
    """Section 4.1: the gain with the fewest labels is up to 4.5 points; with 50 SUN images it is 1.23."""
    gains = []
    for dataset in TABLE_1.datasets:
        ours, base = (TABLE_1.scores(method, dataset) for method in ("reco+classmix", "classmix"))
        gains.append(ours[min(ours)] - base[min(base)])
    assert gains == pytest.approx([4.25, 4.25, 1.23])
