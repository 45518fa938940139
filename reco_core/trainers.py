"""One readable training loop: supervised or semi-supervised, any mixing, ReCo on or off (Section 3.3, Fig. 3)."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from reco_core import IGNORE_INDEX, config
from reco_core.checkpoints import load_latest, save_checkpoint
from reco_core.config import OptimiserConfig, TrainConfig
from reco_core.errors import InputError
from reco_core.evaluation import evaluate
from reco_core.labels import LabelledSplit, balanced_split
from reco_core.losses import RegionalContrastLoss, supervised_cross_entropy, unsupervised_cross_entropy
from reco_core.mixing import MIXINGS
from reco_core.models import SegmentationNetwork, SegmentationOutput, build_model
from reco_core.pixels import enlarge, label_confidence, reduce_labels
from reco_core.reporting import Reporter, Silent
from reco_core.results import make_record, source_revision
from reco_core.seeding import stream_generator, stream_seed
from reco_core.streams import check_crop, load_split, stream_loader
from reco_core.teacher import MeanTeacher
from reco_core.transforms import strong_augment


class TrainingError(RuntimeError):
    """A run that cannot go on."""


def learning_rate(step: int, options: OptimiserConfig) -> float:
    """The polynomial schedule of Appendix A: lr (1 - step / iterations) ** power, at step 0, 1, ..."""
    held = step - step % options.schedule_interval
    return options.learning_rate * (1 - held / options.iterations) ** options.power


def snapshot(network: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of a network's state, in main memory."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


class Trainer:
    """Trains one configuration: `fit()` runs to the end, or on from the last checkpoint in `folder`.

    Args:
        options: the run's configuration.
        folder: where checkpoints and the record go; None keeps nothing.
        train, val, test: data sets; by default those that the configuration names, decoded once and kept in memory
            where they are small.
        split: which images are labelled; by default chosen from the configuration's seed.
        reporter: hears losses and scores.
        fabric: Lightning Fabric; by default one device of the configured kind.

    Raises:
        InputError: for a configuration that the data cannot serve.
    """

    def __init__(
        self,
        options: TrainConfig,
        folder: Path | None = None,
        train: Any = None,
        val: Any = None,
        test: Any = None,
        split: LabelledSplit | None = None,
        reporter: Reporter | None = None,
        fabric: Fabric | None = None,
    ) -> None:
        self.options, self.folder = options, Path(folder) if folder is not None else None
        self.reporter = reporter or Silent()
        self.fabric = fabric or Fabric(accelerator=options.accelerator, devices=1, precision=options.precision)
        self.fabric.launch()
        self.train = train if train is not None else load_split(options, "train")
        self.val = val if val is not None else load_split(options, options.data.eval_split)
        self.test = test
        if test is None and options.data.test_split is not None:
            self.test = load_split(options, options.data.test_split)
        check_crop(self.train, options)
        self.split = split or balanced_split(
            self.train, options.data.num_labelled, options.seed, options.data.min_classes
        )
        if options.uses_unlabelled and not self.split.unlabelled:
            raise InputError(
                f"{self.train.name}/{self.train.split}: method {options.method!r} needs unlabelled images, but all"
                f" {len(self.train)} are labelled: choose 'supervised', 'reco+supervised' or fewer labels"
            )
        self.step, self.seconds = 0, 0.0
        self.best: dict[str, Any] = {"step": 0, "miou": -1.0}
        self.best_state: dict[str, Tensor] | None = None
        self.history: list[dict[str, Any]] = []
        self.revision = source_revision()  # of the code that was loaded, not of what lies there when the run ends
        self._build()

    def _build(self) -> None:
        """Network, optimiser, teacher and contrast, the same for the same seed."""
        options = self.options
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(options.seed, "weights"))
            network = build_model(options.model, self.train.num_classes)
        if options.channels_last:
            network = network.to(memory_format=torch.channels_last)
        self.teacher = None
        if options.uses_unlabelled:
            self.teacher = MeanTeacher(network, options.teacher_decay, options.teacher_batch_norm)
            self.teacher = self.teacher.to(self.fabric.device)
        self.mix = MIXINGS.get(options.base_method)
        optimiser = torch.optim.SGD(
            network.parameters(),
            lr=options.optimiser.learning_rate,
            momentum=options.optimiser.momentum,
            nesterov=options.optimiser.nesterov,
            weight_decay=options.optimiser.weight_decay,
        )
        self.student, self.optimiser = self.fabric.setup(network, optimiser)
        reco = config.to_dict(options.reco)
        self.contrast = RegionalContrastLoss(**reco, num_classes=self.train.num_classes) if options.uses_reco else None

    @property
    def network(self) -> SegmentationNetwork:
        """The network that is evaluated: the teacher's where there is one (published experiments), else the student."""
        return self.teacher.network if self.teacher is not None else self.student.module

    def fit(self) -> dict[str, Any]:
        """Train to the end and return the run's record; with a folder, go on from its checkpoint if it has one."""
        if self.folder is not None:
            self._resume()
        options = self.options
        total, evaluate_every = options.optimiser.iterations, options.eval_every
        started = time.perf_counter()
        sums: dict[str, Tensor] = {}
        self.student.train()
        for labelled, unlabelled in self._batches(range(self.step, total)):
            for name, value in self.training_step(labelled, unlabelled).items():
                sums[name] = sums.get(name, 0) + value.detach()
            self.step += 1
            if self.step % options.log_every == 0 or self.step == total:
                self._report(sums, since=(self.step - 1) % options.log_every + 1)
                sums = {}
            if self.step % evaluate_every == 0 or self.step == total:
                self._evaluate()
            if self.folder is not None and (self.step % options.checkpoint_every == 0 or self.step == total):
                self.seconds, started = self.seconds + time.perf_counter() - started, time.perf_counter()
                self.save()
        self.seconds += time.perf_counter() - started
        return self.finish()

    def training_step(self, labelled: Sequence[Tensor], unlabelled: Sequence[Tensor] | None) -> dict[str, Tensor]:
        """One step of Fig. 3: three losses, their sum's gradient, the student's step, the teacher's update.

        Args:
            labelled: images (B, 3, H, W) and labels (B, H, W), weakly augmented.
            unlabelled: images and validity (0, or 255 for padding); None for a supervised method.

        Returns:
            The losses by name, as tensors on the device.
        """
        options = self.options
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, options.optimiser)
        host, device = self._generator("augment"), self._generator("device", self.fabric.device)

        images, labels, _ = strong_augment(*self._to_device(labelled), generator=host)
        output = self.student(images)
        losses = {"supervised": supervised_cross_entropy(enlarge(output.logits, labels.shape[-2:]), labels)}
        regions = [(output, labels)]

        if self.teacher is not None:
            images, padding = self._to_device(unlabelled)
            with self.fabric.autocast():
                pseudo, confidence = self.teacher.label(images, valid=padding != IGNORE_INDEX)
            images, pseudo, confidence = self.mix(images, pseudo, confidence, generator=device)
            images, pseudo, confidence = strong_augment(images, pseudo, confidence, generator=host)
            output = self.student(images)
            logits = enlarge(output.logits, pseudo.shape[-2:])
            losses["unsupervised"] = unsupervised_cross_entropy(
                logits, pseudo, confidence, options.reco.strong_threshold
            )
            trusted = pseudo.masked_fill(confidence < options.weak_threshold, IGNORE_INDEX)
            regions.append((output, trusted))

        if self.contrast is not None:
            losses["reco"] = self.regional_contrast(regions, device)

        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(sum(losses.values()))  # Eq. 5; eta is inside the unsupervised loss
        self.optimiser.step()
        if self.teacher is not None:
            self.teacher.update(self.student.module, self.step + 1)
        return losses

    def regional_contrast(
        self, regions: Sequence[tuple[SegmentationOutput, Tensor]], generator: torch.Generator
    ) -> Tensor:
        """ReCo on labelled and trusted unlabelled pixels together, at the representation's resolution (Section 3.3)."""
        representations, labels, confidences = [], [], []
        for output, full_labels in regions:
            small = reduce_labels(full_labels, output.logits.shape[-2:])
            representations.append(output.representation)
            labels.append(small)
            confidences.append(label_confidence(output.logits, small))
        return self.contrast(torch.cat(representations), torch.cat(labels), torch.cat(confidences), generator=generator)

    def _generator(self, name: str, device: torch.device | str = "cpu") -> torch.Generator:
        return stream_generator(self.options.seed, name, self.step, self.fabric.global_rank, device=device)

    def _to_device(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = (tensor.to(self.fabric.device, non_blocking=True) for tensor in batch)
        if self.options.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return images, labels

    def _batches(self, steps: range) -> Iterator[tuple[Sequence[Tensor], Sequence[Tensor] | None]]:
        """A labelled and an unlabelled batch (None if the method uses none) for every step."""
        process = self.fabric.global_rank, self.fabric.world_size
        labelled = stream_loader(self.options, self.train, self.split.labelled, "labelled", steps, *process)
        unlabelled = [None] * len(steps)
        if self.options.uses_unlabelled:
            unlabelled = stream_loader(self.options, self.train, self.split.unlabelled, "unlabelled", steps, *process)
        return zip(labelled, unlabelled, strict=True)

    def _report(self, sums: dict[str, Tensor], since: int) -> None:
        losses = {name: (value / since).item() for name, value in sums.items()}
        bad = [name for name, value in losses.items() if value != value or abs(value) == float("inf")]
        if bad:
            raise TrainingError(
                f"the {bad[0]} loss became {losses[bad[0]]} before step {self.step}:"
                f" lower the learning rate ({self.options.optimiser.learning_rate}), or use --precision 32-true"
            )
        self.history.append({"step": self.step, **{name: round(value, 6) for name, value in losses.items()}})
        self.reporter.on_losses(self.step, losses)

    def _evaluate(self) -> None:
        scores = evaluate(self.network, self.val, device=self.fabric.device)
        self.history.append({"step": self.step, "miou": round(scores.miou, 6)})
        if scores.miou > self.best["miou"]:
            self.best = {"step": self.step, "miou": scores.miou}
            self.best_state = snapshot(self.network)
        self.reporter.on_scores(self.step, scores)

    def finish(self) -> dict[str, Any]:
        """Score the last and the best network on the test split and make the record."""
        val = evaluate(self.network, self.val, device=self.fabric.device)
        test = {}
        if self.test is not None:
            test["last"] = evaluate(self.network, self.test, device=self.fabric.device).as_dict()
            last_state = snapshot(self.network)
            self.network.load_state_dict(self.best_state)
            test["best"] = evaluate(self.network, self.test, device=self.fabric.device).as_dict()
            self.network.load_state_dict(last_state)
        return make_record(
            self.options, self.split, test, val.as_dict(), self.best, self.history, self.train.classes, self.seconds,
            str(self.fabric.device), self.revision,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything that the run needs to go on; random states are not in it, they follow from seed and step."""
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
            "student": self.student.module.state_dict(),
            "teacher": self.teacher.state_dict() if self.teacher is not None else None,
            "optimiser": self.optimiser.state_dict(),
        }

    def save(self) -> Path:
        """Write the checkpoint into the run's folder."""
        return save_checkpoint(self.folder, self.state())

    def _resume(self) -> None:
        state = load_latest(self.folder)
        if state is None:
            return
        if config.from_dict(TrainConfig, state["config"], str(self.folder)) != self.options:
            raise InputError(
                f"{self.folder}: holds a run with another configuration: choose another folder, or delete this one"
            )
        if tuple(state["labelled"]) != self.split.names:
            raise InputError(f"{self.folder}: was trained with other labelled images: choose another folder")
        self.step, self.seconds = state["step"], state["seconds"]
        self.history, self.best, self.best_state = state["history"], state["best"], state["best_network"]
        self.student.module.load_state_dict(state["student"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.teacher is not None:
            self.teacher.load_state_dict(state["teacher"])
