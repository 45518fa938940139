"""What the tests of trust share: a mark that tells what a test tries, and what counts as a refusal.

Every test of a fault carries `fault(...)`. The book's page "What can go wrong" is written from these marks by
scripts/write_faults.py, and only from those of tests that pass; so what the page says has been asserted.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TinyScenes

from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.errors import InputError
from reco_core.trainers import Trainer

ANYTHING = "…"
"""In an expected message: words of Pillow, PyTorch or the system, which differ between versions."""


def fault(group: str, what: str, how: str, happened: str, **counts: int) -> pytest.MarkDecorator:
    """A row of the page.

    Args:
        group: heading of the table.
        what: goes wrong.
        how: it was provoked.
        happened: as the test asserts it.
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
    """The message of the refusal, without the folder, or how it was read."""
    expected: Any = None
    """What is read; None if it is refused."""


def each(group: str, cases: Iterable[Case]) -> pytest.MarkDecorator:
    """One test a case, each a row of the page."""
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


def says(message: str, expected: str) -> bool:
    """Whether a message is the expected one, whatever stands for ANYTHING."""
    pattern = ".*".join(re.escape(part) for part in expected.split(ANYTHING))
    return re.fullmatch(pattern, message) is not None


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


TINY = TrainConfig(
    method="reco+classmix",
    data=DataConfig(dataset="tiny", crop=(32, 32), scale=(1.0, 1.0), num_labelled=2),
    model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=16, width=16),
    optimisation=OptimisationConfig(iterations=6, batch_size=2, learning_rate=0.05),
    reco=ReCoConfig(num_queries=16, num_keys=16),
    weak_threshold=0.0,
    eval_every=3,
    log_every=2,
    checkpoint_every=2,
    accelerator="cpu",
)
"""A run of a second."""


DATA = ("num_labelled", "partial_labels", "crop")


def tiny_run(folder: Path | None = None, data: Any = None, reporter: Any = None, **changes: Any) -> Trainer:
    """A trainer on tiny scenes; `changes` of its configuration, `iterations` and such of its parts among them."""
    own = {name: changes.pop(name) for name in ("iterations", "batch_size", "learning_rate") if name in changes}
    labels = replace(TINY.data, **{name: changes.pop(name) for name in DATA if name in changes})
    options = replace(TINY, data=labels, optimisation=replace(TINY.optimisation, **own), **changes)
    data = data if data is not None else TinyScenes()
    return Trainer(options, folder, train=data, val=data, test=data, reporter=reporter)


def weights(run: Trainer) -> torch.Tensor:
    """All of a run's weights in a row."""
    return torch.cat([value.double().flatten() for value in run.state()["network"].values()])


def lasting(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what differs between two runs of the same configuration: duration, workers, revision."""
    settings = {**record["config"], "num_workers": None}
    return json.loads(json.dumps({**record, "config": settings, "seconds": None, "revision": None}))


class Hook:
    """A reporter that does something when a step is reported (log_every steps apart)."""

    def __init__(self, step: int, action: Callable[[], Any]) -> None:
        self.step, self.action = step, action

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        if step == self.step:
            self.action()

    def on_scores(self, step: int, scores: Any) -> None: ...
