"""reco_book.figures.ablations: the bars stand where the paper's and the recorded numbers are."""

from dataclasses import replace

import pytest
from drawn import bars, dots, intervals, marks

from reco_book.compare import Bar
from reco_book.figures import ablations
from reco_book.seeds import Summary

BARS = [
    Bar("32", 47.39, "small/camvid/fig7a/32", {0: 30.0, 1: 32.0}),
    Bar("64", 48.96, "small/camvid/fig7a/64", {}),
    Bar("256", 49.83, "small/camvid/fig7a/256", {0: 33.0, 1: 33.5, 2: 35.5}),
]


def heights(axes):
    return [height for _, height in sorted(bars(axes))]


def test_panels_show_paper_and_records_and_mark_what_is_missing():
    figure = ablations.panels({"recorded: toyscapes": {"queries": BARS, "keys": BARS[:1]}})
    upper, _, lower, _ = figure.axes
    assert heights(upper) == [47.39, 48.96, 49.83] and heights(lower) == pytest.approx([31.0, 33.25])
    assert [cross[0][0] for cross in marks(lower, "x")] == [1]
    assert dots(lower) == [[30.0, 32.0], [33.0, 33.5]] and not dots(upper), "the seeds that both have"
    assert sorted(intervals(lower)) == [
        pytest.approx([31 - 2**0.5, 31 + 2**0.5]), pytest.approx([33.25 - 0.125**0.5, 33.25 + 0.125**0.5])
    ], "standard deviations"  # fmt: skip
    faces = {patch.get_height(): patch.get_facecolor() for patch in upper.patches}
    assert faces[47.39] != faces[49.83], "the run that all panels share stands out"
    low, high = lower.get_ylim()
    assert low < 30 and high > 33.5 and lower.get_ylabel().startswith("recorded: toyscapes")
    assert {text.get_text() for text in lower.texts} == {"31.0", "33.2"}, "axes are cut: bars carry their number"


def test_panels_without_any_record():
    figure = ablations.panels({"recorded: toyscapes": {"queries": BARS[1:2]}})
    assert not figure.axes[1].patches and [line.get_marker() for line in figure.axes[1].lines] == ["x"]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["64"]


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
    figure = ablations.differences_to_ours(paper, recorded)
    (axes,) = figure.axes
    (diamonds,) = marks(axes, "D")
    assert [x for x, _ in diamonds] == [-4.02, -0.52]
    assert dots(axes, value=0) == [[-1.0, 0.0, 1.0], [0.25]]
    (toyscapes,), (camvid,) = marks(axes, "|")
    assert (toyscapes[0], round(toyscapes[1])) == (0, 0) and (camvid[0], round(camvid[1])) == (0.25, 1)
    assert diamonds[0][1] < toyscapes[1] < camvid[1] - 1, "one below the other in a row"
    (interval,) = intervals(axes, value=0)
    assert interval == pytest.approx([-2.484, 2.484], abs=1e-3)  # t(2, 0.975) = 4.303, sd 1, three seeds
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["paper: Cityscapes, 20 labels", "toyscapes", "CamVid"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["easy queries", "bank"]
