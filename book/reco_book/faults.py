"""Write the tables of book/what_can_go_wrong.md from the tests that carry the mark `fault` (see tests/trust.py).

    python scripts/write_faults.py           run those tests; if all pass, write what they say into the page
    python scripts/write_faults.py --check   only collect them: does the page say what they say? (exit code 1 if not)

The text around the tables is written by hand.
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

ROOT = Path(__file__).resolve().parent.parent
PAGE, LOAD = ROOT / "book" / "what_can_go_wrong.md", ROOT / "benchmarks" / "results" / "load.json"
MARKED = re.compile(r"(<!-- faults: (.+?) -->\n).*?(<!-- end of faults -->)", re.DOTALL)
HEAD = "| What goes wrong | How it was provoked | What happened |\n|---|---|---|\n"


@dataclass(frozen=True)
class Row:
    """What one test says of itself."""

    group: str
    what: str
    how: str
    happened: str
    counts: dict[str, int]


@dataclass
class Collector:
    """A plugin of pytest that keeps the marks of the tests that it collects, and notes which tests pass."""

    rows: dict[str, Row] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            mark = next(item.iter_markers("fault"))
            self.rows[item.nodeid] = Row(*mark.args, counts=mark.kwargs)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


def collect(run: bool) -> Collector:
    """Collect, and perhaps run, the tests of faults."""
    tests = sorted((ROOT / "tests").glob("test_*.py"))
    files = [str(path) for path in tests if re.search(r"^from trust import", path.read_text("utf-8"), re.MULTILINE)]
    found = Collector()
    options = [] if run else ["--collect-only", "-qq"]
    code = pytest.main([*options, "-q", "-m", "fault", "-p", "no:cacheprovider", *files], plugins=[found])
    if code != pytest.ExitCode.OK:
        sys.exit(f"the tests of faults do not pass (pytest ends with {int(code)}): the page stays as it is")
    return found


def cell(text: str) -> str:
    """Text for a cell of a Markdown table: options as code, so that their hyphens stay hyphens."""
    for sign, escaped in (("\\", "\\\\"), ("|", "\\|"), ("\n", " ")):
        text = text.replace(sign, escaped)
    return re.sub(r"(?<![`\w-])(--[a-z][a-z-]+)(?!`)", r"`\1`", text)


def sentence(text: str) -> str:
    """A cell that begins with a capital, unless it begins with a name from the code."""
    return cell(re.sub(r"^[a-z]+(?=[ ,;']|$)", lambda word: word[0].capitalize(), text))


def tables(rows: list[Row]) -> dict[str, str]:
    """Name of a place in the page -> what belongs there."""
    found = {}
    for group in dict.fromkeys(row.group for row in rows):
        # The same fault in several variants is one row if it ends the same way.
        merged: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            if row.group == group:
                merged.setdefault((row.what, row.happened), []).append(row.how)
        found[group] = HEAD + "\n".join(
            f"| {sentence(what)} | {sentence('; '.join(how))} | {cell(happened)} |"
            for (what, happened), how in merged.items()
        )
    total = {name: sum(row.counts.get(name, 0) for row in rows) for name in ("inputs", "faults", "resumed")}
    found["counts"] = (
        f"| Counted | Number |\n|---|---|\n| Tests | {len(rows)} |\n| Inputs tried | {total['inputs']:,} |\n"
        f"| Faults injected | {total['faults']:,} |\n"
        f"| Runs and commands that went on after a fault | {total['resumed']:,} |\n"
        "| Lost beyond the last checkpoint | none |"
    )
    long = json.loads(LOAD.read_text(encoding="utf-8"))
    later = [entry for entry in long["watched"] if entry["step"] >= long["steps"] / 10]
    found["long run"] = (
        f"{long['steps']:,} steps with {long['checkpoints']} checkpoints took {long['seconds'] / 60:.0f} minutes on one"
        f" core of a busy machine ({long['environment']['device_name']}). Over the last nine tenths, memory went from"
        f" {later[0]['memory_mb']:.0f} to {later[-1]['memory_mb']:.0f} MB ({long['growth_mb']:+.1f}); open files from"
        f" {later[0]['open_files']} to {later[-1]['open_files']}, threads from {later[0]['threads']} to"
        f" {later[-1]['threads']}."
    )
    return found


def with_tables(page: str, found: dict[str, str]) -> str:
    """The page with everything between its markers replaced.

    Raises:
        ValueError: a table has no place in the page, or a place no table.
    """
    places = [name for _, name, _ in MARKED.findall(page)]
    if sorted(places) != sorted(found):
        raise ValueError(f"places of the page and tables differ: {sorted(set(places) ^ set(found))}")
    return MARKED.sub(lambda match: f"{match[1]}\n{found[match[2]]}\n\n{match[3]}", page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, say whether the page is up to date")
    check = parser.parse_args().check
    found = collect(run=not check)
    unproven = set(found.rows) - found.passed
    if unproven and not check:
        sys.exit(f"skipped here, so not written: {', '.join(sorted(unproven))}")
    page = PAGE.read_text(encoding="utf-8")
    written = with_tables(page, tables(list(found.rows.values())))
    if check and written != page:
        print(f"{PAGE.relative_to(ROOT)} is out of date: run scripts/write_faults.py")
        return 1
    if not check:
        PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
