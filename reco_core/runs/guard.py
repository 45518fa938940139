"""What protects a run: one run a folder, Ctrl-C after the step, losses watched without waiting for the device;
what an evaluation will take."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from reco_core.errors import InputError, InUse, TrainingError
from reco_core.evaluation import MOST_PIXELS, outputs
from reco_core.files import lock

LOCK = ".lock"
_held: set[int] = set()
"""File descriptors of the locks of this process."""


def _close(*handles: int) -> None:
    for handle in _held.intersection(handles):
        _held.discard(handle)
        os.close(handle)


if hasattr(os, "register_at_fork"):
    # A loader process that outlives its killed run for some seconds must not keep the folder locked.
    os.register_at_fork(after_in_child=lambda: _close(*_held))


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Keep a second run out of a folder; the system lets go of it when the process ends, in whatever way.

    Raises:
        InUse, InputError: another run is in the folder, or it cannot be written to.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            not_through_links = getattr(os, "O_NOFOLLOW", 0)  # one in its place might lead to a file that is somebody's
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | not_through_links, 0o644)
            _held.add(handle)
            stack.callback(_close, handle)
            if not lock(handle):
                owner = os.read(handle, 20).decode(errors="replace").strip()
                raise InUse(
                    f"{folder}: another run is in this folder (process {owner or 'unknown'}):"
                    " wait for its end, or choose another folder (--output)"
                )
            os.truncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        except OSError as error:
            reason = f"cannot hold a run: {error.strerror}; choose another folder (--output)"
            raise InputError(f"{folder}: {reason}") from error
        yield


class Interruption(contextlib.AbstractContextManager):
    """Notes Ctrl-C instead of breaking off in the middle of a step; a second Ctrl-C does break off.

    Python delivers signals to the main thread alone: elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *error: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what loader processes report, with tracebacks, into one line.

    Raises:
        InputError: a process met bad input, such as a file that vanished.
        TrainingError: a process was killed, or memory ran out.
    """
    try:
        yield
    except InputError as error:
        _, caught, original = str(error).rpartition("reco_core.errors.InputError: ")
        if not caught:
            raise
        raise InputError(original.strip()) from error
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "allocate memory" in str(error):
            raise TrainingError(
                "out of memory: the same command goes on from the last checkpoint; take a smaller --eval-batch-size if"
                " it happens again after the same step, else a smaller --batch-size, --crop or --size"
            ) from error
        if not str(error).startswith("DataLoader worker"):
            raise
        # The report may come at any moment, even in the middle of a step: nothing is saved here.
        raise TrainingError(
            "a process that loads images was ended from outside, often for lack of memory: the same command goes on"
            " from the last checkpoint; take a smaller --num-workers if it happens again"
        ) from error


class LossWatch:
    """Sums of the losses since the last report, and the first step in which one was not finite.

    Everything stays on the device, so that no step waits for it: the host asks where it reads values anyway, at
    reports, evaluations and checkpoints. Which images a step saw need not be kept meanwhile: they follow from seed
    and step.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, after a report."""
        self.sums: dict[str, Tensor] = {}
        self.steps = 0
        self.first: Tensor | None = None

    def add(self, step: int, losses: Mapping[str, Tensor]) -> None:
        """Count the losses (scalars) of a step."""
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0) + value.detach()
        self.steps += 1
        finite = torch.stack([value.detach().float() for value in losses.values()]).isfinite().all()
        if self.first is None:
            self.first = torch.full((), -1, device=finite.device)
        self.first = torch.where(finite | (self.first >= 0), self.first, step)

    def first_bad_step(self) -> int:
        """The first step with a loss that is not finite; -1 if there is none. Waits for the device."""
        return -1 if self.first is None else int(self.first.item())

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint: a resumed run's first report must cover the steps before it too."""
        return {"sums": dict(self.sums), "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on from a checkpoint."""
        self.sums = {name: value.to(device) for name, value in state["sums"].items()}
        self.steps = state["steps"]


def all_finite(tensors: Mapping[str, Tensor]) -> bool:
    """Whether all values of a network's state are finite. Waits for the device, once."""
    floats = [value for value in tensors.values() if value.is_floating_point()]
    return bool(torch.stack([value.isfinite().all() for value in floats]).all().item())


def memory_of(network: nn.Module, size: Sequence[int], batch_size: int = 8) -> tuple[int, int]:
    """What scoring images of a size takes, from the tensors of the layer that needs most in a picture of 64 x 64.

    Args:
        network: returns `SegmentationOutput`.
        size: height and width, pixels.
        batch_size: images at once, unless `MOST_PIXELS` allows fewer.

    Returns:
        Images at once, and roughly how many bytes beside the weights.
    """
    count, widest = max(1, min(batch_size, MOST_PIXELS // (size[0] * size[1]))), 0.0

    def note(module: nn.Module, given: Any, output: Any) -> None:
        nonlocal widest
        tensors = [part for part in (*given, output) if isinstance(part, Tensor)]
        widest = max(widest, sum(part.numel() * part.element_size() for part in tensors) / 64**2)

    small = torch.zeros(1, 3, 64, 64, device=next(network.parameters()).device)
    hooks = [module.register_forward_hook(note) for module in network.modules()]
    ((output, _),) = outputs(network, [(small[0], small[0, 0])], device=small.device)
    for hook in hooks:
        hook.remove()
    # Logits and probabilities, then class and probability; images and labels, and once more when they are stacked.
    pixel = max(2 * widest, 2 * 4 * output.logits.shape[1] + 12) + 2 * (3 * 4 + 8)
    return count, round(count * size[0] * size[1] * pixel)
