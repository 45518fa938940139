"""reco_core.figures.contrast: what is drawn."""

import math

import numpy as np
import pytest
import torch

from reco_core.figures import contrast


def test_levels_are_those_of_the_paper_setting():
    """Levels of :eq:`eq-reco` at tau = 0.5 with 512 keys: 6.24, 4.25, 4.14 and 2.34."""
    assert [round(value, 2) for value in contrast.levels().values()] == [6.24, 4.25, 4.14, 2.34]


def test_ladder_draws_the_formula():
    axes = contrast.value_ladder().axes[0]
    cosine, loss = axes.lines[0].get_data()
    assert loss[-1] == pytest.approx(math.log(513)) and loss[0] == pytest.approx(math.log1p(512 * math.exp(-4)))
    assert np.all(np.diff(loss) > 0) and len(axes.texts) == 4


def test_circle_draws_the_loss_and_forces_that_move_the_query_downhill():
    figure = contrast.pull_and_push(60.0, 10.0, [120.0, -150.0])
    curve = figure.axes[1].lines[0].get_ydata()
    assert float(curve[180 + 60]) == pytest.approx(
        float(contrast.circle_loss(torch.tensor([60.0]), torch.tensor(10.0), torch.tensor([120.0, -150.0]), 0.5)[0])
    )
    arrows = [text for text in figure.axes[0].texts if text.arrow_patch is not None]
    assert len(arrows) == 3
    query = contrast.unit(torch.tensor(60.0))
    step = sum((torch.as_tensor(arrow.xy) - query for arrow in arrows), torch.zeros(2, dtype=torch.float64))
    angle = torch.rad2deg(torch.atan2(*(query + 0.01 * step).flip(0)))
    assert angle < 60, "downhill is towards the prototype at 10 degrees, away from the key at 120"
