"""Run by `torchrun` with two processes, or alone with one: what each case ends in, for the tests to compare."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from shared import TinyScenes

from reco_core.augment import enlarge
from reco_core.config import DataConfig, ModelConfig, OptimisationConfig, ReCoConfig, TrainConfig
from reco_core.evaluation import evaluate
from reco_core.trainers import Trainer, make_fabric

folder, devices = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
options = TrainConfig(
    method="reco+classmix",
    data=DataConfig(dataset="tiny", crop=(32, 32), scale=(1.0, 1.0), num_labelled=4),
    model=ModelConfig(backbone="mobilenet_v2_035", representation_dim=16, width=16),
    optimisation=OptimisationConfig(iterations=4, batch_size=4 // devices, learning_rate=0.05),
    reco=ReCoConfig(num_queries=16, num_keys=16),
    weak_threshold=0.0,
    eval_every=2,
    log_every=2,
    checkpoint_every=2,
    accelerator="cpu",
    devices=devices,
)
data = TinyScenes(length=7)  # an odd number: two processes have shares of different size
fabric = make_fabric(options)


def trainer(method: str, name: str | None = None) -> Trainer:
    place = folder / f"{name}{devices}" if name else None
    return Trainer(replace(options, method=method), place, train=data, val=data, test=data, fabric=fabric)


def evaluation() -> dict:
    return {"confusion": evaluate(trainer("supervised").network, data, fabric=fabric).confusion.tolist()}


def gradient() -> dict:
    run = trainer("supervised")
    for module in run.student.modules():  # batch statistics are each process's own: without them
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    (images, labels), _ = next(run._batches(range(1)))
    logits = enlarge(run.student(images, False).logits, labels.shape[-2:])
    fabric.backward(torch.nn.functional.cross_entropy(logits, labels))
    parts = [p.grad.flatten() for p in run.student.module.parameters() if p.grad is not None]
    return {"gradient": torch.cat(parts).double().tolist()}


def no_class() -> dict:
    run = trainer("reco+supervised")
    run.student.train()
    for _ in range(2):
        (images, labels), _ = next(run._batches(range(1)))
        if fabric.global_rank == 1:
            labels = torch.full_like(labels, 255)
        losses = run.training_step((images, labels), None)
    weights = torch.cat([p.detach().double().flatten() for p in run.student.module.parameters()])
    finite = all(value.isfinite().item() for value in losses.values())
    return {"finite": finite, "reco": losses["reco"].item(), "weights": weights.sum().item()}


def keys_of_the_others() -> dict:
    """Each process sees one class alone: without the other's pixels there is nothing to contrast with."""
    found = {}
    for shared in (False, True):
        changed = replace(options, method="reco+supervised", cross_process_keys=shared)
        run = Trainer(changed, train=data, val=data, test=data, fabric=fabric)
        (images, labels), _ = next(run._batches(range(1)))
        output = run.student(images)
        regions = [(output, torch.full_like(labels, fabric.global_rank))]
        found[str(shared)] = run.regional_contrast(regions, torch.Generator().manual_seed(0)).item()
    return found


def whole_run(method: str) -> dict:
    run = trainer(method, method)
    record = run.fit()
    weights = torch.cat([p.detach().double().flatten() for p in run.student.module.parameters()])
    return {"miou": record["test"]["last"]["miou"], "history": record["history"], "weights": weights.sum().item()}


result = {"evaluation": evaluation(), "gradient": gradient()}
if devices > 1:
    result |= {
        "no_class": no_class(),
        "others": keys_of_the_others(),
        "whole_run": whole_run("reco+classmix"),
        "s4gan": whole_run("reco+s4gan"),
    }
(folder / f"{devices}-{fabric.global_rank}.json").write_text(json.dumps(result))
