"""reco_core.figures.ablations: the bars stand where the paper's and the recorded numbers are."""

from dataclasses import replace

import pytest

from reco_book.compare import Bar
from reco_book.figures import ablations
from reco_book.seeds import Summary

BARS = [
    Bar("32", 47.39, "small/toyscapes/fig7a/32", {0: 30.0, 1: 32.0}),
    Bar("64", 48.96, "small/toyscapes/fig7a/64", {}),
    Bar("256", 49.83, "small/toyscapes/fig7a/256", {0: 33.0, 1: 33.5, 2: 35.5}),
]


def heights(axes):
    return [patch.get_height() for patch in axes.patches]


def test_panels_show_paper_and_records_and_mark_what_is_missing():
    figure = ablations.panels({"recorded: toyscapes": {"queries": BARS, "keys": BARS[:1]}})
    upper, _, lower, _ = figure.axes
    assert heights(upper) == [47.39, 48.96, 49.83] and heights(lower) == pytest.approx([31.0, 33.25])
    crosses = [line for line in lower.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == [1]
    dots = [line for line in lower.lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in dots] == [[30.0, 32.0], [33.0, 33.5]], "the seeds that both have"
    faces = [patch.get_facecolor() for patch in upper.patches]
    assert faces[0] != faces[2], "the run that all panels share stands out"
    low, high = lower.get_ylim()
    assert low < 30 and high > 33.5 and lower.get_ylabel().startswith("recorded: toyscapes")
    assert {text.get_text() for text in lower.texts} == {"31.0", "33.2"}, "axes are cut: bars carry their number"


def test_panels_without_any_record():
    figure = ablations.panels({"recorded: toyscapes": {"queries": BARS[1:2]}})
    assert not figure.axes[1].patches and [line.get_marker() for line in figure.axes[1].lines] == ["x"]


def test_bars_without_a_common_seed_keep_their_own():
    apart = [replace(BARS[0], scores={3: 30.0}), replace(BARS[2], scores={4: 33.0, 5: 34.0})]
    figure = ablations.panels({"recorded: toyscapes": {"queries": apart}})
    assert heights(figure.axes[1]) == pytest.approx([30.0, 33.5])


def test_panels_have_a_row_and_a_cut_for_every_data_set():
    higher = [replace(bar, scores={seed: 40 + score for seed, score in bar.scores.items()}) for bar in BARS]
    figure = ablations.panels({"recorded: toyscapes": {"queries": BARS}, "recorded: CamVid": {"queries": higher}})
    paper, toyscapes, camvid = figure.axes
    assert heights(toyscapes) == pytest.approx([31.0, 33.25]) and heights(camvid) == pytest.approx([71.0, 73.25])
    named = [axes.xaxis.get_major_ticks()[0].label1.get_visible() for axes in figure.axes]
    assert named == [False, False, True], "bars are named once, below the last row"
    assert toyscapes.get_ylim()[1] < 40 < 60 < camvid.get_ylim()[0]
    assert [axes.get_ylabel().split(",")[0].split("\n")[0] for axes in (paper, toyscapes, camvid)] == [
        "paper: Cityscapes", "recorded: toyscapes", "recorded: CamVid",
    ]  # fmt: skip


def test_noise_is_drawn_beside_its_slope_and_the_batches():
    figure = ablations.noise({"queries": (16, 64)}, {"queries": (0.4, 0.2)}, between_batches=0.9)
    (axes,) = figure.axes
    measured, slope, batches = axes.lines
    assert list(measured.get_ydata()) == [0.4, 0.2]
    assert list(slope.get_ydata()) == pytest.approx([0.4, 0.2])  # a quarter of the noise power is half of the noise
    assert set(batches.get_ydata()) == {0.9} and axes.get_xscale() == axes.get_yscale() == "log"


def test_differences_show_every_seed_and_the_interval():
    paper = {"easy queries": -4.02, "bank": -0.52}
    recorded = {"toyscapes": {"easy queries": Summary((-1.0, 0.0, 1.0))}, "CamVid": {"bank": Summary((0.25,))}}
    (axes,) = ablations.differences_to_ours(paper, recorded).axes
    (diamonds,) = [line for line in axes.lines if line.get_marker() == "D"]
    assert list(diamonds.get_xdata()) == [-4.02, -0.52]

    def drawn(marker):
        return [(list(line.get_xdata()), round(line.get_ydata()[0])) for line in axes.lines
                if line.get_marker() == marker and len(line.get_xdata())]  # fmt: skip

    assert drawn("o") == [([-1.0, 0.0, 1.0], 0)] and drawn("s") == [([0.25], 1)]
    intervals = [line for line in axes.lines if line.get_linewidth() == 1.4 and len(line.get_xdata()) == 2]
    (interval,) = [line for line in intervals if line.get_marker() == "None" and line.get_xdata()[0] != 0]
    assert interval.get_xdata()[0] == pytest.approx(-2.484, abs=1e-3)  # t(2, 0.975) = 4.303, sd 1, three seeds
    assert [label.get_text() for label in axes.get_yticklabels()] == ["easy queries", "bank"]
