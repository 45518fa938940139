"""reco_book.figures.museum: a filled disc for each broken property."""

from matplotlib.colors import to_hex

from reco_book.figures.museum import caught_by
from reco_book.figures.style import COLOURS


def test_discs_stand_where_a_property_is_broken():
    found = {"right": {"one": False, "two words": False}, "wrong": {"one": True, "two words": False}}
    axes = caught_by(found).axes[0]
    filled = [
        line.get_xydata()[0].tolist() for line in axes.lines if to_hex(line.get_color()) == COLOURS["red"].lower()
    ]
    assert filled == [[0, 1]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["right", "wrong"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["one", "two\nwords"]
