"""reco_book.figures.contrast: what is drawn."""

import math

import numpy as np
import pytest
import torch

from reco_book.figures import contrast


def test_levels_are_those_of_the_paper_setting():
    """Levels of :eq:`eq-reco` at tau = 0.5 with 512 keys: 6.24, 4.25, 4.14 and 2.34."""
    assert [round(value, 2) for value in contrast.levels().values()] == [6.24, 4.25, 4.14, 2.34]


def test_ladder_draws_the_formula():
    axes = contrast.value_ladder().axes[0]
    cosine, loss = axes.lines[0].get_data()
    assert loss[-1] == pytest.approx(math.log(513)) and loss[0] == pytest.approx(math.log1p(512 * math.exp(-4)))
    assert np.all(np.diff(loss) > 0) and len(axes.texts) == 4


def test_circle_draws_the_loss_and_an_arrow_for_each_force():
    positive, negatives = torch.tensor(10.0), torch.tensor([120.0, -150.0])
    figure = contrast.pull_and_push(60.0, 10.0, [120.0, -150.0])
    curve = figure.axes[1].lines[0].get_ydata()
    here = contrast.circle_loss(torch.tensor([60.0]), positive, negatives, 0.5).item()
    assert float(curve[180 + 60]) == pytest.approx(here)
    heads, query = figure.axes[0].patches, math.radians(60)
    forces = [force for force, _ in contrast.circle_forces(60.0, 10.0, [120.0, -150.0], 0.5)]
    assert len(heads) == 3
    for head, force in zip(heads, forces, strict=True):
        x, y = head.get_xy()[0]
        assert math.degrees(math.atan2(y, x) - query) == pytest.approx(40 * force, abs=1e-3), "to scale, however small"
    named = [text.get_text() for text in figure.axes[0].texts]
    assert all(f"{abs(force):.2f}" in named for force in forces)


def test_circle_has_its_legend_beside_the_curves():
    figure = contrast.pull_and_push(60.0, 10.0, [120.0, -150.0])
    figure.draw_without_rendering()
    legend, plot = figure.legends[0].get_window_extent(), figure.axes[1].get_window_extent()
    assert legend.y0 >= plot.y1 - 1


def test_the_forces_on_the_circle_are_the_descent_of_the_loss():
    """Their sum is minus the derivative of :eq:`eq-reco` by the angle, here taken by autograd."""
    angle = torch.tensor([60.0], dtype=torch.float64, requires_grad=True)
    contrast.circle_loss(angle, torch.tensor(10.0), torch.tensor([120.0, -150.0]), 0.5).sum().backward()
    forces = [force for force, _ in contrast.circle_forces(60.0, 10.0, [120.0, -150.0], 0.5)]
    assert sum(forces) == pytest.approx(-math.degrees(angle.grad.item()), rel=1e-6)
