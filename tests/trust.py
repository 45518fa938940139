"""What the tests of trust share: a mark that tells what a test tries, and what counts as a refusal.

Every test of a fault carries `fault(...)`. The book's page "What can go wrong" counts these marks
(`python -m reco_book.faults`); `pytest -m fault -v` runs them all.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from shared import TINY, TinyScenes

from reco_core.cli.main import main
from reco_core.errors import InputError
from reco_core.runs.records import About, Best, Record, RecordedScores, SplitUsed, StudentScores


def fault(group: str, what: str, how: str, happened: str, **counts: int) -> pytest.MarkDecorator:
    """What a test of a fault tries.

    Args:
        group: what is broken, a row of the page's counts.
        what: goes wrong.
        how: it was provoked.
        happened: as the test asserts it. An expected message stands between “ and ”, as of `says`.
        counts: inputs (tried), faults (injected), resumed (runs that went on after a fault).
    """
    return pytest.mark.fault(group, what, how, happened, **counts)


@dataclass(frozen=True)
class Case:
    """One input of a reader."""

    what: str
    how: str
    make: Callable[..., Any]
    """Puts it there; is given the folder."""
    happened: str
    """How it was read, or what is pinned of the refusal, without the folder: the file, the value and the remedy, with
    "…" for any words between them, and "[…]" for words of Pillow, PyTorch or the system."""
    expected: Any = None
    """What is read; None if it is refused."""


def each(group: str, cases: Iterable[Case]) -> pytest.MarkDecorator:
    """One test a case."""
    parameters = []
    for case in cases:
        told = case.happened if case.expected is not None else f"Refused: “{case.happened}”"
        marks = fault(group, case.what, case.how, told, inputs=1)
        parameters.append(pytest.param(case, marks=marks, id=re.sub(r"\W+", "-", case.what)))
    return pytest.mark.parametrize("case", parameters)


def refusal(action: Callable[[], Any], folder: Path) -> str:
    """The message with which `action` refuses, one line, without `folder`."""
    with pytest.raises(InputError) as caught:
        action()
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and "Traceback" not in message
    return message.replace(f"{folder}/", "").replace(str(folder), "FOLDER")


def refused(arguments: Iterable[Any], capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """The last line that a command tells on standard error, without "reco: ", when it ends with this code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    assert end.value.code == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    last = told.strip().splitlines()[-1]
    assert last.startswith("reco: "), told
    return last.removeprefix("reco: ")


def says(message: str, expected: str) -> bool:
    """Whether a message has the expected fragments, in their order, and other words only where "…" or "[…]" stands."""
    parts = re.split(r"\[…\]|…", expected)
    return re.fullmatch(".*?".join(map(re.escape, parts)), message) is not None


def tree(folder: Path) -> dict[str, Any]:
    """All files below a folder with their sizes and times: equal trees mean that nothing was written."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() or path.is_symlink()
    }


def same(found: Any, expected: Any) -> bool:
    """Equality of tensors, of tuples that hold some, and of plain values."""
    if isinstance(expected, torch.Tensor):
        return found.shape == expected.shape and torch.equal(found, expected)
    if isinstance(expected, tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    return found == expected


def check(case: Case, action: Callable[[], Any], folder: Path) -> None:
    """The case is read rightly, or refused as it says; nothing is written, neither in the folder nor beside it."""
    before = tree(folder.parent)
    if case.expected is None:
        message = refusal(action, folder)
        assert says(message, case.happened), message
    else:
        assert same(action(), case.expected)
    assert tree(folder.parent) == before


SCORES = RecordedScores(
    miou=0.5, pixel_accuracy=2 / 3, iou=(0.5, None, 0.5), confusion=((4, 0, 2), (0, 0, 0), (2, 0, 4)),
    confident_share=0.25, confident_accuracy=1.0,
)  # fmt: skip
RECORD = Record(
    about=About("tiny/2", None, None, TINY.method, TINY.seed, TINY, {"device": "cpu"}, None),
    split=SplitUsed("0123456789abcdef", ("scene00", "scene01"), 6, ()),
    classes=TinyScenes.classes,
    val=SCORES,
    test=SCORES,
    best=Best(step=3, miou=0.625),
    history=({"step": 3, "supervised": 1.5}, {"step": 3, "miou": 0.625}, {"step": 6, "miou": 0.5}),
    seconds=1.5,
    student=StudentScores(SCORES, SCORES),
    unlabelled=SCORES,
)
"""As a run on tiny scenes leaves it."""


def as_line(record: Record) -> dict[str, Any]:
    """A record as it stands in a file of JSON lines."""
    return dataclasses.asdict(record)


def lasting(record: Record) -> Record:
    """A record without what differs between two runs of the same configuration: duration, workers, revision."""
    about = replace(record.about, config=replace(record.config, num_workers=0), revision=None)
    return replace(record, about=about, seconds=0.0)


class Hook:
    """A reporter that does something when a step is reported (log_every steps apart)."""

    def __init__(self, step: int, action: Callable[[], Any]) -> None:
        self.step, self.action = step, action

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        if step == self.step:
            self.action()

    def on_scores(self, step: int, scores: Any) -> None: ...
