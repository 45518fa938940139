"""reco_book.figures.power: intervals, curves, bars and limits stand where the numbers are."""

import pytest
from drawn import dots, intervals, marks

from reco_book.figures import power as figures
from reco_book.figures.style import COLOURS
from reco_book.power import paired_power
from reco_book.seeds import Summary


def test_intervals_have_students_half_length_and_the_runs_lie_around_their_mean():
    """:eq:`eq-t-interval` with the tabulated t of 2 degrees of freedom, 4.303."""
    (axes,) = figures.intervals(0.25, 2.0, (3, 300), (72.0, 74.0, 70.0)).axes
    assert list(axes.lines[0].get_xdata()) == [0, 2, -2]
    (bars,) = axes.containers
    three, hundreds = (segment[:, 0] for segment in bars[2][0].get_segments())
    half = 4.303 * 2 / 3**0.5
    assert list(three) == pytest.approx([0.25 - half, 0.25 + half], abs=1e-3)
    assert hundreds[1] - hundreds[0] < 0.5
    assert [label.get_text() for label in axes.get_yticklabels()][1:] == ["gain, 3 seeds", "gain, 300 seeds"]


def test_pairs_join_the_scores_of_a_seed_and_leave_out_seeds_without_a_partner():
    ours, theirs = {0: 30.0, 1: 31.0, 2: 33.0, 7: 99.0}, {0: 29.0, 1: 30.5, 2: 31.0}
    left, right = figures.pairs(ours, theirs, ("without", "with")).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[29, 30], [30.5, 31], [31, 33]]
    assert {text.get_text() for text in left.texts} == {"0", "1", "2"}
    assert dots(right) == [[1, 0.5, 2]]
    (mean,) = marks(right, "_")
    assert (
        mean == [[1, pytest.approx(3.5 / 3)]] and [label.get_text() for label in right.get_xticklabels()][0] == "seeds"
    )
    assert intervals(right) == [pytest.approx(list(Summary((1, 0.5, 2)).interval()))]


def test_an_interval_that_holds_zero_looks_different_from_one_that_does_not():
    """:eq:`eq-t-interval`: 1.0, 1.1, 0.9 and then -2."""
    (axes,) = figures.as_seeds_join({"a gain": (1.0, 1.1, 0.9, -2.0)}).axes
    zero, dots, three, four, means = axes.lines
    assert list(dots.get_ydata()) == [1.0, 1.1, 0.9, -2.0]
    assert list(three.get_ydata()) == pytest.approx([1 - 4.303 * 0.1 / 3**0.5, 1 + 4.303 * 0.1 / 3**0.5], abs=1e-3)
    assert four.get_ydata()[0] < 0 < four.get_ydata()[1]
    assert (three.get_linestyle(), three.get_color()) != (four.get_linestyle(), four.get_color())
    assert list(means.get_ydata()) == pytest.approx([1.0, 0.25])


def test_power_curves_are_the_formula_and_differ_in_more_than_colour():
    """:eq:`eq-power`."""
    figure = figures.power_curves((0.25, 4.0), {"wide": 2.0, "narrow": 0.5}, most=300)
    for axes, sd in zip(figure.axes, (2.0, 0.5), strict=True):
        weak, strong = axes.lines[:2]
        place = list(weak.get_xdata()).index(3)
        assert weak.get_ydata()[place] == pytest.approx(paired_power(0.25, sd, 3))
        assert strong.get_ydata()[place] == pytest.approx(paired_power(4.0, sd, 3))
        assert weak.get_linestyle() != strong.get_linestyle() and max(weak.get_xdata()) == 300
        assert [line.get_ydata()[0] for line in axes.lines if line.get_color() == COLOURS["grey"]][0] == 0.8
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["gain 0.25", "gain 4.00"]


def test_gains_are_bars_and_limits_are_named_lines():
    gains = {("VOC", 60): 4.25, ("VOC", 600): 0.25, ("SUN", 50): 1.23}
    (axes,) = figures.gains_and_limits(gains, {"ρ = 0": 8.0, "ρ = 0.5": 5.5}).axes
    assert [bar.get_height() for bar in axes.patches] == [4.25, 0.25, 1.23]
    assert [line.get_ydata()[0] for line in axes.lines] == [8.0, 5.5] and axes.get_ylim()[1] > 8
    texts = {text.get_text() for text in axes.texts}
    assert {"ρ = 0: 8.00", "ρ = 0.5: 5.50", "VOC", "SUN", "+4.25"} <= texts
    assert [label.get_text() for label in axes.get_xticklabels()] == ["60", "600", "50"]


def test_optimism_draws_what_it_is_given():
    (axes,) = figures.optimism({"independent": [0.0, 0.56], "slow": [0.0, 0.1]}, (1, 2)).axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.0, 0.56], [0.0, 0.1]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["independent", "slow"]
