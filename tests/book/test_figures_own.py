"""reco_book.figures.own: colours over the image, and the share of labelled pixels that are right."""

import numpy as np
import torch

from reco_book.figures import own


def test_overlays_show_image_truth_and_prediction():
    image, truth = torch.zeros(3, 2, 2), torch.tensor([[0, 1], [1, 255]])
    predicted = torch.tensor([[0, 0], [1, 1]])
    figure = own.overlays([image], [truth], [predicted], ("a", "b"), ((255, 0, 0), (0, 0, 255)), opacity=0.5)
    plain, true, said = figure.axes
    assert np.allclose(plain.images[0].get_array(), 0)
    assert np.allclose(true.images[0].get_array()[0, 1], [0, 0, 0.5])
    assert np.allclose(said.images[0].get_array()[0, 1], [0.5, 0, 0])
    assert said.get_xlabel() == "67 % correct", "two of three labelled pixels"
    assert [axes.get_ylabel() for axes in figure.axes] == ["image", "truth", "prediction"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
