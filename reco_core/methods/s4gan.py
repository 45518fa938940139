"""S4GAN (Section 4, "Strong Baselines"; Mittal et al., 2019): a discriminator judges images with their label maps.

It learns to tell labelled images with their true labels from unlabelled images with predicted ones. The student is
drawn to predictions whose features look like those of true labels, and is taught by its own predictions where they
deceive the discriminator.
"""

from collections.abc import Callable
from functools import partial

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from reco_core import IGNORE_INDEX
from reco_core.augment import enlarge, strong_augment
from reco_core.config import TrainConfig
from reco_core.methods.base import UnlabelledBatch, UnlabelledTerms
from reco_core.models import SegmentationNetwork

Labelled = tuple[Tensor, Tensor]
Unlabelled = tuple[Tensor, Tensor, Tensor]
FEATURE_WEIGHT, SELF_TRAINING_WEIGHT = 0.1, 1.0
"""lambda_fm and lambda_st of Mittal et al."""


class Discriminator(nn.Module):
    """Four strided convolutions, a mean over the image, a logit: is the label map a true one?

    Args:
        num_classes: C.
        width: channels of the first convolution; each further one has twice as many.
    """

    def __init__(self, num_classes: int, width: int = 64) -> None:
        super().__init__()
        channels = [3 + num_classes, width, 2 * width, 4 * width, 8 * width]
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1)
            for before, after in zip(channels, channels[1:], strict=False)
        )
        self.judge = nn.Linear(channels[-1], 1)

    def forward(self, images: Tensor, maps: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W) in [0, 1] and class maps (B, C, H, W) -> logits (B,) and features (B, 8 * width).

        In training mode half of the channels are dropped; `generator` makes that repeatable, as `nn.Dropout2d`, which
        has a hidden state, would not.
        """
        x = torch.cat([images - 0.5, maps], dim=1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            if self.training:
                x = x * 2 * (torch.rand(x.shape[:2], generator=generator, device=x.device) < 0.5)[..., None, None]
        features = x.mean(dim=(2, 3))
        return self.judge(features)[:, 0], features


def one_hot_maps(labels: Tensor, num_classes: int) -> Tensor:
    """Labels (B, H, W) int64 as maps (B, C, H, W) of 0 and 1; all 0 where the label is 255."""
    maps = F.one_hot(labels.masked_fill(labels == IGNORE_INDEX, num_classes), num_classes + 1)
    return maps[..., :num_classes].permute(0, 3, 1, 2).float()


class Adversary(nn.Module):
    """The discriminator with its optimiser, and the terms that it adds to the student's loss.

    Args:
        num_classes: C.
        width: of the discriminator.
        threshold: gamma: an image teaches if the discriminator takes its prediction for a true label map with at
            least this probability.
        learning_rate: of the discriminator (Adam).
    """

    def __init__(self, num_classes: int, width: int = 64, threshold: float = 0.6, learning_rate: float = 1e-4) -> None:
        super().__init__()
        self.num_classes, self.threshold = num_classes, threshold
        self.discriminator = Discriminator(num_classes, width)
        self._optimiser = torch.optim.Adam(self.discriminator.parameters(), lr=learning_rate, betas=(0.9, 0.99))

    def student_losses(
        self, labelled: Labelled, unlabelled: Unlabelled, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Feature matching and self-training, weighted; gradient flows to the logits alone.

        Args:
            labelled: images (B, 3, H, W) and labels (B, H, W).
            unlabelled: images (B', 3, H, W), the student's logits for them at their resolution (B', C, H, W), and
                validity (B', H, W) bool, False where an image was padded.
            generator: on the images' device.
        """
        (images, labels), (others, logits, valid) = labelled, unlabelled
        self.discriminator.requires_grad_(False)
        with torch.no_grad():
            _, true_features = self.discriminator(images, one_hot_maps(labels, self.num_classes), generator)
        maps = logits.float().softmax(dim=1) * valid[:, None]
        judged, features = self.discriminator(others, maps, generator)
        matching = (true_features.mean(dim=0) - features.mean(dim=0)).abs().mean()
        good = judged.sigmoid() >= self.threshold
        taught = logits.argmax(dim=1).masked_fill(~(valid & good[:, None, None]), IGNORE_INDEX)
        total = F.cross_entropy(logits.float(), taught, ignore_index=IGNORE_INDEX, reduction="sum")
        own = total / (taught != IGNORE_INDEX).sum().clamp(min=1)
        return {"feature_matching": FEATURE_WEIGHT * matching, "unsupervised": SELF_TRAINING_WEIGHT * own}

    def learn(
        self, labelled: Labelled, unlabelled: Unlabelled, generator: torch.Generator | None = None,
        average: Callable[[Tensor], Tensor] = lambda gradient: gradient,
    ) -> Tensor:  # fmt: skip
        """The discriminator's own step: true label maps are 1, predicted ones 0. Returns its loss.

        Args:
            labelled, unlabelled, generator: as in `student_losses`.
            average: what to do with a gradient before the step; with several processes, their mean.
        """
        (images, labels), (others, logits, valid) = labelled, unlabelled
        self.discriminator.requires_grad_(True)
        maps = logits.detach().float().softmax(dim=1) * valid[:, None]
        true, _ = self.discriminator(images, one_hot_maps(labels, self.num_classes), generator)
        predicted, _ = self.discriminator(others, maps, generator)
        loss = F.binary_cross_entropy_with_logits(true, torch.ones_like(true))
        loss = loss + F.binary_cross_entropy_with_logits(predicted, torch.zeros_like(predicted))
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for parameter in self.discriminator.parameters():
            if parameter.grad is not None:
                parameter.grad = average(parameter.grad)
        self._optimiser.step()
        return loss.detach()

    def get_extra_state(self) -> dict:
        """The optimiser's state travels with the module's."""
        return self._optimiser.state_dict()

    def set_extra_state(self, state: dict) -> None:
        """Counterpart of `get_extra_state`."""
        self._optimiser.load_state_dict(state)


class S4GAN(nn.Module):
    """The student's own labels, and a discriminator's opinion of them.

    Args:
        options: of the run.
        network: unused; there is no teacher to copy it.
        num_classes: C.
        fabric: averages the discriminator's gradient over processes.
    """

    def __init__(self, options: TrainConfig, network: SegmentationNetwork, num_classes: int, fabric: Fabric) -> None:
        super().__init__()
        self.adversary = Adversary(num_classes, threshold=options.s4gan_threshold)
        self.fabric = fabric

    def forward(self, batch: UnlabelledBatch) -> UnlabelledTerms:
        """One step's terms; afterwards the discriminator learns from the same predictions."""
        padding = torch.where(batch.valid, 0, IGNORE_INDEX)
        images, padding, _ = strong_augment(batch.images, padding, generator=batch.host)
        output = batch.student(images, batch.with_representation)
        logits = enlarge(output.logits, padding.shape[-2:])
        judged = batch.labelled, (images, logits, padding != IGNORE_INDEX), batch.device
        losses = self.adversary.student_losses(*judged)
        confidence, labels = logits.detach().float().softmax(dim=1).max(dim=1)
        labels = labels.masked_fill(padding == IGNORE_INDEX, IGNORE_INDEX)

        def learn(step: int) -> dict[str, Tensor]:
            mean = partial(self.fabric.all_reduce, reduce_op="mean")  # over processes
            return {"discriminator": self.adversary.learn(*judged, average=mean)}

        return UnlabelledTerms(losses, output, labels, confidence, learn)
