"""The book's page on what can go wrong says what the tests of faults say, no more and no less."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from shared import ROOT
from trust import says

from reco_book import faults


def test_the_page_is_up_to_date():
    check = [sys.executable, "-m", "reco_book.faults", "--check"]
    told = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout[-500:] + told.stderr[-500:]


def test_what_is_promised_of_a_seed_is_written_down():
    """On the CPU, on a GPU, and what is not promised."""
    page = (ROOT / faults.PAGE).read_text(encoding="utf-8")
    text = " ".join(page.partition("## The same seed, the same result")[2].partition("\n## ")[0].split())
    assert "**On the CPU**, one seed gives one result, bit for bit" in text and "any number of loader processes" in text
    assert "**On a GPU**, the same seed fixes everything that is *chosen*" in text and "What is *not* promised" in text


def test_fragments_are_wanted_in_their_order_and_foreign_words_are_not_quoted():
    expected = "a.png: …value 7…([…]); remove it"
    assert faults.quoted("a.png: bad value 7 (at 0x7f); remove it", expected) == "a.png: bad value 7 (…); remove it"
    assert says("a.png: value 7(); remove it", expected)
    assert says("a.png: x", "a.png: x") and not says("a.png: xy", "a.png: x") and not says("b a.png: x", "a.png: x")
    for other in (
        "b.png: bad value 7 (no); remove it",
        "a.png: bad value 8 (no); remove it",
        "a.png: bad value 7 (no); keep it",
        "a.png: (no); remove it, value 7",
        "a.png: value 7 [no]; remove it",
    ):
        assert not says(other, expected), other


def test_tables_come_from_rows_and_have_their_places():
    rows = [
        faults.Row("Images", "cut | short", "half", "Refused; see --output.", {"inputs": 2}),
        faults.Row("Images", "cut | short", "a third", "Refused; see --output.", {"inputs": 1, "faults": 4}),
        faults.Row("Images", "odd", "a", "Refused: “a: …7; ([…]) remove”", {}, said="a: value 7; (x) remove"),
        faults.Row("Images", "odd", "b", "Refused: “a: …7; ([…]) remove”", {}, said="a: level 7; (y) remove"),
        faults.Row("Disks", "full", "filled", "Stops.", {"faults": 1, "resumed": 1}),
    ]
    found = faults.tables(rows)
    assert found["Images"].splitlines()[2:] == [
        "| Cut \\| short | Half; a third | Refused; see `--output`. |",
        "| Odd | A; b | Refused: “a: value 7; (…) remove” |",
    ]
    assert "| Inputs tried | 3 |" in found["counts"] and "| Faults injected | 5 |" in found["counts"]
    places = "".join(f"<!-- faults: {name} -->\nold\n<!-- end of faults -->\n" for name in found)
    page = faults.with_tables(places, found)
    assert "old" not in page and all(table in page for table in found.values())
    assert faults.with_tables(page, found) == page
    with pytest.raises(ValueError, match="Disks"):
        faults.with_tables(places.replace("Disks", "Other"), found)
    with pytest.raises(ValueError, match="another message"):
        faults.tables([faults.Row("Images", "odd", "a", "Refused: “b”", {}, said="another message")])


GOOD = """
from trust import fault
@fault('Images', 'a', 'b', 'Refused: “c: …7”', inputs=1)
def test(record_property): record_property('said', 'c: level 7')
@fault('Images', 'e', 'f', 'Read.', inputs=1)
def test_read(): pass
"""
PAGE = "".join(f"<!-- faults: {name} -->\nold\n<!-- end of faults -->\n" for name in ("Images", "counts", "long run"))


@pytest.fixture
def source(tmp_path):
    """A root with one good file of tests of faults, in a sub-folder, and a page that is old."""
    for path, text in {
        "pytest.ini": "[pytest]\nmarkers = fault\naddopts = --import-mode=importlib\n",
        "tests/room/test_good.py": GOOD,
        str(faults.PAGE): PAGE,
        str(faults.LOAD): (ROOT / faults.LOAD).read_text(),
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_check_wants_of_the_page_what_the_tests_pin():
    quoting = faults.Row("Images", "a", "b", "Refused: “c: …7”", {"inputs": 1}, said="c: level 7")
    reading = faults.Row("Images", "e", "f", "Read.", {"inputs": 1})
    written = faults.with_tables(PAGE, faults.tables([quoting, reading]))
    pinned = faults.with_tables(PAGE, faults.tables([replace(quoting, said=None), reading]))
    for before, after, fits in (
        ("level", "level", True),
        ("level", "value", True),
        ("level 7", "level 8", False),
        ("| B |", "| D |", False),
        ("Read.", "Refused.", False),
        ("| E | F | Read. |\n", "", False),
        ("| Inputs tried | 2 |", "| Inputs tried | 3 |", False),
    ):
        assert before in written
        assert faults.fits(written.replace(before, after), pinned) == fits, after


def test_the_page_is_written_and_checked(source, capsys):
    page = source / faults.PAGE
    assert faults.main(["--check", str(source)]) == 1 and page.read_text("utf-8") == PAGE
    assert "out of date" in capsys.readouterr().out
    assert faults.main([str(source)]) == 0
    assert "| A | B | Refused: “c: level 7” |\n| E | F | Read. |\n" in page.read_text("utf-8")
    assert faults.main(["--check", str(source)]) == 0


@pytest.mark.parametrize(("name", "body", "why"), [
    ("failing", "def test(): assert False", "do not pass"),
    ("skipped", "def test(): import pytest; pytest.skip('not here')", "not written"),
    ("silent", "def test(): pass", "not written"),  # says nothing of the message that the page would quote
])  # fmt: skip
def test_only_tests_that_pass_and_say_what_is_quoted_are_written(source, name, body, why):
    bad = f"from trust import fault\n@fault('Images', 'a', 'b', 'Refused: “c”')\n{body}\n"
    (source / "tests" / "room" / f"test_{name}.py").write_text(bad, encoding="utf-8")
    with pytest.raises(SystemExit, match=why):
        faults.main([str(source)])
    assert (source / faults.PAGE).read_text("utf-8") == PAGE


def test_the_long_run_is_told_from_its_record():
    found = json.loads((ROOT / faults.LOAD).read_text())
    assert f"{found['steps']:,} steps with {found['checkpoints']} checkpoints" in faults.long_run(found)
