"""Colours that a figure sets beside each other differ for colour-blind eyes as well (Machado et al., 2009)."""

from itertools import combinations

import numpy as np
import pytest

from reco_book.bench import SIBLINGS
from reco_book.figures.bench import ARM_COLOURS
from reco_core.datasets.toyscapes import CLASSES, PALETTE

EYES = {
    "all colours": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "deuteranopia": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "tritanopia": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}
"""Simulation of a missing cone, in linear RGB."""
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
NOTICEABLE = 20
"""Distance in CIELAB; 2.3 is the least that a trained eye notices in large patches."""


def lab(colour, eye):
    """CIELAB (D65) of an sRGB colour, 0 to 255, as an eye sees it."""
    share = np.asarray(colour, float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ (np.array(EYES[eye]) @ linear).clip(0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one, other, eye):
    return float(np.linalg.norm(lab(one, eye) - lab(other, eye)))


def test_distances_by_hand():
    assert distance((255, 255, 255), (0, 0, 0), "all colours") == pytest.approx(100, abs=0.1)
    assert distance((200, 0, 0), (80, 100, 0), "deuteranopia") < distance((200, 0, 0), (80, 100, 0), "all colours") / 2


@pytest.mark.parametrize("eye", EYES)
def test_siblings_are_distinguished(eye):
    colours = dict(zip(CLASSES, PALETTE, strict=True))
    found = {pair: distance(colours[pair[0]], colours[pair[1]], eye) for pair in SIBLINGS}
    assert min(found.values()) > NOTICEABLE, found


@pytest.mark.parametrize("eye", EYES)
def test_arms_are_distinguished(eye):
    colours = {name: [int(text[place : place + 2], 16) for place in (1, 3, 5)] for name, text in ARM_COLOURS.items()}
    found = {pair: distance(colours[pair[0]], colours[pair[1]], eye) for pair in combinations(colours, 2)}
    assert min(found.values()) > NOTICEABLE, found
