"""Checkpoints: whole or absent, loaded without executing anything, with the one before kept as a spare."""

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from reco_core.errors import InputError, one_line
from reco_core.files import atomic_write

NAME, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> Path:
    """Write `folder/checkpoint.pt`; the one that was there becomes `checkpoint.previous.pt`.

    Raises:
        InputError: it cannot be written; both stay as they were.
    """
    current = Path(folder) / NAME
    atomic_write(current, lambda file: torch.save(state, file), keep=Path(folder) / PREVIOUS)
    return current


def remove_unfinished(folder: Path) -> None:
    """Delete what runs that were killed while they wrote a checkpoint left in `folder`; only for its one run."""
    for path in Path(folder).glob(f".{NAME}.*"):
        path.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted (`weights_only=True`).

    Raises:
        InputError: missing, truncated, or not one of ours.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such checkpoint; train one with `reco train`")
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load alone does not notice every damaged byte
            damaged = archive.testzip()
        if damaged is not None:
            raise InputError(f"{path}: damaged at {damaged}; use another checkpoint")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes the readers of zip and pickle fail in any way
        raise InputError(f"{path}: not a checkpoint or cut short ({one_line(error)}); use another one") from error
    if not isinstance(state, dict) or not {"config", "network"} <= set(state):
        raise InputError(f"{path}: not a checkpoint of `reco train`; use another one")
    return state


def load_latest(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint of a run's folder; None if it has none.

    Raises:
        InputError: if there are checkpoints and none is whole.
    """
    problem: InputError | None = None
    for path in (Path(folder) / name for name in (NAME, PREVIOUS)):
        try:
            if os.path.lexists(path):
                return load_checkpoint(path)
        except InputError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return None
