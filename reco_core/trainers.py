"""One readable training loop: supervised or semi-supervised, any mixing, ReCo on or off (Section 3.3, Fig. 3)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from reco_core import IGNORE_INDEX, config
from reco_core.adversarial import Adversary
from reco_core.backbones import weights_digest
from reco_core.bank import FeatureBank
from reco_core.bookkeeping import Bookkeeping
from reco_core.config import OptimiserConfig, TrainConfig
from reco_core.consistency import weak_to_strong
from reco_core.devices import make_fabric
from reco_core.errors import InputError, Interrupted
from reco_core.guard import FolderLock, Interruption, readable_errors
from reco_core.labels import LabelledSplit, choose_split
from reco_core.losses import RegionalContrastLoss, supervised_cross_entropy, unsupervised_cross_entropy
from reco_core.mixing import MIXINGS
from reco_core.models import SegmentationOutput, build_model
from reco_core.partial import PartialLabels, fill_with_predictions
from reco_core.pixels import enlarge, label_confidence, reduce_labels
from reco_core.reporting import Reporter, Silent
from reco_core.results import source_revision
from reco_core.seeding import stream_generator, stream_seed
from reco_core.streams import check_crop, load_split, stream_loader
from reco_core.teacher import MeanTeacher
from reco_core.transforms import strong_augment


def learning_rate(step: int, options: OptimiserConfig) -> float:
    """The polynomial schedule of Appendix A: lr (1 - step / iterations) ** power, at step 0, 1, ..."""
    held = step - step % options.schedule_interval
    return options.learning_rate * (1 - held / options.iterations) ** options.power


def make_optimiser(network: torch.nn.Module, options: OptimiserConfig) -> torch.optim.Optimizer:
    """SGD, as in the paper, or AdamW, over the parameters that are trained; one group, decay on everything."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    settings = {"lr": options.learning_rate, "weight_decay": options.weight_decay}
    if options.name == "adamw":
        return torch.optim.AdamW(parameters, **settings)
    return torch.optim.SGD(parameters, momentum=options.momentum, nesterov=options.nesterov, **settings)


class Trainer(Bookkeeping):
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
        config.check(options)
        self.options, self.folder = options, Path(folder) if folder is not None else None
        self.reporter = reporter or Silent()
        self.fabric = fabric or make_fabric(options)
        self.fabric.launch()
        self.train = train if train is not None else load_split(options, options.data.train_split)
        self.val = val if val is not None else load_split(options, options.data.eval_split)
        self.test = test
        if test is None and options.data.test_split is not None:
            self.test = load_split(options, options.data.test_split)
        check_crop(self.train, options)
        if options.cross_process_keys and options.reco.query_sampling != "hard":
            raise InputError("cross_process_keys needs query_sampling 'hard', which alone leaves out others' pixels")
        self.split = split or choose_split(self.train, options.data, options.seed)
        if options.data.partial_labels is not None:
            self.train = PartialLabels(self.train, options.data.partial_labels, options.seed)
        if options.uses_unlabelled and not self.split.unlabelled:
            raise InputError(
                f"{self.train.name}/{self.train.split}: method {options.method!r} needs unlabelled images, but all"
                f" {len(self.train)} are labelled: choose 'supervised', 'reco+supervised' or fewer labels"
            )
        self.revision = source_revision()  # of the code that was loaded, not of what lies there when the run ends
        self._start()
        self._build()
        self.weights = weights_digest(options.model.weights)  # now, while the file is there

    def _build(self) -> None:
        """Network, optimiser, teacher, adversary and contrast, the same for the same seed."""
        options, num_classes = self.options, self.train.num_classes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(options.seed, "weights"))
            network = build_model(options.model, num_classes)
            self.adversary = None
            if options.base_method == "s4gan":
                self.adversary = Adversary(num_classes, threshold=options.s4gan_threshold).to(self.fabric.device)
        if options.channels_last:
            network = network.to(memory_format=torch.channels_last)
        network.representer.requires_grad_(options.uses_reco)
        if options.sync_batch_norm:
            network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
        self.mix = MIXINGS.get(options.base_method)
        self.teacher = None
        if self.mix is not None:
            self.teacher = MeanTeacher(
                network, options.teacher_decay, options.teacher_batch_norm, options.teacher_ramp
            ).to(self.fabric.device)
        optimiser = make_optimiser(network, options.optimiser)
        self.student, self.optimiser = self.fabric.setup(
            torch.compile(network) if options.compile else network, optimiser
        )
        self.contrast = None
        if options.uses_reco:
            reco = config.to_dict(options.reco)
            size = reco.pop("bank_size")
            bank = None
            if size is not None:
                bank = FeatureBank(num_classes, options.model.representation_dim, size, per_step=min(64, size))
            self.contrast = RegionalContrastLoss(**reco, num_classes=num_classes, bank=bank).to(self.fabric.device)

    def fit(self) -> dict[str, Any]:
        """Train to the end and return the run's record; with a folder, go on from its checkpoint if it has one.

        Raises:
            InputError: bad input, such as an image that vanished, a folder that cannot be written to, or one in which
                another run is at work.
            TrainingError: a loss that is not finite, or a loader process that was killed.
            Interrupted: Ctrl-C, after the step is done and saved.
        """
        with FolderLock(self.folder if self.fabric.is_global_zero else None), readable_errors():
            self._resume()
            with Interruption() as interruption:
                self._train(interruption)
            return self.finish()

    def _train(self, interruption: Interruption) -> None:
        options, total = self.options, self.options.optimiser.iterations
        self.student.train()
        for labelled, unlabelled in self._batches(range(self.step, total)):
            self.watch.add(self.step, self.training_step(labelled, unlabelled))
            self.step += 1
            last = self.step == total
            if self.step % options.log_every == 0 or last:
                self._report()
            if self.step % options.eval_every == 0 or last:
                self._evaluate()
            stop = self._asked_to_stop(interruption)
            if self.step % options.checkpoint_every == 0 or last or stop:
                self.save()
            if stop:
                kept = f"saved in {self.folder}: the same command goes on from there" if self.folder else "not saved"
                raise Interrupted(f"interrupted after step {self.step} of {total}, {kept}")

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
        output = self.student(images, self.contrast is not None)
        losses = {"supervised": supervised_cross_entropy(enlarge(output.logits, labels.shape[-2:]), labels)}
        regions = [(output, labels)]
        judged = None

        if unlabelled is not None:
            others, padding = self._to_device(unlabelled)
            valid = padding != IGNORE_INDEX
            if self.teacher is not None:  # the teacher's labels, mixed, then learnt through strong augmentation
                with self.fabric.autocast():
                    pseudo, confidence = self.teacher.label(others, valid)
                others, pseudo, confidence = self.mix(others, pseudo, confidence, generator=device)
                others, pseudo, confidence = strong_augment(others, pseudo, confidence, generator=host)
                output = self.student(others, self.contrast is not None)
                logits = enlarge(output.logits, pseudo.shape[-2:])
                losses["unsupervised"] = unsupervised_cross_entropy(
                    logits, pseudo, confidence, options.reco.strong_threshold, options.eta
                )
            elif options.base_method == "unimatch":  # the student's own labels, learnt through strong augmentation
                with self.fabric.autocast():
                    losses["unsupervised"], output, pseudo, confidence = weak_to_strong(
                        self.student, self.student.module.classifier, others, valid, options.consistency_threshold,
                        self.contrast is not None, host, device,
                    )  # fmt: skip
            else:  # S4GAN: the student's own labels, and a discriminator's opinion of them
                others, padding, _ = strong_augment(others, padding, generator=host)
                output = self.student(others, self.contrast is not None)
                logits = enlarge(output.logits, padding.shape[-2:])
                judged = images, labels, others, logits, padding != IGNORE_INDEX, device
                losses |= self.adversary.student_losses(*judged)
                confidence, pseudo = logits.detach().float().softmax(dim=1).max(dim=1)
                pseudo = pseudo.masked_fill(padding == IGNORE_INDEX, IGNORE_INDEX)
            regions.append((output, pseudo.masked_fill(confidence < options.weak_threshold, IGNORE_INDEX)))

        if self.contrast is not None:
            losses["reco"] = self.regional_contrast(regions, device)

        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(sum(losses.values()))  # Eq. 5; eta is inside the unsupervised loss
        self.optimiser.step()
        if self.teacher is not None:
            self.teacher.update(self.student.module, self.step + 1)
        if judged is not None:
            losses["discriminator"] = self.adversary.learn(*judged, average=self._mean_over_processes)
        return losses

    def regional_contrast(
        self, regions: Sequence[tuple[SegmentationOutput, Tensor]], generator: torch.Generator
    ) -> Tensor:
        """ReCo on labelled and trusted unlabelled pixels together, at the representation's resolution (Section 3.3)."""
        representations, labels, confidences = [], [], []
        for number, (output, full_labels) in enumerate(regions):
            small = reduce_labels(full_labels, output.logits.shape[-2:])
            if number == 0 and self.options.data.partial_labels is not None:
                small = fill_with_predictions(output.logits, small, self.options.reco.strong_threshold)
            representations.append(output.representation)
            labels.append(small)
            confidences.append(label_confidence(output.logits, small))
        pixels = torch.cat(representations), torch.cat(labels), torch.cat(confidences)
        if self.options.cross_process_keys and self.fabric.world_size > 1:
            pixels = self._with_other_processes(*pixels)
        return self.contrast(*pixels, generator=generator)

    def _with_other_processes(
        self, representation: Tensor, labels: Tensor, confidence: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The pixels of all processes; those of the others as constants, and as easy ones: keys, but not queries."""
        parts = [self.fabric.all_gather(part) for part in (representation.detach(), labels, confidence)]
        others = [rank for rank in range(self.fabric.world_size) if rank != self.fabric.global_rank]
        return (
            torch.cat([representation, *parts[0][others]]),
            torch.cat([labels, *parts[1][others]]),
            torch.cat([confidence, *torch.ones_like(parts[2][others])]),
        )

    def _mean_over_processes(self, value: Tensor) -> Tensor:
        return self.fabric.all_reduce(value, reduce_op="mean")

    def _generator(self, name: str, device: torch.device | str = "cpu") -> torch.Generator:
        return stream_generator(self.options.seed, name, self.step, self.fabric.global_rank, device=device)

    def _to_device(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = (tensor.to(self.fabric.device, non_blocking=True) for tensor in batch)
        if self.options.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
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

    def _batches(self, steps: range) -> Iterator[tuple[Sequence[Tensor], Sequence[Tensor] | None]]:
        """A labelled and an unlabelled batch (None if the method uses none) for every step."""
        loaders = self._loaders(steps, self.options)
        return zip(loaders["labelled"], loaders.get("unlabelled", [None] * len(steps)), strict=True)

    def batch_of(self, step: int) -> dict[str, dict[str, Any]]:
        found = {}
        for kind, loader in self._loaders(range(step, step + 1), replace(self.options, num_workers=0)).items():
            names = [self.train.names[index] for index, _ in next(iter(loader.batch_sampler))]
            images, labels = next(iter(loader))
            found[kind] = {"names": names, "images": images, "labels": labels}
        return found
