"""reco_book.figures.cost: the measured numbers are drawn."""

import numpy as np
import pytest

from reco_book.figures import cost

SIZE = {
    "size": [20, 21, 81], "threads": 2, "memory_format": "contiguous",
    "seconds": {"plain": 40.0, "query": 2.0, "class": 0.25},
    "peak_memory_over_representation": {"plain": 9.0, "query": 3.0, "class": 1.0},
}  # fmt: skip
COMPILED = {"eager": 0.3, "compiled": 0.1}


def benchmark(size=SIZE):
    values = {"pixels": 6561, **cost.BASE}
    growth = {name: [{name: value, "query": 1.0, "class": 0.1}] for name, value in values.items()}
    return {"sizes": [{**size, "size": [4, 21, 81]}, size], "growth": growth, "compiled": COMPILED}


def test_growth_curves_have_a_panel_for_each_number_and_a_line_for_each_variant_and_machine():
    slow = benchmark()
    fast = {**slow, "growth": {name: [{**row, "class": 0.02} for row in rows] for name, rows in slow["growth"].items()}}
    figure = cost.growth_curves({"CPU": slow, "GPU": fast})
    assert [axes.get_xlabel() for axes in figure.axes] == ["pixels", "classes", "queries", "keys"]
    lines = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[3].lines}
    assert lines["CPU: keys shared by a class"] == [[512, 0.1]] and lines["GPU: keys shared by a class"] == [
        [512, 0.02]
    ]
    assert len(lines) == 6 == len(figure.legends[0].get_texts())
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["7k"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0.01", "0.1", "1", "10", "100"]


def test_the_plain_version_is_marked_where_the_table_holds_it():
    other = {**SIZE, "memory_format": "channels_last"}
    sizes = [{**SIZE, "size": [4, 21, 81]}, SIZE, other, {**SIZE, "threads": 1}]
    points = cost.plain_points(sizes)
    assert points["pixels"] == [(26244, 40.0), (131220, 40.0)] and points["keys"] == [(512, 40.0)]
    plain = cost.growth_curves({"CPU": benchmark()}).axes[0].lines[0]
    assert plain.get_xydata().tolist() == [[26244, 40], [131220, 40]]
    assert plain.get_linestyle() == "None", "no line through sizes that were not measured"


def test_gains_are_ratios_to_the_step_before():
    slower = {**SIZE, "threads": 1, "seconds": {"plain": 80.0, "query": 2.0, "class": 0.5}}
    found = benchmark()
    rows = cost.gains_table({"CPU": {**found, "sizes": [slower, *found["sizes"]]}})
    assert [row[1:] for row in rows[:3]] == [["40 s", "9.0 R"], ["÷ 20", "÷ 3.0"], ["÷ 8.0", "÷ 3.0"]]
    assert [row[1:] for row in rows[3:]] == [["÷ 3.0", ""], ["÷ 160", "÷ 9.0"]]
    assert len(cost.gains_header(["CPU"])) == len(rows[0])
    with pytest.raises(ValueError, match="no measurement"):
        cost.gains_table({"CPU": found}, (1, 2, 3))


def test_relative_noise_of_a_known_distribution():
    """Entries N(3, 1) and N(4, 1): standard deviation sqrt(2), mean of length 5."""
    draws = np.random.default_rng(0).normal((3, 4), 1, (20_000, 2))
    assert cost.relative_noise(draws) == pytest.approx(np.sqrt(2) / 5, rel=0.02)


def test_gradient_noise_draws_a_line_a_variant():
    axes = cost.gradient_noise({"class": {8: 2.0, 16: 1.0}, "query": {8: 1.5, 16: 0.8}}).axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[8, 2], [16, 1]] and len(axes.lines) == 2
    low, high = axes.get_ylim()
    assert 0 < low < 0.8 and high > 2, "the marks are inside, and the differences fill the picture"
