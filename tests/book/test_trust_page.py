"""The book's page on what can go wrong counts what the tests of faults try, and says what is promised of a seed."""

import json
import subprocess
import sys

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


def test_fragments_are_wanted_in_their_order():
    expected = "a.png: …value 7…([…]); remove it"
    assert says("a.png: bad value 7 (at 0x7f); remove it", expected) and says("a.png: value 7(); remove it", expected)
    assert says("a.png: x", "a.png: x") and not says("a.png: xy", "a.png: x") and not says("b a.png: x", "a.png: x")
    for other in (
        "b.png: bad value 7 (no); remove it",
        "a.png: bad value 8 (no); remove it",
        "a.png: bad value 7 (no); keep it",
        "a.png: (no); remove it, value 7",
        "a.png: value 7 [no]; remove it",
    ):
        assert not says(other, expected), other


def test_counts_by_hand():
    marks = [("Images", {"inputs": 2}), ("Disks", {"faults": 1, "resumed": 1}), ("Images", {"inputs": 1, "faults": 4})]
    assert faults.counts(marks).splitlines()[2:] == [
        "| Images | 2 | 3 | 4 | 0 |", "| Disks | 1 | 0 | 1 | 1 |", "| all | 3 | 3 | 5 | 1 |",
    ]  # fmt: skip


GOOD = """
from trust import fault
@fault('Images', 'a', 'b', 'Read.', inputs=7)
def test(): pass
"""


@pytest.fixture
def source(tmp_path):
    """A root with one file of tests of faults, in a sub-folder, and a page that is old."""
    for path, text in {
        "pytest.ini": "[pytest]\nmarkers = fault\naddopts = --import-mode=importlib\n",
        "tests/room/test_good.py": GOOD,
        str(faults.PAGE): "<!-- faults: counts -->\nold\n<!-- end of faults -->\n",
        str(faults.LOAD): (ROOT / faults.LOAD).read_text(),
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_is_written_and_checked(source, capsys):
    page = source / faults.PAGE
    before = page.read_text("utf-8")
    assert faults.main(["--check", str(source)]) == 1 and page.read_text("utf-8") == before
    assert "out of date" in capsys.readouterr().out
    assert faults.main([str(source)]) == 0
    assert "| Images | 1 | 7 | 0 | 0 |" in page.read_text("utf-8")
    assert faults.main(["--check", str(source)]) == 0


def test_tests_that_cannot_be_imported_leave_the_page_alone(source):
    (source / "tests" / "room" / "test_bad.py").write_text("from trust import fault, nothing\n", encoding="utf-8")
    before = (source / faults.PAGE).read_text("utf-8")
    with pytest.raises(SystemExit, match="cannot be collected"):
        faults.main([str(source)])
    assert (source / faults.PAGE).read_text("utf-8") == before


def test_the_long_run_is_that_of_its_record():
    found = json.loads((ROOT / faults.LOAD).read_text())
    assert f"{found['steps']:,} steps with {found['checkpoints']} checkpoints" in faults.long_run(found)
