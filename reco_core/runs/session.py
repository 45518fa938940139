"""A trainer at work in a folder: checkpoints, scores, record, resuming, locks and Ctrl-C round its steps."""

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor

from reco_core import config
from reco_core.backbones import NORMALISATIONS, Named
from reco_core.config import TrainConfig
from reco_core.datasets.inventory import left_out
from reco_core.datasets.streams import check_scored, load_split
from reco_core.errors import InputError, Interrupted, TrainingError, one_line
from reco_core.evaluation import Scores, evaluate
from reco_core.models import SegmentationNetwork
from reco_core.runs.checkpoints import load_latest, remove_unfinished, save_checkpoint
from reco_core.runs.guard import Interruption, LossWatch, all_finite, folder_lock, memory_of, readable_errors
from reco_core.runs.records import (
    About,
    Best,
    Record,
    RecordedScores,
    SplitUsed,
    StudentScores,
    environment,
    source_revision,
    weights_digest,
)
from reco_core.trainers import Trainer

MAY_DIFFER = ("root", "num_workers", "accelerator", "log_every", "eval_batch_size", "checkpoint_every")
"""Options that do not change a run's result (another device rounds differently): a run may go on with others."""
JUDGED = 500
"""Unlabelled images on which a run's pseudo-labels are compared with the truth, at most."""


class Reporter(Protocol):
    """Hears how a run goes; the library itself never prints."""

    def on_note(self, text: str) -> None:
        """What a person should know, in a line."""

    def on_losses(self, step: int, losses: dict[str, float]) -> None:
        """Mean losses since the last report; `step` steps are done."""

    def on_scores(self, step: int, scores: Scores) -> None:
        """Scores on the evaluation split after `step` steps."""


class Session:
    """Runs a trainer to its end, or on from the last checkpoint in `folder`, and makes its record.

    With several processes, each scores its share of the images, and the first one writes.

    Args:
        trainer: of the run.
        folder: where checkpoints go; None keeps nothing.
        val, test: data sets; by default those that the configuration names. A run without a test split has no test.
        reporter: hears losses and scores.
        recipe: the named recipe whose configuration this is, for the record.
        preset: of the recipe.

    Raises:
        InputError: a split that is not there, cannot be read or has other classes or no labels.
    """

    def __init__(
        self,
        trainer: Trainer,
        folder: Path | None = None,
        val: Any = None,
        test: Any = None,
        reporter: Reporter | None = None,
        recipe: str | None = None,
        preset: str | None = None,
    ) -> None:
        self.trainer, self.options, self.fabric = trainer, trainer.options, trainer.fabric
        self.folder = Path(folder) if folder is not None else None
        self.reporter = reporter
        data = self.options.data
        self.val = val if val is not None else load_split(self.options, data.eval_split)
        self.test = test
        if test is None and data.test_split is not None:
            self.test = load_split(self.options, data.test_split)
        scored = {id(part): part for part in (self.val, self.test) if part is not None}.values()
        largest = max((check_scored(part, trainer.train.classes) for part in scored), key=math.prod)
        self.eval_memory = memory_of(trainer.network, largest, self.options.eval_batch_size)
        """Images that are scored at once, and roughly how many bytes it takes."""
        self.left_out = left_out(trainer.train, *scored)
        # Revision and weights as they are now: by the end of the run other files may lie there.
        model = self.options.model
        used = replace(model, normalisation=normalisation_of(trainer.network) if model.weights else model.normalisation)
        self.about = About.of(
            replace(self.options, model=used), recipe, preset, weights_digest(model.weights),
            environment(self.fabric.device), source_revision(),
        )  # fmt: skip
        self.seconds = 0.0
        self.best = Best(step=0, miou=0.0)  # of no network yet
        self.best_state: dict[str, Tensor] | None = None
        self.scored: tuple[int, Scores | None] = -1, None
        """Step of the last evaluation, and its scores."""
        self.history: list[dict[str, float]] = []
        self.watch = LossWatch()
        self._clock = time.perf_counter()

    def run(self) -> Record:
        """Train to the end and return the run's record; with a folder, go on from its checkpoint if it has one.

        Raises:
            InputError: bad input, such as an image that vanished, a folder that cannot be written to, or one in which
                another run is at work.
            TrainingError: a loss that is not finite, or a loader process that was killed.
            Interrupted: Ctrl-C, after the step is done and saved.
        """
        alone = folder_lock(self.folder) if self.folder and self.fabric.is_global_zero else nullcontext()
        with alone, readable_errors():
            self._resume()
            with Interruption() as interruption:
                self._train(interruption)
            return self._record()

    def _train(self, interruption: Interruption) -> None:
        trainer, options, total = self.trainer, self.options, self.options.optimisation.iterations
        if self._due() and not any(entry["step"] == trainer.step and "miou" in entry for entry in self.history):
            self._evaluate()  # the run was broken off in this evaluation
        for losses in trainer.steps():
            self.watch.add(trainer.step - 1, losses)
            last = trainer.step == total
            if trainer.step % options.log_every == 0 or last:
                self._report()
            stop = self._asked_to_stop(interruption)
            if trainer.step % options.checkpoint_every == 0 or self._due() or stop:
                self.save()  # before the evaluation, which needs other memory and other files than training
            if stop:
                kept = f"saved in {self.folder}: the same command goes on from there" if self.folder else "not saved"
                raise Interrupted(f"interrupted after step {trainer.step} of {total}, {kept}")
            if self._due():
                self._evaluate()

    def _due(self) -> bool:
        """Whether this step's network is evaluated."""
        step = self.trainer.step
        return step == self.options.optimisation.iterations or (step > 0 and step % self.options.eval_every == 0)

    def _report(self) -> None:
        self._check_losses()
        losses = {
            name: self.fabric.all_reduce(value / self.watch.steps, reduce_op="mean").item()
            for name, value in self.watch.sums.items()
        }
        self.watch.clear()
        self.history.append({"step": self.trainer.step, **{name: round(value, 6) for name, value in losses.items()}})
        if self.reporter is not None:
            self.reporter.on_losses(self.trainer.step, losses)

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
        """Raise an error that names the step and its images."""
        where = f"{what} {when} step {step + 1}"
        advice = f"lower the learning rate ({self.options.optimisation.learning_rate})"
        if self.options.precision != "32-true":
            advice += ", or use --precision 32-true"
        if mine:
            where += f" ({'; '.join(f'{kind}: ' + ', '.join(of) for kind, of in self.trainer.names_of(step).items())})"
        raise TrainingError(f"{where}: {advice}")

    def _asked_to_stop(self, interruption: Interruption) -> bool:
        """Whether Ctrl-C was pressed; several processes agree on it, at reports, where they wait for each other."""
        if self.fabric.world_size == 1:
            return interruption.asked
        if self.trainer.step % self.options.log_every:
            return False
        asked = torch.tensor(float(interruption.asked), device=self.fabric.device)
        return bool(self.fabric.all_reduce(asked, reduce_op="sum").item())

    def _score(self, data: Any, network: torch.nn.Module | None = None, indices: Sequence[int] | None = None) -> Scores:
        network = network or self.trainer.network
        options, in_memory = self.options, getattr(data, "kept", None) is not None
        # Images of many sizes would be compiled one by one.
        with torch.compiler.set_stance("force_eager") if options.compile else nullcontext():
            return evaluate(
                network, data, options.eval_batch_size, self.fabric.device, fabric=self.fabric, indices=indices,
                num_workers=0 if in_memory else options.num_workers,
            )  # fmt: skip

    def _recorded(self, network: torch.nn.Module) -> tuple[RecordedScores, RecordedScores | None]:
        """A network's scores on the validation and the test split."""
        test = RecordedScores.of(self._score(self.test, network)) if self.test is not None else None
        known = self.scored[1] if network is self.trainer.network and self.scored[0] == self.trainer.step else None
        return RecordedScores.of(known or self._score(self.val, network)), test

    def _pseudo_labels(self) -> RecordedScores | None:
        """The moving average on the first unlabelled images that have a mask, for the record alone."""
        train = self.trainer.train
        if not self.options.uses_unlabelled or self.options.data.partial_labels is not None:
            return None
        known = [index for index in self.trainer.split.unlabelled if train.has_label(index)][:JUDGED]
        return RecordedScores.of(self._score(train, indices=known)) if known else None

    def _evaluate(self) -> None:
        self._check_losses()
        self.trainer.share_statistics()
        scores = self._score(self.val)
        self.scored = self.trainer.step, scores
        self.history.append({"step": self.trainer.step, "miou": round(scores.miou, 6)})
        if self.best_state is None or scores.miou > self.best.miou:
            self.best = Best(self.trainer.step, scores.miou)
            state = self.trainer.network.state_dict()
            self.best_state = {name: value.detach().cpu().clone() for name, value in state.items()}
        if self.trainer.step == self.options.optimisation.iterations:
            self.save()
        if self.reporter is not None:
            self.reporter.on_scores(self.trainer.step, scores)

    def _record(self) -> Record:
        """Score the networks of the last step and make the record."""
        self.trainer.share_statistics()
        split = self.trainer.split
        val, test = self._recorded(self.trainer.network)
        return Record(
            about=self.about,
            split=SplitUsed(split.digest, split.names, len(split.unlabelled), split.missing_classes),
            classes=tuple(self.trainer.train.classes),
            val=val,
            test=test,
            best=self.best,
            history=tuple(self.history),
            seconds=round(self.seconds, 1),
            student=StudentScores(*self._recorded(self.trainer.student.module)),
            unlabelled=self._pseudo_labels(),
        )

    def state(self) -> dict[str, Any]:
        """Everything that the run needs to go on, and what is needed to use its network."""
        train = self.trainer.train
        return {
            "config": config.to_dict(self.options),
            "recipe": self.about.recipe,
            "preset": self.about.preset,
            "classes": list(train.classes),
            "palette": [list(colour) for colour in train.palette],
            "labelled": list(self.trainer.split.names),
            "seconds": self.seconds,
            "history": self.history,
            "best": {"step": self.best.step, "miou": self.best.miou},
            "network": self.trainer.network.state_dict(),
            "best_network": self.best_state,
            "losses": self.watch.state_dict(),
            "trainer": self.trainer.state_dict(),
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
        self.trainer.share_statistics()
        # A teacher can break alone: its labels then count for nothing, and the losses stay finite.
        networks = {self.trainer.student.module, self.trainer.network}
        if not all(all_finite(network.state_dict()) for network in networks):
            self._stop("the weights became infinite or NaN", self.trainer.step - 1, "in or before")
        if self.fabric.world_size > 1:
            sums = self.watch.sums
            self.watch.sums = {name: self.fabric.all_reduce(value, reduce_op="mean") for name, value in sums.items()}
        if self.fabric.is_global_zero and self.folder is not None:
            save_checkpoint(self.folder, self.state())
        self.fabric.barrier()

    def _resume(self) -> None:
        self._clock = time.perf_counter()
        if self.folder is None:
            return
        if self.fabric.is_global_zero:
            remove_unfinished(self.folder)
        state = load_latest(self.folder)
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
        other = differences(kept, self.options)
        told = {name: f"--{name.replace('_', '-')} was {then}, now {now}" for name, (then, now) in other.items()}
        free = MAY_DIFFER if self.fabric.world_size == 1 else MAY_DIFFER[:-1]  # saving averages batch statistics
        decides = [text for name, text in told.items() if name not in free]
        if decides:
            raise InputError(
                f"{self.folder}: holds a run with another configuration: {'; '.join(decides)}: this changes the result."
                " Give the old values, choose another folder, or delete this one"
            )
        if tuple(state["labelled"]) != self.trainer.split.names:
            raise InputError(f"{self.folder}: was trained with other labelled images: choose another folder")
        step, total = state["trainer"]["step"], self.options.optimisation.iterations
        self.seconds, self.history = float(state["seconds"]), list(state["history"])
        self.best, self.best_state = Best(**state["best"]), state["best_network"]
        scored = any("miou" in entry for entry in self.history)
        if step not in range(total + 1) or (scored and self.best_state is None):
            raise ValueError(f"step {step} of {total}")
        shapes = {name: value.shape for name, value in self.trainer.network.state_dict().items()}
        if self.best_state is not None and {name: value.shape for name, value in self.best_state.items()} != shapes:
            raise ValueError("the best network is another one")
        self.trainer.load_state_dict(state["trainer"])
        if told and self.reporter is not None:
            self.reporter.on_note(f"goes on after step {step}: {'; '.join(told.values())}: the result stays the same")
        self.watch.load_state_dict(state["losses"], self.fabric.device)


def differences(then: Any, now: Any) -> dict[str, tuple[Any, Any]]:
    """Where two configurations of one kind differ: options' names, which no two parts share, with both values."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in vars(then).items():
        other = getattr(now, name)
        if is_dataclass(value):
            found |= differences(value, other)
        elif value != other:
            found[name] = value, other
    return found


def normalisation_of(network: SegmentationNetwork) -> Named | None:
    """The option that stands for how a network scales its images; None for a scaling of an encoder's own."""
    scale = network.normalise
    own = torch.stack([scale.mean, scale.std]).cpu().view(2, 3)
    return next((name for name, values in NORMALISATIONS.items() if own.allclose(torch.tensor(values))), None)
