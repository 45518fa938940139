"""reco_book.figures.network: the drawn numbers are those of the networks."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from reco_book.figures import network as figures
from reco_book.figures.style import COLOURS
from reco_core.models import deeplab_v3_plus

PALETTE = ((10, 20, 30), (200, 210, 220))


@pytest.mark.parametrize("crop", [33, 64])
def test_architecture_shows_the_shapes_that_a_network_returns(crop):
    model = deeplab_v3_plus(5, "resnet18", representation_dim=7, width=16).eval()
    with torch.no_grad():
        output = model(torch.zeros(1, 3, crop, crop))
    drawn = {text.get_text().split("\n")[-1] for text in figures.architecture(crop, 5, 7, 16).axes[0].texts}
    for tensor in output:
        assert " × ".join(map(str, tensor.shape[1:])) in drawn


def test_strides_draws_the_reduced_masks():
    labels = torch.arange(64).view(8, 8) % 2
    figure = figures.strides(labels, ("a", "b"), PALETTE, factors=(4,))
    assert figure.axes[1].get_title() == "stride 4: 2 × 2"
    assert figure.axes[1].images[0].get_array().shape == (2, 2, 3)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_dilated_kernels_marks_what_a_convolution_reads():
    """The gradient of one output pixel of a dilated convolution is not zero at exactly the places drawn as read."""
    for axes, rate in zip(figures.dilated_kernels((1, 3, 5), side=9).axes, (1, 3, 5), strict=True):
        image = torch.zeros(1, 1, 9, 9, requires_grad=True)
        torch.nn.functional.conv2d(image, torch.ones(1, 1, 3, 3), padding=rate, dilation=rate)[0, 0, 4, 4].backward()
        cells = [patch for patch in axes.patches if patch.get_width() == 1]
        places = {(round(cell.get_y() + 0.5), round(cell.get_x() + 0.5)): cell.get_facecolor() for cell in cells}
        assert len(places) == 9, "whatever the rate"
        read = {place for place in places if all(0 <= at < 9 for at in place)}
        assert read == {tuple(place) for place in image.grad[0, 0].nonzero().tolist()}
        white = {place for place, colour in places.items() if colour == (1, 1, 1, 1)}
        assert white == set(places) - read, "what lies in the padding is hollow"
        low, high = axes.get_xlim()
        assert all(low < at < high for place in places for at in place), "nothing is cut off"


def test_features_are_drawn_where_they_are_in_the_colour_of_their_class_and_paler_at_the_start_of_it():
    points, classes, place = (
        torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
        torch.tensor([0, 1, 1]),
        torch.eye(3)[2],
    )
    figure = figures.features_on_a_plane({"one": points, "two": points}, classes, place)
    drawn = figure.axes[0].collections[0]
    assert drawn.get_offsets().tolist() == points.tolist() and figure.axes[1].get_title() == "two"
    first, pale, full = drawn.get_facecolors()[:, :3]
    assert full.tolist() == pytest.approx(to_rgb(COLOURS["red"]))
    assert (pale > full).all() and np.allclose((1 - pale) / (1 - full), (1 - pale[0]) / (1 - full[0]))
    assert first.argmax() == 2, "blue"
