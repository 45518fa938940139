"""Count, for book/what_can_go_wrong.md, what the tests with the mark `fault` try (see tests/trust.py).

python -m reco_book.faults           collect the tests and write the counts into the page
python -m reco_book.faults --check   does the page have these counts? (exit code 1 if not)
"""

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from reco_book import ROOT
from reco_book.tables import markdown

PAGE, LOAD = Path("book", "what_can_go_wrong.md"), Path("benchmarks", "results", "load.json")
"""Below the root."""
MARKED = re.compile(r"(<!-- faults: (.+?) -->\n).*?(<!-- end of faults -->)", re.DOTALL)
KINDS = {"inputs": "inputs tried", "faults": "faults injected", "resumed": "went on after a fault"}
"""Of counts -> title of their column."""


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Collector:
    """A plugin of pytest that keeps the group and the counts of every test of faults."""

    marks: list[tuple[str, dict[str, int]]] = field(default_factory=list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            mark = next(item.iter_markers("fault"))
            self.marks.append((mark.args[0], mark.kwargs))


def collect(root: Path = ROOT) -> Collector:
    """Collect the tests of faults below the root.

    Raises:
        SystemExit: a file of tests cannot be imported.
    """
    tests = sorted((root / "tests").rglob("test_*.py"), key=lambda path: path.name)
    files = [str(path) for path in tests if re.search(r"^from trust import", path.read_text("utf-8"), re.MULTILINE)]
    found = Collector()
    options = ["--collect-only", "-qqq", "-m", "fault", "-p", "no:cacheprovider"]
    code = pytest.main([*options, *files], plugins=[found])
    if code != pytest.ExitCode.OK:
        sys.exit(f"the tests of faults cannot be collected (pytest ends with {int(code)}): the page stays as it is")
    return found


def counts(marks: list[tuple[str, dict[str, int]]]) -> str:
    """A Markdown table: tests, inputs, faults and resumed runs of every group, and of all."""
    groups = list(dict.fromkeys(group for group, _ in marks))
    rows = []
    for name in (*groups, "all"):
        own = [numbers for group, numbers in marks if name in (group, "all")]
        rows.append([name, f"{len(own):,}", *(f"{sum(one.get(kind, 0) for one in own):,}" for kind in KINDS)])
    return markdown(["What was broken", "tests", *KINDS.values()], rows)


def long_run(long: dict) -> str:
    """What benchmarks/load.py recorded, in words."""
    later = [entry for entry in long["watched"] if entry["step"] >= long["steps"] / 10]
    return (
        f"{long['steps']:,} steps with {long['checkpoints']} checkpoints took {long['seconds'] / 60:.0f} minutes on one"
        f" core ({long['environment']['device_name']}). Over the last nine tenths, memory went from"
        f" {later[0]['memory_mb']:.0f} to {later[-1]['memory_mb']:.0f} MB, open files from"
        f" {later[0]['open_files']} to {later[-1]['open_files']}."
    )


def with_counts(page: str, root: Path, marks: list[tuple[str, dict[str, int]]]) -> str:
    """The page with everything between its markers replaced."""
    long = json.loads((root / LOAD).read_text(encoding="utf-8"))
    found = {"counts": counts(marks), "long run": long_run(long)}
    return MARKED.sub(lambda match: f"{match[1]}\n{found[match[2]]}\n\n{match[3]}", page)


def main(arguments: list[str] | None = None) -> int:
    """Write or check the page below the given folder; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, say whether the page is up to date")
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="of the source")
    given = parser.parse_args(arguments)
    path = given.root / PAGE
    page = path.read_text(encoding="utf-8")
    written = with_counts(page, given.root, collect(given.root).marks)
    if given.check and page != written:
        print(f"{PAGE} is out of date: run python -m reco_book.faults")
        return 1
    if not given.check:
        path.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
