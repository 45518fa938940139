"""How tests break runs and commands: processes that die, full disks, archives; and a run that nothing disturbs."""

import functools
import io
import multiprocessing
import os
import signal
import tempfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from shared import TinyScenes, tiny_run, weights
from trust import lasting

from reco_core.runs.records import Record
from reco_core.runs.session import Session

FORK = multiprocessing.get_context("fork")


def in_child(action: Callable[[], Any]) -> int | None:
    """Run `action` in a process of its own; returns its exit code."""
    process = FORK.Process(target=action)
    process.start()
    process.join()
    return process.exitcode


def die(*_: Any, **__: Any) -> None:
    """What kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_in(seconds: float) -> None:
    """Die after some seconds, whatever the process does then."""
    threading.Timer(seconds, die).start()


FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs the system's device that is always full")
_mkstemp = tempfile.mkstemp


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file that is written whole land on a device that has no room, as the system itself says it."""

    def make(dir: Path, prefix: str) -> tuple[int, str]:
        handle, name = _mkstemp(dir=dir, prefix=prefix)
        os.close(handle)
        return os.open(FULL, os.O_WRONLY), name

    monkeypatch.setattr(tempfile, "mkstemp", make)


INNER = "master/Tiny"
FILES = {f"{INNER}/train/{number}.png": bytes([number]) * 3000 for number in range(4)}


def archive(files: dict[str, bytes] = FILES, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file of a data set."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


class Large:
    """The tiny scenes as `convert` reads a data set that is to be reduced."""

    split, size, names = "train", (32, 32), TinyScenes().names

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, label = TinyScenes()[index]
        return (255 * image).byte(), label


@functools.cache
def undisturbed() -> tuple[Record, torch.Tensor]:
    """A run that nothing disturbs: its record and its weights."""
    run = tiny_run()
    return lasting(run.run()), weights(run)


def finished(folder: Path, **changes: Any) -> Session:
    """A session on tiny scenes that must not train any more: a step would be an error."""
    run = tiny_run(folder, **changes)
    run.trainer.training_step = None
    return run


def goes_on(folder: Path, whole: tuple[Record, torch.Tensor], **changes: Any) -> Session:
    """The same command again ends with the record and the weights of the undisturbed run, bit for bit."""
    run = tiny_run(folder, **changes)
    record = lasting(run.run())
    kept = replace(record.config, checkpoint_every=whole[0].config.checkpoint_every)
    record = replace(record, about=replace(record.about, config=kept))
    assert record == whole[0] and torch.equal(weights(run), whole[1])
    return run
