"""One readable training loop: supervised or semi-supervised, any method, ReCo on or off (Section 3.3, Fig. 3).

`Trainer` trains; it writes no file and prints nothing. `runs/session.py` keeps its checkpoints, scores and record.
"""

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from reco_core import IGNORE_INDEX, config
from reco_core.augment import enlarge, label_confidence, reduce_labels, strong_augment
from reco_core.config import OptimisationConfig, TrainConfig
from reco_core.datasets.partial import PartialLabels, fill_with_predictions
from reco_core.datasets.splits import LabelledSplit, choose_split
from reco_core.datasets.streams import check_train, load_split, stream_loader
from reco_core.errors import InputError, one_line
from reco_core.losses import RegionalContrastLoss, supervised_cross_entropy
from reco_core.methods import UnlabelledBatch, method_entry
from reco_core.models import SegmentationNetwork, SegmentationOutput, build_model
from reco_core.sampling import FeatureBank
from reco_core.seeding import stream_generator, stream_seed
from reco_core.teacher import MeanTeacher


def learning_rate(step: int, options: OptimisationConfig) -> float:
    """The polynomial schedule of Appendix A: lr (1 - step / iterations) ** power, at step 0, 1, ..."""
    held = step - step % options.schedule_interval
    return options.learning_rate * (1 - held / options.iterations) ** options.power


def make_optimiser(
    network: nn.Module, options: OptimisationConfig, device: torch.device | str = "cpu"
) -> torch.optim.Optimizer:
    """SGD, as in the paper, or AdamW, over the parameters that are trained; one group, decay on everything.

    On the devices for which PyTorch has it, one kernel moves all parameters; elsewhere it takes its own choice.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    fused = True if torch.device(device).type in ("cpu", "cuda", "mps") else None
    rate, decay = options.learning_rate, options.weight_decay
    if options.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=fused)
    return torch.optim.SGD(
        parameters, lr=rate, weight_decay=decay, momentum=options.momentum, nesterov=options.nesterov, fused=fused
    )


def make_fabric(options: TrainConfig) -> Fabric:
    """Lightning Fabric for the configured devices; several processes train with distributed data parallelism.

    Raises:
        InputError: a device that this machine does not have.
    """
    strategy: str | DDPStrategy = "auto"
    if options.devices * options.num_nodes > 1:
        # Two forward passes come before one backward: batch statistics must not be overwritten from outside between
        # them. They are averaged before every evaluation instead.
        known = inspect.signature(DistributedDataParallel.__init__).parameters
        name = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # PyTorch renamed it
        strategy = DDPStrategy(**{name: False})
    try:
        return Fabric(
            accelerator=options.accelerator, devices=options.devices, num_nodes=options.num_nodes, strategy=strategy,
            precision=options.precision,
        )  # fmt: skip
    except (ValueError, RuntimeError) as error:  # no such device, or none that works
        raise InputError(
            f"accelerator {options.accelerator!r} with {options.devices} device(s): {one_line(error, 200)};"
            " choose another --accelerator"
        ) from error


def make_contrast(options: TrainConfig, num_classes: int) -> RegionalContrastLoss | None:
    """The ReCo loss that a configuration asks for, or None."""
    if not options.uses_reco:
        return None
    settings = config.to_dict(options.reco)
    size, bank = settings.pop("bank_size"), None
    if size is not None:
        bank = FeatureBank(num_classes, options.model.representation_dim, size, per_step=min(64, size))
    return RegionalContrastLoss(**settings, num_classes=num_classes, bank=bank)


class Trainer:
    """Trains one configuration, step by step.

    Args:
        options: the run's configuration.
        train: the images; by default the data set that the configuration names, decoded once and kept in memory where
            it is small.
        split: which images are labelled; by default chosen from the configuration's seed.
        fabric: Lightning Fabric; by default of the configured devices.

    Raises:
        InputError: for a configuration that the data cannot serve.
    """

    def __init__(
        self, options: TrainConfig, train: Any = None, split: LabelledSplit | None = None, fabric: Fabric | None = None
    ) -> None:
        build = method_entry(options.method).build
        self.options = options
        self.fabric = fabric or make_fabric(options)
        self.fabric.launch()
        self.train = train if train is not None else load_split(options, options.data.train_split)
        check_train(self.train, options)
        self.split = split or choose_split(self.train, options.data, options.seed)
        if options.data.partial_labels is not None:
            self.train = PartialLabels(self.train, options.data.partial_labels, options.seed)
        if options.uses_unlabelled and not self.split.unlabelled:
            raise InputError(
                f"{self.train.name}/{self.train.split}: method {options.method!r} needs unlabelled images, but all"
                f" {len(self.train)} are labelled: choose 'supervised', 'reco+supervised' or fewer labels"
            )
        self.step = 0
        """Steps done."""
        num_classes = self.train.num_classes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(options.seed, "weights"))
            network = self._initialised(num_classes)
            self.method = build and build(options, network, num_classes, self.fabric).to(self.fabric.device)
        self.average = self.teacher or MeanTeacher(network, options.teacher_decay, "copy", options.teacher_ramp)
        """The student's moving average: the teacher, or of a method that has none, one that labels nothing."""
        self.average.to(self.fabric.device)
        self.contrast = make_contrast(options, num_classes)
        if self.contrast is not None:
            self.contrast.to(self.fabric.device)
        optimiser = make_optimiser(network, options.optimisation, self.fabric.device)
        if options.compile:
            self._compile(network, self.average.network)
        self.student, self.optimiser = self.fabric.setup(network, optimiser)

    def _initialised(self, num_classes: int) -> SegmentationNetwork:
        options = self.options
        network = build_model(options.model, num_classes)
        if options.channels_last:
            network = network.to(memory_format=torch.channels_last)
        if network.representer is not None:
            network.representer.requires_grad_(options.uses_reco)
        if options.sync_batch_norm:
            network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return network

    def _compile(self, *networks: nn.Module) -> None:
        """In place, so that the weights keep their names; where the compiler does not work, nothing is compiled."""
        try:
            torch.compile(torch.sin)(torch.zeros(2, device=self.fabric.device))
        except Exception as error:  # no C++ compiler, no Triton, an unknown device
            warnings.warn(f"--compile: {one_line(error)}; the run goes on uncompiled", stacklevel=2)
            return
        for network in networks:
            network.compile()

    @property
    def teacher(self) -> MeanTeacher | None:
        """The method's mean teacher, if it has one."""
        return getattr(self.method, "teacher", None)

    @property
    def network(self) -> SegmentationNetwork:
        """The network that is evaluated: the student's moving average, which is the teacher's where there is one."""
        return self.average.network

    def fit(self) -> None:
        """Train to the last step."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[dict[str, Tensor]]:
        """Train on from where the run stands; gives every step's losses, when `step` has counted it."""
        self.student.train()
        for labelled, unlabelled in self.batches(range(self.step, self.options.optimisation.iterations)):
            losses = self.training_step(labelled, unlabelled)
            self.step += 1
            yield losses

    def training_step(self, labelled: Sequence[Tensor], unlabelled: Sequence[Tensor] | None) -> dict[str, Tensor]:
        """One step of Fig. 3: the losses, their sum's gradient, the student's step, what follows it.

        Args:
            labelled: images (B, 3, H, W) and labels (B, H, W), weakly augmented.
            unlabelled: images and validity (0, or 255 for padding); None for a supervised method.

        Returns:
            The losses by name, as tensors on the device.
        """
        host, device = self._generator("augment"), self._generator("device", self.fabric.device)
        images, labels, _ = strong_augment(*self._to_device(labelled), generator=host)
        output = self.student(images, self.contrast is not None)
        losses = {"supervised": supervised_cross_entropy(enlarge(output.logits, labels.shape[-2:]), labels)}
        regions, terms = [(output, labels)], None
        if self.method is not None and unlabelled is not None:
            weak, padding = self._to_device(unlabelled)
            valid = padding != IGNORE_INDEX
            terms = self.method(
                UnlabelledBatch(weak, valid, (images, labels), self.student, self.contrast is not None, host, device)
            )
            losses |= terms.losses
            doubtful = terms.confidence < self.options.weak_threshold
            regions.append((terms.output, terms.labels.masked_fill(doubtful, IGNORE_INDEX)))
        labels, confidence = self.contrasted_labels(regions)
        if self.contrast is not None:
            losses["reco"] = self.regional_contrast([output for output, _ in regions], labels, confidence, device)
        self._optimise(reduce(torch.add, losses.values()))  # Eq. 5; eta is inside the unsupervised loss
        after = {} if terms is None else terms.after_step(self.step + 1)
        if self.teacher is None:
            self.average.update(self.student.module, self.step + 1)
        valid = labels != IGNORE_INDEX
        hard = (confidence < self.options.reco.strong_threshold) & valid
        return losses | after | {"hard": hard.sum() / valid.sum().clamp(min=1)}

    def contrasted_labels(self, regions: Sequence[tuple[SegmentationOutput, Tensor]]) -> tuple[Tensor, Tensor]:
        """Labels of the labelled and the trusted unlabelled pixels at the representation's resolution (Section 3.3).

        Args:
            regions: outputs with labels (B, H, W), 255 = not trusted.

        Returns:
            labels (B', h, w) of all together, and the student's confidence in them.
        """
        logits = torch.cat([output.logits.detach() for output, _ in regions])
        labels = reduce_labels(torch.cat([full_labels for _, full_labels in regions]), logits.shape[-2:])
        if self.options.data.partial_labels is not None:
            partial = len(regions[0][1])  # of the labelled images
            filled = fill_with_predictions(logits[:partial], labels[:partial], self.options.reco.strong_threshold)
            labels[:partial] = filled
        return labels, label_confidence(logits, labels)

    def regional_contrast(
        self, outputs: Sequence[SegmentationOutput], labels: Tensor, confidence: Tensor, generator: torch.Generator
    ) -> Tensor:
        """The ReCo loss of some outputs' pixels, with what `contrasted_labels` says of them."""
        if self.contrast is None:
            raise ValueError(f"method {self.options.method!r} has no ReCo loss: take one that begins with reco+")
        representations = [output.representation for output in outputs if output.representation is not None]
        return self.contrast(torch.cat(representations), labels, confidence, generator=generator)

    def _optimise(self, loss: Tensor) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.options.optimisation)
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.optimiser.step()

    def _generator(self, name: str, device: torch.device | str = "cpu") -> torch.Generator:
        return stream_generator(self.options.seed, name, self.step, self.fabric.global_rank, device=device)

    def _to_device(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = (tensor.to(self.fabric.device, non_blocking=True) for tensor in batch)
        return images, labels

    def _loaders(self, steps: range, options: TrainConfig) -> dict[str, DataLoader]:
        """Of the labelled images and, if the method uses them, of the unlabelled ones."""
        process = self.fabric.global_rank, self.fabric.world_size
        streams = {"labelled": self.split.labelled}
        if options.uses_unlabelled:
            streams["unlabelled"] = self.split.unlabelled
        return {
            name: stream_loader(options, self.train, indices, name, steps, *process)
            for name, indices in streams.items()
        }

    def batches(self, steps: range) -> Iterator[tuple[Sequence[Tensor], Sequence[Tensor] | None]]:
        """A labelled and an unlabelled batch (None if the method uses none) for every step."""
        loaders = self._loaders(steps, self.options)
        return zip(loaders["labelled"], loaders.get("unlabelled", [None] * len(steps)), strict=True)

    def names_of(self, step: int) -> dict[str, list[str]]:
        """Which images step 0, 1, ... trains on: "labelled" and, if the method uses them, "unlabelled" -> names."""
        loaders = self._loaders(range(step, step + 1), self.options)
        return {
            kind: [self.train.names[index] for index, _ in next(iter(loader.batch_sampler or []))]
            for kind, loader in loaders.items()
        }

    def share_statistics(self) -> None:
        """Give all processes one network: batch statistics differ between them until they are averaged."""
        if self.fabric.world_size == 1:
            return
        for module in (self.student.module, self.average):
            for buffer in module.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self.fabric.all_reduce(buffer, reduce_op="mean"))

    def state_dict(self) -> dict[str, Any]:
        """Everything that training needs to go on; random states are not in it, they follow from seed and step."""
        parts = {"method": self.method, "contrast": self.contrast}
        return {
            "step": self.step,
            "student": self.student.module.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.fabric._precision.state_dict(),  # of fp16's losses; empty for other precisions
            **{name: part.state_dict() if part is not None else None for name, part in parts.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.step = state["step"]
        self.student.module.load_state_dict(state["student"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        if state.get("scaler"):  # checkpoints of earlier versions have none
            self.fabric._precision.load_state_dict(state["scaler"])
        for name in ("method", "contrast"):
            part = getattr(self, name)
            if part is not None:
                part.load_state_dict(state[name])
