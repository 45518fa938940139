"""A mean teacher with a way of mixing: plain mean teacher, CutOut, CutMix, ClassMix (Section 3.3)."""

from lightning_fabric import Fabric
from torch import Tensor, nn

from reco_core.augment import enlarge, strong_augment
from reco_core.config import TrainConfig
from reco_core.losses import unsupervised_cross_entropy
from reco_core.methods.base import UnlabelledBatch, UnlabelledTerms
from reco_core.mixing import MIXINGS
from reco_core.models import SegmentationNetwork
from reco_core.teacher import MeanTeacher


class Teaching(nn.Module):
    """The teacher's labels, mixed, then learnt through strong augmentation.

    Args:
        options: of the run; its method names the mixing.
        network: the student, of which the teacher starts as a copy.
        num_classes: C.
        fabric: for its precision.
    """

    def __init__(self, options: TrainConfig, network: SegmentationNetwork, num_classes: int, fabric: Fabric) -> None:
        super().__init__()
        self.teacher = MeanTeacher(network, options.teacher_decay, options.teacher_batch_norm, options.teacher_ramp)
        self.mix = MIXINGS[options.base_method]
        self.strong_threshold, self.eta, self.fabric = options.reco.strong_threshold, options.eta, fabric

    def forward(self, batch: UnlabelledBatch) -> UnlabelledTerms:
        """One step's terms; afterwards the teacher follows the student (:eq:`eq-ema`)."""
        with self.fabric.autocast():
            pseudo, confidence = self.teacher.label(batch.images, batch.valid)
        mixed = self.mix(batch.images, pseudo, confidence, generator=batch.device)
        images, pseudo, confidence = strong_augment(*mixed, generator=batch.host)
        output = batch.student(images, batch.with_representation)
        logits = enlarge(output.logits, pseudo.shape[-2:])
        loss = unsupervised_cross_entropy(logits, pseudo, confidence, self.strong_threshold, self.eta)

        def follow(step: int) -> dict[str, Tensor]:
            self.teacher.update(batch.student.module, step)
            return {}

        return UnlabelledTerms({"unsupervised": loss}, output, pseudo, confidence, follow)
