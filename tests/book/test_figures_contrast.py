"""reco_book.figures.contrast: what is drawn."""

import math

import numpy as np
import pytest

from reco_book.figures import contrast


def test_levels_are_those_of_the_paper_setting():
    """Levels of :eq:`eq-reco` at tau = 0.5 with 512 keys: 6.24, 4.25, 4.14 and 2.34."""
    assert [round(value, 2) for value in contrast.levels().values()] == [6.24, 4.25, 4.14, 2.34]


def test_ladder_draws_the_formula():
    axes = contrast.value_ladder().axes[0]
    cosine, loss = axes.lines[0].get_data()
    assert loss[-1] == pytest.approx(math.log(513)) and loss[0] == pytest.approx(math.log1p(512 * math.exp(-4)))
    assert np.all(np.diff(loss) > 0) and len(axes.texts) == 6
