"""Draw book/_static/improving.png: one network's predictions of two scenes while it learns from 12 labels.

    python -m reco_book.draw_improving

Trains the defaults of `TrainConfig` once, ReCo + ClassMix from random weights, some minutes on two cores.
"""

import torch
from matplotlib import rc_context

from reco_book import ROOT
from reco_book.figures.style import RC
from reco_book.figures.training import improving
from reco_core.cli.training import Progress
from reco_core.config import DataConfig, TrainConfig
from reco_core.evaluation import predict
from reco_core.runs.session import Session
from reco_core.trainers import Trainer

PICTURE = ROOT / "book" / "_static" / "improving.png"
SCENES = (0, 3)
STEPS = (100, 300, 1000, 3000)


class Snapshots(Progress):
    """A progress bar that keeps what the network says of some scenes at the steps of `STEPS`."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.kept: dict[int, list[torch.Tensor]] = {}

    def on_scores(self, step: int, scores) -> None:
        """Keep a snapshot."""
        super().on_scores(step, scores)
        if step in STEPS:
            network, training = trainer.network, trainer.network.training
            images = torch.stack([session.val[index][0] for index in SCENES])
            self.kept[step] = list(predict(network.eval(), images))
            network.train(training)


options = TrainConfig(eval_every=100, data=DataConfig(test_split=None))
keeper = Snapshots(options.optimisation.iterations)
trainer = Trainer(options)
session = Session(trainer, reporter=keeper)
session.run()
images, truths = zip(*(session.val[index] for index in SCENES), strict=True)
with rc_context(RC):
    figure = improving(images, truths, keeper.kept, session.val.classes, session.val.palette)
    figure.savefig(PICTURE, dpi=160, metadata={"Software": None})
print(PICTURE)
