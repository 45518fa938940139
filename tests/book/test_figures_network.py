"""reco_book.figures.network: the drawn numbers are those of the networks."""

import numpy as np
import pytest
import torch

from reco_book.figures import network as figures
from reco_core.augment import enlarge, reduce_labels
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


def test_sensitivity_is_normalised_and_marks_the_pixel():
    values = torch.tensor([[0.0, 4.0], [1.0, 0.0]])
    axes = figures.sensitivity(torch.zeros(3, 2, 2), {"title": values}, (0, 1)).axes[1]
    assert np.asarray(axes.images[0].get_array()).tolist() == [[0, 1], [0.5, 0]]
    assert (axes.lines[0].get_xdata()[0], axes.lines[0].get_ydata()[0]) == (1, 0)


def test_places_are_those_of_enlarge_and_reduce_labels():
    """Measured on the functions themselves: `enlarge` reproduces a ramp exactly at the centres."""
    ramp = torch.arange(321.0).expand(1, 1, 1, 321)
    places = torch.from_numpy(figures.prediction_places(321, 81)).float().expand(1, 1, 1, 81)
    assert torch.allclose(enlarge(places, (1, 321)), ramp, atol=1e-3)
    assert np.array_equal(figures.label_places(321, 81), reduce_labels(ramp[0].long(), (1, 81))[0, 0])
    assert (figures.prediction_places(321, 81) - figures.label_places(321, 81)).max() == 3
    assert figures.alignment().axes[0].lines[0].get_ydata().max() == 3
