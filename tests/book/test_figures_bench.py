"""reco_book.figures.bench: errors stand where they are, gains and claims at their numbers."""

import math

import numpy as np
import pytest
import torch
from drawn import dots, intervals

from reco_book.figures import bench
from reco_book.figures.style import COLOURS
from reco_book.plan import data_set, plan
from reco_book.scorecard import Judged
from reco_book.seeds import Summary

PALETTE = ((255, 0, 0), (0, 0, 255))


def test_errors_are_red_near_a_boundary_and_orange_elsewhere():
    truth = torch.zeros(8, 8, dtype=torch.int64)
    truth[:, 4:] = 1
    truth[7] = 255
    found = truth.clone()
    found[2, 3], found[2, 0], found[7] = 1, 1, 0  # within a pixel of the boundary; far from it; without a label
    figure = bench.errors_at_boundaries(torch.rand(3, 16, 16), truth, {"one": found}, PALETTE, width=1)
    drawn = np.asarray(figure.axes[2].images[0].get_array(), float)
    assert drawn[2, 3] == pytest.approx(matplotlib_rgb("red"), abs=0.01)
    assert drawn[2, 0] == pytest.approx(matplotlib_rgb("orange"), abs=0.01)
    assert (drawn != 1).any(axis=2).sum() == 2
    assert figure.axes[2].get_xlabel() == f"wrong: {100 / 14:.0f} % near, {100 / 50:.0f} % else"


def matplotlib_rgb(name):
    return [int(COLOURS[name][place : place + 2], 16) / 255 for place in (1, 3, 5)]


def test_gains_stand_at_their_share_with_their_interval():
    figure = bench.gain_by_share({"wall": 4.0}, {"wall": Summary((1.0, 2.0, 3.0))})
    (axes,) = figure.axes
    (line,) = (one for one in axes.lines if len(one.get_xdata()) == 1)
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (4.0, 2.0)
    low, high = Summary((1.0, 2.0, 3.0)).interval()
    (bar,) = axes.collections[0].get_segments()
    assert bar[:, 1] == pytest.approx([low, high])
    assert [text.get_text() for text in axes.texts] == ["wall"]


def test_the_forest_shows_every_claim_that_has_runs():
    claims = plan().claims
    gains = (Summary((1.0, 2.0, 3.0)), Summary((-1.0, 0.0, 1.0)), Summary(()))
    found = [
        Judged(claim, data_set("toyscapes"), gain, 1.0, "inconclusive", math.nan, 4.25 if number == 0 else None)
        for number, (claim, gain) in enumerate(zip(claims, gains, strict=False))
    ]
    (axes,) = bench.forest(found).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        f"{claim.key}  {claim.text}" for claim in claims[:2]
    ]
    assert sorted(sum(dots(axes, value=0), [])) == [-1.0, 0.0, 1.0, 1.0, 2.0, 3.0]
    assert pytest.approx(sorted(intervals(axes, value=0))[-1]) == Summary((1.0, 2.0, 3.0)).interval()
    assert 4.25 in [value for line in axes.lines for value in line.get_xdata() if line.get_marker() == "D"]
