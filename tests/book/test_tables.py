"""reco_book.tables."""

import math

from reco_book.seeds import Summary
from reco_book.tables import with_interval, with_spread


def test_cells():
    assert with_spread(Summary(())) == "–" and with_spread(Summary((40.0,))) == "40.00"
    assert with_spread(Summary((40.0, 42.0))) == "41.00 ± 1.41"
    assert with_spread(Summary((40.0, math.nan))) == with_interval(Summary((40.0, math.nan))) == "–"
    assert with_interval(Summary((1.0,))) == "–"
    assert with_interval(Summary((1.0, 2.0, 3.0))) == "+2.00 [-0.48, +4.48]"
    assert with_interval(Summary((1.0, 2.0, 3.0)), seeds=True) == "+2.00 [-0.48, +4.48], 3 seeds"
    assert with_interval(Summary((1.0,)), seeds=True) == "–"
