"""reco_book.figures.cost: the measured numbers are drawn."""

import numpy as np
import pytest

from reco_book.figures import cost

SIZE = {
    "size": [20, 21, 81], "threads": 2, "memory_format": "channels_last",
    "seconds": {"plain": 40.0, "query": 2.0, "class": 0.25},
    "times_faster_than_plain": {"query": 20.0, "class": 160.0},
    "peak_memory_over_representation": {"plain": 9.0, "query": 2.1, "class": 1.05},
    "roofline_seconds": 0.04,
}  # fmt: skip


def test_growth_curves_have_a_panel_for_each_size_and_a_line_for_each_variant():
    rows = {
        "pixels": [{"pixels": 6561, "query": 1.0, "class": 0.1}],
        "keys": [{"keys": 128, "query": 2.0, "class": 0.1}],
    }
    figure = cost.growth_curves(rows, {"pixels": [(6561, 9.0)], "keys": [(128, 9.0)]})
    assert [axes.get_xlabel() for axes in figure.axes] == ["pixels", "keys"]
    assert figure.axes[0].lines[1].get_xydata().tolist() == [[6561, 0.1]]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["7k"]


def test_the_plain_version_is_marked_where_the_table_holds_it():
    rows = {name: [{name: value, "query": 2.0, "class": 0.1}] for name, value in (("pixels", 6561), ("keys", 512))}
    contiguous = {**SIZE, "memory_format": "contiguous"}
    sizes = [{**contiguous, "size": [4, 21, 81]}, contiguous, SIZE, {**contiguous, "threads": 1}]
    points = cost.plain_points(sizes)
    assert points["pixels"] == [(26244, 40.0), (131220, 40.0)] and points["keys"] == [(512, 40.0)]
    axes = cost.growth_curves(rows, points).axes[0]
    assert axes.lines[2].get_xydata().tolist() == [[26244, 40], [131220, 40]]
    assert axes.lines[2].get_linestyle() == "None", "no line through sizes that were not measured"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.01", "0.1", "1", "10", "100"]


def test_ladder_says_which_bars_have_no_gradient():
    axes = cost.bar_ladder({"slow": 10.0, "fast": 0.1}, forward_only=["slow"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["10 s, forward only", "0.1 s"]
    assert axes.patches[0].get_hatch() and not axes.patches[1].get_hatch()


def test_ladder_writes_the_seconds_beside_the_bars():
    axes = cost.bar_ladder({"slow": 10.0, "fast": 0.1}).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [10, 0.1]
    assert [text.get_text() for text in axes.texts] == ["10 s", "0.1 s"]


def test_the_two_tables_hold_every_number():
    size = "20 × 21 × 81², channels last"
    assert cost.time_table([SIZE]) == [[size, "2", "40", "2 (20 ×)", "0.25 (160 ×)", "0.04"]]
    assert cost.memory_table([SIZE, {**SIZE, "threads": 1}]) == [[size, "9.00", "2.10", "1.05"]]
    assert len(cost.TIME_HEADER) == 6 and len(cost.MEMORY_HEADER) == 4


def test_relative_noise_of_a_known_distribution():
    """Entries N(3, 1) and N(4, 1): standard deviation sqrt(2), mean of length 5."""
    draws = np.random.default_rng(0).normal((3, 4), 1, (20_000, 2))
    assert cost.relative_noise(draws) == pytest.approx(np.sqrt(2) / 5, rel=0.02)


def test_gradient_noise_draws_a_line_a_variant():
    axes = cost.gradient_noise({"class": {8: 2.0, 16: 1.0}, "query": {8: 1.5, 16: 0.8}}).axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[8, 2], [16, 1]] and len(axes.lines) == 2
    low, high = axes.get_ylim()
    assert 0 < low < 0.8 and high > 2, "the marks are inside, and the differences fill the picture"
