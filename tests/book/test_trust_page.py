"""The book's page on what can go wrong says what the tests of faults say, no more and no less."""

import subprocess
import sys

import pytest
from shared import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import write_faults


def test_the_page_is_up_to_date():
    check = [sys.executable, str(ROOT / "scripts" / "write_faults.py"), "--check"]
    told = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout[-500:] + told.stderr[-500:]


def test_what_is_promised_of_a_seed_is_written_down():
    """On the CPU, on a GPU, and what is not promised."""
    page = write_faults.PAGE.read_text(encoding="utf-8")
    text = " ".join(page.partition("## The same seed, the same result")[2].partition("\n## ")[0].split())
    assert "**On the CPU**, one seed gives one result, bit for bit" in text and "any number of loader processes" in text
    assert "**On a GPU**, the same seed fixes everything that is *chosen*" in text and "What is *not* promised" in text


def test_tables_come_from_rows_and_have_their_places():
    rows = [
        write_faults.Row("Images", "cut | short", "half", "Refused; see --output.", {"inputs": 2}),
        write_faults.Row("Images", "cut | short", "a third", "Refused; see --output.", {"inputs": 1, "faults": 4}),
        write_faults.Row("Disks", "full", "filled", "Stops.", {"faults": 1, "resumed": 1}),
    ]
    found = write_faults.tables(rows)
    assert found["Images"].splitlines()[2:] == ["| Cut \\| short | Half; a third | Refused; see `--output`. |"]
    assert "| Inputs tried | 3 |" in found["counts"] and "| Faults injected | 5 |" in found["counts"]
    places = "".join(f"<!-- faults: {name} -->\nold\n<!-- end of faults -->\n" for name in found)
    page = write_faults.with_tables(places, found)
    assert "old" not in page and all(table in page for table in found.values())
    assert write_faults.with_tables(page, found) == page
    with pytest.raises(ValueError, match="Disks"):
        write_faults.with_tables(places.replace("Disks", "Other"), found)


def test_only_tests_that_pass_are_written(tmp_path):
    """A failing test of a fault leaves the page as it is."""
    for folder in ("tests", "scripts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "scripts" / "write_faults.py").write_text((ROOT / "scripts" / "write_faults.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = fault\n")
    (tmp_path / "tests" / "trust.py").write_text("import pytest\nfault = pytest.mark.fault\n")
    bad = "from trust import fault\n@fault('Images', 'a', 'b', 'c')\ndef test(): assert False\n"
    (tmp_path / "tests" / "test_bad.py").write_text(bad)
    write = [sys.executable, "scripts/write_faults.py"]
    told = subprocess.run(write, cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 1 and "the tests of faults do not pass" in told.stderr
