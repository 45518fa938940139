"""Trust: many steps without growth in memory, open files or threads, in small; the long run is benchmarks/load.py."""

import importlib.util
import json
import mmap

import pytest
from shared import ROOT
from trust import fault

_file = importlib.util.spec_from_file_location("load", ROOT / "benchmarks" / "load.py")
load = importlib.util.module_from_spec(_file)
_file.loader.exec_module(load)

LOAD = "Load"
needs_proc = pytest.mark.skipif(not load.STATUS.exists(), reason="needs the system's own account of a process")


@needs_proc
@fault(LOAD, "120 steps in small", "memory, open files and threads of the process, read every 10 steps",
       "No file and no thread more than after 40 steps, and less than 32 MB of memory.", inputs=120)  # fmt: skip
def test_steps_do_not_grow(counted):
    watched = load.run(steps=counted("inputs"), every=10)
    later = [entry for entry in watched if entry["step"] >= 40]
    assert len(later) == 9 and later[-1]["step"] == counted("inputs")
    assert {entry["open_files"] for entry in later} == {later[0]["open_files"]}
    assert {entry["threads"] for entry in later} == {later[0]["threads"]}
    assert max(entry["memory_mb"] for entry in later) - later[0]["memory_mb"] < 32


@needs_proc
def test_growth_is_noticed(tmp_path):
    """The measurement sees an open file and 40 MB that are kept."""
    before = load.measure(0)
    kept = open(tmp_path / "kept", "w"), mmap.mmap(-1, 40_000_000)  # pages of its own: a heap may have room to spare
    for place in range(0, len(kept[1]), mmap.PAGESIZE):
        kept[1][place] = 1
    after = load.measure(1)
    assert after["open_files"] == before["open_files"] + 1
    assert 35 < after["memory_mb"] - before["memory_mb"] < 60 and len(kept) == 2
    for part in kept:
        part.close()


def test_the_recorded_long_run_did_not_grow():
    """What the book says of the long run, from its record: growth over the last nine tenths."""
    found = json.loads((ROOT / "benchmarks" / "results" / "load.json").read_text())
    entries = found["watched"]
    later = [entry for entry in entries if entry["step"] >= found["steps"] / 10]
    assert entries[-1]["step"] == found["steps"] >= 5_000 and len(later) >= 18
    assert {entry["open_files"] for entry in later} == {later[0]["open_files"]}
    assert {entry["threads"] for entry in later} == {later[0]["threads"]}
    assert found["growth_mb"] == pytest.approx(later[-1]["memory_mb"] - later[0]["memory_mb"], abs=0.1)
    assert found["growth_mb"] < 32
