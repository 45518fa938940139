"""What a run remembers: reports, scores, checkpoints and its record. The training itself is in `trainers.py`."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from lightning_fabric import Fabric
from torch import Tensor

from reco_core import config
from reco_core.adversarial import Adversary
from reco_core.checkpoints import load_latest, remove_unfinished, save_checkpoint
from reco_core.config import TrainConfig
from reco_core.errors import InputError, TrainingError, one_line
from reco_core.evaluation import Scores, evaluate
from reco_core.files import atomic_write
from reco_core.guard import Interruption, LossWatch, all_finite
from reco_core.labels import LabelledSplit
from reco_core.losses import RegionalContrastLoss
from reco_core.models import SegmentationNetwork
from reco_core.reporting import Reporter
from reco_core.results import make_record
from reco_core.teacher import MeanTeacher


def snapshot(network: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of a network's state, in main memory."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


class Bookkeeping:
    """The part of a `Trainer` that does not train. With several processes, each scores its share of the images."""

    options: TrainConfig
    folder: Path | None
    fabric: Fabric
    reporter: Reporter
    train: Any
    val: Any
    test: Any
    split: LabelledSplit
    student: torch.nn.Module
    optimiser: torch.optim.Optimizer
    teacher: MeanTeacher | None
    adversary: Adversary | None
    contrast: RegionalContrastLoss | None
    revision: str | None
    weights: str | None

    def _start(self) -> None:
        self.step, self.seconds = 0, 0.0
        self.best: dict[str, Any] = {"step": 0, "miou": -1.0}
        self.best_state: dict[str, Tensor] | None = None
        self.history: list[dict[str, Any]] = []
        self.watch = LossWatch()
        self._clock = time.perf_counter()

    @property
    def network(self) -> SegmentationNetwork:
        """The network that is evaluated: the teacher's where there is one (published experiments), else the student."""
        return self.teacher.network if self.teacher is not None else self.student.module

    def _report(self) -> None:
        self._check_losses()
        losses = {
            name: self.fabric.all_reduce(value / self.watch.steps, reduce_op="mean").item()
            for name, value in self.watch.sums.items()
        }
        self.watch.clear()
        self.history.append({"step": self.step, **{name: round(value, 6) for name, value in losses.items()}})
        self.reporter.on_losses(self.step, losses)

    def batch_of(self, step: int) -> dict[str, dict[str, Any]]:
        """What step 0, 1, ... trains on, read again.

        Returns:
            "labelled" and, if the method uses them, "unlabelled" -> "names" of the images, "images" (B, 3, H, W) and
            "labels" (B, H, W), as the loader gives them.
        """
        raise NotImplementedError

    def _check_losses(self) -> None:
        """Stop the run if a loss was not finite since the last report."""
        own = self.watch.first_bad_step()
        first = own
        if self.fabric.world_size > 1:
            steps = self.fabric.all_gather(torch.tensor(own, device=self.fabric.device)).tolist()
            first = min((step for step in steps if step >= 0), default=-1)
        if first >= 0:
            values = {name: value.item() for name, value in self.watch.sums.items()}
            name = next((name for name, value in values.items() if not abs(value) < float("inf")), "total")
            self._stop(f"the {name} loss became {values.get(name, float('nan'))}", first, mine=own == first)

    def _stop(self, what: str, step: int, when: str = "in", mine: bool = True) -> NoReturn:
        """Raise an error that names the step and its images, after keeping the batch in the run's folder."""
        where = f"{what} {when} step {step + 1}"
        advice = f"lower the learning rate ({self.options.optimiser.learning_rate})"
        if self.options.precision != "32-true":
            advice += ", or use --precision 32-true"
        if mine:
            try:
                batch = self.batch_of(step)
            except InputError as error:
                advice += f"; its batch cannot be read again: {error}"
            else:
                where += f" ({'; '.join(kind + ': ' + ', '.join(part['names']) for kind, part in batch.items())})"
                if self.folder is not None:
                    path = self.folder / f"failed-step-{step + 1}.pt"
                    content = {"step": step + 1, "config": config.to_dict(self.options), **batch}
                    try:
                        atomic_write(path, lambda file: torch.save(content, file))
                        advice += f"; its batch is kept in {path}"
                    except InputError as error:  # a full disk must not hide what went wrong first
                        advice += f"; its batch could not be kept: {error}"
        raise TrainingError(f"{where}: {advice}")

    def _asked_to_stop(self, interruption: Interruption) -> bool:
        """Whether Ctrl-C was pressed; several processes agree on it, at reports, where they wait for each other."""
        if self.fabric.world_size == 1:
            return interruption.asked
        if self.step % self.options.log_every:
            return False
        asked = torch.tensor(float(interruption.asked), device=self.fabric.device)
        return bool(self.fabric.all_reduce(asked, reduce_op="sum").item())

    def _share_statistics(self) -> None:
        """Give all processes one network: batch statistics differ between them until they are averaged."""
        if self.fabric.world_size == 1:
            return
        for module in (self.student.module, self.teacher):
            for buffer in module.buffers() if module is not None else ():
                if buffer.is_floating_point():
                    buffer.copy_(self.fabric.all_reduce(buffer, reduce_op="mean"))

    def _score(self, data: Any) -> Scores:
        return evaluate(self.network, data, device=self.fabric.device, fabric=self.fabric)

    def _evaluate(self) -> None:
        self._check_losses()
        self._share_statistics()
        scores = self._score(self.val)
        self.history.append({"step": self.step, "miou": round(scores.miou, 6)})
        if scores.miou > self.best["miou"]:
            self.best = {"step": self.step, "miou": scores.miou}
            self.best_state = snapshot(self.network)
        self.reporter.on_scores(self.step, scores)

    def finish(self) -> dict[str, Any]:
        """Score the last and the best network on the test split and make the record."""
        self._share_statistics()
        val = self._score(self.val)
        test = {}
        if self.test is not None:
            test["last"] = self._score(self.test).as_dict()
            last_state = snapshot(self.network)
            self.network.load_state_dict(self.best_state)
            test["best"] = self._score(self.test).as_dict()
            self.network.load_state_dict(last_state)
        return make_record(
            self.options, self.split, test, val.as_dict(), self.best, self.history, self.train.classes, self.seconds,
            str(self.fabric.device), self.revision, self.weights,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything that the run needs to go on; random states are not in it, they follow from seed and step."""
        parts = {"teacher": self.teacher, "adversary": self.adversary, "contrast": self.contrast}
        return {
            "config": config.to_dict(self.options),
            "classes": list(self.train.classes),
            "palette": [list(colour) for colour in self.train.palette],
            "labelled": list(self.split.names),
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "best": self.best,
            "network": self.network.state_dict(),
            "best_network": self.best_state,
            "losses": self.watch.state_dict(),
            "student": self.student.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            **{name: part.state_dict() if part is not None else None for name, part in parts.items()},
        }

    def save(self) -> None:
        """Write the checkpoint into the run's folder (the first process does).

        Raises:
            TrainingError: a loss or a weight is not finite: such a state would replace one to go on from.
            InputError: it cannot be written.
        """
        self._check_losses()
        now = time.perf_counter()
        self.seconds, self._clock = self.seconds + now - self._clock, now
        self._share_statistics()
        # A teacher can break alone: its labels then count for nothing, and the losses stay finite.
        if not all(all_finite(network.state_dict()) for network in {self.student.module, self.network}):
            self._stop("the weights became infinite or NaN", self.step - 1, "in or before")
        if self.fabric.world_size > 1:
            sums = self.watch.sums
            self.watch.sums = {name: self.fabric.all_reduce(value, reduce_op="mean") for name, value in sums.items()}
        if self.fabric.is_global_zero and self.folder is not None:
            save_checkpoint(self.folder, self.state())
        self.fabric.barrier()

    def _resume(self) -> None:
        self._clock = time.perf_counter()
        if self.folder is not None and self.fabric.is_global_zero:
            remove_unfinished(self.folder)
        state = load_latest(self.folder) if self.folder is not None else None
        if state is None:
            return
        kept = config.from_dict(TrainConfig, state["config"], str(self.folder))
        try:
            self._go_on_from(state, kept)
        except InputError:
            raise
        except Exception as error:  # parts are missing, or of another version
            raise InputError(
                f"{self.folder}: the parts of its checkpoint do not fit this run ({one_line(error)});"
                " choose another folder, or delete this one"
            ) from error

    def _go_on_from(self, state: dict[str, Any], kept: TrainConfig) -> None:
        if _what_decides(kept) != _what_decides(self.options):
            raise InputError(
                f"{self.folder}: holds a run with another configuration: choose another folder, or delete this one"
            )
        if tuple(state["labelled"]) != self.split.names:
            raise InputError(f"{self.folder}: was trained with other labelled images: choose another folder")
        self.step, self.seconds = state["step"], float(state["seconds"])
        self.history, self.best, self.best_state = list(state["history"]), state["best"], state["best_network"]
        total = self.options.optimiser.iterations
        if self.step not in range(total + 1) or (self.step == total and self.best_state is None):
            raise ValueError(f"step {self.step} of {total}")
        for tensors in (state["network"], self.best_state):
            if tensors is not None:  # no evaluation yet
                _same_shapes(tensors, self.network.state_dict())
        self.student.module.load_state_dict(state["student"])
        self.optimiser.load_state_dict(state["optimiser"])
        if "losses" in state:
            self.watch.load_state_dict(state["losses"], self.fabric.device)
        for name in ("teacher", "adversary", "contrast"):
            if getattr(self, name) is not None:
                getattr(self, name).load_state_dict(state[name])


def _same_shapes(tensors: dict[str, Tensor], own: dict[str, Tensor]) -> None:
    """Refuse a stored network that is not needed before the end, while it can still be said."""
    if {name: value.shape for name, value in tensors.items()} != {name: value.shape for name, value in own.items()}:
        raise ValueError("another network")


def _what_decides(options: TrainConfig) -> TrainConfig:
    """A configuration without what does not change the result: a run may go on with other workers, or elsewhere."""
    return replace(options, num_workers=0, data=replace(options.data, root=None))
