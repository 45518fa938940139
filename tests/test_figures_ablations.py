"""reco_core.figures.ablations: the bars stand where the paper's and the recorded numbers are."""

import pytest

from reco_core.compare import Bar
from reco_core.figures import ablations
from reco_core.figures.style import COLOURS

BARS = [
    Bar("32", 47.39, "small/toyscapes/fig7a/32", {0: 30.0, 1: 32.0}),
    Bar("64", 48.96, "small/toyscapes/fig7a/64", {}),
    Bar("256", 49.83, "small/toyscapes/fig7a/256", {0: 33.0, 1: 33.5, 2: 35.5}),
]


def heights(axes):
    return [patch.get_height() for patch in axes.patches]


def test_panels_show_paper_and_records_and_mark_what_is_missing():
    figure = ablations.panels({"queries": BARS, "keys": BARS[:1]}, "recorded: toyscapes")
    upper, _, lower, _ = figure.axes
    assert heights(upper) == [47.39, 48.96, 49.83] and heights(lower) == pytest.approx([31.0, 34.0])
    crosses = [line for line in lower.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [1]
    dots = [line for line in lower.lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in dots] == [[30.0, 32.0], [33.0, 33.5, 35.5]]
    faces = [patch.get_facecolor() for patch in upper.patches]
    assert faces[0] != faces[2], "the run that all panels share stands out"
    low, high = lower.get_ylim()
    assert low < 30 and high > 35.5 and lower.get_ylabel().startswith("recorded: toyscapes")
    assert {text.get_text() for text in lower.texts} == {"31.0", "34.0"}, "axes are cut: bars carry their number"


def test_panels_without_any_record():
    figure = ablations.panels({"queries": BARS[1:2]}, "recorded: toyscapes")
    assert not figure.axes[1].patches and [line.get_marker() for line in figure.axes[1].lines] == ["x"]


def test_noise_is_drawn_beside_its_slope_and_the_batches():
    figure = ablations.noise({"queries": (16, 64)}, {"queries": (0.4, 0.2)}, between_batches=0.9)
    (axes,) = figure.axes
    measured, slope, batches = axes.lines
    assert list(measured.get_ydata()) == [0.4, 0.2]
    assert list(slope.get_ydata()) == pytest.approx([0.4, 0.2])  # a quarter of the noise power is half of the noise
    assert set(batches.get_ydata()) == {0.9} and axes.get_xscale() == axes.get_yscale() == "log"


def test_differences_show_every_seed_and_the_interval():
    rows = {"easy queries": (-4.02, {0: -1.0, 1: 0.0, 2: 1.0}), "bank": (-0.52, {})}
    (axes,) = ablations.differences_to_ours(rows, "recorded", "paper").axes
    diamonds = [line for line in axes.lines if line.get_marker() == "D"]
    assert [line.get_xdata()[0] for line in diamonds] == [-4.02, -0.52]
    dots = next(line for line in axes.lines if line.get_marker() == "o" and line.get_color() == COLOURS["sky"])
    assert list(dots.get_xdata()) == [-1.0, 0.0, 1.0]
    interval = next(line for line in axes.lines if line.get_linewidth() == 1.4)
    assert interval.get_xdata()[0] == pytest.approx(-2.484, abs=1e-3)  # t(2, 0.975) = 4.303, sd 1, three seeds
    assert [label.get_text() for label in axes.get_yticklabels()] == ["easy queries", "bank"]
