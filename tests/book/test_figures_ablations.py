"""reco_book.figures.ablations: noise of draws beside noise of batches."""

import pytest

from reco_book.figures import ablations


def test_noise_is_drawn_beside_its_slope_and_the_batches():
    figure = ablations.noise({"queries": (16, 64)}, {"queries": (0.4, 0.2)}, between_batches=0.9)
    (axes,) = figure.axes
    measured, slope, batches = axes.lines
    assert list(measured.get_ydata()) == [0.4, 0.2]
    assert list(slope.get_ydata()) == pytest.approx([0.4, 0.2])  # a quarter of the noise power is half of the noise
    assert set(batches.get_ydata()) == {0.9} and axes.get_xscale() == axes.get_yscale() == "log"
