"""Write the tables of book/what_can_go_wrong.md from the tests that carry the mark `fault` (see tests/trust.py).

    python -m reco_book.faults           run those tests; if all pass, write what they say into the page
    python -m reco_book.faults --check   only collect them: does the page say what they say? (exit code 1 if not)

A refusal is quoted as it was said when the tests ran. What the tests pin of it is less, the file, the value and the
remedy, and this is what `--check` wants of the page. The text around the tables is written by hand.
"""

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from reco_book import ROOT

PAGE, LOAD = Path("book", "what_can_go_wrong.md"), Path("benchmarks", "results", "load.json")
"""Below the root."""
MARKED = re.compile(r"(<!-- faults: (.+?) -->\n).*?(<!-- end of faults -->)", re.DOTALL)
HEAD = "| What goes wrong | How it was provoked | What happened |\n|---|---|---|\n"
ANYTHING = "…"
"""In an expected message: any words. The page shows them."""
FOREIGN = "[…]"
"""In an expected message: words of Pillow, PyTorch or the system, which differ between machines. The page shows "…"."""


def quoted(message: str, expected: str) -> str | None:
    """A message without foreign words.

    Args:
        message: as it was said.
        expected: fragments of it, with ANYTHING or FOREIGN between them.

    Returns:
        None if the message is not the expected one.
    """
    parts = re.split(f"({re.escape(FOREIGN)}|{ANYTHING})", expected)
    found = re.fullmatch(
        "".join("(.*?)" if part in (ANYTHING, FOREIGN) else re.escape(part) for part in parts), message
    )
    if found is None:
        return None
    words = iter(found.groups())
    for number, part in enumerate(parts):
        if part in (ANYTHING, FOREIGN):
            there = next(words)
            parts[number] = ANYTHING if part == FOREIGN else there
    return "".join(parts)


@dataclass(frozen=True)
class Row:
    """What one test says of itself."""

    group: str
    what: str
    how: str
    happened: str
    """As the test asserts it; a refusal's expected message stands between “ and ”."""
    counts: dict[str, int]
    said: str | None = None
    """The refusal's real message, if the test ran."""

    @property
    def shown(self) -> str:
        """What happened, with the real message in the expected one's place.

        Raises:
            ValueError: the test recorded another message than the one that it expects.
        """
        before, quote, rest = self.happened.partition("“")
        if self.said is None or not quote:
            return self.happened
        expected, _, after = rest.rpartition("”")
        message = quoted(self.said, expected)
        if message is None:
            raise ValueError(f"{self.what}: recorded {self.said!r}, expects {expected!r}")
        return f"{before}“{message}”{after}"


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Collector:
    """A plugin of pytest that keeps the marks of tests, which of them pass, and the messages that they record."""

    rows: dict[str, Row] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            mark = next(item.iter_markers("fault"))
            self.rows[item.nodeid] = Row(*mark.args, counts=mark.kwargs)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)
            said = dict(report.user_properties).get("said")
            self.rows[report.nodeid] = replace(self.rows[report.nodeid], said=said)


def collect(run: bool, root: Path = ROOT) -> Collector:
    """Collect, and perhaps run, the tests of faults below the root."""
    tests = sorted((root / "tests").rglob("test_*.py"), key=lambda path: path.name)
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


def tables(rows: list[Row], root: Path = ROOT) -> dict[str, str]:
    """Name of a place in the page -> what belongs there."""
    found = {}
    for group in dict.fromkeys(row.group for row in rows):
        # The same fault in several variants is one row if it ends the same way.
        merged: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            if row.group == group:
                merged.setdefault((row.what, row.happened), []).append(row)
        found[group] = HEAD + "\n".join(
            f"| {sentence(what)} | {sentence('; '.join(row.how for row in variants))} | {cell(variants[0].shown)} |"
            for (what, _), variants in merged.items()
        )
    total = {name: sum(row.counts.get(name, 0) for row in rows) for name in ("inputs", "faults", "resumed")}
    found["counts"] = (
        f"| Counted | Number |\n|---|---|\n| Tests | {len(rows)} |\n| Inputs tried | {total['inputs']:,} |\n"
        f"| Faults injected | {total['faults']:,} |\n"
        f"| Runs and commands that went on after a fault | {total['resumed']:,} |\n"
        "| Lost beyond the last checkpoint | none |"
    )
    found["long run"] = long_run(json.loads((root / LOAD).read_text(encoding="utf-8")))
    return found


def long_run(long: dict) -> str:
    """What benchmarks/load.py recorded, in words."""
    later = [entry for entry in long["watched"] if entry["step"] >= long["steps"] / 10]
    return (
        f"{long['steps']:,} steps with {long['checkpoints']} checkpoints took {long['seconds'] / 60:.0f} minutes on one"
        f" core of a busy machine ({long['environment']['device_name']}). Over the last nine tenths, memory went from"
        f" {later[0]['memory_mb']:.0f} to {later[-1]['memory_mb']:.0f} MB ({long['growth_mb']:+.1f}); open files from"
        f" {later[0]['open_files']} to {later[-1]['open_files']}, threads from {later[0]['threads']} to"
        f" {later[-1]['threads']}."
    )


def with_tables(page: str, found: dict[str, str]) -> str:
    """The page with everything between its markers replaced.

    Raises:
        ValueError: a table has no place in the page, or a place no table.
    """
    places = [name for _, name, _ in MARKED.findall(page)]
    if sorted(places) != sorted(found):
        raise ValueError(f"places of the page and tables differ: {sorted(set(places) ^ set(found))}")
    return MARKED.sub(lambda match: f"{match[1]}\n{found[match[2]]}\n\n{match[3]}", page)


def fits(page: str, written: str) -> bool:
    """Whether a page is what the tests say: line for line the same, but for the words that they leave open."""
    lines = page.splitlines(), written.splitlines()
    return len(lines[0]) == len(lines[1]) and all(
        there == line or quoted(there, line) is not None for there, line in zip(*lines, strict=True)
    )


def main(arguments: list[str] | None = None) -> int:
    """Write or check the page below the given folder; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, say whether the page is up to date")
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="of the source")
    given = parser.parse_args(arguments)
    found = collect(not given.check, given.root)
    rows = list(found.rows.values())
    if not given.check:
        unproven = sorted(set(found.rows) - found.passed)
        silent = sorted(name for name, row in found.rows.items() if "“" in row.happened and row.said is None)
        if unproven or silent:
            sys.exit(f"skipped here, or without the message that they quote, so not written: {unproven or silent}")
    path = given.root / PAGE
    page = path.read_text(encoding="utf-8")
    written = with_tables(page, tables(rows, given.root))
    if given.check and not fits(page, written):
        print(f"{PAGE} is out of date: run python -m reco_book.faults")
        return 1
    if not given.check:
        path.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
