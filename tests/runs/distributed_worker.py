"""Run by `torchrun` with two processes, or alone with one: what each case ends in, for the tests to compare."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from shared import TinyScenes, tiny_options

from reco_core.augment import enlarge
from reco_core.evaluation import evaluate
from reco_core.runs.session import Session
from reco_core.trainers import Trainer, make_fabric

folder, devices = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
options = tiny_options(num_labelled=4, iterations=4, batch_size=4 // devices, eval_every=2, devices=devices)
data = TinyScenes(length=7)  # an odd number: two processes have shares of different size
fabric = make_fabric(options)


def trainer(method: str, **changes: Any) -> Trainer:
    return Trainer(replace(options, method=method, **changes), data, fabric=fabric)


def checksum(run: Trainer) -> float:
    """Of the student's parameters."""
    return sum(parameter.detach().double().sum().item() for parameter in run.student.module.parameters())


def evaluation() -> dict:
    return {"confusion": evaluate(trainer("supervised").network, data, fabric=fabric).confusion.tolist()}


def gradient() -> dict:
    run = trainer("supervised")
    for module in run.student.modules():  # batch statistics are each process's own: without them
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    (images, labels), _ = next(run.batches(range(1)))
    logits = enlarge(run.student(images, False).logits, labels.shape[-2:])
    fabric.backward(torch.nn.functional.cross_entropy(logits, labels))
    parts = [p.grad.flatten() for p in run.student.module.parameters() if p.grad is not None]
    return {"gradient": torch.cat(parts).double().tolist()}


def no_class() -> dict:
    run = trainer("reco+supervised")
    run.student.train()
    for _ in range(2):
        (images, labels), _ = next(run.batches(range(1)))
        if fabric.global_rank == 1:
            labels = torch.full_like(labels, 255)
        losses = run.training_step((images, labels), None)
    finite = all(value.isfinite().item() for value in losses.values())
    return {"finite": finite, "reco": losses["reco"].item(), "weights": checksum(run)}


def whole_run(method: str) -> dict:
    run = trainer(method)
    record = Session(run, folder / f"{method}{devices}", val=data, test=data).run()
    return {"miou": record.miou(), "history": record.history, "weights": checksum(run)}


result = {"evaluation": evaluation(), "gradient": gradient()}
if devices > 1:
    result |= {
        "no_class": no_class(),
        "whole_run": whole_run("reco+classmix"),
        "s4gan": whole_run("reco+s4gan"),
    }
(folder / f"{devices}-{fabric.global_rank}.json").write_text(json.dumps(result))
